/** What the socket tests share: connected pairs, full listeners, fd counts, and cases that run in their own process. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { test as nodeTest } from "node:test";
import { fileURLToPath } from "node:url";
import { type SocketAddr, SysError, TcpListener, TcpStream } from "../../src/index.ts";
import type { ConnectOptions, ListenOptions } from "../../src/socket/index.ts";
import * as sys from "../../src/sys/index.ts";

/** The case that this process runs alone, where it was started by {@link isolated}. */
const CASE = process.env.WINDSOCK_CASE;

/** node:test's `test`, which does nothing in the process of an {@link isolated} case. */
export const test: typeof nodeTest =
  CASE === undefined ? nodeTest : ((async () => undefined) as unknown as typeof nodeTest);

export interface Pair extends Disposable {
  readonly client: TcpStream;
  readonly server: TcpStream;
}

/** A connected TCP pair on loopback. */
export async function pair(
  options: {
    readonly at?: string;
    readonly to?: string;
    readonly listen?: ListenOptions;
    readonly connect?: ConnectOptions;
  } = {},
): Promise<Pair> {
  using listener = TcpListener.bind(options.at ?? "127.0.0.1:0", options.listen);
  const target = options.to === undefined ? listener.localAddr : `${options.to}:${listener.localAddr.port}`;
  const [client, server] = await Promise.all([TcpStream.connect(target, options.connect), listener.accept()]);
  return {
    client,
    server,
    [Symbol.dispose]() {
      client.close();
      server.close();
    },
  };
}

/** A bound port of loopback that refuses every connect, and that nobody else gets meanwhile. */
export function closedPort(at = "127.0.0.1:0"): Disposable & { readonly address: SocketAddr } {
  const listener = TcpListener.bind(at); // to parse, and to have the kernel choose
  const { localAddr } = listener;
  listener.close();
  const family = localAddr.family === "ipv4" ? sys.AF_INET : sys.AF_INET6;
  const fd = sys.check(sys.socket(family, sys.SOCK_STREAM | sys.SOCK_CLOEXEC, 0), "socket");
  sys.check(sys.bind(fd, sys.encodeSockaddr(localAddr)), "bind");
  return {
    address: localAddr,
    [Symbol.dispose]() {
      sys.close(fd);
    },
  };
}

export interface FullListener extends Disposable {
  readonly listener: TcpListener;
  readonly address: SocketAddr;
  /** Takes the connections that fill the backlog, so that the next SYN that comes is answered. */
  drain(): void;
}

/** A listener whose backlog is full: the kernel drops further SYNs, so that a connect to it hangs. */
export async function fullListener(at = "127.0.0.1:0"): Promise<FullListener> {
  const listener = TcpListener.bind(at, { backlog: 0 });
  const filler = await TcpStream.connect(listener.localAddr);
  return {
    listener,
    address: listener.localAddr,
    drain() {
      const accepted = listener.tryAccept();
      if (!(accepted instanceof TcpStream)) throw new Error("nobody was waiting in the backlog");
      accepted.close();
    },
    [Symbol.dispose]() {
      filler.close();
      listener.close();
    },
  };
}

/** The fds of this process that are sockets. */
export function socketFds(): number[] {
  const isSocket = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false; // the directory's own, which is closed by now
    }
  };
  return readdirSync("/proc/self/fd").filter(isSocket).map(Number);
}

/** One turn of the event loop, with all the readiness that the kernel has to tell. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** Waits until `condition` holds, looking once in every turn of the event loop; gives up where it never does. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > 12_000) throw new Error(`never came true: ${condition}`);
    await turn();
  }
}

/** What a promise has come to by now, or "pending". */
export async function stateOf(promise: Promise<unknown>): Promise<"fulfilled" | "rejected" | "pending"> {
  const pending = Promise.resolve("pending" as const);
  return Promise.race([
    promise.then(
      () => "fulfilled" as const,
      () => "rejected" as const,
    ),
    turn().then(() => pending),
  ]);
}

/** Matches a SysError by code, and by syscall where given, for assert.rejects and assert.throws. */
export function sysError(code: string, syscall?: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof SysError)) throw error;
    if (error.code !== code) throw error;
    if (syscall !== undefined && error.syscall !== syscall) throw error;
    return true;
  };
}

/** A seeded generator (mulberry32): integers from 0 to `limit - 1`. */
export function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** Bytes whose every position tells where it is, so that a lost, doubled or swapped byte shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (Math.imul(i + seed, 0x9e3779b1) >>> 24) & 0xff;
  return bytes;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** TCP_RTO_MIN, include/net/tcp.h, is 200 ms: by then a window smaller than a segment has been used up, RFC 9293 §3.8.6.1. */
const SETTLED_MS = 450;

/** Writes until the kernel takes no more, nor will while the peer does not read. Gives how many bytes it took. */
export async function fill(stream: TcpStream): Promise<number> {
  const chunk = new Uint8Array(64 * 1024);
  let taken = 0;
  let since = performance.now();
  for (let quiet = 0; quiet < 20; ) {
    const count = stream.tryWrite(chunk);
    if (typeof count === "number") {
      taken += count;
      quiet = 0;
      since = performance.now();
    } else {
      const closed = stream.info().tcpi_snd_wnd === 0 || performance.now() - since > SETTLED_MS;
      if (closed) quiet++; // the peer's kernel may still be making room
      await turn();
    }
  }
  return taken;
}

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** For `test(name, { skip }, …)`: why there are no namespaces here, or false where there are. */
export const noNamespaces: string | false =
  CASE !== undefined
    ? false
    : process.getuid?.() !== 0
      ? "needs root to make a network namespace"
      : !works("ip", "-V")
        ? "needs ip of iproute2"
        : !works("unshare", "-n", "true")
          ? "unshare -n is not allowed here"
          : false;

export const noRoot: string | false = process.getuid?.() === 0 ? false : "needs root";
export const noPython: string | false =
  CASE !== undefined || works("python3", "--version") ? false : "needs python3";
export const noSs: string | false = CASE !== undefined || works("ss", "-V") ? false : "needs ss of iproute2";
export const noIpv6: string | false = (() => {
  try {
    TcpListener.bind("[::1]:0").close();
    return false;
  } catch (error) {
    return `no IPv6 loopback here: ${String(error)}`;
  }
})();

export interface Isolation {
  readonly skip?: string | false;
  /** Shell commands that set up a network namespace of the case's own. */
  readonly netns?: string;
  /** Shell words before `node`, such as `ulimit -n 40;`. */
  readonly shell?: string;
  readonly nodeFlags?: readonly string[];
  /** After which the process is ended by force; 15 seconds unless told. */
  readonly limitMs?: number;
  /** What the process has to have written and how it has to have ended, beyond exit code 0. */
  readonly check?: (result: { stdout: string; stderr: string }) => void;
}

/**
 * A test whose body runs in a process of its own, which has to end by itself after the body has ended: what it leaves
 * alive fails the test. The file starts itself again with the name of the case in its environment.
 * @param url `import.meta.url`
 */
export function isolated(url: string, name: string, options: Isolation, body: () => Promise<void>): void {
  if (CASE === undefined) {
    const skip = options.skip || (options.netns !== undefined && noNamespaces);
    nodeTest(name, { skip }, () => runIsolated(url, name, options));
    return;
  }
  if (CASE !== name) return;
  let done = false;
  process.on("exit", (code) => {
    if (done || code !== 0) return;
    console.error("the process ended before the case had: nothing kept it alive");
    process.exitCode = 3;
  });
  setImmediate(async () => {
    try {
      await body();
      done = true;
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  });
}

const LIMIT_MS = 60_000;

async function runIsolated(url: string, name: string, options: Isolation): Promise<void> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const script = `set -e\n${options.netns ?? ""}\n${options.shell ?? ""}\nexec "$0" "$@"`;
  const node = [process.execPath, ...(options.nodeFlags ?? []), "--import", "tsx", fileURLToPath(url)];
  const command = [...(options.netns === undefined ? [] : ["unshare", "-n"]), "bash", "-c", script, ...node];
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    env: { ...env, WINDSOCK_CASE: name },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limitMs = options.limitMs ?? LIMIT_MS;
  const { stdout, stderr, code, signal } = await ended(child, limitMs);
  if (signal !== null) {
    const how = signal === "SIGKILL" ? `did not end within ${limitMs} ms` : `died of ${signal}`;
    throw new Error(`the process ${how}\n${stdout}\n${stderr}`);
  }
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}\n${stderr}`);
  options.check?.({ stdout, stderr });
}

/** Waits for a process to end; kills it after a time in which every case ends. */
async function ended(
  child: ChildProcess,
  limitMs: number,
): Promise<{
  stdout: string;
  stderr: string;
  code: number | null;
  signal: string | null;
}> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve([code, signal]));
  });
  clearTimeout(timer);
  return { stdout, stderr, code, signal };
}
