/** Options of neighbour discovery, RFC 4861 §4.6 and the RFCs named at their types. */
import { concatBytes } from "../bytes/index.ts";
import { type Ipv6Addr, MacAddr } from "../ip/index.ts";
import { bytesOrNone, describe, flag, put32, uint } from "./_encode.ts";
import { sameBytes } from "./_icmp_extensions.ts";
import { int, ipv6Bytes, listOrNone, readIpv6Addr, type Tail } from "./_message.ts";
import { type TreeNode, u32 } from "./_pdu.ts";

/** Option lengths count in these, in bytes. */
const UNIT = 8;

// Types, IANA "IPv6 Neighbor Discovery Option Formats".
const SOURCE_LINK_LAYER = 1; // RFC 4861 §4.6.1
const TARGET_LINK_LAYER = 2;
const PREFIX_INFORMATION = 3; // RFC 4861 §4.6.2
const REDIRECTED_HEADER = 4; // RFC 4861 §4.6.3
const MTU = 5; // RFC 4861 §4.6.4
const NONCE = 14; // RFC 3971 §5.3.2, RFC 7527 §4.1
const ROUTE_INFORMATION = 24; // RFC 4191 §2.3
const RDNSS = 25; // RFC 8106 §5.1
const DNSSL = 31; // RFC 8106 §5.2

const DOT = 0x2e;
/** What stands for "for ever" as a lifetime. */
const INFINITY = 0xffffffff;

/** One option. Lifetimes are in seconds; 4294967295 is for ever. */
export type NdpOption =
  | {
      readonly name: "sourceLinkLayerAddress" | "targetLinkLayerAddress";
      readonly addr: MacAddr;
    }
  | {
      readonly name: "prefixInformation";
      readonly prefix: Ipv6Addr;
      readonly prefixLength: number;
      /** L: addresses of the prefix are on this link. */
      readonly onLink?: boolean | undefined;
      /** A: hosts may make themselves addresses of it. */
      readonly autonomous?: boolean | undefined;
      /** R: `prefix` is the router's whole address, RFC 6275 §7.2. */
      readonly routerAddress?: boolean | undefined;
      readonly validLifetime: number;
      readonly preferredLifetime: number;
    }
  /** The packet that a redirect is about, filled up with zeros to a multiple of eight bytes. */
  | { readonly name: "redirectedHeader"; readonly quoted: Uint8Array }
  | { readonly name: "mtu"; readonly mtu: number }
  | { readonly name: "nonce"; readonly nonce: Uint8Array }
  | {
      readonly name: "routeInformation";
      readonly prefix: Ipv6Addr;
      readonly prefixLength: number;
      /** 1 is high, 0 medium, -1 low; -2 is reserved. */
      readonly preference?: number | undefined;
      readonly lifetime: number;
      /** Of the option in units of eight bytes, 1 … 3, where it is not the least that `prefixLength` wants. */
      readonly length?: number | undefined;
    }
  | {
      readonly name: "recursiveDnsServer";
      readonly lifetime: number;
      readonly servers: readonly Ipv6Addr[];
    }
  | {
      readonly name: "dnsSearchList";
      readonly lifetime: number;
      readonly domains: readonly string[];
    }
  /** Of a type that we do not know, or with a body that its type does not have: `data` is all behind type and length. */
  | { readonly name: "unknown"; readonly type: number; readonly data: Uint8Array }
  /** What does not read as an option, up to the end: its length is 0, or more than there is. */
  | { readonly name: "malformed"; readonly data: Uint8Array };

interface PlacedOption {
  readonly option: NdpOption;
  readonly offset: number;
  readonly lengthBytes: number;
}

function placedOptions(bytes: Uint8Array, start: number, end: number): readonly PlacedOption[] {
  const list: PlacedOption[] = [];
  for (let at = start; at < end; ) {
    const length = at + 1 < end ? (bytes[at + 1] as number) * UNIT : 0;
    if (length === 0 || at + length > end) {
      const option = { name: "malformed", data: bytes.subarray(at, end) } as const;
      list.push({ option, offset: at, lengthBytes: end - at });
      break;
    }
    list.push({ option: readOption(bytes.subarray(at, at + length)), offset: at, lengthBytes: length });
    at += length;
  }
  return list;
}

function readOption(bytes: Uint8Array): NdpOption {
  const known = readKnown(bytes);
  // What would be written otherwise (reserved bits that are set, odd padding) is kept as it is.
  if (known && sameBytes(writeOption(known, ""), bytes)) return known;
  return { name: "unknown", type: bytes[0] as number, data: bytes.subarray(2) };
}

function readKnown(bytes: Uint8Array): NdpOption | undefined {
  const { length } = bytes;
  switch (bytes[0]) {
    case SOURCE_LINK_LAYER:
    case TARGET_LINK_LAYER: {
      const name = bytes[0] === SOURCE_LINK_LAYER ? "sourceLinkLayerAddress" : "targetLinkLayerAddress";
      return length === 8 ? { name, addr: MacAddr.fromBytes(bytes.subarray(2)) } : undefined;
    }
    case PREFIX_INFORMATION: {
      if (length !== 32) return undefined;
      const flags = bytes[3] as number;
      return {
        name: "prefixInformation",
        prefix: readIpv6Addr(bytes, 16),
        prefixLength: bytes[2] as number,
        onLink: (flags & 0x80) !== 0,
        autonomous: (flags & 0x40) !== 0,
        routerAddress: (flags & 0x20) !== 0,
        validLifetime: u32(bytes, 4),
        preferredLifetime: u32(bytes, 8),
      };
    }
    case REDIRECTED_HEADER:
      return { name: "redirectedHeader", quoted: bytes.subarray(8) };
    case MTU:
      return length === 8 ? { name: "mtu", mtu: u32(bytes, 4) } : undefined;
    case NONCE:
      return { name: "nonce", nonce: bytes.subarray(2) };
    case ROUTE_INFORMATION:
      return readRoute(bytes);
    case RDNSS: {
      if (length % 16 !== 8) return undefined;
      const servers: Ipv6Addr[] = [];
      for (let at = 8; at < length; at += 16) servers.push(readIpv6Addr(bytes, at));
      return { name: "recursiveDnsServer", lifetime: u32(bytes, 4), servers };
    }
    case DNSSL: {
      const domains = readDomains(bytes, 8);
      return domains && { name: "dnsSearchList", lifetime: u32(bytes, 4), domains };
    }
    default:
      return undefined;
  }
}

function readRoute(bytes: Uint8Array): NdpOption | undefined {
  if (bytes.length > 24) return undefined;
  const whole = new Uint8Array(24);
  whole.set(bytes);
  const prefixLength = bytes[2] as number;
  const preference = (((bytes[3] as number) << 27) >> 30) as number;
  const length = bytes.length / UNIT;
  return {
    name: "routeInformation",
    prefix: readIpv6Addr(whole, 8),
    prefixLength,
    preference,
    lifetime: u32(bytes, 4),
    ...(length !== routeUnits(prefixLength) && { length }),
  };
}

/** As many units of eight bytes as a route's prefix wants, RFC 4191 §2.3. */
function routeUnits(prefixLength: number): number {
  if (prefixLength === 0) return 1;
  return prefixLength <= 64 ? 2 : 3;
}

/** Names as DNS has them, not compressed, RFC 8106 §5.2; undefined where they do not read as such. */
function readDomains(bytes: Uint8Array, start: number): readonly string[] | undefined {
  const domains: string[] = [];
  let labels: string[] = [];
  for (let at = start; at < bytes.length; ) {
    const length = bytes[at] as number;
    if (length > 63 || at + length >= bytes.length) return undefined;
    const label = bytes.subarray(at + 1, at + 1 + length);
    if (label.some((byte) => byte > 0x7f || byte === DOT)) return undefined;
    if (length > 0) labels.push(String.fromCharCode(...label));
    else if (labels.length === 0) break;
    else {
      domains.push(labels.join("."));
      labels = [];
    }
    at += 1 + length;
  }
  return labels.length === 0 ? domains : undefined;
}

/** An option: zeros up to a multiple of eight bytes behind `body`, which starts behind type and length. */
function optionOf(where: string, type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.max(1, Math.ceil((2 + body.length) / UNIT)) * UNIT);
  if (bytes.length > 0xff * UNIT) {
    throw new RangeError(`${where}: expected at most ${0xff * UNIT - 2} bytes, got ${body.length}`);
  }
  bytes[0] = type;
  bytes[1] = bytes.length / UNIT;
  bytes.set(body, 2);
  return bytes;
}

/** Two reserved bytes and a lifetime, and what follows. */
function timed(where: string, lifetime: unknown, ...parts: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(6);
  put32(head, 2, uint(`${where}.lifetime`, lifetime, 32));
  return concatBytes([head, ...parts]);
}

function macBytes(where: string, value: unknown): Uint8Array {
  if (value instanceof MacAddr) return value.toBytes();
  throw new TypeError(`${where}: expected a MacAddr, got ${describe(value)}`);
}

function writePrefix(option: NdpOption & { name: "prefixInformation" }, where: string): Uint8Array {
  const body = new Uint8Array(30);
  body[0] = uint(`${where}.prefixLength`, option.prefixLength, 8);
  body[1] =
    (flag(`${where}.onLink`, option.onLink) ? 0x80 : 0) |
    (flag(`${where}.autonomous`, option.autonomous) ? 0x40 : 0) |
    (flag(`${where}.routerAddress`, option.routerAddress) ? 0x20 : 0);
  put32(body, 2, uint(`${where}.validLifetime`, option.validLifetime, 32));
  put32(body, 6, uint(`${where}.preferredLifetime`, option.preferredLifetime, 32));
  body.set(ipv6Bytes(`${where}.prefix`, option.prefix), 14);
  return optionOf(where, PREFIX_INFORMATION, body);
}

function writeRoute(option: NdpOption & { name: "routeInformation" }, where: string): Uint8Array {
  const prefixLength = uint(`${where}.prefixLength`, option.prefixLength, 8);
  const units = option.length ?? routeUnits(prefixLength);
  if (units !== 1 && units !== 2 && units !== 3) {
    throw new RangeError(`${where}.length: expected 1, 2 or 3, got ${describe(units)}`);
  }
  const prefix = ipv6Bytes(`${where}.prefix`, option.prefix).subarray(0, (units - 1) * UNIT);
  const body = timed(where, option.lifetime, prefix);
  body[0] = prefixLength;
  body[1] = int(`${where}.preference`, option.preference ?? 0, 2) << 3;
  return optionOf(where, ROUTE_INFORMATION, body);
}

function domainBytes(where: string, domain: unknown): Uint8Array {
  if (typeof domain !== "string") throw new TypeError(`${where}: expected a string, got ${describe(domain)}`);
  const labels = domain.replace(/\.$/, "").split(".");
  const bytes = labels.flatMap((label) => {
    if (label === "" || label.length > 63 || /[^\0-\x7f]/.test(label)) {
      throw new RangeError(`${where}: expected labels of 1 … 63 ASCII characters, got ${describe(domain)}`);
    }
    return [label.length, ...Array.from(label, (letter) => letter.charCodeAt(0))];
  });
  return Uint8Array.of(...bytes, 0);
}

/** @throws {TypeError | RangeError} that names the option */
function writeOption(option: NdpOption, where: string): Uint8Array {
  switch (option?.name) {
    case "sourceLinkLayerAddress":
      return optionOf(where, SOURCE_LINK_LAYER, macBytes(`${where}.addr`, option.addr));
    case "targetLinkLayerAddress":
      return optionOf(where, TARGET_LINK_LAYER, macBytes(`${where}.addr`, option.addr));
    case "prefixInformation":
      return writePrefix(option, where);
    case "redirectedHeader":
      return optionOf(
        where,
        REDIRECTED_HEADER,
        concatBytes([new Uint8Array(6), bytesOrNone(`${where}.quoted`, option.quoted)]),
      );
    case "mtu": {
      const body = new Uint8Array(6);
      put32(body, 2, uint(`${where}.mtu`, option.mtu, 32));
      return optionOf(where, MTU, body);
    }
    case "nonce":
      return optionOf(where, NONCE, bytesOrNone(`${where}.nonce`, option.nonce));
    case "routeInformation":
      return writeRoute(option, where);
    case "recursiveDnsServer": {
      const servers = listOrNone(`${where}.servers`, option.servers);
      const addrs = servers.map((addr, index) => ipv6Bytes(`${where}.servers[${index}]`, addr));
      return optionOf(where, RDNSS, timed(where, option.lifetime, ...addrs));
    }
    case "dnsSearchList": {
      const domains = listOrNone(`${where}.domains`, option.domains);
      const names = domains.map((domain, index) => domainBytes(`${where}.domains[${index}]`, domain));
      return optionOf(where, DNSSL, timed(where, option.lifetime, ...names));
    }
    case "unknown": {
      const data = bytesOrNone(`${where}.data`, option.data);
      return optionOf(where, uint(`${where}.type`, option.type, 8), data);
    }
    case "malformed":
      return bytesOrNone(`${where}.data`, option.data);
    default:
      throw new TypeError(`${where}: there is no option ${describe((option as { name?: unknown })?.name)}`);
  }
}

const LABELS: Readonly<Record<NdpOption["name"], string>> = {
  sourceLinkLayerAddress: "Source Link-Layer Address",
  targetLinkLayerAddress: "Target Link-Layer Address",
  prefixInformation: "Prefix Information",
  redirectedHeader: "Redirected Header",
  mtu: "MTU",
  nonce: "Nonce",
  routeInformation: "Route Information",
  recursiveDnsServer: "Recursive DNS Server",
  dnsSearchList: "DNS Search List",
  unknown: "Unknown option",
  malformed: "Malformed",
};

const PREFERENCES: Readonly<Record<number, string>> = {
  1: "high",
  0: "medium",
  [-1]: "low",
  [-2]: "reserved",
};

/** `"high"`, `"medium"`, `"low"`, `"reserved"`. */
export function preferenceText(preference: number): string {
  return PREFERENCES[preference] ?? String(preference);
}

const lifetimeText = (seconds: number): string => (seconds === INFINITY ? "infinity" : `${seconds} s`);

function optionText(option: NdpOption): string {
  switch (option.name) {
    case "sourceLinkLayerAddress":
    case "targetLinkLayerAddress":
      return String(option.addr);
    case "prefixInformation": {
      const { prefix, prefixLength, onLink, autonomous, routerAddress } = option;
      const flags = [onLink && "on-link", autonomous && "autonomous", routerAddress && "router address"];
      const lifetimes = `valid ${lifetimeText(option.validLifetime)}, preferred ${lifetimeText(option.preferredLifetime)}`;
      return [`${prefix}/${prefixLength}`, ...flags.filter(Boolean), lifetimes].join(", ");
    }
    case "redirectedHeader":
      return describe(option.quoted);
    case "mtu":
      return `${option.mtu} bytes`;
    case "nonce":
      return describe(option.nonce);
    case "routeInformation": {
      const { prefix, prefixLength, preference = 0, lifetime } = option;
      return `${prefix}/${prefixLength}, preference ${preferenceText(preference)}, lifetime ${lifetimeText(lifetime)}`;
    }
    case "recursiveDnsServer":
      return `${option.servers.join(", ")}, lifetime ${lifetimeText(option.lifetime)}`;
    case "dnsSearchList":
      return `${option.domains.join(", ")}, lifetime ${lifetimeText(option.lifetime)}`;
    case "unknown":
      return `type ${option.type}, ${describe(option.data)}`;
    case "malformed":
      return describe(option.data);
  }
}

/** Options up to the end of the message. */
export const NDP_OPTIONS: Tail = {
  read: (bytes, start, end) => ({ options: placedOptions(bytes, start, end).map(({ option }) => option) }),
  write(fields, where) {
    const options = listOrNone(`${where}.options`, fields.options) as readonly NdpOption[];
    return concatBytes(options.map((option, index) => writeOption(option, `${where}.options[${index}]`)));
  },
  nodes: (bytes, start, end): readonly TreeNode[] =>
    placedOptions(bytes, start, end).map(({ option, offset, lengthBytes }) => ({
      name: option.name,
      label: LABELS[option.name],
      text: optionText(option),
      offset,
      lengthBytes,
    })),
};
