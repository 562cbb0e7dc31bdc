/**
 * The library and the command line against other people's sockets, in both directions and both roles, byte for byte.
 * One peer gets 1 GiB each way; with WINDSOCK_BIG=1 in the environment all do.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { noIpv6 } from "../cli/_cli.ts";
import { COMMAND_LINE, converse, LIBRARY, PEERS, type Player } from "./_ends.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const SIZES: readonly [name: string, bytes: number][] = [
  ["1 B", 1],
  ["1 KiB + 1", KIB + 1],
  ["1 MiB", MIB],
  ["64 MiB", 64 * MIB],
];

async function assertArrives(
  listener: Player,
  connector: Player,
  sizes: { forth: number; back: number; host?: string },
): Promise<void> {
  const { forth, back } = await converse(listener, connector, sizes);
  assert.deepEqual(forth.received, forth.sent, "from who connects to who listens");
  assert.deepEqual(back.received, back.sent, "from who listens to who connects");
}

for (const ours of [LIBRARY, COMMAND_LINE]) {
  for (const peer of PEERS) {
    describe(`${ours.name} and ${peer.name}`, { skip: peer.skip }, () => {
      for (const [name, bytes] of SIZES) {
        const sizes = { forth: bytes, back: bytes };
        test(`they connect to us, ${name} each way`, () => assertArrives(ours, peer, sizes));
        test(`we connect to them, ${name} each way`, () => assertArrives(peer, ours, sizes));
      }
      test("nothing at all", async () => {
        await assertArrives(ours, peer, { forth: 0, back: 0 });
        await assertArrives(peer, ours, { forth: 0, back: 0 });
      });
      test("over IPv6, 1 MiB each way, in both roles", { skip: noIpv6 }, async () => {
        const sizes = { forth: MIB, back: MIB, host: "::1" };
        await assertArrives(ours, peer, sizes);
        await assertArrives(peer, ours, sizes);
      });
    });
  }
}

describe("the command line with itself and with the library", () => {
  for (const [listener, connector] of [
    [COMMAND_LINE, COMMAND_LINE],
    [LIBRARY, COMMAND_LINE],
    [COMMAND_LINE, LIBRARY],
  ] as const) {
    test(`${connector.name} connects to ${listener.name}, 64 MiB each way`, () =>
      assertArrives(listener, connector, { forth: 64 * MIB, back: 64 * MIB }));
  }
});

const BIG = process.env.WINDSOCK_BIG === "1";

describe("1 GiB", () => {
  for (const ours of BIG ? [LIBRARY, COMMAND_LINE] : [LIBRARY]) {
    for (const peer of BIG ? PEERS : PEERS.filter(({ name }) => name === "Python's socket")) {
      const { skip } = peer;
      test(`${ours.name} receives it from ${peer.name}`, { skip }, () =>
        assertArrives(ours, peer, { forth: GIB, back: 0 }),
      );
      test(`${ours.name} sends it to ${peer.name}`, { skip }, () =>
        assertArrives(peer, ours, { forth: GIB, back: 0 }),
      );
    }
  }
});
