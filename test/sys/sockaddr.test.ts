/** Socket addresses to the kernel's bytes and back: against a C program, and against the kernel's own bind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../src/bytes/index.ts";
import { Ipv4Addr, Ipv6Addr, SocketAddr } from "../../src/ip/index.ts";
import * as C from "../../src/sys/index.ts";
import { decodeSockaddr, encodeSockaddr, sockaddrFamily } from "../../src/sys/sockaddr.ts";
import { Random } from "../ip/_random.ts";
import { IMPORT_SYS, moduleUrl, runNode } from "./_child.ts";
import { needsGcc, runC } from "./_gcc.ts";

const v6 = (ip: string, port: number, flowInfo = 0, zone?: number): SocketAddr =>
  SocketAddr.of(ip, port, { flowInfo, zone });

const NAMED: readonly SocketAddr[] = [
  SocketAddr.parse("0.0.0.0:0"),
  SocketAddr.parse("127.0.0.1:80"),
  SocketAddr.parse("255.255.255.255:65535"),
  SocketAddr.parse("1.2.3.4:258"),
  v6("::", 0),
  v6("::1", 2000),
  v6("::ffff:1.2.3.4", 1),
  v6("2001:db8:1122:3344:5566:7788:99aa:bbcc", 65535, 0xffffffff, 0xffffffff),
  v6("fe80::1", 258, 0x01020304, 0x0a0b0c0d),
  v6("ff02::1", 5353, 1, 1),
  v6("fe80::1", 0, 0x80000000, 0x80000000),
];

function randomAddresses(count: number): SocketAddr[] {
  const random = new Random(20260101);
  const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => random.below(256));
  return Array.from({ length: count }, (_, i) => {
    const port = random.below(65536);
    if (i % 2 === 0) return SocketAddr.of(Ipv4Addr.fromBytes(bytes(4)), port);
    return SocketAddr.of(Ipv6Addr.fromBytes(bytes(16)), port, { flowInfo: random.u32(), zone: random.u32() });
  });
}

const ADDRESSES = [...NAMED, ...randomAddresses(200)];

test(`${ADDRESSES.length} addresses have the bytes that C gives them`, needsGcc, () => {
  const zones = ADDRESSES.map(({ zone }) => zone ?? 0);
  const lines = runC(`
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
static void dump(const void *p, size_t n) {
  for (size_t i = 0; i < n; i++) printf("%02x", ((const unsigned char *)p)[i]);
  putchar('\\n');
}
static void four(const char *ip, int port) {
  struct sockaddr_in a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) puts("?");
  dump(&a, sizeof a);
}
static void six(const char *ip, int port, unsigned int flow, unsigned int zone) {
  struct sockaddr_in6 a;
  memset(&a, 0, sizeof a);
  a.sin6_family = AF_INET6;
  a.sin6_port = htons(port);
  a.sin6_flowinfo = htonl(flow);
  a.sin6_scope_id = zone;
  if (inet_pton(AF_INET6, ip, &a.sin6_addr) != 1) puts("?");
  dump(&a, sizeof a);
}
int main(void) {
${ADDRESSES.map(({ ip, port, flowInfo }, i) =>
  ip.version === 4 ? `  four("${ip}", ${port});` : `  six("${ip}", ${port}, ${flowInfo}u, ${zones[i]}u);`,
).join("\n")}
  return 0;
}
`);
  assert.deepEqual(
    ADDRESSES.map((address) => toHex(encodeSockaddr(address))),
    lines,
  );
});

test(`${ADDRESSES.length} addresses survive being encoded and decoded`, () => {
  for (const address of ADDRESSES) {
    const bytes = encodeSockaddr(address);
    const back = decodeSockaddr(bytes);
    assert.ok(back?.equals(address), `${address} came back as ${back}`);
    const within = new Uint8Array(3 + bytes.length + 100).fill(0xee); // at an odd offset, with more behind it
    within.set(bytes, 3);
    assert.ok(decodeSockaddr(within.subarray(3))?.equals(address), `${address}, from a subarray`);
  }
});

test("a zone by name is sent as its index and comes back by index", () => {
  const bytes = encodeSockaddr(SocketAddr.parse("[fe80::1%lo]:80"));
  assert.deepEqual(bytes, encodeSockaddr(SocketAddr.parse("[fe80::1%1]:80")));
  assert.equal(decodeSockaddr(bytes)?.toString(), "[fe80::1%1]:80");
});

test("an unknown zone is ENODEV, with the zone in the message", () => {
  assert.throws(
    () => encodeSockaddr(SocketAddr.parse("[fe80::1%nosuch0]:80")),
    (error) => {
      assert.ok(error instanceof C.SysError);
      assert.equal(error.code, "ENODEV");
      assert.equal(error.errno, 19);
      assert.equal(error.address, "[fe80::1%nosuch0]:80");
      assert.match(error.message, /no network interface named nosuch0/);
      return true;
    },
  );
});

test("a zone that could not be looked up, for want of files, is not called unknown", async () => {
  // if_nametoindex(3) opens a socket to ask: with no file descriptor left, it fails with EMFILE.
  const code = `${IMPORT_SYS}
    import { SocketAddr } from ${moduleUrl("src/ip/index.ts")};
    const address = SocketAddr.parse("[fe80::1%lo]:80");
    C.encodeSockaddr(address);
    const taken = [];
    for (let fd = 0; fd >= 0; fd = C.socket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0)) if (fd) taken.push(fd);
    let error;
    try { C.encodeSockaddr(address); } catch (thrown) { error = thrown; }
    for (const fd of taken) C.close(fd);
    console.log(error?.code, error?.syscall);`;
  const { stdout, stderr } = await runNode(code, ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh"]);
  assert.equal(stdout, "EMFILE if_nametoindex", stderr);
});

const DECODED: readonly (readonly [name: string, bytes: readonly number[], expected: string | undefined])[] =
  [
    ["no bytes, as of an unnamed peer", [], undefined],
    ["one byte", [2], undefined],
    ["AF_UNSPEC", [0, 0], undefined],
    ["AF_UNSPEC, 16 bytes", [0, 0, ...new Array(14).fill(7)], undefined],
    ["an unnamed AF_UNIX socket", [1, 0], undefined],
    ["AF_UNIX with a path", [1, 0, 0x2f, 0x74, 0x6d, 0x70, 0], undefined],
    ["AF_NETLINK", [16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], undefined],
    ["a family in the wrong byte order", [0, 2, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], undefined],
    ["sin_zero that is not zero", [2, 0, 0, 80, 127, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8], "127.0.0.1:80"],
  ];

for (const [name, bytes, expected] of DECODED) {
  test(`decode: ${name}`, () => {
    assert.equal(decodeSockaddr(Uint8Array.from(bytes))?.toString(), expected);
  });
}

test("decode: bytes that are cut short of their struct are a RangeError", () => {
  for (const address of ["127.0.0.1:80", "[::1]:80"]) {
    const bytes = encodeSockaddr(SocketAddr.parse(address));
    for (let length = 2; length < bytes.length; length++) {
      assert.throws(
        () => decodeSockaddr(bytes.subarray(0, length)),
        RangeError,
        `${address}, ${length} bytes`,
      );
    }
  }
});

test("the family of bytes in the middle of a buffer", () => {
  assert.equal(sockaddrFamily(Uint8Array.of(9, 9, 9, 10, 0, 9).subarray(3)), C.AF_INET6);
});

for (const text of ["127.0.0.1:0", "[::1]:0", "[::]:0", "0.0.0.0:0"]) {
  test(`the kernel binds ${text} and gives back what was bound`, (t) => {
    const address = SocketAddr.parse(text);
    const fd = C.socket(address.ip.version === 4 ? C.AF_INET : C.AF_INET6, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0);
    if (fd === -C.errno.EAFNOSUPPORT) return t.skip("this kernel has no IPv6");
    try {
      const bound = C.bind(fd, encodeSockaddr(address));
      if (bound === -C.errno.EADDRNOTAVAIL) return t.skip("this host has no IPv6 loopback address");
      assert.equal(bound, 0);
      const name = C.getsockname(fd);
      assert.ok(name instanceof Uint8Array);
      const got = decodeSockaddr(name);
      assert.ok(got !== undefined && got.port > 0);
      assert.ok(got.ip.equals(address.ip));
      assert.deepEqual(encodeSockaddr(got), name);
    } finally {
      C.close(fd);
    }
  });
}

test("interfaces: lo has an index and gets its name back, what is none is ENODEV or undefined", () => {
  const index = C.if_nametoindex("lo");
  assert.ok(index > 0);
  assert.equal(C.if_indextoname(index), "lo");
  assert.equal(C.if_nametoindex("nosuch0"), -C.errno.ENODEV);
  assert.equal(C.if_nametoindex(""), -C.errno.ENODEV);
  // 16 bytes and more leave no room for the NUL; none of these may find lo, cut off or not.
  for (const name of [
    "a-name-longer-than-an-interface-can-have",
    `lo${"x".repeat(14)}`,
    "lo\0",
    "lo\0x",
    "lo ",
  ]) {
    assert.equal(C.if_nametoindex(name), -C.errno.ENODEV, JSON.stringify(name));
  }
  assert.equal(C.if_indextoname(0), undefined);
  assert.equal(C.if_indextoname(0x7ffffff0), undefined);
});
