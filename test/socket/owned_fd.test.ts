/** OwnedFd: taking an fd, giving it away, closing it once, and what becomes of one that is forgotten. */
import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { inspect } from "node:util";
import {
  OwnedFd,
  TcpListener,
  TcpStream,
  UnixDatagram,
  UnixListener,
  UnixStream,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, pair, stateOf, sysError, test, textOf, turn, until, utf8 } from "./_helpers.ts";
import { markedFile, openSockets, socketsSince } from "./_unix_helpers.ts";

const open = (): number => openSync("/dev/null", "r");
const isOpen = (fd: number): boolean => sys.fcntl(fd, sys.F_GETFD) >= 0;

test("owns a file: its number, closing, and a second close that touches nobody", () => {
  const number = open();
  const fd = OwnedFd.of(number);
  assert.deepEqual([fd.fd, fd.closed, inspect(fd)], [number, false, `OwnedFd(${number})`]);
  assert.equal(fstatSync(fd.fd).isCharacterDevice(), true);
  fd.close();
  assert.deepEqual([fd.closed, inspect(fd), isOpen(number)], [true, "OwnedFd(closed)", false]);
  assert.equal(open(), number, "the kernel gives the lowest free number again");
  fd.close();
  fd[Symbol.dispose]();
  assert.ok(isOpen(number));
  assert.throws(() => fd.fd, sysError("EBADF"));
  assert.throws(() => fd.release(), sysError("EBADF"));
  closeSync(number);
});

test("release gives the file away: it stays open, and closing it is the caller's", () => {
  const fd = OwnedFd.of(open());
  const number = fd.release();
  fd.close();
  assert.ok(fd.closed && isOpen(number));
  assert.throws(() => fd.release(), sysError("EBADF"));
  closeSync(number);
});

test("using closes at the end of the scope", () => {
  let number: number;
  {
    using fd = OwnedFd.of(open());
    number = fd.fd;
    assert.ok(isOpen(number));
  }
  assert.ok(!isOpen(number));
});

for (const wrong of [-1, 1.5, Number.NaN, 2 ** 31, "0", null, undefined, {}]) {
  test(`refuses ${String(wrong)}, which is no file's number`, () => {
    assert.throws(() => OwnedFd.of(wrong as number), {
      name: "TypeError",
      message: /^fd: expected the number/,
    });
  });
}

test("refuses a number that no file is open under", () => {
  const number = open();
  closeSync(number);
  assert.throws(() => OwnedFd.of(number), sysError("EBADF", "fcntl"));
});

/** Every socket that can be given away, and what it is afterwards. */
const SOCKETS: Readonly<
  Record<
    string,
    () => Promise<{ give: { intoFd(): OwnedFd; closed: boolean }; take(fd: OwnedFd): { close(): void } }>
  >
> = {
  TcpStream: async () => {
    const link = await pair();
    link.server.close();
    return { give: link.client, take: (fd) => TcpStream.fromFd(fd) };
  },
  TcpListener: async () => ({ give: TcpListener.bind("127.0.0.1:0"), take: (fd) => TcpListener.fromFd(fd) }),
  UnixStream: async () => {
    const [one, other] = UnixStream.pair();
    other.close();
    return { give: one, take: (fd) => UnixStream.fromFd(fd) };
  },
  UnixListener: async () => ({
    give: UnixListener.bind("@windsock-owned-fd"),
    take: (fd) => UnixListener.fromFd(fd),
  }),
  UnixDatagram: async () => ({ give: UnixDatagram.bind(), take: (fd) => UnixDatagram.fromFd(fd) }),
};
for (const [name, make] of Object.entries(SOCKETS)) {
  test(`${name}: given away it counts as closed, and the fd becomes a socket again`, async () => {
    const before = openSockets();
    const { give, take } = await make();
    const fd = give.intoFd();
    assert.ok(give.closed && !fd.closed);
    assert.throws(() => give.intoFd(), sysError("EBADF", "release"));
    const number = fd.fd;
    const socket = take(fd);
    assert.ok(fd.closed, "the socket owns it now");
    assert.ok(isOpen(number));
    socket.close();
    assert.equal(socketsSince(before), 0);
  });
}

test("calls that wait reject with ECANCELED when the socket is given away, and take nothing", async () => {
  const [one, other] = UnixStream.pair();
  const waiting = one.read(new Uint8Array(4));
  assert.equal(await stateOf(waiting), "pending");
  const fd = one.intoFd();
  await assert.rejects(waiting, sysError("ECANCELED", "recv"));
  await other.writeAll(utf8("data"));
  using again = UnixStream.fromFd(fd);
  const buffer = new Uint8Array(8);
  assert.equal(textOf(buffer.subarray(0, await again.read(buffer))), "data");
  other.close();
});

test("fromFd makes an fd that blocks non-blocking, and close-on-exec", async () => {
  const fd = sys.check(sys.socket(sys.AF_UNIX, sys.SOCK_DGRAM, 0), "socket");
  assert.equal(sys.fcntl(fd, sys.F_GETFL) & sys.O_NONBLOCK, 0);
  using socket = UnixDatagram.fromFd(fd);
  assert.notEqual(sys.fcntl(fd, sys.F_GETFL) & sys.O_NONBLOCK, 0);
  assert.equal(sys.fcntl(fd, sys.F_GETFD), sys.FD_CLOEXEC);
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
});

test("fromFd refuses what is another kind of socket, and leaves the fd the caller's", async () => {
  using datagram = UnixDatagram.bind();
  using fd = datagram.intoFd();
  assert.throws(() => UnixListener.fromFd(fd), /expected a listening local stream socket/);
  assert.throws(() => UnixStream.fromFd(fd), sysError("ENOTCONN"));
  using link = await pair();
  using tcp = link.client.intoFd();
  assert.throws(() => UnixStream.fromFd(tcp), {
    name: "TypeError",
    message: /expected a local stream socket/,
  });
  assert.throws(() => UnixDatagram.fromFd(tcp), { name: "TypeError" });
  using file = OwnedFd.of(open());
  assert.throws(() => UnixStream.fromFd(file), sysError("ENOTSOCK"));
  assert.throws(() => UnixDatagram.fromFd(file), sysError("ENOTSOCK"));
  for (const wrong of [-1, 1.5, "3", undefined]) {
    assert.throws(() => UnixStream.fromFd(wrong as number), { name: "TypeError" });
    assert.throws(() => UnixDatagram.fromFd(wrong as number), { name: "TypeError" });
    assert.throws(() => UnixListener.fromFd(wrong as number), { name: "TypeError" });
  }
  assert.deepEqual([fd.closed, tcp.closed, file.closed], [false, false, false]);
});

declare const gc: () => void;

isolated(
  import.meta.url,
  "files that are garbage-collected with the message they came in are closed; one warning tells of the first",
  { nodeFlags: ["--expose-gc"] },
  async () => {
    const warnings: (Error & { code?: string })[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    const [one, other] = UnixStream.pair();
    await Promise.allSettled([one.read(new Uint8Array(1), { timeoutMs: 0 })]); // opens what stays open
    using file = markedFile();
    await (async () => {
      for (let i = 0; i < 5; i++) {
        await one.sendMsg(utf8("x"), { ancillary: { fds: [file, file.fd] } });
        const { ancillary } = await other.recvMsg();
        assert.equal(ancillary.fds?.length, 2);
      }
    })();
    assert.equal(file.copies(), 10);
    await until(() => {
      gc();
      return file.copies() === 0;
    });
    await turn();
    assert.equal(warnings.length, 1, String(warnings));
    assert.equal(warnings[0]?.code, "WINDSOCK_FORGOTTEN_SOCKET");
    assert.match(warnings[0]?.message ?? "", /an? OwnedFd \(fd \d+\) was garbage-collected/);
    assert.ok(isOpen(file.fd) && !one.closed && !other.closed);
  },
);
