/** What every header codec has to hold: no other error than WireError, no read past the end, bytes that come back. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import { toHex } from "../../src/bytes/index.ts";
import { type TreeNode, WireError } from "../../src/wire/index.ts";

/** A decoded header, as far as all are alike. */
export interface AnyPdu {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
  readonly protocol: string;
  readonly headerLength: number;
  readonly payload: Uint8Array;
  readonly header: Uint8Array;
  toObject(): object;
  toString(): string;
  tree(): TreeNode;
}

/** A codec: `encode` takes what `toObject` gives. */
export interface Codec {
  readonly decode: (bytes: Uint8Array, start?: number, end?: number, wireEnd?: number) => AnyPdu;
  readonly encode: (fields: never) => Uint8Array;
}

function checkNode(node: TreeNode, end: number, path: string): void {
  const here = `${path}/${node.name}`;
  assert.ok(node.name !== "" && node.label !== "", here);
  assert.equal(typeof node.text, "string", here);
  assert.doesNotMatch(node.text, /undefined|NaN|\[object/, here);
  assert.ok(Number.isInteger(node.offset) && node.offset >= 0, here);
  assert.ok(node.lengthBytes >= 0 && node.offset + node.lengthBytes <= end, `${here} goes past the end`);
  for (const child of node.children ?? []) checkNode(child, end, here);
}

/** The getters of its class and of those above it. */
function getters(pdu: object): string[] {
  const names: string[] = [];
  for (let it = Object.getPrototypeOf(pdu); it && it !== Object.prototype; it = Object.getPrototypeOf(it)) {
    const all = Object.entries(Object.getOwnPropertyDescriptors(it));
    names.push(...all.filter(([, { get }]) => get).map(([name]) => name));
  }
  return names;
}

/** Asks a decoded header for all that it can tell: nothing may throw, and nothing may lie outside of its bytes. */
export function askEverything(pdu: AnyPdu): void {
  for (const name of getters(pdu)) {
    const value = (pdu as unknown as Record<string, unknown>)[name];
    if (!(value instanceof Uint8Array) || value === pdu.bytes) continue;
    assert.equal(value.buffer, pdu.bytes.buffer, `${pdu.protocol}.${name} is a copy`);
    assert.ok(value.byteOffset + value.length <= pdu.bytes.byteOffset + pdu.end, `${name} goes past the end`);
  }
  assert.ok(pdu.offset + pdu.headerLength <= pdu.end, "the header goes past the end");
  assert.equal(pdu.header.length + pdu.payload.length, pdu.end - pdu.offset);
  assert.doesNotMatch(pdu.toString(), /undefined|NaN|\[object|\n/);
  checkNode(pdu.tree(), pdu.bytes.length, "");
  assert.ok(inspect(pdu).length > 0);
  assert.ok(JSON.stringify(pdu).length > 0);
}

/** Decodes, or gives undefined for a WireError whose offset is within reason. Anything else comes through. */
export function tryDecode(
  codec: Codec,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): AnyPdu | undefined {
  try {
    return codec.decode(bytes, start, end);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    assert.ok(error.offset >= start && error.offset <= end, `${error.message} is not within the bytes`);
    return undefined;
  }
}

/** What `toObject` gives makes the same bytes again. */
export function checkIdentity(codec: Codec, pdu: AnyPdu): void {
  const fields = pdu.toObject() as never;
  assert.equal(toHex(codec.encode(fields)), toHex(pdu.bytes.subarray(pdu.offset, pdu.end)), inspect(fields));
}

/** Bytes in a longer buffer, so that a read past their end would see others. */
function within(bytes: Uint8Array): readonly [buffer: Uint8Array, start: number, end: number] {
  const buffer = new Uint8Array(bytes.length + 16).fill(0xa5);
  buffer.set(bytes, 7);
  return [buffer, 7, 7 + bytes.length];
}

/** Random bytes, and valid packets with some bytes changed and some cut off. */
export function hostile(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 4 });
  const mutated = fc.tuple(fc.constantFrom(...valid), changes, fc.nat(40)).map(([bytes, list, cut]) => {
    const copy = bytes.slice(0, Math.max(0, bytes.length - (cut > 20 ? 0 : cut)));
    for (const [at, value] of list) if (at < copy.length) copy[at] = value;
    return copy;
  });
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 120 }) },
    { weight: 3, arbitrary: mutated },
  );
}

/** Random and changed bytes throw only WireErrors; what is read can be asked for everything, and comes back. */
export function checkHostile(codec: Codec, valid: readonly Uint8Array[], numRuns = 3000): void {
  let decoded = 0;
  const property = fc.property(hostile(valid), (bytes) => {
    const pdu = tryDecode(codec, ...within(bytes));
    if (!pdu) return;
    decoded++;
    askEverything(pdu);
    checkIdentity(codec, pdu);
  });
  fc.assert(property, { numRuns });
  assert.ok(
    decoded > numRuns / 20,
    `only ${decoded} of ${numRuns} were decoded: the inputs are too wild to show anything`,
  );
}

/** Valid packets, cut at every length, with and without word of how long they were: a WireError, or less payload. */
export function checkCuts(codec: Codec, valid: readonly Uint8Array[]): void {
  for (const bytes of valid) {
    const whole = codec.decode(bytes);
    askEverything(whole);
    checkIdentity(codec, whole);
    for (let length = 0; length < bytes.length; length++) {
      const [buffer, start, end] = within(bytes.subarray(0, length));
      const cut = tryDecode(codec, buffer, start, end);
      if (cut) askEverything(cut);
      if (length < whole.headerLength) continue;
      const known = codec.decode(buffer, start, end, start + bytes.length);
      askEverything(known);
      assert.equal(known.headerLength, whole.headerLength);
      assert.equal(toHex(known.payload), toHex(whole.payload.subarray(0, length - whole.headerLength)));
    }
  }
}

/** Asserts that decoding fails so, and where. */
export function refuses(decode: () => unknown, code: string, offset: number): void {
  assert.throws(decode, (error: unknown) => {
    assert.ok(error instanceof WireError, String(error));
    assert.deepEqual([error.code, error.offset], [code, offset], error.message);
    return true;
  });
}
