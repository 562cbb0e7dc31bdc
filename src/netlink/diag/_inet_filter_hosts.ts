/** The hosts of ss's filter words: ADDRESS[/PREFIX][:PORT]. man 8 ss, "HOST SYNTAX" */
import { type IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr } from "../../ip/index.ts";
import type { OtherHostTest } from "./socket_filter.ts";

/** ADDRESS[:PORT], with the brackets of RFC 3986 or without. */
export function splitHost(text: string): readonly [address: string, port: string] | undefined {
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) return undefined;
    const [, length = "", port = ""] = /^(\/\d+)?:?(.*)$/s.exec(text.slice(end + 1)) ?? [];
    return [text.slice(1, end) + length, port];
  }
  if (Ipv6Addr.tryParse(text) !== undefined) return [text, ""];
  const slash = text.indexOf("/");
  const colon = text.lastIndexOf(":");
  if (colon < 0 || colon < slash) return [text, ""];
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** An address with or without a length or mask; of IPv4 the last octets may be missing, as in `10/8`. @returns null for none */
export function prefixOf(text: string): IpPrefix | null {
  const slash = text.indexOf("/");
  const ip = addressOf(slash < 0 ? text : text.slice(0, slash));
  if (ip === undefined) return null;
  const length = slash < 0 ? ip.bitLength : lengthOf(text.slice(slash + 1));
  return length === undefined || length > ip.bitLength ? null : IpPrefix.of(ip, length);
}

function addressOf(text: string): IpAddr | undefined {
  if (!/^\d+(\.\d+){0,3}$/.test(text)) return Ipv6Addr.tryParse(text);
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return Ipv4Addr.fromOctets(a, b, c, d);
}

function lengthOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const mask = Ipv4Addr.tryParse(text)?.toU32();
  if (mask === undefined) return undefined;
  const length = Math.clz32(~mask);
  return length === 32 || mask << length === 0 ? length : undefined;
}

export function otherHost(family: OtherHostTest["family"], text: string): OtherHostTest {
  if (family === "unix") return { family, address: text === "" ? undefined : text, port: undefined };
  const colon = text.indexOf(":");
  const any = (part: string): string | undefined => (part === "" || part === "*" ? undefined : part);
  if (colon < 0) return { family, address: any(text), port: undefined };
  return { family, address: any(text.slice(0, colon)), port: any(text.slice(colon + 1)) };
}
