/** Fields from JSON, as `fieldsToJson` makes it: addresses as text, bytes as `"0x…"`. */
import { fromHex } from "../bytes/index.ts";
import { Ipv4Addr, Ipv6Addr, MacAddr } from "../ip/index.ts";
import { DHCP_TEXT_OPTIONS } from "./_dhcp_options.ts";
import type { Json } from "./_to_json.ts";

/** Fields of DHCP that are text, whatever it looks like. */
const TEXTS: ReadonlySet<string> = new Set(["sname", "file"]);

/**
 * Fields from JSON: a text that is an address becomes one, `"0x0a0b"` becomes bytes. DHCP's texts stay texts, unless they
 * begin with `0x`.
 * @throws {RangeError} for `0x` with something else than pairs of hex digits behind it
 */
export function fieldsFromJson(value: Json): unknown {
  return revive(value, false);
}

function revive(value: Json, text: boolean): unknown {
  if (typeof value === "string") {
    if (/^0x/i.test(value)) return fromHex(value.slice(2));
    return text
      ? value
      : (Ipv4Addr.tryParse(value) ?? Ipv6Addr.tryParse(value) ?? MacAddr.tryParse(value) ?? value);
  }
  if (Array.isArray(value)) return value.map((item: Json) => revive(item, text));
  if (typeof value !== "object" || value === null) return value;
  const { name } = value as { readonly name?: Json };
  const isText = typeof name === "string" && DHCP_TEXT_OPTIONS.has(name);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      revive(item, TEXTS.has(key) || (isText && key === "value") || key === "name"),
    ]),
  );
}
