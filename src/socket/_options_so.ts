/** The options of every socket, level SOL_SOCKET. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import {
  bool,
  bytesCount,
  count,
  flags,
  INT_MAX,
  int,
  integer,
  microseconds,
  named,
  optional,
  text,
  u32,
  u64,
} from "./_option_codecs.ts";
import { ro, rw, wo } from "./_option_row.ts";
import {
  credentials,
  groups,
  linger,
  memInfo,
  networkInterface,
  pendingError,
  rate,
  rehash,
  timeout,
  txTime,
} from "./_option_structs.ts";

const cpu = optional(integer(0, INT_MAX, "CPU number"), -1);

/** AF_… of sys/socket.h, where the library has a word for it under that. */
const family = named({ unspecified: 0, unix: 1, ipv4: 2, ipv6: 10, netlink: 16, packet: 17, vsock: 40 });

/** SOCK_… of sys/socket.h. */
const type = named({ stream: 1, datagram: 2, raw: 3, rdm: 4, seqpacket: 5 });

/** SOF_TIMESTAMPING_… of include/uapi/linux/net_tstamp.h, v6.18. */
const timestamping = flags({
  "tx-hardware": 1 << 0,
  "tx-software": 1 << 1,
  "rx-hardware": 1 << 2,
  "rx-software": 1 << 3,
  software: 1 << 4,
  "sys-hardware": 1 << 5,
  "raw-hardware": 1 << 6,
  "opt-id": 1 << 7,
  "tx-sched": 1 << 8,
  "tx-ack": 1 << 9,
  "opt-cmsg": 1 << 10,
  "opt-tsonly": 1 << 11,
  "opt-stats": 1 << 12,
  "opt-pktinfo": 1 << 13,
  "opt-tx-swhw": 1 << 14,
  "bind-phc": 1 << 15,
  "opt-id-tcp": 1 << 16,
  "opt-rx-filter": 1 << 17,
  "tx-completion": 1 << 18,
});

/** SOCK_SNDBUF_LOCK and SOCK_RCVBUF_LOCK of include/uapi/linux/socket.h. */
const locks = flags({ sndbuf: 1, rcvbuf: 2 });

/** Options of every socket, man 7 socket and man 7 unix. */
export const SO = {
  /** Whether it listens. */
  ACCEPTCONN: ro("SO_ACCEPTCONN", C.SOL_SOCKET, C.SO_ACCEPTCONN, bool),
  /**
   * The interface, by name, whose packets alone the socket takes and that it sends by; "" is none. Whoever
   * has not CAP_NET_RAW can set it once.
   */
  BINDTODEVICE: rw("SO_BINDTODEVICE", C.SOL_SOCKET, C.SO_BINDTODEVICE, text(16)),
  /** As BINDTODEVICE, by index; 0 is none. The kernel takes an index that no interface has. */
  BINDTOIFINDEX: rw("SO_BINDTOIFINDEX", C.SOL_SOCKET, C.SO_BINDTOIFINDEX, networkInterface, {
    since: "5.1",
  }),
  /** How many extensions of BPF this kernel has: offsets from SKF_AD_OFF on that a packet filter may load. */
  BPF_EXTENSIONS: ro("SO_BPF_EXTENSIONS", C.SOL_SOCKET, C.SO_BPF_EXTENSIONS, int),
  /** Allows sending to broadcast addresses. */
  BROADCAST: rw("SO_BROADCAST", C.SOL_SOCKET, C.SO_BROADCAST, bool, { on: ["udp", "raw"] }),
  /**
   * Which of its buffers have the size that was set: the kernel does not tune those. Written, it fixes a
   * buffer at its size or hands it back to the kernel.
   */
  BUF_LOCK: rw("SO_BUF_LOCK", C.SOL_SOCKET, C.SO_BUF_LOCK, locks, { since: "5.15" }),
  /**
   * For how long a call that would wait polls the device itself, in microseconds; 0 is not at all. A
   * non-blocking call polls once. Only raising it is privileged.
   */
  BUSY_POLL: rw("SO_BUSY_POLL", C.SOL_SOCKET, C.SO_BUSY_POLL, microseconds, { needs: "CAP_NET_ADMIN" }),
  /**
   * How many packets one round of busy polling takes at most. It cannot be read. Only raising it beyond 8 is
   * privileged.
   */
  BUSY_POLL_BUDGET: wo(
    "SO_BUSY_POLL_BUDGET",
    C.SOL_SOCKET,
    C.SO_BUSY_POLL_BUDGET,
    integer(0, 0xffff, "packets"),
    { since: "5.11", needs: "CAP_NET_ADMIN" },
  ),
  /** A number that no other socket of this boot has. */
  COOKIE: ro("SO_COOKIE", C.SOL_SOCKET, C.SO_COOKIE, u64),
  /** Makes kernels that were built for it record what the socket does. */
  DEBUG: rw("SO_DEBUG", C.SOL_SOCKET, C.SO_DEBUG, bool, { needs: "CAP_NET_ADMIN" }),
  /** The address family. */
  DOMAIN: ro("SO_DOMAIN", C.SOL_SOCKET, C.SO_DOMAIN, family),
  /** Sends only to directly connected networks, past no gateway. */
  DONTROUTE: rw("SO_DONTROUTE", C.SOL_SOCKET, C.SO_DONTROUTE, bool),
  /** The pending error, which reading clears. */
  ERROR: ro("SO_ERROR", C.SOL_SOCKET, C.SO_ERROR, pendingError),
  /**
   * The CPU that handled the last packet of this socket; undefined before the first. Written on listeners and
   * datagram sockets with REUSEPORT, it says which one gets the packets that this CPU handles.
   */
  INCOMING_CPU: rw("SO_INCOMING_CPU", C.SOL_SOCKET, C.SO_INCOMING_CPU, cpu),
  /**
   * The number of the device queue (NAPI instance) that the last packet came by; 0 is unknown, as on
   * loopback.
   */
  INCOMING_NAPI_ID: ro("SO_INCOMING_NAPI_ID", C.SOL_SOCKET, C.SO_INCOMING_NAPI_ID, u32),
  /**
   * Tells with each read how many bytes are left, as a control message of type SCM_INQ. It cannot be read. On
   * stream sockets.
   */
  INQ: wo("SO_INQ", C.SOL_SOCKET, C.SO_INQ, bool, { since: "6.17", on: ["unix"] }),
  /** Asks a silent peer whether it is still there; see TCP.KEEPIDLE. */
  KEEPALIVE: rw("SO_KEEPALIVE", C.SOL_SOCKET, C.SO_KEEPALIVE, bool),
  /**
   * How long close waits for data to be sent and acknowledged, in seconds; undefined is off, and close
   * returns at once while the kernel goes on sending; 0 resets the connection and throws away what is unsent.
   * On Linux close waits on non-blocking sockets, too: more than 0 holds up the whole thread.
   */
  LINGER: rw("SO_LINGER", C.SOL_SOCKET, C.SO_LINGER, linger),
  /** Forbids that the socket's filter is changed or taken off. It cannot be undone. */
  LOCK_FILTER: rw("SO_LOCK_FILTER", C.SOL_SOCKET, C.SO_LOCK_FILTER, bool),
  /** The mark of its packets, for routing rules and firewalls. */
  MARK: rw("SO_MARK", C.SOL_SOCKET, C.SO_MARK, u32, { needs: "CAP_NET_ADMIN or CAP_NET_RAW" }),
  /**
   * The most bytes per second that the socket is paced at, by TCP itself or by the queueing discipline fq;
   * undefined is no limit.
   */
  MAX_PACING_RATE: rw("SO_MAX_PACING_RATE", C.SOL_SOCKET, C.SO_MAX_PACING_RATE, rate),
  /** The socket's memory, in bytes of truesize, which exceeds the payload; `drops` counts packets. */
  MEMINFO: ro("SO_MEMINFO", C.SOL_SOCKET, C.SO_MEMINFO, memInfo),
  /** A number that no other network namespace of this boot has. */
  NETNS_COOKIE: ro("SO_NETNS_COOKIE", C.SOL_SOCKET, C.SO_NETNS_COOKIE, u64, { since: "5.14" }),
  /** Takes the last 4 bytes of a frame as its checksum (FCS), for devices that can leave it to the sender. */
  NOFCS: rw("SO_NOFCS", C.SOL_SOCKET, C.SO_NOFCS, bool, { on: ["packet"] }),
  /** Leaves out the checksum of UDP over IPv4, which is optional (RFC 768); see UDP.NO_CHECK6_TX for IPv6. */
  NO_CHECK: rw("SO_NO_CHECK", C.SOL_SOCKET, C.SO_NO_CHECK, bool, { on: ["udp"] }),
  /** Puts urgent data into the stream. */
  OOBINLINE: rw("SO_OOBINLINE", C.SOL_SOCKET, C.SO_OOBINLINE, bool, { on: ["tcp"] }),
  /**
   * Tells with each message who sent it, as the kernel vouches for it: `credentials` of the ancillary data.
   */
  PASSCRED: rw("SO_PASSCRED", C.SOL_SOCKET, C.SO_PASSCRED, bool, { on: ["unix", "netlink"] }),
  /** Gives with each message an open file that stands for its sender: `pidfd` of the ancillary data. */
  PASSPIDFD: rw("SO_PASSPIDFD", C.SOL_SOCKET, C.SO_PASSPIDFD, bool, {
    since: "6.5",
    on: ["unix", "netlink"],
  }),
  /** Whether files can be passed to this socket, which they can at first; the kernel drops them where not. */
  PASSRIGHTS: rw("SO_PASSRIGHTS", C.SOL_SOCKET, C.SO_PASSRIGHTS, bool, { since: "6.16", on: ["unix"] }),
  /** Tells with each message the security label of its sender, as a control message of type SCM_SECURITY. */
  PASSSEC: rw("SO_PASSSEC", C.SOL_SOCKET, C.SO_PASSSEC, bool, { on: ["unix", "netlink"] }),
  /**
   * Where the next peek starts, in bytes from the front of the queue. Peeking moves it on, and reading moves
   * it back; undefined is always the front. TCP has it since Linux 6.9.
   */
  PEEK_OFF: rw("SO_PEEK_OFF", C.SOL_SOCKET, C.SO_PEEK_OFF, optional(integer(0, INT_MAX, "bytes"), -1), {
    on: ["unix", "udp", "tcp"],
  }),
  /**
   * The process on the other side when it connected, listened or made the pair; undefined where there is
   * none.
   */
  PEERCRED: ro("SO_PEERCRED", C.SOL_SOCKET, C.SO_PEERCRED, credentials, { on: ["unix"] }),
  /** The supplementary groups of that process. `ENODATA` where there is none. */
  PEERGROUPS: ro("SO_PEERGROUPS", C.SOL_SOCKET, C.SO_PEERGROUPS, groups, { on: ["unix"] }),
  /**
   * The security label of the other side, such as SELinux gives; `ENOPROTOOPT` where no security module
   * labels sockets.
   */
  PEERSEC: ro("SO_PEERSEC", C.SOL_SOCKET, C.SO_PEERSEC, text(4096), { on: ["unix", "tcp"] }),
  /**
   * Leaves the device's interrupts off while an application polls it often enough. Only setting it to true is
   * privileged.
   */
  PREFER_BUSY_POLL: rw("SO_PREFER_BUSY_POLL", C.SOL_SOCKET, C.SO_PREFER_BUSY_POLL, bool, {
    since: "5.11",
    needs: "CAP_NET_ADMIN",
  }),
  /** The priority for queueing, 0 to 6 without CAP_NET_ADMIN or CAP_NET_RAW. */
  PRIORITY: rw("SO_PRIORITY", C.SOL_SOCKET, C.SO_PRIORITY, count),
  /** The protocol, such as 6 for TCP and 17 for UDP. */
  PROTOCOL: ro("SO_PROTOCOL", C.SOL_SOCKET, C.SO_PROTOCOL, int),
  /**
   * The receive buffer in bytes, up to /proc/sys/net/core/rmem_max. The kernel doubles what is set, for its
   * own bookkeeping, and then no longer tunes it.
   */
  RCVBUF: rw("SO_RCVBUF", C.SOL_SOCKET, C.SO_RCVBUF, bytesCount),
  /** The receive buffer in bytes beyond that limit; read it as RCVBUF. */
  RCVBUFFORCE: wo("SO_RCVBUFFORCE", C.SOL_SOCKET, C.SO_RCVBUFFORCE, bytesCount, {
    needs: "CAP_NET_ADMIN",
  }),
  /** How many bytes must have come before the socket counts as readable. */
  RCVLOWAT: rw("SO_RCVLOWAT", C.SOL_SOCKET, C.SO_RCVLOWAT, bytesCount),
  /** Tells with each message the mark of its packet, as a control message of type SO_MARK. */
  RCVMARK: rw("SO_RCVMARK", C.SOL_SOCKET, C.SO_RCVMARK, bool, {
    since: "5.19",
    needs: "CAP_NET_ADMIN or CAP_NET_RAW",
  }),
  /** Tells with each message the priority of its packet, as a control message of type SO_PRIORITY. */
  RCVPRIORITY: rw("SO_RCVPRIORITY", C.SOL_SOCKET, C.SO_RCVPRIORITY, bool, { since: "6.14" }),
  /**
   * How long a blocking read or accept waits, in milliseconds, rounded up to the kernel's tick; 0 is for
   * ever. It does nothing on a non-blocking socket, as those of `windsock` are, and those of
   * `windsock/blocking` keep it for themselves: it is for an fd that was given away and made blocking.
   */
  RCVTIMEO: rw("SO_RCVTIMEO", C.SOL_SOCKET, C.SO_RCVTIMEO, timeout),
  /**
   * Memory that is set aside for this socket, in bytes, rounded up to pages; charged to the memory control
   * group, without which it is `EOPNOTSUPP`.
   */
  RESERVE_MEM: rw("SO_RESERVE_MEM", C.SOL_SOCKET, C.SO_RESERVE_MEM, bytesCount, { since: "5.16" }),
  /**
   * Lets bind take an address that is still in TIME_WAIT. For UDP, as REUSEPORT without its check of the
   * user.
   */
  REUSEADDR: rw("SO_REUSEADDR", C.SOL_SOCKET, C.SO_REUSEADDR, bool),
  /**
   * Lets several sockets of one user bind the same address and share its traffic. To be set on each before
   * bind.
   */
  REUSEPORT: rw("SO_REUSEPORT", C.SOL_SOCKET, C.SO_REUSEPORT, bool),
  /** Tells with each message how many the socket has dropped so far: `drops` of the ancillary data. */
  RXQ_OVFL: rw("SO_RXQ_OVFL", C.SOL_SOCKET, C.SO_RXQ_OVFL, bool, { on: ["udp", "raw", "packet"] }),
  /** Makes poll(2) say POLLPRI besides POLLERR when there is something in the error queue. */
  SELECT_ERR_QUEUE: rw("SO_SELECT_ERR_QUEUE", C.SOL_SOCKET, C.SO_SELECT_ERR_QUEUE, bool),
  /** The send buffer in bytes, up to /proc/sys/net/core/wmem_max; doubled as RCVBUF is. */
  SNDBUF: rw("SO_SNDBUF", C.SOL_SOCKET, C.SO_SNDBUF, bytesCount),
  /** The send buffer in bytes beyond that limit; read it as SNDBUF. */
  SNDBUFFORCE: wo("SO_SNDBUFFORCE", C.SOL_SOCKET, C.SO_SNDBUFFORCE, bytesCount, {
    needs: "CAP_NET_ADMIN",
  }),
  /**
   * How many bytes must be free before the socket counts as writable: always 1 on Linux; see
   * TCP.NOTSENT_LOWAT.
   */
  SNDLOWAT: ro("SO_SNDLOWAT", C.SOL_SOCKET, C.SO_SNDLOWAT, bytesCount),
  /** How long a blocking write or connect waits, in milliseconds; as RCVTIMEO. */
  SNDTIMEO: rw("SO_SNDTIMEO", C.SOL_SOCKET, C.SO_SNDTIMEO, timeout),
  /**
   * Tells with each message when it came, as a control message with a struct timeval. TIMESTAMPNS is finer;
   * the one that is set later holds.
   */
  TIMESTAMP: rw("SO_TIMESTAMP", C.SOL_SOCKET, C.SO_TIMESTAMP, bool),
  /**
   * Which times of which packets are taken and told, sent ones through the error queue: `timestamps` of the
   * ancillary data. The first words say where times are taken, `software` and `raw-hardware` that they are
   * told. See Documentation/networking/timestamping.rst of the kernel.
   */
  TIMESTAMPING: rw("SO_TIMESTAMPING", C.SOL_SOCKET, C.SO_TIMESTAMPING, timestamping),
  /** Tells with each message when it came, in nanoseconds: `timestampNs` of the ancillary data. */
  TIMESTAMPNS: rw("SO_TIMESTAMPNS", C.SOL_SOCKET, C.SO_TIMESTAMPNS, bool),
  /**
   * Whether TCP tries another path, by another hash, when a segment is lost. "default" is the system's
   * setting, and at once read as what that is.
   */
  TXREHASH: rw("SO_TXREHASH", C.SOL_SOCKET, C.SO_TXREHASH, rehash, { since: "5.18", on: ["tcp"] }),
  /**
   * Lets a control message of type SCM_TXTIME say when a message is to leave, for the queueing disciplines
   * etf and fq. Clocks other than "monotonic" need CAP_NET_ADMIN.
   */
  TXTIME: rw("SO_TXTIME", C.SOL_SOCKET, C.SO_TXTIME, txTime, { since: "4.19" }),
  /** Stream, datagram and so on. */
  TYPE: ro("SO_TYPE", C.SOL_SOCKET, C.SO_TYPE, type),
  /** Tells through the error queue whether a wireless station acknowledged a frame. */
  WIFI_STATUS: rw("SO_WIFI_STATUS", C.SOL_SOCKET, C.SO_WIFI_STATUS, bool, { on: ["packet"] }),
  /**
   * Allows sending without a copy (MSG_ZEROCOPY): the kernel then says through the error queue when the
   * memory is free again.
   */
  ZEROCOPY: rw("SO_ZEROCOPY", C.SOL_SOCKET, C.SO_ZEROCOPY, bool, { on: ["tcp", "udp", "raw"] }),
} as const;
