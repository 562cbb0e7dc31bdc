/** 100 000 texts, judged by Python's `ipaddress` and `socket.inet_pton` too; only listed classes may differ. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type IpAddr, Ipv4Addr, Ipv6Addr, inetAton, parseScoped } from "../../src/ip/index.ts";
import { needsPython, runPython } from "./_python.ts";
import { anyText, Random } from "./_random.ts";

const COUNT = 100_000;

const SCRIPT = `
import ipaddress, socket
def hexed(f):
    try:
        return f().hex()
    except (ValueError, OSError):
        return None
def text(f):
    try:
        return f()
    except (ValueError, OSError):
        return None
result = [[
    hexed(lambda: ipaddress.IPv4Address(t).packed),
    hexed(lambda: ipaddress.IPv6Address(t).packed),
    hexed(lambda: socket.inet_pton(socket.AF_INET, t)),
    hexed(lambda: socket.inet_pton(socket.AF_INET6, t)),
    hexed(lambda: socket.inet_aton(t)),
    text(lambda: str(ipaddress.IPv6Address(t))),
    text(lambda: socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, t))),
] for t in data]
`;

type Judge =
  | "IPv4Address"
  | "IPv6Address"
  | "inet_pton4"
  | "inet_pton6"
  | "inet_aton"
  | "str(IPv6Address)"
  | "inet_ntop6";
const JUDGES: readonly Judge[] = [
  "IPv4Address",
  "IPv6Address",
  "inet_pton4",
  "inet_pton6",
  "inet_aton",
  "str(IPv6Address)",
  "inet_ntop6",
];

/** Where Python and we differ on purpose. */
const DIFFERENCES: readonly {
  why: string;
  judge: Judge;
  is: (text: string, theirs: string | null) => boolean;
}[] = [
  {
    why: "a zone is not part of an address (RFC 4007 §6: it is local to the node); parseScoped and SocketAddr read it",
    judge: "IPv6Address",
    is: (text, theirs) => theirs !== null && text.includes("%") && Ipv6Addr.tryParse(text) === undefined,
  },
  {
    why: "RFC 5952 §5 writes IPv4-mapped addresses in mixed notation; Python does so from 3.13 on",
    judge: "str(IPv6Address)",
    is: (text, theirs) => theirs?.startsWith("::ffff:") === true && Ipv6Addr.parse(text).isIpv4Mapped,
  },
  {
    why: "glibc writes the deprecated IPv4-compatible addresses (RFC 4291 §2.5.5.1) in mixed notation too",
    judge: "inet_ntop6",
    is: (text, theirs) =>
      /^::[0-9]+\.[0-9.]+$/.test(theirs ?? "") && Ipv6Addr.parse(text).toBigInt() >> 32n === 0n,
  },
];

function hex(addr: IpAddr | undefined): string | null {
  return addr ? Buffer.from(addr.toBytes()).toString("hex") : null;
}

test("the verdict and the bytes of 100 000 texts", needsPython, () => {
  const random = new Random(0x1505);
  const texts = random.times(COUNT, () => anyText(random));
  const answers = runPython(SCRIPT, texts) as (string | null)[][];
  assert.equal(answers.length, COUNT);
  const accepted = new Map<Judge, number>();
  const excused = new Map<string, number>();
  texts.forEach((text, i) => {
    const [ipv4, ipv6] = [hex(Ipv4Addr.tryParse(text)), hex(Ipv6Addr.tryParse(text))];
    const written = ipv6 === null ? null : Ipv6Addr.parse(text).toString();
    const ours = [ipv4, ipv6, ipv4, ipv6, hex(inetAton(text)), written, written];
    JUDGES.forEach((judge, column) => {
      const theirs = answers[i]?.[column] ?? null;
      if (theirs !== null) accepted.set(judge, (accepted.get(judge) ?? 0) + 1);
      if (theirs === ours[column]) return;
      // Python's text of an address with a zone is none of ours: that the address is refused is judged already.
      const zoned = judge === "str(IPv6Address)" && text.includes("%");
      const difference = DIFFERENCES.find(
        (it) => it.judge === (zoned ? "IPv6Address" : judge) && it.is(text, theirs),
      );
      assert.ok(difference, `${JSON.stringify(text)}: ${judge} says ${theirs}, we say ${ours[column]}`);
      excused.set(difference.why, (excused.get(difference.why) ?? 0) + 1);
    });
  });
  for (const judge of JUDGES)
    assert.ok((accepted.get(judge) ?? 0) > 5000, `${judge} accepted ${accepted.get(judge)}`);
  assert.ok(DIFFERENCES.some(({ why, judge }) => judge === "IPv6Address" && excused.has(why)));
});

test("addresses with zones: Python's, where the zone can be that of an interface", needsPython, () => {
  const random = new Random(4007);
  const zones = ["eth0", "3", "4294967295", "lo", "wlp0s20f3", "br-lan.7", "veth@if2", "a".repeat(15), "é"];
  const texts = random.times(3000, () => `${anyText(random)}%${random.pick(zones)}`);
  const script = `
import ipaddress
def scoped(t):
    try:
        a = ipaddress.IPv6Address(t)
        return [a.packed.hex(), a.scope_id]
    except ValueError:
        return None
result = [scoped(t) for t in data]`;
  const answers = runPython(script, texts) as ([string, string] | null)[];
  let accepted = 0;
  texts.forEach((text, i) => {
    const ours = attempt(() => parseScoped(text));
    const answer = ours ? [hex(ours.ip), String(ours.zone)] : null;
    assert.deepEqual(answer, answers[i], JSON.stringify(text));
    if (ours) accepted++;
  });
  assert.ok(accepted > 200, `${accepted} accepted`);
});

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
