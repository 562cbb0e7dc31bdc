/** Groups of packet sockets that share the packets (PACKET_FANOUT). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  type FanoutOptions,
  PACKET,
  type PacketSocket,
  SO,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { isolated, sysError, until } from "./_helpers.ts";
import { EXPERIMENT, link, numberOf, onlyType } from "./_packet.ts";

const NETNS = { netns: "ip link set lo up" };
const ONLY = onlyType(EXPERIMENT);

/** The numbers of the frames that are there now. */
function drain(socket: PacketSocket): number[] {
  const numbers: number[] = [];
  for (;;) {
    const got = socket.tryRecvFrom();
    if (got === WOULD_BLOCK) return numbers;
    numbers.push(numberOf(got.data));
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

isolated(import.meta.url, "lb: in turn, and together all of them", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  const members = upTo(3).map(() => openFar({ filter: ONLY, fanout: { group: 7, mode: "lb" } }));
  using alone = openFar({ filter: ONLY });
  for (const i of upTo(99)) await near.send(wire.frame(i));
  const shares = members.map(drain);
  assert.deepEqual(sorted(shares.flat()), upTo(99));
  assert.deepEqual(drain(alone), upTo(99), "who is in no group gets all");
  assert.deepEqual(
    shares.map((share) => share.length),
    [33, 33, 33],
  );
  assert.deepEqual(members[0]?.getOption(PACKET.FANOUT), { group: 7, mode: "lb", flags: [] });
  members[1]?.close();
  for (const i of upTo(20)) await near.send(wire.frame(i));
  assert.deepEqual(sorted([members[0], members[2]].flatMap((it) => drain(it as PacketSocket))), upTo(20));
  for (const member of members) member.close();
});

isolated(import.meta.url, "hash: a flow stays with one socket, and together all of them", NETNS, async () => {
  const { openFar, near, far } = link();
  const members = upTo(4).map(() => openFar({ protocol: "ipv4", fanout: { group: 1, flags: ["defrag"] } }));
  using receiver = far.in(() => UdpSocket.bind("192.0.2.2:0"));
  const flows = upTo(40).map(() => near.in(() => UdpSocket.bind("192.0.2.1:0")));
  for (const [flow, sender] of flows.entries()) {
    for (const i of upTo(5)) await sender.sendTo(Uint8Array.of(flow, i), receiver.localAddr);
  }
  await sendFragments(flows[0] as UdpSocket, receiver);
  const shares = members.map((member) => {
    const seen: [flow: number, i: number, length: number][] = [];
    for (let got = member.tryRecvFrom(); got !== WOULD_BLOCK; got = member.tryRecvFrom()) {
      const payload = got.data.subarray(14 + 20 + 8);
      seen.push([payload[0] as number, payload[1] as number, payload.length]);
    }
    return seen;
  });
  const all = shares.flat();
  assert.equal(all.filter(([, , length]) => length === 2).length, 200);
  assert.equal(all.filter(([, , length]) => length === 4000).length, 1, "put together from fragments");
  for (const flow of upTo(40)) {
    const homes = shares.filter((share) => share.some(([its]) => its === flow));
    assert.equal(homes.length, 1, `flow ${flow} went to ${homes.length} sockets`);
  }
  assert.ok(shares.filter((share) => share.length > 0).length > 1, "the flows were shared");
  for (const socket of [...members, ...flows]) socket.close();
});

async function sendFragments(sender: UdpSocket, receiver: UdpSocket): Promise<void> {
  await sender.sendTo(new Uint8Array(4000), receiver.localAddr);
}

/** `ldb [3]; ret a`: the last byte of a frame's number says which socket. The program begins at the network header. */
const BY_NUMBER = Uint8Array.of(0x30, 0, 0, 0, 3, 0, 0, 0, 0x16, 0, 0, 0, 0, 0, 0, 0);

isolated(import.meta.url, "cbpf: the program says which socket", NETNS, async () => {
  const { openNear, openFar, ...wire } = link();
  using near = openNear();
  const fanout: FanoutOptions = { group: 3, mode: "cbpf", program: BY_NUMBER };
  const members = upTo(3).map(() => openFar({ filter: ONLY, fanout }));
  for (const i of upTo(30)) await near.send(wire.frame(i));
  for (const [at, member] of members.entries()) {
    assert.deepEqual(
      drain(member),
      upTo(30).filter((i) => i % 3 === at),
    );
    member.close();
  }
});

isolated(
  import.meta.url,
  "a group without a number is a new one; others join by its number",
  NETNS,
  async () => {
    const { openFar } = link();
    using first = openFar({ fanout: { mode: "rnd" } });
    using second = openFar({ fanout: { mode: "rnd" } });
    const { group } = first.getOption(PACKET.FANOUT);
    assert.notEqual(second.getOption(PACKET.FANOUT).group, group);
    using third = openFar({ fanout: { group, mode: "rnd" } });
    assert.equal(third.getOption(PACKET.FANOUT).group, group);
    const refused: [options: Parameters<typeof openFar>[0], why: RegExp][] = [
      [{ fanout: { group, mode: "hash" } }, /one device, one protocol and one mode/],
      [{ fanout: { group, mode: "rnd" }, protocol: "ipv4" }, /one device, one protocol and one mode/],
      [{ fanout: { group, mode: "rnd" }, protocol: 0 }, /a socket of protocol 0 cannot join one/],
    ];
    for (const [options, why] of refused) {
      assert.throws(
        () => openFar(options),
        (error) => sysError("EINVAL", "setsockopt")(error) && why.test(String(error)),
      );
    }
  },
);

isolated(
  import.meta.url,
  "rollover: what a full socket has no room for goes to the next",
  NETNS,
  async () => {
    const { openNear, openFar, ...wire } = link();
    using near = openNear();
    const options = { filter: ONLY, options: [SO.RCVBUF.to(4096)] };
    const members = upTo(2).map(() => openFar({ ...options, fanout: { group: 9, mode: "rollover" } }));
    for (const i of upTo(8)) await near.send(wire.frame(i));
    const [first, second] = members as [PacketSocket, PacketSocket];
    const shares = [drain(first), drain(second)];
    assert.ok((shares[1]?.length ?? 0) > 0, "the second got what the first had no room for");
    const moved = first.getOption(PACKET.ROLLOVER_STATS).all;
    assert.ok(moved > 0n, `${moved} moved`);
    for (const member of members) member.close();
  },
);

isolated(import.meta.url, "who joins while packets come gets none that another has got", NETNS, async () => {
  const { openFar, ...wire } = link();
  const frame = Buffer.from(wire.frame(0)).toString("hex");
  const flood = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", FLOOD], {
    cwd: new URL("../..", import.meta.url).pathname,
    env: { ...process.env, FRAME: frame },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(flood.stdout, "data");
  try {
    const room = { filter: ONLY, options: [SO.RCVBUFFORCE.to(2 ** 24)] };
    let members: PacketSocket[] = [];
    for (const round of upTo(15)) {
      members = upTo(3).map(() => openFar({ ...room, fanout: { group: round, mode: "lb" } }));
      await until(() => members.every((it) => it.statistics().packets > 0));
      for (const member of members) member.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0)); // that is enough
      const numbers = members.flatMap(drain);
      assert.equal(new Set(numbers).size, numbers.length, "a packet came to two sockets");
      for (const member of members) member.close();
    }
  } finally {
    flood.kill("SIGKILL");
  }
});

const FLOOD = `
import { PacketSocket } from "./src/index.ts";
const socket = PacketSocket.open({ device: "near0", protocol: 0 });
const frame = Buffer.from(process.env.FRAME, "hex");
for (let n = 0; ; n++) {
  frame.writeUInt32BE(n, 14);
  socket.trySend(frame);
  if (n === 1000) process.stdout.write("running\\n");
  if (n % 200 === 0) await new Promise(setImmediate);
}
`;
