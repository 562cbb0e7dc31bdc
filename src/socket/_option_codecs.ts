/** How the values of socket options lie in the kernel's bytes: numbers, booleans, names, flags, texts. */

/** Reads one type of value. */
export interface Decoder<T> {
  /** Room for the kernel's answer. */
  readonly size: number;
  /** The type for people. */
  readonly values: string;
  readonly names?: Readonly<Record<string, number>>;
  /** @param bytes as many as the kernel filled, and not to be kept */
  decode(bytes: Uint8Array): T;
}

/** Reads and writes one type of value. */
export interface Codec<T, W = T> extends Decoder<T> {
  /**
   * @param name the option's, for the messages
   * @returns bytes that are only to be read, and only until the next call
   */
  encode(value: W, name: string): Uint8Array;
}

export const INT_MAX = 0x7fffffff;

const TRUE = Uint8Array.of(1, 0, 0, 0);
const FALSE = new Uint8Array(4);
const intCell = new Int32Array(1);
const intBytes = new Uint8Array(intCell.buffer);

/** Some options answer an int's question with one byte. Without a DataView, whose making takes longer than the call. */
export function readInt(bytes: Uint8Array): number {
  const low = bytes[0] ?? 0;
  return bytes.length < 4 ? low : low | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24);
}

export function writeInt(value: number): Uint8Array {
  intCell[0] = value;
  return intBytes;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "an object";
  return String(value);
}

export function wrongType(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name}: expected ${expected}, got ${show(value)}`);
}

/** @throws {TypeError | RangeError} */
export function checkWhole(name: string, value: unknown, min: number, max: number, unit: string): number {
  if (typeof value !== "number") throw wrongType(name, `a number (${unit})`, value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name}: expected a whole number from ${min} to ${max} (${unit}), got ${value}`);
  }
  return value;
}

export const bool: Codec<boolean> = {
  size: 4,
  values: "boolean",
  decode: (bytes) => readInt(bytes) !== 0,
  encode(value, name) {
    if (typeof value !== "boolean") throw wrongType(name, "true or false", value);
    return value ? TRUE : FALSE;
  },
};

/** An int, or an unsigned int where `max` is beyond INT_MAX. */
export function integer(min: number, max: number, unit: string): Codec<number> {
  return {
    size: 4,
    values: max >= INT_MAX ? unit : `${unit}, ${min} to ${max}`,
    decode: (bytes) => (max > INT_MAX ? readInt(bytes) >>> 0 : readInt(bytes)),
    encode: (value, name) => writeInt(checkWhole(name, value, min, max, unit) | 0),
  };
}

export const int: Codec<number> = integer(-INT_MAX - 1, INT_MAX, "number");
export const u32: Codec<number> = integer(0, 0xffffffff, "number");
export const octet: Codec<number> = integer(0, 255, "number");
export const count: Codec<number> = integer(0, INT_MAX, "number");
export const bytesCount: Codec<number> = integer(0, INT_MAX, "bytes");
export const seconds: Codec<number> = integer(0, INT_MAX, "seconds");
export const milliseconds: Codec<number> = integer(0, INT_MAX, "milliseconds");
export const microseconds: Codec<number> = integer(0, INT_MAX, "microseconds");
export const hops: Codec<number> = integer(1, 255, "hops");

/** An int of which one value, `none`, stands for nothing; that is `undefined` here. */
export function optional(codec: Codec<number>, none: number): Codec<number | undefined> {
  return {
    size: 4,
    values: `${codec.values}; or undefined`,
    decode(bytes) {
      const value = readInt(bytes);
      return value === none ? undefined : value;
    },
    encode: (value, name) => (value === undefined ? writeInt(none) : codec.encode(value, name)),
  };
}

export const u64: Decoder<bigint> = {
  size: 8,
  values: "bigint",
  decode: (bytes) => viewOf(bytes).getBigUint64(0, true),
};

/** One of the names, or the kernel's number where it has none here. */
export function named<const N extends Record<string, number>>(names: N): Codec<(keyof N & string) | number> {
  const byNumber = new Map(Object.entries(names).map(([name, number]) => [number, name as keyof N & string]));
  const list = Object.keys(names).map(show);
  return {
    size: 4,
    values: list.join(" | "),
    names,
    decode(bytes) {
      const number = readInt(bytes);
      return byNumber.get(number) ?? number;
    },
    encode(value, name) {
      if (typeof value === "number")
        return writeInt(checkWhole(name, value, -INT_MAX - 1, INT_MAX, "an int"));
      if (typeof value !== "string" || !Object.hasOwn(names, value)) {
        throw wrongType(name, `one of ${list.join(", ")}, or a number`, value);
      }
      return writeInt(names[value] as number);
    },
  };
}

/** Any of the names together; a bit that has none here is its number. */
export function flags<const N extends Record<string, number>>(
  names: N,
): Codec<readonly ((keyof N & string) | number)[]> {
  const list = Object.keys(names).map(show);
  const known = Object.entries(names) as [keyof N & string, number][];
  return {
    size: 4,
    values: `array of ${list.join(" | ")}`,
    names,
    decode(bytes) {
      const set = readInt(bytes);
      const found: ((keyof N & string) | number)[] = [];
      for (let i = 0; i < 32; i++) {
        const bit = (1 << i) >>> 0;
        if ((set & bit) !== 0) found.push(known.find(([, value]) => value === bit)?.[0] ?? bit);
      }
      return found;
    },
    encode(value, name) {
      if (!Array.isArray(value)) throw wrongType(name, "an array of names", value);
      let set = 0;
      for (const one of value as readonly unknown[]) {
        if (typeof one === "number") set |= checkWhole(name, one, 0, 0xffffffff, "flags");
        else if (typeof one === "string" && Object.hasOwn(names, one)) set |= names[one] as number;
        else throw wrongType(name, `only ${list.join(", ")}, or numbers, in the array`, one);
      }
      return writeInt(set);
    },
  };
}

/** A text that ends with a NUL, where it is shorter than the room for it. */
export function text(size: number): Codec<string> {
  return {
    size,
    values: "string",
    decode(bytes) {
      const end = bytes.indexOf(0);
      return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
    },
    encode(value, name) {
      if (typeof value !== "string") throw wrongType(name, "a string", value);
      const bytes = new TextEncoder().encode(value);
      if (bytes.length >= size || value.includes("\0")) {
        throw new RangeError(
          `${name}: expected at most ${size - 1} bytes without NUL, got ${JSON.stringify(value)}`,
        );
      }
      return bytes;
    },
  };
}

/** Bytes as they are. */
export function byteString(max: number, lengths?: readonly number[]): Codec<Uint8Array> {
  const expected = lengths === undefined ? `at most ${max}` : lengths.join(" or ");
  return {
    size: max,
    values: `Uint8Array, ${expected} bytes`,
    decode: (bytes) => bytes.slice(),
    encode(value, name) {
      if (!(value instanceof Uint8Array)) throw wrongType(name, "a Uint8Array", value);
      if (value.length > max || lengths?.includes(value.length) === false) {
        throw new RangeError(`${name}: expected ${expected} bytes, got ${value.length}`);
      }
      return value;
    },
  };
}

/** The values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER: IP_PMTUDISC_… of linux/in.h. */
export const pathMtuDiscovery = named({ dont: 0, want: 1, do: 2, probe: 3, interface: 4, omit: 5 });
