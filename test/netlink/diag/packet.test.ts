/** Packet sockets of packet_diag, against what made them, /proc/net/packet and ss. */
import assert from "node:assert/strict";
import { MacAddr } from "../../../src/ip/index.ts";
import {
  DiagSocket,
  decodePacketSocket,
  type FilterInstruction,
  type PacketSocketInfo,
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

const [ALL, IPV4, ARP] = [0x0003, 0x0800, 0x0806];
const NETNS = "ip link set lo up";

function open(fds: Fds, type: number, protocol: number, device = 0): number {
  const fd = fds.open(C.AF_PACKET, type, 0);
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, C.AF_PACKET, true);
  view.setUint16(2, protocol, false);
  view.setInt32(4, device, true);
  C.check(C.bind(fd, address), "bind");
  return fd;
}

function set(fd: number, option: number, ...values: number[]): void {
  C.check(C.setsockopt(fd, C.SOL_PACKET, option, int32s(...values)), "setsockopt");
}

/** Loads numbers, and takes all. */
function filterOf(length: number): FilterInstruction[] {
  const load = (_: unknown, at: number): FilterInstruction => ({ code: 0, jt: 0, jf: 0, k: at });
  return [...Array.from({ length: length - 1 }, load), { code: 6, jt: 0, jf: 0, k: 0xffff_ffff }];
}

function attach(fd: number, program: readonly FilterInstruction[]): void {
  const bytes = new Uint8Array(8 * program.length);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    view.setUint16(8 * index, code, true);
    bytes.set([jt, jf], 8 * index + 2);
    view.setUint32(8 * index + 4, k, true);
  }
  const pointer = C.sock_fprog.encode({ len: program.length, filter: BigInt(C.addressOf(bytes)) });
  C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_ATTACH_FILTER, pointer), "setsockopt");
}

const JUMPY: FilterInstruction[] = [
  { code: 0x28, jt: 0, jf: 0, k: 12 },
  { code: 0x15, jt: 0, jf: 1, k: IPV4 },
  { code: 6, jt: 0, jf: 0, k: 0x40000 },
  { code: 6, jt: 0, jf: 0, k: 0 },
];

/** `struct packet_mreq` */
function member(fd: number, type: number, address: readonly number[]): void {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 1, true);
  view.setUint16(4, type, true);
  view.setUint16(6, address.length, true);
  bytes.set(address, 8);
  C.check(C.setsockopt(fd, C.SOL_PACKET, C.PACKET_ADD_MEMBERSHIP, bytes), "setsockopt");
}

const GROUP = [0x33, 0x33, 0, 0, 0, 1] as const;

/** Sockets with everything that there is. */
function zoo(fds: Fds) {
  const plain = open(fds, C.SOCK_DGRAM, IPV4);
  const silent = fds.open(C.AF_PACKET, C.SOCK_RAW, 0);
  const filtered = open(fds, C.SOCK_RAW, ALL, 1);
  attach(filtered, JUMPY);
  set(filtered, C.PACKET_AUXDATA, 1);
  set(filtered, C.PACKET_ORIGDEV, 1);
  member(filtered, C.PACKET_MR_PROMISC, []);
  member(filtered, C.PACKET_MR_MULTICAST, GROUP);
  member(filtered, C.PACKET_MR_MULTICAST, GROUP);
  const ringed = fds.open(C.AF_PACKET, C.SOCK_RAW, 0);
  set(ringed, C.PACKET_VERSION, 2);
  set(ringed, C.PACKET_RESERVE, 32);
  set(ringed, C.PACKET_COPY_THRESH, 100);
  set(ringed, C.PACKET_TIMESTAMP, 64);
  set(ringed, C.PACKET_LOSS, 1);
  // struct tpacket_req3: block size and number, frame size and number, timeout, private bytes, features
  set(ringed, C.PACKET_RX_RING, 65536, 4, 2048, 128, 60, 16, 1);
  const sending = fds.open(C.AF_PACKET, C.SOCK_RAW, 0);
  set(sending, C.PACKET_VERSION, 1);
  set(sending, TX_RING, 4096, 2, 2048, 4);
  const shared = open(fds, C.SOCK_RAW, ARP, 1);
  set(shared, C.PACKET_VNET_HDR, 1);
  set(shared, C.PACKET_FANOUT, 4242 | (C.PACKET_FANOUT_ROLLOVER << 16));
  return { plain, silent, filtered, ringed, sending, shared };
}
const TX_RING = 13;

isolated(import.meta.url, "every field", { netns: NETNS }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using diag = DiagSocket.open();
  const all = await diag.packet();
  assert.equal(all.length, 6);
  const of = (fd: number): PacketSocketInfo => byInode(all, fd);

  const { memory, ...filtered } = of(made.filtered);
  assert.deepEqual(filtered, {
    family: "packet",
    type: "raw",
    protocol: ALL,
    inode: inodeOf(made.filtered),
    cookie: cookieOf(made.filtered),
    device: 1,
    version: "v1",
    reserve: 0,
    copyThreshold: 0,
    timestamp: 0,
    flags: ["running", "auxData", "origDev"],
    userId: process.getuid?.(),
    multicast: [
      { device: 1, count: 2, type: "multicast", address: MacAddr.fromBytes(Uint8Array.from(GROUP)) },
      { device: 1, count: 1, type: "promiscuous", address: new Uint8Array(0) },
    ],
    filter: JUMPY,
  });
  assert.ok((memory?.optmem ?? 0) > 0);

  const plain = of(made.plain);
  assert.deepEqual([plain.type, plain.protocol, plain.device], ["datagram", IPV4, 0]);
  assert.ok(!("filter" in plain) && !("receiveRing" in plain) && !("fanout" in plain));
  assert.deepEqual(plain.multicast, []);
  assert.deepEqual([of(made.silent).protocol, of(made.silent).flags], [0, []]);

  const { version, reserve, copyThreshold, timestamp, flags, receiveRing, sendRing } = of(made.ringed);
  assert.deepEqual([version, reserve, copyThreshold, timestamp, flags], ["v3", 32, 100, 64, ["loss"]]);
  assert.deepEqual(receiveRing, {
    blockBytes: 65536,
    blocks: 4,
    frameBytes: 2048,
    frames: 128,
    retireTimeoutMs: 60,
    privateBytes: 16,
    features: 1,
  });
  assert.equal(sendRing, undefined);
  assert.equal(of(made.sending).version, "v2");
  assert.deepEqual(of(made.sending).sendRing, {
    blockBytes: 4096,
    blocks: 2,
    frameBytes: 2048,
    frames: 4,
    retireTimeoutMs: 0,
    privateBytes: 0,
    features: 0,
  });
  assert.deepEqual(of(made.shared).fanout, { group: 4242, mode: "rollover" });
  assert.deepEqual(of(made.shared).flags, ["running", "vnetHdr"]);
  assert.ok(all.every((one) => one.unknown === undefined));
});

isolated(import.meta.url, "only what was asked for", { netns: NETNS }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using diag = DiagSocket.open();
  const bare = byInode(await diag.packet({ with: [] }), made.filtered);
  const keys = {
    info: ["device", "version", "reserve", "copyThreshold", "timestamp", "flags", "userId"],
    multicast: ["multicast"],
    memory: ["memory"],
    filter: ["filter"],
  } as const;
  for (const [name, fields] of Object.entries(keys) as [keyof typeof keys, readonly string[]][]) {
    const told = byInode(await diag.packet({ with: [name] }), made.filtered);
    assert.deepEqual(Object.keys(told), [...Object.keys(bare), ...fields], name);
  }
  assert.ok(byInode(await diag.packet({ with: ["rings"] }), made.ringed).receiveRing !== undefined);
  assert.ok(byInode(await diag.packet({ with: ["fanout"] }), made.shared).fanout !== undefined);
  assert.equal((await diag.packet({ types: ["raw"] })).length, 5);
  assert.equal((await diag.packet({ types: ["datagram"] })).length, 1);
  await assert.rejects(diag.packet({ types: ["stream" as "raw"] }), TypeError);
  await assert.rejects(diag.packet({ with: ["ring" as "rings"] }), TypeError);
});

const noSs = missing("ss");

isolated(import.meta.url, "as ss and /proc/net/packet have it", { netns: NETNS, skip: noSs }, async () => {
  using fds = new Fds();
  zoo(fds);
  using diag = DiagSocket.open();
  const all = await diag.packet();
  const TYPE = { raw: 3, datagram: 2 } as const;
  const proc = procNet("packet");
  assert.equal(proc.length, all.length);
  for (const one of all) {
    const line = proc.find((words) => words[8] === `${one.inode}`);
    assert.deepEqual(line?.slice(2, 8), [
      `${TYPE[one.type as keyof typeof TYPE]}`,
      one.protocol.toString(16).padStart(4, "0"),
      `${one.device}`,
      one.flags?.includes("running") ? "1" : "0",
      `${one.memory?.rmem_alloc}`,
      `${one.userId}`,
    ]);
  }

  const FLAGS = {
    running: "running",
    auxData: " auxdata",
    origDev: " origdev",
    vnetHdr: " vnethdr",
    loss: " loss",
  };
  const VERSIONS = ["v1", "v2", "v3"];
  const ring = (name: string, one: PacketSocketInfo["receiveRing"]): string[] =>
    one === undefined
      ? []
      : [
          `${name}(blk_size:${one.blockBytes},blk_nr:${one.blocks},frm_size:${one.frameBytes},frm_nr:${one.frames},` +
            `tmo:${one.retireTimeoutMs},features:0x${one.features.toString(16)})`,
        ];
  const lines = all.map((one) => {
    const { filter, fanout, flags = [] } = one;
    assert.ok(filter !== "hidden");
    return [
      one.type === "raw" ? "p_raw" : "p_dgr",
      `UNCONN ${one.memory?.rmem_alloc} 0`,
      `${one.protocol === ALL ? "*" : `[${one.protocol}]`}:${one.device === 0 ? "*" : "lo"} *`,
      `ino:${one.inode} sk:${one.cookie.toString(16)}`,
      `ver:${VERSIONS.indexOf(`${one.version}`)} cpy_thresh:${one.copyThreshold}`,
      `flags( ${flags.map((flag) => FLAGS[flag as keyof typeof FLAGS]).join("") || "0"} )`,
      ...ring("ring_rx", one.receiveRing),
      ...ring("ring_tx", one.sendRing),
      ...(fanout === undefined ? [] : [`fanout(id:${fanout.group},type:roll)`]),
      ...(filter === undefined
        ? []
        : [
            `bpf filter (${filter.length}): `,
            ...filter.map(
              ({ code, jt, jf, k }) => `0x${code.toString(16).padStart(2, "0")} ${jt} ${jf} ${k},`,
            ),
          ]),
      skmem(one.memory),
    ]
      .join(" ")
      .replace(/\s+/g, " ");
  });
  // One protocol is named where the others are numbers.
  const squeeze = (line: string): string =>
    line.replace(/\s+/g, " ").trim().replace(" ip:", " [2048]:").replace(" arp:", " [2054]:");
  assert.deepEqual(ss("-0aembn", "-A", "packet").map(squeeze).sort(), lines.sort());
});

isolated(import.meta.url, "a long filter loses no socket", { netns: NETNS }, async () => {
  using fds = new Fds();
  const sockets = [0, 1, 2].map(() => open(fds, C.SOCK_RAW, ALL));
  for (const [index, fd] of sockets.entries()) {
    const program = filterOf(2000 + index);
    attach(fd, program);
    using diag = DiagSocket.open();
    const all = await diag.packet();
    assert.equal(all.length, 3);
    assert.deepEqual(byInode(all, fd).filter, program);
  }
  attach(sockets[1] as number, filterOf(4090)); // more than a message has room for
  using diag = DiagSocket.open();
  const all = await diag.packet();
  assert.equal(all.length, 3);
  assert.equal(byInode(all, sockets[1] as number).filter, "hidden");
  assert.ok(all.every(({ memory, device, multicast }) => memory && device === 0 && multicast));
});

isolated(import.meta.url, "without any privilege", { netns: NETNS, skip: notRoot }, async () => {
  using fds = new Fds();
  const made = zoo(fds);
  using before = DiagSocket.open();
  const { filter, ...rest } = byInode(await before.packet(), made.filtered);
  using _root = asNobody();
  using diag = DiagSocket.open();
  const all = await diag.packet();
  assert.deepEqual(byInode(all, made.filtered), { ...rest, filter: "hidden" });
  assert.ok(filter !== undefined);
});

test("a kernel without packet_diag", async () => {
  using kernel = new FakeKernel();
  refuseAll(kernel);
  await assert.rejects(DiagSocket.over(kernel.socket).packet(), {
    code: "ENOENT",
    message: /no module packet_diag \(CONFIG_PACKET_DIAG\)/,
  });
});

const header = join(Uint8Array.of(17, 3, 3, 0), int32(77), int32(5), int32(1));

test("an older kernel's, and a later one's", () => {
  assert.deepEqual(decodePacketSocket(header), {
    family: "packet",
    type: "raw",
    protocol: 3,
    inode: 77n,
    cookie: (1n << 32n) | 5n,
  });
  const more = join(
    header,
    attribute(0, int32s(3, 9, 0, 0, 0, 0x41, 1234)), // longer than it is
    attribute(1, new Uint8Array(43)),
    attribute(4, int32(0x63_0001)),
    attribute(7, new Uint8Array(12)),
    attribute(77, new Uint8Array(0)),
  );
  const { device, version, flags, fanout, filter, multicast, unknown } = decodePacketSocket(more);
  assert.deepEqual([device, version, flags], [3, 9, ["running", 0x40]]);
  assert.deepEqual(fanout, { group: 1, mode: 0x63 });
  assert.deepEqual([filter, multicast], [undefined, undefined]);
  assert.deepEqual(
    unknown?.map(({ type }) => type),
    [1, 7, 77],
  );
});

isolated(import.meta.url, "wrong bits and lengths", { netns: NETNS }, async () => {
  using fds = new Fds();
  zoo(fds);
  using diag = DiagSocket.open();
  const payload = new Uint8Array(20);
  payload.set([17]);
  payload.set([0x3f], 8);
  const samples = await diag.netlink.dump({ type: 20, payload }, ({ bytes, start, end }) =>
    bytes.slice(start, end),
  );
  assert.equal(samples.length, 6);
  assertHardened(samples, decodePacketSocket);
});
