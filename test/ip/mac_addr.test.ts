/** MacAddr: what it reads and refuses, its bytes, its predicates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { AddressError, MacAddr } from "../../src/ip/index.ts";

const ACCEPTED: readonly [text: string, bytes: readonly number[]][] = [
  ["00:00:00:00:00:00", [0, 0, 0, 0, 0, 0]],
  ["02:00:5e:10:00:01", [2, 0, 0x5e, 0x10, 0, 1]],
  ["FF:FF:FF:FF:FF:FF", [255, 255, 255, 255, 255, 255]],
  ["01-80-c2-00-00-0E", [1, 0x80, 0xc2, 0, 0, 14]],
];

for (const [text, bytes] of ACCEPTED) {
  test(`parse ${text}`, () => {
    const addr = MacAddr.parse(text);
    assert.deepEqual([...addr.toBytes()], bytes);
    assert.equal(addr.toString(), text.toLowerCase().replaceAll("-", ":"));
    assert.ok(MacAddr.fromBytes(Uint8Array.from(bytes)).equals(addr));
    assert.equal(inspect(addr), `MacAddr(${addr})`);
    assert.equal(JSON.stringify(addr), `"${addr}"`);
  });
}

const REFUSED: readonly [why: string, text: string, reason: string][] = [
  ["nothing", "", "it is empty"],
  ["five bytes", "02:00:5e:10:00", "it has 5 parts"],
  ["seven bytes", "02:00:5e:10:00:01:02", "it has 7 parts"],
  ["no separators", "02005e100001", "it has 1 part"],
  ["one digit", "2:00:5e:10:00:01", "byte 1 does not have two digits"],
  ["three digits", "02:00:5e:010:00:01", "byte 4 does not have two digits"],
  ["both separators", "02:00-5e:10:00:01", "it mixes colons and hyphens"],
  ["a letter", "02:00:5g:10:00:01", 'it has "g" at position 8'],
  ["a newline", "02:00:5e:10:00:01\n", 'it has "\\n" at position 18'],
];

for (const [why, text, reason] of REFUSED) {
  test(`refuse ${why}`, () => {
    assert.equal(MacAddr.tryParse(text), undefined);
    assert.throws(
      () => MacAddr.parse(text),
      (error) => error instanceof AddressError && error.reason === reason,
    );
  });
}

test("predicates and order", () => {
  assert.ok(MacAddr.BROADCAST.isBroadcast && MacAddr.BROADCAST.isMulticast && MacAddr.BROADCAST.isLocal);
  assert.ok(MacAddr.UNSPECIFIED.isUnspecified && !MacAddr.UNSPECIFIED.isMulticast);
  const group = MacAddr.parse("01:00:5e:00:00:01");
  assert.ok(group.isMulticast && !group.isLocal && !group.isBroadcast && !group.isUnspecified);
  const local = MacAddr.parse("02:00:00:00:00:01");
  assert.ok(local.isLocal && !local.isMulticast);
  assert.equal(group.compare(local), -1);
  assert.equal(local.compare(group), 1);
  assert.equal(local.compare(MacAddr.parse("02:00:00:00:00:02")), -1);
  assert.equal(local.compare(local), 0);
  assert.ok(!local.equals(group));
});

test("bytes are checked, and copied", () => {
  assert.throws(() => MacAddr.fromBytes(new Uint8Array(5)), RangeError);
  assert.throws(() => MacAddr.fromBytes("02:00:00:00:00:01" as never), TypeError);
  assert.throws(() => MacAddr.parse(7 as never), TypeError);
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const addr = MacAddr.fromBytes(bytes);
  bytes[0] = 9;
  assert.equal(addr.toString(), "01:02:03:04:05:06");
});
