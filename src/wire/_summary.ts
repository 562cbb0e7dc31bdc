/** A packet as one line, in tcpdump's words. */
import { toHex } from "../bytes/index.ts";
import { Ipv4Addr, MacAddr } from "../ip/index.ts";
import { describe } from "./_encode.ts";
import { icmpText } from "./_icmp_text.ts";
import { icmpv6Text } from "./_icmpv6_text.ts";
import type { Ipv6Extension } from "./_ipv6_extensions.ts";
import type { Layer } from "./_layers.ts";
import { etherTypeText, IPPROTO_ESP, IPPROTO_IGMP, IPPROTO_NONE } from "./_names.ts";
import { u16, u32 } from "./_pdu.ts";
import { tcpText } from "./_tcp_text.ts";
import type { ArpPacket } from "./arp.ts";
import type { DhcpMessage } from "./dhcp.ts";
import type { Ipv4Packet } from "./ipv4.ts";
import type { Ipv6Packet } from "./ipv6.ts";
import { packetTypeLetters } from "./sll.ts";
import type { WireError } from "./wire_error.ts";

/** What a line is made of. */
export interface Summarized {
  readonly layers: readonly Layer[];
  readonly end: number;
  readonly wireLength: number;
  readonly error: WireError | undefined;
}

/** `IP 10.0.0.1.2000 > 10.0.0.2.80: Flags [S], seq 1, win 65535, length 0` */
export function summaryOf(packet: Summarized): string {
  const { layers, error } = packet;
  const first = layers.findIndex(({ protocol }) => protocol === "ipv4" || protocol === "ipv6");
  if (first >= 0) return ipText(packet, first);
  const last = layers.at(-1);
  if (last?.protocol === "arp") return arpText(last, packet.wireLength - last.offset);
  const link = last ? linkText(last, packet.wireLength) : "";
  if (!error) return link;
  return link === "" ? `[${error.message}]` : `${link}: [${error.message}]`;
}

function linkText(layer: Layer, wireLength: number): string {
  switch (layer.protocol) {
    case "ethernet": {
      const { src, dst, etherType } = layer;
      const type = etherType === undefined ? "802.3" : typeText(etherType);
      return `${src} > ${dst}, ${type}, length ${wireLength}`;
    }
    case "sll":
    case "sll2": {
      const way = packetTypeLetters(layer.packetType);
      return `${way} ${describe(layer.address)}, ${typeText(layer.protocolType)}, length ${wireLength}`;
    }
    default:
      return layer.toString();
  }
}

/** `ethertype LLDP (0x88cc)`, `ethertype Unknown (0x88b5)` */
function typeText(etherType: number): string {
  const text = etherTypeText(etherType);
  return `ethertype ${text.startsWith("0x") ? `Unknown (${text})` : text}`;
}

const ARP_WORDS: Readonly<Record<number, string>> = {
  1: "Request",
  2: "Reply",
  3: "Reverse Request",
  4: "Reverse Reply",
  8: "Inverse Request",
  9: "Inverse Reply",
};

function arpText(arp: ArpPacket, lengthBytes: number): string {
  const { operation } = arp;
  const [senderHardware, senderProtocol] = [arpAddr(arp.senderHardware), arpAddr(arp.senderProtocol)];
  const [targetHardware, targetProtocol] = [arpAddr(arp.targetHardware), arpAddr(arp.targetProtocol)];
  const word = ARP_WORDS[operation] ?? `Unknown (${operation})`;
  let text: string;
  if (operation === 1) {
    const known = isZero(arp.targetHardware) ? "" : ` (${targetHardware})`;
    text = `who-has ${targetProtocol}${known} tell ${senderProtocol}`;
  } else if (operation === 2) text = `${senderProtocol} is-at ${senderHardware}`;
  else if (operation === 3 || operation === 8) text = `who-is ${targetHardware} tell ${senderHardware}`;
  else if (operation === 4) text = `${targetHardware} at ${targetProtocol}`;
  else if (operation === 9) text = `${senderHardware} at ${senderProtocol}`;
  else text = `${senderProtocol} > ${targetProtocol}`;
  return `ARP, ${word} ${text}, length ${lengthBytes}`;
}

function arpAddr(address: ArpPacket["senderHardware"] | ArpPacket["senderProtocol"]): string {
  return address instanceof Uint8Array ? toHex(address, ":") : address.toString();
}

function isZero(address: MacAddr | Uint8Array): boolean {
  return address instanceof MacAddr ? address.isUnspecified : address.every((byte) => byte === 0);
}

/** Where the layer's payload ended on the wire. */
function wireEndOf(ip: Ipv4Packet | Ipv6Packet, { end, wireLength }: Summarized): number {
  if (ip.protocol === "ipv6") return ip.wireEnd();
  if (ip.totalLength > 0) return ip.offset + ip.totalLength;
  return Number.isFinite(wireLength) ? wireLength : end;
}

/** From the IP header at `index` of the layers on. */
function ipText(packet: Summarized, index: number): string {
  const ip = packet.layers[index] as Ipv4Packet | Ipv6Packet;
  const upper = packet.layers[index + 1];
  const extensions = ip.protocol === "ipv6" ? ip.extensions : [];
  const version = ip.protocol === "ipv4" ? "IP" : "IP6";
  const wireEnd = wireEndOf(ip, packet);
  if (upper?.protocol === "tcp" || upper?.protocol === "udp") {
    const [src, dst] = [upper.srcPort, upper.dstPort];
    const text = transportText(packet, index + 1, wireEnd);
    if (extensions.length === 0) return `${version} ${ip.src}.${src} > ${ip.dst}.${dst}: ${text}`;
    // Ports stand behind the extension headers.
    return `${version} ${ip.src} > ${ip.dst}: ${extensionsText(extensions, ip)}${src} > ${dst}: ${text}`;
  }
  const head = `${version} ${ip.src} > ${ip.dst}: ${extensionsText(extensions, ip)}`;
  if (upper?.protocol === "ipv4" || upper?.protocol === "ipv6") return head + ipText(packet, index + 1);
  const length = wireEnd - ip.offset - ip.headerLength;
  if (upper?.protocol === "icmp") return `${head}${icmpText(upper, length)}`;
  if (upper?.protocol === "icmpv6") return `${head}${icmpv6Text(upper, length)}`;
  return (head + bareText(packet, ip, length)).trimEnd();
}

function transportText({ layers, error }: Summarized, index: number, wireEnd: number): string {
  const layer = layers[index] as Layer;
  if (layer.protocol === "tcp") return tcpText(layer, wireEnd - layer.offset - layer.headerLength);
  if (layer.protocol !== "udp") return "";
  const length = (layer.length || wireEnd - layer.offset) - layer.headerLength;
  const inner = layers[index + 1];
  if (inner?.protocol === "dhcp") return dhcpText(inner, length);
  return error ? `UDP, length ${length} [${error.message}]` : `UDP, length ${length}`;
}

function dhcpText(message: DhcpMessage, length: number): string {
  if (message.op === "reply") return `BOOTP/DHCP, Reply, length ${length}`;
  const word = message.op === "request" ? "Request" : `unknown (${message.op})`;
  const client = message.clientMac;
  return `BOOTP/DHCP, ${word}${client ? ` from ${client}` : ""}, length ${length}`;
}

/** What IP carries when there is no codec for it, or it cannot be decoded. */
function bareText({ error }: Summarized, ip: Ipv4Packet | Ipv6Packet, length: number): string {
  const protocol = ip.protocol === "ipv4" ? ip.protocolNumber : ip.upperProtocol;
  if (ip.fragmentOffset > 0) return ip.protocol === "ipv4" ? `ip-proto-${protocol}` : "";
  if (error) return `[${error.message}]`;
  const at = ip.offset + ip.headerLength;
  if (protocol === IPPROTO_NONE) return "no next header";
  if (protocol === IPPROTO_ESP && ip.end - at >= 8) {
    const spi = u32(ip.bytes, at).toString(16).padStart(8, "0");
    return `ESP(spi=0x${spi},seq=0x${u32(ip.bytes, at + 4).toString(16)}), length ${length}`;
  }
  if (protocol === IPPROTO_IGMP && ip.end - at >= 8) return igmpText(ip.bytes, at, length);
  return `ip-proto-${protocol} ${length}`;
}

function extensionsText(extensions: readonly Ipv6Extension[], ip: Ipv4Packet | Ipv6Packet): string {
  return extensions.map((extension) => `${extensionText(extension, ip)} `).join("");
}

function extensionText(extension: Ipv6Extension, ip: Ipv4Packet | Ipv6Packet): string {
  switch (extension.name) {
    case "hopByHop":
      return "HBH";
    case "destinationOptions":
      return "DSTOPT";
    case "fragment":
      return `frag (${extension.fragmentOffset}|${ip.payload.length})`;
    case "authentication": {
      const spi = extension.securityParametersIndex.toString(16).padStart(8, "0");
      const icv = toHex(extension.integrityCheckValue);
      return `AH(spi=0x${spi},seq=0x${extension.sequenceNumber.toString(16)},icv=0x${icv}):`;
    }
    case "routing":
      return `RT6 (type=${extension.routingType}, segleft=${extension.segmentsLeft})`;
    case "sourceRoute": {
      const { addrs, segmentsLeft } = extension;
      return `RT6 (len=${addrs.length * 2}, type=0 [Deprecated], segleft=${segmentsLeft}${listed(addrs)})`;
    }
    case "segmentRouting": {
      const { segments, segmentsLeft, lastEntry, tag, tlvs } = extension;
      const length = segments.length * 2 + (tlvs?.length ?? 0) / 8;
      const fields = `segleft=${segmentsLeft}, last-entry=${lastEntry}, tag=${(tag ?? 0).toString(16)}`;
      return `RT6 (len=${length}, type=4, ${fields}${listed(segments)})`;
    }
  }
}

function listed(addrs: readonly object[]): string {
  return addrs.map((addr, index) => `, [${index}]${addr}`).join("");
}

/** `igmp v3 report, 1 group record(s)`: there is no codec for IGMP. */
function igmpText(bytes: Uint8Array, at: number, lengthBytes: number): string {
  const type = bytes[at] as number;
  const group = Ipv4Addr.fromU32(u32(bytes, at + 4));
  switch (type) {
    case 0x11:
      return lengthBytes >= 12 ? "igmp query v3" : `igmp query v${bytes[at + 1] === 0 ? 1 : 2}`;
    case 0x12:
      return `igmp v1 report ${group}`;
    case 0x16:
      return `igmp v2 report ${group}`;
    case 0x17:
      return `igmp leave ${group}`;
    case 0x22:
      return `igmp v3 report, ${u16(bytes, at + 6)} group record(s)`;
    default:
      return `igmp-${type}`;
  }
}
