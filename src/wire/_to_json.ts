/** Decoded fields as JSON: addresses as text, bytes as `"0x…"`. */
import { toHex } from "../bytes/index.ts";
import { Ipv4Addr, Ipv6Addr, MacAddr } from "../ip/index.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Fields as JSON can hold them. Bytes become `"0x0a0b"`, addresses their text; what is undefined is left out. */
export function fieldsToJson(value: unknown): Json {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`;
  if (value instanceof Ipv4Addr || value instanceof Ipv6Addr || value instanceof MacAddr)
    return String(value);
  if (Array.isArray(value)) return value.map(fieldsToJson);
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([name, item]) => [name, fieldsToJson(item)]));
  }
  return value as Json;
}
