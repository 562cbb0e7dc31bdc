/** Names and services to socket addresses, as libc's getaddrinfo(3) gives them. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { cancellable, flagBits } from "./_call.ts";
import { asciiHost } from "./_host.ts";
import { ResolveError } from "./resolve_error.ts";

export type Family = "ipv4" | "ipv6";
export type SocketType = "stream" | "datagram" | "raw";

/** What is wanted; each flag is one of getaddrinfo's AI_ flags. */
export interface AddressHints {
  /** Addresses of this family only. */
  readonly family?: Family | undefined;
  /** Addresses for this type of socket only; without it every type that the service has. */
  readonly type?: SocketType | undefined;
  /** Such as 6 for TCP; 0 or none is any. */
  readonly protocol?: number | undefined;
  /** AI_PASSIVE: without a host, the wildcard address to listen on instead of the loopback address. */
  readonly passive?: boolean | undefined;
  /** AI_CANONNAME: the first entry carries the host's canonical name. */
  readonly canonicalName?: boolean | undefined;
  /** AI_NUMERICHOST: the host must be an address; no name is looked up. */
  readonly numericHost?: boolean | undefined;
  /** AI_NUMERICSERV: the service must be a port number. */
  readonly numericService?: boolean | undefined;
  /** AI_V4MAPPED: with family "ipv6", IPv4 addresses as ::ffff:a.b.c.d where the host has no IPv6 one. */
  readonly v4Mapped?: boolean | undefined;
  /** AI_ALL: with v4Mapped, both. */
  readonly all?: boolean | undefined;
  /** AI_ADDRCONFIG: only families of which this host has an address beyond loopback. */
  readonly addressConfig?: boolean | undefined;
}

/** One way to reach the host. */
export interface AddressInfo {
  readonly family: Family;
  readonly type: SocketType;
  /** Such as 6 for TCP and 17 for UDP. */
  readonly protocol: number;
  readonly address: SocketAddr;
  /** On the first entry, where it was asked for. */
  readonly canonicalName?: string;
}

const FAMILIES = { ipv4: C.AF_INET, ipv6: C.AF_INET6 } as const;
const TYPES = { stream: C.SOCK_STREAM, datagram: C.SOCK_DGRAM, raw: C.SOCK_RAW } as const;
const TYPE_NAMES = new Map(
  Object.entries(TYPES).map(([name, number]) => [number as number, name as SocketType]),
);
const FLAGS = {
  passive: C.AI_PASSIVE,
  canonicalName: C.AI_CANONNAME,
  numericHost: C.AI_NUMERICHOST,
  numericService: C.AI_NUMERICSERV,
  v4Mapped: C.AI_V4MAPPED,
  all: C.AI_ALL,
  addressConfig: C.AI_ADDRCONFIG,
} as const;

const MAX_SERVICE = 64;

/**
 * Asks libc: /etc/hosts, DNS and whatever else nsswitch.conf names, in the order of RFC 6724. A host outside of ASCII
 * is asked for in its IDNA form (UTS #46). The lookup runs on libuv's pool; at most half of its threads at a time.
 *
 * @param host a name or an address, with a zone as in `fe80::1%eth0`; `undefined` is loopback, or the wildcard
 * address with `passive`. libc also takes inet_aton's legacy forms here, which {@link resolve} refuses.
 * @param service a service name or a port; `undefined` is port 0
 * @returns at least one address, in the order in which they should be tried
 * @throws {ResolveError} with getaddrinfo's code
 * @throws {RangeError} for a port outside 0 … 65535, which glibc would cut to 16 bits
 * @throws the signal's reason, or {@link TimeoutError}
 * @see man 3 getaddrinfo
 */
export async function getaddrinfo(
  host: string | undefined,
  service: string | number | undefined,
  hints: AddressHints = {},
  options?: C.WaitOptions,
): Promise<AddressInfo[]> {
  const [node, port] = question(host, service);
  const list = await cancellable<C.AddrInfo[]>(
    "getaddrinfo",
    host ?? port ?? "",
    options,
    (done) => C.getaddrinfo(node, port, cHints(hints), done),
    (error, errno) => failure(error, errno, host, port),
  );
  return answer(list);
}

/**
 * {@link getaddrinfo} for a thread that does nothing else meanwhile.
 * @param timeoutMs `Infinity` is for ever; what has begun runs on unheard where the time is over
 * @throws as {@link getaddrinfo}
 */
export function getaddrinfoBlocking(
  host: string | undefined,
  service: string | number | undefined,
  hints: AddressHints = {},
  timeoutMs: number = Number.POSITIVE_INFINITY,
): AddressInfo[] {
  const [node, port] = question(host, service);
  const result = C.getaddrinfoBlocking(node, port, cHints(hints), timeoutMs);
  if (result === undefined) throw new C.TimeoutError("getaddrinfo", timeoutMs, host ?? port ?? "");
  if (result.error !== 0) throw failure(result.error, result.errno, host, port);
  return answer(result.list);
}

function question(
  host: string | undefined,
  service: string | number | undefined,
): [node: string | null, port: string | null] {
  const node = host === undefined ? null : asciiHost(host, service);
  const port = service === undefined ? null : checkService(service, host);
  if (node === null && port === null) throw new TypeError("getaddrinfo: expected a host, a service, or both");
  return [node, port];
}

function failure(error: number, errno: number, host: string | undefined, port: string | null): ResolveError {
  const files = outOfFiles();
  if (files !== 0) return new ResolveError(C.EAI_SYSTEM, host, port ?? undefined, { errno: files });
  return new ResolveError(error, host, port ?? undefined, { errno });
}

function answer(list: readonly C.AddrInfo[]): AddressInfo[] {
  return list.flatMap((entry) => {
    const address = C.decodeSockaddr(entry.ai_addr);
    const type = TYPE_NAMES.get(entry.ai_socktype);
    if (address === undefined || type === undefined) return []; // neither IPv4 nor IPv6; or DCCP's own type
    return {
      family: address.family,
      type,
      protocol: entry.ai_protocol,
      address,
      ...(entry.ai_canonname === undefined ? {} : { canonicalName: entry.ai_canonname }),
    };
  });
}

/** libc calls a name unknown where it cannot open /etc/hosts for want of files. @returns that errno, or 0 */
function outOfFiles(): number {
  const fd = C.socket(C.AF_INET, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0);
  if (fd >= 0) C.close(fd);
  return fd === -C.errno.EMFILE || fd === -C.errno.ENFILE ? -fd : 0;
}

function cHints(hints: AddressHints): C.AddrInfoHints {
  const { family, type, protocol = 0 } = hints;
  if (family !== undefined && !Object.hasOwn(FAMILIES, family)) {
    throw new TypeError(`family: expected "ipv4" or "ipv6", got ${String(family)}`);
  }
  if (type !== undefined && !Object.hasOwn(TYPES, type)) {
    throw new TypeError(`type: expected "stream", "datagram" or "raw", got ${String(type)}`);
  }
  if (!Number.isInteger(protocol) || protocol < 0 || protocol > 0x7fffffff) {
    throw new RangeError(`protocol: expected a protocol number, got ${String(protocol)}`);
  }
  return {
    ai_flags: flagBits(FLAGS, hints),
    ai_family: family === undefined ? C.AF_UNSPEC : FAMILIES[family],
    ai_socktype: type === undefined ? 0 : TYPES[type],
    ai_protocol: protocol,
  };
}

/** Whether a text is meant as a port, right or wrong, and not as the name of a service; some names begin with a digit. */
export function looksLikePort(text: string): boolean {
  return /^\s*[+-]?[\d.]+(e\d+)?$/i.test(text);
}

function checkService(service: string | number, host: string | undefined): string {
  const text = String(service);
  if (typeof service === "number" || looksLikePort(text)) {
    // glibc reads these with strtoul(3) and keeps the low 16 bits
    if (!/^(0|[1-9]\d{0,4})$/.test(text) || Number(text) > 65535) {
      throw new RangeError(`port: expected a whole number from 0 to 65535, got ${text}`);
    }
    return text;
  }
  if (text === "" || text.length > MAX_SERVICE || /[\0-\x20\x7f]/.test(text)) {
    throw new ResolveError(C.EAI_SERVICE, host, text);
  }
  return text;
}
