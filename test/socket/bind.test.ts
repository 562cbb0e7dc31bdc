/** bindTo: what a port alone is bound to, on a host with IPv6 and on one without. */
import assert from "node:assert/strict";
import { SocketAddr } from "../../src/index.ts";
import { bindTo } from "../../src/socket/index.ts";
import * as sys from "../../src/sys/index.ts";
import { sysError, test } from "./_helpers.ts";

const { EAFNOSUPPORT, EADDRNOTAVAIL, EADDRINUSE, EACCES } = sys.errno;

/** Binds nothing; notes what it is asked for, and fails for IPv6 where a number is given. */
function recorder(failure?: number): { readonly asked: string[]; bind(address: SocketAddr): string } {
  const asked: string[] = [];
  return {
    asked,
    bind(address) {
      asked.push(address.toString());
      if (address.ip.version === 6 && failure !== undefined) throw new sys.SysError(failure, "socket");
      return address.toString();
    },
  };
}

const ADDRESSES = ["127.0.0.1:80", "[::1]:80", "[::]:0", SocketAddr.parse("192.0.2.1:5")];

test("an address is bound as it is, and by no other", () => {
  for (const address of ADDRESSES) {
    const { asked, bind } = recorder();
    assert.equal(bindTo(address, false, bind), address.toString());
    assert.deepEqual(asked, [address.toString()]);
  }
  const { asked, bind } = recorder(EAFNOSUPPORT);
  assert.throws(() => bindTo("[::]:80", false, bind), sysError("EAFNOSUPPORT"));
  assert.deepEqual(asked, ["[::]:80"]);
});

test("a port alone is bound by IPv6; by IPv4 where this host has no IPv6, unless only that will do", () => {
  const rows: [failure: number | undefined, ipv6Only: boolean, asked: string[]][] = [
    [undefined, false, ["[::]:80"]],
    [undefined, true, ["[::]:80"]],
    [EAFNOSUPPORT, false, ["[::]:80", "0.0.0.0:80"]],
    [EADDRNOTAVAIL, false, ["[::]:80", "0.0.0.0:80"]],
    [EAFNOSUPPORT, true, ["[::]:80"]],
    [EADDRINUSE, false, ["[::]:80"]],
    [EACCES, false, ["[::]:80"]],
  ];
  for (const [failure, ipv6Only, expected] of rows) {
    const { asked, bind } = recorder(failure);
    const last = expected.at(-1) as string;
    if (failure !== undefined && last.startsWith("[")) {
      assert.throws(
        () => bindTo(80, ipv6Only, bind),
        (error) => error instanceof sys.SysError && error.errno === failure,
      );
    } else assert.equal(bindTo(80, ipv6Only, bind), last);
    assert.deepEqual(asked, expected);
  }
});

test("what is none of the three is refused before anything is bound", () => {
  const rows: [value: unknown, error: string][] = [
    ["localhost:80", "AddressError"],
    ["80", "AddressError"],
    ["", "AddressError"],
    [-1, "RangeError"],
    [65_536, "RangeError"],
    [1.5, "RangeError"],
    [undefined, "TypeError"],
    [null, "TypeError"],
    [{ port: 80 }, "TypeError"],
  ];
  for (const [value, name] of rows) {
    const { asked, bind } = recorder();
    assert.throws(() => bindTo(value as string, false, bind), { name }, String(value));
    assert.deepEqual(asked, []);
  }
});
