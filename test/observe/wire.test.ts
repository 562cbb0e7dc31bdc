/** Every quantity against the packets of the connection and the program's own counts: reader that pauses, both directions, both families, FIN. */
import assert from "node:assert/strict";
import { TcpListener, TcpStream } from "../../src/index.ts";
import { Observer } from "../../src/observe/index.ts";
import { isolated, noIpv6, random, turns } from "../socket/_helpers.ts";
import { noTshark } from "../socket/_packet.ts";
import { assertAsOnTheWire } from "./_compare.ts";
import { ONE_CORE, Sampling, Seen } from "./_run.ts";
import { accountOf, Capture } from "./_wire_account.ts";

async function run(address: string): Promise<void> {
  const capture = await Capture.start("lo");
  using listener = TcpListener.bind(address);
  const { port } = listener.localAddr;
  const [client, server] = await Promise.all([TcpStream.connect(listener.localAddr), listener.accept()]);
  listener.close();
  using streams = Observer.open([client, server]);
  using byPort = Observer.open({ port });
  const ends = [new Seen(client), new Seen(server)];
  const sampling = new Sampling(streams, [byPort], ends);

  const pick = random(6);
  const piece = new Uint8Array(1 << 16);
  // The reader pauses: the window closes, and the send buffer fills.
  const total = 12_000_000;
  const writing = (async () => {
    for (let left = total; left > 0; ) {
      const size = Math.min(left, 1 + pick(piece.length));
      await client.writeAll(piece.subarray(0, size));
      left -= size;
      if (pick(8) === 0) await turns(1);
    }
  })();
  await sampling.more(10);
  // It reads slowly, in small pieces.
  let read = 0;
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 20; i++) read += await server.read(piece.subarray(0, 1 + pick(9000)));
    if (round % 4 === 0) await sampling.more(1);
  }
  // It stops, and goes on.
  await sampling.more(10);
  while (read < total) read += await server.read(piece);
  await writing;
  await sampling.more();
  // Both directions at once, in pieces of all sizes.
  const both = async (from: TcpStream, to: TcpStream): Promise<void> => {
    for (let round = 0; round < 30; round++) {
      const size = 1 + pick(40_000);
      await from.writeAll(piece.subarray(0, size));
      if (round % 6 === 0) await sampling.more(1);
      for (let got = 0; got < size; )
        got += await to.read(piece.subarray(0, Math.min(size - got, 1 + pick(30_000))));
    }
  };
  await Promise.all([both(client, server), both(server, client)]);
  await sampling.more();
  // One side ends while the other still has something to say; a FIN is not a byte.
  await client.writeAll(piece.subarray(0, 777));
  client.shutdown("write");
  await sampling.more();
  await server.readExact(piece.subarray(0, 700));
  await sampling.more();
  assert.equal(await server.read(piece), 77);
  await sampling.more();
  assert.equal(await server.read(piece), 0);
  await sampling.more();
  await server.writeAll(piece.subarray(0, 5000));
  await sampling.more();
  assert.equal(await client.read(piece), 5000);
  server.close();
  await sampling.more();
  assert.equal(await client.read(piece), 0);
  await sampling.more();
  await sampling.end();
  client.close();

  const packets = await capture.packets(port);
  const states: string[] = [];
  for (const { port, own, foreign } of ends) {
    const moments = accountOf(packets, port);
    for (const [view, taken] of Object.entries({ own, foreign })) {
      const { values, exact, states: seen } = assertAsOnTheWire(`${address} ${port} ${view}`, taken, moments);
      assert.ok(exact > values / 2 && exact > 500, `${exact} of ${values} say something`);
      states.push(...seen);
    }
    const rtts = packets.map(({ ackRtt }) => ackRtt).filter((rtt) => rtt !== undefined);
    for (const { end } of own) {
      if (end?.rttUs === undefined) continue;
      assert.ok(end.rttUs <= Math.max(...rtts) * 1e6 + 1000 && end.rttUs > 0, `${end.rttUs}`);
      assert.ok((end.minRttUs ?? 0) <= end.rttUs * 8, `${end.minRttUs} ${end.rttUs}`);
    }
  }
  const waits = ends[0]?.own.map(({ end }) => end?.waiting);
  assert.ok(waits?.includes("receiver-window") && waits.includes("nothing-to-send"), waits?.join());
  for (const state of ["established", "fin-wait-2", "close-wait"]) assert.ok(states.includes(state), state);
}

const skip = noTshark;
isolated(
  import.meta.url,
  "a reader that pauses, reads slowly, goes on; both directions; one side ends first",
  { netns: "ip link set lo up", shell: ONE_CORE, skip, limitMs: 60_000 },
  () => run("127.0.0.1:0"),
);

isolated(
  import.meta.url,
  "the same over IPv6, in segments of Ethernet's size",
  { netns: "ip link set lo mtu 1500 up", shell: ONE_CORE, skip: skip || noIpv6, limitMs: 60_000 },
  () => run("[::1]:0"),
);
