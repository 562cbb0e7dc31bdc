/** Options of IPv6's hop-by-hop and destination options headers, RFC 8200 §4.2. */
import { describe, uint } from "./_encode.ts";
import { u16, u32 } from "./_pdu.ts";

// IANA "Destination Options and Hop-by-Hop Options".
const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 0x05;
const JUMBO_PAYLOAD = 0xc2;

/** One option. */
export type Ipv6Option =
  /** Filler of one byte. */
  | { readonly name: "pad1" }
  /** Filler of two bytes and more; left out where only the least padding up to a multiple of eight bytes follows. */
  | { readonly name: "padN"; readonly data: Uint8Array }
  /** RFC 2711: 0 is multicast listener discovery. */
  | { readonly name: "routerAlert"; readonly value: number }
  /** RFC 2675: how long the payload of a packet is, in bytes, with the extensions, when that is more than 65535. */
  | { readonly name: "jumboPayload"; readonly length: number }
  /** Of a type that we do not know, or with a body that its type does not have. */
  | { readonly name: "unknown"; readonly kind: number; readonly data: Uint8Array }
  /** What does not read as options, up to the end. */
  | { readonly name: "malformed"; readonly data: Uint8Array };

function readOption(bytes: Uint8Array, kind: number, start: number, end: number): Ipv6Option {
  const length = end - start;
  if (kind === PADN) return { name: "padN", data: bytes.subarray(start, end) };
  if (kind === ROUTER_ALERT && length === 2) return { name: "routerAlert", value: u16(bytes, start) };
  if (kind === JUMBO_PAYLOAD && length === 4) return { name: "jumboPayload", length: u32(bytes, start) };
  return { name: "unknown", kind, data: bytes.subarray(start, end) };
}

/** Reads the options from `start` to `end`. It never throws, and nothing is lost but the least padding. */
export function decodeIpv6Options(bytes: Uint8Array, start: number, end: number): readonly Ipv6Option[] {
  const options: Ipv6Option[] = [];
  let at = start;
  while (at < end) {
    const rest = end - at;
    if (rest < 8 && isLeastPadding(bytes, at, rest)) break;
    const kind = bytes[at] as number;
    if (kind === PAD1) {
      options.push({ name: "pad1" });
      at++;
      continue;
    }
    const next = rest > 1 ? at + 2 + (bytes[at + 1] as number) : end + 1;
    if (next > end) {
      options.push({ name: "malformed", data: bytes.subarray(at, end) });
      break;
    }
    options.push(readOption(bytes, kind, at + 2, next));
    at = next;
  }
  return options;
}

/** Whether `rest` bytes are as {@link encodeIpv6Options} fills up with. */
function isLeastPadding(bytes: Uint8Array, at: number, rest: number): boolean {
  if (rest === 1) return bytes[at] === PAD1;
  if (bytes[at] !== PADN || bytes[at + 1] !== rest - 2) return false;
  for (let i = at + 2; i < at + rest; i++) if (bytes[i] !== 0) return false;
  return true;
}

/**
 * The value of a jumbo payload option among those from `start` to `end`, and its place; undefined where there is none.
 */
export function findJumboPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly at: number; readonly length: number } | undefined {
  let at = start;
  while (at + 1 < end) {
    const kind = bytes[at] as number;
    if (kind === PAD1) {
      at++;
      continue;
    }
    const next = at + 2 + (bytes[at + 1] as number);
    if (kind === JUMBO_PAYLOAD && next === at + 6 && next <= end)
      return { at: at + 2, length: u32(bytes, at + 2) };
    at = next;
  }
  return undefined;
}

/**
 * Makes options, and fills them up: behind the two bytes of their header they end at a multiple of eight.
 * @param where the field, as `"ipv6.extensions[0].options"`
 * @throws {TypeError | RangeError} that names the option
 */
export function encodeIpv6Options(where: string, options: readonly Ipv6Option[]): Uint8Array {
  if (!Array.isArray(options)) throw new TypeError(`${where}: expected an array, got ${describe(options)}`);
  const bytes: number[] = [];
  for (const [index, option] of options.entries()) pushOption(bytes, `${where}[${index}]`, option);
  const missing = -(bytes.length + 2) & 7;
  if (missing === 1) bytes.push(PAD1);
  if (missing > 1) bytes.push(PADN, missing - 2, ...new Uint8Array(missing - 2));
  return Uint8Array.from(bytes);
}

function pushOption(bytes: number[], where: string, option: Ipv6Option): void {
  if (typeof option !== "object" || option === null) {
    throw new TypeError(`${where}: expected an option, got ${describe(option)}`);
  }
  switch (option.name) {
    case "pad1":
      bytes.push(PAD1);
      return;
    case "padN":
      pushBody(bytes, where, PADN, dataOf(where, option.data));
      return;
    case "routerAlert": {
      const value = uint(`${where}.value`, option.value, 16);
      bytes.push(ROUTER_ALERT, 2, value >>> 8, value & 0xff);
      return;
    }
    case "jumboPayload": {
      const value = uint(`${where}.length`, option.length, 32);
      bytes.push(JUMBO_PAYLOAD, 4, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
      return;
    }
    case "unknown": {
      if (uint(`${where}.kind`, option.kind, 8) === PAD1) {
        throw new RangeError(`${where}.kind: expected an integer 1 … 255, got 0`);
      }
      pushBody(bytes, where, option.kind, dataOf(where, option.data));
      return;
    }
    case "malformed":
      bytes.push(...dataOf(where, option.data));
      return;
    default:
      throw new TypeError(`${where}: there is no option ${describe((option as { name: unknown }).name)}`);
  }
}

function pushBody(bytes: number[], where: string, kind: number, data: Uint8Array): void {
  if (data.length > 255) throw new RangeError(`${where}: expected at most 255 bytes, got ${data.length}`);
  bytes.push(kind, data.length, ...data);
}

function dataOf(where: string, data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  throw new TypeError(`${where}.data: expected a Uint8Array, got ${describe(data)}`);
}

/** One option for people. */
export function ipv6OptionText(option: Ipv6Option): string {
  switch (option.name) {
    case "pad1":
      return "pad1";
    case "padN":
      return `padN ${option.data.length}`;
    case "routerAlert":
      return `router alert ${option.value}`;
    case "jumboPayload":
      return `jumbo payload ${option.length}`;
    case "unknown":
      return `option ${option.kind} ${describe(option.data)}`;
    case "malformed":
      return `malformed ${describe(option.data)}`;
  }
}
