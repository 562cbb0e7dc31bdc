/** The options of packet sockets, level SOL_PACKET. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import {
  bool,
  bytesCount,
  type Codec,
  checkWhole,
  type Decoder,
  flags,
  integer,
  named,
  readInt,
  writeInt,
  wrongType,
} from "./_option_codecs.ts";
import { ro, rw, wo } from "./_option_row.ts";

/** PACKET_FANOUT_… of include/uapi/linux/if_packet.h. */
export const fanoutMode = named({
  hash: C.PACKET_FANOUT_HASH,
  lb: C.PACKET_FANOUT_LB,
  cpu: C.PACKET_FANOUT_CPU,
  rollover: C.PACKET_FANOUT_ROLLOVER,
  rnd: C.PACKET_FANOUT_RND,
  qm: C.PACKET_FANOUT_QM,
  cbpf: C.PACKET_FANOUT_CBPF,
});
/** PACKET_FANOUT_FLAG_… of include/uapi/linux/if_packet.h. */
export const fanoutFlags = flags({
  rollover: C.PACKET_FANOUT_FLAG_ROLLOVER,
  uniqueid: C.PACKET_FANOUT_FLAG_UNIQUEID,
  "ignore-outgoing": C.PACKET_FANOUT_FLAG_IGNORE_OUTGOING,
  defrag: C.PACKET_FANOUT_FLAG_DEFRAG,
});

/** How the packets are shared among the sockets of a group. */
export type FanoutMode = "hash" | "lb" | "cpu" | "rollover" | "rnd" | "qm" | "cbpf" | number;
export type FanoutFlag = "rollover" | "uniqueid" | "ignore-outgoing" | "defrag" | number;

/** A group of sockets that share packets. */
export interface Fanout {
  /** 0 to 65535; of this network namespace. */
  readonly group: number;
  readonly mode: FanoutMode;
  readonly flags: readonly FanoutFlag[];
}

/** The group in the lower 16 bits, the mode and the flags above. 0 is no group, or group 0 by hash. */
const fanout: Codec<Fanout, Pick<Fanout, "group" | "mode"> & Partial<Fanout>> = {
  size: 4,
  values: `{ group; mode: ${fanoutMode.values}; flags: ${fanoutFlags.values} }`,
  decode(bytes) {
    const value = readInt(bytes);
    return {
      group: value & 0xffff,
      mode: fanoutMode.decode(writeInt((value >>> 16) & 0xff)),
      flags: fanoutFlags.decode(writeInt((value >>> 16) & 0xff00)),
    };
  },
  encode(value, name) {
    if (typeof value !== "object" || value === null) throw wrongType(name, "{ group, mode, flags }", value);
    const group = checkWhole(name, value.group, 0, 0xffff, "a group");
    const mode = readInt(fanoutMode.encode(value.mode, name));
    const set = readInt(fanoutFlags.encode(value.flags ?? [], name));
    return writeInt(group | ((mode | set) << 16));
  },
};

/** What a packet socket has seen. */
export interface PacketStatistics {
  /** Packets that passed the filter: those that were dropped, too. */
  readonly packets: number;
  /** Packets that were dropped, since there was no room for them. */
  readonly drops: number;
  /** How often a ring was full (TPACKET_V3). `undefined` without a ring. */
  readonly freezeCount: number | undefined;
}

const statistics: Decoder<PacketStatistics> = {
  size: C.tpacket_stats_v3.size,
  values: "PacketStatistics: packets",
  decode(bytes) {
    const { tp_packets, tp_drops, tp_freeze_q_cnt } = C.tpacket_stats_v3.decodePrefix(bytes);
    return { packets: tp_packets ?? 0, drops: tp_drops ?? 0, freezeCount: tp_freeze_q_cnt };
  },
};

/** How many packets a full socket has passed on to others of its group. */
export interface RolloverStatistics {
  readonly all: bigint;
  /** Of large flows. */
  readonly huge: bigint;
  /** That no other socket had room for. */
  readonly failed: bigint;
}

const rolloverStatistics: Decoder<RolloverStatistics> = {
  size: C.tpacket_rollover_stats.size,
  values: "{ all; huge; failed }: packets, bigint",
  decode(bytes) {
    const { tp_all, tp_huge, tp_failed } = C.tpacket_rollover_stats.decode(bytes);
    return { all: tp_all, huge: tp_huge, failed: tp_failed };
  },
};

/** SOF_TIMESTAMPING_… of include/uapi/linux/net_tstamp.h, those that a ring heeds. */
const timestamp = flags({ software: 1 << 4, "raw-hardware": 1 << 6 });

/** Options of packet sockets, man 7 packet. */
export const PACKET = {
  /** Tells beside each packet its length, its VLAN tag and the state of its checksum. */
  AUXDATA: rw("PACKET_AUXDATA", C.SOL_PACKET, C.PACKET_AUXDATA, bool),
  /** Above so many bytes a packet that is cut to fit a ring's frame is queued whole, too. Not for rings of version 3. */
  COPY_THRESH: wo("PACKET_COPY_THRESH", C.SOL_PACKET, C.PACKET_COPY_THRESH, bytesCount),
  /**
   * Joins a group of sockets that share the packets; all of them are bound to the same interface and protocol. It cannot
   * be left.
   */
  FANOUT: rw("PACKET_FANOUT", C.SOL_PACKET, C.PACKET_FANOUT, fanout),
  /** Leaves out the packets that this host sends. */
  IGNORE_OUTGOING: rw("PACKET_IGNORE_OUTGOING", C.SOL_PACKET, C.PACKET_IGNORE_OUTGOING, bool, {
    since: "4.20",
  }),
  /** Skips malformed packets in a ring for sending, where they would stop it. Only before there is a ring. */
  LOSS: rw("PACKET_LOSS", C.SOL_PACKET, C.PACKET_LOSS, bool),
  /** Tells the interface that a packet came in by first, where a bond or a bridge has taken it over. */
  ORIGDEV: rw("PACKET_ORIGDEV", C.SOL_PACKET, C.PACKET_ORIGDEV, bool),
  /** Sends past the queueing disciplines: faster, and without their limits; what the device has no room for is lost. */
  QDISC_BYPASS: rw("PACKET_QDISC_BYPASS", C.SOL_PACKET, C.PACKET_QDISC_BYPASS, bool),
  /** Room in front of each packet in a ring, in bytes. Only before there is a ring. */
  RESERVE: rw("PACKET_RESERVE", C.SOL_PACKET, C.PACKET_RESERVE, bytesCount),
  /** What a group with "rollover" has passed on from this socket. */
  ROLLOVER_STATS: ro("PACKET_ROLLOVER_STATS", C.SOL_PACKET, C.PACKET_ROLLOVER_STATS, rolloverStatistics),
  /** What was received and dropped since this was last read: reading resets it. See `PacketSocket.statistics()`. */
  STATISTICS: ro("PACKET_STATISTICS", C.SOL_PACKET, C.PACKET_STATISTICS, statistics),
  /** The clock that the times in a ring are of. */
  TIMESTAMP: rw("PACKET_TIMESTAMP", C.SOL_PACKET, C.PACKET_TIMESTAMP, timestamp),
  /** Lets each packet of a ring for sending say where in its frame it begins. Only before there is a ring. */
  TX_HAS_OFF: rw("PACKET_TX_HAS_OFF", C.SOL_PACKET, C.PACKET_TX_HAS_OFF, bool),
  /** The layout of a ring. Only before there is a ring. */
  VERSION: rw("PACKET_VERSION", C.SOL_PACKET, C.PACKET_VERSION, named({ v1: 0, v2: 1, v3: 2 })),
  /**
   * Puts a struct virtio_net_hdr in front of each packet, both ways: what is still to be cut into segments, and which
   * checksum is to be filled in. Not with version 3, and not on sockets of type "datagram".
   */
  VNET_HDR: rw("PACKET_VNET_HDR", C.SOL_PACKET, C.PACKET_VNET_HDR, bool),
  /** As VNET_HDR, with the size of that header: 0, 10, or 12 with the number of buffers. */
  VNET_HDR_SZ: rw("PACKET_VNET_HDR_SZ", C.SOL_PACKET, C.PACKET_VNET_HDR_SZ, integer(0, 12, "bytes"), {
    since: "6.4",
  }),
} as const;
