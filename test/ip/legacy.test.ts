/** inetAton beside the `inet_aton` of the C library, which Python calls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inetAton } from "../../src/ip/index.ts";
import { needsPython, runPython } from "./_python.ts";
import { Random } from "./_random.ts";

const CASES: readonly [text: string, addr: string | undefined][] = [
  ["127.0.0.1", "127.0.0.1"],
  ["127.1", "127.0.0.1"],
  ["127.0.1", "127.0.0.1"],
  ["2130706433", "127.0.0.1"],
  ["0x7f000001", "127.0.0.1"],
  ["0X7F.1", "127.0.0.1"],
  ["0177.0.0.01", "127.0.0.1"],
  ["010.0.0.1", "8.0.0.1"],
  ["1.65535", "1.0.255.255"],
  ["1.2.65535", "1.2.255.255"],
  ["1.16777215", "1.255.255.255"],
  ["4294967295", "255.255.255.255"],
  ["037777777777", "255.255.255.255"],
  ["00", "0.0.0.0"],
  ["1.2.3.4 garbage", "1.2.3.4"],
  ["1.2.3.4\n", "1.2.3.4"],
  ["1.2.3.4\v::", "1.2.3.4"],
  ["4294967296", undefined],
  ["99999999999999999999999", undefined],
  ["1.16777216", undefined],
  ["1.2.65536", undefined],
  ["1.2.3.256", undefined],
  ["256.1", undefined],
  ["1.2.3.4.5", undefined],
  ["1.2.3.4.", undefined],
  ["1.2.3.", undefined],
  ["1..2", undefined],
  ["", undefined],
  [" 1.2.3.4", undefined],
  ["1.2.3.4x", undefined],
  ["1.2.3.4\u00a0", undefined],
  ["08.0.0.1", undefined],
  ["0x", undefined],
  ["0x.1", undefined],
  ["1.2.3.4\0", undefined],
  ["1.2.3.4 \0", undefined],
  ["+1", undefined],
  ["-1", undefined],
  ["0b1", undefined],
  ["0o17", undefined],
  ["1e3", undefined],
  ["1_0", undefined],
  ["١", undefined],
];

for (const [text, addr] of CASES) {
  test(`inet_aton ${JSON.stringify(text)}`, () => assert.equal(inetAton(text)?.toString(), addr));
}

test("inetAton takes strings only", () => {
  assert.throws(() => inetAton(2130706433 as never), TypeError);
});

test("60 000 texts, as the C library's inet_aton has them", needsPython, () => {
  const random = new Random(3493);
  const number = (): string => {
    const value = random.pick([
      random.below(300),
      random.below(70_000),
      random.u32(),
      random.u32() * random.below(9),
    ]);
    const form = random.pick([10, 10, 8, 16]);
    const digits = value.toString(form);
    if (form === 8) return `0${random.pick(["", "0"])}${digits}${random.pick(["", "", "8"])}`;
    if (form === 16) return `0${random.pick(["x", "X"])}${random.pick(["", "0"])}${digits.toUpperCase()}`;
    return digits;
  };
  const tails = ["", "", "", "", " ", "\n", "\t9", "\f", "\v", "\r\n", " .1", ".", "x", "\0", "\u00a0", "é"];
  const texts = random.times(60_000, () => {
    const count = 1 + random.below(5);
    const plain = random.below(2) === 0;
    const parts = random.times(count, (i) => (plain && i < count - 1 ? String(random.below(257)) : number()));
    return parts.join(".") + random.pick(tails);
  });
  const script = `
import socket
def aton(t):
    try:
        return socket.inet_ntoa(socket.inet_aton(t))
    except (OSError, ValueError):
        return None
result = [aton(t) for t in data]`;
  const theirs = runPython(script, texts) as (string | null)[];
  texts.forEach((text, i) => {
    assert.equal(inetAton(text)?.toString() ?? null, theirs[i], JSON.stringify(text));
  });
  const accepted = theirs.filter((addr) => addr !== null).length;
  assert.ok(accepted > 5000, `${accepted} accepted`);
});
