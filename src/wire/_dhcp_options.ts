/** DHCP options: their names and types, and the list that a message holds. RFC 2132 where no other RFC is named. */
import { concatBytes } from "../bytes/index.ts";
import { Ipv4Addr } from "../ip/index.ts";
import { bytesOrNone, describe, uint } from "./_encode.ts";
import { u16, u32 } from "./_pdu.ts";

const PAD = 0;
export const END = 255;
/** RFC 3396: what is longer is cut, and put together again by who reads it. */
const MAX_DATA = 255;

/** What DHCP messages are called, §9.6; RFC 3203, 4388, 6926. */
export const MESSAGE_TYPES = [
  "discover",
  "offer",
  "request",
  "decline",
  "ack",
  "nak",
  "release",
  "inform",
  "forceRenew",
  "leaseQuery",
  "leaseUnassigned",
  "leaseUnknown",
  "leaseActive",
] as const;

export type DhcpMessageType = (typeof MESSAGE_TYPES)[number];

/** A route of option 121, RFC 3442. */
export interface DhcpRoute {
  readonly prefix: Ipv4Addr;
  readonly prefixLength: number;
  readonly router: Ipv4Addr;
}

/** How a kind of value stands in an option. `decode` gives `undefined` for data that is not such a value. */
interface Codec<T> {
  decode(data: Uint8Array): T | undefined;
  encode(value: T, where: string): Uint8Array;
}

function wrong(where: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${where}: expected ${expected}, got ${describe(value)}`);
}

function integer(width: 8 | 16 | 32): Codec<number> {
  const size = width / 8;
  return {
    decode: (data) => (data.length === size ? big(data, 0, size) : undefined),
    encode: (value, where) => bigBytes(uint(where, value, width), size),
  };
}

function big(data: Uint8Array, at: number, size: number): number {
  return size === 1 ? (data[at] as number) : size === 2 ? u16(data, at) : u32(data, at);
}

function bigBytes(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => value >>> (8 * (size - 1 - at)));
}

const i32: Codec<number> = {
  decode: (data) => (data.length === 4 ? u32(data, 0) | 0 : undefined),
  encode: (value, where) => {
    if (!Number.isInteger(value) || value !== (value | 0)) {
      throw new RangeError(`${where}: expected an integer -2147483648 … 2147483647, got ${describe(value)}`);
    }
    return bigBytes(value >>> 0, 4);
  },
};

const bool: Codec<boolean> = {
  decode: (data) => (data.length === 1 && (data[0] as number) < 2 ? data[0] === 1 : undefined),
  encode: (value, where) => {
    if (typeof value !== "boolean") throw wrong(where, "true or false", value);
    return Uint8Array.of(value ? 1 : 0);
  },
};

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text that is UTF-8; other bytes are no text. */
export function textOf(data: Uint8Array): string | undefined {
  try {
    return decoder.decode(data);
  } catch {
    return undefined;
  }
}

/** A text without lone surrogates as UTF-8. @throws {TypeError} */
export function textBytes(where: string, value: unknown): Uint8Array {
  if (typeof value !== "string") throw wrong(where, "a string", value);
  if (/\p{Surrogate}/u.test(value)) throw wrong(where, "a text without lone surrogates", value);
  return encoder.encode(value);
}

const text: Codec<string> = {
  decode: (data) => (data.length === 0 ? undefined : textOf(data)),
  encode: (value, where) => textBytes(where, value),
};

const bytes: Codec<Uint8Array> = {
  decode: (data) => data,
  encode: (value, where) => bytesOrNone(where, value),
};

const address: Codec<Ipv4Addr> = {
  decode: (data) => (data.length === 4 ? Ipv4Addr.fromU32(u32(data, 0)) : undefined),
  encode: (value, where) => {
    if (!(value instanceof Ipv4Addr)) throw wrong(where, "an Ipv4Addr", value);
    return value.toBytes();
  },
};

/** One or more values of a fixed size. */
function list<T>(element: Codec<T>, size: number): Codec<readonly T[]> {
  return {
    decode(data) {
      if (data.length === 0 || data.length % size !== 0) return undefined;
      const values: T[] = [];
      for (let at = 0; at < data.length; at += size) {
        values.push(element.decode(data.subarray(at, at + size)) as T);
      }
      return values;
    },
    encode(values, where) {
      if (!Array.isArray(values)) throw wrong(where, "an array", values);
      return concatBytes(values.map((value: T, index) => element.encode(value, `${where}[${index}]`)));
    },
  };
}

const messageType: Codec<DhcpMessageType> = {
  decode: (data) => (data.length === 1 ? MESSAGE_TYPES[(data[0] as number) - 1] : undefined),
  encode: (value, where) => {
    const index = MESSAGE_TYPES.indexOf(value);
    if (index < 0) throw wrong(where, `one of ${MESSAGE_TYPES.join(", ")}`, value);
    return Uint8Array.of(index + 1);
  },
};

/** RFC 3442: of the destination only as many bytes as its prefix length asks for. */
const routes: Codec<readonly DhcpRoute[]> = {
  decode(data) {
    const found: DhcpRoute[] = [];
    for (let at = 0; at < data.length; ) {
      const prefixLength = data[at++] as number;
      const significant = Math.ceil(prefixLength / 8);
      if (prefixLength > 32 || at + significant + 4 > data.length) return undefined;
      const prefix = new Uint8Array(4);
      prefix.set(data.subarray(at, at + significant));
      at += significant;
      found.push({
        prefix: Ipv4Addr.fromBytes(prefix),
        prefixLength,
        router: Ipv4Addr.fromU32(u32(data, at)),
      });
      at += 4;
    }
    return found.length === 0 ? undefined : found;
  },
  encode(values, where) {
    if (!Array.isArray(values)) throw wrong(where, "an array of routes", values);
    return concatBytes(
      values.map((route: DhcpRoute, index) => {
        const here = `${where}[${index}]`;
        const prefixLength = uint(`${here}.prefixLength`, route.prefixLength, 8);
        if (prefixLength > 32) {
          throw new RangeError(`${here}.prefixLength: expected an integer 0 … 32, got ${prefixLength}`);
        }
        const prefix = address.encode(route.prefix, `${here}.prefix`);
        return concatBytes([
          Uint8Array.of(prefixLength),
          prefix.subarray(0, Math.ceil(prefixLength / 8)),
          address.encode(route.router, `${here}.router`),
        ]);
      }),
    );
  },
};

const MAX_LABEL = 63;
/** With the lengths of its labels, and without the zero at its end: RFC 1035 §2.3.4. */
const MAX_NAME = 254;
/** RFC 1035 §4.1.4; RFC 3397 has it within the option. */
const POINTER = 0xc0;

/** RFC 3397: domain names, which may point to the ends of those before. They are written without pointers. */
const domains: Codec<readonly string[]> = {
  decode(data) {
    const names: string[] = [];
    for (let at = 0; at < data.length; ) {
      const read = readName(data, at);
      if (read === undefined) return undefined;
      names.push(read.name);
      at = read.next;
    }
    return names.length === 0 ? undefined : names;
  },
  encode(values, where) {
    if (!Array.isArray(values)) throw wrong(where, "an array of names", values);
    return concatBytes(
      values.map((name: unknown, index) => {
        const here = `${where}[${index}]`;
        if (typeof name !== "string") throw wrong(here, "a string", name);
        const labels = name.replace(/\.$/, "").split(".");
        const parts = labels.map((label) => textBytes(here, label));
        if (parts.some(({ length }) => length === 0 || length > MAX_LABEL)) {
          throw new RangeError(`${here}: expected labels of 1 … ${MAX_LABEL} bytes, got ${describe(name)}`);
        }
        return concatBytes([
          ...parts.flatMap((part) => [Uint8Array.of(part.length), part]),
          Uint8Array.of(0),
        ]);
      }),
    );
  },
};

/** Pointers lead only backwards, each before the last: a name ends. */
function readName(data: Uint8Array, start: number): { name: string; next: number } | undefined {
  const labels: string[] = [];
  let next: number | undefined;
  let limit = start;
  let room = MAX_NAME;
  for (let at = start; ; ) {
    const length = data[at];
    if (length === undefined) return undefined;
    if (length === 0)
      return labels.length === 0 ? undefined : { name: labels.join("."), next: next ?? at + 1 };
    if (length >= POINTER) {
      const low = data[at + 1];
      if (low === undefined) return undefined;
      next ??= at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= limit) return undefined;
      limit = at;
      continue;
    }
    const label = length <= MAX_LABEL ? textOf(data.subarray(at + 1, at + 1 + length)) : undefined;
    if (label === undefined || at + 1 + length > data.length) return undefined;
    room -= 1 + length;
    if (label.includes(".") || room < 0) return undefined;
    labels.push(label);
    at += 1 + length;
  }
}

const addresses = list(address, 4);
const u8 = integer(8);
const numbers16 = integer(16);
const numbers32 = integer(32);

function option<const Code extends number, T>(code: Code, label: string, codec: Codec<T>) {
  return { code, label, codec };
}

/** Every option with a type. */
export const DHCP_OPTIONS = {
  subnetMask: option(1, "Subnet Mask", address),
  timeOffset: option(2, "Time Offset", i32),
  routers: option(3, "Router", addresses),
  timeServers: option(4, "Time Server", addresses),
  dnsServers: option(6, "Domain Name Server", addresses),
  logServers: option(7, "Log Server", addresses),
  hostName: option(12, "Host Name", text),
  bootFileSize: option(13, "Boot File Size", numbers16),
  domainName: option(15, "Domain Name", text),
  rootPath: option(17, "Root Path", text),
  ipForwarding: option(19, "IP Forwarding", bool),
  maxReassemblySize: option(22, "Maximum Datagram Reassembly Size", numbers16),
  defaultTtl: option(23, "Default IP Time-to-live", u8),
  interfaceMtu: option(26, "Interface MTU", numbers16),
  broadcastAddress: option(28, "Broadcast Address", address),
  staticRoutes: option(33, "Static Route", list(address, 4)),
  ntpServers: option(42, "Network Time Protocol Servers", addresses),
  vendorSpecific: option(43, "Vendor Specific Information", bytes),
  netbiosNameServers: option(44, "NetBIOS over TCP/IP Name Server", addresses),
  netbiosNodeType: option(46, "NetBIOS over TCP/IP Node Type", u8),
  requestedAddress: option(50, "Requested IP Address", address),
  /** In seconds; 4294967295 is for ever. */
  leaseTime: option(51, "IP Address Lease Time", numbers32),
  /** 1: `file` holds options, 2: `sname` does, 3: both do. */
  overload: option(52, "Option Overload", u8),
  messageType: option(53, "DHCP Message Type", messageType),
  serverId: option(54, "Server Identifier", address),
  parameterRequestList: option(55, "Parameter Request List", list(u8, 1)),
  message: option(56, "Message", text),
  maxMessageSize: option(57, "Maximum DHCP Message Size", numbers16),
  /** T1, in seconds. */
  renewalTime: option(58, "Renewal (T1) Time Value", numbers32),
  /** T2, in seconds. */
  rebindingTime: option(59, "Rebinding (T2) Time Value", numbers32),
  vendorClass: option(60, "Vendor Class Identifier", text),
  clientId: option(61, "Client Identifier", bytes),
  tftpServerName: option(66, "TFTP Server Name", text),
  bootFileName: option(67, "Bootfile Name", text),
  /** RFC 3004. */
  userClass: option(77, "User Class", bytes),
  /** RFC 4039: an empty option. */
  rapidCommit: option(80, "Rapid Commit", bytes),
  /** RFC 4702. */
  clientFqdn: option(81, "Client FQDN", bytes),
  /** RFC 3046. */
  relayAgent: option(82, "Relay Agent Information", bytes),
  /** RFC 4578 §2.1. */
  clientArchitecture: option(93, "Client System Architecture", list(numbers16, 2)),
  /** RFC 4578 §2.2. */
  clientInterface: option(94, "Client Network Device Interface", bytes),
  /** RFC 4578 §2.3. */
  clientMachineId: option(97, "UUID/GUID-based Client Identifier", bytes),
  /** RFC 8925, in seconds. */
  ipv6Only: option(108, "IPv6-Only Preferred", numbers32),
  /** RFC 2563. */
  autoConfigure: option(116, "Auto-Configure", u8),
  /** RFC 3011. */
  subnetSelection: option(118, "Subnet Selection", address),
  /** RFC 3397. */
  domainSearch: option(119, "Domain Search", domains),
  /** RFC 3442. */
  classlessRoutes: option(121, "Classless Static Route", routes),
  /** RFC 8910. */
  captivePortal: option(114, "Captive Portal", text),
} as const;

type Table = typeof DHCP_OPTIONS;
export type DhcpOptionName = keyof Table;
/** The type of an option's value. */
export type DhcpOptionValue<Name extends DhcpOptionName> =
  Table[Name]["codec"] extends Codec<infer T> ? T : never;

type Typed = {
  readonly [Name in DhcpOptionName]: { readonly name: Name; readonly value: DhcpOptionValue<Name> };
}[DhcpOptionName];

/**
 * An option. One that has no type here, or whose data is not of its type, is `unknown`; where lengths do not fit, the rest of
 * the list is `malformed`.
 */
export type DhcpOption =
  | Typed
  | { readonly name: "pad" }
  | { readonly name: "unknown"; readonly code: number; readonly data: Uint8Array }
  | { readonly name: "malformed"; readonly data: Uint8Array };

const NAME_OF = new Map<number, DhcpOptionName>(
  (Object.keys(DHCP_OPTIONS) as DhcpOptionName[]).map((name) => [DHCP_OPTIONS[name].code, name]),
);

/** The options whose value is text. */
export const DHCP_TEXT_OPTIONS: ReadonlySet<string> = new Set(
  Object.entries(DHCP_OPTIONS)
    .filter(([, { codec }]) => (codec as unknown) === text || (codec as unknown) === domains)
    .map(([name]) => name),
);

const codecOf = (name: DhcpOptionName): Codec<unknown> => DHCP_OPTIONS[name].codec as Codec<unknown>;

/** An option of a list, with the bytes that it takes. */
export interface PlacedOption {
  readonly option: DhcpOption;
  /** From the option's code. */
  readonly offset: number;
  readonly lengthBytes: number;
  readonly code?: number;
  readonly data?: Uint8Array;
}

/** The options from `start` on, and where what follows the end of the list begins; `undefined` where it has no end. */
export function readOptions(
  source: Uint8Array,
  start: number,
  end: number,
): { readonly options: readonly PlacedOption[]; readonly after: number | undefined } {
  const options: PlacedOption[] = [];
  for (let at = start; at < end; ) {
    const code = source[at] as number;
    if (code === END) return { options, after: at + 1 };
    if (code === PAD) {
      options.push({ option: { name: "pad" }, offset: at, lengthBytes: 1 });
      at += 1;
      continue;
    }
    const length = at + 1 < end ? (source[at + 1] as number) : undefined;
    if (length === undefined || at + 2 + length > end) {
      const data = source.subarray(at, end);
      options.push({ option: { name: "malformed", data }, offset: at, lengthBytes: data.length });
      break;
    }
    const data = source.subarray(at + 2, at + 2 + length);
    options.push({ option: typed(code, data), offset: at, lengthBytes: 2 + length, code, data });
    at += 2 + length;
  }
  return { options, after: undefined };
}

/** The option as a value, if writing the value gives the same data again. */
function typed(code: number, data: Uint8Array): DhcpOption {
  const name = NAME_OF.get(code);
  const value = name === undefined ? undefined : codecOf(name).decode(data);
  if (name === undefined || value === undefined) return { name: "unknown", code, data };
  const again = codecOf(name).encode(value, name);
  const same = again.length === data.length && again.every((byte, at) => byte === data[at]);
  return same ? ({ name, value } as DhcpOption) : { name: "unknown", code, data };
}

/** What data of an option means, also where it is not written as we would. */
export function readValue<Name extends DhcpOptionName>(
  name: Name,
  data: Uint8Array,
): DhcpOptionValue<Name> | undefined {
  return codecOf(name).decode(data) as DhcpOptionValue<Name> | undefined;
}

/** The bytes of an option; data of more than 255 bytes as several (RFC 3396 §5). @throws {TypeError | RangeError} */
export function encodeOption(option: DhcpOption, where: string): Uint8Array {
  if (typeof option !== "object" || option === null) throw wrong(where, "an option", option);
  if (option.name === "pad") return Uint8Array.of(PAD);
  if (option.name === "malformed") return bytesOrNone(`${where}.data`, option.data);
  const [code, data] =
    option.name === "unknown"
      ? [uint(`${where}.code`, option.code, 8), bytesOrNone(`${where}.data`, option.data)]
      : [codeOf(option.name, where), codecOf(option.name).encode(option.value, `${where}.${option.name}`)];
  if (code === PAD || code === END) {
    throw new RangeError(`${where}.code: expected 1 … 254, got ${code}`);
  }
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += MAX_DATA) {
    const part = data.subarray(at, at + MAX_DATA);
    parts.push(Uint8Array.of(code, part.length), part);
  }
  return concatBytes(parts);
}

function codeOf(name: string, where: string): number {
  if (Object.hasOwn(DHCP_OPTIONS, name)) return DHCP_OPTIONS[name as DhcpOptionName].code;
  const known = [...Object.keys(DHCP_OPTIONS), "pad", "unknown", "malformed"].join(", ");
  throw wrong(`${where}.name`, `one of ${known}`, name);
}
