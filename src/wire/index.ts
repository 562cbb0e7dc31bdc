/**
 * Header codecs: from Ethernet to TCP, UDP, ICMP and DHCP, and capture files. Pure TypeScript: it loads in a browser.
 * @module
 */

export type { Checksum } from "./_checksums.ts";
export type {
  DhcpMessageType,
  DhcpOption,
  DhcpOptionName,
  DhcpOptionValue,
  DhcpRoute,
} from "./_dhcp_options.ts";
export type { IcmpExtensionObject, IcmpExtensions, MplsLabel } from "./_icmp_extensions.ts";
export type {
  IcmpAddressMask,
  IcmpDestinationUnreachable,
  IcmpEcho,
  IcmpFields,
  IcmpInformation,
  IcmpParameterProblem,
  IcmpRedirect,
  IcmpRouter,
  IcmpRouterAdvertisement,
  IcmpRouterSolicitation,
  IcmpSourceQuench,
  IcmpTimeExceeded,
  IcmpTimestamp,
  IcmpType,
  IcmpUnknown,
} from "./_icmp_formats.ts";
export { icmpCodeName, icmpTypeName, icmpv6CodeName, icmpv6TypeName } from "./_icmp_names.ts";
export type {
  Icmpv6Error,
  Icmpv6Fields,
  Icmpv6ListenerQuery,
  Icmpv6ListenerReport,
  Icmpv6ListenerReport2,
  Icmpv6NeighborAdvertisement,
  Icmpv6NeighborSolicitation,
  Icmpv6PacketTooBig,
  Icmpv6ParameterProblem,
  Icmpv6Redirect,
  Icmpv6RouterAdvertisement,
  Icmpv6RouterSolicitation,
  Icmpv6Type,
} from "./_icmpv6_formats.ts";
export type { Ipv4Option, Ipv4Timestamp, RouteOption, TimestampOption } from "./_ipv4_options.ts";
export type {
  Ipv6AuthenticationHeader,
  Ipv6Extension,
  Ipv6FragmentHeader,
  Ipv6OptionsHeader,
  Ipv6RoutingHeader,
  Ipv6SegmentRouting,
  Ipv6SourceRoute,
} from "./_ipv6_extensions.ts";
export type { Ipv6Option } from "./_ipv6_options.ts";
export type { Layer } from "./_layers.ts";
export type { MldQueryVersion2, MldRecord } from "./_mld.ts";
export { etherTypeByName, etherTypeName, ipProtocolByName, ipProtocolName } from "./_names.ts";
export type { NdpOption } from "./_ndp_options.ts";
export type { PlainOption } from "./_options.ts";
export type { TreeNode } from "./_pdu.ts";
export type { SackBlock, TcpOption } from "./_tcp_options.ts";
export { fieldsToJson, type Json } from "./_to_json.ts";
export type { ReadVlanTag, VlanTag } from "./_vlan.ts";
export { ARP_REPLY, ARP_REQUEST, type ArpFields, ArpPacket, decodeArp, encodeArp } from "./arp.ts";
export { CaptureReader } from "./capture_reader.ts";
export type { CapturedPacket, CaptureInterface } from "./captured_packet.ts";
export {
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpFields,
  DhcpMessage,
  decodeDhcp,
  encodeDhcp,
} from "./dhcp.ts";
export { encodePacket, type LayerFields } from "./encode_packet.ts";
export {
  decodeEthernet,
  type EthernetFields,
  EthernetFrame,
  encodeEthernet,
  type LlcHeader,
} from "./ethernet.ts";
export { decodeIcmp, encodeIcmp, IcmpMessage, verifyIcmp } from "./icmp.ts";
export { decodeIcmpv6, encodeIcmpv6, Icmpv6Message, verifyIcmpv6 } from "./icmpv6.ts";
export { decodeIpv4, encodeIpv4, type Ipv4Fields, Ipv4Packet, verifyIpv4 } from "./ipv4.ts";
export { decodeIpv6, encodeIpv6, type Ipv6Fields, Ipv6Packet } from "./ipv6.ts";
export { fieldsFromJson } from "./json.ts";
export { type LinkTypeName, linkTypeName, linkTypeNumber } from "./link_type.ts";
export { decodeNull, encodeNull, type NullFields, NullHeader } from "./null_link.ts";
export { type DecodeOptions, decodePacket, type LayerName, type LayerOf, Packet } from "./packet.ts";
export { type PcapOptions, PcapWriter } from "./pcap_writer.ts";
export {
  type InterfaceCounts,
  PACKET_HEAD_LEN,
  type PacketToWrite,
  PcapngWriter,
  type SectionOptions,
} from "./pcapng_writer.ts";
export { decodeHeader, encodeHeader, PROTOCOL_NAMES, type ProtocolName } from "./protocols.ts";
export type { Between } from "./pseudo_header.ts";
export {
  decodeSll,
  decodeSll2,
  encodeSll,
  encodeSll2,
  type Sll2Fields,
  Sll2Header,
  type SllFields,
  SllHeader,
} from "./sll.ts";
export { decodeTcp, encodeTcp, type TcpFields, type TcpFlags, TcpSegment, verifyTcp } from "./tcp.ts";
export { decodeUdp, encodeUdp, UdpDatagram, type UdpFields, verifyUdp } from "./udp.ts";
export { WireError, type WireErrorCode } from "./wire_error.ts";
