/** Addresses as one (IPv4) or four (IPv6) unsigned 32-bit words, the most significant first. */

/** What the bit arithmetic of this folder needs of an address. */
export interface Words {
  readonly bitLength: 32 | 128;
  word(index: number): number;
}

/** The netmask of word `index` of a prefix of `length` bits. */
export function maskWord(length: number, index: number): number {
  const bits = length - 32 * index;
  return bits <= 0 ? 0 : bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** Tells whether the first `length` bits of two addresses of one family are the same. */
export function samePrefix(a: Words, b: Words, length: number): boolean {
  for (let i = 0; i * 32 < length; i++) {
    if (((a.word(i) ^ b.word(i)) & maskWord(length, i)) !== 0) return false;
  }
  return true;
}

/** Packs eight 16-bit groups into four words. */
export function packGroups(groups: readonly number[]): [number, number, number, number] {
  const word = (i: number): number => (((groups[i] as number) << 16) | (groups[i + 1] as number)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}
