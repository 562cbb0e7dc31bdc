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
  writtenBytes: send(
    "written by the program",
    "bytes",
    "the stream's bytesWritten, or acknowledged + in flight + not sent",
  ),
  notSentBytes: send("written, not sent", "bytes", "tcpi_notsent_bytes (SIOCOUTQNSD)"),
  inFlightBytes: send("sent, not acknowledged", "bytes", "SIOCOUTQ - tcpi_notsent_bytes"),
  ackedBytes: send(
    "acknowledged",
    "bytes",
    "tcpi_bytes_sent - tcpi_bytes_retrans - in flight, at most tcpi_bytes_acked",
  ),
  sentSegments: send("segments with data sent", "segments", "tcpi_data_segs_out"),
  sendMemoryBytes: send("send buffer taken", "bytes", "SK_MEMINFO wmem_queued (truesize)"),
  sendMemoryTotalBytes: send("send buffer", "bytes", "SK_MEMINFO sndbuf (SO_SNDBUF)"),
  windowSeenBytes: send("window seen", "bytes", "tcpi_snd_wnd"),
  congestionWindowSegments: send("congestion window", "segments", "tcpi_snd_cwnd"),
  congestionWindowBytes: send("congestion window", "bytes", "tcpi_snd_cwnd × tcpi_snd_mss"),
  slowStartThresholdSegments: send(
    "slow start threshold",
    "segments",
    "tcpi_snd_ssthresh; undefined before any loss",
  ),
  inFlightSegments: send(
    "segments in flight",
    "segments",
    "tcpi_unacked - tcpi_sacked - tcpi_lost + tcpi_retrans",
  ),
  mssBytes: send("segment size", "bytes", "tcpi_snd_mss"),
  rttUs: send("round-trip time", "µs", "tcpi_rtt (smoothed)"),
  rttVarianceUs: send("its variance", "µs", "tcpi_rttvar"),
  minRttUs: send("least round-trip time", "µs", "tcpi_min_rtt"),
  retransmissionTimeoutUs: send("retransmission timeout", "µs", "tcpi_rto"),
  retransmittedSegments: send("retransmitted", "segments", "tcpi_total_retrans: SYN and FIN count too"),
  retransmittedBytes: send("retransmitted", "bytes", "tcpi_bytes_retrans"),
  lostSegments: send("taken for lost now", "segments", "tcpi_lost"),
  deliveryBytesPerSecond: send("delivery rate", "bytes/s", "tcpi_delivery_rate"),
  pacingBytesPerSecond: send("pacing rate", "bytes/s", "tcpi_pacing_rate; undefined without a limit"),
  busyUs: send("with something to send", "µs", "tcpi_busy_time"),
  receiverLimitedUs: send("held by the receiver's window", "µs", "tcpi_rwnd_limited"),
  sendBufferLimitedUs: send("held by the send buffer", "µs", "tcpi_sndbuf_limited"),
  receivedBytes: receive("received", "bytes", "tcpi_bytes_received"),
  readBytes: receive("read by the program", "bytes", "the stream's bytesRead, or received - not read"),
  receiveQueueBytes: receive("received, not read", "bytes", "SIOCINQ"),
  receiveMemoryBytes: receive("receive buffer taken", "bytes", "SK_MEMINFO rmem_alloc (truesize)"),
  receiveMemoryTotalBytes: receive("receive buffer", "bytes", "SK_MEMINFO rcvbuf (SO_RCVBUF)"),
  windowAdvertisedBytes: receive("window advertised", "bytes", "tcpi_rcv_wnd"),
  receivedSegments: receive("segments with data received", "segments", "tcpi_data_segs_in"),
  outOfOrderPackets: receive("out of order", "packets", "tcpi_rcv_ooopack"),
  receiveRttUs: receive("round-trip time as the receiver sees it", "µs", "tcpi_rcv_rtt"),
  droppedPackets: receive("dropped for want of room", "packets", "SK_MEMINFO drops"),
} as const satisfies Readonly<Record<string, Quantity>>;

/** The name of a quantity. */
export type QuantityName = keyof typeof QUANTITIES;

/** What was measured; what this kernel, or this state, does not have is `undefined`. */
export type Quantities = { readonly [Name in QuantityName]?: number | undefined };
