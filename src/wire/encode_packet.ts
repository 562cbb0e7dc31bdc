/** Makes whole packets: each layer's encoder, from the inside out. */

import { bytesOrNone, describe } from "./_encode.ts";
import type { IcmpFields } from "./_icmp_formats.ts";
import type { Icmpv6Fields } from "./_icmpv6_formats.ts";
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
import { type ArpFields, encodeArp } from "./arp.ts";
import { type DhcpFields, encodeDhcp } from "./dhcp.ts";
import { type EthernetFields, encodeEthernet } from "./ethernet.ts";
import { encodeIcmp } from "./icmp.ts";
import { encodeIcmpv6 } from "./icmpv6.ts";
import { encodeIpv4, type Ipv4Fields, ipv4Between } from "./ipv4.ts";
import { encodeIpv6, type Ipv6Fields, ipv6Between } from "./ipv6.ts";
import { encodeNull, type NullFields } from "./null_link.ts";
import type { Between } from "./pseudo_header.ts";
import { encodeSll, encodeSll2, type Sll2Fields, type SllFields } from "./sll.ts";
import { encodeTcp, type TcpFields } from "./tcp.ts";
import { encodeUdp, type UdpFields } from "./udp.ts";

/** Fields of which some may be left out, because the next layer tells them. */
type Told<Fields, Names extends keyof Fields> = Omit<Fields, Names> & Partial<Pick<Fields, Names>>;

/** One layer: what its encoder takes, under its name. What the layer within it tells may be left out. */
export type LayerFields =
  | { readonly ethernet: EthernetFields }
  | { readonly sll: Told<SllFields, "protocolType"> }
  | { readonly sll2: Told<Sll2Fields, "protocolType"> }
  | { readonly null: Told<NullFields, "family"> }
  | { readonly arp: ArpFields }
  | { readonly ipv4: Told<Ipv4Fields, "protocolNumber"> }
  | { readonly ipv6: Ipv6Fields }
  | { readonly icmp: IcmpFields }
  | { readonly icmpv6: Icmpv6Fields }
  | { readonly tcp: TcpFields }
  | { readonly udp: UdpFields }
  | { readonly dhcp: DhcpFields };

type Name = LayerFields extends infer Each ? (Each extends object ? keyof Each : never) : never;
/** Fields as they come: the encoders check them. */
type Loose = Readonly<Record<string, unknown>>;

const ETHER_TYPES: Partial<Record<Name, number>> = {
  ipv4: ETHERTYPE_IPV4,
  ipv6: ETHERTYPE_IPV6,
  arp: ETHERTYPE_ARP,
};
const PROTOCOLS: Partial<Record<Name, number>> = {
  icmp: IPPROTO_ICMP,
  ipv4: IPPROTO_IPIP,
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  ipv6: IPPROTO_IPV6,
  icmpv6: IPPROTO_ICMPV6,
};
/** The address families of {@link NullFields.family} as Linux has them. */
const FAMILIES: Partial<Record<Name, number>> = { ipv4: 2, ipv6: 10 };

interface Stacked {
  readonly name: Name;
  readonly fields: Loose;
}

/** What surrounds a layer. */
interface Place {
  readonly inner: Name | undefined;
  readonly payload: Uint8Array | undefined;
  readonly between: Between | undefined;
}

const ENCODERS: Readonly<Record<Name, (fields: never, place: Place) => Uint8Array>> = {
  ethernet: (fields: EthernetFields, { inner, payload }) => {
    const etherType =
      fields.etherType ?? (fields.length === undefined ? told(ETHER_TYPES, inner) : undefined);
    return encodeEthernet(carrying({ ...fields, etherType }, payload));
  },
  sll: (fields: SllFields, { inner, payload }) =>
    encodeSll(carrying(withNumber(fields, "protocolType", ETHER_TYPES, inner), payload)),
  sll2: (fields: Sll2Fields, { inner, payload }) =>
    encodeSll2(carrying(withNumber(fields, "protocolType", ETHER_TYPES, inner), payload)),
  null: (fields: NullFields, { inner, payload }) =>
    encodeNull(carrying(withNumber(fields, "family", FAMILIES, inner), payload)),
  arp: (fields: ArpFields) => encodeArp(fields),
  ipv4: (fields: Ipv4Fields, { inner, payload }) =>
    encodeIpv4(carrying(withNumber(fields, "protocolNumber", PROTOCOLS, inner), payload)),
  ipv6: (fields: Ipv6Fields, { inner, payload }) =>
    encodeIpv6(
      carrying({ ...fields, upperProtocol: fields.upperProtocol ?? told(PROTOCOLS, inner) }, payload),
    ),
  icmp: (fields: IcmpFields, place) => encodeIcmp(quoting(fields, place)),
  icmpv6: (fields: Icmpv6Fields, place) => encodeIcmpv6(quoting(fields, place), place.between),
  tcp: (fields: TcpFields, { payload, between }) => encodeTcp(carrying(fields, payload), between),
  udp: (fields: UdpFields, { payload, between }) => encodeUdp(carrying(fields, payload), between),
  dhcp: (fields: DhcpFields) => encodeDhcp(fields),
};

function told(numbers: Partial<Record<Name, number>>, inner: Name | undefined): number | undefined {
  return inner && numbers[inner];
}

function carrying<Fields extends object>(fields: Fields, payload: Uint8Array | undefined): Fields {
  return payload ? { ...fields, payload } : fields;
}

/** A packet within an ICMP error is what it quotes. */
function quoting<Fields extends object>(fields: Fields, { inner, payload }: Place): Fields {
  return inner && payload ? { ...fields, quoted: payload } : carrying(fields, payload);
}

/** Fills in what the layer within is, where it is left out. */
function withNumber<Fields extends object, const Key extends keyof Fields>(
  fields: Fields,
  key: Key,
  numbers: Partial<Record<Name, number>>,
  inner: Name | undefined,
): Fields {
  return fields[key] === undefined ? { ...fields, [key]: told(numbers, inner) } : fields;
}

function readStack(layers: readonly LayerFields[]): readonly Stacked[] {
  if (!Array.isArray(layers)) throw new TypeError(`layers: expected an array, got ${describe(layers)}`);
  return layers.map((layer: unknown, index) => {
    const entries = typeof layer === "object" && layer !== null ? Object.entries(layer) : [];
    const [name, fields] = entries[0] ?? [];
    if (entries.length !== 1 || name === undefined || !Object.hasOwn(ENCODERS, name)) {
      const known = Object.keys(ENCODERS).join(", ");
      const got = entries.length > 0 ? entries.map(([key]) => key).join(" and ") : describe(layer);
      throw new TypeError(`layers[${index}]: expected an object with one of ${known}, got ${got}`);
    }
    if (typeof fields !== "object" || fields === null) {
      throw new TypeError(`${name}: expected an object of fields, got ${describe(fields)}`);
    }
    return { name: name as Name, fields: plain(fields) };
  });
}

/** A decoded header has its fields as getters, which cannot be spread. */
function plain(fields: object): Loose {
  const { toObject } = fields as { readonly toObject?: unknown };
  return (typeof toObject === "function" ? toObject.call(fields) : fields) as Loose;
}

/** The addresses of the nearest IP header outside of a layer. */
function betweenOf(stack: readonly Stacked[], index: number): Between | undefined {
  for (let i = index - 1; i >= 0; i--) {
    const { name, fields } = stack[i] as Stacked;
    if (name === "ipv4") return ipv4Between(fields as unknown as Ipv4Fields);
    if (name === "ipv6") return ipv6Between(fields as unknown as Ipv6Fields);
  }
  return undefined;
}

/**
 * Makes a packet of layers, the outermost first. What is left out is filled in: EtherTypes, protocol numbers and next
 * headers as the layer within has them; lengths; checksums, with their pseudo headers.
 * ```ts
 * encodePacket([{ ethernet: { src, dst } }, { ipv4: { src: a, dst: b } }, { udp: { dstPort: 53 } }], payload)
 * ```
 * @param layers an object each, with one property: what the encoder of that name takes, or what the decoder returned
 * @param payload what the innermost layer carries, instead of its own `payload`
 * @returns new bytes; Ethernet frames are not filled up to 60 bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodePacket(layers: readonly LayerFields[], payload?: Uint8Array): Uint8Array {
  const stack = readStack(layers);
  if (payload !== undefined) bytesOrNone("payload", payload);
  let bytes = payload;
  for (let index = stack.length - 1; index >= 0; index--) {
    const { name, fields } = stack[index] as Stacked;
    const place: Place = { inner: stack[index + 1]?.name, payload: bytes, between: betweenOf(stack, index) };
    bytes = ENCODERS[name](fields as never, place);
  }
  return bytes ?? new Uint8Array(0);
}
