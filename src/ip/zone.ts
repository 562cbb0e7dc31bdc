/** Zones of scoped IPv6 addresses, RFC 4007: the `eth0` of `fe80::1%eth0`. */
import { checkInteger, checkString } from "./_check.ts";
import { AddressError } from "./errors.ts";
import { IpAddr } from "./ip_addr.ts";

/** An interface by its name, or by its index where that is a number. */
export type Zone = string | number;

/** An address with its zone; undefined where the text has none. */
export interface ScopedAddr {
  readonly ip: IpAddr;
  readonly zone: Zone | undefined;
}

const EXPECTED =
  "an interface name of 1–15 bytes without space, /, : or %, or an interface index 1–4294967295";

/**
 * Splits `fe80::1%eth0` at its first `%` (RFC 4007 §11) and reads the zone; the address is left as it is. A zone of
 * digits is an interface index and comes as a number; `%0` is the default zone and comes as undefined.
 * @throws {AddressError} when the zone cannot be the name or index of an interface
 */
export function splitZone(text: string): { address: string; zone: Zone | undefined } {
  checkString("text", text);
  const percent = text.indexOf("%");
  if (percent < 0) return { address: text, zone: undefined };
  return { address: text.slice(0, percent), zone: readZone(text.slice(percent + 1)) };
}

/**
 * Reads an address that may have a zone: `127.0.0.1`, `fe80::1`, `fe80::1%eth0`, `fe80::1%3`.
 * @throws {AddressError} with the reason
 */
export function parseScoped(text: string): ScopedAddr {
  const { address, zone } = splitZone(text);
  const ip = IpAddr.parse(address);
  if (ip.version === 4 && address !== text) {
    throw new AddressError(
      text,
      "an IP address",
      "an IPv4 address has no zone",
      'an address like "fe80::1%eth0"',
    );
  }
  return { ip, zone };
}

/**
 * Brings a zone into its one form: an index as a number, no zone (`0`) as undefined, a name as a string.
 * @throws {AddressError} when a text can be neither name nor index
 * @throws {TypeError | RangeError} when a number cannot be an index
 */
export function readZone(zone: Zone | undefined): Zone | undefined {
  if (zone === undefined) return undefined;
  if (typeof zone !== "string") {
    checkInteger("zone", zone, 0, 0xffffffff);
    return zone === 0 ? undefined : zone;
  }
  const reason = whyNotZone(zone);
  if (reason) throw new AddressError(zone, "a zone", reason, EXPECTED);
  return /^[0-9]+$/.test(zone) ? Number(zone) || undefined : zone;
}

/** The kernel's own rules, dev_valid_name() in net/core/dev.c, and RFC 4007 §11.2 for the `%`. */
function whyNotZone(zone: string): string | undefined {
  if (zone === "") return "it is empty";
  if (/^[0-9]+$/.test(zone)) {
    if (zone.length > 1 && zone.startsWith("0")) return "the index has a leading zero";
    return Number(zone) > 0xffffffff ? "the index has more than 32 bits" : undefined;
  }
  if (zone === "." || zone === "..") return "no interface can have this name";
  const bytes = new TextEncoder().encode(zone);
  if (bytes.length > 15) return `it has ${bytes.length} bytes`; // IFNAMSIZ is 16, with the NUL
  // The kernel's isspace() is that of Latin-1, where 0xa0 is a space too.
  const stranger = bytes.find(
    (byte) => (byte >= 9 && byte <= 13) || [0, 0x20, 0x25, 0x2f, 0x3a, 0xa0].includes(byte),
  );
  return stranger === undefined ? undefined : `it has a byte 0x${stranger.toString(16).padStart(2, "0")}`;
}
