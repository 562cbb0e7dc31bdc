/** Netlink sockets, as netlink_diag tells of them. include/uapi/linux/netlink_diag.h, v6.18; net/netlink/diag.c */
import type { SkMemInfo } from "../../sys/index.ts";
import { flagWords, words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { type AttributeType, u32 } from "../attribute_types.ts";
import { type Attribute, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import type { DumpOptions, NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";
import { checkHeader, cookieAt, dumpFamily, memory, readOnly, wantedBits, words32 } from "./_families.ts";
import { SOCK_DIAG_BY_FAMILY } from "./_inet_constants.ts";

/** A netlink socket. What was not asked for is left out. */
export interface NetlinkSocketInfo {
  readonly family: "netlink";
  readonly type: "raw" | "datagram" | number;
  readonly protocol: NetlinkProtocolName | number;
  /** `"connected"` sockets have told connect(2) whom they send to. */
  readonly state: "unconnected" | "connected" | number;
  /** The address: the pid of the process, as a rule, or a number of the kernel's choice, above 2^31; 0 is the kernel's own. */
  readonly portId: number;
  /** Whom a connected socket sends to. */
  readonly peerPortId: number;
  /** The groups that it sends to, as bits; 0 for none. */
  readonly peerGroups: number;
  /** What /proc/PID/fd shows as `socket:[…]`; the kernel's own have one too, or 0. */
  readonly inode: bigint;
  readonly cookie: bigint;
  /** The numbers of the groups that it has joined, as RTNLGRP_LINK is 1, ascending. */
  readonly groups?: readonly number[];
  readonly memory?: SkMemInfo;
  /** Since Linux 5.3. */
  readonly flags?: readonly (NetlinkSocketFlag | number)[];
  /** Before Linux 4.6. */
  readonly receiveRing?: NetlinkRing;
  readonly sendRing?: NetlinkRing;
  readonly unknown?: readonly Attribute[];
}

export interface NetlinkRing {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly frameBytes: number;
  readonly frames: number;
}

export type NetlinkExtension = keyof typeof SHOW;

export interface NetlinkListOptions extends DumpOptions {
  /** All unless told. */
  readonly protocol?: NetlinkProtocolName | number | undefined;
  /** What is asked for beside what the kernel always tells; all of it unless told. */
  readonly with?: readonly NetlinkExtension[] | undefined;
}

/** NDIAG_SHOW_… */
const SHOW = {
  memory: 0x01,
  groups: 0x02,
  /** `receiveRing`, `sendRing` */
  rings: 0x04,
  flags: 0x08,
} as const;

/** NETLINK_…, include/uapi/linux/netlink.h, v6.18 */
const PROTOCOL = words(
  {
    route: 0,
    unused: 1,
    usersock: 2,
    firewall: 3,
    sockDiag: 4,
    nflog: 5,
    xfrm: 6,
    selinux: 7,
    iscsi: 8,
    audit: 9,
    fibLookup: 10,
    connector: 11,
    netfilter: 12,
    ip6Fw: 13,
    dnrtmsg: 14,
    kobjectUevent: 15,
    generic: 16,
    scsiTransport: 18,
    ecryptfs: 19,
    rdma: 20,
    crypto: 21,
    smc: 22,
  },
  31,
);
export type NetlinkProtocolName = Exclude<ReturnType<(typeof PROTOCOL)["word"]>, number>;

const TYPE = words({ raw: 3, datagram: 2 }, 255);
const STATE = words({ unconnected: 0, connected: 1 }, 255);
/** What a socket begins with that was never connected: TCP_CLOSE, which the kernel gives to all. */
const NEVER_CONNECTED = 7;
/** NDIAG_FLAG_… */
const FLAGS = flagWords({
  dumpRunning: 0x01,
  packetInfo: 0x02,
  broadcastError: 0x04,
  noEnobufs: 0x08,
  listenAllNsid: 0x10,
  capAck: 0x20,
});
export type NetlinkSocketFlag = Exclude<ReturnType<(typeof FLAGS)["list"]>[number], number>;

const AF_NETLINK = 16;
const MODULE = { name: "netlink_diag", config: "CONFIG_NETLINK_DIAG" };
/** NDIAG_PROTO_ALL */
const ALL_PROTOCOLS = 0xff;
const REQUEST_LEN = 20;
/** `sizeof(struct netlink_diag_msg)` */
const HEADER_LEN = 28;

/** A bit for each group, the first one for group 1. */
const groups: AttributeType<number[]> = {
  decode(bytes, start, end) {
    const numbers: number[] = [];
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      for (let bit = 0; byte >> bit !== 0; bit++) {
        if ((byte & (1 << bit)) !== 0) numbers.push(8 * (at - start) + bit + 1);
      }
    }
    return numbers;
  },
  encode: readOnly,
};

const ring = words32("blockBytes", "blocks", "frameBytes", "frames");

/** NETLINK_DIAG_…, whose numbers begin with 0. */
const NETLINK = attributeTable("NETLINK_DIAG_", {
  MEMINFO: [0, memory],
  GROUPS: [1, groups],
  RX_RING: [2, ring],
  TX_RING: [3, ring],
  FLAGS: [4, u32],
});

/**
 * One socket from a `struct netlink_diag_msg` and its attributes.
 * @param asked @internal the NDIAG_SHOW_ bits of the request: that there are no groups says something where they were asked for
 * @throws {WireError} where they are none
 */
export function decodeNetlinkSocket(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  asked: number = SHOW.groups,
): NetlinkSocketInfo {
  checkHeader("netlink_diag", AF_NETLINK, HEADER_LEN, bytes, start, end);
  const state = bytes[start + 3] as number;
  const a = NETLINK.decode(bytes, start + HEADER_LEN, end);
  const joined = a.GROUPS ?? ((asked & SHOW.groups) === 0 ? undefined : []);
  return {
    family: "netlink",
    type: TYPE.word(bytes[start + 1] as number),
    protocol: PROTOCOL.word(bytes[start + 2] as number),
    state: state === NEVER_CONNECTED ? "unconnected" : STATE.word(state),
    portId: get32(bytes, start + 4),
    peerPortId: get32(bytes, start + 8),
    peerGroups: get32(bytes, start + 12),
    inode: BigInt(get32(bytes, start + 16)),
    cookie: cookieAt(bytes, start + 20),
    ...(joined !== undefined && { groups: joined }),
    ...(a.MEMINFO !== undefined && { memory: a.MEMINFO }),
    ...(a.FLAGS !== undefined && { flags: FLAGS.list(a.FLAGS) }),
    ...(a.RX_RING !== undefined && { receiveRing: a.RX_RING }),
    ...(a.TX_RING !== undefined && { sendRing: a.TX_RING }),
    ...(a.unknown !== undefined && { unknown: a.unknown }),
  };
}

/** The netlink sockets of the namespace. @throws {NetlinkError} @throws {TypeError | RangeError} for a word or number that is none */
export async function listNetlink(
  socket: NetlinkSocket,
  options: NetlinkListOptions = {},
): Promise<NetlinkSocketInfo[]> {
  const show = wantedBits(SHOW, options.with);
  const protocol =
    options.protocol === undefined ? ALL_PROTOCOLS : PROTOCOL.number(options.protocol, "protocol");
  const sockets = new Map<bigint, NetlinkSocketInfo>();
  const detailed = new Set<bigint>();
  const dump = async (bits: number): Promise<void> => {
    const take = ({ bytes, start, end }: Message): undefined => {
      const one = decodeNetlinkSocket(bytes, start, end, bits);
      sockets.set(one.cookie, { ...sockets.get(one.cookie), ...one });
      if (bits === show) detailed.add(one.cookie);
    };
    await dumpFamily(socket, requestOf(protocol, bits), take, options, MODULE);
  };
  // The kernel tells twice of sockets that have joined a group, and loses the socket at the end of each part of a dump: its walk has gone on before it sees that there is no
  // room. Where the parts end depends on how long the messages are, so that different questions lose different ones.
  await dump(0);
  if (show !== 0) await dump(show);
  if (detailed.size < sockets.size)
    for (const bit of Object.values(SHOW)) if ((show & bit) !== 0) await dump(bit);
  return [...sockets.values()];
}

/** `struct netlink_diag_req` */
function requestOf(protocol: number, show: number): NetlinkRequest {
  const payload = new Uint8Array(REQUEST_LEN);
  payload.set([AF_NETLINK, protocol]);
  payload.set([show], 8);
  return { type: SOCK_DIAG_BY_FAMILY, payload, name: "SOCK_DIAG_BY_FAMILY", subject: "netlink" };
}
