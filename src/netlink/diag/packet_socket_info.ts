/** Packet sockets, as packet_diag tells of them. include/uapi/linux/packet_diag.h, v6.18; net/packet/diag.c */
import { MacAddr } from "../../ip/index.ts";
import { AF_PACKET, type SkMemInfo } from "../../sys/index.ts";
import type { LinkLayerAddr } from "../_values.ts";
import { flagWords, words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { type AttributeType, u32 } from "../attribute_types.ts";
import { type Attribute, get16, get32 } from "../attributes.ts";
import type { DumpOptions, NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";
import {
  checkHeader,
  cookieAt,
  dumpFamily,
  memory,
  readOnly,
  wantedBits,
  wantedTypes,
  words32,
} from "./_families.ts";
import { SOCK_DIAG_BY_FAMILY } from "./_inet_constants.ts";

/** A packet socket. What was not asked for is left out. */
export interface PacketSocketInfo {
  readonly family: "packet";
  /** `"raw"` sockets see the link-layer header. */
  readonly type: PacketSocketType | number;
  /** The EtherType that it hears; 3 (ETH_P_ALL) is every one, 0 none. */
  readonly protocol: number;
  /** What /proc/PID/fd shows as `socket:[…]`. */
  readonly inode: bigint;
  readonly cookie: bigint;
  /** The link's number; 0 for all of them. */
  readonly device?: number;
  /** The layout of its rings' frames, PACKET_VERSION. */
  readonly version?: "v1" | "v2" | "v3" | number;
  /** Bytes left free before each packet of a ring, PACKET_RESERVE. */
  readonly reserve?: number;
  /** PACKET_COPY_THRESH: packets above it go to the ordinary queue too, where they do not fit into the ring. */
  readonly copyThreshold?: number;
  /** The clock of a ring's timestamps, PACKET_TIMESTAMP: SOF_TIMESTAMPING_… bits. */
  readonly timestamp?: number;
  readonly flags?: readonly (PacketSocketFlag | number)[];
  /** What it has its links hear beside their own address. */
  readonly multicast?: readonly PacketMembership[];
  readonly receiveRing?: PacketRingLayout;
  readonly sendRing?: PacketRingLayout;
  readonly fanout?: PacketFanout;
  /** Who made it. */
  readonly userId?: number;
  readonly memory?: SkMemInfo;
  /**
   * The classic BPF program that it hears by; left out where it has none. `"hidden"` where the kernel does not tell: it
   * needs CAP_NET_ADMIN, and a program of more than about 4,000 instructions has no room in its messages, which hides those
   * of the sockets behind it too.
   */
  readonly filter?: readonly FilterInstruction[] | "hidden";
  readonly unknown?: readonly Attribute[];
}

export type PacketSocketType = "raw" | "datagram";

/** A `struct sock_filter`, include/uapi/linux/filter.h. */
export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** PACKET_ADD_MEMBERSHIP */
export interface PacketMembership {
  readonly device: number;
  readonly type: "multicast" | "promiscuous" | "allMulticast" | "unicast" | number;
  /** How often it was added. */
  readonly count: number;
  /** Of `"multicast"` and `"unicast"`; empty for the others, as a rule. */
  readonly address: LinkLayerAddr;
}

/** How a ring was asked for, PACKET_RX_RING and PACKET_TX_RING; the last three are 0 before `"v3"`. */
export interface PacketRingLayout {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly frameBytes: number;
  readonly frames: number;
  readonly retireTimeoutMs: number;
  readonly privateBytes: number;
  /** TP_FT_REQ_FILL_RXHASH is 1. */
  readonly features: number;
}

/** PACKET_FANOUT */
export interface PacketFanout {
  readonly group: number;
  readonly mode: "hash" | "lb" | "cpu" | "rollover" | "rnd" | "qm" | "cbpf" | "ebpf" | number;
}

export type PacketExtension = keyof typeof SHOW;

export interface PacketListOptions extends DumpOptions {
  /** All unless told. The kernel sends all of them. */
  readonly types?: readonly PacketSocketType[] | undefined;
  /** What is asked for beside what the kernel always tells; all of it unless told. */
  readonly with?: readonly PacketExtension[] | undefined;
}

/** PACKET_SHOW_… */
const SHOW = {
  /** From `device` to `flags`, and `userId`. */
  info: 0x01,
  multicast: 0x02,
  /** `receiveRing`, `sendRing` */
  rings: 0x04,
  fanout: 0x08,
  memory: 0x10,
  filter: 0x20,
} as const;

const TYPE = words({ raw: 3, datagram: 2 }, 255);
const VERSION = words({ v1: 0, v2: 1, v3: 2 }, 0xffff_ffff);
const MEMBERSHIP = words({ multicast: 0, promiscuous: 1, allMulticast: 2, unicast: 3 }, 0xffff);
const FANOUT = words({ hash: 0, lb: 1, cpu: 2, rollover: 3, rnd: 4, qm: 5, cbpf: 6, ebpf: 7 }, 0xffff);
/** PDI_… */
const FLAGS = flagWords({ running: 0x01, auxData: 0x02, origDev: 0x04, vnetHdr: 0x08, loss: 0x10 });
export type PacketSocketFlag = Exclude<ReturnType<(typeof FLAGS)["list"]>[number], number>;

const MODULE = { name: "packet_diag", config: "CONFIG_PACKET_DIAG" };
const REQUEST_LEN = 20;
/** `sizeof(struct packet_diag_msg)` */
const HEADER_LEN = 16;

const info = words32("index", "version", "reserve", "copyThreshold", "timestamp", "flags");
const ring = words32(
  "blockBytes",
  "blocks",
  "frameBytes",
  "frames",
  "retireTimeoutMs",
  "privateBytes",
  "features",
);

/** `struct packet_diag_mclist`, one after another. */
const MEMBERSHIP_LEN = 44;
const memberships: AttributeType<PacketMembership[]> = {
  decode(bytes, start, end) {
    if ((end - start) % MEMBERSHIP_LEN !== 0) return undefined;
    const list: PacketMembership[] = [];
    for (let at = start; at < end; at += MEMBERSHIP_LEN) {
      const address = bytes.slice(at + 12, at + 12 + Math.min(get16(bytes, at + 10), 32));
      list.push({
        device: get32(bytes, at),
        count: get32(bytes, at + 4),
        type: MEMBERSHIP.word(get16(bytes, at + 8)),
        address: address.length === 6 ? MacAddr.fromBytes(address) : address,
      });
    }
    return list;
  },
  encode: readOnly,
};

const fanout: AttributeType<PacketFanout> = {
  decode(bytes, start, end) {
    if (end - start !== 4) return undefined;
    return { group: get16(bytes, start), mode: FANOUT.word(get16(bytes, start + 2)) };
  },
  encode: readOnly,
};

/** An array of `struct sock_filter`. */
const program: AttributeType<FilterInstruction[]> = {
  decode(bytes, start, end) {
    if ((end - start) % 8 !== 0) return undefined;
    const instructions: FilterInstruction[] = [];
    for (let at = start; at < end; at += 8) {
      const [jt, jf] = [bytes[at + 2] as number, bytes[at + 3] as number];
      instructions.push({ code: get16(bytes, at), jt, jf, k: get32(bytes, at + 4) });
    }
    return instructions;
  },
  encode: readOnly,
};

/** PACKET_DIAG_…, whose numbers begin with 0. */
const PACKET = attributeTable("PACKET_DIAG_", {
  INFO: [0, info],
  MCLIST: [1, memberships],
  RX_RING: [2, ring],
  TX_RING: [3, ring],
  FANOUT: [4, fanout],
  UID: [5, u32],
  MEMINFO: [6, memory],
  FILTER: [7, program],
});

/**
 * One socket from a `struct packet_diag_msg` and its attributes.
 * @throws {WireError} where they are none
 */
export function decodePacketSocket(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): PacketSocketInfo {
  checkHeader("packet_diag", AF_PACKET, HEADER_LEN, bytes, start, end);
  const a = PACKET.decode(bytes, start + HEADER_LEN, end);
  const { INFO, FILTER } = a;
  return {
    family: "packet",
    type: TYPE.word(bytes[start + 1] as number),
    protocol: get16(bytes, start + 2),
    inode: BigInt(get32(bytes, start + 4)),
    cookie: cookieAt(bytes, start + 8),
    ...(INFO !== undefined && {
      device: INFO.index,
      version: VERSION.word(INFO.version),
      reserve: INFO.reserve,
      copyThreshold: INFO.copyThreshold,
      timestamp: INFO.timestamp,
      flags: FLAGS.list(INFO.flags),
    }),
    ...(a.MCLIST !== undefined && { multicast: a.MCLIST }),
    ...(a.RX_RING !== undefined && { receiveRing: a.RX_RING }),
    ...(a.TX_RING !== undefined && { sendRing: a.TX_RING }),
    ...(a.FANOUT !== undefined && { fanout: a.FANOUT }),
    ...(a.UID !== undefined && { userId: a.UID }),
    ...(a.MEMINFO !== undefined && { memory: a.MEMINFO }),
    // An empty program stands for one that the asker may not see, or for none.
    ...(FILTER !== undefined && { filter: FILTER.length === 0 ? ("hidden" as const) : FILTER }),
    ...(a.unknown !== undefined && { unknown: a.unknown }),
  };
}

/** The packet sockets of the namespace. @throws {NetlinkError} @throws {TypeError} for a word that is none */
export async function listPacket(
  socket: NetlinkSocket,
  options: PacketListOptions = {},
): Promise<PacketSocketInfo[]> {
  const show = wantedBits(SHOW, options.with);
  const types = wantedTypes(TYPE, options.types);
  const dump = (bits: number): Promise<PacketSocketInfo[]> =>
    dumpFamily(
      socket,
      requestOf(bits),
      ({ bytes, start, end }) =>
        types?.includes(bytes[start + 1] as number) === false
          ? undefined
          : decodePacketSocket(bytes, start, end),
      options,
      MODULE,
    );
  // What may be longer than a message has room for ends a dump without a word. So it is asked for apart, and what all
  // have is always whole.
  let sockets = await dump(show & ~(SHOW.filter | SHOW.multicast));
  if (sockets.length === 0) return sockets;
  if ((show & SHOW.multicast) !== 0) {
    const found = byCookie(await dump(SHOW.multicast));
    sockets = sockets.map((one) => {
      const multicast = found.get(one.cookie)?.multicast;
      return multicast === undefined ? one : { ...one, multicast };
    });
  }
  if ((show & SHOW.filter) !== 0) {
    const found = byCookie(await dump(SHOW.filter));
    sockets = sockets.map((one) => {
      const told = found.get(one.cookie);
      const filter = told === undefined ? "hidden" : told.filter;
      return filter === undefined ? one : { ...one, filter };
    });
  }
  return sockets;
}

function byCookie(sockets: readonly PacketSocketInfo[]): Map<bigint, PacketSocketInfo> {
  return new Map(sockets.map((one) => [one.cookie, one]));
}

/** `struct packet_diag_req` */
function requestOf(show: number): NetlinkRequest {
  const payload = new Uint8Array(REQUEST_LEN);
  payload.set([AF_PACKET]);
  payload.set([show], 8);
  return { type: SOCK_DIAG_BY_FAMILY, payload, name: "SOCK_DIAG_BY_FAMILY", subject: "packet" };
}
