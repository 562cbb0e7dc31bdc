/** read, write, send, recv, sendto, recvfrom: bytes in and out of a socket or any other fd. */
import * as C from "../sys/index.ts";
import { bytes, int, type pointer } from "./_check.ts";
import { answer, fail } from "./errno.ts";
import { addressRoom, type const_sockaddr, encodeAddress, type sockaddr } from "./sockaddr.ts";

const { EBADF } = C.errno;

/**
 * `ssize_t read(int fd, void *buf, size_t count)`: waits until there is something.
 * @param count by default all of `buf`
 * @returns how many bytes came, 0 at the end, or -1
 * @see man 2 read
 */
export function read(fd: number, buf: Uint8Array, count?: number): number {
  const [from, to] = [int("fd", fd), bytes("buf", buf, count)];
  return from < 0 ? fail(EBADF) : answer(C.read(from, to));
}

/**
 * `ssize_t write(int fd, const void *buf, size_t count)`: waits until there is room for some of it.
 * @param count by default all of `buf`
 * @returns how many bytes were taken, maybe fewer than `count`, or -1. Where the peer has gone it is EPIPE: Node ignores
 * SIGPIPE, which ends a C program by default.
 * @see man 2 write
 */
export function write(fd: number, buf: Uint8Array, count?: number): number {
  const [to, from] = [int("fd", fd), bytes("buf", buf, count)];
  return to < 0 ? fail(EBADF) : answer(C.write(to, from));
}

/**
 * `ssize_t send(int sockfd, const void *buf, size_t len, int flags)`
 * @param len by default all of `buf`
 * @returns as {@link write}
 * @see man 2 send
 */
export function send(sockfd: number, buf: Uint8Array, len?: number, flags = 0): number {
  const [to, from, bits] = [int("sockfd", sockfd), bytes("buf", buf, len), int("flags", flags)];
  return to < 0 ? fail(EBADF) : answer(C.send(to, from, bits));
}

/**
 * `ssize_t recv(int sockfd, void *buf, size_t len, int flags)`
 * @param len by default all of `buf`
 * @returns as {@link read}; with MSG_TRUNC how long the datagram was, which may be more than `len`
 * @see man 2 recv
 */
export function recv(sockfd: number, buf: Uint8Array, len?: number, flags = 0): number {
  const [from, to, bits] = [int("sockfd", sockfd), bytes("buf", buf, len), int("flags", flags)];
  return from < 0 ? fail(EBADF) : answer(C.recv(from, to, bits));
}

/**
 * `ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest_addr, socklen_t addrlen)`
 * @param dest_addr none for the connected peer
 * @param addrlen by default that of the address
 * @returns as {@link write}; of a datagram always all
 * @see man 2 sendto
 */
export function sendto(
  sockfd: number,
  buf: Uint8Array,
  len: number | undefined,
  flags: number,
  dest_addr?: const_sockaddr | null,
  addrlen?: number,
): number {
  if (dest_addr === null || dest_addr === undefined) return send(sockfd, buf, len, flags);
  const [to, from, bits] = [int("sockfd", sockfd), bytes("buf", buf, len), int("flags", flags)];
  const address = encodeAddress("dest_addr", dest_addr, addrlen);
  return to < 0 ? fail(EBADF) : answer(C.sendto(to, from, bits, address));
}

/**
 * `ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src_addr, socklen_t *addrlen)`
 * @param src_addr filled with the sender's address
 * @param addrlen how much of `src_addr` may be filled; then how long the address is
 * @returns as {@link recv}
 * @see man 2 recvfrom
 */
export function recvfrom(
  sockfd: number,
  buf: Uint8Array,
  len: number | undefined,
  flags: number,
  src_addr?: sockaddr | null,
  addrlen?: pointer<number> | null,
): number {
  const room = addressRoom("src_addr", src_addr, addrlen);
  if (room === undefined) return recv(sockfd, buf, len, flags);
  const [from, to, bits] = [int("sockfd", sockfd), bytes("buf", buf, len), int("flags", flags)];
  if (from < 0) return fail(EBADF);
  const count = C.recvfrom(from, to, bits);
  if (count >= 0) room.fill(C.senderAddress());
  return answer(count);
}
