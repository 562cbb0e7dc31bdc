/** What the parts of the parser of C declarations share. */
import type { Aggregate } from "./_aggregate.ts";
import type { Attributes } from "./_c_attributes.ts";
import type { Cursor } from "./_c_cursor.ts";
import type { Declarator } from "./_c_declarator.ts";
import type { CInteger } from "./_c_expression.ts";
import type { Token } from "./_c_lexer.ts";
import type { Scope } from "./_c_scope.ts";
import type { Abi, CObject, CType } from "./_c_types.ts";
import type { StructDefinition } from "./_definition.ts";
import type { EnumType } from "./enums.ts";

export type AnyAggregate = Aggregate<StructDefinition, unknown>;
export type AnyEnum = EnumType<string, number | bigint>;

export interface ParserOptions {
  /** Every struct and union is packed; or none is, whatever the text says. */
  readonly packed: boolean | "never";
  readonly chars: "text" | "bytes";
  readonly abi: Abi;
}

/** What stands before declarators. */
export interface Specifiers {
  readonly type: CType;
  /** As it is written; `undefined` for a struct, union or enum without a tag. */
  readonly spelling: string | undefined;
  readonly typedef: boolean;
  readonly attributes: Attributes;
  /** `_Alignas` was there, which C takes more strictly than gcc takes its attribute. */
  readonly alignas: boolean;
  /** A struct or union without a tag was declared: alone in a struct, it is an anonymous member. */
  readonly untagged: boolean;
  /** A struct, union or enum was mentioned: no declarator has to follow. */
  readonly tagged: boolean;
}

/** The parser, for those that read one kind of declaration. */
export interface Context {
  readonly cursor: Cursor;
  readonly scope: Scope;
  readonly options: ParserOptions;
  /** What is declared, in order, under its tag or else the name of its typedef. */
  readonly aggregates: Map<string, AnyAggregate>;
  readonly enums: Map<string, AnyEnum>;
  /** How deeply the declarations of structs nest. */
  depth: number;
  /** The last struct or union at file scope. */
  last: AnyAggregate | undefined;
  /** Reads the type and whatever may stand among its words. */
  specifiers(): Specifiers;
  declarator(): Declarator;
  /** Reads all attributes that come next; true if `_Alignas` was among them. */
  attributes(into: Attributes, strictest: boolean): boolean;
  /** Reads an integer constant expression. */
  constant(): CInteger;
  /** Reads `_Static_assert(…);` if it comes next. */
  staticAssert(): boolean;
  /** @throws {CSyntaxError} for a word that cannot be a name */
  checkName(name: Token): void;
  /** A struct of the system's headers that is known without being declared. */
  systemStruct(tag: string): CObject | undefined;
}
