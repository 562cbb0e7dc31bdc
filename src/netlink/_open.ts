/** Making a netlink socket: bound, with extended acknowledgements and strict checks. */
import * as C from "../sys/index.ts";
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GENERIC,
  NETLINK_GET_STRICT_CHK,
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
} from "./_constants.ts";
import { get32 } from "./attributes.ts";

/** Which part of the kernel: by name, or a number of linux/netlink.h. */
export type NetlinkProtocol = "route" | "sockDiag" | "generic" | number;

const PROTOCOLS = { route: NETLINK_ROUTE, sockDiag: NETLINK_SOCK_DIAG, generic: NETLINK_GENERIC } as const;

/** `struct sockaddr_nl` with its port left to the kernel. */
const ANY_PORT = Uint8Array.of(C.AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
/** Of `nl_pid`. */
const PORT_AT = 4;

interface OpenOptions {
  readonly receiveBufferBytes?: number | undefined;
  readonly strict?: boolean | undefined;
  readonly groups?: readonly number[] | undefined;
}

function protocolNumber(protocol: NetlinkProtocol): number {
  const number = typeof protocol === "number" ? protocol : PROTOCOLS[protocol];
  if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= 31) return number;
  const expected = `one of ${Object.keys(PROTOCOLS).join(", ")}, or a number 0 … 31`;
  throw new TypeError(`protocol: expected ${expected}, got ${String(protocol)}`);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** @throws {SysError} */
export function openNetlink(protocol: NetlinkProtocol, options: OpenOptions): number {
  const number = protocolNumber(protocol);
  const { receiveBufferBytes, strict = true, groups = [] } = options;
  checkGroups(groups);
  C.startReactor();
  const type = C.SOCK_RAW | C.SOCK_CLOEXEC | C.SOCK_NONBLOCK;
  const fd = C.check(C.socket(C.AF_NETLINK, type, number), "socket");
  try {
    // Kernels before 4.12 and 4.20 have no such options: they answer without, and check less.
    C.setsockopt(fd, C.SOL_NETLINK, NETLINK_EXT_ACK, int32(1));
    C.setsockopt(fd, C.SOL_NETLINK, NETLINK_CAP_ACK, int32(1));
    if (strict) C.setsockopt(fd, C.SOL_NETLINK, NETLINK_GET_STRICT_CHK, int32(1));
    if (receiveBufferBytes !== undefined) setReceiveBuffer(fd, receiveBufferBytes);
    C.check(C.bind(fd, ANY_PORT), "bind");
    for (const group of groups) {
      C.check(C.setsockopt(fd, C.SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int32(group)), "setsockopt", {
        address: `netlink group ${group}`,
      });
    }
    return fd;
  } catch (error) {
    C.close(fd);
    throw error;
  }
}

/** @throws {TypeError | RangeError} */
function checkGroups(groups: readonly number[]): void {
  if (!Array.isArray(groups)) throw new TypeError(`groups: expected an array, got ${String(groups)}`);
  for (const group of groups) {
    if (Number.isInteger(group) && group >= 1 && group <= 0x7fff_ffff) continue;
    throw new RangeError(`groups: expected integers 1 … ${0x7fff_ffff}, got ${String(group)}`);
  }
}

/** Beyond net.core.rmem_max where the process may, else up to it. */
function setReceiveBuffer(fd: number, bytes: number): void {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 2 ** 30) {
    throw new RangeError(`receiveBufferBytes: expected an integer 1 … ${2 ** 30}, got ${bytes}`);
  }
  if (C.setsockopt(fd, C.SOL_SOCKET, C.SO_RCVBUFFORCE, int32(bytes)) < 0) {
    C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_RCVBUF, int32(bytes)), "setsockopt");
  }
}

/**
 * Who sent what was just received: other processes may send to a netlink socket too, but only the kernel's port is 0.
 * `undefined` for what is no netlink socket at all: a test's.
 */
export function sender(): "kernel" | "stranger" | undefined {
  const address = C.senderAddress();
  if (address.length < ANY_PORT.length) return undefined;
  return get32(address, PORT_AT) === 0 ? "kernel" : "stranger";
}

/** The port that the kernel gave to a socket; 0 for what is no netlink socket: a test's. */
export function portOf(fd: number): number {
  const address = C.getsockname(fd);
  return typeof address === "number" || address.length < ANY_PORT.length ? 0 : get32(address, PORT_AT);
}
