/** The struct that a C text declares, in the layout that is asked for. */
import { parseDeclarations } from "../../bytes/index.ts";
import { UsageError } from "../_command.ts";
import { type AnyStruct, isStruct } from "./pieces.ts";

export type Abi = "x86-64" | "arm64";

/** As the text has it; without any packing of its own; packed; or as `#pragma pack(n)` has it. */
export type Packing = "declared" | "natural" | "packed" | 1 | 2 | 4 | 8 | 16;

export interface Choice {
  readonly abi: Abi;
  /** The tag of a struct or union, or the name of a typedef; the last that is declared if undefined. */
  readonly name: string | undefined;
  readonly packing: Packing;
}

const PACKED = { declared: false, natural: "never", packed: true } as const;

/**
 * The struct or union of a text.
 * @throws {CSyntaxError} for what is not C
 * @throws {UsageError} if there is none of that name, or none at all, or it has no bytes
 */
export function chosenStruct(text: string, { abi, name, packing }: Choice): AnyStruct {
  const packed = typeof packing === "number" ? packing : PACKED[packing];
  const { structs, unions, typedefs, last } = parseDeclarations(text, { abi, packed });
  if (name === undefined) {
    if (last === undefined) throw new UsageError("expected a struct or union, but none is declared");
    return last as AnyStruct;
  }
  const found = structs.get(name) ?? unions.get(name) ?? typedefs.get(name);
  if (found === undefined) {
    const known = [...structs.keys(), ...unions.keys()].join(", ") || "none";
    throw new UsageError(
      `no struct or union is called ${JSON.stringify(name)}; those that are declared: ${known}`,
    );
  }
  if (!isStruct(found)) throw new UsageError(`${name} is neither a struct nor a union`);
  return found;
}
