/**
 * The sockets: TCP streams and listeners, their options, and connecting to names.
 * @module
 */

export {
  SysError,
  type TcpInfo,
  TimeoutError,
  type WaitOptions,
  WOULD_BLOCK,
  type WouldBlock,
} from "../sys/index.ts";
export type { WebStreams } from "./_adapters.ts";
export { type ConnectAttempt, ConnectError } from "./_race.ts";
export {
  type BufferState,
  EndOfStreamError,
  type ReadToEndOptions,
  type ShutdownHow,
  TooLargeError,
} from "./_stream.ts";
export { EncodingError } from "./_utf8.ts";
export {
  IP,
  IPV6,
  type OptionSetting,
  type ReadableOption,
  SO,
  type SocketOption,
  TCP,
  type WritableOption,
} from "./options.ts";
export { type ListenOptions, TcpListener } from "./tcp_listener.ts";
export { type ConnectOptions, TcpStream } from "./tcp_stream.ts";
