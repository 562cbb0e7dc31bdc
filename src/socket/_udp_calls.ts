/** The calls of a UDP socket that do not wait, for the sockets that block and for those that do not. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { fdNumber } from "./_socket.ts";
import { maxPayload } from "./datagram_too_large.ts";
import type { OwnedFd } from "./owned_fd.ts";

/** Whether UDP_GRO is set: what is received may be several datagrams. */
export function hasGro(fd: number): boolean {
  return C.getsockoptInt(fd, C.IPPROTO_UDP, C.UDP_GRO) > 0;
}

/**
 * Refuses the other datagrams of IP, such as a ping socket's: its family and its type are those of UDP.
 * @throws {TypeError}
 */
export function checkUdpFd(fd: number | OwnedFd): void {
  const number = fdNumber(fd);
  const protocol = C.getsockoptInt(number, C.SOL_SOCKET, C.SO_PROTOCOL);
  if (protocol < 0 || protocol === C.IPPROTO_UDP) return; // what is no open socket is refused in its turn
  throw new TypeError(`fd: expected a UDP socket, got a socket of protocol ${protocol} (fd ${number})`);
}

/**
 * Connects, or connects anew.
 * @param peer for messages
 * @returns the kernel's bytes of the peer, which is not always the one that was asked for: 0.0.0.0 is 127.0.0.1
 * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without SO.BROADCAST) …
 */
export function connectUdp(fd: number, bytes: Uint8Array, peer: SocketAddr | string): Uint8Array {
  C.check(C.connect(fd, bytes), "connect", { address: peer.toString() });
  C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_ERROR); // what was reported of an earlier peer is not this one's
  const connected = C.getpeername(fd);
  return typeof connected === "number" ? bytes : connected;
}

/**
 * Undoes {@link connectUdp}, and keeps the port.
 * @param noted called as soon as there is no peer any more, before what can still fail
 * @throws {SysError} `EADDRINUSE` where the kernel had chosen the port, and somebody else has taken it in this moment
 */
export function disconnectUdp(fd: number, noted: () => void): void {
  const before = C.getsockname(fd);
  C.check(C.connect(fd, new Uint8Array(16)), "connect");
  noted();
  const after = C.getsockname(fd);
  if (typeof before === "number" || typeof after === "number" || after[2] !== 0 || after[3] !== 0) return;
  after.set(before.subarray(2, 4), 2); // the kernel has given up a port that it had chosen itself
  C.check(C.bind(fd, after), "bind", { address: C.decodeSockaddr(after)?.toString() });
}

/** What {@link connectFirst} needs of a socket. */
interface Connectable {
  connect(peer: SocketAddr): void;
  close(): void;
}

/**
 * The socket of the first address that can be connected to; those of the others are closed.
 * @throws what the last address failed with
 */
export function connectFirst<S extends Connectable>(
  addresses: readonly SocketAddr[],
  open: (address: SocketAddr) => S,
): S {
  let failure: unknown;
  for (const address of addresses) {
    let socket: S | undefined;
    try {
      socket = open(address);
      socket.connect(address);
      return socket;
    } catch (error) {
      socket?.close();
      failure = error;
    }
  }
  throw failure;
}

/**
 * Whether `EMSGSIZE` is the datagram's own, since it does not fit: another try would put the same into the error queue
 * once more.
 */
export function isTooLarge(fd: number, number: number, bytes: number, peer: SocketAddr | undefined): boolean {
  return number === -C.errno.EMSGSIZE && peer !== undefined && bytes > maxPayload(fd, peer);
}
