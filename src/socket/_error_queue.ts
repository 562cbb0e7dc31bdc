/** The error queue of a socket (MSG_ERRQUEUE): ICMP errors, path MTU, and finished zero-copy sends. */
import { type IpAddr, SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { peerFrom } from "./_peers.ts";
import { type Ancillary, decodeAncillary } from "./ancillary.ts";

/** What ICMP, or this host, reported of a datagram that this socket sent. */
export interface SocketError {
  /** The error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE` …, with the address that the datagram was sent to. */
  readonly error: C.SysError;
  /** Where the datagram was sent to. Of a local error over IPv4 the kernel knows the port on a connected socket only; else 0. */
  readonly peer: SocketAddr | undefined;
  /** Who reports it. */
  readonly origin: "local" | "icmp" | "icmpv6" | number;
  /** The router or host that sent the ICMP message. */
  readonly offender: IpAddr | undefined;
  /** The ICMP type and code, RFC 792 and RFC 4443; 0 for a local error. */
  readonly type: number;
  readonly code: number;
  /** The MTU of the path, in bytes, where the error is `EMSGSIZE`. */
  readonly mtu: number | undefined;
  /**
   * The beginning of the datagram's payload, as far as it was sent back: of a ping socket from the ICMP header on, of a raw
   * one from behind the IP header on, or from its start where the socket writes it itself.
   */
  readonly data: Uint8Array;
  /** What the socket asks to be told beside a datagram, here of the ICMP message: when it came, the TTL that it had left … */
  readonly ancillary: Ancillary;
}

/** One entry of the queue, as it is. */
export interface QueueEntry {
  readonly fields: ReturnType<typeof C.sock_extended_err.decode>;
  readonly offender: SocketAddr | undefined;
  readonly peer: SocketAddr | undefined;
  readonly data: Uint8Array;
  /** All the control data of the entry, the error's among it. */
  readonly control: Uint8Array;
}

const ORIGINS: Readonly<Record<number, SocketError["origin"]>> = {
  [C.SO_EE_ORIGIN_LOCAL]: "local",
  [C.SO_EE_ORIGIN_ICMP]: "icmp",
  [C.SO_EE_ORIGIN_ICMP6]: "icmpv6",
};

const message = new C.MessageVector(1, 512);
const scratch = new Uint8Array(new ArrayBuffer(65536));

function isExtendedError({ level, type }: C.ControlMessage): boolean {
  return (
    (level === C.IPPROTO_IP && type === C.IP_RECVERR) || (level === C.IPPROTO_IPV6 && type === C.IPV6_RECVERR)
  );
}

function ipAddress(bytes: Uint8Array): SocketAddr | undefined {
  const address = bytes.length >= 16 ? peerFrom(bytes) : undefined;
  return address instanceof SocketAddr ? address : undefined;
}

/** `SO_EE_OFFENDER`: the address behind the struct, of family AF_UNSPEC where nobody is to blame. */
function offenderIn(bytes: Uint8Array): SocketAddr | undefined {
  const family = bytes.length >= 16 ? C.sockaddrFamily(bytes) : C.AF_UNSPEC;
  if (family === C.AF_INET) return C.decodeSockaddr(bytes.subarray(0, 16));
  return family === C.AF_INET6 && bytes.length >= 28 ? C.decodeSockaddr(bytes.subarray(0, 28)) : undefined;
}

/** Takes one entry from the queue. @returns `undefined` where it is empty @throws {SysError} */
export function readErrorQueue(fd: number): QueueEntry | undefined {
  for (;;) {
    message.setData(0, C.addressOf(scratch), scratch.length);
    message.expect(0);
    const count = message.recvmsg(fd, C.MSG_ERRQUEUE);
    if (count === -C.errno.EINTR) continue;
    if (count === -C.errno.EAGAIN) return undefined;
    C.check(count, "recvmsg");
    const control = message.control(0).slice();
    const extended = C.decodeControl(control).find(isExtendedError);
    if (extended === undefined) continue; // a transmit timestamp that somebody asked for
    return {
      fields: C.sock_extended_err.decode(extended.data),
      offender: offenderIn(extended.data.subarray(C.sock_extended_err.size)),
      peer: ipAddress(message.name(0)),
      data: scratch.slice(0, count),
      control,
    };
  }
}

/** What an entry reports; `undefined` for one that reports no error, such as a finished zero-copy send. */
export function socketErrorOf(
  entry: QueueEntry,
  connectedTo: SocketAddr | undefined,
): SocketError | undefined {
  const { ee_errno, ee_origin, ee_type, ee_code, ee_info } = entry.fields;
  if (ee_errno === 0) return undefined;
  const peer = entry.peer ?? connectedTo;
  const origin = ORIGINS[ee_origin] ?? ee_origin;
  return {
    error: new C.SysError(ee_errno, "send", {
      address: peer === undefined ? undefined : C.addressText(peer),
      hint: hintFor(ee_errno, origin, ee_info),
    }),
    peer,
    origin,
    offender: entry.offender?.ip,
    type: ee_type,
    code: ee_code,
    mtu: ee_errno === C.errno.EMSGSIZE && ee_info > 0 ? ee_info : undefined,
    data: entry.data,
    ancillary: beside(entry.control),
  };
}

/** What came beside the error itself. */
function beside(control: Uint8Array): Ancillary {
  const { others = [], ...ancillary } = decodeAncillary(control);
  const rest = others.filter((it) => !isExtendedError(it));
  return rest.length === 0 ? ancillary : { ...ancillary, others: rest };
}

function hintFor(number: number, origin: SocketError["origin"], info: number): string | undefined {
  if (number === C.errno.EMSGSIZE && info > 0) return `the MTU of the path is ${info} bytes`;
  if (number === C.errno.ECONNREFUSED && origin !== "local") return "no socket has that port there";
  return undefined;
}
