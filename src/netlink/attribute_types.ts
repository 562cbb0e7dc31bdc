/** The types that attributes have: integers, texts, addresses, structs, and attributes within attributes. */

import type { FieldType } from "../bytes/index.ts";
import { concatBytes } from "../bytes/index.ts";
import { type IpAddr, Ipv4Addr, Ipv6Addr } from "../ip/index.ts";
import { NLA_TYPE_MASK } from "./_constants.ts";
import { eachAttribute, encodeAttribute, get16, get32 } from "./attributes.ts";

/** How a kind of attribute stands in bytes. */
export interface AttributeType<T, Input = T> {
  /** Whether the attribute is marked with NLA_F_NESTED. */
  readonly nested?: boolean;
  /** The value of the bytes from `start` to `end`; `undefined` where they are no such value. */
  decode(bytes: Uint8Array, start: number, end: number): T | undefined;
  /** @param where what an error calls this place @throws {TypeError | RangeError} */
  encode(value: Input, where: string): Uint8Array;
}

function unfit(where: string, expected: string, value: unknown): Error {
  const message = `${where}: expected ${expected}, got ${String(value)}`;
  const number = typeof value === "number" || typeof value === "bigint";
  return number && expected.startsWith("an integer") ? new RangeError(message) : new TypeError(message);
}

function integer(size: 1 | 2 | 4, signed: boolean, bigEndian = false): AttributeType<number> {
  const span = 2 ** (8 * size);
  const min = signed ? -span / 2 : 0;
  const max = min + span - 1;
  const swap = (value: number): number => {
    if (size === 1) return value;
    const low = ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
    return size === 2 ? low : ((low << 16) | ((value >>> 24) & 0xff) | ((value >>> 8) & 0xff00)) >>> 0;
  };
  return {
    decode(bytes, start, end) {
      if (end - start !== size) return undefined;
      const native =
        size === 1 ? (bytes[start] as number) : size === 2 ? get16(bytes, start) : get32(bytes, start);
      const raw = bigEndian ? swap(native) : native;
      return raw > max ? raw - span : raw;
    },
    encode(value, where) {
      if (!Number.isInteger(value) || value < min || value > max) {
        throw unfit(where, `an integer ${min} … ${max}`, value);
      }
      const raw = value < 0 ? value + span : value;
      const bytes = Uint8Array.from({ length: size }, (_, at) => raw >>> (8 * at));
      return bigEndian ? bytes.reverse() : bytes;
    },
  };
}

export const u8: AttributeType<number> = integer(1, false);
export const u16: AttributeType<number> = integer(2, false);
export const u32: AttributeType<number> = integer(4, false);
export const s8: AttributeType<number> = integer(1, true);
export const s32: AttributeType<number> = integer(4, true);
/** In network order. */
export const be16: AttributeType<number> = integer(2, false, true);
/** In network order. */
export const be32: AttributeType<number> = integer(4, false, true);

function integer64(signed: boolean): AttributeType<bigint, bigint | number> {
  const [min, max] = signed ? [-(1n << 63n), (1n << 63n) - 1n] : [0n, (1n << 64n) - 1n];
  return {
    decode(bytes, start, end) {
      if (end - start !== 8) return undefined;
      const raw = BigInt(get32(bytes, start)) | (BigInt(get32(bytes, start + 4)) << 32n);
      return signed ? BigInt.asIntN(64, raw) : raw;
    },
    encode(value, where) {
      const big = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
      if (typeof big !== "bigint" || big < min || big > max) {
        throw unfit(where, `an integer ${min} … ${max}`, value);
      }
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, big), true);
      return bytes;
    },
  };
}

/** 64 bits, as bigint; safe integers are taken too. */
export const u64: AttributeType<bigint, bigint | number> = integer64(false);
/** 64 bits, signed, as bigint; safe integers are taken too. */
export const s64: AttributeType<bigint, bigint | number> = integer64(true);

/** An attribute that is there, or not: `true`. What data it has does not matter. */
export const flag: AttributeType<true, boolean> = {
  decode: () => true,
  encode(value, where) {
    if (value !== true) throw unfit(where, "true (leave it out for false)", value);
    return new Uint8Array(0);
  },
};

/** Any data, copied. */
export const binary: AttributeType<Uint8Array> = {
  decode: (bytes, start, end) => bytes.slice(start, end),
  encode(value, where) {
    if (!(value instanceof Uint8Array)) throw unfit(where, "a Uint8Array", value);
    return value;
  },
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Text that ends with a NUL, which not every kernel part sends. */
export const text: AttributeType<string> = {
  decode(bytes, start, end) {
    let stop = start;
    while (stop < end && bytes[stop] !== 0) stop++;
    // Names are ASCII and short: faster than a TextDecoder.
    let ascii = "";
    for (let at = start; at < stop; at++) {
      const byte = bytes[at] as number;
      if (byte > 0x7f || at - start > 64) return decoder.decode(bytes.subarray(start, stop));
      ascii += String.fromCharCode(byte);
    }
    return ascii;
  },
  encode(value, where) {
    if (typeof value !== "string") throw unfit(where, "a string", value);
    if (value.includes("\0")) throw new RangeError(`${where}: expected a text without NUL`);
    return encoder.encode(`${value}\0`);
  },
};

/** An IPv4 or IPv6 address, as its length tells. */
export const ip: AttributeType<IpAddr> = {
  decode(bytes, start, end) {
    if (end - start === 4) return ipv4At(bytes, start);
    return end - start === 16 ? Ipv6Addr.fromBytes(bytes.subarray(start, end)) : undefined;
  },
  encode(value, where) {
    if (value instanceof Ipv4Addr || value instanceof Ipv6Addr) return value.toBytes();
    throw unfit(where, "an Ipv4Addr or Ipv6Addr", value);
  },
};

function ipv4At(bytes: Uint8Array, at: number): Ipv4Addr {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return Ipv4Addr.fromU32(high * 0x1_0000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)));
}

/**
 * A struct. Longer data than the struct have grown at their end in a later kernel; shorter ones are of an earlier, and
 * leave out what they lack.
 */
export function structure<Value extends object, Input>(type: {
  readonly size: number;
  decode(bytes: Uint8Array, offset: number): Value;
  decodePrefix(bytes: Uint8Array): Partial<Value>;
  encode(value: Input): Uint8Array;
}): AttributeType<Partial<Value>, Input> {
  return {
    decode: (bytes, start, end) =>
      end - start < type.size ? type.decodePrefix(bytes.subarray(start, end)) : type.decode(bytes, start),
    encode: (value) => type.encode(value),
  };
}

/** As many values of a field type as the data have room for. */
export function listOf<Value, Input>(
  type: FieldType<Value, Input>,
): AttributeType<Value[], readonly Input[]> {
  return {
    decode(bytes, start, end) {
      if ((end - start) % type.size !== 0) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset, end);
      const values: Value[] = [];
      for (let at = start; at < end; at += type.size) values.push(type.read(view, at));
      return values;
    },
    encode(values, where) {
      if (!Array.isArray(values)) throw unfit(where, "an array", values);
      const bytes = new Uint8Array(values.length * type.size);
      const view = new DataView(bytes.buffer);
      for (const [at, value] of values.entries()) type.write(view, at * type.size, value, `${where}[${at}]`);
      return bytes;
    },
  };
}

/** Attributes of one type after another, whose numbers only count them: `nest` of `nest`. */
export function arrayOf<T, Input>(element: AttributeType<T, Input>): AttributeType<T[], readonly Input[]> {
  return {
    nested: true,
    decode(bytes, start, end) {
      const values: T[] = [];
      let good = true;
      eachAttribute(bytes, start, end, (_type, from, to) => {
        const value = element.decode(bytes, from, to);
        if (value === undefined) good = false;
        else values.push(value);
      });
      return good ? values : undefined;
    },
    encode(values, where) {
      if (!Array.isArray(values)) throw unfit(where, "an array", values);
      return concatBytes(
        values.map((value: Input, at) =>
          encodeAttribute({
            type: at + 1,
            data: element.encode(value, `${where}[${at}]`),
            ...(element.nested && { nested: true }),
          }),
        ),
      );
    },
  };
}

/** A nest whose attributes are numbered by what they are about, as operations by their command: from number to value. */
export function numbered<T, Input>(
  element: AttributeType<T, Input>,
): AttributeType<ReadonlyMap<number, T>, ReadonlyMap<number, Input>> {
  return {
    nested: true,
    decode(bytes, start, end) {
      const values = new Map<number, T>();
      let good = true;
      eachAttribute(bytes, start, end, (flagged, from, to) => {
        const value = element.decode(bytes, from, to);
        if (value === undefined) good = false;
        else values.set(flagged & NLA_TYPE_MASK, value);
      });
      return good ? values : undefined;
    },
    encode(values, where) {
      if (!(values instanceof Map)) throw unfit(where, "a Map", values);
      return concatBytes(
        [...(values as ReadonlyMap<number, Input>)].map(([type, value]) =>
          encodeAttribute({
            type,
            data: element.encode(value, `${where}[${type}]`),
            ...(element.nested && { nested: true }),
          }),
        ),
      );
    },
  };
}

/** A nest in which one attribute stands any number of times, as IFLA_PROP_LIST has IFLA_ALT_IFNAME. */
export function repeated<T, Input>(
  type: number,
  element: AttributeType<T, Input>,
): AttributeType<T[], readonly Input[]> {
  const { encode } = arrayOf(element);
  return {
    nested: true,
    decode(bytes, start, end) {
      const values: T[] = [];
      let good = true;
      eachAttribute(bytes, start, end, (flagged, from, to) => {
        const value = (flagged & NLA_TYPE_MASK) === type ? element.decode(bytes, from, to) : undefined;
        if (value === undefined) good = false;
        else values.push(value);
      });
      return good ? values : undefined;
    },
    encode(values, where) {
      const bytes = encode(values, where);
      eachAttribute(bytes, 0, bytes.length, (_type, from) => {
        bytes[from - 2] = type;
        bytes[from - 1] = ((bytes[from - 1] as number) & 0xc0) | (type >>> 8);
      });
      return bytes;
    },
  };
}
