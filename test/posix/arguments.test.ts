/** What C could not even say is a TypeError or a RangeError, before any system call: no fd is made, errno is not touched. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as P from "../../src/posix/index.ts";
import { openFds } from "../_fds.ts";
import { unix_pair } from "./_situation.ts";

const NO_ADDRESSES: readonly unknown[] = [
  "127.0.0.1",
  5,
  {},
  [],
  { family: 2 },
  { sin_family: "2" },
  { sin_family: -1 },
  { sin_family: 2, sin_port: 70_000 },
  { sin_family: 2, sin_port: undefined },
  { sin_family: 2, sin_addr: "127.0.0.1" },
  { sin_family: 2, sin_addr: { s_addr: -1 } },
  { sin_family: 2, sin_addr: { s_addr: 2 ** 32 } },
  { sin_family: 2, sin_prot: 80 },
  { sin_family: 2, sin6_family: 10 },
  { sin6_family: 10, sin6_addr: { s6_addr: new Uint8Array(15) } },
  { sin6_family: 10, sin6_addr: new Uint8Array(16) },
  { sin6_family: 10, sin6_scope_id: -1 },
  { sun_family: 1, sun_path: "x".repeat(109) },
  { sun_family: 1, sun_path: "ü".repeat(55) },
  { sun_family: 1, sun_path: 5 },
  { ss_family: 2, ss_data: new Uint8Array(3) },
];

/** Stand for arguments: what is right in their place, and what is not. */
const KINDS = {
  int: {
    right: () => 0,
    wrong: [
      "3",
      "",
      null,
      Number.NaN,
      0.5,
      Number.POSITIVE_INFINITY,
      2 ** 32,
      2 ** 53,
      -(2 ** 31) - 1,
      {},
      [3],
      true,
      3n,
      Symbol("3"),
      () => 3,
    ],
  },
  fd: {
    right: () => 1_000_000, // not open: a call that is made says EBADF
    wrong: [
      "3",
      "",
      null,
      undefined,
      Number.NaN,
      0.5,
      Number.POSITIVE_INFINITY,
      2 ** 32 + 3,
      -(2 ** 31) - 1,
      {},
      [3],
      true,
      3n,
      { valueOf: () => 3 },
    ],
  },
  bytes: {
    right: () => new Uint8Array(4),
    wrong: [
      null,
      undefined,
      "text",
      [1, 2, 3, 4],
      5,
      {},
      new ArrayBuffer(4),
      new Uint16Array(2),
      new DataView(new ArrayBuffer(4)),
      Object.create(Uint8Array.prototype),
      { length: 4 },
    ],
  },
  length: { right: () => 4, wrong: [-1, 5, Number.NaN, 1.5, "4", null, 2 ** 40, 4n] },
  addrlen: { right: () => 16, wrong: [-1, Number.NaN, 1.5, "16", null, 2 ** 32, { value: 16 }] },
  address: {
    right: () => ({ sin_family: P.AF_INET, sin_port: 0, sin_addr: { s_addr: 0 } }),
    wrong: [undefined, null, ...NO_ADDRESSES],
  },
  dest: { right: () => null, wrong: NO_ADDRESSES },
  room: {
    right: () => P.sockaddr_in(),
    wrong: [
      "",
      5,
      {},
      [],
      Object.freeze(P.sockaddr_in()),
      { sin_family: "2" },
      { sin_family: 2, sin6_family: 10 },
    ],
  },
  roomLength: {
    right: () => ({ value: 16 }),
    wrong: [
      16,
      "16",
      {},
      { value: -1 },
      { value: 2 ** 31 },
      { value: Number.NaN },
      { value: "16" },
      Object.freeze({ value: 16 }),
    ],
  },
  text: { right: () => "x", wrong: [undefined, 5, {}, ["x"], "x\0y", new Uint8Array(1)] },
  pair: { right: () => [], wrong: [null, undefined, 5, {}, "12", new Int32Array(2), Object.freeze([])] },
  intCell: {
    right: () => ({ value: 0 }),
    wrong: [5, "", { value: "0" }, { value: Number.NaN }, {}, Object.freeze({ value: 0 })],
  },
  message: {
    right: () => ({ msg_iov: [new Uint8Array(1)] }),
    wrong: [
      null,
      undefined,
      5,
      "text",
      { msg_iov: new Uint8Array(1) },
      { msg_iov: ["text"] },
      { msg_iov: [[1]] },
      { msg_iov: [null] },
      { msg_iov: "text" },
      { msg_name: "127.0.0.1" },
      { msg_name: { sin_family: "2" } },
      { msg_name: P.sockaddr_in(), msg_namelen: -1 },
      { msg_name: P.sockaddr_in(), msg_namelen: "16" },
      { msg_control: "control" },
      { msg_control: {} },
      { msg_control: new Uint8Array(4), msg_controllen: 5 },
      { msg_control: new Uint8Array(4), msg_controllen: -1 },
    ],
  },
  sent: {
    right: () => ({ msg_iov: [new Uint8Array(1)] }),
    wrong: [
      { msg_control: [5] },
      { msg_control: [null] },
      { msg_control: [{}] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: 1, cmsg_data: [3] }] },
      { msg_control: [{ cmsg_level: "1", cmsg_type: 1, cmsg_data: new Uint8Array(4) }] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: Number.NaN, cmsg_data: new Uint8Array(4) }] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: 1, cmsg_data: Int32Array.of(-1) }] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: 1, cmsg_data: Int32Array.of(1, -7) }] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: 1, cmsg_data: new Uint8Array(3) }] },
      { msg_control: [{ cmsg_level: 1, cmsg_type: 1, cmsg_data: new Float32Array(1) }] },
    ],
  },
  received: {
    right: () => ({ msg_iov: [new Uint8Array(1)] }),
    wrong: [
      { msg_control: [] },
      { msg_control: [], msg_controllen: -1 },
      { msg_control: Object.freeze([]), msg_controllen: 64 },
      Object.freeze({ msg_iov: [new Uint8Array(1)] }),
      Object.freeze({ msg_flags: 0 }),
      { msg_name: Object.freeze(P.sockaddr_in()) },
    ],
  },
  messages: {
    right: () => [{ msg_hdr: { msg_iov: [new Uint8Array(1)] } }],
    wrong: [
      null,
      undefined,
      5,
      {},
      [5],
      [null],
      [{}],
      [{ msg_hdr: 5 }],
      [Object.freeze({ msg_hdr: {} })],
      [{ msg_hdr: { msg_iov: [5] } }],
    ],
  },
  set: {
    right: () => P.fd_set(),
    wrong: [undefined, 5, "", {}, { fds_bits: new Uint8Array(127) }, { fds_bits: "" }, new Uint8Array(128)],
  },
  // A set that is not there, and a time, may be null.
  time: {
    right: () => ({ tv_sec: 0, tv_usec: 0 }),
    wrong: [
      5,
      "",
      {},
      { tv_sec: 0 },
      { tv_sec: 0.5, tv_usec: 0 },
      { tv_sec: 0, tv_usec: "0" },
      { tv_sec: 2 ** 63, tv_usec: 0 },
      Object.freeze({ tv_sec: 0, tv_usec: 0 }),
    ],
  },
  polled: {
    right: () => [{ fd: -1, events: 0 }],
    wrong: [
      null,
      5,
      {},
      [5],
      [{}],
      [{ fd: "1", events: 0 }],
      [{ fd: 1, events: 70_000 }],
      [{ fd: 1 }],
      [Object.freeze({ fd: -1, events: 0 })],
      new Array(2),
    ],
  },
  inet: {
    right: () => ({ s_addr: 0 }),
    wrong: [
      null,
      undefined,
      5,
      "",
      {},
      { s_addr: "1" },
      { s_addr: -1 },
      new Uint8Array(3),
      { s6_addr: new Uint8Array(16) },
    ],
  },
  list: { right: () => [], wrong: [null, undefined, {}, 5] },
  hints: {
    right: () => null,
    wrong: [5, "", { ai_family: "2" }, { ai_flags: Number.NaN }, { ai_socktype: 2 ** 32 }],
  },
  name: { right: () => ({ value: "" }), wrong: [5, "", Object.freeze({ value: "" })] },
} as const satisfies Record<string, { right: () => unknown; wrong: readonly unknown[] }>;

type Kind = keyof typeof KINDS;

/** Each argument of each function; a number stands for itself. */
const CALLS: readonly (readonly [keyof typeof P, ...(Kind | number | null)[]])[] = [
  ["socket", "int", "int", "int"],
  ["socketpair", "int", "int", "int", "pair"],
  ["bind", "fd", "address", "addrlen"],
  ["listen", "fd", "int"],
  ["accept", "fd", "room", "roomLength"],
  ["accept4", "fd", "room", "roomLength", "int"],
  ["connect", "fd", "address", "addrlen"],
  ["shutdown", "fd", "int"],
  ["getsockname", "fd", "room", "roomLength"],
  ["getpeername", "fd", "room", "roomLength"],
  ["read", "fd", "bytes", "length"],
  ["write", "fd", "bytes", "length"],
  ["send", "fd", "bytes", "length", "int"],
  ["recv", "fd", "bytes", "length", "int"],
  ["sendto", "fd", "bytes", "length", "int", "dest", 16],
  ["recvfrom", "fd", "bytes", "length", "int", "room", "roomLength"],
  ["sendmsg", "fd", "message", "int"],
  ["sendmsg", "fd", "sent", "int"],
  ["recvmsg", "fd", "message", "int"],
  ["recvmsg", "fd", "received", "int"],
  ["sendmmsg", "fd", "messages", 1, "int"],
  ["recvmmsg", "fd", "messages", 1, "int"],
  ["getsockopt", "fd", "int", "int", "intCell"],
  ["setsockopt", "fd", "int", "int", "int"],
  ["close", "fd"],
  ["dup", "fd"],
  ["dup2", "fd", "fd"],
  ["pipe", "pair"],
  ["pipe2", "pair", "int"],
  ["fcntl", "fd", "int"],
  ["ioctl", "fd", "int", "intCell"],
  ["poll", "polled", 1, "int"],
  ["select", 0, "set", "set", "set", "time"],
  ["FD_SET", "fd", "set"],
  ["FD_CLR", 0, "set"],
  ["FD_ISSET", 0, "set"],
  ["FD_ZERO", "set"],
  ["inet_pton", P.AF_INET, "text", "inet"],
  ["inet_pton", "int", "text", null],
  ["inet_ntop", P.AF_INET, "inet", "addrlen"],
  ["inet_aton", "text", "inet"],
  ["inet_addr", "text"],
  ["inet_ntoa", "inet"],
  ["getaddrinfo", "text", null, "hints", "list"],
  ["freeaddrinfo", "list"],
  ["gai_strerror", "int"],
  ["getnameinfo", "address", 16, "name", "addrlen", "name", "addrlen", "int"],
  ["getservbyname", "text", "text"],
  ["getservbyport", "int", "text"],
  ["if_nametoindex", "text"],
  ["if_indextoname", "addrlen"],
  ["gethostname", "name"],
  ["strerror", "int"],
];

const shown = (value: unknown): string => {
  if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? "an object";
  return typeof value === "symbol" ? "a symbol" : String(value);
};

/** -1 stands for a call that has failed, which sets this. */
const setErrno = (): number => P.close(-1);

for (const [name, ...kinds] of CALLS) {
  test(`${name}(${kinds.join(", ")}) with arguments that are none`, () => {
    setErrno();
    const before = [openFds(), P.errno];
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: all of them
    const call = P[name] as (...args: unknown[]) => unknown;
    const right = (): unknown[] =>
      kinds.map((kind) => (typeof kind === "string" ? KINDS[kind].right() : kind));
    kinds.forEach((kind, i) => {
      if (typeof kind !== "string") return;
      for (const value of KINDS[kind].wrong) {
        const args = right();
        args[i] = value;
        assert.throws(
          () => call(...args),
          (error) => error instanceof TypeError || error instanceof RangeError,
          `argument ${i}: ${shown(value)}`,
        );
      }
    });
    assert.deepEqual([openFds(), P.errno], before);
  });
}

test("every function that takes arguments is in the table", () => {
  const functions = Object.entries(P).filter(([, value]) => typeof value === "function");
  const elsewhere = ["perror", "htons", "htonl", "ntohs", "ntohl", "fd_set", "CMSG_LEN", "CMSG_SPACE"];
  const casts = ["sockaddr_in", "sockaddr_in6", "sockaddr_un", "sockaddr_storage"]; // sockaddr.test.ts
  const known = new Set<string>([...CALLS.map(([name]) => name), ...elsewhere, ...casts]);
  assert.deepEqual(
    functions.map(([name]) => name).filter((name) => !known.has(name)),
    [],
  );
});

test("a refusal says what was expected, and what came", () => {
  const say = (call: () => unknown, message: RegExp): void => assert.throws(call, { message });
  say(
    () => P.listen("3" as never, 1),
    /^sockfd: expected a whole number from -2147483648 to 4294967295, got "3"$/,
  );
  say(() => P.read(0, new Uint8Array(4), 5), /^length of buf: expected a whole number from 0 to 4, got 5$/);
  say(() => P.write(1, "text" as never), /^buf: expected a Uint8Array, got "text"$/);
  say(
    () => P.bind(3, "127.0.0.1" as never),
    /^addr: expected a Uint8Array or an object with one of sin_family, /,
  );
  say(() => P.FD_SET(1024, P.fd_set()), /^fd: expected a whole number from 0 to 1023, got 1024$/);
  say(() => P.select(1025, null, null, null), /^nfds: expected a whole number from .* to 1024, got 1025$/);
});

test("a length that somebody has defined on a buffer is not believed", () => {
  const [ours, theirs] = unix_pair(P.SOCK_STREAM | P.SOCK_NONBLOCK);
  class Liar extends Uint8Array {
    override get length(): number {
      return 1_000_000;
    }
  }
  const liar = Object.defineProperty(new Uint8Array(4).fill(0x61), "length", { value: 1_000_000 });
  for (const buffer of [liar, new Liar(4).fill(0x61), Buffer.from("aaaa")]) {
    assert.equal(P.write(ours, buffer), 4);
    assert.equal(P.sendmsg(ours, { msg_iov: [buffer] }, 0), 4);
    assert.throws(() => P.write(ours, buffer, 5), RangeError);
    assert.equal(P.read(theirs, buffer), 4);
    assert.equal(P.recvmsg(theirs, { msg_iov: [buffer] }, P.MSG_DONTWAIT), 4);
    assert.equal(P.recv(theirs, buffer, undefined, P.MSG_DONTWAIT), -1);
  }
  P.close(ours);
  P.close(theirs);
});

test("a buffer that is detached has no bytes, also where that happens while the arguments are read", () => {
  const [ours, theirs] = unix_pair(P.SOCK_DGRAM | P.SOCK_NONBLOCK);
  const gone = new Uint8Array(4);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  assert.equal(P.write(ours, gone), 0);
  assert.throws(() => P.write(ours, gone, 1), RangeError);
  const late = new Uint8Array(100_000);
  const message = {
    msg_iov: [late],
    get msg_control(): null {
      if (late.buffer.byteLength > 0) structuredClone(late.buffer, { transfer: [late.buffer] });
      return null;
    },
  };
  assert.equal(P.sendmsg(ours, message, 0), 0);
  P.close(ours);
  P.close(theirs);
});

test("options and requests with addresses of memory in their bytes are refused", () => {
  const fd = P.socket(P.AF_INET, P.SOCK_STREAM, 0);
  const bytes = new Uint8Array(64);
  assert.throws(() => P.setsockopt(fd, P.SOL_SOCKET, P.SO_ATTACH_FILTER, bytes), TypeError);
  assert.throws(() => P.getsockopt(fd, P.SOL_SOCKET, P.SO_GET_FILTER, bytes), TypeError);
  assert.throws(() => P.getsockopt(fd, P.IPPROTO_TCP, P.TCP_ZEROCOPY_RECEIVE, bytes), TypeError);
  assert.throws(() => P.setsockopt(fd, P.IPPROTO_IP, 64, bytes), TypeError); // IPT_SO_SET_REPLACE
  assert.throws(() => P.ioctl(fd, 0x8912, bytes), TypeError); // SIOCGIFCONF
  assert.throws(() => P.ioctl(fd, P.SIOCGIFFLAGS, new Uint8Array(39)), RangeError);
  assert.throws(() => P.fcntl(fd, 5, 4096), TypeError); // F_GETLK
  assert.equal(P.fcntl(fd, 5), -1); // as with NULL
  assert.equal(P.errno, P.EFAULT);
  P.close(fd);
});
