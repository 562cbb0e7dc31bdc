/** What the kernel knows of a packet beside its bytes: VLAN tag, checksum, length; the words of a TPACKET status. */
import * as C from "../sys/index.ts";

/** An 802.1Q tag that the kernel, or the network card, has taken out of the frame. */
export interface VlanTag {
  /** The VLAN, 0 to 4095; 0 is a priority alone. */
  readonly id: number;
  /** The priority (PCP), 0 to 7. */
  readonly priority: number;
  /** The drop eligible indicator (DEI). */
  readonly dropEligible: boolean;
  /** The tag's EtherType: 0x8100, or 0x88a8 of a service tag. */
  readonly protocol: number;
}

/**
 * What is known of the checksum of TCP, UDP … in a packet:
 * - `"unfinished"`: the field holds only a part of it, since the network card, or nobody, would fill it in. Such
 *   are packets that this host sends, to itself too: no error of the sender's
 * - `"valid"`: the kernel or the card has verified it
 * - `"unknown"`: nobody has looked
 */
export type ChecksumState = "valid" | "unfinished" | "unknown";

/** What PACKET_AUXDATA tells of a packet. */
export interface PacketInfo {
  /** How long the packet was, in bytes, without a tag that was taken out. */
  readonly lengthBytes: number;
  /** How many of them the socket's filter has let through. */
  readonly capturedBytes: number;
  /** The VLAN tag that is not in the bytes any more; see `withVlanTag`. */
  readonly vlan: VlanTag | undefined;
  readonly checksum: ChecksumState;
  /** Whether packets have been dropped since the statistics were last read. */
  readonly losing: boolean;
  /** TP_STATUS_… of linux/if_packet.h, all bits. */
  readonly status: number;
}

/** TP_STATUS_CSUMNOTREADY and TP_STATUS_CSUM_VALID. */
export function checksumState(status: number): ChecksumState {
  if ((status & C.TP_STATUS_CSUMNOTREADY) !== 0) return "unfinished";
  return (status & C.TP_STATUS_CSUM_VALID) !== 0 ? "valid" : "unknown";
}

const ETH_P_8021Q = 0x8100;

/** The tag in `tp_vlan_tci` and `tp_vlan_tpid`, where the status says that there is one. */
export function vlanTag(status: number, tci: number, tpid: number): VlanTag | undefined {
  if ((status & C.TP_STATUS_VLAN_VALID) === 0) return undefined;
  return {
    id: tci & 0xfff,
    priority: (tci >> 13) & 7,
    dropEligible: (tci & 0x1000) !== 0,
    protocol: (status & C.TP_STATUS_VLAN_TPID_VALID) !== 0 ? tpid : ETH_P_8021Q,
  };
}

/** From a `struct tpacket_auxdata`. */
export function packetInfoOf(data: Uint8Array): PacketInfo {
  const aux = C.tpacket_auxdata.decode(data);
  return {
    lengthBytes: aux.tp_len,
    capturedBytes: aux.tp_snaplen,
    vlan: vlanTag(aux.tp_status, aux.tp_vlan_tci, aux.tp_vlan_tpid),
    checksum: checksumState(aux.tp_status),
    losing: (aux.tp_status & C.TP_STATUS_LOSING) !== 0,
    status: aux.tp_status,
  };
}

/** Destination and source of an Ethernet header, behind which the tag stands. */
const ADDRESSES_BYTES = 12;

/**
 * An Ethernet frame with its VLAN tag in its place again, as it was on the wire: 4 bytes longer, in a new array.
 * @throws {RangeError} where the frame is shorter than its two addresses
 * @see IEEE 802.1Q §9.6
 */
export function withVlanTag(frame: Uint8Array, tag: VlanTag): Uint8Array {
  if (frame.length < ADDRESSES_BYTES) {
    throw new RangeError(`frame: expected at least ${ADDRESSES_BYTES} bytes, got ${frame.length}`);
  }
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, ADDRESSES_BYTES));
  const tci = (tag.priority << 13) | (tag.dropEligible ? 0x1000 : 0) | tag.id;
  const view = new DataView(tagged.buffer);
  view.setUint16(ADDRESSES_BYTES, tag.protocol, false);
  view.setUint16(ADDRESSES_BYTES + 2, tci, false);
  tagged.set(frame.subarray(ADDRESSES_BYTES), ADDRESSES_BYTES + 4);
  return tagged;
}
