/** Bitsets, as ethtool's messages have them: as bits by number and name, or as words. */
import { attributeTable } from "../attribute_table.ts";
import { type AttributeType, binary, flag, repeated, text, u32 } from "../attribute_types.ts";

/** A set of numbered bits, and where it is told, which of them it speaks of. */
export interface Bitset {
  /** How many bits there are. */
  readonly size: number;
  /** The numbers of the bits that are set. */
  readonly value: readonly number[];
  /** The numbers of the bits that it speaks of; `undefined` where that is all. */
  readonly mask?: readonly number[];
  /** Names of bits, where they were sent along. */
  readonly names?: ReadonlyMap<number, string>;
}

/** Bits to be changed, by their names; the others stay. */
export type BitChanges = Readonly<Record<string, boolean>>;

/** Documentation/networking/ethtool-netlink.rst "Bit sets", v6.12 */
const BIT = attributeTable("ETHTOOL_A_BITSET_BIT_", { INDEX: [1, u32], NAME: [2, text], VALUE: [3, flag] });
const BITSET = attributeTable("ETHTOOL_A_BITSET_", {
  NOMASK: [1, flag],
  SIZE: [2, u32],
  BITS: [3, repeated(1, BIT)],
  VALUE: [4, binary],
  MASK: [5, binary],
});

/** Whose values are sets, and which takes changes by name. */
export const bitset: AttributeType<Bitset, BitChanges> = {
  nested: true,
  decode(bytes, start, end) {
    const { NOMASK, SIZE, BITS, VALUE, MASK } = BITSET.decode(bytes, start, end);
    if (VALUE !== undefined) {
      const size = Math.min(SIZE ?? Number.POSITIVE_INFINITY, 8 * VALUE.length);
      return { size, value: bitsOf(VALUE), ...(MASK !== undefined && { mask: bitsOf(MASK) }) };
    }
    if (BITS === undefined) return SIZE === undefined ? undefined : { size: SIZE, value: [] };
    const names = new Map<number, string>();
    const [value, mask]: [number[], number[]] = [[], []];
    for (const bit of BITS) {
      if (bit.INDEX === undefined) return undefined;
      if (bit.NAME !== undefined) names.set(bit.INDEX, bit.NAME);
      mask.push(bit.INDEX);
      // A list without a mask is of the bits that are set.
      if (NOMASK || bit.VALUE) value.push(bit.INDEX);
    }
    return { size: SIZE ?? 0, value, names, ...(!NOMASK && { mask }) };
  },
  encode(changes, where) {
    if (typeof changes !== "object" || changes === null) {
      throw new TypeError(`${where}: expected an object of booleans by name, got ${String(changes)}`);
    }
    const bits = Object.entries(changes).map(([name, value]) => {
      if (typeof value !== "boolean") {
        throw new TypeError(`${where}.${name}: expected a boolean, got ${String(value)}`);
      }
      return { NAME: name, ...(value && { VALUE: true as const }) };
    });
    return BITSET.encode({ BITS: bits }, where);
  },
};

/** The kernel has words of 32 bits in its own byte order, which is little-endian: bytes do as well. */
function bitsOf(bytes: Uint8Array): number[] {
  const bits: number[] = [];
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte >>> bit) & 1) bits.push(8 * at + bit);
  }
  return bits;
}
