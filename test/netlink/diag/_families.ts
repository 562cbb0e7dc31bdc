/** What the tests of the families share: plain file descriptors with their inodes, ss's columns, and wrong bytes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fstatSync, readFileSync } from "node:fs";
import { WireError } from "../../../src/bytes/index.ts";
import * as C from "../../../src/sys/index.ts";
import type { FakeKernel } from "../_fake_kernel.ts";

/** Sockets that are nothing but file descriptors, closed together. */
export class Fds implements Disposable {
  readonly #all: number[] = [];

  open(domain: number, type: number, protocol = 0): number {
    return this.keep(C.check(C.socket(domain, type | C.SOCK_CLOEXEC | C.SOCK_NONBLOCK, protocol), "socket"));
  }

  pair(type: number): [number, number] {
    const pair = C.socketpair(C.AF_UNIX, type | C.SOCK_CLOEXEC, 0);
    if (typeof pair === "number") throw new C.SysError(pair, "socketpair");
    return [this.keep(pair[0]), this.keep(pair[1])];
  }

  keep(fd: number): number {
    this.#all.push(fd);
    return fd;
  }

  close(fd: number): void {
    this.#all.splice(this.#all.indexOf(fd), 1);
    C.close(fd);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#all) C.close(fd);
  }
}

export function inodeOf(fd: number): bigint {
  return fstatSync(fd, { bigint: true }).ino;
}

export function cookieOf(fd: number): bigint {
  const value = new Uint8Array(8);
  C.check(C.getsockopt(fd, C.SOL_SOCKET, C.SO_COOKIE, value), "getsockopt");
  return new DataView(value.buffer).getBigUint64(0, true);
}

/** Gives up root's capabilities until it is disposed of. */
export function asNobody(): Disposable {
  process.setegid?.(65534);
  process.seteuid?.(65534);
  return {
    [Symbol.dispose]() {
      process.seteuid?.(0);
      process.setegid?.(0);
    },
  };
}

export const notRoot: string | false = process.getuid?.() !== 0 && "needs root to give it up";

export function int32s(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** The socket with an inode. */
export function byInode<T extends { readonly inode: bigint }>(sockets: readonly T[], fd: number): T {
  const found = sockets.filter(({ inode }) => inode === inodeOf(fd));
  assert.equal(found.length, 1, `socket ${inodeOf(fd)} stands there ${found.length} times`);
  return found[0] as T;
}

/** ss's lines. It asks the kernel by itself, so that this process may not change anything meanwhile. */
export function ss(...args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync("ss", ["-HO", ...args], { encoding: "latin1" });
  assert.equal(status, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

/** The lines of a table of /proc/net, without their heading, in words. */
export function procNet(name: string): string[][] {
  const text = readFileSync(`/proc/thread-self/net/${name}`, "latin1");
  return text
    .split("\n")
    .slice(1, -1)
    .map((line) => line.trim().split(/ +/));
}

/** Has a kernel say ENOENT to whatever it is asked. */
export function refuseAll(kernel: FakeKernel): void {
  const answer = async (): Promise<void> => {
    for (;;) kernel.acknowledge(await kernel.hear(), -C.errno.ENOENT);
  };
  answer().catch(() => {}); // ends with the test
}

/** As ss prints it. */
export function skmem(memory: C.SkMemInfo | undefined): string {
  assert.ok(memory !== undefined);
  const { rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops } = memory;
  return (
    `skmem:(r${rmem_alloc},rb${rcvbuf},t${wmem_alloc},tb${sndbuf},f${fwd_alloc},w${wmem_queued},` +
    `o${optmem},bl${backlog},d${drops})`
  );
}

/** xorshift32: the same numbers in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Samples with wrong bits and lengths, and cut at every length: a socket, or WireError; nothing else. */
export function assertHardened(samples: readonly Uint8Array[], decode: (bytes: Uint8Array) => object): void {
  const counts = { decoded: 0, refused: 0 };
  const attempt = (bytes: Uint8Array): void => {
    try {
      JSON.stringify(decode(bytes), (_key, value) => (typeof value === "bigint" ? `${value}` : value));
      counts.decoded++;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      counts.refused++;
    }
  };
  for (const sample of samples) for (let end = 0; end < sample.length; end++) attempt(sample.slice(0, end));
  const next = random(20_260_801);
  for (let round = 0; round < 40_000; round++) {
    const bytes = (samples[next() % samples.length] as Uint8Array).slice();
    for (let count = 1 + (next() % 4); count > 0; count--) bytes[next() % bytes.length] = next();
    attempt(bytes);
  }
  assert.ok(counts.decoded > 1000 && counts.refused > 100, JSON.stringify(counts));
}
