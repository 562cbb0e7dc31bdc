/** Structs from C text: declarations as headers have them, laid out as gcc would. */
import { Cursor } from "./_c_cursor.ts";
import { Parser } from "./_c_parser.ts";
import { preprocess } from "./_c_preprocessor.ts";
import { Scope } from "./_c_scope.ts";
import { predefinedMacros } from "./_c_types.ts";
import { describe } from "./_check.ts";
import type { StructDefinition } from "./_definition.ts";
import type { AnyFieldType } from "./_field_type.ts";
import { CSyntaxError } from "./c_error.ts";
import type { EnumType } from "./enums.ts";
import type { Struct } from "./struct.ts";
import type { Union } from "./union.ts";

/** How C text is read. */
export interface CParseOptions {
  /**
   * As if all structs and unions of the text had `__attribute__((packed))` (`true`), or as if `#pragma pack(n)` stood
   * before it (a number); `"never"` lays out as if the text did not say packed anywhere.
   */
  readonly packed?: boolean | "never" | 1 | 2 | 4 | 8 | 16;
  /** Whose rules hold, `"x86-64"` unless told: of bit fields without a name, and whether plain `char` has a sign. */
  readonly abi?: "x86-64" | "arm64";
  /** As if `#pragma scalar_storage_order` stood before the text; `"native"` unless told. */
  readonly byteOrder?: "big" | "little" | "native";
  /** What arrays of plain `char` are: `"text"` (UTF-8 up to the first NUL), unless told, or `"bytes"`. */
  readonly chars?: "text" | "bytes";
}

/** A struct that is only known at run time: its values are not typed. */
export type ParsedStruct = Struct<StructDefinition>;
/** A union that is only known at run time. */
export type ParsedUnion = Union<StructDefinition>;

/** What a text declares. */
export interface CDeclarations {
  /** By tag, or by the name of the typedef if there is no tag; in the order in which they end. */
  readonly structs: ReadonlyMap<string, ParsedStruct>;
  readonly unions: ReadonlyMap<string, ParsedUnion>;
  readonly enums: ReadonlyMap<string, EnumType<string, number | bigint>>;
  /** The types that typedefs name; those of functions and of void are left out. */
  readonly typedefs: ReadonlyMap<string, AnyFieldType>;
  /** The constants of all enums. */
  readonly constants: ReadonlyMap<string, bigint>;
  /** The last struct or union that is declared at file scope; undefined if there is none. */
  readonly last: ParsedStruct | ParsedUnion | undefined;
}

function checkOption(name: string, value: unknown, allowed: readonly unknown[]): void {
  if (allowed.includes(value)) return;
  throw new RangeError(`${name}: expected ${allowed.map(String).join(", ")}, got ${describe(value)}`);
}

/**
 * Reads C declarations: structs, unions, enums, typedefs and what stands around them in headers.
 *
 * Known beforehand are the plain types of C in every spelling, `<stdint.h>`, the names of POSIX (`size_t`, `pid_t`,
 * `in_port_t`, …) and the kernel (`u8`, `__be16`, `__le32`, …), and the structs `in_addr`, `in6_addr`, `sockaddr`, `timeval`,
 * `timespec`, `iovec`. Types that are in network order by their meaning decode as big-endian: `__be16`, `in_port_t`,
 * `in_addr_t`, `__sum16`. Arrays of `uint8_t` and `unsigned char` are Uint8Arrays; pointers are bigints.
 *
 * The preprocessor knows `#define` without parameters, `#if` and its kin, `#pragma pack` and `#pragma
 * scalar_storage_order`; `#include` is passed over. Attributes that change the layout count where gcc takes them: `packed`,
 * `aligned`, `scalar_storage_order`, `_Alignas`. Functions and variables are read and forgotten.
 *
 * ```ts
 * const { structs } = parseDeclarations("struct point { int16_t x, y; };");
 * structs.get("point")?.encode({ x: 1, y: -1 }); // 0100ffff
 * ```
 *
 * @throws {CSyntaxError} for what is no C, or is refused by gcc, or nests or grows without measure: nothing else, whatever
 *   the text
 * @throws {TypeError | RangeError} if `text` is no string, or for options out of range
 */
export function parseDeclarations(text: string, options: CParseOptions = {}): CDeclarations {
  if (typeof text !== "string")
    throw new TypeError(`parseDeclarations: expected a string, got ${describe(text)}`);
  const { packed = false, abi = "x86-64", byteOrder = "native", chars = "text" } = options;
  checkOption("packed", packed, [true, false, "never", 1, 2, 4, 8, 16]);
  checkOption("abi", abi, ["x86-64", "arm64"]);
  checkOption("byteOrder", byteOrder, ["big", "little", "native"]);
  checkOption("chars", chars, ["text", "bytes"]);
  const pack = typeof packed === "number" ? packed : 0;
  const tokens = preprocess(text, predefinedMacros(abi), { pack, order: byteOrder });
  const scope = new Scope(abi);
  const parser = new Parser(new Cursor(text, tokens), scope, {
    packed: packed === "never" ? packed : packed === true,
    chars,
    abi,
  });
  parser.unit();
  const of = (kind: "struct" | "union"): [string, unknown][] =>
    [...parser.aggregates].filter(([, one]) => one.kind === kind);
  return {
    structs: new Map(of("struct") as [string, ParsedStruct][]),
    unions: new Map(of("union") as [string, ParsedUnion][]),
    enums: parser.enums,
    typedefs: new Map(
      [...scope.typedefs].flatMap(([name, type]) => (type.kind === "object" ? [[name, type.type]] : [])),
    ),
    constants: new Map([...scope.constants].map(([name, { value }]) => [name, value])),
    last: parser.last as unknown as ParsedStruct | ParsedUnion | undefined,
  };
}

/**
 * The last struct that a text declares at file scope, with all that stands before it: see {@link parseDeclarations}.
 *
 * ```ts
 * parseStruct("struct MyData { int8_t p1; int16_t p2; int32_t p3; };").size; // 8
 * ```
 *
 * @returns a struct; if the last declaration is one of a union, that, as its `kind` says
 * @throws {CSyntaxError} also if there is neither
 */
export function parseStruct(text: string, options: CParseOptions = {}): ParsedStruct | ParsedUnion {
  const { last } = parseDeclarations(text, options);
  if (last) return last;
  throw new CSyntaxError(text, text.length, "expected a struct or union, got the end of the text");
}
