/** What the encoders share: fields that are checked and named in errors, and bytes put together. */
import { toHex } from "../bytes/index.ts";

/** Names a value for people, or in an error message. */
export function describe(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? `${value.slice(0, 60)}…` : value;
  if (value instanceof Uint8Array) {
    if (value.length === 0) return "no bytes";
    return value.length > 32 ? `${toHex(value.subarray(0, 32))}… (${value.length} bytes)` : toHex(value);
  }
  if (Array.isArray(value)) return value.map(describe).join(", ");
  if (typeof value === "object" && value !== null) {
    const own = value.constructor !== Object && typeof value.toString === "function";
    return own ? String(value) : JSON.stringify(value);
  }
  return String(value);
}

/**
 * Passes an unsigned integer of `width` bits on, 32 at most.
 * @param where the field, as `"ipv4.ttl"`
 * @throws {TypeError | RangeError} that names the field
 */
export function uint(where: string, value: unknown, width: number): number {
  const max = 0xffffffff >>> (32 - width);
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
  const message = `${where}: expected an integer 0 … ${max}, got ${describe(value)}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

/** Passes a boolean on; a field that is left out is false. @throws {TypeError} */
export function flag(where: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw new TypeError(`${where}: expected true or false, got ${describe(value)}`);
}

/** Passes bytes on; none where they are left out. @throws {TypeError} */
export function bytesOrNone(where: string, value: unknown): Uint8Array {
  if (value === undefined) return NONE;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`${where}: expected a Uint8Array, got ${describe(value)}`);
}

/** Checks that an encoder was given an object. @throws {TypeError} */
export function checkFields(protocol: string, fields: unknown): void {
  if (typeof fields === "object" && fields !== null) return;
  throw new TypeError(`${protocol}: expected an object of fields, got ${describe(fields)}`);
}

const NONE = new Uint8Array(0);

/** Puts a 16-bit field in network order. */
export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Puts a 32-bit field in network order. */
export function put32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
