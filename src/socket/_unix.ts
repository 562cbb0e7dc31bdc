/** What the local sockets share: their addresses, connecting, advice on errors, and messages with files. */
import { lstatSync } from "node:fs";
import * as C from "../sys/index.ts";
import { message } from "./_message.ts";
import { Retry } from "./_retry.ts";
import { adoptFd, fdNumber, openSocket } from "./_socket.ts";
import { type AncillaryRequest, type Credentials, encodeAncillary } from "./ancillary.ts";
import type { OptionSetting } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";

/** Where to: a path, `"@name"` for an abstract address, or a UnixAddr. */
export type UnixTarget = string | C.UnixAddr;

export interface UnixConnectOptions extends C.WaitOptions {
  /** What is set before connecting, as `SO.PASSCRED.to(true)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** @throws {TypeError | RangeError} */
export function toUnixAddr(address: UnixTarget): C.UnixAddr {
  if (typeof address === "string") return C.UnixAddr.parse(address);
  if (address instanceof C.UnixAddr) return address;
  throw new TypeError(`address: expected a path, "@name" or a UnixAddr, got ${typeof address}`);
}

/** The kernel's bytes of an address that somebody is to be reached by. @throws {TypeError | RangeError} */
export function unixPeerBytes(address: UnixTarget): Uint8Array {
  const to = toUnixAddr(address);
  if (to.kind === "unnamed")
    throw new RangeError("address: expected a path or a name, got an unnamed socket");
  return C.encodeSockaddrUn(to);
}

/** The kernel's bytes of a peer's address; `undefined` where it is unnamed, which is nothing to tell of in a message. */
export function namedPeer(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length > 2 ? bytes : undefined;
}

function isSocketFile(address: C.UnixAddr): boolean | undefined {
  try {
    return lstatSync(Buffer.from(address.pathBytes as Uint8Array)).isSocket();
  } catch {
    return undefined;
  }
}

const NO_SOCKET = "the file is no socket";

function refused(address: C.UnixAddr): string {
  if (address.kind === "abstract") return "no socket has that name, or it does not listen";
  if (isSocketFile(address) === false) return NO_SOCKET;
  return "the file is left over from a socket that was closed, or the socket does not listen";
}

function inUse(address: C.UnixAddr, unlinkStale: boolean): string {
  if (address.kind === "abstract") return "another socket has that name (see ss -xa)";
  if (isSocketFile(address) === false) return NO_SOCKET;
  if (unlinkStale) return "another socket is bound to that file, or this user may not ask it";
  return "the file is there already; with unlinkStale it is replaced where no socket is bound to it";
}

const { errno } = C;

/** What to do about it, where the table of `sys/` does not know that the socket is a local one. */
const ADVICE: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  connect: {
    [errno.ENOENT]: "there is no such file; whoever is to listen there has not begun, or has ended",
    [errno.EACCES]:
      "connecting needs write permission on the socket file and search permission on its directories",
    [errno.EPROTOTYPE]: "the socket there is of another kind: stream, datagram and seqpacket do not mix",
    [errno.EPERM]: "that socket is connected to another one and takes datagrams from no one else",
    [errno.EINVAL]: "the kernel does not take this address",
  },
  bind: {
    [errno.EACCES]: "making the socket file needs write permission on its directory",
    [errno.ENOENT]: "the directory for the socket file does not exist",
    [errno.EINVAL]: "the socket is already bound",
  },
  sendmsg: {
    [errno.EPERM]:
      "credentials other than this process's own need CAP_SYS_ADMIN, CAP_SETUID or CAP_SETGID; and a socket that is " +
      "connected takes datagrams from its peer only",
  },
  send: {
    [errno.EPIPE]: "the peer has closed the connection, or this side has shut down its writing half",
    [errno.ENOTCONN]: "this socket is not connected: use sendTo, or connect first",
    [errno.EDESTADDRREQ]: "this socket is not connected: use sendTo, or connect first",
    [errno.ETOOMANYREFS]:
      "more files than this user may have open (see ulimit -n) are on their way in local sockets, not received yet",
  },
};

/** The error of a call that concerns an address, or of a send. */
export function unixError(
  number: number,
  syscall: string,
  address: C.UnixAddr | undefined,
  unlinkStale = false,
): C.SysError {
  const code = Math.abs(number);
  const hint = (): string | undefined => {
    if (address !== undefined && code === errno.ECONNREFUSED) return refused(address);
    if (address !== undefined && code === errno.EADDRINUSE) return inUse(address, unlinkStale);
    const sending = syscall.startsWith("send") ? (ADVICE.send?.[code] ?? ADVICE.connect?.[code]) : undefined;
    return ADVICE[syscall]?.[code] ?? sending;
  };
  return new C.SysError(number, syscall, { address: address?.toString(), hint: hint() });
}

/**
 * A connected socket. A listener whose backlog is full gives EAGAIN, and no event tells of room in it.
 * @throws {SysError}
 * @throws {TimeoutError} or the signal's reason; the socket is closed then
 */
export async function connectUnix(
  type: number,
  target: UnixTarget,
  options: UnixConnectOptions,
  label: string,
): Promise<C.Source> {
  C.checkWait(options);
  const bytes = unixPeerBytes(target);
  const address = toUnixAddr(target);
  const fd = openSocket(C.AF_UNIX, type, options.options ?? [], () => {});
  const source = new C.Source(fd, label);
  source.peer = bytes;
  const retry = new Retry(source, source.write);
  const attempt = (): true | C.WouldBlock => {
    let result = C.connect(source.fd, bytes);
    while (result === -errno.EINTR) result = C.connect(source.fd, bytes);
    if (result === 0) return true;
    if (result !== -errno.EAGAIN) throw unixError(result, "connect", address);
    retry.later();
    return C.WOULD_BLOCK;
  };
  try {
    await source.run("write", "connect", source, attempt, options);
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Two connected sockets. @throws {SysError} */
export function unixPair(type: number, label: string): [C.Source, C.Source] {
  C.startReactor();
  const pair = C.socketpair(C.AF_UNIX, type | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0);
  if (typeof pair === "number") throw new C.SysError(pair, "socketpair");
  return [new C.Source(pair[0], label), new C.Source(pair[1], label)];
}

/**
 * Takes over a connected socket, and asks for its peer.
 * @throws {TypeError} where it is no such socket; the fd stays the caller's then
 * @throws {SysError} `ENOTCONN`, `EBADF`, `ENOTSOCK`
 */
export function adoptConnected(
  fd: number | OwnedFd,
  type: number,
  what: string,
): { readonly fd: number; readonly peerBytes: Uint8Array } {
  const number = fdNumber(fd);
  const peer = C.getpeername(number);
  if (typeof peer === "number") throw new C.SysError(peer, "getpeername", { address: `fd ${number}` });
  return { fd: adoptFd(fd, [C.AF_UNIX], type, what), peerBytes: peer };
}

/** Who connected, listens, or made the pair: SO_PEERCRED. */
export function peerCredentials(source: C.Source): Credentials {
  const bytes = new Uint8Array(C.ucred.size);
  C.check(C.getsockopt(source.open("getsockopt"), C.SOL_SOCKET, C.SO_PEERCRED, bytes), "getsockopt");
  return C.ucred.decode(bytes);
}

/** The error of a datagram or record that could not be sent. */
export function unsentError(
  source: C.Source,
  number: number,
  syscall: string,
  bytes: Uint8Array,
  peer: C.UnixAddr | undefined,
): C.SysError {
  const address = peer?.kind === "unnamed" ? undefined : peer;
  if (number !== -errno.EMSGSIZE) return unixError(number, syscall, address);
  const room = C.getsockoptInt(source.fd, C.SOL_SOCKET, C.SO_SNDBUF);
  const hint = `these are ${bytes.length} bytes at once, more than the send buffer (SO.SNDBUF, ${room}) allows`;
  return new C.SysError(number, syscall, { address: address?.toString(), hint });
}

/** What a reset means here. */
export function adviceOnReset(number: number): string | undefined {
  if (number !== -errno.ECONNRESET) return undefined;
  return "the peer has closed the connection without reading all that this side had sent";
}

/** The control data of a request. @throws {TypeError} @throws {SysError} `EBADF` for an OwnedFd that is closed */
export function encodeUnixRequest(request: AncillaryRequest | undefined): Uint8Array | undefined {
  return request === undefined ? undefined : encodeAncillary(request, "unix", undefined);
}

/** One sendmsg on a connected socket. @returns how many bytes the kernel took, or `-errno`; never `-EINTR` */
export function sendMessage(fd: number, bytes: Uint8Array, control: Uint8Array | undefined): number {
  message.setData(0, C.addressOf(bytes), bytes.length);
  message.setName(0, undefined);
  message.setControl(0, control);
  let count = message.sendmsg(fd, C.MSG_NOSIGNAL);
  while (count === -errno.EINTR) count = message.sendmsg(fd, C.MSG_NOSIGNAL);
  return count;
}

/** One recvmsg; what came beside it is then in {@link message}. @returns as recvmsg; never `-EINTR` */
export function receiveMessage(fd: number, target: Uint8Array, controlBytes: number, flags: number): number {
  const call = (): number => {
    message.setData(0, C.addressOf(target), target.length);
    message.expect(0, controlBytes);
    return message.recvmsg(fd, flags | C.MSG_CMSG_CLOEXEC);
  };
  let count = call();
  while (count === -errno.EINTR) count = call();
  return count;
}
