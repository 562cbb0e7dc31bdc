/**
 * Windsock: Berkeley sockets for TypeScript.
 * @module
 */
export { AddressError, IpAddr, IpPrefix, Ipv4Addr, Ipv6Addr, SocketAddr } from "./ip/index.ts";
export {
  type AddressHints,
  type AddressInfo,
  type Family,
  getaddrinfo,
  getnameinfo,
  type NameFlags,
  ResolveError,
  type ResolveErrorCode,
  type ResolveOptions,
  type Resolver,
  resolve,
  type SocketType,
  systemResolver,
  type Target,
} from "./names/index.ts";
export {
  type BufferState,
  type ConnectAttempt,
  ConnectError,
  type ConnectOptions,
  EncodingError,
  EndOfStreamError,
  IP,
  IPV6,
  type ListenOptions,
  type OptionSetting,
  type ReadableOption,
  type ReadToEndOptions,
  type ShutdownHow,
  SO,
  type SocketOption,
  SysError,
  TCP,
  type TcpInfo,
  TcpListener,
  TcpStream,
  TimeoutError,
  TooLargeError,
  type WaitOptions,
  WOULD_BLOCK,
  type WouldBlock,
  type WritableOption,
} from "./socket/index.ts";
