/** C's declarators, `*name[3]` and the like: what stands around a name, and the type that it makes of another. */

import type { Cursor } from "./_c_cursor.ts";
import type { Token } from "./_c_lexer.ts";
import { type AnyType, type CObject, type CType, FUNCTION, object, POINTER } from "./_c_types.ts";
import { array } from "./arrays.ts";
import { byteArray, cString } from "./fields.ts";
import { u8 } from "./integers.ts";

/** One step outwards from the name: "array of", "pointer to", "function that returns". */
export type Modifier =
  | { readonly kind: "pointer"; readonly align: number }
  | { readonly kind: "function" }
  | { readonly kind: "array"; readonly length: bigint | undefined; readonly at: Token };

export interface Declarator {
  /** Undefined in `sizeof(int *)` and before the colon of unnamed bits. */
  readonly name: Token | undefined;
  /** The first stands next to the name. */
  readonly modifiers: readonly Modifier[];
}

/** Limits for hostile input: bytes of one object, values in it, and types within types. */
const LARGEST = 2 ** 30;
const MOST_VALUES = 2 ** 22;
const DEEPEST_TYPE = 100;
const DEEPEST_DECLARATOR = 50;
const MOST_MODIFIERS = 100;

export const QUALIFIERS: ReadonlySet<string> = new Set(
  "const volatile restrict _Atomic __const __volatile__ __volatile __restrict __restrict__ __extension__".split(
    " ",
  ),
);

/**
 * Reads a declarator.
 * @param constant reads an integer constant expression
 * @param pointerAlign reads the attributes after a `*`, and gives the alignment in them, 0 if none
 */
export function declarator(cursor: Cursor, constant: () => bigint, pointerAlign: () => number): Declarator {
  const modifiers: Modifier[] = [];
  let name: Token | undefined;
  let depth = 0;

  const checkCount = (count: number): void => {
    if (count > MOST_MODIFIERS)
      cursor.fail(cursor.peek(), `more than ${MOST_MODIFIERS} signs around one name`);
  };
  const read = (): void => {
    const pointers: Modifier[] = [];
    while (cursor.take("*")) {
      let align = pointerAlign();
      while (QUALIFIERS.has(cursor.peek().text) && cursor.peek().kind === "word") {
        cursor.next();
        align = Math.max(align, pointerAlign());
      }
      pointers.unshift({ kind: "pointer", align });
      checkCount(pointers.length);
    }
    if (cursor.is("(") && (cursor.is("*", 1) || cursor.is("(", 1) || startsName(cursor.peek(1)))) {
      const open = cursor.next();
      if (++depth > DEEPEST_DECLARATOR) {
        cursor.fail(open, `the declarator nests deeper than ${DEEPEST_DECLARATOR} levels`);
      }
      read();
      depth--;
      cursor.need(")", "the declarator");
    } else if (cursor.peek().kind === "word" && !cursor.is("__attribute__") && !cursor.is("__aligned")) {
      name = cursor.next();
    }
    for (;;) {
      if (cursor.is("(")) {
        cursor.skipBraced();
        modifiers.push({ kind: "function" });
      } else if (cursor.is("[")) {
        const at = cursor.next();
        const length = cursor.is("]") ? undefined : constant();
        cursor.need("]", "the length of the array");
        modifiers.push({ kind: "array", length, at });
      } else break;
      checkCount(modifiers.length);
    }
    for (const pointer of pointers) modifiers.push(pointer);
  };

  read();
  return { name, modifiers };
}

/** In parentheses, a name makes a declarator and the name of a type makes parameters; only the plain words are told apart. */
function startsName(token: Token): boolean {
  return (
    token.kind === "word" &&
    !/^(void|char|short|int|long|signed|unsigned|float|double|_Bool|const|struct|union|enum|volatile)$/.test(
      token.text,
    )
  );
}

/**
 * The type that the modifiers make of `base`.
 * @param chars what becomes of an array of plain `char`
 * @throws {CSyntaxError} if C has no such type, or it is larger than any sane one
 */
export function typeOf(
  cursor: Cursor,
  base: CType,
  modifiers: readonly Modifier[],
  chars: "text" | "bytes",
): CType {
  let type = base;
  for (let i = modifiers.length - 1; i >= 0; i--) {
    const modifier = modifiers[i] as Modifier;
    if (modifier.kind === "function") type = FUNCTION;
    else if (modifier.kind === "pointer") {
      type = modifier.align === 0 ? POINTER : object(withAlign(POINTER.type, modifier.align));
    } else type = arrayOf(cursor, type, modifier.length, modifier.at, chars);
  }
  return type;
}

/** The same type with another alignment, as a typedef can give it. */
export function withAlign<Type extends AnyType>(type: Type, align: number): Type {
  return Object.freeze({ ...type, align });
}

function arrayOf(
  cursor: Cursor,
  element: CType,
  length: bigint | undefined,
  at: Token,
  chars: "text" | "bytes",
): CObject {
  if (element.kind !== "object") {
    const what =
      element.kind === "incomplete" ? `${element.tag}, which is not declared` : `type ${element.kind}`;
    return cursor.fail(at, `an array cannot have elements of ${what}`);
  }
  if (element.flexible) cursor.fail(at, "only the outermost length of an array can be left out");
  if (length !== undefined && length < 0n) cursor.fail(at, `expected an array length from 0, got ${length}`);
  const { type } = element;
  const bytes = BigInt(type.size) * (length ?? 0n);
  const values = BigInt(element.weight) * (length ?? 0n);
  const plainBytes = (element.isChar || type === (u8 as unknown)) && type.align === 1;
  if (bytes > LARGEST || (!plainBytes && values > MOST_VALUES) || (length ?? 0n) > LARGEST) {
    cursor.fail(at, `the array is too large: at most 2^30 bytes and 2^22 values are taken`);
  }
  if (type.size % type.align !== 0) {
    cursor.fail(
      at,
      `the size of an array's element (${type.size}) is no multiple of its alignment (${type.align})`,
    );
  }
  const count = Number(length ?? 0n);
  const flexible = length === undefined ? { flexible: true } : {};
  if (plainBytes) {
    const made = element.isChar && chars === "text" ? cString(count) : byteArray(count);
    return object(made, { depth: 1, ...flexible });
  }
  return nested(cursor, at, [element], {
    ...object(array(type, count), flexible),
    weight: Number(values) + 1,
  });
}

/** Checks a type that is made of others against the limits. */
export function nested(
  cursor: Cursor,
  at: { readonly at: number },
  within: readonly CObject[],
  made: CObject,
): CObject {
  const depth = 1 + within.reduce((deepest, one) => Math.max(deepest, one.depth), 0);
  if (depth > DEEPEST_TYPE) cursor.fail(at, `types nest deeper than ${DEEPEST_TYPE} levels`);
  if (made.weight > MOST_VALUES || made.type.size > LARGEST) {
    cursor.fail(at, "the type is too large: at most 2^30 bytes and 2^22 values are taken");
  }
  return { ...made, depth };
}
