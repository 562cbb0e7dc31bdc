/** What a program can load that is not in the packet, or that is found by its headers. */
import * as op from "./opcodes.ts";

/**
 * What the kernel knows about a packet besides its bytes, for the ancillary loads. A load of what is not given
 * rejects the packet.
 */
export interface PacketMetadata {
  /** The EtherType, `ld proto`. */
  readonly protocol?: number;
  /** `PACKET_HOST` … `PACKET_OUTGOING` of linux/if_packet.h, `ld type`. */
  readonly packetType?: number;
  readonly interfaceIndex?: number;
  /** `ARPHRD_` of net/if_arp.h, `ld hatype`. */
  readonly hardwareType?: number;
  /** The VLAN tag that the kernel has taken out of the frame: `ld vlan_tci` and `ld vlan_pr`; null when there was none. */
  readonly vlanTci?: number | null;
  readonly vlanTpid?: number;
  readonly mark?: number;
  readonly queue?: number;
  readonly receiveHash?: number;
  readonly cpu?: number;
  /** Where the payload begins, `ld poff`. */
  readonly payloadOffset?: number;
  /** A 32-bit number, `ld rand`. */
  readonly random?: number;
  /** Where in the packet its network header is, for loads from `SKF_NET_OFF`. */
  readonly networkOffset?: number;
  /** Where in the packet its link-layer header is, for loads from `SKF_LL_OFF`. */
  readonly linkOffset?: number;
}

/** Where a load relative to X reads; below 0 for nowhere. Offsets below zero count from a header. */
export function indirect(offset: number, metadata: PacketMetadata | undefined): number {
  if (offset >= 0) return offset;
  if (metadata === undefined) return -1;
  const { networkOffset = -1, linkOffset = -1 } = metadata;
  if (offset >= (op.SKF_NET_OFF | 0))
    return networkOffset < 0 ? -1 : networkOffset + offset - (op.SKF_NET_OFF | 0);
  if (offset >= (op.SKF_LL_OFF | 0)) return linkOffset < 0 ? -1 : linkOffset + offset - (op.SKF_LL_OFF | 0);
  return -1;
}

/** What an absolute load from below zero gives; undefined where there is nothing. `xor` is A ^ X. */
export function loadSpecial(
  k: number,
  size: number,
  xor: number,
  packet: Uint8Array,
  metadata: PacketMetadata | undefined,
): number | undefined {
  if (k >= (op.SKF_AD_OFF | 0)) return loadAncillary(k - (op.SKF_AD_OFF | 0), xor, metadata);
  const at = indirect(k, metadata);
  if (at < 0 || at + size > packet.length) return undefined;
  let value = 0;
  for (let i = 0; i < size; i++) value = (value << 8) | (packet[at + i] as number);
  return value;
}

function loadAncillary(which: number, xor: number, metadata: PacketMetadata | undefined): number | undefined {
  if (which === op.SKF_AD_ALU_XOR_X) return xor;
  if (metadata === undefined) return undefined;
  const { vlanTci } = metadata;
  switch (which) {
    case op.SKF_AD_PROTOCOL:
      return metadata.protocol;
    case op.SKF_AD_PKTTYPE:
      return metadata.packetType;
    case op.SKF_AD_IFINDEX:
      return metadata.interfaceIndex;
    case op.SKF_AD_HATYPE:
      return metadata.hardwareType;
    case op.SKF_AD_MARK:
      return metadata.mark;
    case op.SKF_AD_QUEUE:
      return metadata.queue;
    case op.SKF_AD_RXHASH:
      return metadata.receiveHash;
    case op.SKF_AD_CPU:
      return metadata.cpu;
    case op.SKF_AD_VLAN_TAG:
      return vlanTci ?? (vlanTci === null ? 0 : undefined);
    case op.SKF_AD_VLAN_TAG_PRESENT:
      return vlanTci === undefined ? undefined : vlanTci === null ? 0 : 1;
    case op.SKF_AD_VLAN_TPID:
      return vlanTci === null ? 0 : metadata.vlanTpid;
    case op.SKF_AD_PAY_OFFSET:
      return metadata.payloadOffset;
    case op.SKF_AD_RANDOM:
      return metadata.random;
    default:
      return undefined; // netlink attributes: no packet of a network has them
  }
}
