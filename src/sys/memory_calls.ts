/** Memory that is shared with the kernel: mmap and munmap, and what keeps views of it safe after its end. */
import { isMainThread } from "node:worker_threads";
import { isX64 } from "./_platform.ts";
import { MAP_SHARED, PROT_READ, PROT_WRITE } from "./constants.ts";
import { callWithThread, libc, memoryView, negativeErrno, symbolAddress } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";

type Mmap = (
  address: bigint | null,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
) => bigint | null;
const c_mmap = libc<Mmap>("void *mmap(void *, size_t, int, int, int, intptr_t)");
const c_munmap = libc<(address: bigint, length: number) => number>("int munmap(void *, size_t)");
const c_mprotect = libc<(address: bigint, length: number, protection: number) => number>(
  "int mprotect(void *, size_t, int)",
);
const c_malloc = libc<(bytes: number) => bigint>("void *malloc(size_t)");
const c_free = libc<(address: bigint) => void>("void free(void *)");

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const PROT_EXEC = 4;
const PAGE_BYTES = 4096;

/** An area of addresses, and what takes back that it is unmapped with the thread. */
interface Area {
  readonly address: bigint;
  readonly length: number;
  readonly keep: () => void;
}

/** Unmaps what nobody can have a view of any more. */
const collected = new FinalizationRegistry<Area>(({ address, length, keep }) => {
  keep();
  c_munmap(address, length);
});

/**
 * `void *mmap(NULL, size_t length, PROT_READ | PROT_WRITE, MAP_SHARED, int fd, 0)`: memory of a file or socket.
 *
 * Views of it can outlive it without harm: {@link MappedMemory.end} puts pages of zeros in its place, of which none
 * takes memory before it is written to. The addresses are given back when the last view is garbage-collected, or with
 * the thread.
 * @see man 2 mmap
 */
export class MappedMemory {
  /** All of it. Zeros after {@link end}. */
  readonly bytes: Uint8Array;
  readonly #address: bigint;
  readonly #length: number;
  #ended = false;

  private constructor(address: bigint, length: number) {
    this.#address = address;
    this.#length = length;
    this.bytes = memoryView(address, length);
    collected.register(this.bytes.buffer, { address, length, keep: unmapWithThread(address, length) }, this);
  }

  /** @returns the memory, or `-errno` */
  static of(fd: number, length: number): MappedMemory | number {
    checkFd(fd);
    const address = c_mmap(null, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address === MAP_FAILED || address === null) return negativeErrno();
    return new MappedMemory(address, length);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Lets go of the file or socket. A second time it does nothing. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const length = this.#length;
    if (this.bytes.length === 0) collected.unregister(this); // transferred: who has it now, nobody knows
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    // Where memory that can be written to must be reserved (vm.overcommit_memory 2), memory for reading need not be.
    for (const protection of [PROT_READ | PROT_WRITE, PROT_READ]) {
      if (c_mmap(this.#address, length, protection, flags, -1, 0) !== MAP_FAILED) return;
    }
  }
}

/**
 * `void callTwo(struct { void (*f)(void *, void *); void *a, *b; } *p) { p->f(p->a, p->b); }`, for {@link unmapWithThread}:
 * no function of libc does this.
 */
const CALL_TWO = isX64
  ? Uint8Array.of(
      ...[0x48, 0x8b, 0x77, 0x10], // mov rsi, [rdi + 16]
      ...[0x48, 0x8b, 0x07], // mov rax, [rdi]
      ...[0x48, 0x8b, 0x7f, 0x08], // mov rdi, [rdi + 8]
      ...[0xff, 0xe0], // jmp rax
    )
  : Uint8Array.of(
      ...[0x01, 0x08, 0x40, 0xf9], // ldr x1, [x0, #16]
      ...[0x10, 0x00, 0x40, 0xf9], // ldr x16, [x0]
      ...[0x00, 0x04, 0x40, 0xf9], // ldr x0, [x0, #8]
      ...[0x00, 0x02, 0x1f, 0xd6], // br x16
    );

let callTwo: bigint | undefined;

/** The code in a page of its own, for the rest of the process: it is called when this thread's JavaScript is gone. */
function callTwoAddress(): bigint | undefined {
  if (callTwo !== undefined) return callTwo;
  const page = c_mmap(null, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page === MAP_FAILED || page === null) return undefined;
  memoryView(page, CALL_TWO.length).set(CALL_TWO);
  if (c_mprotect(page, PAGE_BYTES, PROT_READ | PROT_EXEC) < 0) return undefined;
  callTwo = page;
  return page;
}

/**
 * Has memory unmapped when this worker ends, even by `worker.terminate()`: a mapping holds its socket open, which would go
 * on receiving for the life of the process. Node-API calls a function of one argument then, and munmap has two.
 * @returns takes it back
 */
function unmapWithThread(address: bigint, length: number): () => void {
  if (isMainThread) return () => {};
  const code = callTwoAddress();
  if (code === undefined) return () => {}; // a system that forbids new code
  const argument = c_malloc(24);
  const words = new BigUint64Array(memoryView(argument, 24).buffer);
  words.set([symbolAddress("munmap"), address, BigInt(length)]);
  const takeBack = callWithThread(code, argument);
  return () => {
    takeBack();
    c_free(argument);
  };
}
