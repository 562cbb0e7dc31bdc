/** A whole packet: its headers in order, from the link's inwards. */
import { hexDump } from "../bytes/index.ts";
import { type Checksum, checksumsOf } from "./_checksums.ts";
import { decodeLayers, type Layer } from "./_layers.ts";
import type { TreeNode } from "./_pdu.ts";
import { summaryOf } from "./_summary.ts";
import { type LinkTypeName, linkTypeNumber } from "./link_type.ts";
import type { WireError } from "./wire_error.ts";

/** What a layer is called: `"ethernet"`, `"ipv4"`, `"tcp"` … */
export type LayerName = Layer["protocol"];

/** The class of the layer that is called so. */
export type LayerOf<Name extends LayerName> = Extract<Layer, { readonly protocol: Name }>;

export interface DecodeOptions {
  /** How long the packet was before it was cut, by a capture's snap length; as long as it is unless told. */
  readonly wireLength?: number | undefined;
}

/** A packet, decoded as far as it goes: see {@link decodePacket}. */
export class Packet {
  /** What it was decoded from, whole. */
  readonly bytes: Uint8Array;
  /** Where it starts in {@link bytes}: 0, but for a packet that another one quotes. */
  readonly offset: number;
  /** Where it ends in {@link bytes}, or has been cut. */
  readonly end: number;
  readonly link: LinkTypeName;
  /** How long it was before it was cut, in bytes; `Infinity` where nothing tells. */
  readonly wireLength: number;
  /** The headers, the outermost first. Each is a view of {@link bytes}. */
  readonly layers: readonly Layer[];
  /** What stopped the decoding; undefined where it went as far as there are codecs. The layers before it are there. */
  readonly error: WireError | undefined;

  /** @internal */
  constructor(bytes: Uint8Array, link: LinkTypeName, offset: number, end: number, wireLength: number) {
    const layers: Layer[] = [];
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
    this.link = link;
    this.wireLength = wireLength;
    this.error = decodeLayers(layers, bytes, link, offset, end, offset + wireLength);
    this.layers = layers;
  }

  /** The outermost layer that is called so: `packet.layer("tcp")?.dstPort`. */
  layer<const Name extends LayerName>(name: Name): LayerOf<Name> | undefined {
    return this.layers.find((layer): layer is LayerOf<Name> => layer.protocol === name);
  }

  /** What the innermost layer carries, which was not decoded: a view, empty where there is nothing. */
  get payload(): Uint8Array {
    return this.layers.at(-1)?.payload ?? this.bytes.subarray(this.offset, this.end);
  }

  /** What follows the network layer: Ethernet's padding up to 60 bytes, mostly. A view, empty where there is nothing. */
  get trailer(): Uint8Array {
    const network = this.layers.find(({ protocol }) => NETWORK.has(protocol));
    return this.bytes.subarray(network?.end ?? this.end, this.end);
  }

  /** The packet that an ICMP error quotes, as far as it does; undefined where there is none. */
  get quoted(): Packet | undefined {
    const last = this.layers.at(-1);
    if (last?.protocol !== "icmp" && last?.protocol !== "icmpv6") return undefined;
    const { quoted } = last;
    if (!quoted) return undefined;
    const offset = quoted.byteOffset - this.bytes.byteOffset;
    const link = last.protocol === "icmp" ? "ipv4" : "ipv6";
    return new Packet(this.bytes, link, offset, offset + quoted.length, Number.POSITIVE_INFINITY);
  }

  /**
   * One line as `tcpdump -S` prints it, without the time: `IP 10.0.0.1.2000 > 10.0.0.2.80: Flags [S], seq 1, win 65535,
   * length 0`. Ports and addresses are numbers; applications' data are not read.
   */
  summary(): string {
    return summaryOf(this);
  }

  /** {@link summary} */
  toString(): string {
    return this.summary();
  }

  /** The layers' trees, the packet that an ICMP error quotes, what was not decoded, and what stopped the decoding. */
  tree(): readonly TreeNode[] {
    const nodes: TreeNode[] = this.layers.map((layer) => layer.tree());
    const { bytes, payload, trailer, error, quoted } = this;
    if (quoted) {
      const { offset, end } = quoted;
      const children = quoted.tree();
      nodes.push({
        name: "quoted",
        label: "Quoted packet",
        text: `${quoted}`,
        offset,
        lengthBytes: end - offset,
        children,
      });
    } else if (payload.length > 0) nodes.push(dataNode("payload", "Payload", bytes, payload));
    if (trailer.length > 0) nodes.push(dataNode("trailer", "Trailer", bytes, trailer));
    if (error) {
      const { offset, message } = error;
      nodes.push({ name: "error", label: "Not decoded", text: message, offset, lengthBytes: 0 });
    }
    return nodes;
  }

  /**
   * Whether the checksums are right, the outermost first. Those of a fragment and of a packet that was cut are unknown; UDP
   * over IPv4 may have none. Of a packet that this machine sends, they are mostly wrong before the card has made them.
   */
  checksums(): readonly Checksum[] {
    return checksumsOf(this.layers, this.end - this.offset < this.wireLength);
  }
}

/** Some of the bytes as a hex dump, a node per line. */
function dataNode(name: string, label: string, bytes: Uint8Array, data: Uint8Array): TreeNode {
  const start = data.byteOffset - bytes.byteOffset;
  const lines = Array.from({ length: Math.ceil(data.length / 16) }, (_, index): TreeNode => {
    const offset = start + index * 16;
    const line = data.subarray(index * 16, index * 16 + 16);
    const [text] = hexDump(line, { offset }).split("\n", 1) as [string];
    return { name: "line", label: text.slice(0, 8), text: text.slice(10), offset, lengthBytes: line.length };
  });
  const text = data.length === 1 ? "1 byte" : `${data.length} bytes`;
  return { name, label, text, offset: start, lengthBytes: data.length, children: lines };
}

const NETWORK: ReadonlySet<LayerName> = new Set(["ipv4", "ipv6", "arp"] as const);

/**
 * Reads a packet, layer by layer, as far as there are codecs: Ethernet, Linux cooked and loopback headers; ARP, IPv4,
 * IPv6, and IP within IP; ICMP, TCP, UDP, DHCP. Nothing is thrown for what the bytes are: {@link Packet.error} tells what
 * stopped it. Of fragments other than the first, nothing is read above IP.
 * @param link what the bytes begin with; `"ip"` is either version
 * @throws {TypeError | RangeError} for wrong arguments
 */
export function decodePacket(bytes: Uint8Array, link: LinkTypeName, options?: DecodeOptions): Packet {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`decodePacket: expected a Uint8Array, got ${typeof bytes}`);
  }
  if (typeof link !== "string")
    throw new TypeError(`decodePacket: expected a link type, got ${String(link)}`);
  linkTypeNumber(link);
  const wireLength = options?.wireLength ?? bytes.length;
  if (!(wireLength >= bytes.length)) {
    const expected = `expected at least the ${bytes.length} bytes that there are`;
    throw new RangeError(`decodePacket: wireLength: ${expected}, got ${String(wireLength)}`);
  }
  return new Packet(bytes, link, 0, bytes.length, wireLength);
}
