/** Addresses as values: their bytes, their casts, the length that a struct implies, and how calls fill them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  close,
  type const_sockaddr,
  getnameinfo,
  getsockname,
  htonl,
  htons,
  INADDR_LOOPBACK,
  in6addr_any,
  in6addr_loopback,
  inet_ntop,
  inet_pton,
  NI_MAXHOST,
  SOCK_DGRAM,
  type sockaddr,
  sockaddr_in,
  sockaddr_in6,
  sockaddr_storage,
  sockaddr_un,
  socket,
} from "../../src/posix/index.ts";
import { encodeAddress } from "../../src/posix/sockaddr.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const zeros = (count: number): string => "00".repeat(count);

/** What bind and its like are given. */
const ENCODED: readonly (readonly [
  name: string,
  addr: const_sockaddr,
  addrlen: number | undefined,
  bytes: string,
])[] = [
  [
    "sockaddr_in",
    { sin_family: AF_INET, sin_port: htons(2000), sin_addr: { s_addr: htonl(INADDR_LOOPBACK) } },
    undefined,
    `020007d07f000001${zeros(8)}`,
  ],
  ["sockaddr_in with fields left out", { sin_family: AF_INET }, undefined, `0200${zeros(14)}`],
  ["sockaddr_in that is cut", { sin_family: AF_INET, sin_port: htons(2000) }, 4, "020007d0"],
  ["sockaddr_in in more room", { sin_family: AF_INET }, 28, `0200${zeros(26)}`],
  ["sockaddr_in in too much room", { sin_family: AF_INET }, 4_000_000_000, `0200${zeros(127)}`],
  [
    "sockaddr_in6",
    {
      sin6_family: AF_INET6,
      sin6_port: htons(53),
      sin6_flowinfo: htonl(5),
      sin6_addr: in6addr_loopback,
      sin6_scope_id: 7,
    },
    undefined,
    `0a00003500000005${zeros(15)}0107000000`,
  ],
  ["sockaddr_un: a path, with its NUL", { sun_family: AF_UNIX, sun_path: "a/b" }, undefined, "0100612f6200"],
  ["sockaddr_un: no path", { sun_family: AF_UNIX }, undefined, "0100"],
  ["sockaddr_un: no path, in all its room", { sun_family: AF_UNIX, sun_path: "" }, 110, `0100${zeros(108)}`],
  ["sockaddr_un: an abstract name", { sun_family: AF_UNIX, sun_path: "\0ab" }, undefined, "0100006162"],
  ["sockaddr_un: UTF-8", { sun_family: AF_UNIX, sun_path: "ü" }, undefined, "0100c3bc00"],
  [
    "sockaddr_un: 107 bytes",
    { sun_family: AF_UNIX, sun_path: "x".repeat(107) },
    undefined,
    `0100${"78".repeat(107)}00`,
  ],
  [
    "sockaddr_un: 108 bytes",
    { sun_family: AF_UNIX, sun_path: "x".repeat(108) },
    undefined,
    `0100${"78".repeat(108)}`,
  ],
  ["sockaddr_storage of another family", sockaddr_storage({ ss_family: 99 }), undefined, `6300${zeros(126)}`],
  [
    "sockaddr_storage of IPv4",
    sockaddr_storage(sockaddr_in({ sin_family: AF_INET })),
    undefined,
    `0200${zeros(14)}`,
  ],
  ["sockaddr_storage of IPv6", sockaddr_storage({ ss_family: AF_INET6 }), undefined, `0a00${zeros(26)}`],
  [
    "sockaddr_storage of a path",
    sockaddr_storage(sockaddr_un({ sun_family: AF_UNIX, sun_path: "p" })),
    undefined,
    "01007000",
  ],
  [
    "sockaddr_storage of a path that fills it",
    sockaddr_storage(sockaddr_un({ sun_family: AF_UNIX, sun_path: "x".repeat(108) })),
    undefined,
    `0100${"78".repeat(108)}`,
  ],
  [
    "sockaddr_storage of an abstract name",
    sockaddr_storage(sockaddr_un({ sun_family: AF_UNIX, sun_path: "\0n" })),
    undefined,
    "0100006e",
  ],
  ["bytes", Uint8Array.of(2, 0, 1), undefined, "020001"],
  ["bytes, cut", Uint8Array.of(2, 0, 1), 2, "0200"],
  ["no bytes", new Uint8Array(), undefined, ""],
  ["too many bytes", new Uint8Array(5000), undefined, zeros(129)],
];

for (const [name, addr, addrlen, bytes] of ENCODED) {
  test(`the bytes of ${name}`, () => assert.equal(hex(encodeAddress("addr", addr, addrlen)), bytes));
}

test("a function of a struct makes one, and casts another's bytes", () => {
  const four = sockaddr_in({
    sin_family: AF_INET,
    sin_port: htons(80),
    sin_addr: { s_addr: htonl(0xc0000201) },
  });
  assert.deepEqual(sockaddr_in(), { sin_family: 0, sin_port: 0, sin_addr: { s_addr: 0 } });
  assert.deepEqual(sockaddr_in({ sin_port: 7 }), { sin_family: 0, sin_port: 7, sin_addr: { s_addr: 0 } });
  assert.deepEqual(sockaddr_in(four), four);
  assert.notEqual(sockaddr_in(four), four);
  const any = sockaddr_storage(four);
  assert.equal(any.ss_family, AF_INET);
  assert.equal(any.ss_data.length, 126);
  assert.deepEqual(sockaddr_in(any), four);
  assert.deepEqual(sockaddr_in(Uint8Array.of(2, 0, 0, 80, 192, 0, 2, 1)), four);
  assert.deepEqual(sockaddr_in(new Uint8Array(0)), sockaddr_in());
  // What a C program sees that takes an address for another's.
  assert.equal(sockaddr_in6(four).sin6_flowinfo, four.sin_addr.s_addr);
  assert.equal(sockaddr_un({ sun_family: AF_UNIX, sun_path: "\0name" }).sun_path, "\0name");
  assert.equal(
    sockaddr_un(sockaddr_storage(sockaddr_un({ sun_family: AF_UNIX, sun_path: "a" }))).sun_path,
    "a",
  );
  assert.throws(() => sockaddr_in({ sin_prot: 80 } as never), /no field "sin_prot"/);
  for (const wrong of [null, 5, "127.0.0.1"]) assert.throws(() => sockaddr_in(wrong as never), TypeError);
});

test("a sockaddr_storage keeps all of its bytes, whatever its family", () => {
  const ss_data = Uint8Array.from({ length: 126 }, (_, i) => i);
  const any = sockaddr_storage({ ss_family: AF_INET, ss_data });
  assert.deepEqual(sockaddr_storage(any), { ss_family: AF_INET, ss_data });
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert.equal(getsockname(fd, any), 0);
  assert.deepEqual(any.ss_data.subarray(14), ss_data.subarray(14), "what lies behind the address stays");
  close(fd);
});

test("a call fills the address that it is given, of each kind", () => {
  const fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert.equal(bind(fd, { sin_family: AF_INET, sin_addr: { s_addr: htonl(INADDR_LOOPBACK) } }), 0);
  const [four, any, bytes] = [sockaddr_in(), sockaddr_storage(), new Uint8Array(128)];
  const before = four.sin_addr;
  for (const addr of [four, any, bytes] as sockaddr[]) assert.equal(getsockname(fd, addr), 0);
  assert.equal(four.sin_family, AF_INET);
  assert.equal(four.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
  assert.deepEqual(before, { s_addr: 0 }, "who has copied sin_addr before keeps what it was, as in C");
  assert.deepEqual(sockaddr_in(any), four);
  assert.deepEqual(sockaddr_in(bytes), four);
  const partial = { sin_family: 0 } as sockaddr_in;
  assert.equal(getsockname(fd, partial), 0);
  assert.deepEqual(partial, four);
  close(fd);
});

test("the two addresses of netinet/in.h stay what they are", () => {
  assert.equal(inet_ntop(AF_INET6, in6addr_any), "::");
  assert.equal(inet_ntop(AF_INET6, in6addr_loopback), "::1");
  in6addr_any.s6_addr.fill(7);
  assert.throws(() => inet_pton(AF_INET6, "2001:db8::1", in6addr_any), TypeError);
  assert.equal(inet_ntop(AF_INET6, in6addr_any), "::");
  const own = sockaddr_in6({ sin6_family: AF_INET6, sin6_addr: in6addr_any });
  assert.equal(inet_pton(AF_INET6, "2001:db8::1", own.sin6_addr), 1);
  assert.equal(inet_ntop(AF_INET6, own.sin6_addr), "2001:db8::1");
});

test("getnameinfo of a path that does not end reads no further", () => {
  const serv = { value: "" };
  const name = (...bytes: number[]): string => {
    assert.equal(getnameinfo(Uint8Array.from(bytes), undefined, null, 0, serv, NI_MAXHOST, 0), 0);
    return serv.value;
  };
  assert.equal(name(AF_UNIX, 0), "");
  assert.equal(name(AF_UNIX, 0, 0x61), "a");
  assert.equal(name(AF_UNIX, 0, ...new Uint8Array(108).fill(0x61)), "a".repeat(108));
});
