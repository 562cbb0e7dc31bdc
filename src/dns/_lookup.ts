/** From a host name to its addresses: special names, the search list, both families, aliases. */
import { type IpAddr, Ipv4Addr, Ipv6Addr, type ScopedAddr } from "../ip/index.ts";
import { EAI_AGAIN, EAI_FAIL, EAI_NODATA, EAI_NONAME, type Family, ResolveError } from "../names/index.ts";
import { followAliases } from "./_message.ts";
import { foldCase, nameFault } from "./_name.ts";
import { DnsError } from "./dns_error.ts";
import type { DnsRecordType } from "./records.ts";
import type { DnsResponse } from "./response.ts";

/** Asks for one type of record of one name. */
export type Asker = <T extends DnsRecordType>(name: string, type: T) => Promise<DnsResponse<T>>;

/** How a name is looked up. */
export interface LookupOptions {
  /** For errors only. */
  readonly service: string | undefined;
  readonly family: Family | undefined;
  readonly search: readonly string[];
  readonly ndots: number;
  readonly noAaaa: boolean;
}

/** RFC 1034 gives no limit; other resolvers have 8 to 17. */
const MAX_ALIASES = 16;

/** What is true of a name everywhere, without asking: RFC 6761 §6.3 and §6.4, RFC 7686 §2. */
export function specialAddresses(
  host: string,
  service: string | undefined,
  family: Family | undefined,
): ScopedAddr[] | undefined {
  const refuse = (hint: string): never => {
    throw new ResolveError(EAI_NONAME, host, service, { hint });
  };
  const name = foldCase(host).replace(/\.$/, "");
  const top = name.slice(name.lastIndexOf(".") + 1);
  if (top === "invalid") refuse(`names that end in "invalid" never exist (RFC 6761)`);
  if (top === "onion") refuse(`names that end in "onion" are Tor's, and not for DNS (RFC 7686)`);
  if (top !== "localhost") return undefined;
  const loopback = [Ipv6Addr.LOCALHOST, Ipv4Addr.LOCALHOST].map((ip) => ({ ip, zone: undefined }));
  return loopback.filter(({ ip }) => ofFamily(ip, family));
}

export function ofFamily(ip: IpAddr, family: Family | undefined): boolean {
  return family === undefined || (ip.version === 4 ? "ipv4" : "ipv6") === family;
}

/**
 * The names that are tried for a name, in order; those that are too long to be names are left out.
 * @see man 5 resolv.conf, "search" and "ndots"
 */
export function searchNames(host: string, search: readonly string[], ndots: number): string[] {
  if (host.endsWith(".")) return [host.slice(0, -1) || "."];
  const behind = search
    .map((domain) => (domain === "." ? host : `${host}.${domain}`))
    .filter((name) => nameFault(name) === undefined);
  const dots = host.split(".").length - 1;
  return [...new Set(dots >= ndots ? [host, ...behind] : [...behind, host])];
}

/**
 * Looks a name up in DNS.
 * @param host in ASCII
 * @returns at least one address, in the order in which they came
 * @throws {ResolveError} with the reason in its message, and the DnsError as its cause
 */
export async function lookup(host: string, ask: Asker, options: LookupOptions): Promise<IpAddr[]> {
  const { service } = options;
  const fault = nameFault(host);
  if (fault !== undefined) throw new ResolveError(EAI_NONAME, host, service, { hint: fault });
  let empty: ResolveError | undefined;
  let failed: ResolveError | undefined;
  let missing: ResolveError | undefined;
  for (const name of searchNames(host, options.search, options.ndots)) {
    try {
      const found = await addressesOf(name, ask, options);
      if (found.length > 0) return found;
      empty ??= new ResolveError(EAI_NODATA, host, service, {
        hint: `${name} has no ${familyWords(options)} address`,
      });
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      const wrapped = wrap(error, host, service);
      // As in libc's res_search: silence ends the search, a server's failure does not.
      if (error.response === undefined) throw wrapped;
      if (error.code === "NXDOMAIN") missing ??= wrapped;
      else failed ??= wrapped;
    }
  }
  throw empty ?? failed ?? missing ?? new ResolveError(EAI_NONAME, host, service);
}

function familyWords({ family, noAaaa }: LookupOptions): string {
  if (family === undefined) return noAaaa ? "IPv4" : "IPv4 or IPv6";
  return family === "ipv4" ? "IPv4" : "IPv6";
}

/** A DnsError in getaddrinfo's words. */
export function wrap(error: DnsError, host: string, service: string | undefined): ResolveError {
  const code = { NXDOMAIN: EAI_NONAME, FORMERR: EAI_FAIL }[error.code]; // as libc has it
  const wrapped = new ResolveError(code ?? EAI_AGAIN, host, service, { hint: error.account });
  Object.defineProperty(wrapped, "cause", { value: error, configurable: true, writable: true });
  return wrapped;
}

/** Both families at once. One of them is enough; that the other one failed counts where there is none. */
async function addressesOf(name: string, ask: Asker, options: LookupOptions): Promise<IpAddr[]> {
  const { family, noAaaa } = options;
  const wanted = { AAAA: family === "ipv6" || (family === undefined && !noAaaa), A: family !== "ipv6" };
  const results = await Promise.allSettled([
    wanted.AAAA ? addressesOfType(name, "AAAA", ask) : [],
    wanted.A ? addressesOfType(name, "A", ask) : [],
  ]);
  const found = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const notTheirs = errors.find((error) => !(error instanceof DnsError)); // cancelled, or out of files
  if (notTheirs !== undefined) throw notTheirs;
  if (found.length > 0 || errors.length === 0) return found;
  // NXDOMAIN is true of the name, whatever became of the other type.
  const rank = (error: DnsError): number =>
    error.code === "NXDOMAIN" ? 0 : error.response === undefined ? 1 : 2;
  throw errors.sort((a, b) => rank(a) - rank(b))[0];
}

/** Asks again for the end of a chain of aliases that the server has not followed itself. */
async function addressesOfType(name: string, type: "A" | "AAAA", ask: Asker): Promise<IpAddr[]> {
  const seen = new Set<string>();
  for (let next = name; seen.size < MAX_ALIASES && !seen.has(foldCase(next)); ) {
    seen.add(foldCase(next));
    const response = await ask(next, type);
    if (response.records.length > 0) return response.records.map(({ address }) => address);
    const end = followAliases(response.answers, next, type).name;
    const noSuchData = response.authorities.some((record) => record.type === "SOA"); // RFC 2308 §2.2
    if (foldCase(end) === foldCase(next) || noSuchData || nameFault(end) !== undefined) return [];
    next = end;
  }
  return [];
}

/** Every address once, in their order. */
export function once<T extends { toString(): string }>(list: readonly T[]): T[] {
  return [...new Map(list.map((item) => [item.toString(), item])).values()];
}
