/** TCP options, RFC 9293 §3.1 and the RFCs named at their kinds. */
import { describe, put16, put32, uint } from "./_encode.ts";
import { type Body, type Placed, type PlainOption, readOptions, writeOptions } from "./_options.ts";
import { u16, u32 } from "./_pdu.ts";

// Kinds, IANA "TCP Option Kind Numbers".
const MSS = 2; // RFC 9293 §3.7.1
const WINDOW_SCALE = 3; // RFC 7323 §2.2
const SACK_PERMITTED = 4; // RFC 2018 §2
const SACK = 5; // RFC 2018 §3
const TIMESTAMPS = 8; // RFC 7323 §3.2
const MD5 = 19; // RFC 2385 §3.0
const USER_TIMEOUT = 28; // RFC 5482 §3.2
const AUTHENTICATION = 29; // RFC 5925 §2.2
const MPTCP = 30; // RFC 8684 §3
const FAST_OPEN = 34; // RFC 7413 §4.1.1
const EXPERIMENT_2 = 254; // RFC 6994 §3
/** Fast Open's experiment identifier, from before it had a kind of its own, RFC 7413 §7. */
const FAST_OPEN_EXID = 0xf989;

/** What has come beyond the acknowledged bytes: from `left` up to, but without, `right`. */
export interface SackBlock {
  readonly left: number;
  readonly right: number;
}

/** One option. */
export type TcpOption =
  | PlainOption
  /** The largest segment that the sender takes, in bytes. */
  | { readonly name: "mss"; readonly value: number }
  /** By how many bits the sender's windows are to be shifted to the left: 0 … 14. */
  | { readonly name: "windowScale"; readonly shift: number }
  | { readonly name: "sackPermitted" }
  | { readonly name: "sack"; readonly blocks: readonly SackBlock[] }
  /** TSval and TSecr. */
  | { readonly name: "timestamps"; readonly value: number; readonly echoReply: number }
  /** Of 16 bytes. */
  | { readonly name: "md5"; readonly digest: Uint8Array }
  /** The user timeout, 0 … 32767, in the unit that `granularity` tells. */
  | { readonly name: "userTimeout"; readonly granularity: "seconds" | "minutes"; readonly value: number }
  | {
      readonly name: "authentication";
      readonly keyId: number;
      readonly nextKeyId: number;
      readonly mac: Uint8Array;
    }
  /** Multipath TCP: `subtype` 0 … 15, `nibble` the four bits behind it (version or flags), `data` the bytes behind these. */
  | {
      readonly name: "mptcp";
      readonly subtype: number;
      readonly nibble: number;
      readonly data: Uint8Array;
    }
  /** An empty cookie asks for one. `experimental` where it came as an option of kind 254. */
  | {
      readonly name: "fastOpen";
      readonly cookie: Uint8Array;
      readonly experimental?: boolean | undefined;
    };

export type KnownTcpOption = Exclude<TcpOption, PlainOption>;

function readSack(bytes: Uint8Array, start: number, end: number): KnownTcpOption | undefined {
  if ((end - start) % 8 !== 0) return undefined;
  const blocks: SackBlock[] = [];
  for (let at = start; at < end; at += 8) blocks.push({ left: u32(bytes, at), right: u32(bytes, at + 4) });
  return { name: "sack", blocks };
}

function readBody(bytes: Uint8Array, kind: number, start: number, end: number): KnownTcpOption | undefined {
  const length = end - start;
  switch (kind) {
    case MSS:
      return length === 2 ? { name: "mss", value: u16(bytes, start) } : undefined;
    case WINDOW_SCALE:
      return length === 1 ? { name: "windowScale", shift: bytes[start] as number } : undefined;
    case SACK_PERMITTED:
      return length === 0 ? { name: "sackPermitted" } : undefined;
    case SACK:
      return readSack(bytes, start, end);
    case TIMESTAMPS:
      if (length !== 8) return undefined;
      return { name: "timestamps", value: u32(bytes, start), echoReply: u32(bytes, start + 4) };
    case MD5:
      return length === 16 ? { name: "md5", digest: bytes.subarray(start, end) } : undefined;
    case USER_TIMEOUT: {
      if (length !== 2) return undefined;
      const word = u16(bytes, start);
      const granularity = word & 0x8000 ? "minutes" : "seconds";
      return { name: "userTimeout", granularity, value: word & 0x7fff };
    }
    case AUTHENTICATION: {
      if (length < 2) return undefined;
      const [keyId, nextKeyId] = [bytes[start] as number, bytes[start + 1] as number];
      return { name: "authentication", keyId, nextKeyId, mac: bytes.subarray(start + 2, end) };
    }
    case MPTCP: {
      if (length < 1) return undefined;
      const first = bytes[start] as number;
      return {
        name: "mptcp",
        subtype: first >>> 4,
        nibble: first & 15,
        data: bytes.subarray(start + 1, end),
      };
    }
    case FAST_OPEN:
      return { name: "fastOpen", cookie: bytes.subarray(start, end) };
    case EXPERIMENT_2:
      if (length < 2 || u16(bytes, start) !== FAST_OPEN_EXID) return undefined;
      return { name: "fastOpen", cookie: bytes.subarray(start + 2, end), experimental: true };
    default:
      return undefined;
  }
}

function bytesOf(where: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`${where}: expected a Uint8Array, got ${describe(value)}`);
}

/** The body of an option of some bytes, with numbers of 16 and 32 bits put at their places. */
function numbers(width: 16 | 32, ...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((values.length * width) / 8);
  for (const [index, value] of values.entries()) {
    if (width === 16) put16(bytes, index * 2, value);
    else put32(bytes, index * 4, value);
  }
  return bytes;
}

function writeSack(blocks: readonly SackBlock[], where: string): Body {
  if (!Array.isArray(blocks)) {
    throw new TypeError(`${where}.blocks: expected an array, got ${describe(blocks)}`);
  }
  const edges = blocks.flatMap((block: SackBlock, index) => [
    uint(`${where}.blocks[${index}].left`, block?.left, 32),
    uint(`${where}.blocks[${index}].right`, block?.right, 32),
  ]);
  return { kind: SACK, data: numbers(32, ...edges) };
}

function userTimeout(option: KnownTcpOption & { name: "userTimeout" }, where: string): number {
  const { granularity, value } = option;
  if (granularity !== "seconds" && granularity !== "minutes") {
    throw new TypeError(
      `${where}.granularity: expected "seconds" or "minutes", got ${describe(granularity)}`,
    );
  }
  return (granularity === "minutes" ? 0x8000 : 0) | uint(`${where}.value`, value, 15);
}

function writeBody(option: KnownTcpOption, where: string): Body | undefined {
  switch (option.name) {
    case "mss":
      return { kind: MSS, data: numbers(16, uint(`${where}.value`, option.value, 16)) };
    case "windowScale":
      return { kind: WINDOW_SCALE, data: [uint(`${where}.shift`, option.shift, 8)] };
    case "sackPermitted":
      return { kind: SACK_PERMITTED, data: [] };
    case "sack":
      return writeSack(option.blocks, where);
    case "timestamps": {
      const value = uint(`${where}.value`, option.value, 32);
      return {
        kind: TIMESTAMPS,
        data: numbers(32, value, uint(`${where}.echoReply`, option.echoReply, 32)),
      };
    }
    case "md5": {
      const digest = bytesOf(`${where}.digest`, option.digest);
      if (digest.length !== 16) {
        throw new RangeError(`${where}.digest: expected 16 bytes, got ${digest.length}`);
      }
      return { kind: MD5, data: digest };
    }
    case "userTimeout":
      return { kind: USER_TIMEOUT, data: numbers(16, userTimeout(option, where)) };
    case "authentication": {
      const keys = [uint(`${where}.keyId`, option.keyId, 8), uint(`${where}.nextKeyId`, option.nextKeyId, 8)];
      return { kind: AUTHENTICATION, data: [...keys, ...bytesOf(`${where}.mac`, option.mac)] };
    }
    case "mptcp": {
      const first =
        (uint(`${where}.subtype`, option.subtype, 4) << 4) | uint(`${where}.nibble`, option.nibble, 4);
      return { kind: MPTCP, data: [first, ...bytesOf(`${where}.data`, option.data)] };
    }
    case "fastOpen": {
      const cookie = bytesOf(`${where}.cookie`, option.cookie);
      if (!option.experimental) return { kind: FAST_OPEN, data: cookie };
      return { kind: EXPERIMENT_2, data: [...numbers(16, FAST_OPEN_EXID), ...cookie] };
    }
    default:
      return undefined;
  }
}

/** Reads the options from `start` to `end`, with their places. It never throws. */
export function placedTcpOptions(
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly Placed<TcpOption>[] {
  return readOptions<TcpOption>(bytes, start, end, readBody);
}

const NONE: readonly TcpOption[] = [];

/** Reads the options from `start` to `end`. It never throws. */
export function decodeTcpOptions(bytes: Uint8Array, start: number, end: number): readonly TcpOption[] {
  if (start === end) return NONE;
  return placedTcpOptions(bytes, start, end).map(({ option }) => option);
}

/** @throws {TypeError | RangeError} that names the option */
export function encodeTcpOptions(options: readonly TcpOption[]): Uint8Array {
  return writeOptions<KnownTcpOption>("tcp.options", options, writeBody);
}
