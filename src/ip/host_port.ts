/** Splitting "localhost:2000" into host and service, for what is looked up before it is an address. */
import { checkString } from "./_check.ts";
import { AddressError } from "./errors.ts";
import { parseScoped } from "./zone.ts";

/** A host and a service as texts, ready for `getaddrinfo`. */
export interface HostPort {
  /** A name or an address, without brackets: `localhost`, `127.0.0.1`, `::1`, `fe80::1%eth0`. */
  readonly host: string;
  /** A port number or a service name: `2000`, `http`. */
  readonly service: string;
}

const WHAT = "a host and a service";
const EXPECTED = '"host:port" like "localhost:2000", "example.org:http" or "[::1]:80"';

/**
 * Splits `localhost:2000`, `example.org:http`, `127.0.0.1:80` or `[::1]:80`. Neither half is looked up; what stands in
 * brackets must be an IPv6 address (RFC 3986 §3.2.2), with a zone if wanted.
 * @throws {AddressError} with the reason
 */
export function splitHostPort(text: string): HostPort {
  checkString("text", text);
  const fail = (reason: string): never => {
    throw new AddressError(text, WHAT, reason, EXPECTED);
  };
  if (text.startsWith("[")) {
    const end = text.indexOf("]");
    if (end < 0) fail("its [ has no ]");
    const host = text.slice(1, end);
    if (!isIpv6(host)) fail(`${JSON.stringify(host)} in the brackets is not an IPv6 address`);
    if (text[end + 1] !== ":") fail("it has no :port after the ]");
    const service = text.slice(end + 2);
    if (service === "") fail("its service is empty");
    if (service.includes(":")) fail("it has more than one colon after the ]");
    return { host, service };
  }
  if (text.includes("://")) fail("it is a URL");
  const colon = text.indexOf(":");
  if (colon < 0) fail("it has no :port");
  if (text.includes(":", colon + 1)) fail("it has too many colons; an IPv6 address needs brackets around it");
  const [host, service] = [text.slice(0, colon), text.slice(colon + 1)];
  if (host === "") fail("its host is empty");
  if (service === "") fail("its service is empty");
  return { host, service };
}

function isIpv6(text: string): boolean {
  try {
    return parseScoped(text).ip.version === 6;
  } catch (error) {
    if (error instanceof AddressError) return false;
    throw error;
  }
}
