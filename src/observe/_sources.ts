/** Where readings come from: our own streams by their fd, and the kernel's account of all sockets. */
import type { SocketAddr } from "../ip/index.ts";
import {
  CONNECTED_STATES,
  type DiagSocket,
  type Extension,
  type InetSocket,
  type ParsedFilter,
  socketOwnersAsync,
  stateOf,
} from "../netlink/diag/index.ts";
import { SO, type TcpStream } from "../socket/index.ts";
import * as C from "../sys/index.ts";
import type { Followed, FollowedEnds } from "./_followed.ts";
import { startOf } from "./_process.ts";
import { finReceived, type Reading } from "./_reading.ts";

/**
 * Reads all of its connections, as they are at this moment.
 * @param quick whether those that came a moment ago may be missing
 */
export type Source = (options: C.WaitOptions, quick: boolean) => Promise<readonly Reading[]>;

/** Finds all sockets that are wanted; `take` makes a reading of each. */
type Search = (take: (socket: InetSocket) => Reading, options: C.WaitOptions) => Promise<readonly Reading[]>;
type Scan = ReturnType<DiagSocket["scan"]>;
type Lookup = ReturnType<DiagSocket["lookup"]>;

/**
 * A dump goes through all buckets of the kernel's table, twice, however few sockets are in it: 0.6 ms where it has 262 144. To find a
 * socket again by its addresses takes 0.02 ms. So few are found again, and a dump that looks for new ones is made only so often.
 */
const FEW = 16;
const SEARCH_MS = 90; // less than the 100 that many choose as their period

const WITH: readonly Extension[] = ["info", "memory"];
/** Makes readings of sockets. */
export class Reader {
  readonly #diag: DiagSocket;
  readonly #ends: FollowedEnds;
  /** The cookie of the network namespace that the channel tells of; none before Linux 5.14. */
  readonly #namespace: bigint | undefined;

  /** @param diag was opened in the namespace of this thread */
  constructor(diag: DiagSocket, ends: FollowedEnds) {
    this.#diag = diag;
    this.#ends = ends;
    this.#namespace = namespaceHere();
  }

  /** All connections that a filter lets through. */
  dump({ states, family, filter }: ParsedFilter = {}): Source {
    const wanted =
      states === undefined ? CONNECTED_STATES : CONNECTED_STATES.filter((state) => states.includes(state));
    const scan = this.#diag.scan({ states: wanted, with: WITH, family, filter }, FEW);
    const search: Search = (take, options) => scan.run(take, options);
    return this.#following(scan, search, ({ state }) => wanted.some((one) => one === state));
  }

  /** What a process has open, and what it had open while that lasts. */
  process(pid: number): Source {
    let begun: string | undefined;
    let had = new Set<bigint>();
    const scan = this.#diag.scan({ states: CONNECTED_STATES, with: WITH }, FEW);
    const search: Search = async (take, options) => {
      begun ??= startOf(pid);
      const owned = begun === startOf(pid) ? await socketsOf(pid, options) : undefined;
      if ((owned?.size ?? 0) === 0 && had.size === 0) return [];
      const its = await scan.run(
        (socket) => (owned?.has(socket.inode) === true || had.has(socket.cookie) ? take(socket) : undefined),
        options,
      );
      had = new Set(its.map(({ of }) => of.cookie));
      return its;
    };
    // Somebody else's socket may have the addresses now that one of its had.
    return this.#following(scan, search, ({ cookie }) => had.has(cookie));
  }

  /** @param isWanted of one that is found again */
  #following(scan: Scan, search: Search, isWanted: (socket: InetSocket) => boolean): Source {
    /** Finds those of the last search, where they are few. */
    let few: Lookup | undefined;
    let searchedMs = 0;
    const take = (socket: InetSocket): Reading => this.#reading(socket);
    const again = (socket: InetSocket): Reading | undefined =>
      isWanted(socket) ? this.#reading(socket) : undefined;
    return async (options, quick) => {
      const now = performance.now();
      if (quick && few !== undefined && now - searchedMs < SEARCH_MS) {
        return present(await few.run(again, options));
      }
      const readings = await search(take, options);
      searchedMs = now;
      few = scan.few;
      return readings;
    };
  }

  /** Both ends of a connection, as far as they are on this machine. @throws {TypeError} for ends of different families */
  connection(local: SocketAddr, peer: SocketAddr): Source {
    const ends = this.#bothEnds(local, peer);
    return async (options) => present(await ends(options));
  }

  /** One of our streams, and its other end where that is in this namespace. Once it is closed: what the kernel still has of it. */
  stream(stream: TcpStream): Source {
    const cookie = stream.getOption(SO.COOKIE);
    const namespace = this.#namespace === undefined ? undefined : stream.getOption(SO.NETNS_COOKIE);
    const isHere = namespace === this.#namespace;
    const { localAddr, peerAddr } = stream;
    const follow = (): Followed =>
      this.#ends.get(cookie) ??
      this.#ends.add(cookie, localAddr, peerAddr, { namespace: isHere ? "" : `${namespace} ` });
    const own = new OwnCounts(stream);
    const ends = isHere ? this.#bothEnds(localAddr, peerAddr) : undefined;
    return async (options) => {
      if (ends === undefined) return stream.closed ? [] : [own.read(follow())];
      // The requests are sent at once, and answered while they are: the counts are of the same moment.
      const counts = own.counts();
      const [found, far] = await ends(options);
      let end = found?.of.cookie === cookie ? found : undefined;
      // Where another socket has its addresses now, the far end is that one's.
      const other = end === found ? far : undefined;
      if (end !== undefined && !stream.closed) end = own.over(end, counts);
      // A socket that has ended can no longer be found, but its program may have it still.
      else if (!stream.closed) end = own.read(follow());
      return present([end, other]);
    };
  }

  #bothEnds(
    local: SocketAddr,
    peer: SocketAddr,
  ): (options: C.WaitOptions) => Promise<readonly (Reading | undefined)[]> {
    const take = (socket: InetSocket): Reading => this.#reading(socket);
    const ends = [
      { local, peer },
      { local: peer, peer: local },
    ];
    const lookup = this.#diag.lookup(ends, WITH);
    return async (options) => lookup.run(take, options);
  }

  #reading(socket: InetSocket): Reading {
    const { cookieKey, state } = socket;
    const fin = finReceived(state);
    const queue = socket.receiveQueue;
    return {
      of: this.#ends.get(cookieKey) ?? this.#add(socket),
      state,
      sendQueue: socket.sendQueue,
      // A FIN that was read is in the queue no more.
      receiveQueue: fin && queue > 0 ? queue - 1 : queue,
      finReceived: fin,
      persisting: socket.timer?.kind === "persist",
      inode: socket.inode,
      info: socket.counts,
      memory: socket.memory,
      writtenBytes: undefined,
      readBytes: undefined,
    };
  }

  #add(socket: InetSocket): Followed {
    const subflow = socket.upperProtocol?.name === "mptcp";
    return this.#ends.add(socket.cookie, socket.localAddr, socket.peerAddr, { subflow });
  }
}

interface Counts {
  readonly givenBackBytes: number;
  readonly writtenBytes: number;
  readonly readBytes: number;
}

/** What the program knows of one of its streams. */
class OwnCounts {
  readonly #stream: TcpStream;
  /** What was received before this program had the stream. */
  readonly #before: number;

  constructor(stream: TcpStream) {
    this.#stream = stream;
    const { tcpi_state, tcpi_bytes_received: received } = stream.info();
    const state = stateOf(tcpi_state ?? 0);
    const since = stream.bytesRead + stream.buffers().receive.queued;
    const unknown = state === "closed" || received === undefined;
    this.#before = unknown ? 0 : Number(received) - (finReceived(state) ? 1 : 0) - since;
  }

  counts(): Counts {
    const { bytesWritten: writtenBytes, bytesRead: readBytes, givenBackBytes } = this.#stream;
    return { writtenBytes, readBytes, givenBackBytes };
  }

  /** The kernel's account, and the program's own of the same moment. */
  over(reading: Reading, { writtenBytes, readBytes, givenBackBytes }: Counts): Reading {
    // What a cancelled call has given back the kernel has no more.
    return { ...reading, receiveQueue: reading.receiveQueue + givenBackBytes, writtenBytes, readBytes };
  }

  /** By its fd alone: whichever namespace and state it is in. */
  read(of: Followed): Reading {
    const stream = this.#stream;
    const info = stream.info();
    const { send, receive } = stream.buffers();
    const state = stateOf(info.tcpi_state ?? 0);
    const readBytes = stream.bytesRead;
    return {
      of,
      state,
      sendQueue: send.queued,
      receiveQueue: receive.queued,
      // A closed socket does not tell whether its peer has ended or reset it; what it has received does.
      finReceived:
        state === "closed"
          ? Number(info.tcpi_bytes_received ?? 0) === this.#before + readBytes + receive.queued + 1
          : finReceived(state),
      persisting: false,
      inode: 0n,
      info,
      memory: stream.getOption(SO.MEMINFO),
      writtenBytes: stream.bytesWritten,
      readBytes,
    };
  }
}

function present(readings: readonly (Reading | undefined)[]): Reading[] {
  return readings.filter((reading) => reading !== undefined);
}

/** @throws {SysError} `EACCES` for a process of somebody else */
async function socketsOf(pid: number, options: C.WaitOptions): Promise<ReadonlyMap<bigint, unknown>> {
  const owners = await socketOwnersAsync({ ...options, pids: [pid] });
  if (owners.size > 0 || owners.unreadable === 0) return owners;
  throw new C.SysError(C.errno.EACCES, "readdir", {
    address: `/proc/${pid}/fd`,
    hint: "to see what another user's process has open needs CAP_SYS_PTRACE",
  });
}

function namespaceHere(): bigint | undefined {
  const fd = C.check(C.socket(C.AF_UNIX, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0), "socket");
  try {
    const bytes = new Uint8Array(8);
    const length = C.getsockopt(fd, C.SOL_SOCKET, C.SO_NETNS_COOKIE, bytes);
    return length === bytes.length ? new DataView(bytes.buffer).getBigUint64(0, true) : undefined;
  } finally {
    C.close(fd);
  }
}
