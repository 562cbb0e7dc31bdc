/** The C and Node programs under measurement: compiling, starting, talking to them, what they cost. @module */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";

const PEERS = join(import.meta.dirname, "peers");
const OUT = join(import.meta.dirname, "out");
const ANSWER_MS = 60_000; // the longest that a peer may be silent when something is asked of it
const C_FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"];

export type Command = readonly [program: string, ...args: string[]];

/** A C program of peers/, compiled by {@link compilePeers}. */
export function c(name: string, ...args: string[]): Command {
  return [join(OUT, name), ...args];
}

/** A Node program of peers/. */
export function node(name: string, ...args: string[]): Command {
  return [process.execPath, join(PEERS, name), ...args];
}

/** A Node program of peers/ that can be told to collect its garbage. */
export function nodeWithGc(name: string, ...args: string[]): Command {
  return [process.execPath, "--expose-gc", join(PEERS, name), ...args];
}

/** By module, the first Python that can import it: a distribution's package is not seen by a Python of one's own. */
const interpreters = new Map<string, string>();

/** A Python program of peers/ that imports a module. @throws {Error} where no Python here has it */
export function python(module: "scapy" | "pyroute2", name: string, ...args: string[]): Command {
  const interpreter =
    interpreters.get(module) ??
    ["python3", "/usr/bin/python3"].find(
      (program) => spawnSync(program, ["-c", `import ${module}`]).status === 0,
    );
  if (interpreter === undefined) throw new Error(`this question needs ${module} (Debian: python3-${module})`);
  interpreters.set(module, interpreter);
  return [interpreter, join(PEERS, name), ...args];
}

/** Installs a package of the registry into out/npm, to be measured: its scripts do not run. @throws {Error} with npm's words */
export function installPackage(nameAndVersion: string): void {
  const folder = join(OUT, "npm");
  mkdirSync(folder, { recursive: true });
  const args = ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", nameAndVersion];
  const { status, stderr } = spawnSync("npm", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`npm could not install ${nameAndVersion}:\n${stderr}`);
}

/** Compiles every C program of peers/ into out/. @throws {Error} with gcc's words */
export function compilePeers(): void {
  mkdirSync(OUT, { recursive: true });
  for (const file of readdirSync(PEERS).filter((name) => name.endsWith(".c"))) {
    const { error, status, stderr } = spawnSync(
      "gcc",
      [...C_FLAGS, "-o", join(OUT, basename(file, ".c")), join(PEERS, file)],
      { encoding: "utf8" },
    );
    if (error) throw new Error("the benchmark compiles its C programs and needs gcc", { cause: error });
    if (status !== 0) throw new Error(`gcc refused bench/peers/${file}:\n${stderr}`);
  }
}

/** One core for servers and one for load; undefined where taskset or a second core is missing. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

export function twoCores(): Cores | undefined {
  let list: string;
  try {
    list = execFileSync("taskset", ["-pc", String(process.pid)], { encoding: "utf8" });
  } catch {
    return undefined;
  }
  // "pid 1's current affinity list: 0,2-5"
  const allowed = list
    .slice(list.lastIndexOf(":") + 1)
    .split(",")
    .flatMap((range) => {
      const [first, last] = range.split("-").map(Number);
      return last === undefined ? [first] : [first, last];
    });
  const [server, load] = allowed;
  return server === undefined || load === undefined ? undefined : { server, load };
}

const running = new Set<ChildProcessWithoutNullStreams>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

/** A started program. It speaks in lines on stdout and ends when its stdin ends. */
export class Peer {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<string>;
  #stderr = "";

  constructor([program, ...args]: Command, core: number | undefined) {
    const [file, ...rest] =
      core === undefined ? [program, ...args] : ["taskset", "-c", String(core), program, ...args];
    this.#name = [basename(program), ...args.map((arg) => basename(arg))].join(" ");
    this.#child = spawn(file, rest, { stdio: "pipe" });
    running.add(this.#child);
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#stderr += text;
    });
    this.#child.stdin.on("error", () => {}); // EPIPE: the end of the process tells more
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#closed = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    void this.#closed.then(() => running.delete(this.#child));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw this.#failure("was not started");
    return this.#child.pid;
  }

  /** The next line that the program prints. */
  async line(): Promise<string> {
    const next = await this.#within(this.#lines.next(), "said nothing");
    if (next.done) throw this.#failure(`ended (${await this.#closed}) before it answered`);
    return next.value;
  }

  async port(): Promise<string> {
    const line = await this.line();
    if (!/^[1-9]\d{0,4}$/.test(line)) throw this.#failure(`printed "${line}" instead of its port`);
    return line;
  }

  async ready(): Promise<void> {
    const line = await this.line();
    if (line !== "ready") throw this.#failure(`printed "${line}" instead of "ready"`);
  }

  /** Tells a warmed-up client to do its work. */
  go(): void {
    this.#child.stdin.write("go\n");
  }

  /** Asks a program that only serves for its {@link result}. */
  askForReport(): void {
    this.#child.stdin.write("report\n");
  }

  /** The numbers of a result line. @throws {Error} when one of them is missing */
  async result<K extends string>(...keys: K[]): Promise<Record<K, number>> {
    const line = await this.line();
    const values = JSON.parse(line) as Record<K, number>;
    for (const key of keys) {
      if (!Number.isFinite(values[key])) throw this.#failure(`gave no ${key}: ${line}`);
    }
    return values;
  }

  /** Processor time of all threads so far. A thread that has ended is not counted: none ends while we measure. */
  cpuSeconds(): number {
    const tasks = `/proc/${this.pid}/task`;
    let ns = 0;
    for (const task of readdirSync(tasks)) {
      ns += Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    }
    return ns / 1e9;
  }

  /** Resident memory in bytes after a garbage collection. Kernel memory (socket buffers) is not in it. */
  async residentBytes(): Promise<number> {
    this.#child.stdin.write("gc\n");
    const line = await this.line();
    if (line !== "gc") throw this.#failure(`printed "${line}" instead of "gc"`);
    // Exact, where VmRSS of /proc/PID/status lags behind by some pages per core.
    const rollup = readFileSync(`/proc/${this.pid}/smaps_rollup`, "utf8");
    const kib = /^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1];
    if (kib === undefined) throw this.#failure(`has no Rss in its smaps_rollup:\n${rollup}`);
    return Number(kib) * 1024;
  }

  /** Ends the program through its stdin. @throws {Error} when it fails */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const end = await this.#within(this.#closed, "did not end with its stdin");
    if (end !== "exit code 0") throw this.#failure(end);
    if (this.#stderr) process.stderr.write(`${this.#name}: ${this.#stderr}`);
    this.#stderr = "";
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #within<T>(work: Promise<T>, complaint: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#failure(`${complaint} for ${ANSWER_MS / 1e3} s`)), ANSWER_MS);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(what: string): Error {
    return new Error(`${this.#name}: ${what}\n${this.#stderr}`.trimEnd());
  }
}
