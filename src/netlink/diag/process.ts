/** Which process has which socket, as /proc tells. man 5 proc */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { checkWait, SysError, type WaitOptions, watchWait } from "../../sys/index.ts";

/** A process that has a socket open. */
export interface SocketOwner {
  readonly pid: number;
  /** The number of the file descriptor in that process. */
  readonly fd: number;
  /**
   * What the process calls itself, at most 15 bytes, unless another one told: any characters but NUL. What is not
   * UTF-8 becomes U+FFFD.
   */
  readonly command: string;
}

export interface SocketOwnerOptions {
  /** Only these processes; all unless told. */
  readonly pids?: Iterable<number> | undefined;
  /** Where proc(5) is mounted; `"/proc"` unless told. */
  readonly proc?: string | undefined;
}

/** The owners of each socket, by its inode, as `socket:[…]` of /proc/PID/fd has it. Who has it twice stands there twice. */
export class SocketOwners extends Map<bigint, readonly SocketOwner[]> {
  /**
   * How many processes did not let themselves be looked into, which takes their user or CAP_SYS_PTRACE. The kernel's own, which
   * have no files, are not counted; nor are those that /proc hides (its mount option hidepid).
   */
  readonly unreadable: number = 0;
}

/** A folder with so many entries is read on another thread, where others wait. */
const LARGE = 2000;
/** After so many links it is looked whether somebody else should have a turn. */
const LINKS_PER_STEP = 64;
/** How long others may have to wait for their turn. */
const SLICE_MS = 4;
/** PF_KTHREAD, include/linux/sched.h */
const KERNEL_THREAD = 0x0020_0000;

/**
 * Who has which socket, in the pid namespace that /proc is mounted for. Sockets that are only on their way between
 * processes (SCM_RIGHTS), or that the kernel has for itself, have no owner. What changes meanwhile is seen before or after.
 *
 * It reads every file descriptor of the machine, some microseconds each. See {@link socketOwnersAsync} for programs that
 * serve others meanwhile.
 * @throws {SysError} where there is no /proc
 */
export function socketOwners(options: SocketOwnerOptions = {}): SocketOwners {
  const steps = walk(options);
  let step = steps.next();
  while (step.done !== true) step = steps.next(listed(step.value));
  return step.value;
}

/**
 * As {@link socketOwners}, with a turn for the event loop every few milliseconds.
 * @throws the signal's reason, or {@link TimeoutError}
 */
export async function socketOwnersAsync(
  options: SocketOwnerOptions & WaitOptions = {},
): Promise<SocketOwners> {
  checkWait(options);
  let stopped: { readonly reason: unknown } | undefined;
  const unwatch = watchWait(
    options,
    "readdir",
    () => "/proc",
    (reason) => {
      stopped = { reason };
    },
  );
  try {
    const steps = walk(options);
    let end = performance.now() + SLICE_MS;
    let step = steps.next();
    while (step.done !== true) {
      if (performance.now() > end) {
        await setImmediate();
        end = performance.now() + SLICE_MS;
      }
      if (stopped !== undefined) throw stopped.reason;
      const folder = step.value;
      const elsewhere = folder !== undefined && isLarge(folder);
      step = steps.next(elsewhere ? await readdir(folder).catch((error: Error) => error) : listed(folder));
    }
    return step.value;
  } finally {
    unwatch?.();
  }
}

/** The names in a folder, or why they cannot be told. */
type Listed = readonly string[] | Error | undefined;

function listed(folder: string | undefined): Listed {
  if (folder === undefined) return undefined;
  try {
    return readdirSync(folder);
  } catch (error) {
    return error as Error;
  }
}

/** Of a folder of file descriptors the size is how many there are, since Linux 6.2. */
function isLarge(folder: string): boolean {
  try {
    return statSync(folder).size > LARGE;
  } catch {
    return false;
  }
}

/** Yields where somebody else may have a turn, and folders whose names are to be told. */
type Steps<T> = Generator<string | undefined, T, Listed>;

/** The work in small steps. */
function* walk({ pids, proc = "/proc" }: SocketOwnerOptions): Steps<SocketOwners> {
  const owners = new SocketOwners();
  let unreadable = 0;
  for (const pid of pids === undefined ? yield* processesIn(proc) : checked(pids)) {
    const folder = `${proc}/${pid}`;
    const seen = yield* readFds(`${folder}/fd`, folder, pid, owners);
    if (seen === "refused") {
      if (mayHaveFiles(folder)) unreadable++;
    } else if (seen === "none") {
      // The first thread may have ended while others go on: it has no files then.
      for (const tid of yield* threadsOf(folder)) {
        if (tid !== pid && (yield* readFds(`${folder}/task/${tid}/fd`, folder, pid, owners)) === "some")
          break;
      }
    }
    yield;
  }
  (owners as { unreadable: number }).unreadable = unreadable;
  return owners;
}

/** Adds the sockets that a folder's links lead to. @returns whether there were any links */
function* readFds(
  folder: string,
  process: string,
  pid: number,
  owners: Map<bigint, readonly SocketOwner[]>,
): Steps<"some" | "none" | "refused"> {
  let seen: "some" | "none" = "none";
  let command: string | undefined;
  let count = 0;
  try {
    for (const fd of yield* numbersIn(folder)) {
      seen = "some";
      if (++count % LINKS_PER_STEP === 0) yield;
      const inode = inodeOf(linkOf(`${folder}/${fd}`));
      if (inode === undefined) continue;
      command ??= readFileSync(`${process}/comm`, "utf8").replace(/\n$/, "");
      const owner = { pid, fd, command };
      const others = owners.get(inode) as SocketOwner[] | undefined;
      if (others === undefined) owners.set(inode, [owner]);
      else others.push(owner);
    }
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES" || code === "EPERM") return "refused";
    if (!GONE.includes(code)) throw systemError(error, folder);
  }
  return seen;
}

const GONE: readonly (string | undefined)[] = ["ENOENT", "ESRCH", "ENOTDIR"];

/** The inode of a socket that a link leads to. */
function inodeOf(target: string | undefined): bigint | undefined {
  if (target?.startsWith("socket:[") !== true) return undefined;
  const number = target.slice("socket:[".length, -1);
  return /^\d+$/.test(number) ? BigInt(number) : undefined;
}

/** Where a link leads; `undefined` for one that is gone, or that is none. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ([...GONE, "EINVAL"].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/** The entries of a folder that are numbers. */
function* numbersIn(folder: string): Steps<number[]> {
  const names = yield folder;
  if (names instanceof Error) throw names;
  return (names ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** @throws {SysError} where there is no proc(5) */
function* processesIn(proc: string): Steps<number[]> {
  try {
    return yield* numbersIn(proc);
  } catch (error) {
    throw systemError(error, proc, "proc(5) is not mounted there, or may not be read");
  }
}

/** The threads of a process; none where it is gone. */
function* threadsOf(folder: string): Steps<number[]> {
  try {
    return yield* numbersIn(`${folder}/task`);
  } catch {
    return [];
  }
}

/** @throws {TypeError | RangeError} */
function* checked(pids: Iterable<number>): Generator<number, void> {
  if (typeof pids?.[Symbol.iterator] !== "function") {
    throw new TypeError(`pids: expected an iterable of numbers, got ${String(pids)}`);
  }
  for (const pid of pids) {
    if (!Number.isInteger(pid) || pid < 1) throw new RangeError(`pids: expected integers from 1, got ${pid}`);
    yield pid;
  }
}

/** Whether a process is neither one of the kernel's own nor one that has ended. */
function mayHaveFiles(folder: string): boolean {
  let stat: string;
  try {
    stat = readFileSync(`${folder}/stat`, "latin1");
  } catch {
    return false;
  }
  // The name before it may have brackets and spaces in it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, flags, threads] = [fields[0], Number(fields[6]), Number(fields[17])];
  return (flags & KERNEL_THREAD) === 0 && (state !== "Z" || threads > 1);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function systemError(error: unknown, path: string, hint?: string): unknown {
  const { errno: number, syscall } = error as NodeJS.ErrnoException;
  return number === undefined
    ? error
    : new SysError(number, syscall ?? "readdir", { address: path, hint, cause: error });
}
