/** The options of TCP, level IPPROTO_TCP. The comment of a row is its text in docs/options.md. */
import * as C from "../sys/index.ts";
import {
  bool,
  byteString,
  bytesCount,
  count,
  INT_MAX,
  integer,
  microseconds,
  milliseconds,
  named,
  seconds,
  text,
  u32,
} from "./_option_codecs.ts";
import { ro, rw } from "./_option_row.ts";
import { savedHeaders, tcpInfo } from "./_option_structs.ts";

const keepaliveSeconds = integer(1, 32767, "seconds");

/** What of a SYN is kept; the C has bare numbers. */
const savedFrom = named({ off: 0, network: 1, mac: 2 });

/** Options of TCP, man 7 tcp. */
export const TCP = {
  /**
   * What the congestion control says of itself, a union tcp_cc_info: 20 bytes for "bbr", 16 for "vegas" and
   * "dctcp", none for others. See include/uapi/linux/inet_diag.h.
   */
  CC_INFO: ro("TCP_CC_INFO", C.IPPROTO_TCP, C.TCP_CC_INFO, byteString(64)),
  /**
   * The congestion control algorithm, such as "cubic". Without CAP_NET_ADMIN one of
   * /proc/sys/net/ipv4/tcp_allowed_congestion_control.
   */
  CONGESTION: rw("TCP_CONGESTION", C.IPPROTO_TCP, C.TCP_CONGESTION, text(16)),
  /** Holds back partial segments, for at most 200 ms. */
  CORK: rw("TCP_CORK", C.IPPROTO_TCP, C.TCP_CORK, bool),
  /** Accepts a connection only when data has come, waiting for about so many seconds; read back rounded. */
  DEFER_ACCEPT: rw("TCP_DEFER_ACCEPT", C.IPPROTO_TCP, C.TCP_DEFER_ACCEPT, seconds),
  /**
   * How long an acknowledgement is held back at most, in microseconds, at least two ticks of the kernel and
   * rounded up to such.
   */
  DELACK_MAX_US: rw(
    "TCP_DELACK_MAX_US",
    C.IPPROTO_TCP,
    C.TCP_DELACK_MAX_US,
    integer(1, 200_000, "microseconds"),
    { since: "6.15" },
  ),
  /** On a listener: how many Fast Open requests may be pending. */
  FASTOPEN: rw("TCP_FASTOPEN", C.IPPROTO_TCP, C.TCP_FASTOPEN, count),
  /**
   * Makes connect wait for the first write, and sends that data with the SYN where a cookie is known. To be
   * set before connect.
   */
  FASTOPEN_CONNECT: rw("TCP_FASTOPEN_CONNECT", C.IPPROTO_TCP, C.TCP_FASTOPEN_CONNECT, bool),
  /**
   * On a listener: the key that its Fast Open cookies are made with and, behind it, one whose cookies it
   * still takes; no bytes are the system's keys.
   */
  FASTOPEN_KEY: rw("TCP_FASTOPEN_KEY", C.IPPROTO_TCP, C.TCP_FASTOPEN_KEY, byteString(32, [16, 32])),
  /**
   * Does Fast Open without cookies: on a listener it takes data of anyone, on a client it sends it to a
   * server of which no cookie is known.
   */
  FASTOPEN_NO_COOKIE: rw("TCP_FASTOPEN_NO_COOKIE", C.IPPROTO_TCP, C.TCP_FASTOPEN_NO_COOKIE, bool),
  /** The kernel's account of the connection; its length grows with the kernel. */
  INFO: ro("TCP_INFO", C.IPPROTO_TCP, C.TCP_INFO, tcpInfo),
  /** Tells with each read how many bytes are left, as a control message of type TCP_CM_INQ. */
  INQ: rw("TCP_INQ", C.IPPROTO_TCP, C.TCP_INQ, bool),
  /** Whether the connection is one of Multipath TCP, and has not fallen back to TCP. */
  IS_MPTCP: ro("TCP_IS_MPTCP", C.IPPROTO_TCP, C.TCP_IS_MPTCP, bool, { since: "6.10" }),
  /** How many keepalive probes without answer end the connection. */
  KEEPCNT: rw("TCP_KEEPCNT", C.IPPROTO_TCP, C.TCP_KEEPCNT, integer(1, 127, "probes")),
  /** Seconds of silence before the first keepalive probe. */
  KEEPIDLE: rw("TCP_KEEPIDLE", C.IPPROTO_TCP, C.TCP_KEEPIDLE, keepaliveSeconds),
  /** Seconds between keepalive probes. */
  KEEPINTVL: rw("TCP_KEEPINTVL", C.IPPROTO_TCP, C.TCP_KEEPINTVL, keepaliveSeconds),
  /** How long an orphaned connection stays in FIN-WAIT-2, in seconds; -1 is not at all. */
  LINGER2: rw("TCP_LINGER2", C.IPPROTO_TCP, C.TCP_LINGER2, integer(-1, INT_MAX, "seconds")),
  /** The most payload of a segment in bytes; after connect, what is in use. */
  MAXSEG: rw("TCP_MAXSEG", C.IPPROTO_TCP, C.TCP_MAXSEG, integer(88, 32767, "bytes")),
  /** Sends small segments at once (no Nagle). */
  NODELAY: rw("TCP_NODELAY", C.IPPROTO_TCP, C.TCP_NODELAY, bool),
  /** The socket counts as writable while fewer bytes than this are unsent; 0 is the system's default. */
  NOTSENT_LOWAT: rw("TCP_NOTSENT_LOWAT", C.IPPROTO_TCP, C.TCP_NOTSENT_LOWAT, integer(0, 0xffffffff, "bytes")),
  /** Acknowledges at once, until the kernel thinks otherwise. */
  QUICKACK: rw("TCP_QUICKACK", C.IPPROTO_TCP, C.TCP_QUICKACK, bool),
  /** The longest wait before data is sent again, in milliseconds. */
  RTO_MAX_MS: rw("TCP_RTO_MAX_MS", C.IPPROTO_TCP, C.TCP_RTO_MAX_MS, integer(1000, 120_000, "milliseconds"), {
    since: "6.15",
  }),
  /**
   * The shortest wait before data is sent again, in microseconds, at least two ticks of the kernel and
   * rounded up to such.
   */
  RTO_MIN_US: rw("TCP_RTO_MIN_US", C.IPPROTO_TCP, C.TCP_RTO_MIN_US, integer(1, 200_000, "microseconds"), {
    since: "6.15",
  }),
  /** On an accepted connection: the headers of its SYN, once; undefined where there are none (any more). */
  SAVED_SYN: ro("TCP_SAVED_SYN", C.IPPROTO_TCP, C.TCP_SAVED_SYN, savedHeaders),
  /**
   * On a listener: keeps the headers of each SYN for SAVED_SYN, from the IP header on ("network") or, since
   * Linux 5.10, from the link's ("mac").
   */
  SAVE_SYN: rw("TCP_SAVE_SYN", C.IPPROTO_TCP, C.TCP_SAVE_SYN, savedFrom),
  /** How often a SYN is sent again. */
  SYNCNT: rw("TCP_SYNCNT", C.IPPROTO_TCP, C.TCP_SYNCNT, integer(1, 127, "retransmissions")),
  /**
   * Does not double the wait before data is sent again while few packets are on the way, at the first six
   * times.
   */
  THIN_LINEAR_TIMEOUTS: rw("TCP_THIN_LINEAR_TIMEOUTS", C.IPPROTO_TCP, C.TCP_THIN_LINEAR_TIMEOUTS, bool),
  /**
   * The clock of the timestamps that this connection sends, RFC 7323: milliseconds, from an offset of its
   * own, modulo 2^32.
   */
  TIMESTAMP: ro("TCP_TIMESTAMP", C.IPPROTO_TCP, C.TCP_TIMESTAMP, u32),
  /** Delays all that is sent by so many microseconds, to play a longer way. */
  TX_DELAY: rw("TCP_TX_DELAY", C.IPPROTO_TCP, C.TCP_TX_DELAY, microseconds, { since: "5.3" }),
  /**
   * The protocol that the kernel speaks on top of TCP, such as "tls"; "" is none. Written on an established
   * connection, and not undone. `ENOENT` where the kernel has no such module.
   */
  ULP: rw("TCP_ULP", C.IPPROTO_TCP, C.TCP_ULP, text(16)),
  /**
   * How long data may stay unacknowledged before the connection ends, in milliseconds; 0 is the system's
   * default.
   */
  USER_TIMEOUT: rw("TCP_USER_TIMEOUT", C.IPPROTO_TCP, C.TCP_USER_TIMEOUT, milliseconds),
  /** The most that the advertised window may grow to, in bytes. */
  WINDOW_CLAMP: rw("TCP_WINDOW_CLAMP", C.IPPROTO_TCP, C.TCP_WINDOW_CLAMP, bytesCount),
} as const;
