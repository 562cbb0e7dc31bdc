/** The Resolver interface, the system's resolver, and `resolve`: a name to the addresses that a connect would try. */
import { isPort, SocketAddr, splitHostPort } from "../ip/index.ts";
import { checkWait, EAI_ADDRFAMILY, EAI_NONAME, type WaitOptions } from "../sys/index.ts";
import { checkHost } from "./_host.ts";
import { type Family, getaddrinfo } from "./getaddrinfo.ts";
import { interleaveFamilies } from "./order.ts";
import { ResolveError } from "./resolve_error.ts";

/** What a resolver is asked. */
export interface ResolveOptions extends WaitOptions {
  /** Addresses of this family only. */
  readonly family?: Family | undefined;
  /** What the service is for: `"stream"` (TCP) by default, or `"datagram"` (UDP). */
  readonly type?: "stream" | "datagram" | undefined;
}

/** Something that knows the addresses of names: the system, or a DNS client of one's own. */
export interface Resolver {
  /**
   * @param service a port, or a service's name
   * @returns at least one address, in the order in which they should be tried (RFC 6724), none twice
   * @throws {ResolveError}
   */
  resolve(host: string, service: string | number, options?: ResolveOptions): Promise<SocketAddr[]>;
}

/** The system's resolver: libc's getaddrinfo. */
export const systemResolver: Resolver = {
  async resolve(host, service, options = {}) {
    const { type = "stream", family } = options;
    const infos = await getaddrinfo(host, service, { type, family }, options);
    const seen = new Set<string>();
    return infos
      .map((info) => info.address)
      .filter((address) => {
        const key = address.toString();
        return !seen.has(key) && seen.add(key); // /etc/hosts may name one address several times
      });
  },
};

/** What to connect to: `"host:service"`, a socket address, or the two parts. */
export type Target = string | SocketAddr | { readonly host: string; readonly port: number | string };

/** The two parts of a target, or the address that it is. */
export type SplitTarget = SocketAddr | { readonly host: string; readonly service: string };

/**
 * Takes a target apart without asking anybody: an address with a port comes back as a {@link SocketAddr}, zone and all.
 * @throws {AddressError} where the text has no port, or an IPv6 address lacks its brackets
 */
export function splitTarget(target: Target): SplitTarget {
  if (target instanceof SocketAddr) return target;
  if (typeof target === "string") return SocketAddr.tryParse(target) ?? numeric(splitHostPort(target));
  if (typeof target !== "object" || target === null || typeof target.host !== "string") {
    throw new TypeError('target: expected "host:port", a SocketAddr, or { host, port }');
  }
  return splitHost(target.host, target.port, "target.port");
}

/** @param name that of the argument that `service` is */
function splitHost(host: string, service: string | number, name: string): SplitTarget {
  if (typeof service === "number") {
    if (!isPort(service))
      throw new RangeError(`${name}: expected a port, a whole number from 0 to 65535, got ${service}`);
  } else if (typeof service !== "string") {
    throw new TypeError(
      `${name}: expected a port or the name of a service, got ${service === null ? "null" : typeof service}`,
    );
  }
  return numeric({ host, service: String(service) });
}

function numeric(parts: { readonly host: string; readonly service: string }): SplitTarget {
  const { service } = parts;
  const bare = /^\[.*:.*\]$/.test(parts.host) ? parts.host.slice(1, -1) : parts.host;
  const isAddress = bare.includes(":") || /^[\d.]+$/.test(bare);
  const port = /^\d{1,5}$/.test(service);
  const text = bare.includes(":") ? `[${bare}]:${service}` : `${bare}:${service}`;
  return (isAddress && port ? SocketAddr.tryParse(text) : undefined) ?? { host: bare, service };
}

/** The host of an address as text, with its zone. */
export function hostOf(address: SocketAddr): string {
  return address.zone === undefined ? address.ip.toString() : `${address.ip}%${address.zone}`;
}

/**
 * Every address of a host, in the order in which a connect would try them: the resolver's, with the families in turn.
 * A host that ends in a number and is no dotted quad (`127.1`, `0x7f.1`, `010.0.0.1`) is refused, though libc would
 * take it: see {@link inetAton} for these forms.
 *
 * @param service a port or a service's name; without it the addresses have port 0
 * @throws {ResolveError} `EAI_NONAME`, `EAI_SERVICE`, `EAI_AGAIN` …
 * @throws {RangeError} for a port outside 0 … 65535
 */
export async function resolve(
  host: string,
  service: string | number = 0,
  options: ResolveTargetOptions = {},
): Promise<SocketAddr[]> {
  if (typeof host !== "string") throw new TypeError(`host: expected a string, got ${typeof host}`);
  return resolveTarget(splitHost(host, service, "service"), options);
}

/** Options of {@link resolve}. */
export interface ResolveTargetOptions extends ResolveOptions {
  /** Who is asked; the system by default. */
  readonly resolver?: Resolver | undefined;
}

/** {@link resolve} for a target that was taken apart already; an address comes back as it is. */
export async function resolveTarget(
  target: SplitTarget,
  options: ResolveTargetOptions,
): Promise<SocketAddr[]> {
  checkWait(options);
  if (target instanceof SocketAddr) {
    if (options.family === undefined || target.family === options.family) return [target];
    throw new ResolveError(EAI_ADDRFAMILY, hostOf(target), String(target.port));
  }
  const { host, service } = target;
  checkHost(host, service);
  const addresses = await (options.resolver ?? systemResolver).resolve(host, service, options);
  if (addresses.length === 0) throw new ResolveError(EAI_NONAME, host, service);
  return interleaveFamilies(addresses);
}
