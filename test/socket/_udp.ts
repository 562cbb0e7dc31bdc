/** What the UDP tests share: families, ports that refuse, patterns, and a look at what the kernel holds of a socket. */
import assert from "node:assert/strict";
import { type OptionSetting, SO, type SocketAddr, UdpSocket, WOULD_BLOCK } from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { noIpv6, until } from "./_helpers.ts";

/** Loopback of both families, with what each is called in messages and skipped by. */
export const LOOPBACKS = [
  { family: "IPv4", at: "127.0.0.1:0", largest: 65507, skip: false as string | false },
  { family: "IPv6", at: "[::1]:0", largest: 65527, skip: noIpv6 },
] as const;

/** Room for a burst, in the receive buffer: 4 MiB. */
const BURST = 4 << 20;
const tryRoom = (option: OptionSetting): boolean => {
  try {
    using socket = UdpSocket.bind("127.0.0.1:0", { options: [option] });
    return socket.getOption(SO.RCVBUF) >= 2 * BURST;
  } catch {
    return false; // SO_RCVBUFFORCE needs CAP_NET_ADMIN
  }
};
const ROOMS = [SO.RCVBUF.to(BURST), SO.RCVBUFFORCE.to(BURST)];
/** For sockets that bursts are sent to. */
export const ROOMY: readonly OptionSetting[] = ROOMS.filter(tryRoom).slice(0, 1);
/** For `test(name, { skip }, …)`: why a burst may not fit. */
export const noRoom: string | false =
  ROOMY.length > 0 ? false : "needs root, or 4 MiB in net.core.rmem_max, for a large receive buffer";

export interface DeadPort extends Disposable {
  readonly address: SocketAddr;
}

/**
 * A port that refuses datagrams (ICMP port unreachable), and that nobody else gets meanwhile: a socket has it that is
 * connected elsewhere, to itself.
 */
export function deadPort(at = "127.0.0.1:0"): DeadPort {
  const socket = UdpSocket.bind(at);
  const address = socket.localAddr;
  socket.connect(address);
  return { address, [Symbol.dispose]: () => socket.close() };
}

/** The fd behind a socket, for what only a system call tells. */
export function fdOf(socket: UdpSocket): number {
  return (socket as unknown as { source: { fd: number } }).source.fd;
}

/** Waits until the kernel has an error to report, without taking it. */
export async function untilError(socket: UdpSocket): Promise<void> {
  await until(() => (sys.pollNow(fdOf(socket), 0) & sys.POLLERR) !== 0);
}

/** Bytes that tell their place: byte `i` of datagram `seed`. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 7 + (i >> 8)) & 0xff;
  return bytes;
}

/** Four bytes that number a datagram, and some more. */
export function numbered(number: number, length = 4): Uint8Array {
  const bytes = pattern(Math.max(length, 4), number);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

export const numberOf = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(0);

/** Takes so many datagrams, each within 5 s. */
export async function receive(socket: UdpSocket, count: number): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  while (all.length < count) all.push((await socket.recvFrom({ timeoutMs: 5000 })).data as Uint8Array);
  return all;
}

/** That nothing is in the queue of `socket`: what `sender` sends now is the next thing in it. */
export async function assertEmpty(socket: UdpSocket, sender: UdpSocket): Promise<void> {
  const mark = pattern(17, 99);
  await sender.sendTo(mark, socket.localAddr);
  const { data } = await socket.recvFrom({ timeoutMs: 5000 });
  assert.deepEqual(data, mark);
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
}

/** A pair of unconnected sockets on loopback. */
export function udpPair(at = "127.0.0.1:0"): Disposable & { readonly a: UdpSocket; readonly b: UdpSocket } {
  const [a, b] = [UdpSocket.bind(at), UdpSocket.bind(at)];
  return {
    a,
    b,
    [Symbol.dispose]() {
      a.close();
      b.close();
    },
  };
}
