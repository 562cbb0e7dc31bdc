/** libc's name calls on this thread, as C makes them: getaddrinfo, getnameinfo, getservbyname, getservbyport. */
import { i32, struct, u64 } from "../bytes/index.ts";
import { EAI_SYSTEM } from "./constants.ts";
import { errno } from "./errno.ts";
import { libc, memoryText, memoryView, negativeErrno } from "./ffi.ts";
import { type AddrInfo, type AddrInfoHints, takeList } from "./netdb.ts";
import { addrinfo, SOCKADDR_STORAGE_LEN } from "./structs.ts";

const c_getaddrinfo = libc<
  (node: string | null, service: string | null, hints: Uint8Array | null, result: Uint8Array) => number
>("int getaddrinfo(const char *, const char *, const void *, void *)");
const c_getnameinfo = libc<
  (
    addr: Uint8Array,
    addrlen: number,
    host: Uint8Array | null,
    hostlen: number,
    serv: Uint8Array | null,
    servlen: number,
    flags: number,
  ) => number
>("int getnameinfo(const void *, unsigned int, void *, unsigned int, void *, unsigned int, int)");
type ServiceCall<K> = (
  key: K,
  proto: string | null,
  entry: Uint8Array,
  text: Uint8Array,
  room: number,
  result: Uint8Array,
) => number;
const c_getservbyname_r = libc<ServiceCall<string>>(
  "int getservbyname_r(const char *, const char *, void *, void *, size_t, void *)",
);
const c_getservbyport_r = libc<ServiceCall<number>>(
  "int getservbyport_r(int, const char *, void *, void *, size_t, void *)",
);

/**
 * `int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)`. It
 * blocks the thread. The strings must hold no NUL.
 * @returns `error` 0 or one of EAI_…; `errno` counts where it is EAI_SYSTEM
 * @see man 3 getaddrinfo
 */
export function getaddrinfoNow(
  node: string | null,
  service: string | null,
  hints: AddrInfoHints | null,
): { readonly error: number; readonly errno: number; readonly list: AddrInfo[] } {
  const result = new BigUint64Array(1);
  const hintBytes = hints === null ? null : addrinfo.encode(hints);
  const error = c_getaddrinfo(node, service, hintBytes, new Uint8Array(result.buffer));
  if (error !== 0) return { error, errno: error === EAI_SYSTEM ? -negativeErrno() : 0, list: [] };
  return { error, errno: 0, list: takeList(result[0] as bigint) };
}

/**
 * `int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, socklen_t hostlen, char *serv,
 * socklen_t servlen, int flags)`. It blocks the thread.
 * @param hostlen room for the name, its NUL included; 0 where it is not wanted. So `servlen`
 * @returns `error` 0 or one of EAI_…; `errno` counts where it is EAI_SYSTEM
 * @see man 3 getnameinfo
 */
export function getnameinfoNow(
  addr: Uint8Array,
  hostlen: number,
  servlen: number,
  flags: number,
): { readonly error: number; readonly errno: number; readonly host: string; readonly service: string } {
  const padded = new Uint8Array(addr.length + SOCKADDR_STORAGE_LEN); // glibc reads a sun_path to its NUL, come what may
  padded.set(addr);
  const host = hostlen > 0 ? new Uint8Array(hostlen) : null;
  const service = servlen > 0 ? new Uint8Array(servlen) : null;
  const error = c_getnameinfo(padded, addr.length, host, hostlen, service, servlen, flags);
  const number = error === EAI_SYSTEM ? -negativeErrno() : 0;
  return { error, errno: number, host: cText(host), service: cText(service) };
}

function cText(bytes: Uint8Array | null): string {
  if (bytes === null) return "";
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** An entry of the services database, copied out of C's memory. */
export interface ServiceEntry {
  readonly s_name: string;
  readonly s_aliases: readonly string[];
  /** In network byte order. */
  readonly s_port: number;
  readonly s_proto: string;
}

/** `struct servent`, netdb.h; the pointers as numbers. */
const servent = struct("servent", { s_name: u64, s_aliases: u64, s_port: i32, s_proto: u64 });

/**
 * `struct servent *getservbyname(const char *name, const char *proto)`. The strings must hold no NUL.
 * @returns `undefined` where there is no such service, or `-errno`
 * @see man 3 getservbyname
 */
export function getservbyname(name: string, proto: string | null): ServiceEntry | number | undefined {
  return lookUp(c_getservbyname_r, name, proto);
}

/**
 * `struct servent *getservbyport(int port, const char *proto)`
 * @param port in network byte order
 * @returns as {@link getservbyname}
 * @see man 3 getservbyport
 */
export function getservbyport(port: number, proto: string | null): ServiceEntry | number | undefined {
  return lookUp(c_getservbyport_r, port, proto);
}

const MOST_ROOM = 1 << 20;

/** The room that the pointers of an entry lead to, until its texts are copied: maybe nothing else keeps it alive. */
const held: Uint8Array[] = [];

function lookUp<K>(call: ServiceCall<K>, key: K, proto: string | null): ServiceEntry | number | undefined {
  const entry = new Uint8Array(new ArrayBuffer(servent.size));
  const result = new BigUint64Array(1);
  for (let room = 1024; ; room *= 4) {
    const text = new Uint8Array(new ArrayBuffer(room));
    held[0] = text;
    const error = call(key, proto, entry, text, room, new Uint8Array(result.buffer));
    if (error === errno.ERANGE && room < MOST_ROOM) continue;
    if (result[0] === 0n) return error === 0 || error === errno.ENOENT ? undefined : -error;
    const found = takeService(entry);
    held.pop();
    return found;
  }
}

function takeService(entry: Uint8Array): ServiceEntry {
  const { s_name, s_aliases, s_port, s_proto } = servent.decode(entry);
  const aliases: string[] = [];
  for (let at = s_aliases; ; at += 8n) {
    const cell = memoryView(at, 8);
    const alias = new DataView(cell.buffer, cell.byteOffset, 8).getBigUint64(0, true);
    if (alias === 0n) break;
    aliases.push(memoryText(alias));
  }
  return { s_name: memoryText(s_name), s_aliases: aliases, s_port, s_proto: memoryText(s_proto) };
}
