/** libc's resolver, on libuv's thread pool: getaddrinfo, getnameinfo, gai_strerror. */
import { EAI_MEMORY, NI_MAXHOST, NI_MAXSERV } from "./constants.ts";
import { asyncErrno, libc, libcAsync, memoryText, memoryView } from "./ffi.ts";
import { addrinfo } from "./structs.ts";

const c_getaddrinfo = libcAsync("int getaddrinfo(const char *, const char *, const void *, void *)");
const c_getnameinfo = libcAsync(
  "int getnameinfo(const void *, unsigned int, void *, unsigned int, void *, unsigned int, int)",
);
const c_freeaddrinfo = libc<(list: bigint) => void>("void freeaddrinfo(void *)");
const c_gai_strerror = libc<(code: number) => string>("const char *gai_strerror(int)");

/** The fields of the hints that count, under their C names. */
export interface AddrInfoHints {
  readonly ai_flags: number;
  readonly ai_family: number;
  readonly ai_socktype: number;
  readonly ai_protocol: number;
}

/** One entry of the list, copied out of C's memory. */
export interface AddrInfo extends AddrInfoHints {
  /** The kernel's bytes of the address. */
  readonly ai_addr: Uint8Array;
  readonly ai_canonname: string | undefined;
}

/** `error` is 0 or one of EAI_…; `errno` counts where it is EAI_SYSTEM. */
type Done<T> = (error: number, errno: number, value: T) => void;

/** Far below the 256 asynchronous calls that koffi can have under way in a process, workers included. */
const MOST_THREADS = 32;
// libuv's pool also serves node:fs and node:crypto, and a name server that does not answer holds a thread for many
// seconds: no more than half of the threads may wait for names, as Node has it for its own dns.lookup.
const POOL = Number(process.env.UV_THREADPOOL_SIZE ?? 4) || 1;
const THREADS = Math.min(Math.max(1, Math.floor(POOL / 2)), MOST_THREADS);
const jobs: (() => void)[] = [];
let running = 0;

/** Queues `job`; gives a function that takes it back, and tells whether it had not yet begun. */
function enqueue(job: () => void): () => boolean {
  jobs.push(job);
  next();
  return () => {
    const index = jobs.indexOf(job);
    if (index >= 0) jobs.splice(index, 1);
    return index >= 0;
  };
}

function next(): void {
  if (running >= THREADS) return;
  const job = jobs.shift();
  if (job === undefined) return;
  running++;
  job();
}

/** How many calls are on the pool's threads now. The process cannot end by itself before they come back. */
export function resolverCallsRunning(): number {
  return running;
}

/** Runs from koffi's callback, which loses what it throws: everything is put off to the event loop. */
function ended<T>(done: Done<T>, error: number, errno: number, value: () => T): void {
  setImmediate(() => {
    running--;
    next();
    done(error, errno, value());
  });
}

/**
 * `int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)`
 * The strings must hold no NUL. `done` is called once, on a turn of the event loop.
 * @returns a function that takes the call back, which C cannot: true where it had not begun, so that `done` is
 * not called; false where its result will still come
 * @see man 3 getaddrinfo
 */
export function getaddrinfo(
  node: string | null,
  service: string | null,
  hints: AddrInfoHints,
  done: Done<AddrInfo[]>,
): () => boolean {
  const hintBytes = addrinfo.encode(hints);
  const result = new BigUint64Array(1);
  const resultBytes = new Uint8Array(result.buffer);
  return enqueue(() => {
    c_getaddrinfo.async(node, service, hintBytes, resultBytes, (failure, error) => {
      const errno = asyncErrno();
      const code = failure === null ? error : EAI_MEMORY; // koffi could not make the call
      ended(done, code, errno, () => (code === 0 ? takeList(result[0] as bigint) : []));
    });
  });
}

/** Copies a list out of C's memory, and frees it. */
export function takeList(head: bigint): AddrInfo[] {
  const list: AddrInfo[] = [];
  for (let address = head; address !== 0n; ) {
    const entry = addrinfo.decode(memoryView(address, addrinfo.size));
    list.push({
      ai_flags: entry.ai_flags,
      ai_family: entry.ai_family,
      ai_socktype: entry.ai_socktype,
      ai_protocol: entry.ai_protocol,
      ai_addr: memoryView(entry.ai_addr, entry.ai_addrlen).slice(),
      ai_canonname: entry.ai_canonname === 0n ? undefined : memoryText(entry.ai_canonname),
    });
    address = entry.ai_next;
  }
  c_freeaddrinfo(head);
  return list;
}

/**
 * `int getnameinfo(const struct sockaddr *addr, socklen_t addrlen, char *host, …, char *serv, …, int flags)`
 * @returns as {@link getaddrinfo}
 * @see man 3 getnameinfo
 */
export function getnameinfo(
  addr: Uint8Array,
  flags: number,
  done: Done<{ readonly host: string; readonly service: string }>,
): () => boolean {
  const host = new Uint8Array(NI_MAXHOST);
  const service = new Uint8Array(NI_MAXSERV);
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  return enqueue(() => {
    c_getnameinfo.async(
      addr,
      addr.length,
      host,
      host.length,
      service,
      service.length,
      flags,
      (failure, error) => {
        const errno = asyncErrno();
        if (failure !== null) throw failure;
        ended(done, error, errno, () => ({ host: text(host), service: text(service) }));
      },
    );
  });
}

/**
 * `const char *gai_strerror(int errcode)`
 * @see man 3 gai_strerror
 */
export function gai_strerror(code: number): string {
  return c_gai_strerror(code);
}
