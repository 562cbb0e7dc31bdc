/** The two IPv6 addresses that netinet/in.h has as variables. */
import type { in6_addr } from "./sockaddr.ts";

/** `const struct in6_addr in6addr_any`: `::`, to listen on every address. */
export const in6addr_any: in6_addr = constant(new Uint8Array(16));

/** `const struct in6_addr in6addr_loopback`: `::1`. */
export const in6addr_loopback: in6_addr = constant(new Uint8Array(16).fill(1, 15));

/** Bytes cannot be frozen: everybody is given their own. */
function constant(bytes: Uint8Array): in6_addr {
  return Object.freeze({
    get s6_addr() {
      return bytes.slice();
    },
  });
}
