/** IPv4 options, RFC 791 §3.1, and Router Alert, RFC 2113. */
import { Ipv4Addr } from "../ip/index.ts";
import { describe, uint } from "./_encode.ts";
import {
  type Body,
  optionNodes,
  type Placed,
  type PlainOption,
  readOptions,
  writeOptions,
} from "./_options.ts";
import { type TreeNode, u16, u32 } from "./_pdu.ts";

// Kinds with their copied flag and class, IANA "IP Option Numbers".
const RECORD_ROUTE = 7;
const TIMESTAMP = 68;
const SECURITY = 130;
const LOOSE_SOURCE_ROUTE = 131;
const STREAM_ID = 136;
const STRICT_SOURCE_ROUTE = 137;
const ROUTER_ALERT = 148;

const ROUTES: Readonly<Record<number, RouteOption["name"]>> = {
  [RECORD_ROUTE]: "recordRoute",
  [LOOSE_SOURCE_ROUTE]: "looseSourceRoute",
  [STRICT_SOURCE_ROUTE]: "strictSourceRoute",
};
const ROUTE_KINDS: Readonly<Record<string, number>> = {
  recordRoute: RECORD_ROUTE,
  looseSourceRoute: LOOSE_SOURCE_ROUTE,
  strictSourceRoute: STRICT_SOURCE_ROUTE,
};

/** Addresses that are given or gathered on the way. */
export interface RouteOption {
  readonly name: "recordRoute" | "looseSourceRoute" | "strictSourceRoute";
  /** The place of the next address, the option's first byte being 1: 4 for the first; past the end when all are used. */
  readonly pointer: number;
  readonly addrs: readonly Ipv4Addr[];
}

/** A stamp, in milliseconds since midnight UTC, or in another unit where its highest bit is set. */
export interface Ipv4Timestamp {
  /** Whose stamp it is; none where the option's `flag` is 0. */
  readonly addr?: Ipv4Addr | undefined;
  readonly timestamp: number;
}

export interface TimestampOption {
  readonly name: "timestamp";
  /** The place of the next stamp, the option's first byte being 1: 5 for the first. */
  readonly pointer: number;
  /** How many hosts found no room. */
  readonly overflow: number;
  /** 0: stamps only; 1: each with the address of who made it; 3: only by the addresses that the sender has given. */
  readonly flag: 0 | 1 | 3;
  readonly entries: readonly Ipv4Timestamp[];
}

/** One option. */
export type Ipv4Option =
  | PlainOption
  | RouteOption
  | TimestampOption
  /** RFC 1108, kept as bytes. */
  | { readonly name: "security"; readonly data: Uint8Array }
  | { readonly name: "streamId"; readonly id: number }
  /** RFC 2113: 0 asks every router to look at the packet. */
  | { readonly name: "routerAlert"; readonly value: number };

type KnownOption = Exclude<Ipv4Option, PlainOption>;

function readRoute(name: RouteOption["name"], bytes: Uint8Array, start: number, end: number) {
  if (end - start < 1 || (end - start - 1) % 4 !== 0) return undefined;
  const addrs: Ipv4Addr[] = [];
  for (let at = start + 1; at < end; at += 4) addrs.push(Ipv4Addr.fromU32(u32(bytes, at)));
  return { name, pointer: bytes[start] as number, addrs };
}

function readTimestamp(bytes: Uint8Array, start: number, end: number): TimestampOption | undefined {
  if (end - start < 2) return undefined;
  const second = bytes[start + 1] as number;
  const flag = second & 0x0f;
  if (flag !== 0 && flag !== 1 && flag !== 3) return undefined;
  const step = flag === 0 ? 4 : 8;
  if ((end - start - 2) % step !== 0) return undefined;
  const entries: Ipv4Timestamp[] = [];
  for (let at = start + 2; at < end; at += step) {
    const timestamp = u32(bytes, at + step - 4);
    entries.push(flag === 0 ? { timestamp } : { addr: Ipv4Addr.fromU32(u32(bytes, at)), timestamp });
  }
  return { name: "timestamp", pointer: bytes[start] as number, overflow: second >>> 4, flag, entries };
}

function readBody(bytes: Uint8Array, kind: number, start: number, end: number): KnownOption | undefined {
  const length = end - start;
  const route = ROUTES[kind];
  if (route) return readRoute(route, bytes, start, end);
  switch (kind) {
    case TIMESTAMP:
      return readTimestamp(bytes, start, end);
    case SECURITY:
      return { name: "security", data: bytes.subarray(start, end) };
    case STREAM_ID:
      return length === 2 ? { name: "streamId", id: u16(bytes, start) } : undefined;
    case ROUTER_ALERT:
      return length === 2 ? { name: "routerAlert", value: u16(bytes, start) } : undefined;
    default:
      return undefined;
  }
}

function address(where: string, value: unknown): Uint8Array {
  if (value instanceof Ipv4Addr) return value.toBytes();
  throw new TypeError(`${where}: expected an Ipv4Addr, got ${describe(value)}`);
}

function list(where: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`${where}: expected an array, got ${describe(value)}`);
}

const bytes16 = (value: number): readonly number[] => [value >>> 8, value & 0xff];
const bytes32 = (value: number): readonly number[] => [...bytes16(value >>> 16), ...bytes16(value & 0xffff)];

function writeTimestamp({ pointer, overflow, flag, entries }: TimestampOption, where: string): Body {
  if (flag !== 0 && flag !== 1 && flag !== 3) {
    throw new RangeError(`${where}.flag: expected 0, 1 or 3, got ${describe(flag)}`);
  }
  const data = [
    uint(`${where}.pointer`, pointer ?? 5, 8),
    (uint(`${where}.overflow`, overflow ?? 0, 4) << 4) | flag,
  ];
  for (const [index, entry] of list(`${where}.entries`, entries).entries()) {
    const { addr, timestamp } = entry as Ipv4Timestamp;
    if (flag !== 0) data.push(...address(`${where}.entries[${index}].addr`, addr));
    data.push(...bytes32(uint(`${where}.entries[${index}].timestamp`, timestamp, 32)));
  }
  return { kind: TIMESTAMP, data };
}

function writeBody(option: KnownOption, where: string): Body | undefined {
  switch (option.name) {
    case "recordRoute":
    case "looseSourceRoute":
    case "strictSourceRoute": {
      const addrs = list(`${where}.addrs`, option.addrs);
      const data = addrs.flatMap((addr, index) => Array.from(address(`${where}.addrs[${index}]`, addr)));
      const pointer = uint(`${where}.pointer`, option.pointer ?? 4, 8);
      return { kind: ROUTE_KINDS[option.name] as number, data: [pointer, ...data] };
    }
    case "timestamp":
      return writeTimestamp(option, where);
    case "security":
      if (!(option.data instanceof Uint8Array)) {
        throw new TypeError(`${where}.data: expected a Uint8Array, got ${describe(option.data)}`);
      }
      return { kind: SECURITY, data: option.data };
    case "streamId":
      return { kind: STREAM_ID, data: bytes16(uint(`${where}.id`, option.id, 16)) };
    case "routerAlert":
      return { kind: ROUTER_ALERT, data: bytes16(uint(`${where}.value`, option.value, 16)) };
    default:
      return undefined;
  }
}

function placed(bytes: Uint8Array, start: number, end: number): readonly Placed<Ipv4Option>[] {
  return readOptions<Ipv4Option>(bytes, start, end, readBody);
}

/** Reads the options from `start` to `end`. It never throws. */
export function decodeIpv4Options(bytes: Uint8Array, start: number, end: number): readonly Ipv4Option[] {
  if (start === end) return NONE;
  return placed(bytes, start, end).map(({ option }) => option);
}

const NONE: readonly Ipv4Option[] = [];

/** @throws {TypeError | RangeError} that names the option */
export function encodeIpv4Options(options: readonly Ipv4Option[]): Uint8Array {
  return writeOptions<KnownOption>("ipv4.options", options, writeBody);
}

const LABELS: Readonly<Record<Ipv4Option["name"], string>> = {
  end: "End of Option List",
  nop: "No Operation",
  unknown: "Unknown option",
  padding: "Padding",
  malformed: "Malformed",
  recordRoute: "Record Route",
  looseSourceRoute: "Loose Source and Record Route",
  strictSourceRoute: "Strict Source and Record Route",
  timestamp: "Internet Timestamp",
  security: "Security",
  streamId: "Stream ID",
  routerAlert: "Router Alert",
};

function optionText(option: Ipv4Option): string {
  switch (option.name) {
    case "end":
    case "nop":
      return "";
    case "unknown":
      return `kind ${option.kind}, ${describe(option.data)}`;
    case "padding":
    case "malformed":
    case "security":
      return describe(option.data);
    case "recordRoute":
    case "looseSourceRoute":
    case "strictSourceRoute":
      return `${option.addrs.join(", ")} (pointer ${option.pointer})`;
    case "timestamp": {
      const stamps = option.entries.map(({ addr, timestamp }) => (addr ? `${addr} ${timestamp}` : timestamp));
      return `${stamps.join(", ")} (pointer ${option.pointer}, overflow ${option.overflow}, flag ${option.flag})`;
    }
    case "streamId":
      return String(option.id);
    case "routerAlert":
      return String(option.value);
  }
}

/** The options as nodes of the header's tree. */
export function ipv4OptionNodes(bytes: Uint8Array, start: number, end: number): readonly TreeNode[] {
  return optionNodes(placed(bytes, start, end), ({ name }) => LABELS[name], optionText);
}
