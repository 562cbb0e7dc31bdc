/** System calls on sockets: socket, socketpair, bind, listen, accept4, connect, sendto, recvfrom, shutdown, names, options. */

import { SOL_SOCKET } from "./constants.ts";
import { libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";
import { SOCKADDR_STORAGE_LEN } from "./structs.ts";

type AddressCall = (fd: number, addr: Uint8Array, len: Uint8Array) => number;

const c_socket =
  libc<(domain: number, type: number, protocol: number) => number>("int socket(int, int, int)");
const c_bind = libc<(fd: number, addr: Uint8Array, len: number) => number>(
  "int bind(int, const void *, unsigned int)",
);
const c_connect = libc<(fd: number, addr: Uint8Array, len: number) => number>(
  "int connect(int, const void *, unsigned int)",
);
const c_listen = libc<(fd: number, backlog: number) => number>("int listen(int, int)");
const c_accept4 = libc<(fd: number, addr: Uint8Array, len: Uint8Array, flags: number) => number>(
  "int accept4(int, void *, void *, int)",
);
const c_shutdown = libc<(fd: number, how: number) => number>("int shutdown(int, int)");
const c_getsockname = libc<AddressCall>("int getsockname(int, void *, void *)");
const c_getpeername = libc<AddressCall>("int getpeername(int, void *, void *)");
const c_getsockopt = libc<
  (fd: number, level: number, name: number, value: Uint8Array, len: Uint8Array) => number
>("int getsockopt(int, int, int, void *, void *)");
const c_setsockopt = libc<
  (fd: number, level: number, name: number, value: Uint8Array, len: number) => number
>("int setsockopt(int, int, int, const void *, unsigned int)");

const SO_GET_FILTER = 26;

// The kernel fills these two; they are read before any other call can be made on this thread.
const addressBytes = new Uint8Array(SOCKADDR_STORAGE_LEN);
const lengthCell = new Uint32Array(1);
const lengthBytes = new Uint8Array(lengthCell.buffer);

function filledAddress(): Uint8Array {
  return addressBytes.slice(0, Math.min(lengthCell[0] as number, SOCKADDR_STORAGE_LEN));
}

/**
 * `int socket(int domain, int type, int protocol)`
 * @returns the new fd, or `-errno`
 * @see man 2 socket
 */
export function socket(domain: number, type: number, protocol: number): number {
  const fd = c_socket(domain, type, protocol);
  return fd < 0 ? negativeErrno() : fd;
}

/**
 * `int bind(int fd, const struct sockaddr *addr, socklen_t addrlen)`
 * @returns 0 or `-errno`
 * @see man 2 bind
 */
export function bind(fd: number, addr: Uint8Array): number {
  checkFd(fd);
  return c_bind(fd, addr, addr.length) < 0 ? negativeErrno() : 0;
}

/**
 * `int connect(int fd, const struct sockaddr *addr, socklen_t addrlen)`
 * @returns 0 or `-errno`; `-EINPROGRESS` where a non-blocking socket has begun the handshake
 * @see man 2 connect
 */
export function connect(fd: number, addr: Uint8Array): number {
  checkFd(fd);
  return c_connect(fd, addr, addr.length) < 0 ? negativeErrno() : 0;
}

/**
 * `int listen(int fd, int backlog)`
 * @returns 0 or `-errno`
 * @see man 2 listen
 */
export function listen(fd: number, backlog: number): number {
  checkFd(fd);
  return c_listen(fd, backlog) < 0 ? negativeErrno() : 0;
}

/**
 * `int accept4(int fd, struct sockaddr *addr, socklen_t *addrlen, int flags)`
 * @returns the new connection's fd, or `-errno`; the peer's address is then in {@link acceptedAddress}
 * @see man 2 accept4
 */
export function accept4(fd: number, flags: number): number {
  checkFd(fd);
  lengthCell[0] = SOCKADDR_STORAGE_LEN;
  const accepted = c_accept4(fd, addressBytes, lengthBytes, flags);
  return accepted < 0 ? negativeErrno() : accepted;
}

/** The peer's address that the accept4 just made gave, as the kernel's bytes (a copy). */
export function acceptedAddress(): Uint8Array {
  return filledAddress();
}

const c_socketpair = libc<(domain: number, type: number, protocol: number, fds: Uint8Array) => number>(
  "int socketpair(int, int, int, void *)",
);
const pairCell = new Int32Array(2);
const pairBytes = new Uint8Array(pairCell.buffer);

/**
 * `int socketpair(int domain, int type, int protocol, int fds[2])`
 * @returns the two fds, or `-errno`
 * @see man 2 socketpair
 */
export function socketpair(domain: number, type: number, protocol: number): [number, number] | number {
  const result = c_socketpair(domain, type, protocol, pairBytes);
  return result < 0 ? negativeErrno() : [pairCell[0] as number, pairCell[1] as number];
}

const c_sendto = libc<
  (fd: number, buf: Uint8Array, len: number, flags: number, addr: Uint8Array, addrlen: number) => number
>("int sendto(int, const void *, size_t, int, const void *, unsigned int)");

/**
 * `ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)`
 * @returns bytes that the kernel took, for a datagram always all, or `-errno`
 * @see man 2 sendto
 */
export function sendto(fd: number, buf: Uint8Array, flags: number, addr: Uint8Array): number {
  checkFd(fd);
  const count = c_sendto(fd, buf, buf.length, flags, addr, addr.length);
  return count < 0 ? negativeErrno() : count;
}

const c_recvfrom = libc<
  (fd: number, buf: Uint8Array, len: number, flags: number, addr: Uint8Array, addrlen: Uint8Array) => number
>("int recvfrom(int, void *, size_t, int, void *, void *)");

/**
 * `ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)`
 * @returns bytes received, or with MSG_TRUNC how long the datagram was, or `-errno`; who sent it is then in
 * {@link senderAddress}
 * @see man 2 recvfrom
 */
export function recvfrom(fd: number, buf: Uint8Array, flags: number): number {
  checkFd(fd);
  lengthCell[0] = SOCKADDR_STORAGE_LEN;
  const count = c_recvfrom(fd, buf, buf.length, flags, addressBytes, lengthBytes);
  return count < 0 ? negativeErrno() : count;
}

/** The address that the recvfrom just made gave, as a view of the kernel's bytes: to be decoded or copied at once. */
export function senderAddress(): Uint8Array {
  return addressBytes.subarray(0, Math.min(lengthCell[0] as number, SOCKADDR_STORAGE_LEN));
}

/**
 * `int shutdown(int fd, int how)`
 * @returns 0 or `-errno`
 * @see man 2 shutdown
 */
export function shutdown(fd: number, how: number): number {
  checkFd(fd);
  return c_shutdown(fd, how) < 0 ? negativeErrno() : 0;
}

/**
 * `int getsockname(int fd, struct sockaddr *addr, socklen_t *addrlen)`
 * @returns the socket's own address as the kernel's bytes, or `-errno`
 * @see man 2 getsockname
 */
export function getsockname(fd: number): Uint8Array | number {
  return address(c_getsockname, fd);
}

/**
 * `int getpeername(int fd, struct sockaddr *addr, socklen_t *addrlen)`
 * @returns the peer's address as the kernel's bytes, or `-errno`; `-ENOTCONN` where there is no peer
 * @see man 2 getpeername
 */
export function getpeername(fd: number): Uint8Array | number {
  return address(c_getpeername, fd);
}

function address(call: AddressCall, fd: number): Uint8Array | number {
  checkFd(fd);
  lengthCell[0] = SOCKADDR_STORAGE_LEN;
  return call(fd, addressBytes, lengthBytes) < 0 ? negativeErrno() : filledAddress();
}

/**
 * `int getsockopt(int fd, int level, int optname, void *optval, socklen_t *optlen)`
 * @param value is filled from its start
 * @returns how many bytes of `value` the kernel filled, or `-errno`
 * @see man 2 getsockopt
 */
export function getsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  checkFd(fd);
  // This one counts in instructions of 8 bytes, and would write beyond the end.
  const counted = level === SOL_SOCKET && name === SO_GET_FILTER;
  lengthCell[0] = counted ? value.length >> 3 : value.length;
  return c_getsockopt(fd, level, name, value, lengthBytes) < 0 ? negativeErrno() : (lengthCell[0] as number);
}

/** `*optlen` after the getsockopt just made, which says with ERANGE how much room the value needs. */
export function optionLength(): number {
  return lengthCell[0] as number;
}

/**
 * `int setsockopt(int fd, int level, int optname, const void *optval, socklen_t optlen)`
 * @returns 0 or `-errno`
 * @see man 2 setsockopt
 */
export function setsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
  checkFd(fd);
  return c_setsockopt(fd, level, name, value, value.length) < 0 ? negativeErrno() : 0;
}

const intCell = new Int32Array(1);
const intBytes = new Uint8Array(intCell.buffer);

/** `getsockopt` for an int, without an object. Only for options whose value cannot be negative. @returns it, or `-errno` */
export function getsockoptInt(fd: number, level: number, name: number): number {
  const length = getsockopt(fd, level, name, intBytes);
  return length < 0 ? length : (intCell[0] as number);
}
