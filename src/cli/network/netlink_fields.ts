/** Fields of rows that are written as JSON. */
import { MacAddr } from "../../ip/index.ts";
import type { LinkLayerAddr } from "../../netlink/route/index.ts";

export type Json = Readonly<Record<string, unknown>>;
/** The name of a link by its number. */
export type NameOf = (index: number) => string;

/** A row, and what its tunnel has, which stands among the fields of the row in JSON. */
export interface RouteRow {
  readonly row: Json;
  readonly encap: Json;
}

/** Leaves out what is not there. */
export function clean(fields: Json): Json {
  const kept: Record<string, unknown> = {};
  for (const name in fields) if (fields[name] !== undefined) kept[name] = fields[name];
  return kept;
}

export function lladdr(addr: LinkLayerAddr | undefined): string | undefined {
  if (addr === undefined) return undefined;
  if (addr instanceof MacAddr) return addr.toString();
  if (addr.length === 0) return undefined;
  return addr.length === 4
    ? addr.join(".")
    : Array.from(addr, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** As `%#x` of printf(3) has it: 0 alone has no mark. */
export function hex(value: number): string {
  return value === 0 ? "0" : `0x${value.toString(16)}`;
}

/** As a number where that has all its digits. */
export function exact(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
