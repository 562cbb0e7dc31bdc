/** What may be a host name, and its form in ASCII. */
import { domainToASCII } from "node:url";
import { IpAddr } from "../ip/index.ts";
import { EAI_NONAME } from "../sys/index.ts";
import { ResolveError } from "./resolve_error.ts";

const MAX_NAME = 253; // RFC 1035 §2.3.4: 255 octets on the wire

/**
 * @returns the host as it is asked for: names outside of ASCII in their IDNA form, UTS #46
 * @throws {ResolveError} `EAI_NONAME` for what can be no name
 */
export function asciiHost(host: string, service: string | number | undefined): string {
  if (typeof host !== "string") throw new TypeError(`host: expected a string, got ${typeof host}`);
  const refuse = (hint: string): never => {
    throw new ResolveError(EAI_NONAME, host, service === undefined ? undefined : String(service), { hint });
  };
  if (host === "") refuse("the host is empty");
  if (/[\0-\x20\x7f]/.test(host)) refuse("a name has no spaces and no control characters");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range
  const isAscii = /^[\x00-\x7f]*$/.test(host);
  // domainToASCII reads a host as URLs have it, and would cut or decode at these.
  if (!isAscii && /["#%/:<>?@[\\\]^`{|}]/.test(host))
    refuse("a name outside of ASCII has only letters, digits, dots and hyphens");
  const ascii = isAscii ? host : domainToASCII(host);
  if (ascii === "") refuse("the name has no IDNA form");
  // "１２７.１" and the like: domainToASCII reads inet_aton's forms, in the digits of every script.
  if (!isAscii && /^[\d.]+$/.test(ascii)) refuse("an IPv4 address is written in ASCII digits");
  if (ascii.replace(/\.$/, "").length > MAX_NAME) refuse(`a DNS name has at most ${MAX_NAME} characters`);
  return ascii;
}

/**
 * Refuses what libc would take for an IPv4 address though it is not written as one, such as `127.1` and `0x7f.1`: a
 * name whose last label is a number cannot be a DNS name anyway (RFC 3696 §2).
 * @throws {ResolveError} `EAI_NONAME` for these, and for what can be no name
 */
export function checkHost(host: string, service: string | number | undefined): void {
  const ascii = asciiHost(host, service);
  if (ascii.includes(":")) return; // IPv6; its zone may end in a number
  const last = ascii.replace(/\.$/, "").split(".").at(-1) ?? "";
  if (/^(\d+|0x[\da-f]*)$/i.test(last) && IpAddr.tryParse(ascii) === undefined) {
    throw new ResolveError(EAI_NONAME, host, service === undefined ? undefined : String(service), {
      hint: "an IPv4 address is four decimal numbers from 0 to 255 without leading zeros",
    });
  }
}
