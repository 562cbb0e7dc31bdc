/** A process in a network namespace of its own that calls everything with anything: `_fuzz_child.ts SEED ROUNDS`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as P from "../../src/posix/index.ts";

let [state, rounds] = process.argv.slice(2).map(Number) as [number, number];

/** Mulberry32. */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Sockets of every kind, which give up waiting after a millisecond. */
let fds: number[] = [];

function open(): void {
  for (const fd of fds) P.close(fd);
  const [pair, dgram, ends]: number[][] = [[], [], []];
  P.socketpair(P.AF_UNIX, P.SOCK_STREAM | P.SOCK_NONBLOCK, 0, pair as number[]);
  P.socketpair(P.AF_UNIX, P.SOCK_DGRAM | P.SOCK_NONBLOCK, 0, dgram as number[]);
  P.pipe2(ends as number[], P.O_NONBLOCK);
  const listener = P.socket(P.AF_INET, P.SOCK_STREAM | P.SOCK_NONBLOCK, 0);
  P.bind(listener, { sin_family: P.AF_INET, sin_addr: { s_addr: P.htonl(P.INADDR_LOOPBACK) } });
  P.listen(listener, 5);
  const udp = P.socket(P.AF_INET, P.SOCK_DGRAM | P.SOCK_NONBLOCK, 0);
  const six = P.socket(P.AF_INET6, P.SOCK_DGRAM | P.SOCK_NONBLOCK, 0);
  fds = [...(pair as number[]), ...(dgram as number[]), ...(ends as number[]), listener, udp, six];
  const wait = P.timeval.encode({ tv_sec: 0, tv_usec: 1000 });
  for (const fd of fds) {
    P.setsockopt(fd, P.SOL_SOCKET, P.SO_RCVTIMEO, wait);
    P.setsockopt(fd, P.SOL_SOCKET, P.SO_SNDTIMEO, wait);
  }
}

/** Every buffer lies between guards, which nobody may write over. */
const GUARD = 0xa5;
let guarded: { readonly all: Uint8Array; readonly size: number }[] = [];

function buffer(): Uint8Array {
  const size = pick([0, 1, 2, 4, 8, 16, 28, 40, 110, 128, 129, 1000]);
  const all = new Uint8Array(size + 1024).fill(GUARD);
  guarded.push({ all, size });
  const bytes = all.subarray(512, 512 + size);
  for (let i = 0; i < size; i++) bytes[i] = random() * 256;
  if (size > 1 && random() < 0.5) bytes.set([pick([1, 2, 10]), 0]);
  return bytes;
}

function checkGuards(call: string): void {
  for (const { all, size } of guarded) {
    const isWhole = all.subarray(0, 512).every((byte) => byte === GUARD);
    if (isWhole && all.subarray(512 + size).every((byte) => byte === GUARD)) continue;
    throw new Error(`${call} has written outside of a buffer of ${size}`);
  }
  guarded = [];
}

const number = (): number =>
  pick([
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    10,
    16,
    17,
    41,
    100,
    1000,
    65535,
    65536,
    -1,
    -2,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 32 - 1,
  ]);
const fraction = (): number => pick([Number.NaN, 0.5, 1e300, Number.NEGATIVE_INFINITY, 2 ** 53, -0]);
const constants = Object.values(P).filter((value): value is number => typeof value === "number");
const int = (): number => (random() < 0.6 ? pick(constants) : number());
const fd = (): number => (random() < 0.9 ? pick(fds) : pick([-1, 1_000_000, 2 ** 31 - 1]));
const time = (): unknown => ({
  tv_sec: pick([0, -1, 0.5, 2 ** 40 + 0.5]),
  tv_usec: pick([0, 5, -1]),
  tv_nsec: 0,
});

const shapes = [
  () => ({ sin_family: int(), sin_port: number(), sin_addr: { s_addr: pick([0, 0x0100007f]) } }),
  () => ({ sin_family: P.AF_INET, sin_port: pick([0, 1, 2000]), sin_addr: { s_addr: 0x0100007f } }),
  () => ({ sin6_family: P.AF_INET6, sin6_addr: P.in6addr_loopback, sin6_scope_id: number() }),
  () => ({ sun_family: P.AF_UNIX, sun_path: pick(["", "\0fuzz", "\0".repeat(108), "x".repeat(200)]) }),
  () => P.sockaddr_storage({ ss_family: pick([0, 1, 2, 10, 99]) }),
  () => P.sockaddr_in(),
  () => buffer(),
];
const pointer = (): unknown => ({ value: pick<unknown>([0, 1, 2, 16, 128, 1000, -1, "x", 0.5, 2 ** 40]) });

function message(): unknown {
  const of = (): unknown => pick([buffer(), buffer(), anything(1)]);
  return {
    ...(random() < 0.5 ? { msg_name: pick(shapes)() } : {}),
    ...(random() < 0.3 ? { msg_namelen: number() } : {}),
    ...(random() < 0.9 ? { msg_iov: random() < 0.8 ? [buffer(), buffer()] : [of(), of()] } : {}),
    ...(random() < 0.5 ? { msg_control: pick([buffer(), [], [cmsg()], [cmsg(), cmsg()], anything(1)]) } : {}),
    ...(random() < 0.5 ? { msg_controllen: number() } : {}),
    ...(random() < 0.1 ? { msg_flags: anything(1) } : {}),
  };
}

const cmsg = (): unknown => ({
  cmsg_level: pick([1, 0, 41, int()]),
  cmsg_type: pick([1, 2, 8, int()]),
  cmsg_data: pick([buffer(), Int32Array.of(pick(fds)), Int32Array.of(-1), anything(1)]),
});

function anything(depth = 0): unknown {
  const makers: (() => unknown)[] = [
    number,
    int,
    fraction,
    fd,
    buffer,
    pointer,
    time,
    () => pick(shapes)(),
    () =>
      pick([
        null,
        undefined,
        true,
        "",
        "lo",
        "127.0.0.1",
        "::1",
        "a\0b",
        "x".repeat(5000),
        10n,
        Symbol("s"),
        () => 1,
      ]),
    () =>
      pick([
        [],
        {},
        new Date(),
        new Map(),
        new Float64Array(2),
        new ArrayBuffer(8),
        Object.create(Uint8Array.prototype),
      ]),
    () => pick([P.fd_set(), { fds_bits: buffer() }, [{ fd: fd(), events: number() }], [-1, -1]]),
    () => Object.freeze({ ...(pick(shapes)() as object) }),
  ];
  if (depth === 0) makers.push(message, () => [message(), message()].map((msg_hdr) => ({ msg_hdr })));
  return pick(makers)();
}

/** What the arguments of a call most often are, so that it gets as far as the kernel. */
const USUAL: Readonly<Record<string, readonly (() => unknown)[]>> = {
  socket: [int, int, int],
  socketpair: [int, int, int, () => []],
  bind: [fd, () => pick(shapes)(), number],
  listen: [fd, number],
  accept: [fd, () => pick(shapes)(), pointer],
  accept4: [fd, () => pick(shapes)(), pointer, int],
  connect: [fd, () => pick(shapes)(), number],
  shutdown: [fd, number],
  getsockname: [fd, () => pick(shapes)(), pointer],
  getpeername: [fd, () => pick(shapes)(), pointer],
  read: [fd, buffer, number],
  write: [fd, buffer, number],
  send: [fd, buffer, number, int],
  recv: [fd, buffer, number, int],
  sendto: [fd, buffer, number, int, () => pick(shapes)(), number],
  recvfrom: [fd, buffer, number, int, () => pick(shapes)(), pointer],
  sendmsg: [fd, message, int],
  recvmsg: [fd, message, int],
  sendmmsg: [fd, () => [{ msg_hdr: message() }, { msg_hdr: message() }], () => 2, int],
  recvmmsg: [
    fd,
    () => [{ msg_hdr: message() }, { msg_hdr: message() }],
    () => 2,
    () => int() | P.MSG_DONTWAIT,
    time,
  ],
  getsockopt: [
    fd,
    () => pick([0, 1, 6, 17, 41, int()]),
    () => pick([int(), Math.floor(random() * 140)]),
    () => pick([buffer(), pointer()]),
    pointer,
  ],
  setsockopt: [
    fd,
    () => pick([0, 1, 6, 17, 41, int()]),
    () => pick([int(), Math.floor(random() * 140)]),
    () => pick([buffer(), number()]),
    number,
  ],
  dup: [fd],
  pipe: [() => []],
  pipe2: [() => [], int],
  fcntl: [
    fd,
    () => pick([P.F_GETFL, P.F_GETFD, P.F_GETPIPE_SZ, P.F_DUPFD, number() === P.F_SETFL ? 0 : 1025]),
    number,
  ],
  ioctl: [
    fd,
    () => pick([int(), 0x8900 + Math.floor(random() * 256), 0x5400 + Math.floor(random() * 96)]),
    () => pick([buffer(), pointer()]),
  ],
  poll: [
    () => [
      { fd: fd(), events: number() },
      { fd: fd(), events: number() },
    ],
    number,
    () => pick([0, 1]),
  ],
  select: [() => pick([0, 64, 1024, 1025, -1]), () => P.fd_set(), () => null, () => P.fd_set(), time],
  FD_ZERO: [() => P.fd_set()],
  FD_SET: [fd, () => P.fd_set()],
  FD_CLR: [fd, () => P.fd_set()],
  FD_ISSET: [fd, () => P.fd_set()],
  inet_pton: [
    () => pick([2, 10, int()]),
    () => pick(["1.2.3.4", "::", "x".repeat(5000), "::1.2.3.4"]),
    () => pick([buffer(), { s_addr: 0 }, { s6_addr: new Uint8Array(16) }]),
  ],
  inet_ntop: [() => pick([2, 10, int()]), () => pick([buffer(), { s_addr: 1 }, P.in6addr_any]), number],
  inet_aton: [() => pick(["1.2.3.4", "0x", "1".repeat(5000)]), () => pick([buffer(), { s_addr: 0 }])],
  inet_addr: [() => pick(["1.2.3.4", "", "\u{10ffff}"])],
  inet_ntoa: [() => pick([buffer(), { s_addr: number() }])],
  getaddrinfo: [
    () => pick(["127.0.0.1", "::1", "x".repeat(5000), ""]),
    () => pick(["80", "http", "", null]),
    () => ({
      ai_flags: P.AI_NUMERICHOST | int(),
      ai_family: int(),
      ai_socktype: int(),
      ai_protocol: number(),
    }),
    () => [],
  ],
  gai_strerror: [int],
  getnameinfo: [
    () => pick(shapes)(),
    number,
    pointer,
    number,
    pointer,
    number,
    () => P.NI_NUMERICHOST | int(),
  ],
  getservbyname: [() => pick(["http", "", "x".repeat(5000)]), () => pick(["tcp", null, ""])],
  getservbyport: [int, () => pick(["tcp", null])],
  if_nametoindex: [() => pick(["lo", "", "x".repeat(5000)])],
  if_indextoname: [number],
  gethostname: [pointer, number],
  strerror: [int],
  htons: [number],
  htonl: [number],
  CMSG_LEN: [number],
  CMSG_SPACE: [number],
  sockaddr_in: [() => pick(shapes)()],
  sockaddr_in6: [() => pick(shapes)()],
  sockaddr_un: [() => pick(shapes)()],
  sockaddr_storage: [() => pick(shapes)()],
};
const calls = Object.entries(USUAL);
// F_SETFL makes fds block for ever; AI_NUMERICHOST keeps names from a name server; poll without a time limit waits.
const kept = new Set(["fcntl", "poll", "select", "getaddrinfo", "getnameinfo", "recvmmsg"]);

/** Loopback is down in a new namespace: `ip link set lo up`. */
function raiseLoopback(): void {
  const fd = P.socket(P.AF_INET, P.SOCK_DGRAM, 0);
  const ifreq = new Uint8Array(40);
  ifreq.set([...new TextEncoder().encode("lo")]);
  ifreq[16] = P.IFF_UP;
  if (P.ioctl(fd, P.SIOCSIFFLAGS, ifreq) < 0) P.perror("lo");
  P.close(fd);
}

raiseLoopback();
const folder = mkdtempSync(join(tmpdir(), "windsock-fuzz-"));
process.chdir(folder); // where the Unix sockets with random names go
const results = { returned: 0, failed: 0, refused: 0 };
open();
for (; rounds > 0; rounds--) {
  const [name, usual] = pick(calls);
  const strange = kept.has(name) ? 0 : pick([0, 0, 0.2, 0.5]);
  const args = usual.map((make) => (random() < strange ? anything() : make()));
  // The fds of Node itself are left alone: C could break a program with them as well.
  if (usual[0] === fd && typeof args[0] === "number" && !fds.includes(args[0]) && args[0] < 1000)
    args[0] = -1;
  const call = (P as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
  try {
    const result = call?.(...args);
    if (result === -1) results.failed++;
    else results.returned++;
    if (/^(accept|accept4|socket|dup)$/.test(name) && (result as number) >= 0) P.close(result as number);
    if (name === "fcntl" && args[1] === P.F_DUPFD && (result as number) > 2) P.close(result as number);
    const made = name === "socketpair" ? args[3] : name.startsWith("pipe") ? args[0] : [];
    if (result === 0 && Array.isArray(made)) for (const one of made) P.close(one);
    if (/^recvm/.test(name)) closeReceived(args[1]);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    results.refused++;
  }
  checkGuards(name);
  if (rounds % 50 === 0) open();
}
rmSync(folder, { recursive: true });
console.log(JSON.stringify(results));
process.exit();

function closeReceived(received: unknown): void {
  for (const one of Array.isArray(received) ? received.map(({ msg_hdr }) => msg_hdr) : [received]) {
    if (!Array.isArray(one?.msg_control)) continue;
    for (const { cmsg_type, cmsg_level, cmsg_data } of one.msg_control) {
      if (cmsg_level === P.SOL_SOCKET && cmsg_type === P.SCM_RIGHTS && cmsg_data instanceof Int32Array) {
        for (const passed of cmsg_data) P.close(passed);
      }
    }
  }
}
