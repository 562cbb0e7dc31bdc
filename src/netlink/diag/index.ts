/**
 * Every socket of the machine, as the kernel knows it: addresses, states, queues, timers, memory and TCP_INFO.
 * @module
 */
export type {
  CongestionInfo,
  Md5Key,
  MemoryUse,
  MptcpInfo,
  SocketFlag,
  SubflowInfo,
  TlsInfo,
  UpperProtocol,
} from "./_inet_attributes.ts";
export { type ParseFilterOptions, parseSocketFilter, SocketFilterError } from "./_inet_filter_words.ts";
export type { Destroyed, DestroyedOptions, FindOptions, InetListOptions } from "./_inet_list.ts";
export { EXTENSION_NAMES, type Extension } from "./_inet_request.ts";
export { DiagSocket } from "./diag_socket.ts";
export {
  decodeInetSocket,
  type InetProtocol,
  InetSocket,
  type InetSocketFields,
  type SocketTimer,
} from "./inet_socket.ts";
export {
  decodeNetlinkSocket,
  type NetlinkExtension,
  type NetlinkListOptions,
  type NetlinkProtocolName,
  type NetlinkRing,
  type NetlinkSocketFlag,
  type NetlinkSocketInfo,
} from "./netlink_socket_info.ts";
export {
  decodePacketSocket,
  type FilterInstruction,
  type PacketExtension,
  type PacketFanout,
  type PacketListOptions,
  type PacketMembership,
  type PacketRingLayout,
  type PacketSocketFlag,
  type PacketSocketInfo,
  type PacketSocketType,
} from "./packet_socket_info.ts";
export {
  type SocketOwner,
  type SocketOwnerOptions,
  SocketOwners,
  socketOwners,
  socketOwnersAsync,
} from "./process.ts";
export type {
  Comparison,
  HostTest,
  OtherHostTest,
  ParsedFilter,
  PortTest,
  SocketFilter,
} from "./socket_filter.ts";
export { CONNECTED_STATES, stateOf, statesOfWord, TCP_STATES, type TcpState } from "./tcp_state.ts";
export {
  decodeUnixSocket,
  type SocketFileId,
  type UnixExtension,
  type UnixListOptions,
  type UnixSocketInfo,
  type UnixSocketType,
} from "./unix_socket_info.ts";
