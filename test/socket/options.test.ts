/** Socket options: every row is set to a value that differs from the one it has, and read back; every codec refuses. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import {
  IP,
  IPV6,
  type ReadableOption,
  SO,
  type SocketOption,
  SysError,
  TCP,
  TcpListener,
  type TcpStream,
  type WritableOption,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { noIpv6, noRoot, noSs, type Pair, pair, sysError, test, utf8 } from "./_helpers.ts";

/** What getOption and setOption are called on. */
interface Optioned extends Disposable {
  getOption<T>(option: ReadableOption<T>): T;
  setOption<T>(option: WritableOption<T>, value: T): void;
}

/** A bare socket, for options that can be set in its first state alone. */
function bare(family: number): Optioned {
  const fd = sys.check(sys.socket(family, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0), "socket");
  return {
    getOption(option) {
      const bytes = new Uint8Array(option.size);
      const length = sys.check(sys.getsockopt(fd, option.level, option.optname, bytes), "getsockopt");
      return option.decode(bytes.subarray(0, length));
    },
    setOption(option, value) {
      const { level, optname, bytes } = option.to(value);
      sys.check(sys.setsockopt(fd, level, optname, bytes), "setsockopt");
    },
    [Symbol.dispose]: () => void sys.close(fd),
  };
}

const KINDS = {
  stream: async (): Promise<Optioned> => {
    const { client, server } = await pair();
    return Object.assign(client, {
      [Symbol.dispose]: () => [client, server].forEach((it) => void it.close()),
    });
  },
  stream6: async (): Promise<Optioned> => {
    const { client, server } = await pair({ at: "[::1]:0" });
    return Object.assign(client, {
      [Symbol.dispose]: () => [client, server].forEach((it) => void it.close()),
    });
  },
  listener: async (): Promise<Optioned> => TcpListener.bind("127.0.0.1:0"),
  bare: async (): Promise<Optioned> => bare(sys.AF_INET),
  bare6: async (): Promise<Optioned> => bare(sys.AF_INET6),
} as const;

interface Case {
  readonly option: { readonly name: string };
  readonly run: (socket: Optioned) => void;
  readonly on: keyof typeof KINDS;
  readonly sample: unknown;
  readonly skip: string | false;
}

/** A value to set, and what is read then: the same, unless the kernel changes it. */
function row<T>(
  option: SocketOption<T>,
  value: T,
  more: { on?: keyof typeof KINDS; reads?: T; skip?: string | false } = {},
): Case {
  return {
    option,
    on: more.on ?? "stream",
    sample: value,
    skip: more.skip ?? false,
    run(socket) {
      const { reads = value } = more;
      assert.notDeepEqual(
        socket.getOption(option),
        reads,
        "the test value is the initial one: it would prove nothing",
      );
      socket.setOption(option, value);
      assert.deepEqual(socket.getOption(option), reads);
    },
  };
}

const WRITABLE: readonly Case[] = [
  row(SO.BINDTODEVICE, "lo", { on: "bare" }),
  row(SO.BROADCAST, true),
  row(SO.DONTROUTE, true),
  row(SO.INCOMING_CPU, 1, { on: "bare" }), // -1 before the first packet
  row(SO.KEEPALIVE, true),
  row<number | undefined>(SO.LINGER, 7),
  row(SO.MARK, 0xdeadbeef, { skip: noRoot }),
  row(SO.MAX_PACING_RATE, 1_000_000),
  row(SO.OOBINLINE, true),
  row(SO.PRIORITY, 5),
  row(SO.RCVBUF, 50_000, { reads: 100_000 }), // doubled, man 7 socket
  row(SO.RCVLOWAT, 100),
  row(SO.REUSEADDR, false, { on: "listener" }),
  row(SO.REUSEPORT, true, { on: "bare" }),
  row(SO.SNDBUF, 50_000, { reads: 100_000 }),
  row(IP.BIND_ADDRESS_NO_PORT, true, { on: "bare" }),
  row(IP.FREEBIND, true),
  row(IP.MINTTL, 5),
  row(IP.MTU_DISCOVER, 0),
  row(IP.RECVERR, true),
  row(IP.TOS, 0x28),
  row(IP.TTL, 33),
  row(IPV6.FREEBIND, true, { on: "stream6", skip: noIpv6 }),
  row(IPV6.MINHOPCOUNT, 5, { on: "stream6", skip: noIpv6 }),
  row(IPV6.MTU_DISCOVER, 0, { on: "stream6", skip: noIpv6 }),
  row(IPV6.RECVERR, true, { on: "stream6", skip: noIpv6 }),
  row(IPV6.TCLASS, 0x28, { on: "stream6", skip: noIpv6 }),
  row(IPV6.UNICAST_HOPS, 33, { on: "stream6", skip: noIpv6 }),
  row(IPV6.V6ONLY, true, { on: "bare6", skip: noIpv6 }),
  row(TCP.CONGESTION, "reno"),
  row(TCP.CORK, true),
  row(TCP.DEFER_ACCEPT, 3, { on: "listener" }), // 1 + 2: a whole number of SYN-ACK intervals
  row(TCP.FASTOPEN, 5, { on: "listener" }),
  row(TCP.FASTOPEN_CONNECT, true, { on: "bare" }),
  row(TCP.KEEPCNT, 5),
  row(TCP.KEEPIDLE, 100),
  row(TCP.KEEPINTVL, 20),
  row(TCP.LINGER2, 30),
  row(TCP.MAXSEG, 1000, { on: "bare" }),
  row(TCP.NODELAY, true),
  row(TCP.NOTSENT_LOWAT, 16_384),
  row(TCP.QUICKACK, false),
  row(TCP.SYNCNT, 3),
  row(TCP.USER_TIMEOUT, 5000),
  row(TCP.WINDOW_CLAMP, 50_000),
];

/** The line of ss about a socket, with -e (cookie), -i (TCP_INFO) and -m (memory). */
function ss(stream: TcpStream): string {
  const filter = `sport = :${stream.localAddr.port} and dport = :${stream.peerAddr.port}`;
  return spawnSync("ss", ["-HtnOeim", filter], { encoding: "utf8" }).stdout;
}

/** What the pattern's group matches in the text, as a number. */
function numberIn(text: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(text) ?? [];
  assert.ok(digits !== undefined, `${pattern} is not in ${text}`);
  return Number(digits);
}

/** include/net/ip.h: what the length field of a packet can say, though loopback's MTU is one more. */
const IP_MAX_MTU = 0xffff;
const loopbackMtu = (): number => Number(readFileSync("/sys/class/net/lo/mtu", "utf8"));

/** What a read-only option gives, beside what another source says. */
const READ_ONLY: Readonly<
  Record<string, { skip?: string | false; run: (link: Pair) => Promise<void> | void }>
> = {
  SO_ACCEPTCONN: {
    run({ client }) {
      using listener = TcpListener.bind("127.0.0.1:0");
      assert.deepEqual([listener.getOption(SO.ACCEPTCONN), client.getOption(SO.ACCEPTCONN)], [true, false]);
    },
  },
  SO_COOKIE: {
    skip: noSs,
    run({ client, server }) {
      for (const stream of [client, server]) {
        const [, hex] = / sk:([0-9a-f]+)/.exec(ss(stream)) ?? [];
        assert.equal(stream.getOption(SO.COOKIE), BigInt(`0x${hex}`));
      }
    },
  },
  SO_DOMAIN: {
    async run({ client }) {
      assert.equal(client.getOption(SO.DOMAIN), 2); // AF_INET, man 2 socket
      if (noIpv6) return;
      using six = await pair({ at: "[::1]:0" });
      assert.equal(six.client.getOption(SO.DOMAIN), 10);
    },
  },
  SO_ERROR: {
    run({ client, server }) {
      assert.equal(client.getOption(SO.ERROR), undefined);
      server.setOption(SO.LINGER, 0);
      server.close();
      const error = client.getOption(SO.ERROR);
      assert.ok(error instanceof SysError);
      assert.equal(error.code, "ECONNRESET");
      assert.equal(client.getOption(SO.ERROR), undefined, "reading clears it");
    },
  },
  SO_MEMINFO: {
    skip: noSs,
    async run({ client, server }) {
      await server.writeAll(new Uint8Array(10_000));
      await client.readable();
      const info = client.getOption(SO.MEMINFO);
      assert.equal(info.rcvbuf, client.getOption(SO.RCVBUF));
      assert.equal(info.sndbuf, client.getOption(SO.SNDBUF));
      const text = ss(client); // skmem:(r<rmem_alloc>,rb<rcvbuf>,t<wmem_alloc>,tb<sndbuf>,f…,w<wmem_queued>,o…,bl…,d<drops>)
      assert.equal(info.rmem_alloc, numberIn(text, /skmem:\(r(\d+),/));
      assert.equal(info.wmem_alloc, numberIn(text, /,t(\d+),/));
      assert.equal(info.fwd_alloc, numberIn(text, /,f(\d+),/));
      assert.equal(info.wmem_queued, numberIn(text, /,w(\d+),/));
      assert.equal(info.drops, numberIn(text, /,d(\d+)\)/));
      assert.ok((info.rmem_alloc ?? 0) >= 10_000);
    },
  },
  SO_PROTOCOL: { run: ({ client }) => assert.equal(client.getOption(SO.PROTOCOL), 6) }, // /etc/protocols
  SO_TYPE: { run: ({ client }) => assert.equal(client.getOption(SO.TYPE), 1) }, // SOCK_STREAM
  IP_MTU: {
    run: ({ client }) => assert.equal(client.getOption(IP.MTU), Math.min(loopbackMtu(), IP_MAX_MTU)),
  },
  IPV6_MTU: {
    skip: noIpv6,
    async run() {
      using six = await pair({ at: "[::1]:0" });
      assert.equal(six.client.getOption(IPV6.MTU), loopbackMtu());
    },
  },
  TCP_INFO: {
    skip: noSs,
    async run({ client, server }) {
      await client.writeAll(new Uint8Array(5000));
      await server.readExact(new Uint8Array(5000));
      client.shutdown("write");
      await server.read(new Uint8Array(1)); // the connection is quiet from here on
      const info = server.getOption(TCP.INFO);
      const text = ss(server);
      assert.equal(info.tcpi_snd_mss, numberIn(text, / mss:(\d+)/));
      assert.equal(info.tcpi_pmtu, numberIn(text, / pmtu:(\d+)/));
      assert.equal(info.tcpi_rcv_mss, numberIn(text, / rcvmss:(\d+)/));
      assert.equal(info.tcpi_advmss, numberIn(text, / advmss:(\d+)/));
      assert.equal(info.tcpi_snd_cwnd, numberIn(text, / cwnd:(\d+)/));
      assert.equal(info.tcpi_bytes_received, BigInt(numberIn(text, / bytes_received:(\d+)/)));
      assert.equal(info.tcpi_segs_in, numberIn(text, / segs_in:(\d+)/));
      assert.equal(info.tcpi_segs_out, numberIn(text, / segs_out:(\d+)/));
      assert.equal(info.tcpi_rcv_space, numberIn(text, / rcv_space:(\d+)/));
      assert.equal((info.tcpi_rto ?? 0) / 1000, numberIn(text, / rto:([\d.]+)/));
      const scales = `wscale:${info.tcpi_snd_wscale},${info.tcpi_rcv_wscale}`;
      assert.ok(text.includes(scales), `${scales} is not in ${text}`);
      assert.equal(info.tcpi_snd_wnd, numberIn(text, / snd_wnd:(\d+)/));
    },
  },
};

const ROWS = [SO, IP, IPV6, TCP].flatMap((table) => Object.values(table) as ReadableOption<unknown>[]);
const isWritable = (it: object): it is SocketOption<unknown> => "to" in it;

test("every row of SO, IP, IPV6 and TCP has a case here, and its C name is that of its table", () => {
  const writable = ROWS.filter(isWritable).map((it) => it.name);
  assert.deepEqual(writable.toSorted(), WRITABLE.map((it) => it.option.name).toSorted());
  const readOnly = ROWS.filter((it) => !isWritable(it)).map((it) => it.name);
  assert.deepEqual(readOnly.toSorted(), Object.keys(READ_ONLY).toSorted());
  for (const [prefix, table] of Object.entries({ SO, IP, IPV6, TCP })) {
    for (const [key, option] of Object.entries(table)) assert.equal(option.name, `${prefix}_${key}`);
  }
});

for (const { option, on, run, skip } of WRITABLE) {
  test(`${option.name}: set, then read`, { skip }, async (t) => {
    using socket = await KINDS[on]();
    try {
      run(socket);
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== "ENOPROTOOPT") throw error;
      t.skip(`this kernel does not have ${option.name}`);
    }
  });
}

for (const [name, { skip = false, run }] of Object.entries(READ_ONLY)) {
  test(`${name}: what another source says`, { skip }, async () => {
    using link = await pair();
    await run(link);
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
    [SO.MAX_PACING_RATE, [1, 0x7fffffff, 0x80000000, 0xffffffff]],
    [TCP.NOTSENT_LOWAT, [1, 0x80000000, 0xffffffff]],
    [IP.TTL, [1, 255]],
    [IP.MINTTL, [0, 255]],
    [TCP.KEEPCNT, [1, 127]],
    [TCP.KEEPIDLE, [1, 32767]],
    [TCP.USER_TIMEOUT, [0, 0x7fffffff]],
  ];
  for (const [option, values] of rows) {
    for (const value of values) {
      link.client.setOption(option, value);
      assert.equal(link.client.getOption(option), value, `${option.name} ${value}`);
    }
  }
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
];
const ODD_NUMBERS = [Number.NaN, 0.5, Infinity, -Infinity, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, 1e300];

for (const { option, sample } of WRITABLE) {
  test(`${option.name}: wrong values are refused by name, before any system call`, () => {
    const { to, name } = option as WritableOption<unknown>;
    const refused = (value: unknown, kind: string): void =>
      assert.throws(
        () => to(value),
        (error) =>
          error instanceof Error && error.name === kind && error.message.startsWith(`${name}: expected`),
        `${String(value)} (${typeof value})`,
      );
    for (const value of STRANGERS) {
      if (typeof value === typeof sample) continue;
      if (option === SO.LINGER && value === undefined) continue; // off
      refused(value, "TypeError");
    }
    if (typeof sample === "number") for (const value of ODD_NUMBERS) refused(value, "RangeError");
    if (typeof sample === "string")
      for (const value of ["x".repeat(16), "a\0b", "é".repeat(8)]) refused(value, "RangeError");
    to(sample);
  });
}

test("a wrong value changes nothing", async () => {
  using link = await pair();
  link.client.setOption(IP.TTL, 33);
  assert.throws(() => link.client.setOption(IP.TTL, 256), RangeError);
  assert.throws(() => link.client.setOption(IP.TTL, "34" as unknown as number), TypeError);
  assert.equal(link.client.getOption(IP.TTL), 33);
});

test("what the kernel refuses is a SysError with the option's name", async () => {
  using link = await pair();
  assert.throws(
    () => link.client.setOption(TCP.CONGESTION, "nosuchalgo"),
    (error) => {
      sysError("ENOENT", "setsockopt")(error);
      assert.match((error as Error).message, /TCP_CONGESTION/);
      return true;
    },
  );
  assert.throws(
    () => link.client.getOption(IPV6.V6ONLY),
    (error) => {
      assert.ok(error instanceof SysError);
      assert.equal(error.syscall, "getsockopt");
      assert.match(error.message, /IPV6_V6ONLY/);
      return true;
    },
  );
});

test("SO_RCVLOWAT holds back readable until so many bytes are there", async () => {
  using link = await pair();
  link.client.setOption(SO.RCVLOWAT, 10);
  const readable = link.client.readable({ timeoutMs: 10_000 });
  await link.server.writeAll(utf8("12345"));
  await link.server.writeAll(utf8("67890"));
  await readable;
  assert.equal(link.client.tryRead(new Uint8Array(20)), 10);
});
