/** Socket options: every row is set to a value that differs from the one it has, and read back; every codec refuses. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  ICMP,
  ICMPV6,
  IP,
  IPV6,
  Ipv4Addr,
  PACKET,
  type ReadableOption,
  SO,
  type SocketOption,
  SysError,
  TCP,
  UDP,
  type WritableOption,
} from "../../src/index.ts";
import { refusal } from "../../src/socket/options.ts";
import * as sys from "../../src/sys/index.ts";
import { pair, sysError, test, utf8 } from "./_helpers.ts";
import {
  capabilitySkip,
  KINDS,
  type Kind,
  kernelSkip,
  kindSkip,
  type Optioned,
  SOCKET_OF,
} from "./_option_sockets.ts";

/** A row's test. */
interface Case {
  readonly option: WritableOption<unknown>;
  readonly sample: unknown;
  readonly more: More<unknown>;
  readonly run: (socket: Optioned) => void;
}

interface More<T> {
  readonly on?: Kind;
  /** What is read then, where that is not what was set. */
  readonly reads?: T;
  /** The types that the row takes, where that is not the sample's alone. */
  readonly takes?: readonly string[];
  /** What the kernel must be built with, or the process run in, for this one. */
  readonly config?: string;
  readonly skip?: string | false;
}

/** A value to set, and what is read then: the same, unless the kernel changes it. */
function row<T, W>(option: SocketOption<T, W>, value: W, more: More<T> = {}): Case {
  const reads = "reads" in more ? more.reads : value;
  return {
    option: option as WritableOption<unknown>,
    sample: value,
    more,
    run(socket) {
      const initial = socket.getOption(option);
      assert.notDeepEqual(initial, reads, "the test value is the initial one: it would prove nothing");
      socket.setOption(option, value);
      assert.deepEqual(socket.getOption(option), reads);
    },
  };
}

/** A value of an option that the kernel does not read back, and how it shows. */
function unread<W>(
  option: WritableOption<W>,
  value: W,
  more: More<W>,
  run: (socket: Optioned) => void,
): Case {
  return { option: option as WritableOption<unknown>, sample: value, more, run };
}

/** The index of the loopback interface. */
const LO = sys.check(sys.if_nametoindex("lo"), "if_nametoindex");

const NAME = ["string", "number"];
const OR_NONE = ["number", "undefined"];

/** Pad1 and PadN options, RFC 8200 §4.2: a header of 8 bytes that asks for nothing. */
const PADDING = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
/** A routing header to ::1 and no further: type 4, RFC 8754 §2. */
const SEGMENTS = Uint8Array.of(59, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

const hasTls = readFileSync("/proc/sys/net/ipv4/tcp_available_ulp", "utf8").split(/\s/).includes("tls");

const WRITABLE: readonly Case[] = [
  row(SO.BINDTODEVICE, "lo", { on: "tcp" }),
  row(SO.BINDTOIFINDEX, "lo", { on: "tcp", reads: LO, takes: NAME }),
  row(SO.BROADCAST, true, { on: "udp" }),
  row(SO.BUF_LOCK, ["sndbuf", "rcvbuf"], { on: "tcp" }),
  row(SO.BUSY_POLL, 50, { on: "udp", config: "CONFIG_NET_RX_BUSY_POLL" }),
  unread(SO.BUSY_POLL_BUDGET, 16, { on: "udp", config: "CONFIG_NET_RX_BUSY_POLL" }, (socket) => {
    socket.setOption(SO.BUSY_POLL_BUDGET, 16);
    // That the kernel refuses what does not fit into 16 bits shows that it is the option.
    const unchecked = { ...SO.BUSY_POLL_BUDGET, encode: () => Uint8Array.of(0, 0, 1, 0) };
    assert.throws(() => socket.setOption(unchecked, 0x10000), sysError("EINVAL", "setsockopt"));
  }),
  row(SO.DEBUG, true),
  row(SO.DONTROUTE, true),
  row<number | undefined, number | undefined>(SO.INCOMING_CPU, 1, { on: "tcp", takes: OR_NONE }),
  unread(SO.INQ, true, { on: "unix" }, (socket) => {
    socket.setOption(SO.INQ, true); // what it does: options_effects.test.ts
  }),
  row(SO.KEEPALIVE, true),
  row<number | undefined, number | undefined>(SO.LINGER, 7, { takes: OR_NONE }),
  row(SO.LOCK_FILTER, true, { on: "tcp" }),
  row(SO.MARK, 0xdeadbeef),
  row<number | undefined, number | undefined>(SO.MAX_PACING_RATE, 1_000_000, { takes: OR_NONE }),
  row(SO.NOFCS, true, { on: "packet" }),
  row(SO.NO_CHECK, true, { on: "udp" }),
  row(SO.OOBINLINE, true),
  row(SO.PASSCRED, true, { on: "unix" }),
  row(SO.PASSPIDFD, true, { on: "unix" }),
  row(SO.PASSRIGHTS, false, { on: "unix" }),
  row(SO.PASSSEC, true, { on: "unix", config: "CONFIG_SECURITY_NETWORK" }),
  row<number | undefined, number | undefined>(SO.PEEK_OFF, 3, { on: "unix", takes: OR_NONE }),
  row(SO.PREFER_BUSY_POLL, true, { on: "udp", config: "CONFIG_NET_RX_BUSY_POLL" }),
  row(SO.PRIORITY, 5),
  row(SO.RCVBUF, 50_000, { reads: 100_000 }), // doubled, man 7 socket
  unread(SO.RCVBUFFORCE, 0, { on: "udp" }, (socket) => {
    const limit = Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));
    socket.setOption(SO.RCVBUFFORCE, limit + 4096);
    assert.equal(socket.getOption(SO.RCVBUF), 2 * (limit + 4096));
  }),
  row(SO.RCVLOWAT, 100),
  row(SO.RCVMARK, true, { on: "udp" }),
  row(SO.RCVPRIORITY, true, { on: "udp" }),
  row(SO.RCVTIMEO, 1500, { on: "udp" }), // a whole number of ticks at every HZ
  row(SO.RESERVE_MEM, 8 * 65536, { on: "tcp", config: "a memory control group" }),
  row(SO.REUSEADDR, false, { on: "listener" }),
  row(SO.REUSEPORT, true, { on: "tcp" }),
  row(SO.RXQ_OVFL, true, { on: "udp" }),
  row(SO.SELECT_ERR_QUEUE, true, { on: "udp" }),
  row(SO.SNDBUF, 50_000, { reads: 100_000 }),
  unread(SO.SNDBUFFORCE, 0, { on: "udp" }, (socket) => {
    const limit = Number(readFileSync("/proc/sys/net/core/wmem_max", "utf8"));
    socket.setOption(SO.SNDBUFFORCE, limit + 4096);
    assert.equal(socket.getOption(SO.SNDBUF), 2 * (limit + 4096));
  }),
  row(SO.SNDTIMEO, 61_000, { on: "tcp" }),
  row(SO.TIMESTAMP, true, { on: "udp" }),
  row(SO.TIMESTAMPING, ["rx-software", "software", "opt-pktinfo"], { on: "udp" }),
  row(SO.TIMESTAMPNS, true, { on: "udp" }),
  row(SO.TXREHASH, "disabled", { on: "tcp", takes: NAME }),
  row(SO.TXTIME, { clock: "monotonic", flags: ["report-errors"] }, { on: "udp" }),
  row(SO.WIFI_STATUS, true, { on: "packet" }),
  row(SO.ZEROCOPY, true, { on: "tcp" }),

  row(IP.BIND_ADDRESS_NO_PORT, true, { on: "tcp" }),
  row(IP.CHECKSUM, true, { on: "udp" }),
  row(IP.FREEBIND, true),
  row(IP.HDRINCL, true, { on: "raw" }),
  row(IP.LOCAL_PORT_RANGE, { low: 40_000, high: 50_000 }, { on: "tcp" }),
  row(IP.MINTTL, 5),
  row(IP.MTU_DISCOVER, "probe", { takes: NAME }),
  row(IP.MULTICAST_ALL, false, { on: "udp" }),
  row(IP.MULTICAST_IF, Ipv4Addr.LOCALHOST, { on: "udp", takes: ["object", ...NAME] }),
  row(IP.MULTICAST_LOOP, false, { on: "udp" }),
  row(IP.MULTICAST_TTL, 9, { on: "udp" }),
  row(IP.NODEFRAG, true, { on: "raw" }),
  row(IP.OPTIONS, Uint8Array.of(1, 1, 1, 0), { on: "udp" }), // no-operation three times, end: RFC 791 §3.1
  row(IP.PASSSEC, true, { on: "udp" }),
  row(IP.PKTINFO, true, { on: "udp" }),
  row(IP.RECVERR, true),
  row(IP.RECVERR_RFC4884, true, { on: "udp" }),
  row(IP.RECVFRAGSIZE, true, { on: "udp" }),
  row(IP.RECVOPTS, true, { on: "udp" }),
  row(IP.RECVORIGDSTADDR, true, { on: "udp" }),
  row(IP.RECVTOS, true, { on: "udp" }),
  row(IP.RECVTTL, true, { on: "udp" }),
  row(IP.RETOPTS, true, { on: "udp" }),
  row(IP.ROUTER_ALERT, true, { on: "raw" }),
  row(IP.TOS, 0x28),
  row(IP.TRANSPARENT, true),
  row(IP.TTL, 33),
  row(IP.UNICAST_IF, "lo", { on: "udp", reads: LO, takes: NAME }),

  row(IPV6.ADDR_PREFERENCES, ["public"], { on: "udp6", reads: ["public", "home"] }),
  row(IPV6.AUTOFLOWLABEL, false, { on: "udp6" }),
  row<number | undefined, number | undefined>(IPV6.CHECKSUM, 2, { on: "raw6", takes: OR_NONE }),
  row(IPV6.DONTFRAG, true, { on: "udp6" }),
  row(IPV6.DSTOPTS, PADDING, { on: "udp6" }),
  row(IPV6.FLOWINFO, true, { on: "udp6" }),
  row(IPV6.FLOWINFO_SEND, true, { on: "udp6" }),
  row(IPV6.FREEBIND, true, { on: "stream6" }),
  row(IPV6.HDRINCL, true, { on: "raw6" }),
  row(IPV6.HOPOPTS, PADDING, { on: "udp6" }),
  row(IPV6.MINHOPCOUNT, 5, { on: "stream6" }),
  unread(IPV6.MTU, 1280, { on: "udp6" }, (socket) => {
    socket.setOption(IPV6.MTU, 1280); // what it does: options_effects.test.ts
    assert.throws(() => socket.setOption(IPV6.MTU, 1279), sysError("EINVAL", "setsockopt")); // RFC 8200 §5
    assert.throws(() => socket.getOption(IPV6.MTU), sysError("ENOTCONN", "getsockopt"));
  }),
  row(IPV6.MTU_DISCOVER, "do", { on: "stream6", takes: NAME }),
  row(IPV6.MULTICAST_ALL, false, { on: "udp6" }),
  row(IPV6.MULTICAST_HOPS, 9, { on: "udp6" }),
  row(IPV6.MULTICAST_IF, "lo", { on: "udp6", reads: LO, takes: NAME }),
  row(IPV6.MULTICAST_LOOP, false, { on: "udp6" }),
  row(IPV6.RECVDSTOPTS, true, { on: "udp6" }),
  row(IPV6.RECVERR, true, { on: "stream6" }),
  row(IPV6.RECVERR_RFC4884, true, { on: "udp6" }),
  row(IPV6.RECVFRAGSIZE, true, { on: "udp6" }),
  row(IPV6.RECVHOPLIMIT, true, { on: "udp6" }),
  row(IPV6.RECVHOPOPTS, true, { on: "udp6" }),
  row(IPV6.RECVORIGDSTADDR, true, { on: "udp6" }),
  row(IPV6.RECVPATHMTU, true, { on: "udp6" }),
  row(IPV6.RECVPKTINFO, true, { on: "udp6" }),
  row(IPV6.RECVRTHDR, true, { on: "udp6" }),
  row(IPV6.RECVTCLASS, true, { on: "udp6" }),
  row(IPV6.ROUTER_ALERT, 5, { on: "rawraw6", reads: true, takes: OR_NONE }),
  row(IPV6.ROUTER_ALERT_ISOLATE, true, { on: "raw6" }),
  row(IPV6.RTHDR, SEGMENTS, { on: "udp6" }),
  row(IPV6.RTHDRDSTOPTS, PADDING, { on: "udp6" }),
  row(IPV6.TCLASS, 0x28, { on: "stream6" }),
  row(IPV6.TRANSPARENT, true, { on: "tcp6" }),
  row(IPV6.UNICAST_HOPS, 33, { on: "stream6" }),
  row(IPV6.UNICAST_IF, "lo", { on: "udp6", reads: LO, takes: NAME }),
  row(IPV6.V6ONLY, true, { on: "tcp6" }),

  row(TCP.CONGESTION, "reno"),
  row(TCP.CORK, true),
  row(TCP.DEFER_ACCEPT, 3, { on: "listener" }), // 1 + 2: a whole number of SYN-ACK intervals
  row(TCP.DELACK_MAX_US, 100_000), // a whole number of ticks at every HZ
  row(TCP.FASTOPEN, 5, { on: "listener" }),
  row(TCP.FASTOPEN_CONNECT, true, { on: "tcp" }),
  row(TCP.FASTOPEN_KEY, utf8("sixteen bytes ok"), { on: "listener" }),
  row(TCP.FASTOPEN_NO_COOKIE, true, { on: "tcp" }),
  row(TCP.INQ, true),
  row(TCP.KEEPCNT, 5),
  row(TCP.KEEPIDLE, 100),
  row(TCP.KEEPINTVL, 20),
  row(TCP.LINGER2, 30),
  row(TCP.MAXSEG, 1000, { on: "tcp" }),
  row(TCP.NODELAY, true),
  row(TCP.NOTSENT_LOWAT, 16_384),
  row(TCP.QUICKACK, false),
  row(TCP.RTO_MAX_MS, 5000),
  row(TCP.RTO_MIN_US, 100_000),
  row(TCP.SAVE_SYN, "network", { on: "listener", takes: NAME }),
  row(TCP.SYNCNT, 3),
  row(TCP.THIN_LINEAR_TIMEOUTS, true),
  row(TCP.TX_DELAY, 1000, { on: "tcp" }),
  row(TCP.ULP, "tls", { skip: !hasTls && "this kernel has no tls in /proc/sys/net/ipv4/tcp_available_ulp" }),
  row(TCP.USER_TIMEOUT, 5000),
  row(TCP.WINDOW_CLAMP, 50_000),

  row(UDP.CORK, true, { on: "udp" }),
  row(UDP.ENCAP, "l2tpinudp", { on: "udp", takes: NAME }),
  row(UDP.GRO, true, { on: "udp" }),
  row(UDP.NO_CHECK6_RX, true, { on: "udp6" }),
  row(UDP.NO_CHECK6_TX, true, { on: "udp6" }),
  row(UDP.SEGMENT, 1000, { on: "udp" }),

  row<readonly number[] | undefined, readonly number[] | undefined>(ICMP.FILTER, [0, 3, 11, 31], {
    on: "raw",
    takes: ["object", "undefined"],
  }),
  row<readonly number[] | undefined, readonly number[] | undefined>(ICMPV6.FILTER, [1, 3, 129, 255], {
    on: "icmpv6",
    takes: ["object", "undefined"],
  }),

  row(PACKET.AUXDATA, true, { on: "packet" }),
  unread(PACKET.COPY_THRESH, 1000, { on: "packet" }, (socket) => {
    socket.setOption(PACKET.COPY_THRESH, 1000); // what it does shows with rings of the older versions only
  }),
  row(PACKET.FANOUT, { group: 7, mode: "lb", flags: ["defrag"] }, { on: "boundpacket" }),
  row(PACKET.IGNORE_OUTGOING, true, { on: "packet" }),
  row(PACKET.LOSS, true, { on: "packet" }),
  row(PACKET.ORIGDEV, true, { on: "packet" }),
  row(PACKET.QDISC_BYPASS, true, { on: "packet" }),
  row(PACKET.RESERVE, 64, { on: "packet" }),
  row(PACKET.TIMESTAMP, ["raw-hardware"], { on: "packet" }),
  row(PACKET.TX_HAS_OFF, true, { on: "packet" }),
  row(PACKET.VERSION, "v3", { on: "packet", takes: NAME }),
  row(PACKET.VNET_HDR, true, { on: "packet" }),
  row(PACKET.VNET_HDR_SZ, 12, { on: "packet" }),
];

const TABLES = { SO, IP, IPV6, TCP, UDP, ICMP, ICMPV6, PACKET };
const isWritable = (it: object): it is WritableOption<unknown> => "to" in it;

test("every row that is written has a case here, on a kind of socket that the row is for", () => {
  const rows = Object.values(TABLES).flatMap((table) => Object.values(table) as object[]);
  assert.deepEqual(
    rows.filter(isWritable).map((it) => it.name),
    WRITABLE.map((it) => it.option.name),
    "the cases stand in the order of the rows",
  );
  for (const { option, more } of WRITABLE) {
    if (option.on === undefined) continue;
    const kind = SOCKET_OF[more.on ?? "stream"];
    assert.ok(option.on.includes(kind), `${option.name} is not for ${kind} sockets`);
  }
});

for (const { option, more, run } of WRITABLE) {
  const kind = more.on ?? "stream";
  const skip = more.skip || kernelSkip(option.since) || capabilitySkip(option.needs) || kindSkip(kind);
  test(`${option.name}: set, then read`, { skip }, async (t) => {
    using socket = await KINDS[kind]();
    try {
      run(socket);
    } catch (error) {
      const lacking = error instanceof SysError && /^(ENOPROTOOPT|EOPNOTSUPP)$/.test(error.code);
      if (more.config === undefined || !lacking) throw error;
      t.skip(`needs ${more.config}`);
    }
  });
}

test("a boolean comes back, too: set to true and to false again", async () => {
  using link = await pair();
  for (const option of [SO.KEEPALIVE, SO.OOBINLINE, TCP.NODELAY, TCP.CORK]) {
    for (const value of [true, false, true]) {
      link.client.setOption(option, value);
      assert.equal(link.client.getOption(option), value, option.name);
    }
  }
});

test("SO_LINGER: off, 0 and seconds are three things", async () => {
  using link = await pair();
  for (const value of [0, 5, undefined, 0]) {
    link.client.setOption(SO.LINGER, value);
    assert.equal(link.client.getOption(SO.LINGER), value);
  }
});

test("the borders of what a row takes reach the kernel as they are", async () => {
  using link = await pair();
  const rows: [SocketOption<number>, number[]][] = [
    [TCP.NOTSENT_LOWAT, [1, 0x80000000, 0xffffffff]],
    [IP.TTL, [1, 255]],
    [IP.MINTTL, [0, 255]],
    [TCP.KEEPCNT, [1, 127]],
    [TCP.KEEPIDLE, [1, 32767]],
    [TCP.USER_TIMEOUT, [0, 0x7fffffff]],
    [SO.RCVTIMEO, [0, 1000, 999_000, 86_400_000]],
  ];
  for (const [option, values] of rows) {
    for (const value of values) {
      link.client.setOption(option, value);
      assert.equal(link.client.getOption(option), value, `${option.name} ${value}`);
    }
  }
});

test("what is off or without limit is undefined, and 0 is 0", async () => {
  using stream = await KINDS.tcp();
  using unix = await KINDS.unix();
  const rows: [Optioned, SocketOption<number | undefined>, (number | undefined)[]][] = [
    // Beyond 32 bits, too; exactly 2^32 - 1 bytes per second is a limit.
    [stream, SO.MAX_PACING_RATE, [1, 0x7fffffff, 0x80000000, 0xffffffff, 2 ** 40, undefined, 5]],
    [stream, SO.INCOMING_CPU, [0, 1, undefined]],
    [unix, SO.PEEK_OFF, [0, 7, undefined, 0]],
  ];
  for (const [socket, option, values] of rows) {
    assert.equal(socket.getOption(option), undefined, `${option.name} at first`);
    for (const value of values) {
      socket.setOption(option, value);
      assert.equal(socket.getOption(option), value, `${option.name} ${value}`);
    }
  }
});

test("every name of an option's values is set and read back", { skip: kindSkip("udp6") }, async () => {
  using udp = await KINDS.udp();
  using udp6 = await KINDS.udp6();
  using tcp = await KINDS.tcp();
  const rows: [Optioned, SocketOption<string | number>][] = [
    [udp, IP.MTU_DISCOVER as SocketOption<string | number>],
    [udp6, IPV6.MTU_DISCOVER as SocketOption<string | number>],
    [tcp, TCP.SAVE_SYN as SocketOption<string | number>],
  ];
  for (const [socket, option] of rows) {
    for (const [name, number] of Object.entries(option.names ?? {})) {
      for (const value of [name, number]) {
        socket.setOption(option, value);
        assert.equal(socket.getOption(option), name, `${option.name} ${value}`);
      }
    }
  }
});

test("all flags of SO_TIMESTAMPING together", { skip: kernelSkip("6.15") }, async () => {
  using udp = await KINDS.udp();
  const { names = {} } = SO.TIMESTAMPING;
  const option = SO.TIMESTAMPING as unknown as SocketOption<readonly string[]>;
  const flags = Object.keys(names).filter((name) => name !== "bind-phc"); // which needs a clock of the device
  udp.setOption(option, flags);
  assert.deepEqual(udp.getOption(option), flags);
});

test("a value that has no name here stays a number, in flags, too", () => {
  assert.equal(IP.MTU_DISCOVER.decode(Uint8Array.of(77, 0, 0, 0)), 77);
  assert.deepEqual(IP.MTU_DISCOVER.to(77).bytes, Uint8Array.of(77, 0, 0, 0));
  const flags = Uint8Array.of(0x10, 0, 0, 0xc0);
  assert.deepEqual(SO.TIMESTAMPING.decode(flags), ["software", 0x40000000, 0x80000000]);
  assert.deepEqual(SO.TIMESTAMPING.to(["software", 0x40000000, 0x80000000]).bytes, flags);
  assert.deepEqual(SO.TIMESTAMPING.decode(new Uint8Array(8)), []);
  assert.equal(SO.TXREHASH.decode(Uint8Array.of(255, 0, 0, 0)), "default");
});

test("an int that the kernel answers with one byte is that byte", () => {
  assert.equal(IP.MULTICAST_TTL.decode(Uint8Array.of(200)), 200);
  assert.equal(SO.INCOMING_NAPI_ID.decode(Uint8Array.of(1, 0, 0, 0x80)), 0x80000001);
  assert.equal(TCP.LINGER2.decode(Uint8Array.of(0xfe, 0xff, 0xff, 0xff)), -2);
});

test("what decode gives does not change with the bytes that it was given, nor to() with the value", () => {
  const bytes = Uint8Array.of(1, 1, 1, 0);
  const options = IP.OPTIONS.decode(bytes);
  const setting = IP.OPTIONS.to(bytes);
  const before = SO.RCVBUF.to(1);
  SO.RCVBUF.to(2);
  bytes.fill(9);
  assert.deepEqual([options, setting.bytes], [Uint8Array.of(1, 1, 1, 0), Uint8Array.of(1, 1, 1, 0)]);
  assert.deepEqual(before.bytes, Uint8Array.of(1, 0, 0, 0));
  assert.notEqual(SO.KEEPALIVE.to(true).bytes, SO.KEEPALIVE.to(true).bytes);
});

const STRANGERS: readonly unknown[] = [
  undefined,
  null,
  true,
  1,
  5n,
  "1",
  "",
  {},
  [],
  Symbol("s"),
  () => 1,
  new Date(0),
  Object.create(null),
];
const ODD_NUMBERS = [Number.NaN, 0.5, Infinity, -Infinity, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, 1e300];

for (const { option, sample, more } of WRITABLE) {
  test(`${option.name}: wrong values are refused by name, before any system call`, () => {
    const { to, encode, name, names } = option;
    const refused = (value: unknown, kind: string): void => {
      for (const call of [to, encode]) {
        assert.throws(
          () => call(value),
          (error) =>
            error instanceof Error && error.name === kind && error.message.startsWith(`${name}: expected`),
          `${typeof value} ${typeof value === "object" ? "" : String(value)}`,
        );
      }
    };
    const takes = more.takes ?? [typeof sample];
    for (const value of STRANGERS) {
      const fits =
        typeof value === "object"
          ? Array.isArray(value) && Array.isArray(sample)
          : takes.includes(typeof value);
      if (!fits) refused(value, "TypeError");
    }
    if (takes.includes("number")) {
      // A rate has more room than an int, and some rows start at 0.
      for (const value of ODD_NUMBERS)
        if (option !== SO.MAX_PACING_RATE || value !== 2 ** 32) refused(value, "RangeError");
    }
    if (names !== undefined) {
      const wrap = (value: unknown): unknown => (Array.isArray(sample) ? [value] : value);
      for (const value of ["no-such", "", "__proto__", "toString", "software "])
        refused(wrap(value), "TypeError");
      if (Array.isArray(sample))
        for (const value of [null, undefined, true, {}]) refused([value], "TypeError");
    } else if (typeof sample === "string" && !takes.includes("number")) {
      for (const value of ["x".repeat(16), "a\0b", "é".repeat(8)]) refused(value, "RangeError");
    }
    to(sample);
  });
}

test("values of several parts are refused for each of them", () => {
  const rows: [WritableOption<never>, unknown, string, RegExp][] = [
    [IP.LOCAL_PORT_RANGE, { low: 1 }, "TypeError", /expected a number \(a port\), got undefined/],
    [IP.LOCAL_PORT_RANGE, { low: 1, high: 65536 }, "RangeError", /65536/],
    [IP.LOCAL_PORT_RANGE, { low: 5, high: 4 }, "RangeError", /got 5 and 4/],
    [SO.TXTIME, { clock: "sundial" }, "TypeError", /expected one of "realtime".*got "sundial"/],
    [SO.TXTIME, { clock: "tai", flags: ["deadline"] }, "TypeError", /got "deadline"/],
    [IP.OPTIONS, new Uint8Array(41), "RangeError", /at most 40 bytes, got 41/],
    [TCP.FASTOPEN_KEY, new Uint8Array(17), "RangeError", /16 or 32 bytes, got 17/],
    [TCP.FASTOPEN_KEY, new Uint8Array(0), "RangeError", /16 or 32 bytes, got 0/],
    [ICMP.FILTER, [0, 32], "RangeError", /0 to 31 .*those from 32 on are always let through.*got 32/],
    [ICMP.FILTER, [-1], "RangeError", /got -1/],
    [ICMP.FILTER, ["8"], "TypeError", /expected a number .*got "8"/],
    [ICMPV6.FILTER, [256], "RangeError", /0 to 255 .*got 256/],
    [ICMPV6.FILTER, 129, "TypeError", /an array of ICMP types, or undefined, got 129/],
    [IP.MULTICAST_IF, "", "RangeError", /the name of an interface/],
    [IP.MULTICAST_IF, new Uint8Array(4), "TypeError", /got Uint8Array/],
  ];
  for (const [option, value, kind, message] of rows) {
    assert.throws(
      () => (option as WritableOption<unknown>).to(value),
      (error) => error instanceof Error && error.name === kind && message.test(error.message),
      `${option.name} ${JSON.stringify(value)}`,
    );
  }
  for (const value of [
    { low: 5, high: 0 },
    { low: 0, high: 5 },
    { low: 7, high: 7 },
  ]) {
    assert.deepEqual(IP.LOCAL_PORT_RANGE.decode(IP.LOCAL_PORT_RANGE.to(value).bytes), value);
  }
  assert.deepEqual(SO.TXTIME.decode(SO.TXTIME.to({ clock: "tai" }).bytes), { clock: "tai", flags: [] });
});

test("an interface is taken by name and by index, and one that is not there is named", () => {
  const options = [SO.BINDTOIFINDEX, IP.UNICAST_IF, IP.MULTICAST_IF, IPV6.MULTICAST_IF, IPV6.UNICAST_IF];
  for (const option of options as WritableOption<string | number>[]) {
    assert.deepEqual(option.to("lo").bytes, option.to(LO).bytes, option.name);
    assert.throws(
      () => option.to("nosuchif0"),
      (error) =>
        sysError("ENODEV", "if_nametoindex")(error) &&
        (error as Error).message.includes(option.name) &&
        /no network interface named nosuchif0/.test((error as Error).message),
    );
  }
  assert.deepEqual(IP.MULTICAST_IF.to("127.0.0.1").bytes, IP.MULTICAST_IF.to(Ipv4Addr.LOCALHOST).bytes);
  assert.deepEqual(IP.UNICAST_IF.to(0x01020304).bytes, Uint8Array.of(1, 2, 3, 4)); // network byte order
});

test("a wrong value changes nothing", async () => {
  using link = await pair();
  link.client.setOption(IP.TTL, 33);
  assert.throws(() => link.client.setOption(IP.TTL, 256), RangeError);
  assert.throws(() => link.client.setOption(IP.TTL, "34" as unknown as number), TypeError);
  assert.equal(link.client.getOption(IP.TTL), 33);
});

/** What the kernel says on a connected TCP stream over IPv4. */
const REFUSED: readonly [option: { readonly name: string }, value: unknown, ...codes: string[]][] = [
  [TCP.CONGESTION, "nosuchalgo", "ENOENT"],
  [TCP.ULP, "nosuchulp", "ENOENT"],
  [TCP.FASTOPEN_CONNECT, true, "EINVAL"], // only before connect
  [IPV6.V6ONLY, true, "ENOPROTOOPT"],
  [IPV6.UNICAST_HOPS, 5, "ENOPROTOOPT"],
  [IP.HDRINCL, true, "ENOPROTOOPT"],
  [IP.MULTICAST_TTL, 5, "EINVAL"],
  [IP.RECVFRAGSIZE, true, "EINVAL"],
  [UDP.GRO, true, "ENOPROTOOPT"],
  [UDP.SEGMENT, 1000, "ENOPROTOOPT"],
  [IP.UNICAST_IF, 0x7fffffff, "EADDRNOTAVAIL"],
  [UDP.CORK, undefined, "EOPNOTSUPP", "ENOPROTOOPT"],
  [IPV6.TCLASS, undefined, "EOPNOTSUPP", "ENOPROTOOPT"],
  [SO.PEERGROUPS, undefined, "ENODATA"],
];

test("what the kernel refuses is a SysError with the option's name", async () => {
  using link = await pair();
  for (const [option, value, ...codes] of REFUSED) {
    const call =
      value === undefined
        ? () => link.client.getOption(option as ReadableOption<unknown>)
        : () => link.client.setOption(option as WritableOption<unknown>, value);
    assert.throws(
      call,
      (error) =>
        error instanceof SysError &&
        codes.includes(error.code) &&
        error.syscall === (value === undefined ? "getsockopt" : "setsockopt") &&
        error.message.includes(option.name),
      option.name,
    );
  }
});

test("why an option may have been refused is said from its row", () => {
  const { errno } = sys;
  const rows: [Parameters<typeof refusal>[0], number, string | undefined][] = [
    [SO.MARK, errno.EPERM, "to set it so needs the capability CAP_NET_ADMIN or CAP_NET_RAW"],
    [SO.MARK, -errno.EPERM, "to set it so needs the capability CAP_NET_ADMIN or CAP_NET_RAW"],
    [SO.MARK, errno.ENOPROTOOPT, undefined],
    [SO.PASSRIGHTS, errno.EOPNOTSUPP, "it is for unix sockets; it came with Linux 6.16"],
    [SO.PASSCRED.to(true), errno.EOPNOTSUPP, "it is for unix, netlink sockets"],
    [TCP.RTO_MAX_MS, errno.ENOPROTOOPT, "it came with Linux 6.15"],
    [TCP.RTO_MAX_MS, errno.EINVAL, undefined],
    [TCP.NODELAY, errno.EPERM, undefined],
  ];
  for (const [option, number, hint] of rows) {
    assert.deepEqual(refusal(option, number), { address: option.name, hint });
  }
});
