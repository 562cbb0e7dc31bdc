/** Internet sockets as the kernel tells of them: field by field against ss, getsockopt and /proc, in every TCP state. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { SocketAddr } from "../../../src/ip/index.ts";
import {
  DiagSocket,
  EXTENSION_NAMES,
  type InetSocket,
  type InetSocketFields,
  TCP_STATES,
} from "../../../src/netlink/diag/index.ts";
import { IP, SO, TCP, TcpListener, TcpStream, UdpSocket } from "../../../src/socket/index.ts";
import * as C from "../../../src/sys/index.ts";
import { BED_NETNS, Bed } from "../../cli/_sockets_bed.ts";
import { isolated, noIpv6, noSs, pair, test } from "../../socket/_helpers.ts";
import { asNobody, Fds, inodeOf, notRoot, skmem } from "./_families.ts";

const noNft = noSs || (spawnSync("nft", ["-v"]).status === 0 ? false : "needs nft");
const LO = "ip link set lo up";

/** ss never asks for sockets that are bound and nothing else. */
const STATES = TCP_STATES.filter((state) => state !== "bound-inactive");
const SS_STATES: Readonly<Record<string, string>> = {
  established: "ESTAB",
  listening: "LISTEN",
  closed: "UNCONN",
};

/** What runs on by itself. */
const VOLATILE = [
  "tcpi_last_data_sent",
  "tcpi_last_data_recv",
  "tcpi_last_ack_recv",
  "tcpi_busy_time",
  "tcpi_rwnd_limited",
  "tcpi_sndbuf_limited",
  "tcpi_total_rto_time",
] as const;
function still(socket: InetSocket): string {
  const timer = [socket.timer?.kind, socket.timer?.retransmits];
  return JSON.stringify({ ...socket.toJSON(), timer }, (key, value) => {
    if ((VOLATILE as readonly string[]).includes(key)) return 0;
    return typeof value === "bigint" ? `${value}` : value;
  });
}

/** ss's lines by the socket's cookie. */
function ssLines(...args: string[]): Map<string, string> {
  const { status, stdout, stderr } = spawnSync("ss", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [/ sk:([0-9a-f]+)/.exec(line)?.[1] as string, line]));
}

/** An end of a socket, as ss writes it. */
function endOf({ ip, port }: SocketAddr, socket: InetSocket, local: boolean): string {
  const wild = ip.isUnspecified && ip.version === 6 && socket.v6Only === false;
  const host = wild ? "*" : ip.version === 6 ? `[${ip}]` : String(ip);
  return `${host}${local && socket.device === 1 ? "%lo" : ""}:${port === 0 ? "*" : port}`;
}

function assertAsSs(socket: InetSocket, line: string): void {
  const words = line.replace(/^.*?(?=(?:LISTEN|ESTAB|UNCONN|SYN-|FIN-|TIME-|CLOS|LAST-))/s, "").split(/ +/);
  const state = SS_STATES[String(socket.state)] ?? String(socket.state).toUpperCase();
  assert.deepEqual(words.slice(0, 5), [
    state,
    String(socket.receiveQueue),
    String(socket.sendQueue),
    endOf(socket.localAddr, socket, true),
    endOf(socket.peerAddr, socket, false),
  ]);
  const value = (key: string): string | undefined => new RegExp(` ${key}:(\\S+)`).exec(line)?.[1];
  const [, kind, , count] = /timer:\((\w+),([^,]*),(\d+)\)/.exec(line) ?? [];
  assert.equal(socket.timer?.kind, kind);
  if (kind !== undefined) assert.equal(String(socket.timer?.retransmits), count);
  assert.equal(String(socket.userId), value("uid") ?? "0");
  assert.equal(String(socket.inode), value("ino") ?? "0");
  assert.equal((socket.mark ?? 0) === 0 ? undefined : `0x${socket.mark?.toString(16)}`, value("fwmark"));
  assert.equal(socket.v6Only === undefined ? undefined : String(Number(socket.v6Only)), value("v6only"));
  if (words[6] === undefined || !line.includes("skmem:")) {
    assert.equal(socket.memory, undefined, "half-open, or in TIME-WAIT");
    return;
  }
  assert.ok(line.includes(skmem(socket.memory)), line);
  const { read, write } = socket.shutdown ?? { read: false, write: false };
  assert.ok(line.includes(` ${read ? "-" : "<"}-${write ? "-" : ">"} `), line);
  const info = socket.info;
  if (info === undefined) return;
  assert.ok(words.includes(socket.congestionControl ?? "none"), line);
  const ms = (us: number | undefined): string | undefined =>
    us ? String(Number((us / 1000).toPrecision(6))) : undefined;
  const shown = (number: number | bigint | undefined): string | undefined =>
    number ? String(number) : undefined;
  const wscale = `${info.tcpi_snd_wscale},${info.tcpi_rcv_wscale}`;
  for (const [key, expected] of [
    ["rto", info.tcpi_rto === 3_000_000 ? undefined : ms(info.tcpi_rto)],
    ["rtt", info.tcpi_rtt === 0 ? undefined : `${ms(info.tcpi_rtt)}/${ms(info.tcpi_rttvar) ?? 0}`],
    ["wscale", wscale === "0,0" ? undefined : wscale],
    ["ato", ms(info.tcpi_ato)],
    ["advmss", shown(info.tcpi_advmss)],
    ["cwnd", shown(info.tcpi_snd_cwnd)],
    ["bytes_sent", shown(info.tcpi_bytes_sent)],
    ["bytes_acked", shown(info.tcpi_bytes_acked)],
    ["bytes_received", shown(info.tcpi_bytes_received)],
    ["segs_out", shown(info.tcpi_segs_out)],
    ["segs_in", shown(info.tcpi_segs_in)],
    ["data_segs_out", shown(info.tcpi_data_segs_out)],
    ["delivered", shown(info.tcpi_delivered)],
    ["rcv_space", shown(info.tcpi_rcv_space)],
    ["rcv_ssthresh", shown(info.tcpi_rcv_ssthresh)],
    ["notsent", shown(info.tcpi_notsent_bytes)],
    ["minrtt", info.tcpi_min_rtt === 2 ** 32 - 1 ? undefined : ms(info.tcpi_min_rtt)],
    ["snd_wnd", shown(info.tcpi_snd_wnd)],
  ] as const) {
    // ss 6.1 does not know of the newest, and leaves out what is 0.
    if (key === "wscale" || key === "snd_wnd") {
      if (value(key) !== undefined) assert.equal(value(key), expected, `${key}: ${line}`);
    } else if (socket.state !== "listening" || key === "cwnd")
      assert.equal(value(key), expected, `${key}: ${line}`);
  }
  if (socket.congestionInfo?.algorithm === "bbr" && socket.congestionInfo.pacingGain !== 0) {
    const { minRttUs, pacingGain, cwndGain } = socket.congestionInfo;
    const gain = (number: number): string => String(Number(number.toPrecision(6)));
    const wanted = `mrtt:${ms(minRttUs) ?? 0},pacing_gain:${gain(pacingGain)},cwnd_gain:${gain(cwndGain)}`;
    assert.ok(line.includes(wanted), `${wanted}: ${line}`);
  }
}

isolated(
  import.meta.url,
  "every field of every TCP and UDP socket, in all states, as ss has it",
  { netns: BED_NETNS, skip: noNft },
  async () => {
    using bed = new Bed();
    bed.fill(36);
    using diag = DiagSocket.open();
    const compared = new Map<string, Set<string>>();
    // What changed while ss looked is compared in a later round.
    for (let round = 0; round < 40; round++) {
      for (const [protocol, flags] of [
        ["tcp", "-tainmeOH"],
        ["udp", "-uanmeOH"],
      ] as const) {
        const list = (): Promise<InetSocket[]> => diag.inet(protocol, { states: STATES });
        const before = await list();
        const lines = ssLines(flags, "-o");
        const after = new Map((await list()).map((one) => [one.cookie, still(one)]));
        for (const socket of before) {
          if (after.get(socket.cookie) !== still(socket)) continue;
          const line = lines.get(socket.cookie.toString(16));
          assert.ok(line !== undefined, String(socket.cookie));
          assertAsSs(socket, line);
          const key = `${protocol} ${socket.state}`;
          compared.set(key, (compared.get(key) ?? new Set()).add(String(socket.cookie)));
        }
      }
      if (STATES.every((one) => /new-syn|closed/.test(one) || (compared.get(`tcp ${one}`)?.size ?? 0) >= 10))
        break;
    }
    const least = Object.fromEntries([...compared].map(([key, cookies]) => [key, cookies.size]));
    for (const state of STATES) {
      if (state === "new-syn-recv" || state === "closed") continue;
      assert.ok((least[`tcp ${state}`] ?? 0) >= 10, `${state}: ${JSON.stringify(least)}`);
    }
    assert.ok((least["udp established"] ?? 0) >= 3 && (least["udp closed"] ?? 0) >= 3, JSON.stringify(least));

    const sockets = await diag.tcp();
    assert.ok(sockets.some((one) => one.md5Keys !== undefined || one.upperProtocol?.name === "mptcp"));
    for (const { md5Keys } of sockets) {
      for (const { prefix, key } of md5Keys ?? []) {
        assert.equal(String(prefix), "127.0.0.1/32");
        assert.equal(new TextDecoder().decode(key), "se,cr\tet!");
      }
    }
    const subflows = sockets.filter(({ upperProtocol }) => upperProtocol?.mptcp?.TOKEN_LOC !== undefined);
    const mptcp = await diag.inet("mptcp");
    if (mptcp.length > 0) {
      const tokens = subflows.map((one) => one.upperProtocol?.mptcp?.TOKEN_LOC).sort();
      const connected = mptcp.filter(({ state }) => state === "established");
      assert.deepEqual(connected.map((one) => one.mptcp?.mptcpi_token).sort(), tokens);
      assert.ok(connected.some((one) => one.mptcp?.mptcpi_bytes_sent === 10n));
    }
    for (const socket of [...sockets, ...mptcp]) assert.equal(socket.unknown, undefined);
  },
);

/** What the socket's owner sees, but for what runs on by itself. */
function ownView(stream: TcpStream): { readonly info: object; readonly memory: C.SkMemInfo } {
  return { info: steady(stream.info()), memory: stream.getOption(SO.MEMINFO) };
}

function steady(info: C.TcpInfo): object {
  return Object.fromEntries(
    Object.entries(info).map(([name, value]) => [
      name,
      (VOLATILE as readonly string[]).includes(name) ? 0 : value,
    ]),
  );
}

test("a connection, as its own socket options have it", async () => {
  using both = await pair();
  const { client, server } = both;
  await client.writeAll(new Uint8Array(5000));
  await server.read(new Uint8Array(3000));
  client.setOption(IP.TOS, 0x10);
  client.setOption(TCP.CONGESTION, "reno");
  client.setOption(SO.PRIORITY, 5);
  using diag = DiagSocket.open();
  for (const stream of [client, server]) {
    let found: InetSocket | undefined;
    let own = ownView(stream);
    for (let settled = false; !settled; ) {
      found = await diag.find({ local: stream.localAddr, peer: stream.peerAddr });
      const before = own;
      own = ownView(stream);
      settled = isDeepStrictEqual(own, before); // else an acknowledgement came or went meanwhile
    }
    assert.ok(found !== undefined);
    assert.ok(found.localAddr.equals(stream.localAddr) && found.peerAddr.equals(stream.peerAddr));
    assert.deepEqual([found.protocol, found.family, found.state], ["tcp", "ipv4", "established"]);
    assert.equal(found.cookie, stream.getOption(SO.COOKIE));
    assert.equal(found.receiveQueue, stream === server ? 2000 : 0);
    assert.equal(found.tos, stream.getOption(IP.TOS));
    assert.equal(found.congestionControl, stream.getOption(TCP.CONGESTION));
    assert.equal(found.classId, stream === client ? 5 : 0);
    assert.equal(found.userId, process.getuid?.());
    assert.deepEqual(found.memory, own.memory);
    const { rmem_alloc, wmem_alloc, fwd_alloc, wmem_queued } = own.memory;
    const use = { rmem: rmem_alloc, wmem: wmem_queued, fmem: fwd_alloc, tmem: wmem_alloc };
    assert.deepEqual(found.memoryUse, use);
    assert.deepEqual(steady(found.info ?? {}), own.info);
    assert.deepEqual(Object.keys(found.info ?? {}), Object.keys(own.info));
    assert.deepEqual(found.shutdown, { read: false, write: false });
    assert.ok(found.options?.includes("isConnection") ?? true);
    // everything at once, and only what was asked for
    const all = found.toJSON();
    for (const [name, value] of Object.entries(all))
      assert.deepEqual(value, found[name as keyof InetSocketFields]);
    for (const name of EXTENSION_NAMES) {
      const only = await diag.find({ local: stream.localAddr, peer: stream.peerAddr, with: [name] });
      const have = EXTENSION_NAMES.filter((one) => only?.[one] !== undefined);
      // BBR tells of itself with "congestionInfo"; reno has nothing to tell. An IPv4 socket has no traffic class.
      if (name === "congestionInfo") assert.ok(have.length === 0 || have[0] === name);
      else assert.deepEqual(have, name === "trafficClass" ? [] : [name]);
    }
    const none = await diag.find({ local: stream.localAddr, peer: stream.peerAddr, with: [] });
    assert.deepEqual(
      EXTENSION_NAMES.filter((one) => none?.[one] !== undefined),
      [],
    );
  }
  client.shutdown("write");
  const after = await diag.find({ local: client.localAddr, peer: client.peerAddr });
  assert.deepEqual(after?.shutdown, { read: false, write: true });
});

isolated(import.meta.url, "nothing, and one listener of each kind", { netns: LO, skip: noIpv6 }, async () => {
  using diag = DiagSocket.open();
  for (const protocol of ["tcp", "udp", "udplite"] as const) assert.deepEqual(await diag.inet(protocol), []);
  assert.equal(await diag.find({ local: "127.0.0.1:80" }), undefined);
  assert.equal(await diag.find({ local: "127.0.0.1:80", peer: "127.0.0.1:81" }), undefined);
  assert.equal(await diag.find({ local: "[::1]:80", protocol: "udp" }), undefined);

  using plain = TcpListener.bind("127.0.0.1:0", { backlog: 7 });
  using dual = TcpListener.bind("[::]:0", { ipv6Only: false });
  using only = TcpListener.bind("[::]:0", { ipv6Only: true });
  const of = async (listener: TcpListener): Promise<InetSocketFields> => {
    const listening = await diag.tcp({ states: ["listening"] });
    const found = listening.filter(({ localPort }) => localPort === listener.localAddr.port);
    assert.equal(found.length, 1);
    return (found[0] as InetSocket).toJSON();
  };
  const common = { state: "listening", receiveQueue: 0, device: 0 };
  for (const [listener, family, v6Only, sendQueue] of [
    [plain, "ipv4", undefined, 7],
    [dual, "ipv6", false, undefined],
    [only, "ipv6", true, undefined],
  ] as const) {
    const { state, receiveQueue, device, ...rest } = await of(listener);
    assert.deepEqual({ state, receiveQueue, device }, common);
    assert.equal(rest.family, family);
    assert.equal(rest.v6Only, v6Only);
    assert.equal(String(rest.localAddr), String(listener.localAddr));
    assert.equal(String(rest.peerAddr), family === "ipv4" ? "0.0.0.0:0" : "[::]:0");
    if (sendQueue !== undefined) assert.equal(rest.sendQueue, sendQueue);
  }
  const count = async (family: "ipv4" | "ipv6"): Promise<number> => (await diag.tcp({ family })).length;
  assert.deepEqual([await count("ipv4"), await count("ipv6")], [1, 2]);

  // an IPv4 connection to the listener of both has mapped addresses at one end
  using both = await TcpStream.connect(`127.0.0.1:${dual.localAddr.port}`);
  using accepted = await dual.accept();
  assert.ok(accepted.peerAddr.port === both.localAddr.port);
  const mapped = `[::ffff:127.0.0.1]:${dual.localAddr.port}`;
  const peer = `[::ffff:127.0.0.1]:${both.localAddr.port}`;
  const server = await diag.find({ local: mapped, peer });
  assert.equal(String(server?.localAddr), mapped);
  assert.equal(server?.family, "ipv6");
  assert.equal(server?.cookie, accepted.getOption(SO.COOKIE));
  // the same, asked for as what it is on the wire
  const asked = await diag.find({ local: `127.0.0.1:${dual.localAddr.port}`, peer: String(both.localAddr) });
  assert.equal(asked?.cookie, accepted.getOption(SO.COOKIE));
  assert.equal((await diag.tcp({ filter: `dst 127.0.0.0/8 and dport = :${both.localAddr.port}` })).length, 1);

  // what waits to be accepted
  using _waiting = await TcpStream.connect(plain.localAddr);
  assert.equal((await of(plain)).receiveQueue, 1);
});

isolated(import.meta.url, "the socket that hears a packet", { netns: LO, skip: noIpv6 }, async () => {
  using diag = DiagSocket.open();
  const bind = (fds: Fds, type: number, at: string, device?: string): number => {
    const address = SocketAddr.parse(at);
    const fd = fds.open(address.family === "ipv4" ? C.AF_INET : C.AF_INET6, type);
    C.setsockopt(fd, C.SOL_SOCKET, C.SO_REUSEPORT, new Uint8Array(Int32Array.of(1).buffer));
    if (device !== undefined) {
      const name = new TextEncoder().encode(device);
      C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, name), "setsockopt");
    }
    C.check(C.bind(fd, C.encodeSockaddr(address)), "bind");
    if (type === C.SOCK_STREAM) C.check(C.listen(fd, 3), "listen");
    return fd;
  };
  for (const [protocol, type] of [
    ["tcp", C.SOCK_STREAM],
    ["udp", C.SOCK_DGRAM],
  ] as const) {
    using fds = new Fds();
    const wild = bind(fds, type, "0.0.0.0:5000");
    const exact = bind(fds, type, "127.0.0.2:5000");
    const bound = bind(fds, type, "127.0.0.1:5001", "lo");
    const six = bind(fds, type, "[::1]:5002");
    const inode = async (local: string, device?: number): Promise<bigint | undefined> =>
      (await diag.find({ protocol, local, device }))?.inode;
    assert.equal(await inode("127.0.0.1:5000"), inodeOf(wild), protocol);
    assert.equal(await inode("127.0.0.2:5000"), inodeOf(exact));
    assert.equal(await inode("127.0.0.1:5001"), undefined);
    assert.equal(await inode("127.0.0.1:5001", 1), inodeOf(bound));
    assert.equal((await diag.find({ protocol, local: "127.0.0.1:5001", device: 1 }))?.device, 1);
    assert.equal(await inode("[::1]:5002"), inodeOf(six));
    assert.equal(await inode("[::1]:5000"), undefined);
    // with a peer, nothing but the two
    assert.equal(await diag.find({ protocol, local: "127.0.0.2:5000", peer: "127.0.0.1:9" }), undefined);
  }
  using a = UdpSocket.bind("127.0.0.1:6000");
  using b = UdpSocket.bind("127.0.0.1:6001");
  a.connect(b.localAddr);
  const found = await diag.find({ protocol: "udp", local: "127.0.0.1:6000", peer: "127.0.0.1:6001" });
  assert.equal(found?.state, "established");
  assert.equal(String(found?.peerAddr), "127.0.0.1:6001");
  await assert.rejects(diag.find({ local: "[::1]:1", peer: "127.0.0.1:1" }), TypeError);
  await assert.rejects(diag.find({ local: "localhost:1" }), { name: "AddressError" });
  await assert.rejects(diag.find({ local: "127.0.0.1:1", protocol: "icmp" as never }), TypeError);
  await assert.rejects(diag.tcp({ with: ["skmem" as never] }), TypeError);
  await assert.rejects(diag.tcp({ states: ["open" as never] }), TypeError);
  await assert.rejects(diag.tcp({ family: "inet" as never }), TypeError);
});

const LINK_LOCAL = `${LO}
ip link add va type veth peer name vb
ip addr add fe80::a/64 dev va nodad; ip link set va up
ip addr add fe80::b/64 dev vb nodad; ip link set vb up`;

isolated(
  import.meta.url,
  "link-local sockets are found by the zone of their address, others that are bound to an interface by its name",
  { netns: LINK_LOCAL, skip: noIpv6 },
  async () => {
    using diag = DiagSocket.open();
    using socket = UdpSocket.bind("[fe80::a%va]:0");
    const { port } = socket.localAddr;
    const cookie = socket.getOption(SO.COOKIE);
    const protocol = "udp";
    const [listed] = await diag.udp({ filter: `sport = :${port}` });
    assert.ok(listed !== undefined);
    for (const local of [socket.localAddr, listed.localAddr, `[fe80::a%va]:${port}`]) {
      assert.equal((await diag.find({ protocol, local }))?.cookie, cookie, String(local));
    }
    const local = `[fe80::a]:${port}`;
    for (const device of ["va", listed.device]) {
      assert.equal((await diag.find({ protocol, local, device }))?.cookie, cookie);
    }
    assert.equal(await diag.find({ protocol, local: `[fe80::a%vb]:${port}` }), undefined);
    await assert.rejects(diag.find({ local, device: "nosuch" }), { code: "ENODEV" });
    for (const device of [-1, 1.5, Number.NaN]) {
      await assert.rejects(diag.find({ local, device }), /^RangeError: device: /);
    }
    await assert.rejects(diag.find({ local, device: {} as never }), /^TypeError: device: /);
    await assert.rejects(diag.unix({ types: "stream" as never }), /^TypeError: types: expected an array/);
  },
);

test("a socket that is bound and nothing else", async () => {
  using fds = new Fds();
  const fd = fds.open(C.AF_INET, C.SOCK_STREAM);
  C.check(C.bind(fd, C.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"))), "bind");
  using diag = DiagSocket.open();
  const mine = (sockets: readonly InetSocket[]): InetSocket[] =>
    sockets.filter(({ inode }) => inode === inodeOf(fd));
  const [bound, ...more] = mine(await diag.tcp({ states: ["bound-inactive"] }));
  assert.deepEqual(more, []);
  if (bound !== undefined) assert.equal(bound.state, "closed"); // kernels before 6.8 do not tell
  assert.deepEqual(mine(await diag.tcp({ states: STATES })), []);
});

test("without privilege: everything but marks and keys", { skip: notRoot }, async () => {
  using both = await pair();
  both.client.setOption(SO.MARK, 7);
  const ends = { local: both.client.localAddr, peer: both.client.peerAddr };
  using diag = DiagSocket.open();
  const full = (await diag.find(ends))?.toJSON();
  assert.equal(full?.mark, 7);
  using _nobody = asNobody();
  using plain = DiagSocket.open();
  const found = await plain.find(ends);
  const { mark: _mark, info, upperProtocol: _upper, ...rest } = full ?? ({} as InetSocketFields);
  const { info: told, upperProtocol: _told, ...seen } = found?.toJSON() ?? ({} as InetSocketFields);
  assert.deepEqual(seen, rest);
  assert.deepEqual(Object.keys(told ?? {}), Object.keys(info ?? {}));
  assert.ok((await plain.tcp()).length >= 2);
  assert.ok(found !== undefined);
  await assert.rejects(plain.destroy(found), { code: "EPERM", message: /CAP_NET_ADMIN/ });
  assert.equal(both.client.tryWrite(new Uint8Array(1)), 1);
});

test("what this kernel cannot tell of is said with the module's name", async () => {
  using diag = DiagSocket.open();
  let lacking = 0;
  for (const protocol of ["raw", "sctp", "dccp", "mptcp"] as const) {
    try {
      assert.ok(Array.isArray(await diag.inet(protocol)));
    } catch (error) {
      lacking++;
      assert.match(String(error), new RegExp(`ENOENT.*no module ${protocol}_diag \\(CONFIG_INET_`));
      await assert.rejects(diag.find({ protocol, local: "127.0.0.1:1" }), {
        code: "ENOENT",
        message: /_diag/,
      });
    }
  }
  assert.ok(lacking < 5);
});
