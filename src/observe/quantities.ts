/** Everything that a sample says of one end of a connection: its name, its unit, and where it comes from. */

/** `bytes`, `segments`, `µs`, `bytes/s`, or plain counts. */
export type Unit = "bytes" | "segments" | "packets" | "µs" | "bytes/s" | "count";

/** One of the things that are measured. */
export interface Quantity {
  /** For people, in a few words. */
  readonly label: string;
  readonly unit: Unit;
  /** `"send"` is what this end sends, `"receive"` what it receives. */
  readonly direction: "send" | "receive";
  /** Which of the kernel's or the program's own counts it is. */
  readonly source: string;
}

const send = (label: string, unit: Unit, source: string): Quantity => ({
  label,
  unit,
  direction: "send",
  source,
});
const receive = (label: string, unit: Unit, source: string): Quantity => ({
  label,
  unit,
  direction: "receive",
  source,
});

/**
 * The quantities of an {@link EndSample}. Sizes of data are payload, without the sequence numbers that SYN and FIN take; those that
 * are called memory are what the kernel's structures take (truesize), which is more.
 * @see include/uapi/linux/tcp.h, struct tcp_info; include/uapi/linux/sock_diag.h, SK_MEMINFO; man 7 tcp
 */
export const QUANTITIES = {
  /** Written by the program, in bytes. */
  writtenBytes: send(
    "written by the program",
    "bytes",
    "the stream's bytesWritten, or acknowledged + in flight + not sent",
  ),
  /** Written, not sent, in bytes. */
  notSentBytes: send("written, not sent", "bytes", "tcpi_notsent_bytes (SIOCOUTQNSD)"),
  /** Sent, not acknowledged, in bytes. */
  inFlightBytes: send("sent, not acknowledged", "bytes", "SIOCOUTQ - tcpi_notsent_bytes"),
  /** Acknowledged, in bytes. */
  ackedBytes: send(
    "acknowledged",
    "bytes",
    "tcpi_bytes_sent - tcpi_bytes_retrans - in flight, at most tcpi_bytes_acked",
  ),
  /** Segments with data sent. */
  sentSegments: send("segments with data sent", "segments", "tcpi_data_segs_out"),
  /** Send buffer taken, in bytes. */
  sendMemoryBytes: send("send buffer taken", "bytes", "SK_MEMINFO wmem_queued (truesize)"),
  /** Send buffer, in bytes. */
  sendMemoryTotalBytes: send("send buffer", "bytes", "SK_MEMINFO sndbuf (SO_SNDBUF)"),
  /** Window seen, in bytes. */
  windowSeenBytes: send("window seen", "bytes", "tcpi_snd_wnd"),
  /** Congestion window, in segments. */
  congestionWindowSegments: send("congestion window", "segments", "tcpi_snd_cwnd"),
  /** Congestion window, in bytes. */
  congestionWindowBytes: send("congestion window", "bytes", "tcpi_snd_cwnd × tcpi_snd_mss"),
  /** Slow start threshold, in segments. */
  slowStartThresholdSegments: send(
    "slow start threshold",
    "segments",
    "tcpi_snd_ssthresh; undefined before any loss",
  ),
  /** Segments in flight. */
  inFlightSegments: send(
    "segments in flight",
    "segments",
    "tcpi_unacked - tcpi_sacked - tcpi_lost + tcpi_retrans",
  ),
  /** Segment size, in bytes. */
  mssBytes: send("segment size", "bytes", "tcpi_snd_mss"),
  /** Round-trip time, in microseconds. */
  rttUs: send("round-trip time", "µs", "tcpi_rtt (smoothed)"),
  /** Variance of the round-trip time, in microseconds. */
  rttVarianceUs: send("its variance", "µs", "tcpi_rttvar"),
  /** Least round-trip time, in microseconds. */
  minRttUs: send("least round-trip time", "µs", "tcpi_min_rtt"),
  /** Retransmission timeout, in microseconds. */
  retransmissionTimeoutUs: send("retransmission timeout", "µs", "tcpi_rto"),
  /** Retransmitted, in segments. */
  retransmittedSegments: send("retransmitted", "segments", "tcpi_total_retrans: SYN and FIN count too"),
  /** Retransmitted, in bytes. */
  retransmittedBytes: send("retransmitted", "bytes", "tcpi_bytes_retrans"),
  /** Taken for lost now, in segments. */
  lostSegments: send("taken for lost now", "segments", "tcpi_lost"),
  /** Delivery rate, in bytes a second. */
  deliveryBytesPerSecond: send("delivery rate", "bytes/s", "tcpi_delivery_rate"),
  /** Pacing rate, in bytes a second. */
  pacingBytesPerSecond: send("pacing rate", "bytes/s", "tcpi_pacing_rate; undefined without a limit"),
  /** With something to send, in microseconds. */
  busyUs: send("with something to send", "µs", "tcpi_busy_time"),
  /** Held by the receiver's window, in microseconds. */
  receiverLimitedUs: send("held by the receiver's window", "µs", "tcpi_rwnd_limited"),
  /** Held by the send buffer, in microseconds. */
  sendBufferLimitedUs: send("held by the send buffer", "µs", "tcpi_sndbuf_limited"),
  /** Received, in bytes. */
  receivedBytes: receive("received", "bytes", "tcpi_bytes_received"),
  /** Read by the program, in bytes. */
  readBytes: receive("read by the program", "bytes", "the stream's bytesRead, or received - not read"),
  /** Received, not read, in bytes. */
  receiveQueueBytes: receive("received, not read", "bytes", "SIOCINQ"),
  /** Receive buffer taken, in bytes. */
  receiveMemoryBytes: receive("receive buffer taken", "bytes", "SK_MEMINFO rmem_alloc (truesize)"),
  /** Receive buffer, in bytes. */
  receiveMemoryTotalBytes: receive("receive buffer", "bytes", "SK_MEMINFO rcvbuf (SO_RCVBUF)"),
  /** Window advertised, in bytes. */
  windowAdvertisedBytes: receive("window advertised", "bytes", "tcpi_rcv_wnd"),
  /** Segments with data received. */
  receivedSegments: receive("segments with data received", "segments", "tcpi_data_segs_in"),
  /** Out of order, in packets. */
  outOfOrderPackets: receive("out of order", "packets", "tcpi_rcv_ooopack"),
  /** Round-trip time as the receiver sees it, in microseconds. */
  receiveRttUs: receive("round-trip time as the receiver sees it", "µs", "tcpi_rcv_rtt"),
  /** Dropped for want of room, in packets. */
  droppedPackets: receive("dropped for want of room", "packets", "SK_MEMINFO drops"),
} as const satisfies Readonly<Record<string, Quantity>>;

/** The name of a quantity. */
export type QuantityName = keyof typeof QUANTITIES;

/** What was measured; what this kernel, or this state, does not have is `undefined`. */
export type Quantities = { readonly [Name in keyof typeof QUANTITIES]?: number | undefined };
