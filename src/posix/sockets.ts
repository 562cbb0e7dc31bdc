/** socket, socketpair, bind, listen, accept, connect, shutdown, getsockname, getpeername: sockets and their addresses. */
import * as C from "../sys/index.ts";
import { fillableArray, int, type pointer } from "./_check.ts";
import { answer, fail } from "./errno.ts";
import { addressRoom, type const_sockaddr, encodeAddress, type sockaddr } from "./sockaddr.ts";

const { EBADF } = C.errno;

/**
 * `int socket(int domain, int type, int protocol)`
 * @returns the new fd, or -1. It blocks and child processes inherit it, unless `type` has SOCK_NONBLOCK and SOCK_CLOEXEC.
 * @see man 2 socket
 */
export function socket(domain: number, type: number, protocol: number): number {
  return answer(C.socket(int("domain", domain), int("type", type), int("protocol", protocol)));
}

/**
 * `int socketpair(int domain, int type, int protocol, int sv[2])`
 * @param sv its first two elements become the two fds
 * @returns 0 or -1
 * @see man 2 socketpair
 */
export function socketpair(domain: number, type: number, protocol: number, sv: number[]): number {
  fillableArray("sv", sv, 0, 1);
  const pair = C.socketpair(int("domain", domain), int("type", type), int("protocol", protocol));
  if (typeof pair === "number") return answer(pair);
  [sv[0], sv[1]] = pair;
  return 0;
}

/**
 * `int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`
 * @param addrlen by default that of the address
 * @returns 0 or -1
 * @see man 2 bind
 */
export function bind(sockfd: number, addr: const_sockaddr, addrlen?: number): number {
  const [fd, address] = [int("sockfd", sockfd), encodeAddress("addr", addr, addrlen)];
  return fd < 0 ? fail(EBADF) : answer(C.bind(fd, address));
}

/**
 * `int listen(int sockfd, int backlog)`
 * @returns 0 or -1
 * @see man 2 listen
 */
export function listen(sockfd: number, backlog: number): number {
  const [fd, length] = [int("sockfd", sockfd), int("backlog", backlog)];
  return fd < 0 ? fail(EBADF) : answer(C.listen(fd, length));
}

/**
 * `int accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`: waits for a connection.
 * @param addr filled with the peer's address
 * @param addrlen how much of `addr` may be filled; then how long the address is
 * @returns the new connection's fd, or -1
 * @see man 2 accept
 */
export function accept(sockfd: number, addr?: sockaddr | null, addrlen?: pointer<number> | null): number {
  return accept4(sockfd, addr, addrlen, 0);
}

/**
 * `int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags)`
 * @param flags SOCK_NONBLOCK, SOCK_CLOEXEC
 * @returns as {@link accept}
 * @see man 2 accept4
 */
export function accept4(
  sockfd: number,
  addr: sockaddr | null | undefined,
  addrlen: pointer<number> | null | undefined,
  flags: number,
): number {
  const fd = int("sockfd", sockfd);
  const bits = int("flags", flags);
  const room = addressRoom("addr", addr, addrlen);
  if (fd < 0) return fail(EBADF);
  const accepted = C.accept4(fd, bits);
  if (accepted >= 0) room?.fill(C.acceptedAddress());
  return answer(accepted);
}

/**
 * `int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)`: waits until the peer has answered.
 * @param addrlen by default that of the address
 * @returns 0 or -1; EINPROGRESS where a non-blocking socket has begun
 * @see man 2 connect
 */
export function connect(sockfd: number, addr: const_sockaddr, addrlen?: number): number {
  const [fd, address] = [int("sockfd", sockfd), encodeAddress("addr", addr, addrlen)];
  return fd < 0 ? fail(EBADF) : answer(C.connect(fd, address));
}

/**
 * `int shutdown(int sockfd, int how)`
 * @param how SHUT_RD, SHUT_WR, SHUT_RDWR
 * @returns 0 or -1
 * @see man 2 shutdown
 */
export function shutdown(sockfd: number, how: number): number {
  const [fd, which] = [int("sockfd", sockfd), int("how", how)];
  return fd < 0 ? fail(EBADF) : answer(C.shutdown(fd, which));
}

/**
 * `int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`
 * @param addr filled with the socket's own address
 * @param addrlen as for {@link accept}
 * @returns 0 or -1
 * @see man 2 getsockname
 */
export function getsockname(sockfd: number, addr: sockaddr, addrlen?: pointer<number>): number {
  return nameOf(C.getsockname, sockfd, addr, addrlen);
}

/**
 * `int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)`
 * @param addr filled with the peer's address
 * @param addrlen as for {@link accept}
 * @returns 0 or -1
 * @see man 2 getpeername
 */
export function getpeername(sockfd: number, addr: sockaddr, addrlen?: pointer<number>): number {
  return nameOf(C.getpeername, sockfd, addr, addrlen);
}

function nameOf(
  call: (fd: number) => Uint8Array | number,
  sockfd: number,
  addr: sockaddr,
  addrlen: pointer<number> | undefined,
): number {
  const fd = int("sockfd", sockfd);
  const room = addressRoom("addr", addr, addrlen);
  if (room === undefined) throw new TypeError("addr: expected an address to fill, got none");
  if (fd < 0) return fail(EBADF);
  const found = call(fd);
  if (typeof found === "number") return answer(found);
  room.fill(found);
  return 0;
}
