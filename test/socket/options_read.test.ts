/** Socket options that are only read: each beside what another source says. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import {
  IP,
  IPV6,
  PACKET,
  type ReadableOption,
  SO,
  SocketAddr,
  SysError,
  TCP,
  TcpListener,
  TcpStream,
  UDP,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, noNamespaces, noPython, noRoot, noSs, type Pair, pair, test } from "./_helpers.ts";
import { bare, kernelSkip, kindSkip, unixPair } from "./_option_sockets.ts";

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
const algorithms = readFileSync("/proc/sys/net/ipv4/tcp_available_congestion_control", "utf8").split(/\s/);

/** A line of /proc/self/status. */
function status(key: string): string {
  const text = readFileSync("/proc/self/status", "utf8");
  return new RegExp(`^${key}:[ \\t]*(.*)$`, "m").exec(text)?.[1]?.trim() ?? "";
}

interface Reading {
  readonly skip?: string | false;
  readonly run: (link: Pair) => Promise<void> | void;
}

/** Rows with tests of their own, in a network namespace: at the end, or where the comment says. */
const ELSEWHERE = [
  "SO_ORIGINAL_DST",
  "IP6T_SO_ORIGINAL_DST",
  "PACKET_ROLLOVER_STATS", // test/socket/packet_fanout.test.ts
  "PACKET_STATISTICS", // test/socket/packet_socket.test.ts
];

/** Why there is no security label on the other side of a local socket, or false. */
const noLabels: string | false = (() => {
  using both = unixPair();
  try {
    both.ends[0].getOption(SO.PEERSEC);
    return false;
  } catch (error) {
    if (!(error instanceof SysError) || error.code !== "ENOPROTOOPT") throw error;
    return "no security module of this kernel labels sockets";
  }
})();

const READ_ONLY: Readonly<Record<string, Reading>> = {
  SO_ACCEPTCONN: {
    run({ client }) {
      using listener = TcpListener.bind("127.0.0.1:0");
      assert.deepEqual([listener.getOption(SO.ACCEPTCONN), client.getOption(SO.ACCEPTCONN)], [true, false]);
    },
  },
  SO_BPF_EXTENSIONS: {
    // SKF_AD_MAX, include/uapi/linux/filter.h: 64 since Linux 3.16; extensions are only ever added
    run: ({ client }) => assert.ok(client.getOption(SO.BPF_EXTENSIONS) >= 64),
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
      assert.equal(client.getOption(SO.DOMAIN), "ipv4");
      using both = unixPair();
      assert.equal(both.ends[0].getOption(SO.DOMAIN), "unix");
      if (noIpv6) return;
      using six = await pair({ at: "[::1]:0" });
      assert.equal(six.client.getOption(SO.DOMAIN), "ipv6");
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
  SO_INCOMING_NAPI_ID: {
    async run({ client, server }) {
      await server.writeAll(new Uint8Array(10));
      await client.readExact(new Uint8Array(10));
      assert.equal(client.getOption(SO.INCOMING_NAPI_ID), 0); // loopback has no device queue
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
  SO_NETNS_COOKIE: {
    skip: kernelSkip(SO.NETNS_COOKIE.since) || noNamespaces || noPython,
    run({ client, server }) {
      const python = "import socket; print(int.from_bytes(socket.socket().getsockopt(1, 71, 8), 'little'))";
      const ask = (...command: string[]): bigint => {
        const { stdout, stderr } = spawnSync(
          command[0] as string,
          [...command.slice(1), "python3", "-c", python],
          {
            encoding: "utf8",
          },
        );
        assert.match(stdout, /^\d+\n$/, stderr);
        return BigInt(stdout);
      };
      const ours = client.getOption(SO.NETNS_COOKIE);
      assert.equal(ours, server.getOption(SO.NETNS_COOKIE));
      assert.equal(ours, ask("env"));
      assert.notEqual(ours, ask("unshare", "-n"));
    },
  },
  SO_PEERCRED: {
    run({ client }) {
      using both = unixPair();
      assert.deepEqual(both.ends[0].getOption(SO.PEERCRED), {
        pid: process.pid,
        uid: process.geteuid?.(),
        gid: process.getegid?.(),
      });
      assert.equal(client.getOption(SO.PEERCRED), undefined);
    },
  },
  SO_PEERGROUPS: {
    run() {
      using both = unixPair();
      const groups = status("Groups")
        .split(" ")
        .filter((it) => it !== "")
        .map(Number);
      assert.deepEqual(both.ends[0].getOption(SO.PEERGROUPS), groups);
    },
  },
  SO_PEERSEC: {
    skip: noLabels,
    run() {
      using both = unixPair();
      const [label] = readFileSync("/proc/self/attr/current", "utf8").split(/[\0\n ]/);
      assert.equal(both.ends[0].getOption(SO.PEERSEC).split(" ")[0], label);
    },
  },
  SO_PROTOCOL: { run: ({ client }) => assert.equal(client.getOption(SO.PROTOCOL), 6) }, // /etc/protocols
  SO_SNDLOWAT: { run: ({ client }) => assert.equal(client.getOption(SO.SNDLOWAT), 1) }, // man 7 socket
  SO_TYPE: {
    run({ client }) {
      assert.equal(client.getOption(SO.TYPE), "stream");
      for (const [number, name] of [
        [sys.SOCK_DGRAM, "datagram"],
        [sys.SOCK_SEQPACKET, "seqpacket"],
      ] as const) {
        using socket = bare(sys.AF_UNIX, number);
        assert.equal(socket.getOption(SO.TYPE), name);
      }
    },
  },
  IP_MTU: {
    run: ({ client }) => assert.equal(client.getOption(IP.MTU), Math.min(loopbackMtu(), IP_MAX_MTU)),
  },
  IP_PROTOCOL: {
    skip: kernelSkip(IP.PROTOCOL.since) || kindSkip("raw"),
    run() {
      using socket = bare(sys.AF_INET, sys.SOCK_RAW, 253);
      assert.equal(socket.getOption(IP.PROTOCOL), 253);
    },
  },
  IPV6_PATHMTU: {
    skip: noIpv6,
    async run() {
      using six = await pair({ at: "[::1]:0" });
      assert.equal(six.client.getOption(IPV6.PATHMTU), loopbackMtu());
      assert.equal(six.client.getOption(IPV6.MTU), loopbackMtu()); // that one is written, too
    },
  },
  TCP_CC_INFO: {
    skip: noSs || (!algorithms.includes("bbr") && "this kernel has no bbr"),
    async run({ client, server }) {
      client.setOption(TCP.CONGESTION, "reno");
      assert.deepEqual(client.getOption(TCP.CC_INFO), new Uint8Array());
      client.setOption(TCP.CONGESTION, "bbr");
      await client.writeAll(new Uint8Array(5000));
      await server.readExact(new Uint8Array(5000));
      const info = client.getOption(TCP.CC_INFO);
      assert.equal(info.length, 20); // struct tcp_bbr_info: bw_lo, bw_hi, min_rtt in µs, two gains
      const minRttMs = new DataView(info.buffer, info.byteOffset).getUint32(8, true) / 1000;
      assert.equal(minRttMs, numberIn(ss(client), / bbr:\(.*mrtt:([\d.]+)/));
    },
  },
  TCP_INFO: {
    skip: noSs,
    async run({ client, server }) {
      await client.writeAll(new Uint8Array(5000));
      await server.readExact(new Uint8Array(5000));
      client.shutdown("write");
      await server.read(new Uint8Array(1)); // the connection is quiet from here on
      let info = server.getOption(TCP.INFO);
      let text = ss(server);
      // A delayed acknowledgement may go out in between: then ask again.
      for (let next = server.getOption(TCP.INFO); next.tcpi_segs_out !== info.tcpi_segs_out; ) {
        info = next;
        text = ss(server);
        next = server.getOption(TCP.INFO);
      }
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
  TCP_IS_MPTCP: {
    skip: kernelSkip(TCP.IS_MPTCP.since),
    run({ client }) {
      assert.equal(client.getOption(TCP.IS_MPTCP), false);
      const IPPROTO_MPTCP = 262;
      const fd = sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, IPPROTO_MPTCP);
      if (fd < 0) return; // not built in, or /proc/sys/net/mptcp/enabled is 0
      sys.close(fd);
      using listener = bare(sys.AF_INET, sys.SOCK_STREAM, IPPROTO_MPTCP);
      using caller = bare(sys.AF_INET, sys.SOCK_STREAM, IPPROTO_MPTCP);
      sys.check(sys.bind(listener.fd, sys.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"))), "bind");
      sys.check(sys.listen(listener.fd, 1), "listen");
      sys.check(sys.connect(caller.fd, sys.getsockname(listener.fd) as Uint8Array), "connect");
      assert.equal(caller.getOption(TCP.IS_MPTCP), true);
    },
  },
  TCP_SAVED_SYN: {
    async run() {
      using listener = TcpListener.bind("127.0.0.1:0");
      listener.setOption(TCP.SAVE_SYN, "network");
      using client = await TcpStream.connect(listener.localAddr);
      using server = await listener.accept();
      const syn = server.getOption(TCP.SAVED_SYN);
      assert.ok(syn !== undefined && syn.length >= 40); // IPv4 and TCP headers of 20 bytes each, at least
      assert.equal((syn[0] ?? 0) >> 4, 4, "the version of RFC 791 §3.1");
      const tcp = new DataView(syn.buffer, syn.byteOffset + ((syn[0] ?? 0) & 15) * 4);
      assert.equal(tcp.getUint16(0), client.localAddr.port);
      assert.equal(tcp.getUint16(2), listener.localAddr.port);
      assert.equal(tcp.getUint8(13) & 0x02, 0x02, "SYN, RFC 9293 §3.1");
      assert.equal(server.getOption(TCP.SAVED_SYN), undefined, "it is given once");
      assert.equal(client.getOption(TCP.SAVED_SYN), undefined);
    },
  },
  TCP_TIMESTAMP: {
    skip:
      readFileSync("/proc/sys/net/ipv4/tcp_timestamps", "utf8").trim() !== "1" &&
      "needs 1 in /proc/sys/net/ipv4/tcp_timestamps",
    async run() {
      using listener = TcpListener.bind("127.0.0.1:0");
      listener.setOption(TCP.SAVE_SYN, "network");
      using client = await TcpStream.connect(listener.localAddr);
      using server = await listener.accept();
      const now = client.getOption(TCP.TIMESTAMP);
      // The offset is random, so that only the right clock is near the TSval of its own SYN. That may be ahead of
      // the clock, since it tells when pacing lets the segment go.
      const ms = (now - timestampOf(server.getOption(TCP.SAVED_SYN) ?? new Uint8Array())) | 0;
      assert.ok(Math.abs(ms) < 60_000, `${ms} ms after the SYN`);
    },
  },
};

/** The TSval of an IPv4 segment, RFC 7323 §3.2. */
function timestampOf(segment: Uint8Array): number {
  const start = ((segment[0] ?? 0) & 15) * 4;
  const end = start + ((segment[start + 12] ?? 0) >> 4) * 4;
  for (let at = start + 20; at < end; ) {
    if (segment[at] === 8) return new DataView(segment.buffer, segment.byteOffset + at + 2).getUint32(0);
    at += segment[at] === 1 ? 1 : (segment[at + 1] ?? end); // one octet of no-operation, or kind and length
  }
  throw new Error("the segment has no timestamp");
}

test("every row that is only read has a case here", () => {
  const rows = [SO, IP, IPV6, TCP, UDP, PACKET].flatMap(
    (table) => Object.values(table) as Partial<ReadableOption<unknown>>[],
  );
  const readOnly = rows.filter((it) => !("to" in it)).map((it) => it.name);
  assert.deepEqual([...Object.keys(READ_ONLY), ...ELSEWHERE].sort(), readOnly.sort());
});

for (const [name, { skip = false, run }] of Object.entries(READ_ONLY)) {
  test(`${name}: what another source says`, { skip }, async () => {
    using link = await pair();
    await run(link);
  });
}

isolated(import.meta.url, "SO_PEERGROUPS: all of them, in the kernel's order", { skip: noRoot }, async () => {
  process.setgroups?.([30, 7, 0xfffffffe]);
  using both = unixPair();
  assert.deepEqual(both.ends[0].getOption(SO.PEERGROUPS), [7, 30, 0xfffffffe]);
});

const noNft = spawnSync("nft", ["--version"]).status === 0 ? false : "needs nft of nftables";

/** Redirects what is sent to port 81 here to port 8181. */
const redirect = (family: string): string => `
  nft add table ${family} nat
  nft add chain ${family} nat output '{ type nat hook output priority -100; }'
  nft add rule ${family} nat output tcp dport 81 redirect to :8181
`;

for (const [option, family, host] of [
  [IP.ORIGINAL_DST, "ip", "127.0.0.1"],
  [IPV6.ORIGINAL_DST, "ip6", "[::1]"],
] as const) {
  isolated(
    import.meta.url,
    `${option.name}: where a redirected connection was going`,
    { skip: noNft || (family === "ip6" && noIpv6), netns: `ip link set lo up\n${redirect(family)}` },
    async () => {
      using listener = TcpListener.bind(`${host}:8181`);
      using client = await TcpStream.connect(`${host}:81`);
      using server = await listener.accept();
      assert.equal(server.getOption(option).toString(), `${host}:81`);
      assert.equal(server.localAddr.port, 8181);
      assert.equal(client.peerAddr.port, 81);
    },
  );
}
