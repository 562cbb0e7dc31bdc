/** Reading and writing the dotted decimal form of an IPv4 address as a 32-bit number. */
const DOT = 0x2e;
const ZERO = 0x30;

/** The end of every message about an IPv4 address. */
export const IPV4_EXPECTED = "four decimal numbers 0–255 separated by dots";

/**
 * Reads exactly what `inet_pton(AF_INET)` reads: four decimal octets, no leading zeros, nothing around them.
 * @returns the address as an unsigned 32-bit number, or -1
 */
export function readIpv4(text: string, start = 0): number {
  const end = text.length;
  if (end - start < 7 || end - start > 15) return -1;
  let address = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const char = text.charCodeAt(i);
    if (char === DOT) {
      if (digits === 0 || ++dots > 3) return -1;
      address = (address << 8) | octet;
      octet = digits = 0;
      continue;
    }
    const digit = char - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return -1;
    octet = octet * 10 + digit;
    digits++;
    if (octet > 255) return -1;
  }
  return dots === 3 && digits > 0 ? ((address << 8) | octet) >>> 0 : -1;
}

/** Says what {@link readIpv4} did not like; only for a text that it refused. */
export function whyNotIpv4(text: string): string {
  if (text === "") return "it is empty";
  if (text.includes("/")) return "it has a prefix length, which IpPrefix reads";
  if (/^[a-z_][a-z0-9_.-]*$/i.test(text)) return "it looks like a name, and names have to be looked up first";
  const stranger = /[^0-9.]/u.exec(text);
  if (stranger) return `it has ${JSON.stringify(stranger[0])} at position ${stranger.index + 1}`;
  const octets = text.split(".");
  if (octets.length !== 4) return `it has ${octets.length} ${octets.length === 1 ? "number" : "numbers"}`;
  const bad = octets.findIndex((octet) => !/^(?:0|[1-9][0-9]{0,2})$/.test(octet) || Number(octet) > 255);
  const octet = octets[bad] ?? "";
  if (octet === "") return `octet ${bad + 1} is empty`;
  return octet.startsWith("0") ? `octet ${bad + 1} has a leading zero` : `octet ${bad + 1} is more than 255`;
}

/** Writes a 32-bit number as dotted decimal. */
export function writeIpv4(u32: number): string {
  return `${u32 >>> 24}.${(u32 >>> 16) & 0xff}.${(u32 >>> 8) & 0xff}.${u32 & 0xff}`;
}
