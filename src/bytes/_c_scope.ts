/** What C text has declared so far, and what is there before it. */
import type { CInteger } from "./_c_expression.ts";
import { integer } from "./_c_expression.ts";
import { type Abi, type Builtins, builtins, type CObject, type CType, SYSTEM_CONSTANTS } from "./_c_types.ts";

/** A struct, union or enum by its tag. */
export interface Tagged {
  readonly kind: "struct" | "union" | "enum";
  readonly type: CType;
}

export class Scope {
  readonly abi: Abi;
  readonly #builtins: Builtins;
  readonly tags = new Map<string, Tagged>();
  readonly typedefs = new Map<string, CType>();
  readonly constants = new Map<string, CInteger>();
  /** Those of <netinet/in.h> and the like that were asked for. */
  readonly system = new Map<string, CObject>();

  constructor(abi: Abi) {
    this.abi = abi;
    this.#builtins = builtins(abi);
  }

  /** The type of words like `unsigned` and `int`, in any order. */
  plainType(words: readonly string[]): CType | undefined {
    return this.#builtins.plain.get([...words].sort().join(" "));
  }

  namedType(name: string): CType | undefined {
    if (this.constants.has(name)) return undefined;
    return this.typedefs.get(name) ?? this.#builtins.named.get(name);
  }

  constant(name: string): CInteger | undefined {
    const own = this.constants.get(name);
    if (own || this.typedefs.has(name)) return own;
    const value = SYSTEM_CONSTANTS.get(name);
    return value === undefined ? undefined : integer(value);
  }
}
