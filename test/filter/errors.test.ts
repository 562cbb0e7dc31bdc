/** Expressions that are refused: what the error says, where, and what it suggests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CompileOptions, compileFilter, FilterError } from "../../src/filter/index.ts";
import { IpAddr } from "../../src/ip/index.ts";

function errorOf(text: string, options?: CompileOptions): FilterError {
  try {
    compileFilter(text, options);
  } catch (error) {
    assert.ok(error instanceof FilterError, String((error as Error).stack));
    return error;
  }
  return assert.fail(`${text} was not refused`);
}

/** An expression with "^" before what is wrong, and what the message says. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  "^prot 80": /"prot" has no word before it.*did you mean "port"\?/,
  "tcp ^prot 80":
    /"prot" does not belong here, at column 5; expected "and", "or" or the end; did you mean "port"\?/,
  "tcp and ^udpp": /did you mean "udp"\?/,
  "^hsot 10.0.0.1": /did you mean "host"\?/,
  "tcp ^anb udp": /did you mean "and"\?/,
  "^80": /has no word before it that says what it is/,
  "^10.0.0.1": /has no word before it/,
  "tcp or ^80": /has no word before it/,
  "host 10.0.0.1 or (tcp and ^10.0.0.2)": /has no word before it/,
  "tcp and^": /ends too early/,
  "(tcp^": /ends too early.*expected "\)"/,
  "tcp^)": /"\)" does not belong here/,
  "host (10.0.0.1 or ^tcp)": /"tcp" does not belong here/,
  "host^": /ends too early.*expected an address/,
  "port ^tcp": /expected a port/,
  "not^": /ends too early/,
  "^and tcp": /"and" does not belong here/,
  "src or ^10.0.0.1": /expected "dst"/,
  "host ^1.2.3": /has 3 of the 4 parts of an IPv4 address.*"net 1.2.3"/,
  "host ^1.2.3.256": /"256" is no decimal number from 0 to 255/,
  "host ^010.0.0.1": /"010" is no decimal number/,
  "src ^80": /80 is no address/,
  "tcp src ^80": /80 is no address.*"port"/,
  "host ^10.0.0.0/8": /with a mask is a network.*"net" before it/,
  "net ^10.0.0.1/8": /bits outside its mask.*did you mean "10.0.0.0\/8"/,
  "net ^10.0.0.1 mask 255.0.0.0": /did you mean "10.0.0.0 mask 255.0.0.0"/,
  "net ^2001:db8::1/32": /did you mean "2001:db8::\/32"/,
  "net ^10.0.0.0/33": /at most 32 bits/,
  "net ^2001:db8::/129": /at most 128 bits/,
  "net ^loopback": /names of networks are not looked up/,
  "host ^2001:db8::/32": /with a prefix is a network/,
  "host ^example": /names are not looked up.*resolve/,
  "ip host ^::1": /"ip" does not go with an IPv6 address/,
  "ip6 host ^10.0.0.1": /"ip6" does not go with an IPv4 address/,
  "tcp host ^10.0.0.1": /"tcp" does not go with an IPv4 address/,
  "port ^70000": /70000 is no port: ports end at 65535/,
  "port ^htpp": /no service of IANA's registry is called "htpp"/,
  "port ^80-90": /is a range.*"portrange" before it/,
  "portrange ^80-70000": /70000 is no port/,
  "portrange ^a-b": /no range of ports.*8000-8080/,
  "port ^10.0.0.1": /is an address.*expected a port/,
  "icmp port ^80": /"icmp" has no ports/,
  "port ^0x1ffffffff": /does not fit into 32 bits/,
  "port ^099": /octal/,
  "proto ^tpc": /did you mean "tcp"\?/,
  "ip proto ^tcp": /a name \(with a backslash/,
  "tcp proto ^6": /"tcp proto" is nothing/,
  "ether host ^10.0.0.1": /no hardware address/,
  "host ^02:00:00:00:00:01": /is a hardware address.*"ether" before it/,
  "ether host ^02:00:00:00:00": /neither a MAC address nor an IPv6 address/,
  "ether^": /expected "host"/,
  "^vlan 4096": /at most 4095/,
  "^mpls 1048576": /at most 1048575/,
  "^pppoes 65536": /at most 65535/,
  "mpls and ^vlan": /not looked for behind MPLS/,
  "mpls and ^arp": /behind MPLS labels only ip and ip6/,
  "ip[0^": /expected "\]"/,
  "^ip[0:3] = 1": /3 bytes cannot be loaded.*1, 2 or 4/,
  "^esp[0] = 1": /cannot be looked at/,
  "ip[0]^": /ends too early.*a relation/,
  "ip[0] =^": /ends too early.*a number/,
  "1 ^/ 0 = 1": /division by zero/,
  "1 ^<< 32 = 1": /shift by more than 31 bits/,
  "^llc": /not supported/,
  "tcp and ^geneve": /not supported/,
  "ip ^protochain 6": /kernel does not take/,
  "^é": /"é" means nothing here/,
  "tcp ^; udp": /";" means nothing here/,
  "host 10.0.0.1 ^10.0.0.2": /does not belong here/,
};

for (const [marked, message] of Object.entries(REFUSED)) {
  const position = marked.indexOf("^");
  const text = marked.slice(0, position) + marked.slice(position + 1);
  test(text, () => {
    const error = errorOf(text);
    assert.match(error.message, message);
    assert.equal(error.position, position, error.message);
    assert.equal(error.input, text);
    assert.equal(error.code, "BAD_FILTER");
    // The first caret stands below what is wrong.
    assert.equal(error.excerpt.split("\n")[1]?.indexOf("^"), position);
  });
}

test("the excerpt shows the line, with as many carets as it is about", () => {
  assert.equal(errorOf("tcp and\n  hots 10.0.0.1").excerpt, "  hots 10.0.0.1\n  ^^^^");
  assert.match(errorOf("tcp and\n  hots 10.0.0.1").message, /line 2, column 3/);
  assert.equal(errorOf(`${"tcp or ".repeat(30)}bad`).excerpt.split("\n")[0]?.length, 64);
});

test("what no packet fulfils is refused, as by tcpdump; so is what divides by zero only after folding", () => {
  assert.match(errorOf("tcp and udp and arp").message, /no packet can fulfil the expression/);
  assert.match(errorOf("ip[0] / (1 - 1) = 5").message, /divides by zero/);
  assert.equal(compileFilter("tcp and udp and arp", { optimize: false }).run(new Uint8Array(100)), 0);
});

test("link types have what they have", () => {
  for (const linkType of ["raw", "linux-sll", "linux-sll2"] as const) {
    for (const text of ["ether host 02:00:00:00:00:01", "broadcast", "multicast", "vlan", "mpls"]) {
      assert.match(errorOf(text, { linkType }).message, new RegExp(`${linkType} frames`), text);
    }
  }
  assert.match(errorOf("arp", { linkType: "raw" }).message, /no packet can fulfil/);
});

test("options of other types", () => {
  assert.throws(() => compileFilter("ip", { linkType: "wlan" as never }), TypeError);
  assert.throws(() => compileFilter("ip", { linkType: "toString" as never }), TypeError);
  assert.throws(() => compileFilter("ip", { snapLength: "5" as never }), TypeError);
  for (const snapLength of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
    assert.throws(() => compileFilter("ip", { snapLength }), RangeError);
  }
  assert.throws(() => compileFilter("ip broadcast", { netmask: "255" }), { code: "BAD_ADDRESS" });
});

test("netmask is what ip broadcast goes by", () => {
  assert.match(compileFilter("ip broadcast", { netmask: "255.255.255.0" }).toString(), /0xff\b/);
});

test("names of hosts are looked up by resolve, in its order", () => {
  const asked: string[] = [];
  const resolve = (name: string): (IpAddr | string)[] => {
    asked.push(name);
    return name === "none" ? [] : ["10.0.0.1", IpAddr.parse("2001:db8::1")];
  };
  const both = compileFilter("host 10.0.0.1 or 2001:db8::1").toString();
  assert.equal(compileFilter("host example.org", { resolve }).toString(), both);
  assert.equal(
    compileFilter("ip src host example.org", { resolve }).toString(),
    compileFilter("ip src 10.0.0.1").toString(),
  );
  assert.deepEqual(asked, ["example.org", "example.org"]);
  assert.match(errorOf("host none", { resolve }).message, /"none" has no address/);
  assert.match(errorOf("ip6 host none", { resolve }).message, /no address for ip6/);
  assert.throws(() => compileFilter("host x", { resolve: () => ["?"] }), TypeError);
  const failing = new Error("asked in vain");
  assert.throws(
    () =>
      compileFilter("host x", {
        resolve: () => {
          throw failing;
        },
      }),
    failing,
  );
});
