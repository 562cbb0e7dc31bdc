/** Decodes a packet layer by layer, from its link header inwards. */
import { isExtension } from "./_ipv6_extensions.ts";
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./_names.ts";
import { type ArpPacket, decodeArp } from "./arp.ts";
import { DHCP_CLIENT_PORT, DHCP_SERVER_PORT, type DhcpMessage, decodeDhcp } from "./dhcp.ts";
import { decodeEthernet, type EthernetFrame } from "./ethernet.ts";
import { decodeIcmp, type IcmpMessage } from "./icmp.ts";
import { decodeIcmpv6, type Icmpv6Message } from "./icmpv6.ts";
import { decodeIpv4, type Ipv4Packet } from "./ipv4.ts";
import { decodeIpv6, IPV6_HEADER_LEN, type Ipv6Packet } from "./ipv6.ts";
import type { LinkTypeName } from "./link_type.ts";
import { decodeNull, type NullHeader } from "./null_link.ts";
import { decodeSll, decodeSll2, type Sll2Header, type SllHeader } from "./sll.ts";
import { decodeTcp, type TcpSegment } from "./tcp.ts";
import { decodeUdp, type UdpDatagram } from "./udp.ts";
import { WireError } from "./wire_error.ts";

/** A decoded header of a packet. */
export type Layer =
  | EthernetFrame
  | SllHeader
  | Sll2Header
  | NullHeader
  | ArpPacket
  | Ipv4Packet
  | Ipv6Packet
  | IcmpMessage
  | Icmpv6Message
  | TcpSegment
  | UdpDatagram
  | DhcpMessage;

/** How many IP headers are read within each other. */
const MAX_IP_HEADERS = 8;
/** ARPHRD_ values of devices without EtherTypes, whose protocol field in a cooked header is something else. */
const NO_ETHERTYPE: readonly number[] = [778, 803, 824]; // GRE, 802.11 radiotap, netlink
/** Stands for an end that is not known. */
const FAR = Number.MAX_SAFE_INTEGER;

/**
 * Reads the headers from `start` to `end` into `layers`.
 * @param wireEnd where the packet ended before it was cut; `Infinity` where that is not known
 * @returns what stopped it; `undefined` where it went as far as there are codecs
 */
export function decodeLayers(
  layers: Layer[],
  bytes: Uint8Array,
  link: LinkTypeName,
  start: number,
  end: number,
  wireEnd: number,
): WireError | undefined {
  try {
    decodeLink(layers, bytes, link, start, end, wireEnd);
    return undefined;
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

function decodeLink(
  layers: Layer[],
  bytes: Uint8Array,
  link: LinkTypeName,
  start: number,
  end: number,
  wireEnd: number,
): void {
  switch (link) {
    case "ethernet": {
      const frame = decodeEthernet(bytes, start, end, wireEnd);
      layers.push(frame);
      const { headerLength } = frame;
      // An IEEE 802.3 frame has a length where others have their type: no EtherType is that small.
      const type =
        ((bytes[start + headerLength - 2] as number) << 8) | (bytes[start + headerLength - 1] as number);
      decodeEtherType(layers, bytes, type, start + headerLength, frame.end, wireEnd);
      break;
    }
    case "linux-sll":
    case "linux-sll2": {
      const header = link === "linux-sll" ? decodeSll(bytes, start, end) : decodeSll2(bytes, start, end);
      layers.push(header);
      if (NO_ETHERTYPE.includes(header.hardwareType)) return;
      const at = start + header.headerLength;
      decodeEtherType(layers, bytes, header.protocolType, at, end, wireEnd);
      break;
    }
    case "null": {
      const header = decodeNull(bytes, start, end);
      layers.push(header);
      if (header.ipVersion === undefined) return;
      const type = header.ipVersion === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
      decodeEtherType(layers, bytes, type, start + header.headerLength, end, wireEnd);
      break;
    }
    case "ipv4":
      decodeIpv4Layer(layers, bytes, start, end, wireEnd, 1);
      break;
    case "ipv6":
      decodeIpv6Layer(layers, bytes, start, end, wireEnd, 1);
      break;
    case "ip":
      if (start < end && (bytes[start] as number) >>> 4 === 6) {
        decodeIpv6Layer(layers, bytes, start, end, wireEnd, 1);
      } else decodeIpv4Layer(layers, bytes, start, end, wireEnd, 1);
      break;
  }
}

function decodeEtherType(
  layers: Layer[],
  bytes: Uint8Array,
  type: number,
  start: number,
  end: number,
  wireEnd: number,
): void {
  if (type === ETHERTYPE_IPV4) decodeIpv4Layer(layers, bytes, start, end, wireEnd, 1);
  else if (type === ETHERTYPE_IPV6) decodeIpv6Layer(layers, bytes, start, end, wireEnd, 1);
  else if (type === ETHERTYPE_ARP) layers.push(decodeArp(bytes, start, end));
}

function decodeIpv4Layer(
  layers: Layer[],
  bytes: Uint8Array,
  start: number,
  end: number,
  wireEnd: number,
  depth: number,
): void {
  const packet = decodeIpv4(bytes, start, end, wireEnd);
  layers.push(packet);
  const word = ((bytes[start + 6] as number) << 8) | (bytes[start + 7] as number);
  if ((word & 0x1fff) !== 0) return; // what follows in later fragments is not a header
  const { totalLength } = packet;
  const payloadWireEnd = totalLength === 0 ? wireEnd : start + totalLength;
  const fragmented = (word & 0x2000) !== 0;
  decodeUpper(
    layers,
    bytes,
    packet.protocolNumber,
    start + packet.headerLength,
    packet.end,
    fragmented ? FAR : payloadWireEnd,
    depth,
  );
}

function decodeIpv6Layer(
  layers: Layer[],
  bytes: Uint8Array,
  start: number,
  end: number,
  wireEnd: number,
  depth: number,
): void {
  const packet = decodeIpv6(bytes, start, end, wireEnd);
  layers.push(packet);
  const { nextHeader } = packet;
  if (!isExtension(nextHeader)) {
    decodeUpper(layers, bytes, nextHeader, start + IPV6_HEADER_LEN, packet.end, packet.wireEnd(), depth);
    return;
  }
  const { upperProtocol, upperOffset } = packet;
  if (packet.fragmentOffset !== 0) return;
  const payloadWireEnd = packet.wireEnd();
  if (isExtension(upperProtocol)) {
    // It would be a link of the chain if it were whole, and as long as it has to be.
    const cut = payloadWireEnd > packet.end || packet.end - upperOffset < 8;
    const [code, at] = cut
      ? (["TRUNCATED", packet.end] as const)
      : (["BAD_LENGTH", upperOffset + 1] as const);
    throw new WireError(code, "ipv6", at, "expected a whole extension header");
  }
  const upperWireEnd = packet.moreFragments ? FAR : payloadWireEnd;
  decodeUpper(layers, bytes, upperProtocol, upperOffset, packet.end, upperWireEnd, depth);
}

/** What IP carries: `wireEnd` is where it ended before it was cut, and for a first fragment nowhere. */
function decodeUpper(
  layers: Layer[],
  bytes: Uint8Array,
  protocol: number,
  start: number,
  end: number,
  wireEnd: number,
  depth: number,
): void {
  switch (protocol) {
    case IPPROTO_TCP:
      layers.push(decodeTcp(bytes, start, end, wireEnd));
      return;
    case IPPROTO_UDP: {
      const datagram = decodeUdp(bytes, start, end, wireEnd);
      layers.push(datagram);
      if (wireEnd !== FAR) decodeDatagram(layers, datagram);
      return;
    }
    case IPPROTO_ICMP:
      layers.push(decodeIcmp(bytes, start, end, wireEnd));
      return;
    case IPPROTO_ICMPV6:
      layers.push(decodeIcmpv6(bytes, start, end, wireEnd));
      return;
    case IPPROTO_IPIP:
      if (depth < MAX_IP_HEADERS) decodeIpv4Layer(layers, bytes, start, end, wireEnd, depth + 1);
      return;
    case IPPROTO_IPV6:
      if (depth < MAX_IP_HEADERS) decodeIpv6Layer(layers, bytes, start, end, wireEnd, depth + 1);
      return;
  }
}

function decodeDatagram(
  layers: Layer[],
  { bytes, offset, end, headerLength, srcPort, dstPort }: UdpDatagram,
): void {
  const dhcp = dstPort === DHCP_SERVER_PORT || dstPort === DHCP_CLIENT_PORT || srcPort === DHCP_SERVER_PORT;
  if (dhcp) layers.push(decodeDhcp(bytes, offset + headerLength, end));
}
