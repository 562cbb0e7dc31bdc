/** Every header codec under its protocol's name. */
import type { Layer } from "./_layers.ts";
import { decodeArp } from "./arp.ts";
import { decodeDhcp } from "./dhcp.ts";
import { encodePacket, type LayerFields } from "./encode_packet.ts";
import { decodeEthernet } from "./ethernet.ts";
import { decodeIcmp } from "./icmp.ts";
import { decodeIcmpv6, encodeIcmpv6 } from "./icmpv6.ts";
import { decodeIpv4 } from "./ipv4.ts";
import { decodeIpv6 } from "./ipv6.ts";
import { decodeNull } from "./null_link.ts";
import type { Between } from "./pseudo_header.ts";
import { decodeSll, decodeSll2 } from "./sll.ts";
import { decodeTcp, encodeTcp } from "./tcp.ts";
import { decodeUdp, encodeUdp } from "./udp.ts";

const DECODERS = {
  ethernet: decodeEthernet,
  sll: decodeSll,
  sll2: decodeSll2,
  null: decodeNull,
  arp: decodeArp,
  ipv4: decodeIpv4,
  ipv6: decodeIpv6,
  icmp: decodeIcmp,
  icmpv6: decodeIcmpv6,
  tcp: decodeTcp,
  udp: decodeUdp,
  dhcp: decodeDhcp,
} as const;

/** A protocol that there is a codec for. */
export type ProtocolName = keyof typeof DECODERS;

/** All of them, from the link's inwards. */
export const PROTOCOL_NAMES: readonly ProtocolName[] = Object.freeze(Object.keys(DECODERS) as ProtocolName[]);

function checkName(protocol: string): asserts protocol is ProtocolName {
  if (Object.hasOwn(DECODERS, protocol)) return;
  throw new TypeError(`protocol: expected one of ${PROTOCOL_NAMES.join(", ")}, got ${String(protocol)}`);
}

/**
 * Reads one header by the name of its protocol.
 * @throws {WireError} for what the bytes are
 * @throws {TypeError} for another name
 */
export function decodeHeader(protocol: ProtocolName, bytes: Uint8Array): Layer {
  checkName(protocol);
  return DECODERS[protocol](bytes);
}

/**
 * Makes one header, with what it carries, by the name of its protocol.
 * @param between the addresses that the checksum of TCP, UDP and ICMPv6 covers too
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeHeader(protocol: ProtocolName, fields: object, between?: Between): Uint8Array {
  checkName(protocol);
  if (between !== undefined) {
    if (protocol === "tcp") return encodeTcp(fields as never, between);
    if (protocol === "udp") return encodeUdp(fields as never, between);
    if (protocol === "icmpv6") return encodeIcmpv6(fields as never, between);
  }
  return encodePacket([{ [protocol]: fields } as unknown as LayerFields]);
}
