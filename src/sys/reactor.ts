/**
 * Readiness: one epoll instance per thread, watched by one uv_poll handle of the thread's own event loop.
 *
 * Every socket is registered once and edge-triggered; `data.u64` carries a slot and a generation, so that an event
 * for a socket that an earlier event of the same batch has closed finds nobody. The uv_poll handle makes the loop turn
 * and nothing else; the events are handed out in the check phase of that turn, where microtasks run in order, by an
 * immediate that stands as long as any socket is registered and does not keep the loop alive by itself.
 */
import {
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
} from "./constants.ts";
import { closeWithThread, libc, negativeErrno, type PollHandle, turnOnInput } from "./ffi.ts";
import { epoll_event } from "./structs.ts";
import { check } from "./sys_error.ts";

const c_epoll_create1 = libc<(flags: number) => number>("int epoll_create1(int)");
const c_epoll_ctl = libc<(epfd: number, op: number, fd: number, event: Uint8Array) => number>(
  "int epoll_ctl(int, int, int, void *)",
);
const c_epoll_wait = libc<(epfd: number, events: Uint8Array, max: number, timeoutMs: number) => number>(
  "int epoll_wait(int, void *, int, int)",
);

/** Who is told that its fd is ready. Must not throw. */
export interface Registrant {
  onReady(events: number): void;
}

/** A socket's place in the epoll set of its thread. */
export interface Registration {
  readonly slot: number;
  readonly generation: number;
}

// Large, since bursts of the same system call run faster than alternating ones.
const BATCH = 1024;
/** How many operations may complete without waiting before the event loop gets its turn again. */
const BUDGET = 64;
/** How many more for every socket that has become ready: an answer, and what follows from it. */
const BUDGET_PER_EVENT = 4;

const eventBytes = new Uint8Array(BATCH * epoll_event.size);
const eventWords = new Uint32Array(eventBytes.buffer);
const STRIDE = epoll_event.size / 4;
const SLOT = epoll_event.offsetOf("slot") / 4;
const GENERATION = epoll_event.offsetOf("generation") / 4;
const oneEvent = new Uint8Array(epoll_event.size);
const oneEventWords = new Uint32Array(oneEvent.buffer);

const registrants: (Registrant | undefined)[] = [];
const generations: number[] = [];
const freeSlots: number[] = [];
let nextGeneration = 1;

let epollFd = -1;
let handle: PollHandle | undefined;
let waiting = 0;
/** How many sockets are registered. */
let registered = 0;
let standing: NodeJS.Immediate | undefined;

let budget = BUDGET;
let postponed: (() => void)[] = [];

/**
 * Makes the thread's epoll instance, where it has none yet. Done before the first socket is opened, so that a process
 * that runs out of files later can still wait.
 * @throws {SysError} of epoll_create1
 */
export function startReactor(): void {
  if (handle !== undefined) return;
  const fd = c_epoll_create1(EPOLL_CLOEXEC);
  epollFd = check(fd < 0 ? negativeErrno() : fd, "epoll_create1");
  closeWithThread(epollFd);
  handle = turnOnInput(epollFd);
  if (waiting === 0) handle.unref();
}

function stand(): void {
  if (standing !== undefined || registered === 0) return;
  standing = setImmediate(dispatch).unref();
}

/**
 * Has the loop look once more for events before it sleeps. After a large read more is probably on its way, and to be
 * woken costs both sides more than another look.
 */
export function stayAwake(): void {
  standing?.ref();
}

function dispatch(): void {
  standing = undefined;
  stand();
  const count = c_epoll_wait(epollFd, eventBytes, BATCH, 0); // an error, EINTR, is met again in the next turn
  budget = BUDGET + BUDGET_PER_EVENT * Math.max(count, 0);
  for (let word = 0; word < count * STRIDE; word += STRIDE) {
    const slot = eventWords[word + SLOT] as number;
    if (generations[slot] === eventWords[word + GENERATION])
      registrants[slot]?.onReady(eventWords[word] as number);
  }
}

/**
 * Adds `fd` to the thread's epoll set (EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, edge-triggered). What is ready already is
 * reported in the next turn of the loop, so nothing that happened before is missed.
 * @throws {SysError} of epoll_create1 or epoll_ctl
 */
export function register(fd: number, registrant: Registrant): Registration {
  startReactor();
  const slot = freeSlots.pop() ?? registrants.length;
  const generation = nextGeneration;
  nextGeneration = (nextGeneration + 1) >>> 0 || 1; // 0 is nobody's
  oneEventWords[0] = (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET) >>> 0;
  oneEventWords[SLOT] = slot;
  oneEventWords[GENERATION] = generation;
  const result = c_epoll_ctl(epollFd, EPOLL_CTL_ADD, fd, oneEvent) < 0 ? negativeErrno() : 0;
  if (result < 0) freeSlots.push(slot);
  check(result, "epoll_ctl");
  registrants[slot] = registrant;
  generations[slot] = generation;
  registered++;
  stand();
  return { slot, generation };
}

/** Takes `fd` out of the epoll set. To be called before close: a duplicate of the fd would keep its events coming. */
export function unregister(fd: number, registration: Registration): void {
  c_epoll_ctl(epollFd, EPOLL_CTL_DEL, fd, oneEvent);
  registrants[registration.slot] = undefined;
  generations[registration.slot] = 0;
  freeSlots.push(registration.slot);
  registered--;
}

/** Counts `by` more waiting operations: while there is one, the process stays alive. */
export function keepAlive(by: 1 | -1): void {
  waiting += by;
  if (by === 1 && waiting === 1) handle?.ref();
  else if (waiting === 0) handle?.unref();
}

/**
 * Whether an operation may complete without waiting now. A socket that is always ready would otherwise keep the
 * thread in microtasks, and timers and other sockets would starve.
 */
export function mayProceed(): boolean {
  return --budget >= 0;
}

/** Runs `task` once the event loop has had its turn, with a fresh budget. */
export function postpone(task: () => void): void {
  if (postponed.push(task) === 1) setImmediate(runPostponed);
}

function runPostponed(): void {
  budget = BUDGET;
  const tasks = postponed;
  postponed = [];
  for (const task of tasks) task();
}
