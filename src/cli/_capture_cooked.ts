/** Packets of all devices: the header that stands in front of them, and the filter for a socket that has none. */
import { FilterProgram } from "../filter/index.ts";
import type { LinkAddr } from "../socket/index.ts";

/** LINKTYPE_LINUX_SLL2, https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
export const SLL2_HEADER_LEN = 20;
const MAX_ADDRESS = 8;

/** The header, in front of a packet. */
export function withCookedHeader(peer: LinkAddr, packet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SLL2_HEADER_LEN + packet.length);
  const view = new DataView(bytes.buffer);
  const { address } = peer;
  view.setUint16(0, peer.protocol);
  view.setUint32(4, peer.index);
  view.setUint16(8, peer.hardwareType);
  bytes[10] = peer.packetTypeNumber;
  bytes[11] = address.length;
  bytes.set(address.subarray(0, MAX_ADDRESS), 12);
  bytes.set(packet, SLL2_HEADER_LEN);
  return bytes;
}

const BPF_CLASS = 0x07;
const BPF_LD = 0x00;
const BPF_LDX = 0x01;
const BPF_MODE = 0xe0;
const BPF_ABS = 0x20;
const BPF_IND = 0x40;
const BPF_MSH = 0xa0;
const BPF_LEN = 0x80;
const BPF_W = 0x00;
const BPF_H = 0x08;
const BPF_B = 0x10;
const BPF_SIZE = 0x18;
const BPF_RET = 0x06;

/** What the kernel gives in place of a field of the header: SKF_AD_OFF and offsets, linux/filter.h */
const SKF_AD_OFF = 0xfffff000;
const SKF_AD_PROTOCOL = 0;
const SKF_AD_PKTTYPE = 4;
const SKF_AD_IFINDEX = 8;
const SKF_AD_HATYPE = 28;
const FIELDS = new Map([
  [`0/${BPF_H}`, SKF_AD_PROTOCOL],
  [`4/${BPF_W}`, SKF_AD_IFINDEX],
  [`8/${BPF_H}`, SKF_AD_HATYPE],
  [`10/${BPF_B}`, SKF_AD_PKTTYPE],
]);

/**
 * The program for packets as the socket has them, which begin behind the header that the filter was compiled for: as
 * libpcap does it.
 * @returns `undefined` where it reads what the kernel cannot give: then the filter is run here
 */
export function forCookedSocket(program: FilterProgram): FilterProgram | undefined {
  const moved: FilterProgram["instructions"][number][] = [];
  for (const one of program.instructions) {
    const kind = one.code & BPF_CLASS;
    const mode = one.code & BPF_MODE;
    if (kind === BPF_RET && one.k > 0) {
      // Of what is kept, the header is not the kernel's to keep.
      moved.push({ ...one, k: Math.max(1, one.k - SLL2_HEADER_LEN) });
    } else if ((kind === BPF_LD || kind === BPF_LDX) && mode === BPF_LEN) return undefined;
    else if (
      (kind === BPF_LD && (mode === BPF_ABS || mode === BPF_IND)) ||
      (kind === BPF_LDX && mode === BPF_MSH)
    ) {
      if (one.k >= SKF_AD_OFF) moved.push(one);
      else if (one.k >= SLL2_HEADER_LEN) moved.push({ ...one, k: one.k - SLL2_HEADER_LEN });
      else {
        const field = mode === BPF_ABS ? FIELDS.get(`${one.k}/${one.code & BPF_SIZE}`) : undefined;
        if (field === undefined) return undefined;
        moved.push({ code: BPF_LD | BPF_W | BPF_ABS, jt: 0, jf: 0, k: SKF_AD_OFF + field });
      }
    } else moved.push(one);
  }
  return FilterProgram.of(moved);
}
