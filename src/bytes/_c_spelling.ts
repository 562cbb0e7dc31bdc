/** How a C text spells the types of a struct's members: `unsigned long`, `char *[3]`. */
import type { Modifier } from "./_c_declarator.ts";

const spellings = new WeakMap<object, ReadonlyMap<string, string>>();

/** Remembers how the members of a struct or union were declared. */
export function noteSpellings(aggregate: object, byName: ReadonlyMap<string, string>): void {
  spellings.set(aggregate, byName);
}

/** How all the members were declared, of which that is known. */
export function spellingsOf(aggregate: object): ReadonlyMap<string, string> {
  return spellings.get(aggregate) ?? new Map();
}

/**
 * The type of a field as the C text has it that the struct was parsed from: `"unsigned long"`, `"struct point[2]"`,
 * `"char *"`.
 * @returns `undefined` for a struct that was not parsed, a name that it does not have, or a type without a name
 */
export function cTypeOf(aggregate: object, field: string): string | undefined {
  return spellings.get(aggregate)?.get(field);
}

/** A base type with what stands around the name, without the name: C's abstract declarator. */
export function spell(base: string, modifiers: readonly Modifier[]): string {
  let around = "";
  for (const modifier of modifiers) {
    if (modifier.kind === "pointer") {
      around = `*${around}`;
      continue;
    }
    if (around.startsWith("*")) around = `(${around})`;
    around += modifier.kind === "function" ? "()" : `[${modifier.length ?? ""}]`;
  }
  return around === "" || around.startsWith("[") ? `${base}${around}` : `${base} ${around}`;
}
