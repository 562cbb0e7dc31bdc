/** What an argument must be to be handed to C at all; what C could express is left to the kernel to judge. */

/** Where C has a pointer to a number or a text that is filled, or both read and filled: `socklen_t *`, `int *`, `char *`. */
export interface pointer<T> {
  value: T;
}

/** As in a message, what came. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return String(value);
}

/** A whole number `min` … `max`. */
export function whole(name: string, value: number, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  const message = `${name}: expected a whole number from ${min} to ${max}, got ${show(value)}`;
  throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
}

/** C's `int`; an unsigned one becomes the `int` of the same bits, as a flag in the highest bit does in C. */
export function int(name: string, value: number): number {
  return (value | 0) === value ? value : whole(name, value, -(2 ** 31), 2 ** 32 - 1) | 0;
}

/** The length that C calls `socklen_t`, which the kernel takes for an `int`. */
export function socklen(name: string, value: number): number {
  return whole(name, value, 0, 2 ** 31 - 1);
}

/** Text for C, which ends at a NUL. */
export function text(name: string, value: string): string {
  if (typeof value !== "string") throw new TypeError(`${name}: expected a string, got ${show(value)}`);
  if (value.includes("\0")) throw new RangeError(`${name}: expected no NUL in it, got ${show(value)}`);
  return value;
}

const prototype: object = Object.getPrototypeOf(Uint8Array.prototype);
type Getter<T> = (this: Uint8Array) => T;
const getter = <T>(key: PropertyKey): Getter<T> =>
  Object.getOwnPropertyDescriptor(prototype, key)?.get as Getter<T>;
const kindOf = getter<string | undefined>(Symbol.toStringTag);
const lengthOf = getter<number>("byteLength");
const offsetOf = getter<number>("byteOffset");
const bufferOf = getter<ArrayBuffer>("buffer");

/** Whether it is a Uint8Array: one of the engine's own making, whatever its prototype says. */
export function isBytes(value: unknown): value is Uint8Array {
  return typeof value === "object" && value !== null && kindOf.call(value as Uint8Array) === "Uint8Array";
}

/**
 * The first `length` bytes of a buffer, or all of it. A `length` property that somebody has defined on it counts for
 * nothing: C would believe it.
 */
export function bytes(name: string, value: Uint8Array, length?: number): Uint8Array {
  if (!isBytes(value)) throw new TypeError(`${name}: expected a Uint8Array, got ${show(value)}`);
  const room = lengthOf.call(value);
  const count = length === undefined ? room : whole(`length of ${name}`, length, 0, room);
  if (count === room && value.length === room && Object.getPrototypeOf(value) === Uint8Array.prototype) {
    return value;
  }
  return new Uint8Array(bufferOf.call(value), offsetOf.call(value), count);
}

/** An object that a call will fill: that it can be is tried out before the call is made, which may not be undone. */
export function fillable<T extends object>(name: string, value: T, keys: readonly (keyof T)[]): T {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${name}: expected an object, got ${show(value)}`);
  }
  for (const key of keys) {
    if (key in value) {
      const present = value[key];
      value[key] = present; // throws where it is frozen
    } else if (!Object.isExtensible(value)) {
      throw new TypeError(`${name}: expected an object that can be filled, got one that is frozen`);
    }
  }
  return value;
}

/** An array of which the first elements will be filled, `int fds[2]`. */
export function fillableArray<T>(name: string, value: T[], ...indices: number[]): T[] {
  if (!Array.isArray(value)) throw new TypeError(`${name}: expected an array to fill, got ${show(value)}`);
  return fillable(name, value, indices);
}
