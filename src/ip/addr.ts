/** IPv4 and IPv6 addresses as immutable values; both in one file, because each converts into the other. */
import { checkBytes, checkInteger, checkString, order, show } from "./_check.ts";
import { IPV4_EXPECTED, readIpv4, whyNotIpv4, writeIpv4 } from "./_ipv4_text.ts";
import { IPV6_EXPECTED, readIpv6, whyNotIpv6, writeIpv6 } from "./_ipv6_text.ts";
import type { AddrKind } from "./_special_purpose.ts";
import { packGroups } from "./_words.ts";
import { AddressError } from "./errors.ts";
import { describe } from "./kind.ts";

type IpAddr = Ipv4Addr | Ipv6Addr;

/** How far an IPv6 multicast group reaches, RFC 7346 §2. */
export type MulticastScope =
  | "interface-local"
  | "link-local"
  | "realm-local"
  | "admin-local"
  | "site-local"
  | "organization-local"
  | "global"
  | "reserved"
  | "unassigned";

const SCOPES: Readonly<Record<number, MulticastScope>> = {
  0: "reserved",
  1: "interface-local",
  2: "link-local",
  3: "realm-local",
  4: "admin-local",
  5: "site-local",
  8: "organization-local",
  14: "global",
  15: "reserved",
};

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const U32_MAX = 0xffffffff;
const U128_MAX = (1n << 128n) - 1n;

/** An IPv4 address, RFC 791. */
export class Ipv4Addr {
  /** 127.0.0.1, RFC 1122 §3.2.1.3. */
  static readonly LOCALHOST: Ipv4Addr = new Ipv4Addr(0x7f000001);
  /** 0.0.0.0: "any of my addresses" to bind, "none yet" as a source, RFC 1122 §3.2.1.3. */
  static readonly UNSPECIFIED: Ipv4Addr = new Ipv4Addr(0);
  /** 255.255.255.255: every host on this link, RFC 919 §7. */
  static readonly BROADCAST: Ipv4Addr = new Ipv4Addr(U32_MAX);

  private readonly u32: number;

  private constructor(u32: number) {
    this.u32 = u32;
    Object.freeze(this);
  }

  /**
   * Reads what `inet_pton(AF_INET)` reads: four decimal octets without leading zeros. The looser forms of `inet_aton`
   * (`127.1`, `0x7f000001`) are refused.
   * @throws {AddressError} with the reason
   */
  static parse(text: string): Ipv4Addr {
    const addr = Ipv4Addr.tryParse(text);
    if (!addr) throw new AddressError(text, "an IPv4 address", whyNotIpv4(text), IPV4_EXPECTED);
    return addr;
  }

  /** Like {@link parse}, with undefined for a text that is not an address. */
  static tryParse(text: string): Ipv4Addr | undefined {
    checkString("text", text);
    const u32 = readIpv4(text);
    return u32 < 0 ? undefined : new Ipv4Addr(u32);
  }

  /** Makes `a.b.c.d`. */
  static fromOctets(a: number, b: number, c: number, d: number): Ipv4Addr {
    checkInteger("octet 1", a, 0, 255);
    checkInteger("octet 2", b, 0, 255);
    checkInteger("octet 3", c, 0, 255);
    checkInteger("octet 4", d, 0, 255);
    return new Ipv4Addr(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  }

  /** Reads four bytes in network order, as `struct in_addr` has them. The bytes are copied. */
  static fromBytes(bytes: Uint8Array): Ipv4Addr {
    checkBytes("bytes", bytes, 4);
    return new Ipv4Addr(readWord(bytes, 0));
  }

  /** Takes the address as one number, 127.0.0.1 being 0x7f000001. */
  static fromU32(u32: number): Ipv4Addr {
    checkInteger("u32", u32, 0, U32_MAX);
    return new Ipv4Addr(u32);
  }

  get version(): 4 {
    return 4;
  }

  get bitLength(): 32 {
    return 32;
  }

  get octets(): readonly [number, number, number, number] {
    return [this.u32 >>> 24, (this.u32 >>> 16) & 0xff, (this.u32 >>> 8) & 0xff, this.u32 & 0xff];
  }

  /** The four bytes in network order, in an array of their own. */
  toBytes(): Uint8Array {
    return Uint8Array.of(this.u32 >>> 24, this.u32 >>> 16, this.u32 >>> 8, this.u32);
  }

  toU32(): number {
    return this.u32;
  }

  toBigInt(): bigint {
    return BigInt(this.u32);
  }

  /** The 32-bit word `index`: an IPv4 address has word 0 alone. */
  word(index: number): number {
    return index === 0 ? this.u32 : outOfWords(index, 0);
  }

  /** `::ffff:a.b.c.d`, as a dual-stack socket shows an IPv4 peer, RFC 4291 §2.5.5.2. */
  toIpv6Mapped(): Ipv6Addr {
    return Ipv6Addr.fromWords(0, 0, 0xffff, this.u32);
  }

  /** What the address is for, in one word; {@link describe} tells more. */
  get kind(): AddrKind {
    return describe(this).kind;
  }

  /** Whether IANA's registry has it as globally reachable. */
  get isGlobal(): boolean {
    return describe(this).global;
  }

  /** 0.0.0.0 */
  get isUnspecified(): boolean {
    return this.u32 === 0;
  }

  /** 127.0.0.0/8, RFC 1122 §3.2.1.3 */
  get isLoopback(): boolean {
    return this.u32 >>> 24 === 127;
  }

  /** 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16, RFC 1918 §3 */
  get isPrivate(): boolean {
    return this.u32 >>> 24 === 10 || this.u32 >>> 20 === 0xac1 || this.u32 >>> 16 === 0xc0a8;
  }

  /** 169.254.0.0/16, RFC 3927 */
  get isLinkLocal(): boolean {
    return this.u32 >>> 16 === 0xa9fe;
  }

  /** 100.64.0.0/10, between a provider's NAT and its customers, RFC 6598 */
  get isShared(): boolean {
    return this.u32 >>> 22 === 0x191;
  }

  /** 224.0.0.0/4, RFC 5771 */
  get isMulticast(): boolean {
    return this.u32 >>> 28 === 0xe;
  }

  /** 255.255.255.255; the broadcast address of a network is known to its {@link IpPrefix} only */
  get isBroadcast(): boolean {
    return this.u32 === U32_MAX;
  }

  /** 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24, RFC 5737 */
  get isDocumentation(): boolean {
    const block = this.u32 >>> 8;
    return block === 0xc00002 || block === 0xc63364 || block === 0xcb0071;
  }

  /** 198.18.0.0/15, RFC 2544 */
  get isBenchmarking(): boolean {
    return this.u32 >>> 17 === 0x6309;
  }

  /** 240.0.0.0/4 without the broadcast address, RFC 1112 §4 */
  get isReserved(): boolean {
    return this.u32 >>> 28 === 0xf && !this.isBroadcast;
  }

  equals(other: IpAddr): boolean {
    return other instanceof Ipv4Addr && other.u32 === this.u32;
  }

  /** Sorts by number, IPv4 before IPv6. */
  compare(other: IpAddr): -1 | 0 | 1 {
    return compareAddrs(this, other);
  }

  toString(): string {
    return writeIpv4(this.u32);
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `Ipv4Addr(${this.toString()})`;
  }
}

/** An IPv6 address, RFC 4291. A zone is not part of it: see {@link SocketAddr} and {@link parseScoped}. */
export class Ipv6Addr {
  /** ::1, RFC 4291 §2.5.3. */
  static readonly LOCALHOST: Ipv6Addr = new Ipv6Addr(0, 0, 0, 1);
  /** ::, RFC 4291 §2.5.2. */
  static readonly UNSPECIFIED: Ipv6Addr = new Ipv6Addr(0, 0, 0, 0);

  private readonly w0: number;
  private readonly w1: number;
  private readonly w2: number;
  private readonly w3: number;

  private constructor(w0: number, w1: number, w2: number, w3: number) {
    this.w0 = w0;
    this.w1 = w1;
    this.w2 = w2;
    this.w3 = w3;
    Object.freeze(this);
  }

  /**
   * Reads what `inet_pton(AF_INET6)` reads: RFC 4291 §2.2, with the last 32 bits as an IPv4 address if wanted. No
   * zone, no brackets.
   * @throws {AddressError} with the reason
   */
  static parse(text: string): Ipv6Addr {
    const addr = Ipv6Addr.tryParse(text);
    if (!addr) throw new AddressError(text, "an IPv6 address", whyNotIpv6(text), IPV6_EXPECTED);
    return addr;
  }

  /** Like {@link parse}, with undefined for a text that is not an address. */
  static tryParse(text: string): Ipv6Addr | undefined {
    checkString("text", text);
    const groups = readIpv6(text);
    return groups && new Ipv6Addr(...packGroups(groups));
  }

  /** Takes eight 16-bit groups, the most significant first. */
  static fromSegments(segments: readonly number[]): Ipv6Addr {
    if (!Array.isArray(segments)) {
      throw new TypeError(`segments must be an array of 8 numbers, got ${show(segments)}`);
    }
    if (segments.length !== 8) throw new RangeError(`segments must hold 8 numbers, got ${segments.length}`);
    for (let i = 0; i < 8; i++) checkInteger(`segment ${i + 1}`, segments[i], 0, 0xffff);
    return new Ipv6Addr(...packGroups(segments));
  }

  /** Reads sixteen bytes in network order, as `struct in6_addr` has them. The bytes are copied. */
  static fromBytes(bytes: Uint8Array): Ipv6Addr {
    checkBytes("bytes", bytes, 16);
    return new Ipv6Addr(readWord(bytes, 0), readWord(bytes, 4), readWord(bytes, 8), readWord(bytes, 12));
  }

  /** Takes four 32-bit words, the most significant first. */
  static fromWords(w0: number, w1: number, w2: number, w3: number): Ipv6Addr {
    checkInteger("word 0", w0, 0, U32_MAX);
    checkInteger("word 1", w1, 0, U32_MAX);
    checkInteger("word 2", w2, 0, U32_MAX);
    checkInteger("word 3", w3, 0, U32_MAX);
    return new Ipv6Addr(w0, w1, w2, w3);
  }

  /** Takes the address as one number, ::1 being 1n. */
  static fromBigInt(value: bigint): Ipv6Addr {
    if (typeof value !== "bigint") throw new TypeError(`value must be a bigint, got ${show(value)}`);
    if (value < 0n || value > U128_MAX)
      throw new RangeError(`value must be from 0 to 2^128 - 1, got ${value}`);
    const word = (shift: bigint): number => Number((value >> shift) & 0xffffffffn);
    return new Ipv6Addr(word(96n), word(64n), word(32n), word(0n));
  }

  get version(): 6 {
    return 6;
  }

  get bitLength(): 128 {
    return 128;
  }

  /** Eight 16-bit groups, the most significant first. */
  get segments(): readonly number[] {
    const { w0, w1, w2, w3 } = this;
    return [w0 >>> 16, w0 & 0xffff, w1 >>> 16, w1 & 0xffff, w2 >>> 16, w2 & 0xffff, w3 >>> 16, w3 & 0xffff];
  }

  /** The sixteen bytes in network order, in an array of their own. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(16);
    for (let i = 0; i < 16; i++) bytes[i] = this.word(i >> 2) >>> (24 - 8 * (i & 3));
    return bytes;
  }

  toBigInt(): bigint {
    const high = (BigInt(this.w0) << 32n) | BigInt(this.w1);
    return (high << 64n) | (BigInt(this.w2) << 32n) | BigInt(this.w3);
  }

  /** The 32-bit word `index`, 0–3, the most significant first. */
  word(index: number): number {
    switch (index) {
      case 0:
        return this.w0;
      case 1:
        return this.w1;
      case 2:
        return this.w2;
      case 3:
        return this.w3;
      default:
        return outOfWords(index, 3);
    }
  }

  /** The address inside `::ffff:a.b.c.d`, or undefined for any other address. */
  toIpv4Mapped(): Ipv4Addr | undefined {
    return this.isIpv4Mapped ? Ipv4Addr.fromU32(this.w3) : undefined;
  }

  /** What the address is for, in one word; {@link describe} tells more. IPv4-mapped addresses are looked through. */
  get kind(): AddrKind {
    return describe(this).kind;
  }

  /** Whether IANA's registry has it as globally reachable. IPv4-mapped addresses are looked through. */
  get isGlobal(): boolean {
    return describe(this).global;
  }

  /** :: */
  get isUnspecified(): boolean {
    return this.w0 === 0 && this.w1 === 0 && this.w2 === 0 && this.w3 === 0;
  }

  /** ::1; an IPv4-mapped 127.0.0.1 is not, but its {@link kind} is `host-local` */
  get isLoopback(): boolean {
    return this.w0 === 0 && this.w1 === 0 && this.w2 === 0 && this.w3 === 1;
  }

  /** ::ffff:0:0/96, RFC 4291 §2.5.5.2 */
  get isIpv4Mapped(): boolean {
    return this.w0 === 0 && this.w1 === 0 && this.w2 === 0xffff;
  }

  /** fe80::/10, RFC 4291 §2.4 */
  get isUnicastLinkLocal(): boolean {
    return this.w0 >>> 22 === 0x3fa;
  }

  /** fc00::/7, RFC 4193 §3.1; those in use are in its half fd00::/8 */
  get isUniqueLocal(): boolean {
    return this.w0 >>> 25 === 0x7e;
  }

  /** ff00::/8, RFC 4291 §2.7 */
  get isMulticast(): boolean {
    return this.w0 >>> 24 === 0xff;
  }

  /** How far the group reaches, or undefined for a unicast address. */
  get multicastScope(): MulticastScope | undefined {
    return this.isMulticast ? (SCOPES[(this.w0 >>> 16) & 0xf] ?? "unassigned") : undefined;
  }

  /** 2001:db8::/32, RFC 3849, and 3fff::/20, RFC 9637 */
  get isDocumentation(): boolean {
    return this.w0 === 0x20010db8 || this.w0 >>> 12 === 0x3fff0;
  }

  /** 2001:2::/48, RFC 5180 with Errata 1752 */
  get isBenchmarking(): boolean {
    return this.w0 === 0x20010002 && this.w1 >>> 16 === 0;
  }

  equals(other: IpAddr): boolean {
    if (!(other instanceof Ipv6Addr)) return false;
    return this.w0 === other.w0 && this.w1 === other.w1 && this.w2 === other.w2 && this.w3 === other.w3;
  }

  /** Sorts by number, IPv4 before IPv6. */
  compare(other: IpAddr): -1 | 0 | 1 {
    return compareAddrs(this, other);
  }

  /** The text of RFC 5952. IPv4-mapped addresses end in dotted decimal (§5); the deprecated `::1.2.3.4` does not. */
  toString(): string {
    return writeIpv6(this.segments);
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `Ipv6Addr(${this.toString()})`;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [
    bytes[at] as number,
    bytes[at + 1] as number,
    bytes[at + 2] as number,
    bytes[at + 3] as number,
  ];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function outOfWords(index: number, last: number): never {
  throw new RangeError(`index must be an integer from 0 to ${last}, got ${show(index)}`);
}

function compareAddrs(a: IpAddr, b: IpAddr): -1 | 0 | 1 {
  if (a.version !== b.version) return order(a.version, b.version);
  for (let i = 0; i * 32 < a.bitLength; i++) {
    if (a.word(i) !== b.word(i)) return order(a.word(i), b.word(i));
  }
  return 0;
}
