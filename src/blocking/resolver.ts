/** The blocking Resolver, the system's, and `resolve`: a name to the addresses that a connect would try. */
import type { SocketAddr } from "../ip/index.ts";
import {
  checkHost,
  type Family,
  getaddrinfoBlocking,
  hostOf,
  interleaveFamilies,
  ResolveError,
  type SplitTarget,
  splitTarget,
} from "../names/index.ts";
import { EAI_ADDRFAMILY, EAI_NONAME } from "../sys/index.ts";
import { deadlineOf, NEVER, type WaitOptions } from "./_wait.ts";

/** What a resolver is asked. */
export interface ResolveOptions extends WaitOptions {
  /** Addresses of this family only. */
  readonly family?: Family | undefined;
  /** What the service is for: `"stream"` (TCP) by default, or `"datagram"` (UDP). */
  readonly type?: "stream" | "datagram" | undefined;
}

/** Something that knows the addresses of names, and says them at once. */
export interface Resolver {
  /**
   * @param service a port, or a service's name
   * @returns at least one address, in the order in which they should be tried (RFC 6724), none twice
   * @throws {ResolveError}
   */
  resolve(host: string, service: string | number, options?: ResolveOptions): SocketAddr[];
}

/** The system's resolver: libc's getaddrinfo. */
export const systemResolver: Resolver = {
  resolve(host, service, options = {}) {
    const { type = "stream", family, timeoutMs } = options;
    const infos = getaddrinfoBlocking(host, service, { type, family }, timeoutMs);
    const seen = new Set<string>();
    return infos
      .map((info) => info.address)
      .filter((address) => {
        const key = address.toString();
        return !seen.has(key) && seen.add(key); // /etc/hosts may name one address several times
      });
  },
};

/** Options of {@link resolve}. */
export interface ResolveTargetOptions extends ResolveOptions {
  /** Who is asked; the system by default. */
  readonly resolver?: Resolver | undefined;
}

/**
 * Every address of a host, in the order in which a connect would try them: the resolver's, with the families in turn.
 * Legacy IPv4 forms (`127.1`, `0x7f.1`, `010.0.0.1`) are refused, though libc would take them.
 *
 * @param service a port or a service's name; without it the addresses have port 0
 * @throws {ResolveError} `EAI_NONAME`, `EAI_SERVICE`, `EAI_AGAIN` …
 * @throws {RangeError} for a port outside 0 … 65535
 * @throws {TimeoutError} libc's lookup then runs on unheard until it ends
 */
export function resolve(
  host: string,
  service: string | number = 0,
  options: ResolveTargetOptions = {},
): SocketAddr[] {
  if (typeof host !== "string") throw new TypeError(`host: expected a string, got ${typeof host}`);
  const deadline = deadlineOf(options);
  return resolveTarget(splitTarget({ host, port: service }), options, deadline);
}

/**
 * {@link resolve} for a target that was taken apart already; an address comes back as it is. What a resolver says too
 * late counts: the deadline is its own business.
 * @throws {TimeoutError} of the system's resolver, with what was left of the time
 */
export function resolveTarget(
  target: SplitTarget,
  options: Pick<ResolveTargetOptions, "family" | "type" | "resolver">,
  deadline: number,
): SocketAddr[] {
  const { family, type, resolver = systemResolver } = options;
  if (!("host" in target)) {
    if (family === undefined || target.family === family) return [target];
    throw new ResolveError(EAI_ADDRFAMILY, hostOf(target), String(target.port));
  }
  const { host, service } = target;
  checkHost(host, service);
  const leftMs = deadline === NEVER ? undefined : Math.max(0, deadline - performance.now());
  const addresses: unknown = resolver.resolve(host, service, { family, type, timeoutMs: leftMs });
  if (!Array.isArray(addresses)) {
    throw new TypeError("resolver: expected one that gives an array at once, not a promise of one");
  }
  if (addresses.length === 0) throw new ResolveError(EAI_NONAME, host, service);
  return interleaveFamilies(addresses as SocketAddr[]);
}
