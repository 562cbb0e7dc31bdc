/** Starts the built command line, and other programs, and awaits what they say and how they end. */
import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));
export const CLI: string = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Long after everything has ended that is going to end: only so that a hang fails instead of hanging. */
const LIMIT_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was not consumed by somebody else. */
  readonly stdout: Buffer;
  readonly stderr: string;
  /** The lines of standard error. */
  readonly lines: string[];
}

export interface StartOptions {
  /** Written to standard input, which then ends; "open" leaves it open; by default it is empty. */
  readonly input?: string | Uint8Array | "open";
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs?: number;
  /** Leaves standard output to the caller. */
  readonly ownStdout?: boolean;
}

/** A process that this test has started, and that is killed, by its own id, where it does not end by itself. */
export class Program implements Disposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #label: string;
  #stdout: Buffer[] = [];
  #stderr = "";
  #exited: Ended | undefined;
  #changed: (() => void)[] = [];

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    this.#label = [command, ...args].join(" ").slice(0, 200);
    const { NODE_TEST_CONTEXT: _, ...env } = { ...process.env, ...options.env };
    const spawnOptions: SpawnOptions = { cwd: ROOT, env, stdio: ["pipe", "pipe", "pipe"] };
    this.child = spawn(command, args, spawnOptions);
    const { child } = this;
    this.stdin.on("error", () => {}); // who does not read its input says so by how it ends
    if (options.input !== "open") this.stdin.end(options.input ?? "");
    if (options.ownStdout !== true) {
      this.stdout.on("data", (chunk: Buffer) => {
        this.#stdout.push(chunk);
        this.#tell();
      });
    }
    (child.stderr as Readable).setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#tell();
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
      // What it has started, and left running, may still hold them.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, options.limitMs ?? LIMIT_MS);
    this.ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        const stderr = this.#stderr;
        const lines = stderr.split("\n").slice(0, -1);
        this.#exited = { code, signal, stdout: Buffer.concat(this.#stdout), stderr, lines };
        this.#tell();
        if (hung) reject(new Error(`${this.#label}: did not end\nstderr: ${stderr}`));
        else resolve(this.#exited);
      });
    });
    this.ended.catch(() => {}); // met where it is awaited
  }

  get stdin(): Writable {
    return this.child.stdin as Writable;
  }

  get stdout(): Readable {
    return this.child.stdout as Readable;
  }

  get stderrSoFar(): string {
    return this.#stderr;
  }

  #tell(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#exited !== undefined) {
        const { code, signal, stderr } = this.#exited;
        throw new Error(
          `${this.#label}: ended (${code ?? signal}) before ${what}\nstdout: ${Buffer.concat(this.#stdout).toString().slice(0, 500)}\nstderr: ${stderr}`,
        );
      }
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  /** Waits until standard error has a line that matches. */
  saysOnStderr(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#until(`saying ${pattern} on stderr`, () => pattern.exec(this.#stderr) ?? undefined);
  }

  /** Waits until so many lines of standard error match. */
  async linesOnStderr(pattern: RegExp, count: number): Promise<void> {
    const matching = (): number => this.#stderr.split("\n").filter((line) => pattern.test(line)).length;
    await this.#until(`${count} lines ${pattern} on stderr`, () => (matching() >= count ? true : undefined));
  }

  /** Waits until standard output holds at least so many bytes, and gives all that is there. */
  printed(bytes: number): Promise<Buffer> {
    return this.#until(`printing ${bytes} bytes`, () => {
      const all = Buffer.concat(this.#stdout);
      return all.length >= bytes ? all : undefined;
    });
  }

  /** Waits until standard output matches, and gives all that is there. */
  printedMatch(pattern: RegExp): Promise<string> {
    return this.#until(`printing ${pattern}`, () => {
      const all = Buffer.concat(this.#stdout).toString();
      return pattern.test(all) ? all : undefined;
    });
  }

  /** Ends the process, if it still runs, by its own id. */
  [Symbol.dispose](): void {
    if (this.#exited === undefined) this.child.kill("SIGKILL");
  }
}

export function start(args: readonly string[], options?: StartOptions): Program {
  return new Program(process.execPath, [CLI, ...args], options);
}

/** Runs a command of windsock to its end. */
export async function windsock(args: readonly string[], options?: StartOptions): Promise<Ended> {
  using program = start(args, options);
  return await program.ended;
}

/** A shell, in which `$NODE $CLI` is windsock. */
export function shell(script: string, options: StartOptions = {}): Program {
  const env = { ...options.env, NODE: process.execPath, CLI };
  return new Program("bash", ["-c", script], { ...options, env });
}

/** `windsock listen`, and where it listens. */
export async function startListen(
  args: readonly string[],
  options?: StartOptions,
): Promise<Program & { readonly port: number }> {
  const program = start(["listen", ...args], options);
  const [, port] = await program.saysOnStderr(/^listening on \S+:(\d+)\n/);
  return Object.assign(program, { port: Number(port) });
}

/** It failed as it should: this exit code, nothing on standard output, one line on standard error. */
export function assertOneLine(result: Ended, code: number, pattern: RegExp): void {
  const { stdout, stderr } = result;
  assert.match(stderr, pattern);
  assert.deepEqual(
    { code: result.code, signal: result.signal, stdout: stdout.toString(), lines: result.lines.length },
    { code, signal: null, stdout: "", lines: 1 },
    `stderr: ${stderr}`,
  );
  assert.ok(stderr.endsWith("\n"), "the line ends");
}

/** A port of IPv4 and IPv6 that was free a moment ago, outside of the kernel's ephemeral range. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    server.listen({ port, exclusive: true });
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Waits until some socket of this host listens on the port, without connecting to it. */
export async function listening(port: number, program?: Program): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  // include/net/tcp_states.h: TCP_LISTEN is 10
  const row = new RegExp(`:${hex} [0-9A-F]+:0000 0A `);
  let gone: Ended | undefined;
  program?.ended.then(
    (ended) => {
      gone = ended;
    },
    () => {},
  );
  for (;;) {
    if (["/proc/net/tcp", "/proc/net/tcp6"].some((file) => row.test(readFileSync(file, "utf8")))) return;
    if (gone !== undefined) throw new Error(`ended before it listened: ${gone.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** For `skip`: why a program is missing, or false where it is there. */
export function missing(...programs: string[]): string | false {
  const gone = programs.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return gone.length === 0 ? false : `${gone.join(", ")}: not installed`;
}

/** For `skip`: why there can be no network and mount namespace of a test's own, or false. */
export function noNamespaces(): string | false {
  if (process.getuid?.() !== 0) return "needs root to make namespaces";
  const gone = missing("ip", "unshare", "mount");
  if (gone) return gone;
  const setUp = "ip link add d0 type veth peer name d1 && mount --bind /etc/hostname /etc/hosts";
  const { status, stderr } = spawnSync("unshare", ["-n", "-m", "sh", "-c", setUp], { encoding: "utf8" });
  return status === 0 ? false : `no namespaces with veth interfaces here: ${stderr.trim()}`;
}

/** For `skip`: why there is no IPv6 loopback, or false. */
export const noIpv6: string | false = await (async () => {
  const server = createServer().listen(0, "::1");
  try {
    await once(server, "listening");
    return false;
  } catch (error) {
    return `no IPv6 loopback here: ${error}`;
  } finally {
    server.close();
  }
})();

/**
 * Runs a script of bash in a network namespace of its own, with loopback and a network 192.0.2.0/24 and 2001:db8::/64
 * in which nobody else answers, and with its own /etc/hosts and /etc/resolv.conf.
 */
export function inNamespace(
  script: string,
  files: { readonly hosts?: string; readonly resolvConf?: string } = {},
  options: StartOptions = {},
): Program {
  const setUp = `set -e
    ip link set lo up
    ip link add d0 type veth peer name d1
    ip link set d0 arp off up
    ip link set d1 up
    ip addr add 192.0.2.1/24 dev d0
    ip addr add 2001:db8::1/64 dev d0 nodad 2>/dev/null || true
    mount -t tmpfs tmpfs /mnt
    printf %s "$HOSTS" > /mnt/hosts
    printf %s "$RESOLV_CONF" > /mnt/resolv.conf
    mount --bind /mnt/hosts /etc/hosts
    mount --bind /mnt/resolv.conf /etc/resolv.conf
    set +e
    ${script}`;
  const env = {
    ...options.env,
    NODE: process.execPath,
    CLI,
    HOSTS: files.hosts ?? "127.0.0.1 localhost\n",
    RESOLV_CONF: files.resolvConf ?? "nameserver 192.0.2.53\n",
  };
  return new Program("unshare", ["-n", "-m", "bash", "-c", setUp], { ...options, env });
}
