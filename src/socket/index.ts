/**
 * The sockets: TCP streams and listeners, their options, and connecting to names.
 * @module
 */

export {
  checkDelay,
  checkWait,
  LinkAddr,
  type LinkAddrFields,
  type PacketType,
  SysError,
  type TcpInfo,
  TimeoutError,
  UnixAddr,
  type WaitOptions,
  WOULD_BLOCK,
  type WouldBlock,
  watchWait,
} from "../sys/index.ts";
export { bindFd, bindTo } from "./_bind.ts";
export { checkBytes, wrongBuffer } from "./_bytes.ts";
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
export { type QueueEntry, readErrorQueue, type SocketError } from "./_error_queue.ts";
export type { ClassicFilter } from "./_filter.ts";
export type { AncillaryKind } from "./_ip_settings.ts";
export { checkBacklog, checkListening, PASSED_ON } from "./_listener.ts";
export { ANCILLARY_BYTES, checkAncillaryBytes, checkControl, message } from "./_message.ts";
export { changeMembership, type MulticastOptions } from "./_multicast.ts";
export type { FanoutOptions, Membership, MembershipOptions, PacketProtocol } from "./_packet.ts";
export type { CapturedPacket, PacketBlock, RingPacket } from "./_packet_block.ts";
export { type ChecksumState, type PacketInfo, type VlanTag, withVlanTag } from "./_packet_info.ts";
export { ipPeerBytes, peerFrom } from "./_peers.ts";
export { type ConnectAttempt, ConnectError } from "./_race.ts";
export type { HostAddr, HostSocketOptions } from "./_raw.ts";
export { addressOf, familyOf, fdNumber, prepareFd } from "./_socket.ts";
export {
  type BufferState,
  EndOfStreamError,
  type ReadToEndOptions,
  type ShutdownHow,
  TooLargeError,
} from "./_stream.ts";
export type { OpenFile, SendFileOptions, SpliceOptions } from "./_transfer.ts";
export { checkUdpFd, connectFirst, connectUdp, disconnectUdp, hasGro, isTooLarge } from "./_udp_calls.ts";
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
  type Fanout,
  type FanoutFlag,
  type FanoutMode,
  ICMP,
  ICMPV6,
  IP,
  IPV6,
  type OptionNotes,
  type OptionSetting,
  type OptionSocket,
  PACKET,
  type PacketStatistics,
  type PortRange,
  type ReadableOption,
  type RolloverStatistics,
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
export { PacketRing, type PacketRingOptions } from "./packet_ring.ts";
export { type PacketAncillaryKind, type PacketOptions, PacketSocket } from "./packet_socket.ts";
export { type PingOptions, PingSocket } from "./ping_socket.ts";
export { type RawOptions, type RawProtocol, RawSocket } from "./raw_socket.ts";
export { type BatchDatagram, ReceiveBatch, type ReceiveBatchOptions } from "./receive_batch.ts";
export { SendBatch, type SendBatchOptions } from "./send_batch.ts";
export type { SocketDuplex } from "./socket_duplex.ts";
export { TcpDuplex, type TcpDuplexOptions, type TcpDuplexTarget } from "./tcp_duplex.ts";
export { type ListenOptions, TcpListener } from "./tcp_listener.ts";
export { type ConnectOptions, TcpStream } from "./tcp_stream.ts";
export {
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
