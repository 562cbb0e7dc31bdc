/** IP prefixes (CIDR blocks, RFC 4632 §3.1): membership, subnets, supernets, ranges. */
import { checkInteger, checkString, order, show } from "./_check.ts";
import { maskWord, samePrefix } from "./_words.ts";
import { Ipv4Addr, Ipv6Addr } from "./addr.ts";
import { AddressError } from "./errors.ts";
import { IpAddr } from "./ip_addr.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const WHAT = "an IP prefix";
const EXPECTED = 'an address and a prefix length like "192.0.2.0/24" or "2001:db8::/32"';

/**
 * An address and the number of its leading bits that name the network. The address is kept as given, host bits and
 * all; {@link network} and {@link masked} clear them. IPv4-mapped IPv6 addresses are IPv6 here.
 */
export class IpPrefix {
  readonly addr: IpAddr;
  readonly length: number;

  private constructor(addr: IpAddr, length: number) {
    this.addr = addr;
    this.length = length;
    Object.freeze(this);
  }

  /**
   * Puts an address and a prefix length together.
   * @throws {RangeError} when the length is not from 0 to 32 (IPv4) or 128 (IPv6)
   */
  static of(addr: IpAddr | string, length: number): IpPrefix {
    const ip = typeof addr === "string" ? IpAddr.parse(addr) : addr;
    checkAddr("addr", ip);
    checkInteger("length", length, 0, ip.bitLength);
    return new IpPrefix(ip, length);
  }

  /**
   * Reads `192.0.2.1/24` or `2001:db8::/32`. A netmask (`/255.255.255.0`), a zone and a bare address are refused.
   * @throws {AddressError} with the reason
   */
  static parse(text: string): IpPrefix {
    const read = readPrefix(text);
    if (typeof read === "string") throw new AddressError(text, WHAT, read, EXPECTED);
    return new IpPrefix(read.addr, read.length);
  }

  /** Like {@link parse}, with undefined for a text that is not a prefix. */
  static tryParse(text: string): IpPrefix | undefined {
    const read = readPrefix(text);
    return typeof read === "string" ? undefined : new IpPrefix(read.addr, read.length);
  }

  /**
   * The fewest prefixes that hold exactly the addresses from `first` to `last`, both included, in order.
   * @throws {TypeError} when the two are of different families
   * @throws {RangeError} when `last` is before `first`
   */
  static summarizeRange(first: IpAddr, last: IpAddr): IpPrefix[] {
    checkAddr("first", first);
    checkAddr("last", last);
    if (first.version !== last.version) {
      throw new TypeError(`first and last must be of one family, got ${first} and ${last}`);
    }
    if (first.compare(last) > 0)
      throw new RangeError(`last must not be before first, got ${first} and ${last}`);
    const prefixes: IpPrefix[] = [];
    const end = last.toBigInt();
    for (let at = first.toBigInt(); at <= end; ) {
      let hostBits = 0;
      while (hostBits < first.bitLength) {
        const size = 1n << BigInt(hostBits + 1);
        if (at % size !== 0n || at + size - 1n > end) break;
        hostBits++;
      }
      prefixes.push(new IpPrefix(fromBigInt(first, at), first.bitLength - hostBits));
      at += 1n << BigInt(hostBits);
    }
    return prefixes;
  }

  /** The fewest prefixes that hold exactly the addresses of the given ones, in order, IPv4 before IPv6. */
  static collapse(prefixes: Iterable<IpPrefix>): IpPrefix[] {
    const sorted = [...prefixes]
      .map((prefix) => checkPrefix("prefix", prefix).masked())
      .sort(comparePrefixes);
    const kept: IpPrefix[] = [];
    for (let next of sorted) {
      if (kept.at(-1)?.contains(next)) continue;
      for (let last = kept.at(-1); last?.isSibling(next); last = kept.at(-1)) {
        next = last.supernet();
        kept.pop();
      }
      kept.push(next);
    }
    return kept;
  }

  /** The first address of the block: the given one with its host bits cleared. */
  get network(): IpAddr {
    return mapWords(this.addr, (word, i) => word & maskWord(this.length, i));
  }

  get netmask(): IpAddr {
    return mapWords(this.addr, (_, i) => maskWord(this.length, i));
  }

  /** The first address of the block, the same as {@link network}. */
  get first(): IpAddr {
    return this.network;
  }

  /** The last address of the block. */
  get last(): IpAddr {
    return mapWords(this.addr, (word, i) => word | ~maskWord(this.length, i));
  }

  /** The IPv4 broadcast address; undefined for IPv6, which has none, and for /31 and /32 (RFC 3021 §2.1). */
  get broadcast(): Ipv4Addr | undefined {
    const { last } = this;
    return last.version === 4 && this.length < 31 ? last : undefined;
  }

  /** How many addresses the block has. */
  get count(): bigint {
    return 1n << BigInt(this.addr.bitLength - this.length);
  }

  /** The prefix with its host bits cleared. */
  masked(): IpPrefix {
    const { network } = this;
    return network.equals(this.addr) ? this : new IpPrefix(network, this.length);
  }

  /** Tells whether the block holds an address, or all of another block. A block of the other family it never holds. */
  contains(other: IpAddr | IpPrefix): boolean {
    const addr = other instanceof IpPrefix ? other.addr : checkAddr("other", other);
    if (addr.version !== this.addr.version) return false;
    if (other instanceof IpPrefix && other.length < this.length) return false;
    return samePrefix(this.addr, addr, this.length);
  }

  /** Tells whether the two blocks have an address in common. */
  overlaps(other: IpPrefix): boolean {
    checkPrefix("other", other);
    return this.contains(other) || other.contains(this);
  }

  /**
   * The blocks of `newLength` that this block divides into, in order, made one by one as they are asked for.
   * @throws {RangeError} when `newLength` is shorter than this prefix, or longer than an address
   */
  subnets(newLength: number): IterableIterator<IpPrefix> {
    checkInteger("newLength", newLength, this.length, this.addr.bitLength);
    const { network } = this;
    return generate(this.count >> BigInt(network.bitLength - newLength), (index) => {
      const offset = index << BigInt(network.bitLength - newLength);
      return new IpPrefix(fromBigInt(network, network.toBigInt() + offset), newLength);
    });
  }

  /** Every address of the block, the first and the last included, made one by one as they are asked for. */
  addresses(): IterableIterator<IpAddr> {
    const { network } = this;
    return generate(this.count, (index) => fromBigInt(network, network.toBigInt() + index));
  }

  /**
   * The block of `newLength` that holds this one; without `newLength`, the one twice as large.
   * @throws {RangeError} when `newLength` is longer than this prefix or below 0
   */
  supernet(newLength: number = this.length - 1): IpPrefix {
    checkInteger("newLength", newLength, 0, this.length);
    return new IpPrefix(this.addr, newLength).masked();
  }

  /** Whether address and length are the same; `10.0.0.1/8` and `10.0.0.0/8` are not, though their networks are. */
  equals(other: IpPrefix): boolean {
    return other instanceof IpPrefix && this.length === other.length && this.addr.equals(other.addr);
  }

  /** Sorts by network (IPv4 before IPv6), then by length, the shortest first, then by address. */
  compare(other: IpPrefix): -1 | 0 | 1 {
    return comparePrefixes(this, other);
  }

  toString(): string {
    return `${this.addr}/${this.length}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `IpPrefix(${this.toString()})`;
  }

  /** Whether the two, both masked, are the halves of one block. */
  private isSibling(other: IpPrefix): boolean {
    if (this.length !== other.length || this.length === 0) return false;
    return this.addr.version === other.addr.version && samePrefix(this.addr, other.addr, this.length - 1);
  }
}

/** Reads a prefix, or says why the text is none. */
function readPrefix(text: string): { addr: IpAddr; length: number } | string {
  checkString("text", text);
  const slash = text.indexOf("/");
  if (slash < 0) return "it has no prefix length";
  const [address, length] = [text.slice(0, slash), text.slice(slash + 1)];
  const addr = IpAddr.tryParse(address);
  if (!addr) {
    const zoned = address.includes("%") ? ", a prefix has no zone" : "";
    return `${JSON.stringify(address)} is not an IP address${zoned}`;
  }
  if (length === "") return "its prefix length is empty";
  if (/[.:]/.test(length)) return "a netmask is not a prefix length";
  if (!/^(?:0|[1-9][0-9]*)$/.test(length)) {
    return `its prefix length ${JSON.stringify(length)} is not a plain decimal number`;
  }
  return Number(length) <= addr.bitLength
    ? { addr, length: Number(length) }
    : `its prefix length ${length} is more than ${addr.bitLength}`;
}

function checkAddr(name: string, value: IpAddr): IpAddr {
  if (!IpAddr.is(value)) throw new TypeError(`${name} must be an IpAddr, got ${show(value)}`);
  return value;
}

function checkPrefix(name: string, value: IpPrefix): IpPrefix {
  if (!(value instanceof IpPrefix)) throw new TypeError(`${name} must be an IpPrefix, got ${show(value)}`);
  return value;
}

/** Makes an address of the family of `like` from its words, each put through `map`. */
function mapWords(like: IpAddr, map: (word: number, index: number) => number): IpAddr {
  const word = (i: number): number => map(like.word(i), i) >>> 0;
  return like.version === 4
    ? Ipv4Addr.fromU32(word(0))
    : Ipv6Addr.fromWords(word(0), word(1), word(2), word(3));
}

function fromBigInt(like: IpAddr, value: bigint): IpAddr {
  return like.version === 4 ? Ipv4Addr.fromU32(Number(value)) : Ipv6Addr.fromBigInt(value);
}

function* generate<T>(count: bigint, make: (index: bigint) => T): IterableIterator<T> {
  for (let index = 0n; index < count; index++) yield make(index);
}

function comparePrefixes(a: IpPrefix, b: IpPrefix): -1 | 0 | 1 {
  return a.network.compare(b.network) || order(a.length, b.length) || a.addr.compare(b.addr);
}
