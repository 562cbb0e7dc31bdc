/** Argument checks of this folder: the wrong type is a TypeError, a number out of range a RangeError. */

/** Names a value for a message: its type, and what it holds where that is short. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "object") return value.constructor?.name ?? "an object";
  if (typeof value === "function") return "a function";
  return `${typeof value} ${String(value)}`;
}

/** @throws {TypeError} when `value` is not a string */
export function checkString(name: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, got ${show(value)}`);
}

/**
 * @throws {TypeError} when `value` is not a number
 * @throws {RangeError} when it is not an integer from `min` to `max`
 */
export function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be an integer from ${min} to ${max}, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
}

/**
 * @throws {TypeError} when `value` is not a Uint8Array
 * @throws {RangeError} when it has another length
 */
export function checkBytes(name: string, value: unknown, length: number): void {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${name} must be a Uint8Array of ${length} bytes, got ${show(value)}`);
  }
  if (value.length !== length) throw new RangeError(`${name} must hold ${length} bytes, got ${value.length}`);
}

/** Sorts two numbers, as `Array.prototype.sort` wants it. */
export function order(a: number, b: number): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
