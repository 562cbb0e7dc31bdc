/** A thousand TCP connections in all states, UDP, raw and Unix sockets, in the network namespace of this process. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SocketAddr } from "../../src/ip/index.ts";
import * as sys from "../../src/sys/index.ts";
import { CLI, Program } from "./_cli.ts";

/** What stands behind each port; segments that are lost keep a state. */
const PORT = {
  open: 9000,
  synSent: 9001, // SYNs are lost
  synRecv: 9002, // SYN+ACKs are lost
  finWait: 9003, // the client's FINs are lost
  lastAck: 9004, // the server's FINs are lost
  closing: 9005, // the client's FINs are lost
  lossy: 9006, // the client's data are lost
  full: 9007, // nobody reads
} as const;

/** Where the listener of IPv6 stands that takes mapped addresses. */
const MAPPED = 100;
const ports = (...all: number[]): string => `{ ${all.flatMap((port) => [port, port + MAPPED]).join(", ")} }`;

const RULES = `
table inet bed {
  chain in {
    type filter hook input priority 0;
    tcp dport ${ports(PORT.synSent)} tcp flags & syn == syn drop
    tcp sport ${ports(PORT.synRecv)} tcp flags & syn == syn drop
    tcp dport ${ports(PORT.finWait, PORT.closing)} tcp flags & fin == fin drop
    tcp sport ${ports(PORT.lastAck)} tcp flags & fin == fin drop
    tcp dport ${ports(PORT.lossy)} tcp flags & psh == psh drop
  }
}
`;

/** For `netns` of `isolated`: where a {@link Bed} can be filled. */
export const BED_NETNS = `ip link set lo up
nft -f - <<'END'
${RULES}
END`;

/** What a command in the bed has said. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs commands of bash, in which `$NODE $CLI` is windsock, one after another among the sockets of a {@link Bed}, whose
 * process has the number in `$BED`. They have no pipes: those would be sockets too.
 * @param each connections of each kind
 */
export async function inBed(each: number, commands: readonly string[]): Promise<Said[]> {
  const script = `set -e
    ${BED_NETNS}
    exec "$NODE" --import tsx "$0" ${each}`;
  const env = { NODE: process.execPath, CLI, BED_COMMANDS: JSON.stringify(commands), LC_ALL: "C" };
  const file = fileURLToPath(import.meta.url);
  using program = new Program("unshare", ["-n", "bash", "-c", script, file], { env, limitMs: 180_000 });
  const { code, stdout, stderr } = await program.ended;
  if (code !== 0) throw new Error(`the bed ended with ${code}: ${stderr}`);
  return JSON.parse(stdout.toString()) as Said[];
}

const SO_MAX_PACING_RATE = 47;
const TCP_MD5SIG = 14;
const IPPROTO_MPTCP = 262;
/** TCP_FIN_WAIT2 of include/net/tcp_states.h, the first byte of TCP_INFO. */
const FIN_WAIT2 = 5;

const FAMILIES = ["127.0.0.1", "::1", "::ffff:127.0.0.1"] as const;
type At = (typeof FAMILIES)[number];

const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);
const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);

interface Pair {
  readonly client: number;
  readonly server: number;
}

/** Settings of the namespace with which a handshake is made. */
type Sysctls = Readonly<Record<string, string>>;

export class Bed implements Disposable {
  readonly #fds: number[] = [];
  readonly #listeners = new Map<string, number>();
  readonly #later: (() => void)[] = [];
  readonly folder: string = mkdtempSync(join(tmpdir(), "sockets-"));
  /** Connections of TCP that were made. */
  connections = 0;

  fill(each: number): void {
    for (const at of FAMILIES) {
      for (const port of Object.values(PORT)) this.#listen(at, port);
    }
    for (let i = 0; i < each; i++) {
      const at = FAMILIES[i % FAMILIES.length] as At;
      this.#options(this.#established(at, PORT.open, this.#handshake(i)), i);
      this.#started(at, PORT.synSent);
      this.#started(at, PORT.synRecv);
      this.#finWait1(this.#established(at, PORT.finWait), i);
      this.#finWait2(this.#established(at, PORT.open), i);
      this.#lastAck(this.#established(at, PORT.lastAck), i);
      this.#closing(this.#established(at, PORT.closing), i);
      this.#timeWait(this.#established(at, PORT.open), i);
      if (i % 4 === 0) this.#lossy(this.#established(at, PORT.lossy), i);
      if (i % 4 === 1) this.#full(this.#established(at, PORT.full));
    }
    for (const then of this.#later.splice(0)) then();
    this.#others();
  }

  keep(fd: number): number {
    this.#fds.push(sys.check(fd, "socket"));
    return fd;
  }

  #listen(at: At, port: number): void {
    const family = at === "127.0.0.1" ? sys.AF_INET : sys.AF_INET6;
    // A mapped address is reached by the listener of [::], which takes what the one of 127.0.0.1 would take otherwise.
    const bound = at === "::ffff:127.0.0.1" ? port + MAPPED : port;
    const fd = this.keep(sys.socket(family, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0));
    sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_REUSEADDR, int(1));
    if (at === "::1") sys.setsockopt(fd, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY, int(1));
    const host = at === "::ffff:127.0.0.1" ? "::" : at;
    sys.check(sys.bind(fd, sys.encodeSockaddr(SocketAddr.of(host, bound))), "bind");
    if (port === PORT.full) sys.setsockopt(fd, sys.SOL_SOCKET, sys.SO_RCVBUF, int(4096));
    sys.check(sys.listen(fd, port === PORT.open ? 5 : 4096), "listen");
    this.#listeners.set(`${at} ${port}`, fd);
  }

  #client(at: At, port: number, flags = 0): number {
    const family = at === "127.0.0.1" ? sys.AF_INET : sys.AF_INET6;
    const fd = this.keep(sys.socket(family, sys.SOCK_STREAM | sys.SOCK_CLOEXEC | flags, 0));
    const wanted = at === "::ffff:127.0.0.1" ? port + MAPPED : port;
    const result = sys.connect(fd, sys.encodeSockaddr(SocketAddr.of(at, wanted)));
    if (result !== -sys.errno.EINPROGRESS) sys.check(result, "connect");
    this.connections++;
    return fd;
  }

  #started(at: At, port: number): void {
    this.#client(at, port, sys.SOCK_NONBLOCK);
  }

  #established(at: At, port: number, settings: Sysctls = {}): Pair {
    const before = Object.keys(settings).map((name) => [name, sysctl(name, settings[name])] as const);
    const client = this.#client(at, port);
    const server = this.keep(sys.accept4(this.#listeners.get(`${at} ${port}`) as number, sys.SOCK_CLOEXEC));
    for (const [name, value] of before) sysctl(name, value);
    return { client, server };
  }

  #handshake(i: number): Sysctls {
    const all: readonly Sysctls[] = [
      {},
      { tcp_timestamps: "0" },
      { tcp_sack: "0" },
      { tcp_window_scaling: "0" },
      { tcp_ecn: "1" },
      { tcp_timestamps: "0", tcp_sack: "0", tcp_window_scaling: "0" },
    ];
    return all[((i / 3) % all.length) | 0] as Sysctls;
  }

  #close(...fds: number[]): void {
    for (const fd of fds) {
      sys.close(fd);
      this.#fds.splice(this.#fds.lastIndexOf(fd), 1);
    }
  }

  #options({ client, server }: Pair, i: number): void {
    const set = (level: number, name: number, value: Uint8Array): unknown =>
      sys.setsockopt(client, level, name, value);
    const settings: readonly (() => unknown)[] = [
      () => set(sys.IPPROTO_TCP, sys.TCP_CONGESTION, text("reno")),
      () => set(sys.IPPROTO_TCP, sys.TCP_CONGESTION, text("bbr")),
      () => set(sys.IPPROTO_TCP, sys.TCP_MAXSEG, int(536)),
      () => {
        set(sys.SOL_SOCKET, sys.SO_KEEPALIVE, int(1));
        set(sys.IPPROTO_TCP, sys.TCP_KEEPIDLE, int([5, 70, 4000][i % 3] as number));
      },
      () => set(sys.SOL_SOCKET, sys.SO_MARK, int(0x10 + i)),
      () => set(sys.IPPROTO_TCP, sys.TCP_WINDOW_CLAMP, int(8192)),
      () => set(sys.SOL_SOCKET, sys.SO_BINDTODEVICE, text("lo")),
      () => set(sys.SOL_SOCKET, SO_MAX_PACING_RATE, int(1_000_000 + i)),
      () => set(sys.IPPROTO_IP, sys.IP_TOS, int(0x10)),
      () => set(sys.SOL_SOCKET, sys.SO_RCVBUF, int(20_000)),
      () => {},
    ];
    settings[i % settings.length]?.();
    for (let count = i % 6; count > 0; count--) {
      sys.send(client, new Uint8Array(1 + ((i * 997) % 9000)), 0);
      sys.send(server, new Uint8Array(1 + ((i * 31) % 300)), 0);
      if (count % 2 === 0) sys.recv(server, new Uint8Array(20_000), sys.MSG_DONTWAIT);
    }
  }

  /** A half is closed, or the whole: what nobody owns any more has no inode. */
  #finWait1({ client }: Pair, i: number): void {
    if (i % 2 === 0) sys.shutdown(client, sys.SHUT_WR);
    else this.#close(client);
  }

  #finWait2({ client }: Pair, i: number): void {
    if (i % 2 === 0) sys.shutdown(client, sys.SHUT_WR);
    else this.#close(client);
  }

  #lastAck({ client, server }: Pair, i: number): void {
    sys.shutdown(client, sys.SHUT_WR);
    // Not before the client's FIN is acknowledged: what acknowledges it with the server's FIN is lost.
    this.#later.push(() => {
      const info = new Uint8Array(8);
      while (info[0] !== FIN_WAIT2) {
        sys.getsockopt(client, sys.IPPROTO_TCP, sys.TCP_INFO, info);
        if (info[0] !== FIN_WAIT2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
      if (i % 2 === 0) sys.shutdown(server, sys.SHUT_WR);
      else this.#close(server);
    });
  }

  #closing({ client, server }: Pair, i: number): void {
    if (i % 2 === 0) sys.shutdown(client, sys.SHUT_WR);
    else this.#close(client);
    sys.shutdown(server, sys.SHUT_WR);
  }

  #timeWait({ client, server }: Pair, i: number): void {
    if (i % 2 === 0) this.#close(client, server);
    else this.#close(server, client);
  }

  #lossy({ client }: Pair, i: number): void {
    for (let n = 0; n <= i % 3; n++) sys.send(client, new Uint8Array(500 + i), 0);
  }

  #full({ client }: Pair): void {
    while (sys.send(client, new Uint8Array(10_000), sys.MSG_DONTWAIT) > 0);
  }

  #others(): void {
    const { SOCK_DGRAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_RAW, SOCK_CLOEXEC } = sys;
    // UDP: bound, connected, with data that nobody has read
    for (const [index, host] of ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"].entries()) {
      const family = host.includes(":") ? sys.AF_INET6 : sys.AF_INET;
      const bound = this.keep(sys.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      if (host === "::1") sys.setsockopt(bound, sys.IPPROTO_IPV6, sys.IPV6_V6ONLY, int(1));
      sys.check(sys.bind(bound, sys.encodeSockaddr(SocketAddr.of(host, 9200 + index))), "bind");
      const peer = this.keep(sys.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      if (index === 1) sys.setsockopt(peer, sys.SOL_SOCKET, sys.SO_BINDTODEVICE, text("lo"));
      const to = host === "::" ? "::1" : host === "0.0.0.0" ? "127.0.0.1" : host;
      sys.check(sys.connect(peer, sys.encodeSockaddr(SocketAddr.of(to, 9200 + index))), "connect");
      sys.send(peer, new Uint8Array(100 * (index + 1)), 0);
    }
    // raw, connected and not
    for (const [family, protocol] of [
      [sys.AF_INET, 1],
      [sys.AF_INET6, 58],
      [sys.AF_INET, 200],
    ] as const) {
      this.keep(sys.socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol));
    }
    const raw = this.keep(sys.socket(sys.AF_INET, SOCK_RAW | SOCK_CLOEXEC, 255));
    sys.check(sys.connect(raw, sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 0))), "connect");
    // Unix: pairs, listeners of a path and of an abstract name, somebody who waits to be accepted, data that wait
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const pair = sys.socketpair(sys.AF_UNIX, type | SOCK_CLOEXEC, 0);
      if (typeof pair === "number") throw new Error("socketpair");
      for (const fd of pair) this.keep(fd);
      sys.send(pair[0], new Uint8Array(77), 0);
      const names = [join(this.folder, `s${type}`), `\0abstract-${type}`, `\0with\0nul-${type}`];
      for (const name of names) {
        const bytes = new TextEncoder().encode(name);
        const address = new Uint8Array(2 + bytes.length + (name.startsWith("/") ? 1 : 0));
        new DataView(address.buffer).setUint16(0, sys.AF_UNIX, true);
        address.set(bytes, 2);
        const fd = this.keep(sys.socket(sys.AF_UNIX, type | SOCK_CLOEXEC, 0));
        sys.check(sys.bind(fd, address), "bind");
        if (type !== SOCK_DGRAM) sys.check(sys.listen(fd, 7), "listen");
        const peer = this.keep(sys.socket(sys.AF_UNIX, type | SOCK_CLOEXEC, 0));
        sys.check(sys.connect(peer, address), "connect");
        sys.send(peer, new Uint8Array(33), 0);
        if (name.startsWith("\0abs") && type !== SOCK_DGRAM) this.keep(sys.accept4(fd, SOCK_CLOEXEC));
      }
      this.keep(sys.socket(sys.AF_UNIX, type | SOCK_CLOEXEC, 0));
    }
    this.keep(sys.socket(sys.AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0x0300));
    this.keep(sys.socket(sys.AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0x0008));
    this.#signed();
    this.#multipath();
  }

  /** A listener and a connection whose segments are signed, RFC 2385; nothing where the kernel cannot. */
  #signed(): void {
    const key = new Uint8Array(216); // struct tcp_md5sig, linux/tcp.h
    key.set(sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 0)));
    new DataView(key.buffer).setUint16(130, 9, true);
    key.set(new TextEncoder().encode("se,cr\tet!"), 136);
    const listener = this.keep(sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0));
    if (sys.setsockopt(listener, sys.IPPROTO_TCP, TCP_MD5SIG, key) < 0) return;
    sys.check(sys.bind(listener, sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 9300))), "bind");
    sys.check(sys.listen(listener, 5), "listen");
    const client = this.keep(sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0));
    sys.setsockopt(client, sys.IPPROTO_TCP, TCP_MD5SIG, key);
    sys.check(sys.connect(client, sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 9300))), "connect");
    this.keep(sys.accept4(listener, sys.SOCK_CLOEXEC));
  }

  /** Connections of MPTCP, whose subflows are TCP; nothing where the kernel has none. */
  #multipath(): void {
    const open = (): number => sys.socket(sys.AF_INET, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, IPPROTO_MPTCP);
    const listener = open();
    if (listener < 0) return;
    this.keep(listener);
    sys.check(sys.bind(listener, sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 9301))), "bind");
    sys.check(sys.listen(listener, 5), "listen");
    const client = this.keep(open());
    sys.check(sys.connect(client, sys.encodeSockaddr(SocketAddr.of("127.0.0.1", 9301))), "connect");
    this.keep(sys.accept4(listener, sys.SOCK_CLOEXEC));
    sys.send(client, new Uint8Array(10), 0);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.splice(0)) sys.close(fd);
    rmSync(this.folder, { recursive: true });
  }
}

function sysctl(name: string, value: string | undefined): string {
  const file = `/proc/sys/net/ipv4/${name}`;
  const before = spawnSync("cat", [file], { encoding: "utf8" }).stdout.trim();
  writeFileSync(file, value ?? "");
  return before;
}

function run(command: string, folder: string): Said {
  const files = ["stdout", "stderr"].map((name) => join(folder, name)) as [string, string];
  const [out, err] = files.map((file) => openSync(file, "w")) as [number, number];
  const env = { ...process.env, BED: `${process.pid}` };
  const { status } = spawnSync("bash", ["-c", command], { stdio: ["ignore", out, err], env });
  closeSync(out);
  closeSync(err);
  const [stdout, stderr] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
  return { status, stdout, stderr };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  using bed = new Bed();
  bed.fill(Number(process.argv[2]));
  const commands = JSON.parse(process.env.BED_COMMANDS ?? "[]") as string[];
  process.stdout.write(JSON.stringify(commands.map((command) => run(command, bed.folder))));
}
