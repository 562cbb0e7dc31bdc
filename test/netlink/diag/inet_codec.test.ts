/** InetSocket's bytes: every attribute, old and new kernels' lengths, and hostile ones. */
import assert from "node:assert/strict";
import { hexDump, WireError } from "../../../src/bytes/index.ts";
import { SocketAddr } from "../../../src/ip/index.ts";
import { DiagSocket, decodeInetSocket, type InetSocket } from "../../../src/netlink/diag/index.ts";
import {
  type Attribute,
  encodeAttribute,
  encodeAttributes,
  NetlinkSocket,
} from "../../../src/netlink/index.ts";
import * as C from "../../../src/sys/index.ts";
import { pair, random, test } from "../../socket/_helpers.ts";
import { assertHardened } from "./_families.ts";

const u16s = (...values: number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);
const u32s = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const attribute = (type: number, data: Uint8Array): Attribute => ({ type, data });

/** A struct inet_diag_msg, then attributes. */
function message(local: string, peer: string, attributes: readonly Attribute[], device = 0): Uint8Array {
  const [src, dst] = [SocketAddr.parse(local), SocketAddr.parse(peer)];
  const header = new Uint8Array(72);
  const view = new DataView(header.buffer);
  header.set([src.family === "ipv4" ? 2 : 10, 1, 1, 3]);
  view.setUint16(4, src.port);
  view.setUint16(6, dst.port);
  header.set(src.ip.toBytes(), 8);
  header.set(dst.ip.toBytes(), 24);
  view.setUint32(40, device, true);
  view.setBigUint64(44, 0x1_0000_0002n, true);
  for (const [i, value] of [250, 7, 8, 1000, 4_000_000_000].entries())
    view.setUint32(52 + 4 * i, value, true);
  const bytes = encodeAttributes(attributes);
  const whole = new Uint8Array(72 + bytes.length);
  whole.set(header);
  whole.set(bytes, 72);
  return whole;
}
const decode = (attributes: readonly Attribute[], protocol: "tcp" | "mptcp" | "sctp" = "tcp"): InetSocket =>
  decodeInetSocket(message("10.0.0.1:80", "10.0.0.2:4000", attributes), protocol);

test("the message itself", () => {
  const bytes = message("10.0.0.1:80", "10.0.0.2:4000", []);
  const shifted = new Uint8Array(bytes.length + 20);
  shifted.set(bytes, 8);
  for (const socket of [
    decodeInetSocket(bytes, "tcp"),
    decodeInetSocket(shifted, "tcp", 8, 8 + bytes.length),
  ]) {
    assert.deepEqual(
      JSON.parse(JSON.stringify(socket, (_key, value) => (typeof value === "bigint" ? `${value}n` : value))),
      {
        protocol: "tcp",
        family: "ipv4",
        state: "established",
        localAddr: "10.0.0.1:80",
        peerAddr: "10.0.0.2:4000",
        device: 0,
        receiveQueue: 7,
        sendQueue: 8,
        userId: 1000,
        inode: "4000000000n",
        cookie: "4294967298n",
        timer: { kind: "on", expiresMs: 250, retransmits: 3 },
      },
    );
  }
  // what a later kernel may have
  bytes[1] = 14;
  bytes[2] = 9;
  const later = decodeInetSocket(bytes, "tcp");
  assert.equal(later.state, 14);
  assert.equal(later.timer?.kind, 9);
  bytes[2] = 0;
  assert.equal(decodeInetSocket(bytes, "tcp").timer, undefined);
  // the interface is the zone of a link-local address, and of no other
  const six = decodeInetSocket(message("[fe80::1]:1", "[2001:db8::1]:2", [], 3), "udp");
  assert.deepEqual([String(six.localAddr), String(six.peerAddr)], ["[fe80::1%3]:1", "[2001:db8::1]:2"]);
  assert.equal(six.device, 3);
});

test("every attribute", () => {
  const memory = u32s(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const md5 = new Uint8Array(100);
  md5.set([2, 24, 3, 0, 10, 1, 2, 0]);
  md5.set(utf8("key"), 20);
  const storage = new Uint8Array(128);
  storage.set(C.encodeSockaddr(SocketAddr.parse("10.9.8.7:6")));
  const tls = [
    [1, 0x0304],
    [2, 52],
    [3, 1],
    [4, 2],
  ].map(([type, value]) => attribute(type as number, u16s(value as number)));
  const subflow = [
    attribute(1, u32s(11)),
    attribute(2, u32s(12)),
    attribute(4, u32s(1, 1)),
    attribute(9, Uint8Array.of(5)),
  ];
  for (const [name, type, data, expected] of [
    ["memoryUse", 1, u32s(1, 2, 3, 4), { rmem: 1, wmem: 2, fmem: 3, tmem: 4 }],
    [
      "congestionInfo",
      3,
      u32s(1, 5, 6, 7),
      { algorithm: "vegas", enabled: true, rttCount: 5, rttUs: 6, minRttUs: 7 },
    ],
    ["congestionControl", 4, utf8("cubic\0"), "cubic"],
    ["tos", 5, Uint8Array.of(16), 16],
    ["trafficClass", 6, Uint8Array.of(32), 32],
    [
      "memory",
      7,
      memory,
      {
        rmem_alloc: 1,
        rcvbuf: 2,
        wmem_alloc: 3,
        sndbuf: 4,
        fwd_alloc: 5,
        wmem_queued: 6,
        optmem: 7,
        backlog: 8,
        drops: 9,
      },
    ],
    ["shutdown", 8, Uint8Array.of(2), { read: false, write: true }],
    [
      "congestionInfo",
      9,
      new Uint8Array([...u16s(1, 2), ...u32s(3, 4, 5)]),
      { algorithm: "dctcp", enabled: true, ceState: 2, alpha: 3, markedBytes: 4, totalBytes: 5 },
    ],
    ["ipProtocol", 10, Uint8Array.of(89), 89],
    ["v6Only", 11, Uint8Array.of(1), true],
    ["localAddrs", 12, storage, [SocketAddr.parse("10.9.8.7:6")]],
    [
      "peerAddrs",
      13,
      new Uint8Array([...storage, ...storage]),
      Array(2).fill(SocketAddr.parse("10.9.8.7:6")),
    ],
    ["mark", 15, u32s(0xffff_fffe), 0xffff_fffe],
    [
      "congestionInfo",
      16,
      u32s(1, 1, 30, 739, 512),
      { algorithm: "bbr", bandwidth: 2n ** 32n + 1n, minRttUs: 30, pacingGain: 739 / 256, cwndGain: 2 },
    ],
    ["classId", 17, u32s(6), 6],
    ["cgroup", 21, u32s(5, 1), 2n ** 32n + 5n],
    [
      "options",
      22,
      Uint8Array.of(0b10000011, 0b101),
      ["recvErr", "isConnection", "noDefrag", "bindAddressNoPort", "deferConnect"],
    ],
  ] as const) {
    const socket = decode([attribute(type, data)]);
    assert.deepEqual(socket[name], expected, name);
    assert.deepEqual((socket.toJSON() as unknown as Record<string, unknown>)[name], expected, name);
    assert.equal(socket.unknown, undefined, name);
    // a byte less is none of it, or less of it; nothing of what stands behind it is read
    const cut = decode([attribute(type, data.slice(0, -1)), attribute(99, new Uint8Array(60).fill(0xee))]);
    assert.notDeepEqual(name === "congestionControl" ? undefined : cut[name], expected, name);
    assert.equal(cut.unknown?.at(-1)?.type, 99);
  }
  const [key] = decode([attribute(18, md5)]).md5Keys ?? [];
  assert.deepEqual([String(key?.prefix), key?.key], ["10.1.2.0/24", utf8("key")]);
  const upper = decode([
    {
      type: 19,
      data: encodeAttributes([
        attribute(1, utf8("tls\0")),
        { type: 2, data: encodeAttributes([...tls, attribute(5, new Uint8Array(0))]), nested: true },
        { type: 3, data: encodeAttributes(subflow) },
        attribute(9, u32s(1)),
      ]),
    },
  ]).upperProtocol;
  assert.deepEqual(upper, {
    name: "tls",
    tls: { VERSION: 0x0304, CIPHER: 52, TXCONF: 1, RXCONF: 2, ZC_RO_TX: true },
    mptcp: { TOKEN_REM: 11, TOKEN_LOC: 12, MAP_SEQ: 2n ** 32n + 1n, ID_REM: 5 },
    unknown: [attribute(9, u32s(1))],
  });
  const mptcp = decode(
    [
      attribute(
        2,
        Uint8Array.from({ length: 43 }, (_, i) => i + 1),
      ),
    ],
    "mptcp",
  );
  assert.equal(mptcp.mptcp?.mptcpi_subflows, 1);
  assert.equal(mptcp.mptcp?.mptcpi_csum_enabled, 43);
  assert.equal("mptcpi_retransmits" in (mptcp.mptcp ?? {}), false);
  assert.equal(mptcp.info, undefined);

  // what nobody knows yet, or only others; of two the last counts, as in the kernel
  const odd = decode(
    [attribute(20, u32s(1)), attribute(2, u32s(1)), attribute(40, u32s(2)), attribute(5, u16s(1))],
    "sctp",
  );
  assert.deepEqual(
    odd.unknown?.map(({ type }) => type),
    [20, 2, 40, 5],
  );
  assert.deepEqual([odd.info, odd.tos], [undefined, undefined]);
  assert.equal(decode([attribute(5, Uint8Array.of(1)), attribute(5, Uint8Array.of(2))]).tos, 2);
  assert.equal(
    decode([attribute(0x4005, Uint8Array.of(7))].map((it) => ({ ...it, type: 5, nested: true }))).tos,
    7,
  );
  assert.equal(decode([attribute(37, Uint8Array.of(7))]).tos, undefined);
});

test("TCP_INFO of every length is what TcpStream.info() makes of it", () => {
  const next = random(7);
  for (let length = 0; length <= 320; length++) {
    const data = Uint8Array.from({ length }, () => next(256));
    const { info } = decode([
      attribute(5, Uint8Array.of(1)),
      attribute(2, data),
      attribute(40, u32s(0xeeee_eeee)),
    ]);
    const expected = C.tcp_info.decodePrefix(data);
    assert.deepEqual(info, expected);
    assert.deepEqual(Object.keys(info ?? {}), Object.keys(expected), `${length}`);
  }
});

test("a struct of an older kernel has no drops", () => {
  const { memory } = decode([attribute(7, u32s(1, 2, 3, 4, 5, 6, 7, 8))]);
  assert.deepEqual(memory, {
    rmem_alloc: 1,
    rcvbuf: 2,
    wmem_alloc: 3,
    sndbuf: 4,
    fwd_alloc: 5,
    wmem_queued: 6,
    optmem: 7,
    backlog: 8,
  });
});

test("wrong bytes: WireError when they come, and never later", async () => {
  const samples: Uint8Array[] = [];
  {
    using both = await pair();
    using netlink = NetlinkSocket.open("sockDiag");
    for (const [family, protocol] of [
      [2, 6],
      [10, 6],
      [2, 17],
      [10, 17],
    ] as const) {
      const payload = new Uint8Array(56).fill(0xff, 2, 8);
      payload.set([family, protocol]);
      const some = await netlink.dump({ type: 20, payload }, ({ bytes, start, end }) =>
        bytes.slice(start, end),
      );
      samples.push(...some.slice(0, 3));
    }
    assert.ok(both.client.localAddr.port > 0 && samples.length > 0);
  }
  samples.push(
    message(
      "[fe80::1]:1",
      "[::1]:2",
      [attribute(18, new Uint8Array(100).fill(2)), attribute(12, new Uint8Array(128).fill(10))],
      5,
    ),
    message("10.0.0.1:1", "10.0.0.2:2", [
      {
        type: 19,
        data: encodeAttributes([
          attribute(1, utf8("tls\0")),
          attribute(2, encodeAttribute(attribute(1, u16s(1)))),
        ]),
      },
      attribute(2, new Uint8Array(280)),
    ]),
  );
  for (const protocol of ["tcp", "mptcp"] as const) {
    assertHardened(samples, (bytes) => decodeInetSocket(bytes, protocol).toJSON());
  }
  const good = message("10.0.0.1:1", "10.0.0.2:2", [attribute(5, Uint8Array.of(1))]);
  for (const [at, value, code] of [
    [0, 1, "BAD_VALUE"],
    [72, 3, "BAD_LENGTH"],
    [72, 9, "BAD_LENGTH"],
    [73, 1, "BAD_LENGTH"],
  ] as const) {
    const bytes = good.slice();
    bytes[at] = value;
    assert.throws(
      () => decodeInetSocket(bytes, "tcp"),
      (error) => error instanceof WireError && error.code === code && error.offset >= (at & ~3),
      hexDump(bytes),
    );
  }
  assert.throws(() => decodeInetSocket(good.slice(0, 71), "tcp"), { code: "TRUNCATED" });
  assert.equal(decodeInetSocket(good.slice(0, 72), "tcp").tos, undefined);
});

test("sockets outlive the dump that they are from", async () => {
  using both = await pair();
  using diag = DiagSocket.open();
  const before = (await diag.tcp()).map((one) => [one, String(one.cookie), String(one.localAddr)] as const);
  for (let i = 0; i < 5; i++) await diag.tcp();
  for (const [socket, cookie, local] of before) {
    assert.equal(String(socket.cookie), cookie);
    assert.equal(String(socket.localAddr), local);
  }
  assert.ok(before.some(([, , local]) => local === String(both.client.localAddr)));
});
