/** What a datagram that is too large for its way is refused with, and how much would fit. */
import { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { readErrorQueue } from "./_error_queue.ts";

/** `EMSGSIZE`: the datagram is longer than its protocol, or than the path allows where fragmenting is forbidden. */
export class DatagramTooLargeError extends C.SysError {
  /** How many bytes would fit: of payload; on a raw socket all that it sends, with the headers that it writes itself. */
  readonly maxBytes: number;

  constructor(syscall: string, peer: SocketAddr, bytes: number, maxBytes: number) {
    super(C.errno.EMSGSIZE, syscall, {
      address: C.addressText(peer),
      hint: `the datagram has ${bytes} bytes, and at most ${maxBytes} fit`,
    });
    this.maxBytes = maxBytes;
  }
}

const UDP_HEADER = 8;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const LENGTH_FIELD_MAX = 65535;

/** IP_PMTUDISC_DO, _PROBE and _INTERFACE, which for IPv6 are the same numbers: the kernel cuts nothing into fragments. */
const UNCUT = [2, 3, 4];
const PROBE = 3;

/** What stands in front of what a socket sends: the headers of UDP and IP, of IP alone, or none that the kernel makes. */
export type KernelHeaders = "udp" | "ip" | "none";

/**
 * How many bytes fit into one datagram to a peer: what the length fields allow, and where the socket does
 * not let its packets be fragmented, what the known MTU of the path, or of the device, allows. A packet that has its IP
 * header already is never fragmented, and only the device's MTU counts.
 */
export function maxPayload(fd: number, peer: SocketAddr, headers: KernelHeaders = "udp"): number {
  const ipv4 = peer.ip.version === 4 ? peer.ip : peer.ip.toIpv4Mapped();
  const ipHeader = ipv4 === undefined ? IPV6_HEADER : IPV4_HEADER;
  const total = LENGTH_FIELD_MAX + (ipv4 === undefined ? IPV6_HEADER : 0); // IPv6's length does not count its own header
  const added = headers === "none" ? 0 : ipHeader + (headers === "udp" ? UDP_HEADER : 0);
  const port = Math.max(peer.port, 1); // a raw socket's peer has none, and UDP sends to none but a port
  const to =
    ipv4 === undefined ? SocketAddr.of(peer.ip, port, { zone: peer.zone }) : SocketAddr.of(ipv4, port);
  const mtu = refusedAbove(fd, to, total - ipHeader - UDP_HEADER, headers === "none");
  return (mtu === undefined ? total : Math.min(total, mtu)) - added;
}

/** The options that decide how large a packet may be, copied from one socket to the other. */
function copyOptions(from: number, to: number, ipv4: boolean, deviceOnly: boolean): boolean {
  const options: [level: number, name: number][] = ipv4
    ? [[C.IPPROTO_IP, C.IP_MTU_DISCOVER]]
    : [
        [C.IPPROTO_IPV6, C.IPV6_MTU_DISCOVER],
        [C.IPPROTO_IPV6, C.IPV6_DONTFRAG],
      ];
  const values = options.map(([level, name]) => C.getsockoptInt(from, level, name));
  if (deviceOnly) values[0] = PROBE;
  if (!UNCUT.includes(values[0] as number) && !((values[1] ?? 0) > 0)) return false;
  options.forEach(([level, name], i) => {
    C.setsockopt(to, level, name, intBytes(values[i] as number));
  });
  for (const name of [C.SO_BINDTODEVICE, C.SO_MARK]) {
    const value = new Uint8Array(16);
    const length = C.getsockopt(from, C.SOL_SOCKET, name, value);
    if (length > 0) C.setsockopt(to, C.SOL_SOCKET, name, value.subarray(0, length)); // may lack the privilege
  }
  C.setsockopt(to, ipv4 ? C.IPPROTO_IP : C.IPPROTO_IPV6, ipv4 ? C.IP_RECVERR : C.IPV6_RECVERR, intBytes(1));
  return true;
}

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/**
 * The MTU above which the kernel refuses a datagram; `undefined` where it takes any. Asked by one that is as long as can
 * be, on a socket of the same options, and with MSG_MORE, so that it never leaves: close forgets it.
 */
function refusedAbove(fd: number, peer: SocketAddr, bytes: number, deviceOnly: boolean): number | undefined {
  const ipv4 = peer.ip.version === 4;
  const probe = C.socket(ipv4 ? C.AF_INET : C.AF_INET6, C.SOCK_DGRAM | C.SOCK_CLOEXEC | C.SOCK_NONBLOCK, 0);
  if (probe < 0) return undefined;
  try {
    if (!copyOptions(fd, probe, ipv4, deviceOnly)) return undefined;
    if (C.connect(probe, C.encodeSockaddr(peer)) < 0) return undefined;
    if (C.send(probe, new Uint8Array(bytes), C.MSG_MORE | C.MSG_NOSIGNAL) !== -C.errno.EMSGSIZE)
      return undefined;
    const mtu = readErrorQueue(probe)?.fields.ee_info ?? 0;
    return mtu > 0 ? mtu : undefined;
  } finally {
    C.close(probe);
  }
}
