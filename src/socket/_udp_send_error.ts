/** What a UDP socket says of a datagram that could not be sent. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { DatagramTooLargeError, maxPayload } from "./datagram_too_large.ts";

/** The error of a send that failed for good. */
export function udpSendError(
  fd: number,
  number: number,
  syscall: string,
  bytes: number,
  peer: SocketAddr | undefined,
): C.SysError {
  if (number === -C.errno.EMSGSIZE && peer !== undefined) {
    const most = maxPayload(fd, peer);
    if (bytes > most) return new DatagramTooLargeError(syscall, peer, bytes, most);
    const hint =
      "it would fit: an earlier datagram, or a segment of it (UDP_SEGMENT), was longer than the path's MTU";
    return new C.SysError(number, syscall, { address: peer.toString(), hint });
  }
  return new C.SysError(number, syscall, { address: peer?.toString(), hint: advice(fd, -number, peer) });
}

function advice(fd: number, number: number, peer: SocketAddr | undefined): string | undefined {
  const { errno } = C;
  const ipv4 = peer?.ip.version === 4 || peer?.ip.isIpv4Mapped;
  if (number === errno.EACCES && ipv4 && C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_BROADCAST) === 0) {
    return "sending to a broadcast address needs the option SO.BROADCAST (SO_BROADCAST)";
  }
  if (number === errno.EDESTADDRREQ || number === errno.ENOTCONN) {
    return "this socket is not connected: use sendTo, or connect first";
  }
  if (number === errno.EAFNOSUPPORT) return "the socket and the address are of different families";
  if (number === errno.ENETUNREACH) return "this host has no route to that network";
  if (number === errno.ECONNREFUSED) return "no socket had that port when an earlier datagram came there";
  if (number === errno.EINVAL && peer?.port === 0) return "port 0 is no destination";
  return undefined;
}
