/**
 * Header codecs: from Ethernet to TCP, UDP, ICMP and DHCP, and capture files. Pure TypeScript: it loads in a browser.
 * @module
 */

export type {
  DhcpMessageType,
  DhcpOption,
  DhcpOptionName,
  DhcpOptionValue,
  DhcpRoute,
} from "./_dhcp_options.ts";
export type { TreeNode } from "./_pdu.ts";
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
export { decodeIpv4, encodeIpv4, type Ipv4Fields, Ipv4Packet, verifyIpv4 } from "./ipv4.ts";
export { type LinkTypeName, linkTypeName, linkTypeNumber } from "./link_type.ts";
export { type PcapOptions, PcapWriter } from "./pcap_writer.ts";
export {
  type InterfaceCounts,
  type PacketToWrite,
  PcapngWriter,
  type SectionOptions,
} from "./pcapng_writer.ts";
export type { Between } from "./pseudo_header.ts";
export { decodeUdp, encodeUdp, UdpDatagram, type UdpFields, verifyUdp } from "./udp.ts";
export { WireError, type WireErrorCode } from "./wire_error.ts";
