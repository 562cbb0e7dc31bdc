/** MessageVector on real sockets: headers, names, control data and lengths, as sendmsg and its kin take and give them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as C from "../../src/sys/index.ts";
import { unixPair } from "./_sockets.ts";

const LOOPBACK = [127, 0, 0, 1];

/** A bound UDP socket, non-blocking, and its address. */
function udp(): { fd: number; address: Uint8Array; [Symbol.dispose](): void } {
  const fd = C.check(C.socket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0), "socket");
  C.check(C.bind(fd, Uint8Array.of(C.AF_INET, 0, 0, 0, ...LOOPBACK, ...Array(8).fill(0))), "bind");
  const address = C.getsockname(fd);
  if (typeof address === "number") throw new C.SysError(address, "getsockname");
  return { fd, address, [Symbol.dispose]: () => void C.close(fd) };
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** Takes what is there, by plain recvfrom. */
function drain(fd: number): number[][] {
  const all: number[][] = [];
  const buffer = new Uint8Array(100);
  for (;;) {
    const count = C.recvfrom(fd, buffer, 0);
    if (count === -C.errno.EAGAIN) return all;
    C.check(count, "recvfrom");
    all.push([...buffer.subarray(0, count)]);
  }
}

test("sendmmsg: each message has its own data and name, or shares one, or has none", () => {
  using sender = udp();
  using a = udp();
  using b = udp();
  const vector = new C.MessageVector(5, 0);
  const data = bytes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  const at = C.addressOf(data);
  vector.setData(0, at, 2);
  vector.setName(0, a.address);
  vector.setData(1, at + 2, 3);
  vector.shareName(1, 0);
  vector.setData(2, at + 5, 1);
  vector.setName(2, b.address);
  vector.setData(3, at + 6, 0);
  vector.shareName(3, 1);
  vector.setData(4, at + 6, 4);
  vector.shareName(4, 2);
  assert.equal(vector.sendmmsg(sender.fd, 0, 5, 0), 5);
  assert.deepEqual(drain(a.fd), [[1, 2], [3, 4, 5], []]);
  assert.deepEqual(drain(b.fd), [[6], [7, 8, 9, 10]]);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((i) => vector.length(i)),
    [2, 3, 1, 0, 4],
  );
  // From the middle on, and none at all.
  assert.equal(vector.sendmmsg(sender.fd, 3, 2, 0), 2);
  assert.deepEqual([drain(a.fd), drain(b.fd)], [[[]], [[7, 8, 9, 10]]]);
  assert.equal(vector.sendmmsg(sender.fd, 0, 0, 0), 0);
  // One without a name fails, and those before it have gone.
  vector.setName(2, undefined);
  assert.equal(vector.sendmmsg(sender.fd, 0, 5, 0), 2);
  assert.equal(vector.sendmmsg(sender.fd, 2, 3, 0), -C.errno.EDESTADDRREQ);
  C.check(C.connect(sender.fd, b.address), "connect");
  assert.equal(vector.sendmmsg(sender.fd, 2, 1, 0), 1);
  assert.deepEqual(drain(b.fd), [[6]]);
  vector.setName(2, a.address);
  assert.equal(vector.sendmmsg(sender.fd, 2, 1, 0), 1, "and has one again");
  assert.deepEqual(drain(a.fd).at(-1), [6]);
});

test("recvmmsg: data, names, lengths, flags and control data of each, in its own place", () => {
  using sender = udp();
  using second = udp();
  using receiver = udp();
  C.check(C.setsockopt(receiver.fd, C.IPPROTO_IP, C.IP_RECVTTL, bytes(1, 0, 0, 0)), "setsockopt");
  const vector = new C.MessageVector(4, C.CMSG_SPACE(4));
  const arena = new Uint8Array(new ArrayBuffer(40)).fill(0xee);
  for (let i = 0; i < 4; i++) {
    vector.setData(i, C.addressOf(arena) + i * 10, 5);
    vector.expect(i);
  }
  assert.equal(vector.recvmmsg(receiver.fd, 4, C.MSG_TRUNC), -C.errno.EAGAIN);
  for (let round = 0; round < 3; round++) {
    arena.fill(0xee);
    C.sendto(sender.fd, bytes(1, 2), 0, receiver.address);
    C.sendto(second.fd, bytes(3, 4, 5, 6, 7, 8, 9), 0, receiver.address);
    C.sendto(sender.fd, bytes(), 0, receiver.address);
    for (let i = 0; i < 4; i++) vector.expect(i);
    assert.equal(vector.recvmmsg(receiver.fd, 4, C.MSG_TRUNC), 3);
    assert.deepEqual(
      [0, 1, 2].map((i) => vector.length(i)),
      [2, 7, 0],
    );
    assert.deepEqual(
      [0, 1, 2].map((i) => (vector.flags(i) & C.MSG_TRUNC) !== 0),
      [false, true, false],
    );
    assert.deepEqual([...arena.subarray(0, 3)], [1, 2, 0xee]);
    assert.deepEqual([...arena.subarray(10, 16)], [3, 4, 5, 6, 7, 0xee], "not one byte too many");
    assert.equal(arena[20], 0xee);
    for (const [i, from] of [sender, second, sender].entries()) {
      assert.deepEqual(vector.name(i), from.address);
      const [ttl, ...more] = C.decodeControl(vector.control(i));
      assert.deepEqual([ttl?.level, ttl?.type, ttl?.data[0], more.length], [C.IPPROTO_IP, C.IP_TTL, 64, 0]);
      assert.deepEqual(
        [...new Uint8Array(vector.controlWords(i).slice().buffer)],
        [...vector.control(i).subarray(0, vector.control(i).length & ~3)],
      );
    }
  }
  // Too little room for the control data is told.
  C.sendto(sender.fd, bytes(1), 0, receiver.address);
  vector.expect(0, 0);
  assert.equal(vector.recvmmsg(receiver.fd, 1, 0), 1);
  assert.ok((vector.flags(0) & C.MSG_CTRUNC) !== 0);
  assert.equal(vector.control(0).length, 0);
  // Without expect there is only as much room as came the last time: expect is what makes it whole again.
  C.sendto(sender.fd, bytes(1), 0, receiver.address);
  vector.expect(0);
  assert.equal(vector.recvmmsg(receiver.fd, 1, 0), 1);
  assert.equal(vector.flags(0) & C.MSG_CTRUNC, 0);
});

test("sendmsg and recvmsg carry control data both ways, here an open file", () => {
  const [ours, theirs] = unixPair();
  const fd = C.check(C.fcntl(ours, C.F_DUPFD_CLOEXEC, 0), "fcntl");
  try {
    const data = new Uint8Array(new ArrayBuffer(4)).fill(7);
    const rights = new Uint8Array(4);
    new DataView(rights.buffer).setInt32(0, fd, true);
    const vector = new C.MessageVector(1, C.CMSG_SPACE(4));
    vector.setData(0, C.addressOf(data), 4);
    vector.setName(0, undefined);
    vector.setControl(0, C.encodeControl([{ level: C.SOL_SOCKET, type: C.SCM_RIGHTS, data: rights }]));
    assert.equal(vector.sendmsg(ours, C.MSG_NOSIGNAL), 4);
    vector.setControl(0, undefined);
    assert.equal(vector.sendmsg(ours, C.MSG_NOSIGNAL), 4);

    const into = new Uint8Array(new ArrayBuffer(4));
    vector.setData(0, C.addressOf(into), 4);
    vector.expect(0);
    assert.equal(vector.recvmsg(theirs, C.MSG_CMSG_CLOEXEC), 4);
    assert.deepEqual(into, data);
    const [message] = C.decodeControl(vector.control(0)) as [C.ControlMessage];
    assert.deepEqual([message.level, message.type], [C.SOL_SOCKET, C.SCM_RIGHTS]);
    const passed = new DataView(message.data.slice().buffer).getInt32(0, true);
    assert.equal(C.fcntl(passed, C.F_GETFD), C.FD_CLOEXEC);
    C.close(passed);
    vector.expect(0);
    assert.equal(vector.recvmsg(theirs, 0), 4);
    assert.equal(vector.control(0).length, 0);
    assert.equal(vector.recvmsg(theirs, C.MSG_DONTWAIT), -C.errno.EAGAIN);
  } finally {
    for (const one of [fd, ours, theirs]) C.close(one);
  }
});

test("control data longer than its room is refused, and room is counted in whole words", () => {
  const vector = new C.MessageVector(2, 20);
  assert.equal(vector.controlRoom, 24);
  vector.setControl(1, new Uint8Array(24));
  assert.throws(() => vector.setControl(1, new Uint8Array(25)), { name: "RangeError", message: /24.*25/ });
  assert.equal(new C.MessageVector(1, 0).controlRoom, 0);
});

test("an fd that is none is refused before the call; one that is closed is EBADF", () => {
  const vector = new C.MessageVector(1, 0);
  vector.setData(0, 0, 0);
  const calls: [string, (fd: number) => number][] = [
    ["sendmsg", (fd) => vector.sendmsg(fd, 0)],
    ["recvmsg", (fd) => vector.recvmsg(fd, 0)],
    ["sendmmsg", (fd) => vector.sendmmsg(fd, 0, 1, 0)],
    ["recvmmsg", (fd) => vector.recvmmsg(fd, 1, 0)],
  ];
  for (const [name, call] of calls) {
    for (const fd of [-1, Number.NaN, 1.5, 2 ** 32, "0" as never, undefined as never]) {
      assert.throws(() => call(fd), { name: "TypeError", message: /fd/ }, name);
    }
    const gone = udp();
    gone[Symbol.dispose]();
    assert.equal(call(gone.fd), -C.errno.EBADF, name);
  }
});

test("as many messages as the kernel takes at once, and more, which it cuts to 1024", () => {
  using sender = udp();
  using receiver = udp();
  C.setsockopt(receiver.fd, C.SOL_SOCKET, C.SO_RCVBUF, bytes(0, 0, 64, 0));
  const vector = new C.MessageVector(1500, 0);
  const data = new Uint8Array(new ArrayBuffer(1500 * 2));
  for (let i = 0; i < 1500; i++) {
    data[2 * i] = i & 0xff;
    data[2 * i + 1] = i >> 8;
    vector.setData(i, C.addressOf(data) + 2 * i, 2);
    if (i === 0) vector.setName(i, receiver.address);
    else vector.shareName(i, i - 1);
  }
  assert.equal(vector.sendmmsg(sender.fd, 0, 1500, 0), 1024);
  assert.equal(vector.sendmmsg(sender.fd, 1024, 476, 0), 476);
  const into = new Uint8Array(new ArrayBuffer(1500 * 2));
  for (let i = 0; i < 1500; i++) {
    vector.setData(i, C.addressOf(into) + 2 * i, 2);
    vector.expect(i);
  }
  let got = vector.recvmmsg(receiver.fd, 1500, 0);
  assert.ok(got > 0, `${got}`); // recvmmsg knows no such limit
  for (let i = 0; i < got; i++) assert.equal((into[2 * i] as number) + 256 * (into[2 * i + 1] as number), i);
  while (got < 1500) {
    for (let i = 0; i < 1500; i++) vector.expect(i);
    const more = vector.recvmmsg(receiver.fd, 1500, 0);
    if (more === -C.errno.EAGAIN) break; // the rest was dropped: rmem_max is small here
    got += C.check(more, "recvmmsg");
  }
  assert.ok(got <= 1500);
});

test("pointers above 4 GiB are written whole", () => {
  using sender = udp();
  using receiver = udp();
  const vector = new C.MessageVector(200_000, 8); // more than malloc takes from the low heap
  const data = bytes(1, 2, 3);
  for (const i of [0, 1, 2]) {
    vector.setData(i, C.addressOf(data), i + 1);
    if (i === 0) vector.setName(i, receiver.address);
    else vector.shareName(i, i - 1);
  }
  assert.equal(vector.sendmmsg(sender.fd, 0, 3, 0), 3);
  assert.deepEqual(drain(receiver.fd), [[1], [1, 2], [1, 2, 3]]);
  const arena = new Uint8Array(new ArrayBuffer(64 << 20));
  C.sendto(sender.fd, data, 0, receiver.address);
  vector.setData(0, C.addressOf(arena) + (63 << 20), 10);
  vector.expect(0);
  assert.equal(vector.recvmmsg(receiver.fd, 1, 0), 1);
  assert.deepEqual(arena.subarray(63 << 20, (63 << 20) + 3), data);
  assert.deepEqual(vector.name(0), sender.address);
});
