/** Socket addresses: an IP address with a port and, for IPv6, a zone and the flow information. */
import { checkInteger, checkString, order, show } from "./_check.ts";
import { AddressError } from "./errors.ts";
import { IpAddr } from "./ip_addr.ts";
import { parsePort } from "./ports.ts";
import { parseScoped, readZone, type Zone } from "./zone.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const WHAT = "a socket address";
const EXPECTED = 'an address and a port like "127.0.0.1:80", "[::1]:80" or "[fe80::1%eth0]:80"';

/** What {@link SocketAddr.of} takes for an IPv6 address besides the port. */
export interface SocketAddrOptions {
  /** The interface, by name or index, that a link-local address is to be reached through; 0 means none. */
  readonly zone?: Zone | undefined;
  /** `sin6_flowinfo`: traffic class and flow label, RFC 3493 §3.3. */
  readonly flowInfo?: number | undefined;
}

/** What `struct sockaddr_in` and `struct sockaddr_in6` hold. */
export class SocketAddr {
  readonly ip: IpAddr;
  readonly port: number;
  /** The interface by name or, as a number, by index; undefined for none and for IPv4. */
  readonly zone: Zone | undefined;
  /** Traffic class and flow label in host order, RFC 3493 §3.3; 0 for IPv4. */
  readonly flowInfo: number;

  private constructor(ip: IpAddr, port: number, zone: Zone | undefined, flowInfo: number) {
    this.ip = ip;
    this.port = port;
    this.zone = zone;
    this.flowInfo = flowInfo;
    Object.freeze(this);
  }

  /**
   * Puts an address and a port together. The address may be a text, with its zone if it has one.
   * @throws {AddressError} when a text is no address, or a zone no zone
   * @throws {TypeError} when an argument has the wrong type, an IPv4 address has a zone, or two zones are given
   * @throws {RangeError} when a number is out of range
   */
  static of(ip: IpAddr | string, port: number, options: SocketAddrOptions = {}): SocketAddr {
    checkInteger("port", port, 0, 65535);
    const scoped = typeof ip === "string" ? parseScoped(ip) : { ip, zone: undefined };
    if (!IpAddr.is(scoped.ip)) throw new TypeError(`ip must be an IpAddr or a string, got ${show(ip)}`);
    const { flowInfo = 0 } = options;
    checkInteger("flowInfo", flowInfo, 0, 0xffffffff);
    const zone = readZone(options.zone);
    if (zone !== undefined && scoped.zone !== undefined) {
      throw new TypeError(`zone is given twice, in ${JSON.stringify(ip)} and as ${JSON.stringify(zone)}`);
    }
    if (scoped.ip.version === 4 && (zone !== undefined || flowInfo !== 0)) {
      const name = zone !== undefined ? "zone" : "flowInfo";
      throw new TypeError(
        `${name} belongs to IPv6 addresses, got ${show(zone ?? flowInfo)} with ${scoped.ip}`,
      );
    }
    return new SocketAddr(scoped.ip, port, zone ?? scoped.zone, flowInfo);
  }

  /**
   * Reads `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80` or `[fe80::1%3]:80`: RFC 5952 §6 with the zone of
   * RFC 4007 §11. Names are {@link splitHostPort}'s.
   * @throws {AddressError} with the reason
   */
  static parse(text: string): SocketAddr {
    checkString("text", text);
    const [address, port] = text.startsWith("[") ? splitBracketed(text) : splitPlain(text);
    const { ip, zone } = within(text, () => parseScoped(address));
    if (text.startsWith("[") && ip.version === 4) {
      throw new AddressError(text, WHAT, "an IPv4 address has no brackets", EXPECTED);
    }
    return new SocketAddr(
      ip,
      within(text, () => parsePort(port)),
      zone,
      0,
    );
  }

  /** Like {@link parse}, with undefined for a text that is not a socket address. */
  static tryParse(text: string): SocketAddr | undefined {
    try {
      return SocketAddr.parse(text);
    } catch (error) {
      if (error instanceof AddressError) return undefined;
      throw error;
    }
  }

  get family(): "ipv4" | "ipv6" {
    return this.ip.version === 4 ? "ipv4" : "ipv6";
  }

  equals(other: SocketAddr): boolean {
    return other instanceof SocketAddr && this.compare(other) === 0;
  }

  /** Sorts by address (IPv4 before IPv6), port, zone (none, then indices, then names) and flow information. */
  compare(other: SocketAddr): -1 | 0 | 1 {
    return (
      this.ip.compare(other.ip) ||
      order(this.port, other.port) ||
      compareZones(this.zone, other.zone) ||
      order(this.flowInfo, other.flowInfo)
    );
  }

  /** `127.0.0.1:80`, `[::1]:80` or `[fe80::1%eth0]:80`; the flow information is not shown. */
  toString(): string {
    if (this.ip.version === 4) return `${this.ip}:${this.port}`;
    return `[${this.ip}${this.zone === undefined ? "" : `%${this.zone}`}]:${this.port}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `SocketAddr(${this.toString()})`;
  }
}

function splitBracketed(text: string): [address: string, port: string] {
  const end = text.indexOf("]");
  if (end < 0) throw new AddressError(text, WHAT, "its [ has no ]", EXPECTED);
  if (text[end + 1] !== ":") throw new AddressError(text, WHAT, "it has no port after the ]", EXPECTED);
  return [text.slice(1, end), text.slice(end + 2)];
}

function splitPlain(text: string): [address: string, port: string] {
  const colon = text.indexOf(":");
  if (colon < 0) throw new AddressError(text, WHAT, "it has no port", EXPECTED);
  if (text.includes(":", colon + 1)) {
    throw new AddressError(text, WHAT, "an IPv6 address with a port needs brackets around it", EXPECTED);
  }
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** Runs the reader of one part, and puts its refusal into the words of the whole. */
function within<T>(text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    const { input, what, reason } = error;
    throw new AddressError(text, WHAT, `${JSON.stringify(input)} is not ${what}, ${reason}`, EXPECTED);
  }
}

function compareZones(a: Zone | undefined, b: Zone | undefined): -1 | 0 | 1 {
  const rank = (zone: Zone | undefined): number =>
    zone === undefined ? 0 : typeof zone === "number" ? 1 : 2;
  if (rank(a) !== rank(b)) return order(rank(a), rank(b));
  if (a === undefined || b === undefined || a === b) return 0;
  return a < b ? -1 : 1;
}
