/** What an address is for: its kind, its block in IANA's registries, and whether it is globally reachable. */
import { show } from "./_check.ts";
import { type AddrKind, type SpecialBlock, specialBlock } from "./_special_purpose.ts";
import type { Words } from "./_words.ts";

/** What {@link describe} has to say of an address. */
export interface AddrDescription {
  readonly kind: AddrKind;
  /**
   * Whether a packet to it can be forwarded beyond a network's own domain: "Globally Reachable" of RFC 8190 §2, and
   * for multicast whether the group's scope is global.
   */
  readonly global: boolean;
  /** Whether this is what is said of the IPv4 address inside an IPv4-mapped IPv6 address, RFC 4291 §2.5.5.2. */
  readonly mapped: boolean;
  /** The block of the registry, as the registry writes it; absent for ordinary addresses. */
  readonly block?: string;
  readonly name?: string;
  readonly rfc?: string;
}

/**
 * Says what an address is for, by the longest match in IANA's Special-Purpose Address Registries and the multicast
 * blocks. IPv4-mapped IPv6 addresses are looked through. IPv6 outside of 2000::/3 that has no row is not allocated
 * (RFC 4291 §2.4) and so `reserved`; whatever else has no row is ordinary `global` unicast.
 *
 * @param addr an `Ipv4Addr` or `Ipv6Addr`
 * @throws {TypeError} when `addr` is something else
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export function describe(addr: Words): AddrDescription {
  if (typeof addr?.word !== "function") {
    throw new TypeError(`addr must be an Ipv4Addr or Ipv6Addr, got ${show(addr)}`);
  }
  const mapped = isMapped(addr);
  const inner: Words = mapped ? { bitLength: 32, word: () => addr.word(3) } : addr;
  const special = specialBlock(inner);
  if (special) return { kind: special.kind, global: isGlobal(inner, special), mapped, ...row(special) };
  if (mapped) return { kind: "global", global: true, mapped, ...row(specialBlock(addr)) };
  const allocated = addr.bitLength === 32 || addr.word(0) >>> 29 === 1; // 2000::/3
  return { kind: allocated ? "global" : "reserved", global: allocated, mapped };
}

function row(special: SpecialBlock | undefined): { block?: string; name?: string; rfc?: string } {
  return special ? { block: special.block, name: special.name, rfc: special.rfc } : {};
}

function isMapped(addr: Words): boolean {
  return addr.bitLength === 128 && addr.word(0) === 0 && addr.word(1) === 0 && addr.word(2) === 0xffff;
}

function isGlobal(addr: Words, special: SpecialBlock): boolean {
  if (special.kind !== "multicast") return special.global;
  const first = addr.word(0);
  if (addr.bitLength === 128) return ((first >>> 16) & 0xf) === 0xe; // RFC 7346 §2: scope E is Global
  const linkLocal = first >>> 8 === 0xe00000; // 224.0.0.0/24, Local Network Control Block, RFC 5771 §4
  const test = first >>> 8 === 0xe9fc00; // 233.252.0.0/24, MCAST-TEST-NET, RFC 6676 §2
  const scoped = first >>> 24 === 239; // 239.0.0.0/8, Administratively Scoped Block, RFC 2365 §6
  return !linkLocal && !test && !scoped;
}
