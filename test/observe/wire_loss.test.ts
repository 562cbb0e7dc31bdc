/** Every quantity against packets that get lost on their way: a router between two hosts drops some, and each host's own packets are looked at. */
import assert from "node:assert/strict";
import { TCP, TcpListener, TcpStream, UdpSocket } from "../../src/index.ts";
import { Observer } from "../../src/observe/index.ts";
import { noNft, rules } from "../probe/_chain.ts";
import { isolated, noIpv6, random } from "../socket/_helpers.ts";
import { noTshark } from "../socket/_packet.ts";
import { routed } from "../socket/_wires.ts";
import { assertAsOnTheWire } from "./_compare.ts";
import { ONE_CORE, Sampling, Seen } from "./_run.ts";
import { accountOf, Capture } from "./_wire_account.ts";

/** Of the segments with data: every 23rd, and three in a row at times. Of the others: every 17th. */
const LOSS = [
  "meta l4proto tcp tcp flags syn accept",
  "meta l4proto tcp meta length > 100 numgen inc mod 23 == 7 drop",
  "meta l4proto tcp meta length > 100 numgen inc mod 211 < 3 drop",
  "meta l4proto tcp meta length <= 100 numgen inc mod 17 == 5 drop",
];

/** Through both devices. */
async function sendMark(mark: Uint8Array): Promise<void> {
  using udp = UdpSocket.bind("0.0.0.0:0");
  await udp.sendTo(mark, "198.51.100.2:9");
}

async function run(address: string): Promise<void> {
  const { near, router, far } = routed();
  // One packet for each segment: a router does not tell how many segments a larger one is made of.
  near.sh("ip link set near0 gso_max_segs 1");
  far.sh("ip link set far0 gso_max_segs 1");
  rules(router, "forward", ...LOSS);
  const captures = [await Capture.start("near0"), await Capture.start("far0", (body) => far.in(body))];
  using listener = far.in(() => TcpListener.bind(address));
  const [client, server] = await Promise.all([TcpStream.connect(listener.localAddr), listener.accept()]);
  listener.close();
  for (const stream of [client, server]) stream.setOption(TCP.CONGESTION, "reno");
  const { port } = listener.localAddr;
  using streams = Observer.open([client, server]);
  using nearBy = Observer.open({ port });
  using farBy = far.in(() => Observer.open({ port }));
  const ends = [new Seen(client), new Seen(server)];
  const sampling = new Sampling(streams, [nearBy, farBy], ends);

  const pick = random(3);
  const piece = new Uint8Array(1 << 16);
  const send = async (from: TcpStream, total: number): Promise<void> => {
    for (let left = total; left > 0; ) {
      const size = Math.min(left, 1 + pick(20_000));
      await from.writeAll(piece.subarray(0, size));
      left -= size;
      if (pick(6) === 0) await sampling.more(1);
    }
  };
  const receive = async (to: TcpStream, total: number): Promise<void> => {
    const buffer = new Uint8Array(1 << 16);
    for (let left = total; left > 0; )
      left -= await to.read(buffer.subarray(0, Math.min(left, 1 + pick(9_000))));
  };
  await Promise.all([
    send(client, 600_000),
    receive(server, 600_000),
    send(server, 250_000),
    receive(client, 250_000),
  ]);
  await sampling.more(3);
  router.sh("nft flush ruleset");
  const quiet = ({ own }: Seen): boolean => own.at(-1)?.end?.waiting === "nothing-to-send";
  while (!ends.every(quiet)) await sampling.more(1);
  client.shutdown("write");
  assert.equal(await server.read(piece), 0);
  await sampling.more(3);
  await sampling.end();
  client.close();
  server.close();

  const [nearPackets = [], farPackets = []] = [
    await captures[0]?.packets(port, sendMark),
    await captures[1]?.packets(port, sendMark),
  ];
  for (const [index, { port: own, own: ownSamples, foreign }] of ends.entries()) {
    const moments = accountOf(index === 0 ? nearPackets : farPackets, own);
    for (const [view, taken] of Object.entries({ own: ownSamples, foreign })) {
      const { values, exact } = assertAsOnTheWire(`${index} ${view}`, taken, moments);
      assert.ok(exact > values / 3 && exact > 100, `${exact} of ${values} say something`);
    }
    const last = foreign.at(-1)?.end;
    const told = [last?.retransmittedSegments, last?.retransmittedBytes, last?.outOfOrderPackets];
    assert.ok(
      told.every((count) => (count ?? 0) > 0),
      told.join(),
    );
  }
}

isolated(
  import.meta.url,
  "with losses both ways",
  { netns: "true", shell: ONE_CORE, skip: noTshark || noNft, limitMs: 60_000 },
  () => run("198.51.100.2:0"),
);

isolated(
  import.meta.url,
  "with losses both ways, over IPv6",
  { netns: "true", shell: ONE_CORE, skip: noTshark || noNft || noIpv6, limitMs: 60_000 },
  () => run("[2001:db8:1::2]:0"),
);
