/** The kernel's numbers as words, and back: enumerations and sets of flags. A number that has no word stays a number. */

/** Words for numbers. */
export interface Words<W extends string> {
  word(number: number): W | number;
  /** @param what what an error calls the value @throws {TypeError | RangeError} */
  number(value: W | number, what: string): number;
}

/** @param max the largest number that the field takes */
export function words<const R extends Readonly<Record<string, number>>>(
  rows: R,
  max: number,
): Words<keyof R & string> {
  const byNumber = new Map(Object.entries(rows).map(([word, number]) => [number, word as keyof R & string]));
  return {
    word: (number) => byNumber.get(number) ?? number,
    number(value, what) {
      if (typeof value === "string" && Object.hasOwn(rows, value)) return rows[value] as number;
      if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
      const expected = `one of ${Object.keys(rows).join(", ")}, or an integer 0 … ${max}`;
      const message = `${what}: expected ${expected}, got ${String(value)}`;
      throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
    },
  };
}

/** Words for single bits. */
export interface FlagWords<W extends string> {
  /** Bits without a word are numbers. */
  list(bits: number): (W | number)[];
  /** @throws {TypeError} */
  bits(list: readonly (W | number)[], what: string): number;
}

export function flagWords<const R extends Readonly<Record<string, number>>>(
  rows: R,
): FlagWords<keyof R & string> {
  const names: readonly (keyof R & string)[] = Object.keys(rows);
  const bitOf: readonly number[] = Object.values(rows);
  return {
    list(bits) {
      const list: ((keyof R & string) | number)[] = [];
      let rest = bits;
      for (let at = 0; rest !== 0 && at < names.length; at++) {
        const bit = bitOf[at] as number;
        if ((rest & bit) === 0) continue;
        list.push(names[at] as keyof R & string);
        rest &= ~bit;
      }
      for (let at = 0; rest !== 0; at++) {
        const bit = (1 << at) >>> 0;
        if ((rest & bit) !== 0) list.push(bit);
        rest &= ~bit;
      }
      return list;
    },
    bits(list, what) {
      if (!Array.isArray(list)) throw new TypeError(`${what}: expected an array, got ${String(list)}`);
      let bits = 0;
      for (const value of list) {
        const bit =
          typeof value === "number" ? value : Object.hasOwn(rows, value) ? rows[value as string] : undefined;
        if (bit === undefined || !Number.isInteger(bit)) {
          throw new TypeError(
            `${what}: expected some of ${Object.keys(rows).join(", ")}, got ${String(value)}`,
          );
        }
        bits |= bit;
      }
      return bits >>> 0;
    },
  };
}
