/** libc's getaddrinfo for a thread that waits for the answer, and can give up waiting. */
import { byteArray, i32, struct, u64 } from "../bytes/index.ts";
import * as EAI from "./constants.ts";
import { POLLIN } from "./constants.ts";
import { errno } from "./errno.ts";
import { libc, memoryView, symbolAddress } from "./ffi.ts";
import { pollOne } from "./io_calls.ts";
import { type AddrInfo, type AddrInfoHints, takeList } from "./netdb.ts";
import { addrinfo } from "./structs.ts";

const calloc = libc<(count: number, size: number) => bigint | null>("void *calloc(size_t, size_t)");
const free = libc<(address: bigint) => void>("void free(void *)");
const uv_loop_size = libc<() => number>("size_t uv_loop_size()");
const uv_loop_init = libc<(loop: bigint) => number>("int uv_loop_init(void *)");
const uv_loop_close = libc<(loop: bigint) => number>("int uv_loop_close(void *)");
const uv_run = libc<(loop: bigint, mode: number) => number>("int uv_run(void *, int)");
const uv_backend_fd = libc<(loop: bigint) => number>("int uv_backend_fd(void *)");
const uv_req_size = libc<(type: number) => number>("size_t uv_req_size(int)");
const uv_cancel = libc<(request: bigint) => number>("int uv_cancel(void *)");
const uv_getaddrinfo = libc<
  (
    loop: bigint,
    request: bigint,
    done: bigint,
    node: string | null,
    service: string | null,
    hints: Uint8Array,
  ) => number
>("int uv_getaddrinfo(void *, void *, void *, const char *, const char *, const void *)");

const UV_GETADDRINFO = 8; // enum uv_req_type, uv.h
const UV_RUN_NOWAIT = 2; // enum uv_run_mode, uv.h

/** `uv_getaddrinfo_t`, uv.h 1.x, on 64-bit systems: 160 bytes. */
const uv_getaddrinfo_t = struct("uv_getaddrinfo_t", {
  before: byteArray(144, 8),
  addrinfo: u64,
  retcode: i32,
});

/** What libuv makes of getaddrinfo's errors, uv/errno.h: UV_EAI_… */
const FROM_UV: ReadonlyMap<number, number> = new Map([
  [-3000, EAI.EAI_ADDRFAMILY],
  [-3001, EAI.EAI_AGAIN],
  [-3002, EAI.EAI_BADFLAGS],
  [-3004, EAI.EAI_FAIL],
  [-3005, EAI.EAI_FAMILY],
  [-3006, EAI.EAI_MEMORY],
  [-3007, EAI.EAI_NODATA],
  [-3008, EAI.EAI_NONAME],
  [-3009, EAI.EAI_OVERFLOW],
  [-3010, EAI.EAI_SERVICE],
  [-3011, EAI.EAI_SOCKTYPE],
]);

/** `worker.terminate()` takes effect between two calls only. */
const SLICE_MS = 200;

/** `error` is 0 or one of EAI_…; `errno` counts where it is EAI_SYSTEM. */
export interface AddrInfoResult {
  readonly error: number;
  readonly errno: number;
  readonly list: AddrInfo[];
}

/**
 * A loop of libuv and a request in it, in memory of C: where a worker is ended while the pool still works on it, both
 * stay, and the loop's fds stay open.
 */
interface Lookup {
  readonly loop: bigint;
  readonly request: bigint;
}

/** Lookups that nobody waits for any more, and that the pool has not ended. */
let forsaken: Lookup[] = [];

/**
 * `getaddrinfo(3)`, on libuv's pool, while this thread sleeps: the call itself could not be given up, and would hold up
 * `worker.terminate()` for as long as a name server is silent. The loop is one of its own, since the thread's must not
 * turn meanwhile. The strings must hold no NUL.
 * @param waitMs how long to wait; `Infinity` for ever
 * @returns `undefined` where the time is over; the call then runs on unheard until it ends
 */
export function getaddrinfoBlocking(
  node: string | null,
  service: string | null,
  hints: AddrInfoHints,
  waitMs: number,
): AddrInfoResult | undefined {
  forsaken = forsaken.filter((lookup) => take(lookup) === undefined);
  const deadline = performance.now() + waitMs;
  const begun = begin(node, service, hints);
  if (typeof begun === "number") return failed(begun);
  for (;;) {
    const result = take(begun);
    if (result !== undefined) return result;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) {
      uv_cancel(begun.request); // where it has not begun
      forsaken.push(begun);
      return undefined;
    }
    pollOne(uv_backend_fd(begun.loop), POLLIN, Math.ceil(Math.min(leftMs, SLICE_MS)));
  }
}

function begin(node: string | null, service: string | null, hints: AddrInfoHints): Lookup | number {
  if (uv_req_size(UV_GETADDRINFO) !== uv_getaddrinfo_t.size) {
    throw new Error("windsock: this Node.js has another libuv than 1.x; blocking lookups cannot work here");
  }
  const loop = calloc(1, uv_loop_size());
  const request = calloc(1, uv_getaddrinfo_t.size);
  if (!loop || !request) return -errno.ENOMEM;
  const made = uv_loop_init(loop);
  // A C function that does nothing stands for the callback: the request itself tells what came of it.
  const begun =
    made < 0 ? made : uv_getaddrinfo(loop, request, nothing, node, service, addrinfo.encode(hints));
  if (begun === 0) return { loop, request };
  if (made === 0) uv_loop_close(loop);
  free(loop);
  free(request);
  return begun;
}

const nothing = symbolAddress("getppid");

/** The result of a lookup that has ended, whose memory is freed; `undefined` where it has not. */
function take({ loop, request }: Lookup): AddrInfoResult | undefined {
  if (uv_run(loop, UV_RUN_NOWAIT) !== 0) return undefined;
  const { addrinfo: head, retcode } = uv_getaddrinfo_t.decode(memoryView(request, uv_getaddrinfo_t.size));
  const result = retcode === 0 ? { error: 0, errno: 0, list: takeList(head) } : failed(retcode);
  uv_loop_close(loop);
  free(loop);
  free(request);
  return result;
}

function failed(code: number): AddrInfoResult {
  const error = FROM_UV.get(code);
  if (error !== undefined) return { error, errno: 0, list: [] };
  return { error: EAI.EAI_SYSTEM, errno: -code, list: [] };
}
