/** How this folder says that a value does not fit: what was expected, and what came. */

/** Names a value in an error message: short, and telling its type. */
export function describe(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "object" && value !== null)
    return `an object (${value.constructor?.name ?? "no class"})`;
  return String(value);
}

/** A TypeError if what came is of another JavaScript type, else a RangeError. */
export function unfit(where: string, expected: string, value: unknown, wrongType: boolean): Error {
  const message = `${where}: expected ${expected}, got ${describe(value)}`;
  return wrongType ? new TypeError(message) : new RangeError(message);
}

/** Passes an integer `min` … `max` on. */
export function checkNumber(where: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw unfit(where, `an integer ${min} … ${max}`, value, typeof value !== "number");
}

/** Passes an integer `min` … `max` on as a bigint. A number is taken while it is a safe integer, where it is exact. */
export function checkBigInt(where: string, value: unknown, min: bigint, max: bigint): bigint {
  const big = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof big === "bigint" && big >= min && big <= max) return big;
  const expected = `an integer ${min} … ${max} (a bigint, or a safe integer)`;
  throw unfit(where, expected, value, typeof value !== "bigint" && typeof value !== "number");
}

/** Passes a Uint8Array on. */
export function checkBytes(where: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw unfit(where, "a Uint8Array", value, true);
}
