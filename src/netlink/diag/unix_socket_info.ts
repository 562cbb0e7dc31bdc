/** Local sockets, as unix_diag tells of them. include/uapi/linux/unix_diag.h, v6.18; net/unix/diag.c */
import { u32 as field32 } from "../../bytes/index.ts";
import { AF_UNIX, errno, type SkMemInfo, UnixAddr, type WaitOptions } from "../../sys/index.ts";
import { words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { type AttributeType, listOf, u8, u32 } from "../attribute_types.ts";
import { type Attribute, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { DumpOptions, NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";
import { checkHeader, cookieAt, dumpFamily, memory, readOnly, wantedBits, wantedTypes } from "./_families.ts";
import { SOCK_DIAG_BY_FAMILY } from "./_inet_constants.ts";
import { ALL_STATES, stateMask, stateOf, type TcpState } from "./tcp_state.ts";

/** A local socket. What was not asked for is left out. */
export interface UnixSocketInfo {
  readonly family: "unix";
  readonly type: UnixSocketType | number;
  /** `"listening"`; `"established"`: connected, or a datagram socket that another one is connected to; else `"closed"`. */
  readonly state: TcpState | number;
  /** What /proc/PID/fd shows as `socket:[…]`. */
  readonly inode: bigint;
  readonly cookie: bigint;
  /** What it is bound to, as it was told to bind(2): a path is relative to a directory that nobody knows. */
  readonly localAddr?: UnixAddr;
  /** The file that a path stands for; it stays when the file is removed. */
  readonly file?: SocketFileId;
  /** Left out where it never had a peer; 0 where the peer is closed, or of a connection that nobody has accepted yet. */
  readonly peerInode?: bigint;
  /**
   * Of a listener: the sockets that wait to be accepted, by the inodes of those who connect; 0 for one that is gone
   * again. Left out where there are more than the kernel's messages have room for, about 8,000.
   */
  readonly pending?: readonly bigint[];
  /** Bytes that wait to be read, of a datagram socket those of the first one; of a listener the connections that wait. */
  readonly receiveQueue?: number;
  /** Bytes that the peer has not read, with the kernel's overhead; of a listener how many connections may wait. */
  readonly sendQueue?: number;
  readonly memory?: SkMemInfo;
  /** What is shut down of it, by itself or by its peer; since Linux 3.7. */
  readonly shutdown?: { readonly read: boolean; readonly write: boolean };
  /** Who made it; since Linux 5.3. */
  readonly userId?: number;
  readonly unknown?: readonly Attribute[];
}

export type UnixSocketType = "stream" | "datagram" | "seqpacket";

/** A file by its numbers, as stat(2) gives them. */
export interface SocketFileId {
  /** The lower 32 bits, which is all that the kernel tells. */
  readonly inode: number;
  readonly device: { readonly major: number; readonly minor: number };
}

export type UnixExtension = keyof typeof SHOW;

export interface UnixListOptions extends DumpOptions {
  /** All unless told. */
  readonly states?: readonly TcpState[] | undefined;
  /** All unless told. The kernel sends all of them. */
  readonly types?: readonly UnixSocketType[] | undefined;
  /** What is asked for beside what the kernel always tells; all of it unless told. */
  readonly with?: readonly UnixExtension[] | undefined;
}

/** UDIAG_SHOW_… */
const SHOW = {
  localAddr: 0x01,
  file: 0x02,
  peerInode: 0x04,
  pending: 0x08,
  /** `receiveQueue`, `sendQueue` */
  queues: 0x10,
  memory: 0x20,
  userId: 0x40,
} as const;

const TYPE = words({ stream: 1, datagram: 2, seqpacket: 5 }, 255);
const LISTENING = 10;
const MODULE = { name: "unix_diag", config: "CONFIG_UNIX_DIAG" };
const ANY_COOKIE = -1n;

const REQUEST_LEN = 24;
/** `sizeof(struct unix_diag_msg)` */
const HEADER_LEN = 16;

const address: AttributeType<UnixAddr> = {
  decode: (bytes, start, end) => UnixAddr.fromSunPath(bytes.subarray(start, end)),
  encode: readOnly,
};

/** The kernel's own dev_t, whose minor number has 20 bits; not that of stat(2). */
const file: AttributeType<SocketFileId> = {
  decode(bytes, start, end) {
    if (end - start < 8) return undefined;
    const device = get32(bytes, start + 4);
    return { inode: get32(bytes, start), device: { major: device >>> 20, minor: device & 0xf_ffff } };
  },
  encode: readOnly,
};

/** UNIX_DIAG_…, whose numbers begin with 0. */
const UNIX = attributeTable("UNIX_DIAG_", {
  NAME: [0, address],
  VFS: [1, file],
  PEER: [2, u32],
  ICONS: [3, listOf(field32)],
  RQLEN: [4, listOf(field32)],
  MEMINFO: [5, memory],
  SHUTDOWN: [6, u8],
  UID: [7, u32],
});

/**
 * One socket from a `struct unix_diag_msg` and its attributes.
 * @param asked @internal the UDIAG_SHOW_ bits of the request: a missing name says something where it was asked for
 * @throws {WireError} where they are none
 */
export function decodeUnixSocket(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  asked: number = SHOW.localAddr,
): UnixSocketInfo {
  checkHeader("unix_diag", AF_UNIX, HEADER_LEN, bytes, start, end);
  const a = UNIX.decode(bytes, start + HEADER_LEN, end);
  const [receiveQueue, sendQueue] = a.RQLEN ?? [];
  const { SHUTDOWN } = a;
  const localAddr = a.NAME ?? ((asked & SHOW.localAddr) === 0 ? undefined : UnixAddr.UNNAMED);
  return {
    family: "unix",
    type: TYPE.word(bytes[start + 1] as number),
    state: stateOf(bytes[start + 2] as number),
    inode: BigInt(get32(bytes, start + 4)),
    cookie: cookieAt(bytes, start + 8),
    ...(localAddr !== undefined && { localAddr }),
    ...(a.VFS !== undefined && { file: a.VFS }),
    ...(a.PEER !== undefined && { peerInode: BigInt(a.PEER) }),
    ...(a.ICONS !== undefined && { pending: a.ICONS.map(BigInt) }),
    ...(receiveQueue !== undefined && { receiveQueue }),
    ...(sendQueue !== undefined && { sendQueue }),
    ...(a.MEMINFO !== undefined && { memory: a.MEMINFO }),
    ...(SHUTDOWN !== undefined && {
      shutdown: { read: (SHUTDOWN & 1) !== 0, write: (SHUTDOWN & 2) !== 0 },
    }),
    ...(a.UID !== undefined && { userId: a.UID }),
    ...(a.unknown !== undefined && { unknown: a.unknown }),
  };
}

/** The local sockets of the namespace. @throws {NetlinkError} @throws {TypeError} for a word that is none */
export async function listUnix(
  socket: NetlinkSocket,
  options: UnixListOptions = {},
): Promise<UnixSocketInfo[]> {
  const show = wantedBits(SHOW, options.with);
  const states = stateMask(options.states);
  const types = wantedTypes(TYPE, options.types);
  // A listener that many wait for takes more room than a message has, and what does not fit ends the dump without a word.
  // So its queue is asked for apart, and what all have is always whole.
  const asked = show & ~SHOW.pending;
  const first = asked | (show & SHOW.pending ? SHOW.queues : 0);
  const sockets = await dumpFamily(
    socket,
    requestOf(states, first),
    ({ bytes, start, end }) =>
      types?.includes(bytes[start + 1] as number) === false
        ? undefined
        : decodeUnixSocket(bytes, start, end, asked),
    options,
    MODULE,
  );
  if ((show & SHOW.pending) === 0) return sockets;
  const queues = sockets.some(({ state, receiveQueue }) => state === "listening" && receiveQueue !== 0)
    ? await pendingOf(socket, options)
    : undefined;
  return sockets.map((one) => {
    const { receiveQueue, sendQueue, ...rest } = one;
    const pending = one.state !== "listening" ? undefined : receiveQueue === 0 ? [] : queues?.get(one.cookie);
    return { ...((show & SHOW.queues) !== 0 ? one : rest), ...(pending !== undefined && { pending }) };
  });
}

/** Who waits for which listener. */
async function pendingOf(
  socket: NetlinkSocket,
  options: DumpOptions,
): Promise<Map<bigint, readonly bigint[]>> {
  const queues = new Map<bigint, readonly bigint[]>();
  const take = ({ bytes, start, end }: Message): undefined => {
    const { cookie, pending } = decodeUnixSocket(bytes, start, end);
    if (pending !== undefined) queues.set(cookie, pending);
  };
  await dumpFamily(socket, requestOf(1 << LISTENING, SHOW.pending), take, options, MODULE);
  return queues;
}

/**
 * The local socket with an inode, without a look at the others.
 * @returns `undefined` where there is none
 * @throws {NetlinkError} `EMSGSIZE` for a listener that about 900 wait for, if `"pending"` is asked for
 * @throws {RangeError} for an inode that is none
 */
export async function findUnix(
  socket: NetlinkSocket,
  inode: bigint | number,
  options: WaitOptions & Pick<UnixListOptions, "with"> = {},
): Promise<UnixSocketInfo | undefined> {
  const number = Number(inode);
  if (!Number.isInteger(number) || number < 1 || number > 0xffff_ffff) {
    throw new RangeError(`inode: expected an integer 1 … 4294967295, got ${inode}`);
  }
  const show = wantedBits(SHOW, options.with);
  let found: UnixSocketInfo | undefined;
  try {
    await socket.request(
      requestOf(ALL_STATES, show, number),
      ({ bytes, start, end }) => {
        found ??= decodeUnixSocket(bytes, start, end, show);
      },
      options,
    );
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === errno.ENOENT)) throw error;
    // So it says that the socket is not there, and that the module is not: a dump of nothing tells which.
    await dumpFamily(socket, requestOf(0, 0), () => undefined, options, MODULE);
  }
  return found;
}

/** `struct unix_diag_req` */
function requestOf(states: number, show: number, inode = 0): NetlinkRequest {
  const payload = new Uint8Array(REQUEST_LEN);
  const view = new DataView(payload.buffer);
  view.setUint8(0, AF_UNIX);
  view.setUint32(4, states, true);
  view.setUint32(8, inode, true);
  view.setUint32(12, show, true);
  view.setBigInt64(16, ANY_COOKIE, true);
  return { type: SOCK_DIAG_BY_FAMILY, payload, name: "SOCK_DIAG_BY_FAMILY", subject: "unix" };
}
