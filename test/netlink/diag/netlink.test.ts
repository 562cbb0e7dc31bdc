/** Netlink sockets of netlink_diag, against what made them, /proc/net/netlink and ss. */
import assert from "node:assert/strict";
import {
  DiagSocket,
  decodeNetlinkSocket,
  type NetlinkSocketInfo,
  socketOwners,
} from "../../../src/netlink/diag/index.ts";
import * as C from "../../../src/sys/index.ts";
import { missing } from "../../cli/_cli.ts";
import { isolated, test } from "../../socket/_helpers.ts";
import { attribute, FakeKernel, int32, join } from "../_fake_kernel.ts";
import {
  asNobody,
  assertHardened,
  byInode,
  cookieOf,
  Fds,
  inodeOf,
  int32s,
  notRoot,
  procNet,
  refuseAll,
  skmem,
  ss,
} from "./_families.ts";

const [AF_NETLINK, SOL_NETLINK] = [16, 270];
const [ROUTE, USERSOCK, KOBJECT_UEVENT, GENERIC] = [0, 2, 15, 16];
const [ADD_MEMBERSHIP, PKTINFO, BROADCAST_ERROR, NO_ENOBUFS, LISTEN_ALL_NSID, CAP_ACK] = [1, 3, 4, 5, 8, 10];

function address(port: number, groups = 0): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, port, true);
  view.setUint32(8, groups, true);
  return bytes;
}

function set(fd: number, option: number, value: number): void {
  C.check(C.setsockopt(fd, SOL_NETLINK, option, int32s(value)), "setsockopt");
}

/** Sockets in every state that there is. */
function zoo(fds: Fds) {
  const open = (protocol: number, port: number, groups = 0): number => {
    const fd = fds.open(AF_NETLINK, protocol === GENERIC ? C.SOCK_DGRAM : C.SOCK_RAW, protocol);
    C.check(C.bind(fd, address(port, groups)), "bind");
    return fd;
  };
  const monitor = open(ROUTE, 0, 0b1_0001);
  for (const group of [33, 36]) set(monitor, ADD_MEMBERSHIP, group);
  const flagged = open(GENERIC, 4_000_000_000);
  for (const option of [PKTINFO, BROADCAST_ERROR, NO_ENOBUFS, LISTEN_ALL_NSID, CAP_ACK])
    set(flagged, option, 1);
  const receiver = open(USERSOCK, 1234);
  const connected = open(USERSOCK, 1235);
  C.check(C.connect(connected, address(1234)), "connect");
  C.check(C.send(connected, new Uint8Array(500), 0), "send");
  const everybody = open(USERSOCK, 1236);
  C.check(C.connect(everybody, address(0, 0x8000_0001)), "connect");
  const parted = open(USERSOCK, 1237);
  C.check(C.connect(parted, address(1234)), "connect");
  C.check(C.connect(parted, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), "connect");
  const events = open(KOBJECT_UEVENT, 77, 1);
  return { monitor, flagged, receiver, connected, everybody, parted, events };
}

isolated(import.meta.url, "every field", { netns: "" }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using diag = DiagSocket.open();
  const all = await diag.netlinkSockets();
  const of = (fd: number): NetlinkSocketInfo => byInode(all, fd);

  const { memory, ...monitor } = of(made.monitor);
  const own = C.getsockname(made.monitor) as Uint8Array;
  assert.deepEqual(monitor, {
    family: "netlink",
    type: "raw",
    protocol: "route",
    state: "unconnected",
    portId: new DataView(own.buffer, own.byteOffset).getUint32(4, true),
    peerPortId: 0,
    peerGroups: 0,
    inode: inodeOf(made.monitor),
    cookie: cookieOf(made.monitor),
    groups: [1, 5, 33, 36],
    flags: [],
  });
  assert.ok((memory?.rcvbuf ?? 0) > 1000);
  assert.equal(of(made.flagged).type, "datagram");
  assert.equal(of(made.flagged).portId, 4_000_000_000);
  assert.deepEqual(of(made.flagged).groups, []);
  assert.deepEqual(of(made.flagged).flags, [
    "packetInfo",
    "broadcastError",
    "noEnobufs",
    "listenAllNsid",
    "capAck",
  ]);
  assert.equal(of(made.connected).state, "connected");
  assert.equal(of(made.connected).peerPortId, 1234);
  assert.ok((of(made.receiver).memory?.rmem_alloc ?? 0) > 500);
  assert.equal(of(made.everybody).peerGroups, 1); // of the groups the kernel takes the first
  assert.equal(of(made.parted).state, "unconnected");
  assert.equal(of(made.events).protocol, "kobjectUevent");
  assert.deepEqual(of(made.events).groups, [1]);
  assert.ok(all.some((one) => one.protocol === "route" && one.portId === 0)); // the kernel's own
  assert.ok(all.every((one) => one.unknown === undefined));
  const dumping = all.filter((one) => one.flags?.includes("dumpRunning"));
  assert.deepEqual(
    dumping.map(({ protocol, inode }) => [
      protocol,
      socketOwners({ pids: [process.pid] }).get(inode)?.[0]?.pid,
    ]),
    [["sockDiag", process.pid]],
  );
});

isolated(import.meta.url, "only what was asked for", { netns: "" }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using diag = DiagSocket.open();
  const bare = byInode(await diag.netlinkSockets({ with: [] }), made.flagged);
  for (const name of ["groups", "memory", "flags"] as const) {
    const told = byInode(await diag.netlinkSockets({ with: [name] }), made.flagged);
    assert.deepEqual(Object.keys(told), [...Object.keys(bare), name]);
  }
  const some = await diag.netlinkSockets({ protocol: "usersock" });
  assert.deepEqual(some.map(({ portId }) => portId).sort(), [1234, 1235, 1236, 1237]);
  assert.deepEqual(await diag.netlinkSockets({ protocol: 2 }), some);
  assert.deepEqual(await diag.netlinkSockets({ protocol: 25 }), []);
  await assert.rejects(diag.netlinkSockets({ protocol: 32 }), RangeError);
  await assert.rejects(diag.netlinkSockets({ protocol: "tcp" as "route" }), TypeError);
  await assert.rejects(diag.netlinkSockets({ with: ["peer" as "groups"] }), TypeError);
});

const noSs = missing("ss");

isolated(import.meta.url, "as ss and /proc/net/netlink have it", { netns: "", skip: noSs }, async () => {
  using fds = new Fds();
  zoo(fds);
  using diag = DiagSocket.open();
  const all = await diag.netlinkSockets();
  const NUMBERS: Readonly<Record<string, number>> = { route: 0, usersock: 2, generic: 16, kobjectUevent: 15 };
  const ours = all.filter((one) => Object.hasOwn(NUMBERS, one.protocol));
  assert.ok(ours.length >= 9);
  const bits = (one: NetlinkSocketInfo): number =>
    (one.groups ?? []).reduce((sum, group) => (group > 32 ? sum : sum | (1 << (group - 1))), 0) >>> 0;
  const hex = (value: number): string => value.toString(16).padStart(8, "0");

  const proc = procNet("netlink");
  for (const one of ours) {
    const line = proc.find((words) => words[9] === `${one.inode}`);
    const { rmem_alloc, wmem_alloc, drops } = one.memory ?? {};
    assert.deepEqual(line?.slice(1, 6), [
      `${NUMBERS[one.protocol]}`,
      `${one.portId}`,
      hex(bits(one)),
      `${rmem_alloc}`,
      `${wmem_alloc}`,
    ]);
    assert.equal(line?.[8], `${drops}`);
  }

  const lines = ours.map((one) =>
    [
      "UNCONN",
      `${one.memory?.rmem_alloc}`,
      `${one.memory?.wmem_alloc}`,
      `${NUMBERS[one.protocol]}:${one.portId | 0}`,
      one.state === "connected" ? `${one.peerGroups}:${one.peerPortId}` : "*",
      `sk=0 cb=0 groups=0x${hex(bits(one))}`,
      skmem(one.memory),
    ].join(" "),
  );
  const theirs = ss("-f", "netlink", "-aenm")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => /^UNCONN \S+ \S+ (0|2|15|16):/.test(line));
  // The kernel tells twice of what has joined a group, and ss shows it twice.
  assert.deepEqual([...new Set(theirs)].sort(), lines.sort());
});

isolated(import.meta.url, "none of 1,500 is lost", { netns: "" }, async () => {
  using fds = new Fds();
  const inodes = Array.from({ length: 1500 }, () => {
    const fd = fds.open(AF_NETLINK, C.SOCK_RAW, ROUTE);
    C.check(C.bind(fd, address(0)), "bind"); // in no group: of those that are in one it tells twice
    return inodeOf(fd);
  });
  using diag = DiagSocket.open();
  const all = await diag.netlinkSockets();
  const found = new Map(all.map((one) => [one.inode, one]));
  assert.equal(found.size, all.length);
  assert.deepEqual(
    inodes.filter((inode) => !found.has(inode)),
    [],
  );
  for (const inode of inodes) {
    const { groups, memory, flags } = found.get(inode) as NetlinkSocketInfo;
    assert.ok(
      groups?.length === 0 && memory !== undefined && flags !== undefined,
      `${inode} lacks something`,
    );
  }
});

isolated(import.meta.url, "without any privilege", { netns: "", skip: notRoot }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using diag = DiagSocket.open();
  const before = byInode(await diag.netlinkSockets(), made.monitor);
  using _root = asNobody();
  using other = DiagSocket.open();
  assert.deepEqual(byInode(await other.netlinkSockets(), made.monitor), before);
});

test("a kernel without netlink_diag", async () => {
  using kernel = new FakeKernel();
  refuseAll(kernel);
  await assert.rejects(DiagSocket.over(kernel.socket).netlinkSockets(), {
    code: "ENOENT",
    message: /no module netlink_diag \(CONFIG_NETLINK_DIAG\)/,
  });
});

const header = join(Uint8Array.of(16, 3, 16, 7), int32(1), int32(2), int32(3), int32(77), int32(5), int32(1));

test("an older kernel's, and a later one's", () => {
  const bare = decodeNetlinkSocket(header);
  assert.deepEqual(bare, {
    family: "netlink",
    type: "raw",
    protocol: "generic",
    state: "unconnected",
    portId: 1,
    peerPortId: 2,
    peerGroups: 3,
    inode: 77n,
    cookie: (1n << 32n) | 5n,
    groups: [],
  });
  const more = join(
    header,
    attribute(1, Uint8Array.of(0, 0, 0, 0x80, 0, 0, 0, 0, 1)),
    attribute(2, int32s(4096, 8, 2048, 16)),
    attribute(3, int32s(4096, 8)), // cut
    attribute(4, int32(0x41)),
    attribute(88, new Uint8Array()),
  );
  const { groups, receiveRing, sendRing, flags, unknown } = decodeNetlinkSocket(more);
  assert.deepEqual(groups, [32, 65]);
  assert.deepEqual(receiveRing, { blockBytes: 4096, blocks: 8, frameBytes: 2048, frames: 16 });
  assert.equal(sendRing, undefined);
  assert.deepEqual(flags, ["dumpRunning", 0x40]);
  assert.deepEqual(
    unknown?.map(({ type }) => type),
    [3, 88],
  );
});

test("wrong bits and lengths", async () => {
  using diag = DiagSocket.open();
  const payload = new Uint8Array(20);
  payload.set([16, 255]);
  payload.set([0x0f], 8);
  const samples = await diag.netlink.dump({ type: 20, payload }, ({ bytes, start, end }) =>
    bytes.slice(start, end),
  );
  assertHardened(samples.slice(0, 50), decodeNetlinkSocket);
});
