/**
 * The sockets: TCP streams and listeners, their options, and connecting to names.
 * @module
 */

export {
  checkDelay,
  checkWait,
  SysError,
  type TcpInfo,
  TimeoutError,
  UnixAddr,
  type WaitOptions,
  WOULD_BLOCK,
  type WouldBlock,
  watchWait,
} from "../sys/index.ts";
export { checkBytes, concatenate, wrongBuffer } from "./_bytes.ts";
export {
  type Datagram,
  REPORTED,
  REPORTED_TRIES,
  type ReceivedMessage,
  type ReceiveMessageOptions,
  type ReceiveOptions,
  receiveArguments,
  type SendMessageOptions,
} from "./_datagram.ts";
export type { DuplexOptions } from "./_duplex.ts";
export type { SocketError } from "./_error_queue.ts";
export { checkBacklog, checkListening, PASSED_ON } from "./_listener.ts";
export { ANCILLARY_BYTES, checkAncillaryBytes, checkControl, message } from "./_message.ts";
export { changeMembership, type MulticastOptions } from "./_multicast.ts";
export { ipPeerBytes, peerFrom } from "./_peers.ts";
export { type ConnectAttempt, ConnectError } from "./_race.ts";
export {
  type BufferState,
  EndOfStreamError,
  type ReadToEndOptions,
  type ShutdownHow,
  TooLargeError,
} from "./_stream.ts";
export type { OpenFile, SendFileOptions, SpliceOptions } from "./_transfer.ts";
export { udpSendError } from "./_udp_send_error.ts";
export {
  adviceOnReset,
  encodeUnixRequest,
  namedPeer,
  peerCredentials,
  toUnixAddr,
  type UnixConnectOptions,
  type UnixTarget,
  unixError,
  unixPeerBytes,
} from "./_unix.ts";
export { bindUnix, type SocketFile, type SocketFileOptions } from "./_unix_file.ts";
export { decodeUtf8, EncodingError } from "./_utf8.ts";
export type { WebStreams } from "./_web.ts";
export type { ZeroCopyResult } from "./_zero_copy.ts";
export {
  type Ancillary,
  type AncillaryRequest,
  type Credentials,
  type Destination,
  decodeAncillary,
  encodeAncillary,
  type Timestamps,
} from "./ancillary.ts";
export { DatagramTooLargeError } from "./datagram_too_large.ts";
export {
  applySetting,
  IP,
  IPV6,
  type OptionNotes,
  type OptionSetting,
  type OptionSocket,
  type PortRange,
  type ReadableOption,
  readOption,
  SO,
  type SocketOption,
  TCP,
  type TxTime,
  UDP,
  type WritableOption,
  writeOption,
} from "./options.ts";
export { OwnedFd } from "./owned_fd.ts";
export { type BatchDatagram, ReceiveBatch, type ReceiveBatchOptions } from "./receive_batch.ts";
export { SendBatch, type SendBatchOptions } from "./send_batch.ts";
export type { SocketDuplex } from "./socket_duplex.ts";
export { TcpDuplex, type TcpDuplexOptions, type TcpDuplexTarget } from "./tcp_duplex.ts";
export { type ListenOptions, TcpListener } from "./tcp_listener.ts";
export { type ConnectOptions, TcpStream } from "./tcp_stream.ts";
export {
  type AncillaryKind,
  type OutgoingDatagram,
  settingsOf as udpSettings,
  type UdpConnectOptions,
  type UdpOptions,
  UdpSocket,
} from "./udp_socket.ts";
export { UnixDatagram, type UnixDatagramOptions } from "./unix_datagram.ts";
export { UnixListener, type UnixListenOptions } from "./unix_listener.ts";
export { type Packet, type PacketMessage, UnixSeqpacket, UnixSeqpacketListener } from "./unix_seqpacket.ts";
export {
  type StreamMessage,
  type UnixReceiveOptions,
  type UnixSendOptions,
  UnixStream,
} from "./unix_stream.ts";
