/** What the tests of local sockets share: a directory of their own, the kinds of address, python3 as a peer. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UnixAddr, type UnixTarget } from "../../src/index.ts";
import { Program } from "../cli/_cli.ts";
import { noPython } from "./_helpers.ts";

export interface Directory extends Disposable {
  readonly path: string;
  /** A path in it. */
  at(name: string): string;
}

/** A new directory with a short path, which ends with the scope. */
export function directory(): Directory {
  const path = mkdtempSync(join(tmpdir(), "ws-"));
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

let names = 0;

function links(): string[] {
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // the directory's own, which is closed by now
    }
  });
}

/** The sockets that this process has open. Files come and go with what Node loads, and say nothing. */
export function openSockets(): ReadonlySet<string> {
  return new Set(links().filter((link) => link.startsWith("socket:")));
}

/** How many sockets this process has open now that it had not then. */
export function socketsSince(before: ReadonlySet<string>): number {
  return [...openSockets()].filter((socket) => !before.has(socket)).length;
}

export interface MarkedFile extends Disposable {
  readonly fd: number;
  /** How many fds of this process are open on it, beside the first. */
  copies(): number;
}

/** An open file that nobody else has open, so that its copies can be counted. */
export function markedFile(): MarkedFile {
  const dir = directory();
  const path = realpathSync(dir.path);
  const fd = openSync(join(path, "marked"), "w");
  return {
    fd,
    copies: () => links().filter((link) => link === join(path, "marked")).length - 1,
    [Symbol.dispose]() {
      closeSync(fd);
      dir[Symbol.dispose]();
    },
  };
}

/** Every kind of address that a socket can be bound to, and some that are hard to write. */
export function addresses(dir: Directory): Readonly<Record<string, () => UnixTarget>> {
  const next = (): string => `windsock-test-${process.pid}-${names++}`;
  const bytes = (...more: number[]): Uint8Array => Buffer.concat([Buffer.from(next()), Buffer.from(more)]);
  const padded = (length: number): string => {
    const start = dir.at(next());
    return start + "x".repeat(length - Buffer.byteLength(start));
  };
  return {
    "a path": () => dir.at(next()),
    "a path as a UnixAddr": () => UnixAddr.path(dir.at(next())),
    "a path with umlauts and spaces": () => dir.at(`${next()} Größe ☂`),
    "a path that is not UTF-8": () =>
      UnixAddr.path(Buffer.concat([Buffer.from(`${dir.path}/`), bytes(0xff, 0xfe)])),
    "a path of 107 bytes": () => padded(107),
    "an abstract name": () => `@${next()}`,
    "an abstract name with NUL and bytes that are not UTF-8": () =>
      UnixAddr.abstract(bytes(0, 0xff, 0, 0x80, 0)),
    "an abstract name of 107 bytes": () => `@${next().padEnd(107, "n")}`,
    "a name that the kernel chooses": () => UnixAddr.UNNAMED,
  };
}

const has = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).error === undefined;

export const noSocat: string | false = has("socat", "-V") ? false : "needs socat";
export const noNc: string | false =
  has("nc", "-h") && spawnSync("nc", ["-h"], { encoding: "utf8" }).stderr.includes("-U")
    ? false
    : "needs the nc of OpenBSD, which has -U";
export const noSetpriv: string | false =
  process.getuid?.() !== 0
    ? "needs root, to become another user"
    : has("setpriv", "-V")
      ? false
      : "needs setpriv";
export { noPython };

/** A python3 program, with the modules that the peers need. */
export function python(code: string, ...args: readonly string[]): Program {
  const prelude = "import array, os, socket, struct, sys\n";
  return new Program("python3", ["-u", "-c", prelude + code, ...args], { input: "open" });
}
