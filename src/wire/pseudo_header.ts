/** The pseudo header: what UDP, TCP and ICMPv6 checksums cover beside the packet itself. */
import type { IpAddr } from "../ip/index.ts";

/** The addresses between which a packet goes; both of one family. */
export interface Between {
  readonly src: IpAddr;
  readonly dst: IpAddr;
}

/**
 * The sum of the pseudo header, with which a checksum over the transport's bytes starts.
 * @param protocol as in IPv4's Protocol field, or the last Next Header of IPv6
 * @param lengthBytes of the transport's header and data
 * @throws {TypeError} if the addresses are of two families
 * @see RFC 9293 §3.1 (IPv4), RFC 8200 §8.1 (IPv6)
 */
export function pseudoHeaderSum({ src, dst }: Between, protocol: number, lengthBytes: number): number {
  if (src.version !== dst.version) {
    throw new TypeError(`src and dst: expected addresses of one family, got ${src} and ${dst}`);
  }
  return addrSum(src) + addrSum(dst) + protocol + (lengthBytes >>> 16) + (lengthBytes & 0xffff);
}

/** Of the address' 16-bit words, without a carry taken round. */
function addrSum(addr: IpAddr): number {
  let sum = 0;
  for (let index = 0; index * 32 < addr.bitLength; index++) {
    const word = addr.word(index);
    sum += (word >>> 16) + (word & 0xffff);
  }
  return sum;
}
