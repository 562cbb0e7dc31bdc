/** An address of either family: the union type, and the functions that find out which one a text or bytes hold. */
import { checkString, show } from "./_check.ts";
import { whyNotIpv4 } from "./_ipv4_text.ts";
import { whyNotIpv6 } from "./_ipv6_text.ts";
import { Ipv4Addr, Ipv6Addr } from "./addr.ts";
import { AddressError } from "./errors.ts";

/** An address of either family; `version` tells which. */
export type IpAddr = Ipv4Addr | Ipv6Addr;

/** Reads and compares addresses of either family. */
export const IpAddr = Object.freeze({
  /**
   * Reads an IPv4 or IPv6 address, as `inet_pton` of its family reads it.
   * @throws {AddressError} with the reason
   */
  parse(text: string): IpAddr {
    const addr = IpAddr.tryParse(text);
    if (addr) return addr;
    const reason = text.includes(":") ? whyNotIpv6(text) : whyNotIpv4(text);
    throw new AddressError(text, "an IP address", reason, 'an address like "192.0.2.1" or "2001:db8::1"');
  },

  /** Like {@link IpAddr.parse}, with undefined for a text that is not an address. */
  tryParse(text: string): IpAddr | undefined {
    checkString("text", text);
    return text.includes(":") ? Ipv6Addr.tryParse(text) : Ipv4Addr.tryParse(text);
  },

  /** Reads four bytes as an IPv4 address, sixteen as an IPv6 address, both in network order. The bytes are copied. */
  fromBytes(bytes: Uint8Array): IpAddr {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`bytes must be a Uint8Array, got ${show(bytes)}`);
    if (bytes.length === 4) return Ipv4Addr.fromBytes(bytes);
    if (bytes.length === 16) return Ipv6Addr.fromBytes(bytes);
    throw new RangeError(`bytes must hold 4 or 16 bytes, got ${bytes.length}`);
  },

  /** Sorts by number, IPv4 before IPv6. */
  compare(a: IpAddr, b: IpAddr): -1 | 0 | 1 {
    return a.compare(b);
  },

  /** Tells whether a value is an address of either family. */
  is(value: unknown): value is IpAddr {
    return value instanceof Ipv4Addr || value instanceof Ipv6Addr;
  },
});
