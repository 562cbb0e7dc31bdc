/**
 * Netlink: messages, attributes and sockets, on which the tables of the kernel's network stand.
 * @module
 */
export type { Privilege } from "./_capability.ts";
export type { NetlinkProtocol } from "./_open.ts";
export {
  type AttributesInput,
  type AttributesOf,
  type AttributeTable,
  attributeTable,
} from "./attribute_table.ts";
export {
  type AttributeType,
  arrayOf,
  be16,
  be32,
  binary,
  flag,
  ip,
  listOf,
  numbered,
  repeated,
  s8,
  s32,
  s64,
  structure,
  text,
  u8,
  u16,
  u32,
  u64,
} from "./attribute_types.ts";
export { type Attribute, encodeAttribute, encodeAttributes, readAttributes } from "./attributes.ts";
export { eachMessage, encodeMessage, type Message, type MessageHeader } from "./message.ts";
export { type ExtendedAck, NetlinkError } from "./netlink_error.ts";
export { NetlinkEvents, type NetlinkEventsOptions, OVERRUN } from "./netlink_events.ts";
export {
  DumpInterruptedError,
  type DumpOptions,
  type NetlinkOptions,
  type NetlinkRequest,
  NetlinkSocket,
} from "./netlink_socket.ts";
