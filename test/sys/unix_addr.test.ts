/** UnixAddr: what is taken and refused, its text, its bytes both ways, and what the kernel makes of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";
import * as C from "../../src/sys/index.ts";

const { UnixAddr } = C;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Row {
  readonly address: () => C.UnixAddr;
  readonly kind: C.UnixAddr["kind"];
  readonly text: string;
  /** The kernel's bytes behind the family. */
  readonly sunPath: Uint8Array;
}

const ROWS: Readonly<Record<string, Row>> = {
  "an absolute path": {
    address: () => UnixAddr.path("/run/app.sock"),
    kind: "path",
    text: "/run/app.sock",
    sunPath: bytes("/run/app.sock\0"),
  },
  "a relative path": { address: () => UnixAddr.path("a"), kind: "path", text: "a", sunPath: bytes("a\0") },
  "a path of bytes that are not UTF-8": {
    address: () => UnixAddr.path(Uint8Array.of(0x2f, 0xff)),
    kind: "path",
    text: "/\ufffd",
    sunPath: Uint8Array.of(0x2f, 0xff, 0),
  },
  "a path with a line feed": {
    address: () => UnixAddr.path("a\nb"),
    kind: "path",
    text: "a\\x0ab",
    sunPath: bytes("a\nb\0"),
  },
  "a path that begins with @": {
    address: () => UnixAddr.path("@a"),
    kind: "path",
    text: "./@a",
    sunPath: bytes("@a\0"),
  },
  "the longest path": {
    address: () => UnixAddr.path("p".repeat(107)),
    kind: "path",
    text: "p".repeat(107),
    sunPath: bytes(`${"p".repeat(107)}\0`),
  },
  "a path that fills the struct, as the kernel may give it": {
    address: () => UnixAddr.fromSunPath(bytes(`${"p".repeat(108)}\0`)),
    kind: "path",
    text: "p".repeat(108),
    sunPath: bytes("p".repeat(108)),
  },
  "an abstract name": {
    address: () => UnixAddr.abstract("app"),
    kind: "abstract",
    text: "@app",
    sunPath: bytes("\0app"),
  },
  "an empty abstract name": {
    address: () => UnixAddr.abstract(""),
    kind: "abstract",
    text: "@",
    sunPath: bytes("\0"),
  },
  "an abstract name with NUL": {
    address: () => UnixAddr.abstract(Uint8Array.of(0, 0x61, 0)),
    kind: "abstract",
    text: "@\\x00a\\x00",
    sunPath: Uint8Array.of(0, 0, 0x61, 0),
  },
  "the longest abstract name": {
    address: () => UnixAddr.abstract("n".repeat(107)),
    kind: "abstract",
    text: `@${"n".repeat(107)}`,
    sunPath: bytes(`\0${"n".repeat(107)}`),
  },
  none: { address: () => UnixAddr.UNNAMED, kind: "unnamed", text: "(unnamed)", sunPath: new Uint8Array() },
};

for (const [name, { address, kind, text, sunPath }] of Object.entries(ROWS)) {
  test(`${name}: kind, text, and the kernel's bytes both ways`, () => {
    const value = address();
    assert.equal(value.kind, kind);
    assert.equal(value.toString(), text);
    assert.equal(JSON.stringify({ value }), JSON.stringify({ value: text }));
    assert.equal(inspect(value), `UnixAddr(${text})`);
    const encoded = C.encodeSockaddrUn(value);
    assert.deepEqual(encoded, new Uint8Array([C.AF_UNIX, 0, ...sunPath]));
    assert.ok(encoded.length <= 110, "sizeof struct sockaddr_un");
    const decoded = C.decodeAddress(encoded);
    assert.ok(decoded instanceof UnixAddr && decoded.equals(value) && value.equals(decoded));
    assert.deepEqual(C.encodeAddress(value), encoded);
    const raw = kind === "path" ? value.pathBytes : value.name;
    if (kind === "unnamed")
      assert.deepEqual([raw, value.path, value.name], [undefined, undefined, undefined]);
    else
      assert.deepEqual(
        new Uint8Array(sunPath.filter((_, i) => (kind === "path" ? i < (raw?.length ?? 0) : i > 0))),
        raw,
      );
    assert.equal(kind === "path" ? value.name : value.pathBytes, undefined);
    assert.ok(Object.isFrozen(value));
  });
}

test("addresses are equal where kind and bytes are, and not where only the text is", () => {
  const all = Object.values(ROWS).map(({ address }) => address());
  all.push(UnixAddr.path(Uint8Array.of(0x2f, 0xfe)), UnixAddr.path("app"));
  all.forEach((one, i) => {
    all.forEach((other, j) => {
      assert.equal(one.equals(other), i === j, `${one} and ${other}`);
    });
  });
  assert.ok(!UnixAddr.UNNAMED.equals("(unnamed)" as never));
});

test("parse reads what toString writes, of what can be printed", () => {
  for (const text of ["/run/app.sock", "a", "@app", "@", "./@a", "Größe ☂", "@@", "a@b", " "]) {
    assert.equal(UnixAddr.parse(text).toString(), text);
    assert.equal(UnixAddr.parse(text).kind, text.startsWith("@") ? "abstract" : "path");
  }
});

const REFUSED: Readonly<Record<string, [call: () => unknown, name: string, message: RegExp]>> = {
  "an empty path": [() => UnixAddr.path(""), "RangeError", /at least one character/],
  "an empty text": [() => UnixAddr.parse(""), "RangeError", /at least one character/],
  "a NUL in a path": [() => UnixAddr.path("a\0b"), "RangeError", /no NUL in it, got a\\x00b/],
  "a path of 108 bytes": [
    () => UnixAddr.path("p".repeat(108)),
    "RangeError",
    /at most 107 bytes.*got 108: ppp/,
  ],
  "a path of 108 bytes in 54 letters": [() => UnixAddr.path("ü".repeat(54)), "RangeError", /got 108: üü/],
  "a name of 108 bytes": [
    () => UnixAddr.abstract("n".repeat(108)),
    "RangeError",
    /at most 107 bytes, got 108/,
  ],
  "@ and 108 bytes": [
    () => UnixAddr.parse(`@${"n".repeat(108)}`),
    "RangeError",
    /at most 107 bytes, got 108/,
  ],
  "a number as path": [
    () => UnixAddr.path(3 as never),
    "TypeError",
    /path: expected a string or a Uint8Array/,
  ],
  "an object as name": [() => UnixAddr.abstract({} as never), "TypeError", /name: expected a string/],
  "nothing to parse": [() => UnixAddr.parse(undefined as never), "TypeError", /text: expected a string/],
};
for (const [what, [call, name, message]] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, () => {
    assert.throws(call, { name, message });
  });
}

test("an address does not change with the array it was made of, nor with the one it gives", () => {
  const given = Uint8Array.of(0x61, 0x62);
  const [path, name] = [UnixAddr.path(given), UnixAddr.abstract(given)];
  given.fill(0x7a);
  (path.pathBytes as Uint8Array).fill(0x7a);
  (name.name as Uint8Array).fill(0x7a);
  assert.equal(`${path} ${name}`, "ab @ab");
  const buffer = UnixAddr.abstract(Buffer.from("ab")).name as Uint8Array;
  assert.equal(Object.getPrototypeOf(buffer), Uint8Array.prototype, "and is no Buffer");
});

test("the kernel gives back what it was given", () => {
  const dir = mkdtempSync(join(tmpdir(), "ws-"));
  try {
    const own = `windsock-${process.pid}`;
    const full = `${dir}/`.padEnd(108, "p");
    const rows = [
      UnixAddr.path(`${dir}/a`),
      UnixAddr.path(`${dir}/`.padEnd(107, "p")),
      UnixAddr.fromSunPath(bytes(`${full}\0`)), // 108 bytes: nobody can be stopped from binding them
      UnixAddr.abstract(own),
      UnixAddr.abstract(Uint8Array.of(...bytes(own), 0, 0xff)),
      UnixAddr.abstract(own.padEnd(107, "n")),
    ];
    for (const address of rows) {
      const fd = C.check(C.socket(C.AF_UNIX, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0), "socket");
      try {
        assert.equal(C.bind(fd, C.encodeSockaddrUn(address)), 0);
        const name = C.getsockname(fd) as Uint8Array;
        const decoded = C.decodeAddress(name) as C.UnixAddr;
        assert.ok(decoded.equals(address), `${decoded} and ${address}`);
        assert.equal(C.sendto(fd, bytes("x"), 0, C.encodeSockaddrUn(decoded)), 1, "and it can be sent to");
      } finally {
        C.close(fd);
      }
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("an address with no bytes, as recvfrom gives it of an unbound sender, is unnamed", () => {
  assert.equal(C.decodeAddress(new Uint8Array()), UnixAddr.UNNAMED);
  assert.equal(C.decodeAddress(Uint8Array.of(C.AF_UNIX, 0)), UnixAddr.UNNAMED);
});
