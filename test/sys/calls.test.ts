/** The system calls of src/sys/: what they refuse before the kernel is asked, and what they give when it says no. */
import assert from "node:assert/strict";
import { fstatSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { test } from "node:test";
import * as C from "../../src/sys/index.ts";
import { ioctl } from "../../src/sys/io_calls.ts";
import { openFds } from "../_fds.ts";
import { tcpPair, unixPair } from "./_sockets.ts";

const SOME_BYTES = Uint8Array.of(2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
const AN_INT = new Uint8Array(4);

/** Every call that takes an fd. */
const CALLS: Readonly<Record<string, (fd: number) => number | Uint8Array>> = {
  recv: (fd) => C.recv(fd, new Uint8Array(8), 0),
  send: (fd) => C.send(fd, Uint8Array.of(1), C.MSG_NOSIGNAL),
  close: (fd) => C.close(fd),
  ioctl: (fd) => ioctl(fd, C.SIOCINQ, new Uint8Array(4)),
  ioctlInt: (fd) => C.ioctlInt(fd, C.SIOCINQ),
  pollNow: (fd) => C.pollNow(fd, C.POLLIN),
  bind: (fd) => C.bind(fd, SOME_BYTES),
  connect: (fd) => C.connect(fd, SOME_BYTES),
  listen: (fd) => C.listen(fd, 1),
  accept4: (fd) => C.accept4(fd, C.SOCK_CLOEXEC),
  shutdown: (fd) => C.shutdown(fd, C.SHUT_RDWR),
  getsockname: (fd) => C.getsockname(fd),
  getpeername: (fd) => C.getpeername(fd),
  getsockopt: (fd) => C.getsockopt(fd, C.SOL_SOCKET, C.SO_TYPE, new Uint8Array(4)),
  getsockoptInt: (fd) => C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_TYPE),
  setsockopt: (fd) => C.setsockopt(fd, C.SOL_SOCKET, C.SO_KEEPALIVE, AN_INT),
};

/** What FFI would take for fd 0, for another fd, or for an address. */
const NO_FDS: readonly unknown[] = [
  Number.NaN,
  0.5,
  3.0000001,
  -1,
  -0.5,
  -(2 ** 31),
  2 ** 31,
  2 ** 32,
  2 ** 32 + 3,
  2 ** 53,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  "3",
  "",
  null,
  undefined,
  true,
  false,
  3n,
  [3],
  { valueOf: () => 3 },
  Symbol("fd"),
  () => 3,
];

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} refuses what is no fd, before the kernel is asked`, () => {
    const before = [openFds(), fstatSync(0).ino];
    for (const fd of NO_FDS) {
      assert.throws(() => call(fd as number), TypeError, `fd ${typeof fd} ${String(fd)}`);
    }
    assert.deepEqual([openFds(), fstatSync(0).ino], before);
  });
}

test("the refusal says what was expected and what came", () => {
  assert.throws(() => C.recv(Number.NaN, AN_INT, 0), /fd: expected an integer from 0 to 2147483647, got NaN/);
});

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} on an fd that is not open`, () => {
    const [ours, theirs] = unixPair();
    C.close(ours);
    C.close(theirs);
    // poll(2) does not fail: it says POLLNVAL.
    const expected = name === "pollNow" ? 0x20 : -C.errno.EBADF;
    assert.equal(call(ours), expected);
    assert.equal(call(2 ** 31 - 1), expected);
  });
}

for (const [name, call] of Object.entries(CALLS)) {
  if (["close", "pollNow"].includes(name)) continue;
  test(`${name} on a file is ${name.startsWith("ioctl") ? "ENOTTY" : "ENOTSOCK"}`, () => {
    const fd = openSync(devNull, "r+");
    try {
      assert.equal(call(fd), -(name.startsWith("ioctl") ? C.errno.ENOTTY : C.errno.ENOTSOCK));
    } finally {
      C.close(fd);
    }
  });
}

/** Calls that fail on a fresh TCP socket, and how. */
const FRESH: readonly (readonly [
  name: string,
  expected: keyof typeof C.errno,
  call: (fd: number) => unknown,
])[] = [
  ["accept4 on a socket that does not listen", "EINVAL", (fd) => C.accept4(fd, 0)],
  ["accept4 with unknown flags", "EINVAL", (fd) => C.accept4(fd, 1)],
  ["getpeername without a peer", "ENOTCONN", (fd) => C.getpeername(fd)],
  ["recv without a connection", "ENOTCONN", (fd) => C.recv(fd, new Uint8Array(1), 0)],
  ["send without a connection", "EPIPE", (fd) => C.send(fd, Uint8Array.of(1), C.MSG_NOSIGNAL)],
  ["shutdown without a connection", "ENOTCONN", (fd) => C.shutdown(fd, C.SHUT_WR)],
  ["bind to a cut address", "EINVAL", (fd) => C.bind(fd, SOME_BYTES.subarray(0, 8))],
  ["bind to no address", "EINVAL", (fd) => C.bind(fd, new Uint8Array(0))],
  ["connect to a cut address", "EINVAL", (fd) => C.connect(fd, SOME_BYTES.subarray(0, 8))],
  ["an unknown option read", "ENOPROTOOPT", (fd) => C.getsockopt(fd, C.SOL_SOCKET, 9999, AN_INT)],
  ["an unknown option read as an int", "ENOPROTOOPT", (fd) => C.getsockoptInt(fd, C.SOL_SOCKET, 9999)],
  ["an unknown option set", "ENOPROTOOPT", (fd) => C.setsockopt(fd, C.SOL_SOCKET, 9999, AN_INT)],
  [
    "an option set from too few bytes",
    "EINVAL",
    (fd) => C.setsockopt(fd, C.SOL_SOCKET, C.SO_KEEPALIVE, AN_INT.subarray(0, 3)),
  ],
  ["an unknown ioctl", "ENOTTY", (fd) => C.ioctlInt(fd, 0xdeadbeef)],
];

for (const [name, expected, call] of FRESH) {
  test(`${name} is ${expected}`, () => {
    const fd = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
    try {
      assert.equal(call(fd), -C.errno[expected]);
    } finally {
      C.close(fd);
    }
  });
}

test("socket says no with its errno", () => {
  assert.equal(C.socket(9999, C.SOCK_STREAM, 0), -C.errno.EAFNOSUPPORT);
  assert.equal(C.socket(C.AF_INET, 0xf, 0), -C.errno.EINVAL);
  assert.equal(C.socket(C.AF_INET, C.SOCK_STREAM, 17), -C.errno.EPROTONOSUPPORT);
});

test("an idle socket answers EAGAIN; once its peer is gone, recv gives 0 and send EPIPE", () => {
  const [ours, theirs] = unixPair();
  const bytes = new Uint8Array(8);
  assert.equal(C.recv(ours, bytes, 0), -C.errno.EAGAIN);
  assert.equal(C.pollNow(ours, C.POLLIN | C.POLLOUT), C.POLLOUT);
  assert.equal(C.send(theirs, Uint8Array.of(1, 2), C.MSG_NOSIGNAL), 2);
  assert.equal(C.pollNow(ours, C.POLLIN), C.POLLIN);
  assert.equal(C.ioctlInt(ours, C.SIOCINQ), 2);
  C.close(theirs);
  assert.equal(C.recv(ours, bytes, 0), 2);
  assert.equal(C.recv(ours, bytes, 0), 0);
  assert.equal(C.pollNow(ours, 0) & 0x10, 0x10); // POLLHUP, though nothing was asked for
  assert.equal(C.send(ours, Uint8Array.of(1), C.MSG_NOSIGNAL), -C.errno.EPIPE);
  assert.equal(C.close(ours), 0);
  assert.equal(C.close(ours), -C.errno.EBADF);
});

test("errno belongs to the call just made, however many others came between", () => {
  const [ours, theirs] = unixPair();
  const file = openSync(devNull, "r");
  for (let i = 0; i < 1000; i++) {
    assert.equal(C.recv(ours, AN_INT, 0), -C.errno.EAGAIN);
    assert.equal(C.recv(file, AN_INT, 0), -C.errno.ENOTSOCK);
    assert.equal(C.recv(2 ** 31 - 1, AN_INT, 0), -C.errno.EBADF);
  }
  for (const fd of [ours, theirs, file]) C.close(fd);
});

test("recv and send honour the offset and the length of a subarray", () => {
  const [ours, theirs] = unixPair();
  const out = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(C.send(ours, out.subarray(5, 9), 0), 4);
  const room = new Uint8Array(32).fill(0xee);
  assert.equal(C.recv(theirs, room.subarray(7, 10), 0), 3);
  const expected = new Uint8Array(32).fill(0xee);
  expected.set([5, 6, 7], 7);
  assert.deepEqual(room, expected);
  assert.equal(C.recv(theirs, room.subarray(31), 0), 1);
  expected[31] = 8;
  assert.deepEqual(room, expected);
  C.close(ours);
  C.close(theirs);
});

test("a large buffer, a Buffer from Node's pool and a view at an odd offset all reach the kernel whole", () => {
  const [ours, theirs] = unixPair();
  const pooled = Buffer.from("hello, pool");
  assert.equal(C.send(ours, pooled, 0), pooled.length);
  const large = new Uint8Array(100_001).fill(0xee);
  assert.equal(C.recv(theirs, large.subarray(50_001), 0), pooled.length);
  assert.equal(Buffer.from(large.buffer, 50_001, pooled.length).toString(), "hello, pool");
  assert.deepEqual([large[50_000], large[50_001 + pooled.length]], [0xee, 0xee]);
  C.close(ours);
  C.close(theirs);
});

test("no bytes at all: send and recv give 0, and take nothing", () => {
  const [client, server] = tcpPair();
  const none = new Uint8Array(0);
  assert.equal(C.send(client, none, 0), 0);
  assert.equal(C.send(client, Uint8Array.of(7), 0), 1);
  const byte = new Uint8Array(1);
  assert.equal(C.recv(server, byte, C.MSG_PEEK), 1);
  assert.equal(C.recv(server, none, 0), 0);
  assert.equal(C.recv(server, byte, 0), 1);
  assert.equal(byte[0], 7);
  assert.equal(C.getsockopt(client, C.SOL_SOCKET, C.SO_TYPE, none), 0);
  C.close(client);
  C.close(server);
});

test("getsockopt tells how many bytes the kernel filled, and leaves the others alone", () => {
  const [client, server] = tcpPair();
  const room = new Uint8Array(16).fill(0xee);
  assert.equal(C.getsockopt(client, C.SOL_SOCKET, C.SO_TYPE, room.subarray(4)), 4);
  assert.deepEqual([...room], [0xee, 0xee, 0xee, 0xee, 1, 0, 0, 0, ...new Array(8).fill(0xee)]);
  assert.equal(C.getsockopt(client, C.SOL_SOCKET, C.SO_TYPE, room.subarray(0, 2)), 2);
  assert.equal(C.getsockoptInt(client, C.SOL_SOCKET, C.SO_TYPE), C.SOCK_STREAM);
  assert.equal(C.getsockoptInt(client, C.SOL_SOCKET, C.SO_DOMAIN), C.AF_INET);
  assert.equal(C.getsockoptInt(client, C.SOL_SOCKET, C.SO_PROTOCOL), C.IPPROTO_TCP);
  assert.equal(C.getsockoptInt(client, C.SOL_SOCKET, C.SO_ACCEPTCONN), 0);
  C.close(client);
  C.close(server);
});

test("setsockopt sets what getsockopt then reads, from a subarray too", () => {
  const fd = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
  const level = C.IPPROTO_TCP;
  assert.equal(C.getsockoptInt(fd, level, C.TCP_KEEPIDLE), 7200);
  const bytes = Uint8Array.of(9, 9, 9, 77, 0, 0, 0, 9);
  assert.equal(C.setsockopt(fd, level, C.TCP_KEEPIDLE, bytes.subarray(3, 7)), 0);
  assert.equal(C.getsockoptInt(fd, level, C.TCP_KEEPIDLE), 77);
  C.close(fd);
});

test("the addresses of accept4, getsockname and getpeername are copies that agree with each other", () => {
  const [client, server] = tcpPair();
  const accepted = C.acceptedAddress();
  const peer = C.getpeername(server);
  const own = C.getsockname(client);
  assert.ok(peer instanceof Uint8Array && own instanceof Uint8Array);
  assert.deepEqual(peer, own);
  assert.equal(peer.length, 16);
  const other = C.getpeername(client); // reuses the buffer that the kernel fills
  assert.deepEqual(peer, own);
  assert.notDeepEqual(other, own);
  assert.equal(accepted.length, 16);
  C.close(client);
  C.close(server);
});

test("acceptedAddress is the peer's, right after accept4", () => {
  const listener = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
  C.check(C.bind(listener, SOME_BYTES), "bind");
  C.check(C.listen(listener, 1), "listen");
  const client = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
  C.check(C.connect(client, C.getsockname(listener) as Uint8Array), "connect");
  const server = C.check(C.accept4(listener, C.SOCK_CLOEXEC), "accept4");
  assert.deepEqual(C.acceptedAddress(), C.getsockname(client));
  for (const fd of [listener, client, server]) C.close(fd);
});

test("an unbound Unix socket's address is two bytes long", () => {
  const [ours, theirs] = unixPair();
  assert.deepEqual(C.getsockname(ours), Uint8Array.of(1, 0));
  C.close(ours);
  C.close(theirs);
});
