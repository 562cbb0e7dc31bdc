/** getaddrinfo, getnameinfo, the services, the interfaces and the host's name, as libc looks them up. */
import * as C from "../sys/index.ts";
import { bytes, fillable, int, type pointer, show, text, whole } from "./_check.ts";
import { fail } from "./errno.ts";
import { type const_sockaddr, encodeAddress, type sockaddr, sockaddr_in, sockaddr_in6 } from "./sockaddr.ts";

/** `struct addrinfo`, man 3 getaddrinfo. */
export interface addrinfo {
  ai_flags: number;
  /** AF_INET or AF_INET6: which of its structs `ai_addr` is. */
  ai_family: number;
  ai_socktype: number;
  ai_protocol: number;
  ai_addrlen: number;
  ai_addr: sockaddr;
  /** Of the first entry, where AI_CANONNAME was asked for. */
  ai_canonname: string | null;
  ai_next: addrinfo | null;
}

/** The fields of the hints that count; those left out are 0. */
export type addrinfo_hints = Readonly<
  Partial<Pick<addrinfo, "ai_flags" | "ai_family" | "ai_socktype" | "ai_protocol">>
>;

/**
 * `int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)`. It blocks
 * the thread until libc has the answer, or has given up on it.
 * @param res emptied and filled with the entries, each of which is also the `ai_next` of the one before
 * @returns 0, or one of EAI_…, see {@link gai_strerror}
 * @see man 3 getaddrinfo
 */
export function getaddrinfo(
  node: string | null,
  service: string | null,
  hints: addrinfo_hints | null,
  res: addrinfo[],
): number {
  const [host, port] = [
    node === null ? null : text("node", node),
    service === null ? null : text("service", service),
  ];
  if (!Array.isArray(res)) throw new TypeError(`res: expected an array to fill, got ${show(res)}`);
  const { error, errno, list } = C.getaddrinfoNow(host, port, hints === null ? null : encodeHints(hints));
  if (error !== 0) {
    if (error === C.EAI_SYSTEM) fail(errno);
    return error;
  }
  const entries = list.map(
    (entry): addrinfo => ({
      ai_flags: entry.ai_flags,
      ai_family: entry.ai_family,
      ai_socktype: entry.ai_socktype,
      ai_protocol: entry.ai_protocol,
      ai_addrlen: entry.ai_addr.length,
      ai_addr: addressOf(entry.ai_family, entry.ai_addr),
      ai_canonname: entry.ai_canonname ?? null,
      ai_next: null,
    }),
  );
  entries.forEach((entry, i) => {
    entry.ai_next = entries[i + 1] ?? null;
  });
  res.splice(0, res.length, ...entries);
  return 0;
}

function addressOf(family: number, addr: Uint8Array): sockaddr {
  if (family === C.AF_INET) return sockaddr_in(addr);
  return family === C.AF_INET6 ? sockaddr_in6(addr) : addr;
}

function encodeHints(hints: addrinfo_hints): C.AddrInfoHints {
  if (typeof hints !== "object") throw new TypeError(`hints: expected an object or null, got ${show(hints)}`);
  const { ai_flags = 0, ai_family = 0, ai_socktype = 0, ai_protocol = 0 } = hints;
  return {
    ai_flags: int("ai_flags", ai_flags),
    ai_family: int("ai_family", ai_family),
    ai_socktype: int("ai_socktype", ai_socktype),
    ai_protocol: int("ai_protocol", ai_protocol),
  };
}

/** `void freeaddrinfo(struct addrinfo *res)`: empties the list. Nothing has to be freed here. */
export function freeaddrinfo(res: addrinfo[]): void {
  if (!Array.isArray(res)) throw new TypeError(`res: expected the array of getaddrinfo, got ${show(res)}`);
  res.length = 0;
}

/**
 * `const char *gai_strerror(int errcode)`
 * @see man 3 gai_strerror
 */
export function gai_strerror(errcode: number): string {
  return C.gai_strerror(int("errcode", errcode));
}

/** Names are shorter: NI_MAXHOST is 1025. */
const MOST_NAME = 4096;

/**
 * `int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *serv,
 * socklen_t servlen, int flags)`. It blocks the thread.
 * @param addrlen `undefined` for that of the address
 * @param host filled with the host's name; `null` where it is not wanted. So `serv`
 * @param hostlen the room that C would have for it, NI_MAXHOST at most
 * @returns 0, or one of EAI_…
 * @see man 3 getnameinfo
 */
export function getnameinfo(
  addr: const_sockaddr,
  addrlen: number | undefined,
  host: pointer<string> | null,
  hostlen: number,
  serv: pointer<string> | null,
  servlen: number,
  flags: number,
): number {
  const address = encodeAddress("addr", addr, addrlen);
  const room = (name: string, to: pointer<string> | null, length: number): number => {
    const most = Math.min(whole(`${name}len`, length, 0, 2 ** 32 - 1), MOST_NAME);
    return to === null || fillable(name, to, ["value"]) === null ? 0 : most;
  };
  const rooms = [room("host", host, hostlen), room("serv", serv, servlen)] as const;
  const found = C.getnameinfoNow(bytes("addr", address), ...rooms, int("flags", flags));
  if (found.error === C.EAI_SYSTEM) fail(found.errno);
  if (found.error !== 0) return found.error;
  if (host !== null && rooms[0] > 0) host.value = found.host;
  if (serv !== null && rooms[1] > 0) serv.value = found.service;
  return 0;
}

/** `struct servent`, man 3 getservbyname. */
export interface servent {
  s_name: string;
  s_aliases: string[];
  /** In network byte order. */
  s_port: number;
  s_proto: string;
}

function service(found: C.ServiceEntry | number | undefined): servent | null {
  if (typeof found === "number") fail(-found);
  if (typeof found !== "object") return null;
  return { ...found, s_aliases: [...found.s_aliases] };
}

/**
 * `struct servent *getservbyname(const char *name, const char *proto)`, from `/etc/services`
 * @param proto `"tcp"`, `"udp"`, or `null` for any
 * @returns `null` where there is no such service
 * @see man 3 getservbyname
 */
export function getservbyname(name: string, proto: string | null): servent | null {
  return service(C.getservbyname(text("name", name), proto === null ? null : text("proto", proto)));
}

/**
 * `struct servent *getservbyport(int port, const char *proto)`
 * @param port in network byte order: `htons(80)`
 * @returns as {@link getservbyname}
 * @see man 3 getservbyport
 */
export function getservbyport(port: number, proto: string | null): servent | null {
  return service(C.getservbyport(int("port", port), proto === null ? null : text("proto", proto)));
}

/**
 * `unsigned int if_nametoindex(const char *ifname)`
 * @returns the interface's index, or 0
 * @see man 3 if_nametoindex
 */
export function if_nametoindex(ifname: string): number {
  const index = C.if_nametoindex(text("ifname", ifname));
  if (index >= 0) return index;
  fail(-index);
  return 0;
}

/**
 * `char *if_indextoname(unsigned int ifindex, char *ifname)`
 * @returns the interface's name, or `null`
 * @see man 3 if_indextoname
 */
export function if_indextoname(ifindex: number): string | null {
  const name = C.interfaceName(whole("ifindex", ifindex, 0, 2 ** 32 - 1));
  if (typeof name === "string") return name;
  fail(-name);
  return null;
}

/**
 * `int gethostname(char *name, size_t len)`
 * @param name filled
 * @param len the room that C would have for it
 * @returns 0 or -1
 * @see man 2 gethostname
 */
export function gethostname(name: pointer<string>, len = 256): number {
  fillable("name", name, ["value"]);
  const found = C.gethostname(whole("len", len, 0, Number.MAX_SAFE_INTEGER));
  if (typeof found === "number") return fail(-found);
  name.value = found;
  return 0;
}
