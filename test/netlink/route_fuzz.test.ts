/** The tables' decoders on messages of this kernel with wrong bits and lengths: WireError, or a value; nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WireError } from "../../src/bytes/index.ts";
import { type Message, NetlinkSocket } from "../../src/netlink/index.ts";
import { decodeRoute } from "../../src/netlink/route/_route_codec.ts";
import { decodeAddress } from "../../src/netlink/route/address.ts";
import { decodeLink } from "../../src/netlink/route/link.ts";
import { decodeNeighbor } from "../../src/netlink/route/neighbor.ts";
import { decodeRule } from "../../src/netlink/route/rule.ts";

const TABLES: [
  name: string,
  get: number,
  header: number,
  decode: (message: Message) => object | undefined,
][] = [
  ["links", 18, 16, (it) => decodeLink(it, true)],
  ["addresses", 22, 8, decodeAddress],
  ["routes", 26, 12, decodeRoute],
  ["neighbours", 30, 12, decodeNeighbor],
  ["rules", 34, 12, decodeRule],
];

/** xorshift32: the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

for (const [name, type, headerLength, decode] of TABLES) {
  test(`${name}: wrong bits and lengths`, async (t) => {
    using nl = NetlinkSocket.open("route", { strict: false });
    const payload = new Uint8Array(headerLength);
    const samples = await nl.dump({ type, payload }, (it) => ({
      ...it,
      bytes: it.bytes.slice(it.start, it.end),
    }));
    if (samples.length === 0) return t.skip("this machine has none");
    const next = random(type * 7919);
    let [decoded, refused] = [0, 0];
    for (let round = 0; round < 40_000; round++) {
      const sample = samples[next() % samples.length] as Message;
      const bytes = sample.bytes.slice();
      for (let count = next() % 4; count > 0; count--) bytes[next() % bytes.length] = next();
      const end = round % 4 === 0 ? next() % (bytes.length + 1) : bytes.length;
      try {
        decode({ ...sample, bytes, start: 0, end });
        decoded++;
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        refused++;
      }
    }
    assert.ok(decoded > 1000 && refused > 100, `${decoded} decoded, ${refused} refused`);
    for (const sample of samples) {
      for (let end = 0; end <= sample.bytes.length; end++) {
        try {
          decode({ ...sample, start: 0, end });
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
      }
    }
  });
}
