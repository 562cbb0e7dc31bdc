/**
 * Windsock, blocking: the same sockets, whose calls come back when they are done. A call that waits stops its whole
 * thread: no timer, no promise and no signal handler of JavaScript runs meanwhile. Meant for workers and for scripts.
 * @module
 */
export { AddressError, IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr, SocketAddr } from "../ip/index.ts";
export { type Family, ResolveError, type ResolveErrorCode, type Target } from "../names/index.ts";
export {
  type Ancillary,
  type AncillaryKind,
  type AncillaryRequest,
  type BufferState,
  type ConnectAttempt,
  ConnectError,
  type Credentials,
  type Datagram,
  DatagramTooLargeError,
  type Destination,
  EncodingError,
  EndOfStreamError,
  IP,
  IPV6,
  type MulticastOptions,
  type OptionSetting,
  OwnedFd,
  type ReadableOption,
  type ReceivedMessage,
  type ShutdownHow,
  SO,
  type SocketFileOptions,
  type SocketOption,
  type StreamMessage,
  TCP,
  type Timestamps,
  TooLargeError,
  UDP,
  type UnixTarget,
  type WritableOption,
} from "../socket/index.ts";
export {
  SysError,
  type TcpInfo,
  TimeoutError,
  UnixAddr,
  WOULD_BLOCK,
  type WouldBlock,
} from "../sys/index.ts";
export type { ReceiveMessageOptions, ReceiveOptions, SendMessageOptions } from "./_datagram.ts";
export type { ReadToEndOptions } from "./_stream.ts";
export type { WaitOptions } from "./_wait.ts";
export {
  type ResolveOptions,
  type Resolver,
  type ResolveTargetOptions,
  resolve,
  systemResolver,
} from "./resolver.ts";
export { type ListenOptions, TcpListener } from "./tcp_listener.ts";
export { type ConnectOptions, TcpStream } from "./tcp_stream.ts";
export { type UdpConnectOptions, type UdpOptions, UdpSocket } from "./udp_socket.ts";
export { UnixDatagram, type UnixDatagramOptions } from "./unix_datagram.ts";
export { UnixListener, type UnixListenOptions } from "./unix_listener.ts";
export {
  type UnixConnectOptions,
  type UnixReceiveOptions,
  type UnixSendOptions,
  UnixStream,
} from "./unix_stream.ts";
