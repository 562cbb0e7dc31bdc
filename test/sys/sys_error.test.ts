/** SysError: its fields, and messages that say what to do, from real refusals of the kernel where it can be made to. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";
import { SocketAddr } from "../../src/ip/index.ts";
import * as C from "../../src/sys/index.ts";
import { check, errno, SysError } from "../../src/sys/index.ts";
import { IMPORT_SYS, moduleUrl, runNode } from "./_child.ts";
import { tcpPair } from "./_sockets.ts";

interface Row {
  readonly name: string;
  readonly number: number;
  readonly syscall: string;
  readonly address?: string;
  /** What the message must say to somebody who has to act on it. */
  readonly says: readonly (string | RegExp)[];
}

const ROWS: readonly Row[] = [
  {
    name: "bind to a low port",
    number: errno.EACCES,
    syscall: "bind",
    address: "0.0.0.0:80",
    says: ["bind 0.0.0.0:80: Permission denied (EACCES)", "port 80", "CAP_NET_BIND_SERVICE", "1024"],
  },
  {
    name: "bind to a low port of IPv6",
    number: errno.EACCES,
    syscall: "bind",
    address: "[::]:443",
    says: ["port 443", "CAP_NET_BIND_SERVICE"],
  },
  {
    name: "bind to a port that is taken",
    number: errno.EADDRINUSE,
    syscall: "bind",
    address: "127.0.0.1:2000",
    says: ["bind 127.0.0.1:2000: Address already in use (EADDRINUSE)", "another socket", "ss "],
  },
  {
    name: "bind to another host's address",
    number: errno.EADDRNOTAVAIL,
    syscall: "bind",
    address: "192.0.2.1:0",
    says: ["no network interface"],
  },
  {
    name: "listen on a port that is taken",
    number: errno.EADDRINUSE,
    syscall: "listen",
    address: "127.0.0.1:2000",
    says: ["listens on this port"],
  },
  {
    name: "connect, refused",
    number: errno.ECONNREFUSED,
    syscall: "connect",
    address: "127.0.0.1:9",
    says: ["connect 127.0.0.1:9: Connection refused (ECONNREFUSED)", "nothing listens"],
  },
  {
    name: "connect, no answer",
    number: errno.ETIMEDOUT,
    syscall: "connect",
    address: "192.0.2.1:80",
    says: ["never answered", "firewall"],
  },
  {
    name: "connect, no route",
    number: errno.ENETUNREACH,
    syscall: "connect",
    address: "192.0.2.1:80",
    says: ["no route"],
  },
  {
    name: "connect to a link-local address without its zone",
    number: errno.EINVAL,
    syscall: "connect",
    address: "[fe80::1]:80",
    says: ["fe80::1%eth0"],
  },
  {
    name: "connect, no ephemeral port",
    number: errno.EADDRNOTAVAIL,
    syscall: "connect",
    says: ["ip_local_port_range"],
  },
  { name: "reset while reading", number: errno.ECONNRESET, syscall: "recv", says: ["abruptly"] },
  {
    name: "write after the peer has closed",
    number: errno.EPIPE,
    syscall: "send",
    says: ["closed the connection"],
  },
  { name: "an option for the mighty", number: errno.EPERM, syscall: "setsockopt", says: ["CAP_NET_ADMIN"] },
  { name: "out of files, socket", number: errno.EMFILE, syscall: "socket", says: ["(EMFILE)", "ulimit -n"] },
  { name: "out of files, accept", number: errno.EMFILE, syscall: "accept", says: ["ulimit -n"] },
  { name: "the system out of files", number: errno.ENFILE, syscall: "socket", says: ["file-max"] },
];

for (const { name, number, syscall, address, says } of ROWS) {
  test(`message: ${name}`, () => {
    const error = new SysError(number, syscall, { address });
    for (const part of says) {
      if (typeof part === "string") assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
      else assert.match(error.message, part);
    }
    assert.ok(!error.message.includes("\n"), "one line");
    assert.ok(!/undefined|NaN/.test(error.message), error.message);
    assert.deepEqual([error.errno, error.syscall, error.address], [number, syscall, address]);
  });
}

test("every errno of every call has a message of one line, whatever the address", () => {
  for (const number of Object.values(errno)) {
    for (const syscall of ["bind", "connect", "listen", "accept", "recv", "send", "setsockopt", "ioctl"]) {
      for (const address of [undefined, "", "/run/x.sock", "[fe80::1%eth0]:1", "SO_MARK"]) {
        const { message } = new SysError(number, syscall, { address });
        assert.match(message, /^\w+( .*)?: .+ \(E[A-Z0-9]+\)(: .+)?$/);
        assert.ok(!/undefined|NaN|\n/.test(message), message);
      }
    }
  }
});

test("a bind that is refused for another reason than a low port does not speak of ports", () => {
  for (const address of [undefined, "/run/x.sock", "0.0.0.0:0", "x"]) {
    assert.ok(!new SysError(errno.EACCES, "bind", { address }).message.includes("CAP_NET_BIND_SERVICE"));
  }
});

test("the errno may be given negated, as calls return it, and is always positive in the error", () => {
  for (const number of [errno.ECONNREFUSED, -errno.ECONNREFUSED]) {
    const error = new SysError(number, "connect");
    assert.equal(error.code, "ECONNREFUSED");
    assert.equal(error.errno, 111);
    assert.equal(error.address, undefined);
  }
});

test("an unknown errno stays a number", () => {
  const error = new SysError(-4095, "frobnicate");
  assert.equal(error.code, "E4095");
  assert.equal(error.errno, 4095);
  assert.equal(error.message, "frobnicate: Unknown error 4095 (E4095)");
});

test("a hint and a cause of one's own", () => {
  const cause = new Error("why");
  const error = new SysError(errno.EBADF, "recv", { hint: "this TcpStream is closed", cause });
  assert.equal(error.message, "recv: Bad file descriptor (EBADF): this TcpStream is closed");
  assert.equal(error.cause, cause);
  assert.ok(!("cause" in new SysError(errno.EBADF, "recv")));
  assert.ok(error instanceof Error);
  assert.equal(error.name, "SysError");
  assert.match(inspect(error), /^SysError: recv: Bad file descriptor/);
  assert.match(error.stack ?? "", /sys_error\.test/);
});

test("check passes results on, and throws what is negative", () => {
  for (const result of [0, 1, 2 ** 31]) assert.equal(check(result, "recv"), result);
  assert.throws(() => check(-11, "recv", { address: "127.0.0.1:1" }), {
    name: "SysError",
    code: "EAGAIN",
    errno: 11,
    syscall: "recv",
    address: "127.0.0.1:1",
  });
});

// The kernel's own refusals.

const tcp = (): number => C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");

test("kernel: a port that is taken is EADDRINUSE, and one that was given up is ECONNREFUSED", () => {
  const [holder, other, client] = [tcp(), tcp(), tcp()];
  C.check(C.bind(holder, C.encodeSockaddr(SocketAddr.parse("127.0.0.1:0"))), "bind");
  const taken = C.getsockname(holder);
  assert.ok(taken instanceof Uint8Array);
  const address = C.decodeSockaddr(taken)?.toString();
  assert.throws(() => check(C.bind(other, taken), "bind", { address }), {
    code: "EADDRINUSE",
    errno: 98,
    address,
  });
  // It is bound, and does not listen: whoever connects is refused.
  assert.throws(() => check(C.connect(client, taken), "connect", { address }), {
    code: "ECONNREFUSED",
    errno: 111,
    message: `connect ${address}: Connection refused (ECONNREFUSED): nothing listens on that address and port`,
  });
  for (const fd of [holder, other, client]) C.close(fd);
});

test("kernel: an address that no interface has is EADDRNOTAVAIL", () => {
  const fd = tcp();
  const bytes = C.encodeSockaddr(SocketAddr.parse("198.51.100.1:0"));
  assert.throws(() => check(C.bind(fd, bytes), "bind"), { code: "EADDRNOTAVAIL" });
  C.close(fd);
});

test("kernel: a link-local address without its zone is EINVAL", (t) => {
  const fd = C.socket(C.AF_INET6, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0);
  if (fd === -errno.EAFNOSUPPORT) return t.skip("this kernel has no IPv6");
  const bytes = C.encodeSockaddr(SocketAddr.parse("[fe80::1]:8080"));
  assert.throws(() => check(C.connect(fd, bytes), "connect"), { code: "EINVAL", message: /needs its zone/ });
  assert.throws(() => check(C.bind(fd, bytes), "bind"), { code: "EINVAL", message: /lacks its zone/ });
  C.close(fd);
});

test("kernel: writing to a peer that is gone is EPIPE, and reading after a reset is ECONNRESET", () => {
  const [client, server] = tcpPair();
  C.send(client, new Uint8Array(10), 0);
  C.close(server); // with data unread: TCP resets
  assert.throws(() => check(C.recv(client, new Uint8Array(1), 0), "recv"), {
    code: "ECONNRESET",
    errno: 104,
  });
  assert.throws(() => check(C.send(client, new Uint8Array(1), C.MSG_NOSIGNAL), "send"), { code: "EPIPE" });
  C.close(client);
});

test("kernel: too many files is EMFILE, for socket and for accept", async () => {
  const code = `${IMPORT_SYS}
    const [fd] = unixPair();
    let last = 0;
    while (last >= 0) last = C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0);
    try { C.check(last, "socket"); } catch (error) { process.stdout.write(error.code + " " + error.message); }`;
  const { stdout, stderr } = await runNode(code, ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]);
  assert.equal(
    stdout,
    "EMFILE socket: Too many open files (EMFILE): this process has as many open files as its limit allows (see ulimit -n)",
    stderr,
  );
});

const firstFree = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
const lowPort = { skip: firstFree > 80 ? false : `net.ipv4.ip_unprivileged_port_start is ${firstFree}` };

test(
  "kernel: port 80 without CAP_NET_BIND_SERVICE is EACCES, and the message names it",
  lowPort,
  async () => {
    const { stdout, stderr } = await runNode(`${IMPORT_SYS}
    import { SocketAddr } from ${moduleUrl("src/ip/index.ts")};
    if (process.getuid() === 0) process.setuid(65534);
    const fd = C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0);
    const address = SocketAddr.parse("127.0.0.1:80");
    try { C.check(C.bind(fd, C.encodeSockaddr(address)), "bind", { address: String(address) }); }
    catch (error) { console.log(error.code, error.errno, error.address, /CAP_NET_BIND_SERVICE/.test(error.message)); }`);
    assert.equal(stdout, "EACCES 13 127.0.0.1:80 true", stderr);
  },
);
