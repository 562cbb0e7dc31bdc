/** SysError: what the kernel refused, with its errno, the call, the address concerned, and a sentence to act on. */
import { type ErrnoName, errno, errnoName, errnoText } from "./errno.ts";

/** What a failed call was about, so that the message can say it. */
export interface SysErrorDetails {
  /** The socket address, path or name that the call concerned, as text. */
  readonly address?: string | undefined;
  /** Overrides the advice that is looked up by call and errno. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A system call failed. `message` is one line: the call, the address, strerror(3)'s text, the name,
 * and, where one is known, what to do about it.
 */
export class SysError extends Error {
  override readonly name = "SysError";
  /** The errno's name, such as `"ECONNREFUSED"`. */
  readonly code: ErrnoName | `E${number}`;
  /** The errno as a positive number. */
  readonly errno: number;
  /** The system call, such as `"connect"`. */
  readonly syscall: string;
  /** The address concerned, where there is one. */
  readonly address: string | undefined;

  /** @param number errno, positive or negated as the functions of `sys/` return it */
  constructor(number: number, syscall: string, details: SysErrorDetails = {}) {
    const positive = Math.abs(number);
    const code = errnoName(positive) ?? (`E${positive}` as const);
    const hint = details.hint ?? advice(syscall, positive, details.address);
    const where = details.address === undefined ? "" : ` ${details.address}`;
    super(
      `${syscall}${where}: ${errnoText(positive)} (${code})${hint === undefined ? "" : `: ${hint}`}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.errno = positive;
    this.syscall = syscall;
    this.address = details.address;
  }
}

/** Returns `result` where it is not negative, and throws it as a {@link SysError} where it is. */
export function check(result: number, syscall: string, details?: SysErrorDetails): number {
  if (result < 0) throw new SysError(result, syscall, details);
  return result;
}

const GENERAL: Readonly<Record<number, string>> = {
  [errno.EMFILE]: "this process has as many open files as its limit allows (see ulimit -n)",
  [errno.ENFILE]: "the whole system has as many open files as its limit allows (see /proc/sys/fs/file-max)",
  [errno.ENOBUFS]: "the kernel has no memory left for socket buffers",
};

const NOBODY_THERE = "nothing has that port there: an earlier datagram was refused";

const BY_CALL: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  socket: {
    [errno.EPERM]:
      "raw and packet sockets need the capability CAP_NET_RAW (run as root, or in a user namespace, as unshare -Urn makes one)",
  },
  connect: {
    [errno.ECONNREFUSED]: "nothing listens on that address and port",
    [errno.ETIMEDOUT]: "the peer never answered; it may be down, or a firewall drops the packets",
    [errno.ENETUNREACH]: "this host has no route to that network",
    [errno.EHOSTUNREACH]: "a router or this host says that there is no way to that host",
    [errno.EADDRNOTAVAIL]:
      "this host has no such local address, or every ephemeral port to that peer is in use (see /proc/sys/net/ipv4/ip_local_port_range)",
    [errno.EACCES]: "a firewall rule, or a broadcast address without SO_BROADCAST, forbids it",
    [errno.EINVAL]:
      "the kernel does not take this address; a link-local IPv6 address needs its zone, as in fe80::1%eth0",
  },
  bind: {
    [errno.EADDRINUSE]: "another socket already has this address and port (see ss -ltnp)",
    [errno.EADDRNOTAVAIL]: "no network interface of this host has this address",
    [errno.EINVAL]:
      "the socket is already bound, or a link-local IPv6 address lacks its zone, as in fe80::1%eth0",
  },
  listen: { [errno.EADDRINUSE]: "another socket already listens on this port (see ss -ltnp)" },
  recv: { [errno.ECONNRESET]: "the peer ended the connection abruptly; data on the way may be lost" },
  recvfrom: { [errno.ECONNREFUSED]: NOBODY_THERE },
  recvmsg: { [errno.ECONNREFUSED]: NOBODY_THERE },
  recvmmsg: { [errno.ECONNREFUSED]: NOBODY_THERE },
  send: {
    [errno.EPIPE]: "the peer has closed the connection, or this side has shut down its writing half",
    [errno.ECONNRESET]: "the peer ended the connection abruptly; data on the way may be lost",
  },
  shutdown: { [errno.ENOTCONN]: "the connection has ended already" },
  setsockopt: { [errno.EPERM]: "this option needs the capability CAP_NET_ADMIN or CAP_NET_RAW" },
};

function advice(syscall: string, number: number, address: string | undefined): string | undefined {
  if (syscall === "bind" && number === errno.EACCES) {
    const port = Number(address?.slice(address.lastIndexOf(":") + 1));
    if (port > 0) {
      return (
        `port ${port} is below net.ipv4.ip_unprivileged_port_start and needs the capability CAP_NET_BIND_SERVICE ` +
        `(run as root, or use a port from 1024 up)`
      );
    }
  }
  return BY_CALL[syscall]?.[number] ?? GENERAL[number];
}
