/** Questions about the link header: which protocol follows, hardware addresses, VLAN tags, labels, direction. */
import { and, type Condition, not, or, type Statement, statement, testBlock } from "./_blocks.ts";
import type { Generator, Offset, Size } from "./_generator.ts";
import type { Direction } from "./_syntax.ts";
import { LINK_PROTOCOLS, type Protocol } from "./_words.ts";
import * as op from "./opcodes.ts";

export const ETHERTYPE_IP = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_ATALK = 0x809b;
const ETHERTYPE_AARP = 0x80f3;
const ETHERTYPE_IPX = 0x8137;
const ETHERTYPE_MPLS = 0x8847;
const ETHERTYPE_PPPOED = 0x8863;
const ETHERTYPE_PPPOES = 0x8864;
/** 802.1Q, 802.1ad, and what was used before 802.1ad. */
const VLAN_ETHERTYPES = [0x8100, 0x88a8, 0x9100];

/** Type fields up to here are lengths, IEEE 802.3 §3.2.6. */
const MAX_LENGTH_FIELD = 1500;
const SAP_IP = 0x06;
const SAP_STP = 0x42;
const SAP_IPX = 0xe0;
const SAP_NETBEUI = 0xf0;
const SAP_OSI = 0xfe;

/** linux/if_ether.h: frames with an LLC header, and those of 802.3 without one. */
const ETH_P_802_2 = 0x0004;
const ETH_P_802_3 = 0x0001;
/** linux/if_packet.h */
const PACKET_OUTGOING = 4;

/** Whether the packet is of a protocol: an EtherType, or up to 1500 a service access point of 802.2. */
export function isLinkProtocol(g: Generator, protocol: number): Condition {
  if (g.mplsDepth > 0) return isInsideMpls(g, protocol);
  switch (g.linkType) {
    case "ethernet":
    case "linux-sll":
      return isFrameProtocol(g, protocol);
    case "linux-sll2":
      return g.equals("link type", 0, op.BPF_H, protocol);
    case "ppp":
      return g.equals("link type", 0, op.BPF_H, PPP_PROTOCOLS.get(protocol) ?? protocol);
    case "raw":
      if (protocol === ETHERTYPE_IP) return g.equals("link", 0, op.BPF_B, 0x40, 0xf0);
      if (protocol === ETHERTYPE_IPV6) return g.equals("link", 0, op.BPF_B, 0x60, 0xf0);
      return g.constant(false);
  }
}

/** What PPP calls the protocols that Ethernet calls otherwise. */
const PPP_PROTOCOLS: ReadonlyMap<number, number> = new Map([
  [ETHERTYPE_IP, 0x0021],
  [ETHERTYPE_IPV6, 0x0057],
  [0x6003, 0x0027],
  [ETHERTYPE_ATALK, 0x0029],
  [0x0600, 0x0025],
  [SAP_OSI, 0x0023],
  [SAP_STP, 0x0031],
  [SAP_IPX, 0x002b],
]);

/** Whether a word for a protocol of the link applies. */
export function isNamedLinkProtocol(g: Generator, protocol: Protocol): Condition {
  return isLinkProtocol(g, LINK_PROTOCOLS.get(protocol) as number);
}

function isFrameProtocol(g: Generator, protocol: number): Condition {
  switch (protocol) {
    case SAP_OSI:
    case SAP_IP:
    case SAP_NETBEUI:
      return and(isLlc(g), g.equals("link payload", 0, op.BPF_H, (protocol << 8) | protocol));
    case SAP_IPX:
      return isIpx(g);
    case ETHERTYPE_ATALK:
    case ETHERTYPE_AARP: {
      const snap = isSnap(g, protocol === ETHERTYPE_ATALK ? 0x080007 : 0, protocol);
      return or(g.equals("link type", 0, op.BPF_H, protocol), and(isLlc(g), snap));
    }
    default: {
      if (protocol > MAX_LENGTH_FIELD) return g.equals("link type", 0, op.BPF_H, protocol);
      const sap =
        g.linkType === "ethernet"
          ? g.equals("link type", 2, op.BPF_B, protocol)
          : g.equals("link", g.payload.constant, op.BPF_B, protocol);
      return and(isLlc(g), sap);
    }
  }
}

/** Whether an 802.2 header follows. */
function isLlc(g: Generator): Condition {
  return g.linkType === "ethernet"
    ? g.notAbove("link type", 0, op.BPF_H, MAX_LENGTH_FIELD)
    : g.equals("link type", 0, op.BPF_H, ETH_P_802_2);
}

/** IPX in its four framings: Ethernet II, 802.2, SNAP, and 802.3 without any header. */
function isIpx(g: Generator): Condition {
  const sap = g.equals("link payload", 0, op.BPF_B, SAP_IPX);
  const type = (): Condition => g.equals("link type", 0, op.BPF_H, ETHERTYPE_IPX);
  if (g.linkType === "ethernet") {
    const either = or(sap, g.equals("link payload", 0, op.BPF_H, 0xffff));
    return or(type(), and(isLlc(g), or(isSnap(g, 0, ETHERTYPE_IPX), either)));
  }
  const llc = and(isLlc(g), or(sap, isSnap(g, 0, ETHERTYPE_IPX)));
  return or(type(), or(g.equals("link type", 0, op.BPF_H, ETH_P_802_3), llc));
}

function isSnap(g: Generator, organization: number, protocol: number): Condition {
  const [high, middle, low] = [organization >> 16, (organization >> 8) & 0xff, organization & 0xff];
  const header = [0xaa, 0xaa, 0x03, high, middle, low, protocol >> 8, protocol & 0xff];
  return g.equalsBytes("link payload", 0, Uint8Array.from(header));
}

/** Whether the frame is from or to a hardware address; either where no direction is given. */
export function isHardwareAddress(
  g: Generator,
  address: Uint8Array,
  direction: Direction | undefined,
): Condition {
  if (g.linkType !== "ethernet") return g.fail(`${g.linkType} frames have no Ethernet addresses`);
  const at = (offset: number): Condition => g.equalsBytes("link", offset, address);
  return inDirection(
    direction,
    () => at(6),
    () => at(0),
  );
}

/** Asks about the source, the destination, both, or one of the two. */
export function inDirection(
  direction: Direction | undefined,
  source: () => Condition,
  destination: () => Condition,
): Condition {
  switch (direction) {
    case "src":
      return source();
    case "dst":
      return destination();
    case "src and dst":
      return and(source(), destination());
    default:
      return or(source(), destination());
  }
}

export function isLinkBroadcast(g: Generator): Condition {
  if (g.linkType !== "ethernet") return g.fail(`${g.linkType} frames are not broadcast`);
  return isHardwareAddress(g, new Uint8Array(6).fill(0xff), "dst");
}

export function isLinkMulticast(g: Generator): Condition {
  if (g.linkType !== "ethernet") return g.fail(`${g.linkType} frames are not multicast`);
  return g.compare(op.BPF_JSET, "link", 0, op.BPF_B, 1);
}

/** Whether this host has sent the packet, or somebody else. */
export function isBound(g: Generator, outbound: boolean): Condition {
  const field: Record<Generator["linkType"], readonly [number, Size]> = {
    ethernet: [op.SKF_AD_OFF + op.SKF_AD_PKTTYPE, op.BPF_H],
    raw: [op.SKF_AD_OFF + op.SKF_AD_PKTTYPE, op.BPF_H],
    ppp: [op.SKF_AD_OFF + op.SKF_AD_PKTTYPE, op.BPF_H],
    "linux-sll": [0, op.BPF_H],
    "linux-sll2": [10, op.BPF_B],
  };
  const [offset, size] = field[g.linkType];
  const sent = g.equals("link", offset, size, PACKET_OUTGOING);
  return outbound ? sent : not(sent);
}

export function isInterface(g: Generator, index: number): Condition {
  const offset = g.linkType === "linux-sll2" ? 4 : op.SKF_AD_OFF + op.SKF_AD_IFINDEX;
  return g.equals("link", offset, op.BPF_W, index);
}

/** Whether the frame has a VLAN tag (of this id); what follows is looked for behind the tag. */
export function isVlan(g: Generator, id: number | undefined): Condition {
  if (g.mplsDepth > 0) g.fail("VLAN tags are not looked for behind MPLS labels");
  if (g.linkType !== "ethernet") g.fail(`${g.linkType} frames have no VLAN tags`);
  if (id !== undefined && id > 0xfff) g.fail(`a VLAN id is at most 4095, got ${id}`);
  const isFirst = g.vlanDepth++ === 0;
  if (isFirst && g.options.live) return isLiveVlan(g, id);
  const tagged = hasVlanType(g);
  const all = id === undefined ? tagged : and(tagged, g.equals("network", 0, op.BPF_H, id, 0xfff));
  g.payload.constant += 4;
  (g.typeField as Offset).constant += 4;
  return all;
}

function hasVlanType(g: Generator): Condition {
  const [first, ...others] = VLAN_ETHERTYPES.map((type) => isLinkProtocol(g, type)) as [
    Condition,
    ...Condition[],
  ];
  return others.reduce(or, first);
}

/**
 * Linux takes the outermost tag out of a frame before a packet socket sees it. So the tag is looked for in the
 * metadata, and where it is not there in the frame; in that case all that follows lies four bytes further.
 */
function isLiveVlan(g: Generator, id: number | undefined): Condition {
  const present = op.SKF_AD_OFF + op.SKF_AD_VLAN_TAG_PRESENT;
  const inMetadata = testBlock([statement(op.BPF_LD | op.BPF_B | op.BPF_ABS, present)], op.BPF_JEQ, 1);
  const inFrame = hasVlanType(g);
  // Both are made before the offsets become variable: they ask for what is in front of the tag.
  const sameId = id === undefined ? undefined : g.load("network", 0, op.BPF_H);
  inFrame.head.statements.unshift(...moveBy(g, g.payload, 4), ...moveBy(g, g.typeField as Offset, 4));
  const tagged = or(inMetadata, inFrame);
  if (sameId === undefined) return tagged;
  const load = sameId[0] as Statement;
  const statements = [
    statement(op.BPF_LD | op.BPF_B | op.BPF_ABS, present),
    { ...statement(op.BPF_JMP | op.BPF_JEQ | op.BPF_K, 1), otherwise: load },
    statement(op.BPF_LD | op.BPF_B | op.BPF_ABS, op.SKF_AD_OFF + op.SKF_AD_VLAN_TAG),
    statement(op.BPF_JMP | op.BPF_JA, 1),
    load,
    statement(op.BPF_ALU | op.BPF_AND | op.BPF_K, 0xfff),
  ];
  return and(tagged, testBlock(statements, op.BPF_JEQ, id as number));
}

function moveBy(g: Generator, offset: Offset, bytes: number): Statement[] {
  offset.isVariable = true;
  offset.register ??= g.allocate();
  g.moved.add(offset.register);
  return [
    statement(op.BPF_LD | op.BPF_MEM, offset.register),
    statement(op.BPF_ALU | op.BPF_ADD | op.BPF_K, bytes),
    statement(op.BPF_ST, offset.register),
  ];
}

/** Whether an MPLS label (this one) follows; what comes after is looked for behind it. */
export function isMpls(g: Generator, label: number | undefined): Condition {
  if (label !== undefined && label > 0xf_ffff) g.fail(`an MPLS label is at most ${0xf_ffff}, got ${label}`);
  if (g.mplsDepth === 0 && g.linkType !== "ethernet" && g.linkType !== "ppp") {
    g.fail(`${g.linkType} frames have no MPLS labels`);
  }
  let all =
    g.mplsDepth > 0
      ? g.equals("mpls", 2, op.BPF_B, 0, 0x01) // the label before is not the last one
      : isLinkProtocol(g, g.linkType === "ppp" ? 0x0281 : ETHERTYPE_MPLS);
  if (label !== undefined) all = and(all, g.equals("network", 0, op.BPF_W, (label << 12) >>> 0, 0xffff_f000));
  g.networkOffset += 4;
  g.mplsDepth++;
  return all;
}

/** A label says nothing of what follows the last one: the version of IP is looked at. */
function isInsideMpls(g: Generator, protocol: number): Condition {
  const version = protocol === ETHERTYPE_IP ? 0x40 : protocol === ETHERTYPE_IPV6 ? 0x60 : undefined;
  if (version === undefined) return g.fail("behind MPLS labels only ip and ip6 can be told");
  const last = g.equals("network", -2, op.BPF_B, 0x01, 0x01);
  return and(last, g.equals("network", 0, op.BPF_B, version, 0xf0));
}

export function isPppoeDiscovery(g: Generator): Condition {
  return isLinkProtocol(g, ETHERTYPE_PPPOED);
}

/** Whether a PPPoE session (this one) follows; what comes after is looked for inside. */
export function isPppoeSession(g: Generator, id: number | undefined): Condition {
  if (id !== undefined && id > 0xffff) g.fail(`a PPPoE session is at most 65535, got ${id}`);
  let all = isLinkProtocol(g, ETHERTYPE_PPPOES);
  if (id !== undefined) all = and(all, g.equals("network", 0, op.BPF_W, id, 0xffff));
  g.linkType = "ppp";
  g.linkHeader = { ...g.payload, constant: g.payload.constant + g.networkOffset + 6 }; // the PPPoE header
  g.typeField = { ...g.linkHeader };
  g.payload = { ...g.payload, constant: g.linkHeader.constant + 2 };
  g.networkOffset = 0;
  return all;
}
