/** UTF-8: Python's decoder as a second opinion on what is ill-formed, and where. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { decodeUtf8, EncodingError } from "../../src/socket/_utf8.ts";
import { noPython, random, test } from "./_helpers.ts";

const SCRIPT = `
import json, sys
def judge(h):
    try:
        return bytes.fromhex(h).decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
json.dump([judge(h) for h in json.load(sys.stdin)], sys.stdout)
`;

/** The bytes on both sides of every border of table 3-7, which random bytes seldom hit. */
const BORDERS = [
  0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
  0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
];

test("20 000 byte strings: the text, or the offset of the first error, is Python's", {
  skip: noPython,
}, () => {
  const below = random(3629);
  const inputs = Array.from({ length: 20_000 }, () =>
    Uint8Array.from({ length: below(8) }, () => BORDERS[below(BORDERS.length)] as number),
  );
  const hex = inputs.map((bytes) => Buffer.from(bytes).toString("hex"));
  const { stdout, status } = spawnSync("python3", ["-c", SCRIPT], {
    input: JSON.stringify(hex),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  assert.equal(status, 0);
  const expected = JSON.parse(stdout) as (string | number)[];
  const wellFormed = expected.filter((it) => typeof it === "string").length;
  assert.ok(wellFormed > 1000 && wellFormed < 19_000, "both kinds occur");
  inputs.forEach((bytes, i) => {
    let got: string | number;
    try {
      got = decodeUtf8(bytes);
    } catch (error) {
      if (!(error instanceof EncodingError)) throw error;
      got = error.offset;
    }
    assert.equal(got, expected[i], hex[i]);
  });
});
