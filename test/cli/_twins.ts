/** Two network namespaces of which one is changed by ip(8) and the other by this program, and what ip(8) shows of both. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import type { Noun } from "../../src/cli/network/change_verb.ts";
import { missing, noNamespaces } from "./_cli.ts";

/** For `skip`: why there can be no such namespaces here, or false. */
export const noTwins: string | false = noNamespaces() || missing("nsenter");

/**
 * Neither makes addresses by itself: those come from random MAC addresses. Without duplicate address detection nothing is tentative.
 */
const QUIET = `echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad`;

export interface Said {
  readonly code: number;
  readonly text: string;
  /** The first line. */
  readonly line: string;
}

/** Behind what a script has printed, and its exit code. */
const DONE = /@done@(\d+)\n$/;

/** A shell that runs one script after another: that is quicker than a process for each. In a namespace of its own, or in this one. */
export class Shell implements Disposable {
  readonly #child: ChildProcess;
  #printed = "";
  #heard: (() => void) | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on("error", () => {});
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#printed += text;
      this.#heard?.();
    });
    child.on("exit", () => this.#heard?.());
  }

  /** @param setUp lines for ip(8) */
  static async open(own: boolean, setUp: readonly string[]): Promise<Shell> {
    const env = { ...process.env, LC_ALL: "C" };
    const [program, ...args] = own ? ["unshare", "-n", "bash"] : ["bash"];
    const shell = new Shell(spawn(program as string, args, { env, stdio: ["pipe", "pipe", "inherit"] }));
    const script = `${QUIET}; set -e; ${setUp.map((line) => `ip ${line}`).join("; ")}; set +e`;
    assert.equal((await shell.run(script)).code, 0, "the set-up is refused");
    return shell;
  }

  /** The words that run a program in its namespace. */
  get enter(): string[] {
    return ["nsenter", "-t", `${this.#child.pid}`, "-n"];
  }

  /** One script at a time. Errors are among what is printed. */
  async run(script: string): Promise<Said> {
    this.#printed = "";
    this.#child.stdin?.write(`{ ${script}\n} 2>&1 </dev/null; printf '@done@%d\\n' "$?"\n`);
    let done: RegExpExecArray | null = null;
    while (done === null) {
      assert.equal(this.#child.exitCode, null, `the shell has ended: ${script}\n${this.#printed}`);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
      done = DONE.exec(this.#printed);
    }
    const text = this.#printed.slice(0, done.index);
    return { code: Number(done[1]), text, line: text.split("\n", 1)[0] ?? "" };
  }

  /** Runs ip(8). */
  ip(words: readonly string[]): Promise<Said> {
    return this.run(`ip ${words.map((word) => `'${word}'`).join(" ")}`);
  }

  [Symbol.dispose](): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }
}

/** The words of a line; in single quotes a word may hold blanks, or nothing. */
export function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? "");
}

/** A line for ip(8), which may have a family in front of it, as ours takes it. */
export function oursOf(line: string): {
  readonly noun: Noun;
  readonly words: readonly string[];
  readonly options: { readonly ipv4?: true; readonly ipv6?: true };
  /** As they stand on the command line. */
  readonly all: readonly string[];
} {
  const given = wordsOf(line);
  const flag = given[0]?.startsWith("-") ? given[0] : undefined;
  const [noun = "", ...words] = flag === undefined ? given : given.slice(1);
  const options = flag === "-4" ? ({ ipv4: true } as const) : flag === "-6" ? ({ ipv6: true } as const) : {};
  return { noun: noun as Noun, words, options, all: [noun, ...(flag === undefined ? [] : [flag]), ...words] };
}

const SHOWN = [
  "link",
  "addr",
  "-4 route show table all",
  "-6 route show table all",
  "-4 rule",
  "-6 rule",
  "neigh show nud all",
  "neigh show proxy",
];
/** What differs between two namespaces by itself. */
const OWN = new Set(["ifindex", "link_index", "link_netnsid", "carrier_changes", "gc_timer", "hello_timer"]);
const COUNTS_DOWN = /^(?:expires|valid_life_time|preferred_life_time)$|_timer$/;
const FOREVER = 4294967295;
/** Addresses that the tests give begin so; all others are made by chance. */
const GIVEN_MAC = /^(?:02:00|2:0):/;

function still(name: string, value: unknown): unknown {
  if (OWN.has(name)) return undefined;
  if (COUNTS_DOWN.test(name) && typeof value === "number")
    return value === FOREVER ? value : Math.round(value / 20);
  if (typeof value === "string" && /^(?:[\da-f]{1,2}:){5}[\da-f]{1,2}$/i.test(value)) {
    return GIVEN_MAC.test(value) || /^(?:00:){5}|^(?:ff:){5}|^01:80/.test(value) ? value : "by chance";
  }
  if (typeof value === "string" && /^[\da-f]{4}\.(?:[\da-f]{1,2}:){5}/.test(value)) {
    return GIVEN_MAC.test(value.slice(5)) || /\.(?:0:){5}/.test(value)
      ? value
      : `${value.slice(0, 5)}by chance`;
  }
  return value;
}

/** A multicast address among the neighbours, which the kernel puts there as it sends to it. */
function isGroup(row: object): boolean {
  return "dst" in row && "state" in row && /^(?:ff|2(?:2[4-9]|3\d)\.)/.test(`${row.dst}`);
}

/** A route that the kernel has made. */
function isKernels(row: object): boolean {
  return "dst" in row && "protocol" in row && `${row.protocol}` === "2";
}

/** All that ip(8) shows of a namespace, or of one noun, without what differs by itself. */
async function shownIn(shell: Shell, noun: string): Promise<Readonly<Record<string, unknown>>> {
  const shown = SHOWN.filter((words) => words.replace(/^-\d /, "").startsWith(noun));
  const script = shown.map((words) => `ip -j -d -N ${words}; echo ---`).join("\n");
  const { text: all } = await shell.run(script);
  const parts = all.split("---\n");
  const entries = shown.map((words, at) => {
    const text = (parts[at] ?? "").trim();
    const rows = (text === "" ? [] : JSON.parse(text, still)) as object[];
    const kept = rows.filter((row) => Object.keys(row).length > 0 && !isGroup(row));
    // In which order there are neighbours, and routes that the kernel makes as links get their carriers, is chance.
    const ours = kept.filter((row) => !words.startsWith("neigh") && !isKernels(row));
    const theirs = kept.filter((row) => !ours.includes(row)).map((row) => JSON.stringify(row));
    return [words, [...ours, ...theirs.sort()]] as const;
  });
  return Object.fromEntries(entries);
}

/** What of two namespaces is not the same. */
function difference(theirs: object, ours: object): string {
  for (const [what, rows] of Object.entries(theirs)) {
    const mine = (ours as Record<string, unknown>)[what];
    if (JSON.stringify(rows) === JSON.stringify(mine)) continue;
    const [a, b] = [rows, mine] as [unknown[], unknown[]];
    const at = a.findIndex((row, index) => JSON.stringify(row) !== JSON.stringify(b[index]));
    return `${what}: by ip ${JSON.stringify(a[at] ?? a.length)}, by ours ${JSON.stringify(b[at < 0 ? a.length : at] ?? b.length)}`;
  }
  return "";
}

/** Carriers come and go a moment after the change that causes it: so long is waited for both to be the same. */
const SETTLED_MS = 4_000;

/** @param noun whose tables are compared; all unless told @throws {AssertionError} where ip(8) shows something else of the two */
export async function assertSame(theirs: Shell, ours: Shell, what: string, noun = ""): Promise<void> {
  for (const since = performance.now(); ; ) {
    const [theirRows, ourRows] = await Promise.all([shownIn(theirs, noun), shownIn(ours, noun)]);
    const odd = difference(theirRows, ourRows);
    if (odd === "") return;
    if (performance.now() - since > SETTLED_MS) assert.fail(`${what}\n${odd}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
