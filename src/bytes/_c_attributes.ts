/** What C and gcc say about layout besides types: `__attribute__((…))`, `_Alignas`, `__aligned(n)`. */
import type { Cursor } from "./_c_cursor.ts";

/** What attributes add up to. */
export interface Attributes {
  packed: boolean;
  /** 0 if there is none. */
  align: number;
  order: "big" | "little" | undefined;
}

/** `__attribute__((aligned))` without a number, on x86-64 and on arm64. */
const GREATEST_USUAL = 16;

/** They change the layout in ways that are not known here. */
const UNSUPPORTED = new Set(["mode", "vector_size", "ms_struct", "transparent_union", "randomize_layout"]);

export function noAttributes(): Attributes {
  return { packed: false, align: 0, order: undefined };
}

/**
 * Reads all attributes that come next into `into`.
 * @param constant reads an integer constant expression
 * @param alignOf reads what stands in `_Alignas(…)`: a type or an expression
 * @param strictest of several `aligned`, the greatest counts; else the last, as gcc has it for structs
 * @returns whether `_Alignas` was among them
 * @throws {CSyntaxError} for a malformed attribute, or one that would change the layout in another way
 */
export function attributes(
  cursor: Cursor,
  into: Attributes,
  constant: () => bigint,
  alignOf: () => bigint,
  strictest: boolean,
): boolean {
  let alignas = false;
  const align = (value: bigint, at: { readonly at: number }): void => {
    if (value < 1n || value > 2n ** 28n || (value & (value - 1n)) !== 0n) {
      cursor.fail(at, `expected a power of two up to 2^28 as alignment, got ${value}`);
    }
    into.align = strictest ? Math.max(into.align, Number(value)) : Number(value);
  };

  const one = (): void => {
    const name = cursor.next();
    if (name.kind !== "word") cursor.fail(name, "expected the name of an attribute");
    const word = name.text.replace(/^__(.*)__$/, "$1");
    if (UNSUPPORTED.has(word)) cursor.fail(name, `the attribute ${word} is not supported`);
    if (word === "packed") into.packed = true;
    else if (word === "aligned" && !cursor.is("(")) align(BigInt(GREATEST_USUAL), name);
    else if (word === "aligned") {
      cursor.need("(");
      align(constant(), name);
      cursor.need(")", "the alignment");
    } else if (word === "scalar_storage_order") {
      cursor.need("(");
      const order = cursor.next();
      if (order.text === '"big-endian"') into.order = "big";
      else if (order.text === '"little-endian"') into.order = "little";
      else cursor.fail(order, 'expected "big-endian" or "little-endian"');
      cursor.need(")", "the byte order");
    } else if (cursor.is("(")) cursor.skipBraced();
  };

  for (;;) {
    const token = cursor.peek();
    if (token.kind !== "word") return alignas;
    if (token.text === "__attribute__" || token.text === "__attribute") {
      cursor.next();
      cursor.need("(", "__attribute__");
      cursor.need("(", "__attribute__(");
      while (!cursor.is(")")) {
        if (cursor.take(",")) continue;
        one();
        if (!cursor.is(")") && !cursor.is(",")) cursor.expected('"," or ")" after an attribute');
      }
      cursor.need(")");
      cursor.need(")", "__attribute__((…)");
    } else if (token.text === "_Alignas" || token.text === "alignas" || token.text === "__aligned") {
      cursor.next();
      cursor.need("(", token.text);
      const value = token.text === "__aligned" ? constant() : alignOf();
      if (token.text !== "__aligned") alignas = true;
      if (value !== 0n || token.text === "__aligned") align(value, token); // _Alignas(0) does nothing
      cursor.need(")", "the alignment");
    } else return alignas;
  }
}
