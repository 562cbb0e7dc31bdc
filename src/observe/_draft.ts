/** The quantities of one end, from the kernel's numbers. */
import type { TcpState } from "../netlink/diag/index.ts";
import type { Counts, Reading } from "./_reading.ts";
import type { EndSample, Holder } from "./end_sample.ts";

/** While what it waits for is not known yet. */
export type Draft = { -readonly [Key in keyof EndSample]: EndSample[Key] };

/** tcpi_snd_ssthresh before any loss. TCP_INFINITE_SSTHRESH, include/net/tcp.h */
const NO_THRESHOLD = 0x7fff_ffff;
const NO_RTT = 0xffff_ffff;
const NO_PACING = 2n ** 64n - 1n;

const number = (value: bigint | number | undefined): number | undefined =>
  typeof value === "bigint" ? Number(value) : value;

/** The kernel's 0 that means that nothing was measured yet. */
const measured = (value: number | undefined): number | undefined => (value === 0 ? undefined : value);

/** Our FIN is in the send queue as a byte while it is not acknowledged, and so is our SYN. */
function sequenceOnly(state: TcpState | number): boolean {
  switch (state) {
    case "fin-wait-1":
    case "closing":
    case "last-ack":
    case "syn-sent":
    case "syn-recv":
      return true;
    default:
      return false;
  }
}

/**
 * The quantities of a reading. Without TCP_INFO, as in TIME-WAIT, there are none. It is one literal with all keys, so that V8 makes
 * thousands of them cheaply: with spreads it takes five times as long.
 */
export function draftOf(
  { of, state, sendQueue, receiveQueue, finReceived, info, memory, writtenBytes, readBytes }: Reading,
  pairedWith: string | undefined,
  holders: readonly Holder[] | undefined,
): Draft {
  const extra = sendQueue > 0 && sequenceOnly(state) ? 1 : 0;
  const queued = sendQueue - extra;
  const notSent = info?.tcpi_notsent_bytes;
  // The FIN is the last in the queue: among what is not sent where there is any of that.
  const notSentBytes = notSent === undefined || notSent === 0 ? notSent : notSent - extra;
  const inFlightBytes = notSentBytes === undefined ? undefined : Math.max(0, queued - notSentBytes);
  const ackedBytes = inFlightBytes === undefined ? undefined : acknowledged(info, inFlightBytes);
  const received = number(info?.tcpi_bytes_received);
  const receivedBytes = received === undefined ? undefined : Math.max(0, received - (finReceived ? 1 : 0));
  // What a subflow of MPTCP receives goes to the MPTCP socket at once, which alone knows what of it was read.
  const receiveQueueBytes = info === undefined || of.subflow ? undefined : receiveQueue;
  const segments = info?.tcpi_snd_cwnd;
  const mss = info?.tcpi_snd_mss;
  const threshold = info?.tcpi_snd_ssthresh;
  const rttUs = measured(info?.tcpi_rtt);
  const minRtt = info?.tcpi_min_rtt;
  const pacing = info?.tcpi_pacing_rate;
  return {
    id: of.id,
    local: of.local,
    peer: of.peer,
    state,
    waiting: "closed",
    waitingMs: 0,
    pairedWith,
    holders,
    ours: writtenBytes === undefined ? undefined : true,
    writtenBytes:
      writtenBytes ??
      (ackedBytes === undefined ? undefined : ackedBytes + (inFlightBytes ?? 0) + (notSentBytes ?? 0)),
    notSentBytes,
    inFlightBytes,
    ackedBytes,
    sentSegments: info?.tcpi_data_segs_out,
    sendMemoryBytes: memory?.wmem_queued,
    sendMemoryTotalBytes: memory?.sndbuf,
    windowSeenBytes: state === "syn-sent" ? undefined : info?.tcpi_snd_wnd,
    congestionWindowSegments: segments,
    congestionWindowBytes: segments === undefined || mss === undefined ? undefined : segments * mss,
    slowStartThresholdSegments: threshold === NO_THRESHOLD ? undefined : threshold,
    inFlightSegments: info === undefined ? undefined : segmentsInFlight(info),
    mssBytes: mss,
    rttUs,
    rttVarianceUs: rttUs === undefined ? undefined : info?.tcpi_rttvar,
    minRttUs: minRtt === NO_RTT ? undefined : minRtt,
    retransmissionTimeoutUs: info?.tcpi_rto,
    retransmittedSegments: info?.tcpi_total_retrans,
    retransmittedBytes: number(info?.tcpi_bytes_retrans),
    lostSegments: info?.tcpi_lost,
    deliveryBytesPerSecond: measured(number(info?.tcpi_delivery_rate)),
    pacingBytesPerSecond: pacing === NO_PACING ? undefined : number(pacing),
    busyUs: number(info?.tcpi_busy_time),
    receiverLimitedUs: number(info?.tcpi_rwnd_limited),
    sendBufferLimitedUs: number(info?.tcpi_sndbuf_limited),
    receivedBytes,
    readBytes:
      readBytes ??
      (receivedBytes === undefined || receiveQueueBytes === undefined
        ? undefined
        : Math.max(0, receivedBytes - receiveQueueBytes)),
    receiveQueueBytes,
    receiveMemoryBytes: of.subflow ? undefined : memory?.rmem_alloc,
    receiveMemoryTotalBytes: memory?.rcvbuf,
    windowAdvertisedBytes: info?.tcpi_rcv_wnd,
    receivedSegments: info?.tcpi_data_segs_in,
    outOfOrderPackets: info?.tcpi_rcv_ooopack,
    receiveRttUs: measured(info?.tcpi_rcv_rtt),
    droppedPackets: memory?.drops,
  };
}

/** An end of which nothing is known yet, with all keys. */
export function blankEnd(id: string, local: string, peer: string): Draft {
  return {
    id,
    local,
    peer,
    state: "closed",
    waiting: "closed",
    waitingMs: 0,
    pairedWith: undefined,
    holders: undefined,
    ours: undefined,
    writtenBytes: undefined,
    notSentBytes: undefined,
    inFlightBytes: undefined,
    ackedBytes: undefined,
    sentSegments: undefined,
    sendMemoryBytes: undefined,
    sendMemoryTotalBytes: undefined,
    windowSeenBytes: undefined,
    congestionWindowSegments: undefined,
    congestionWindowBytes: undefined,
    slowStartThresholdSegments: undefined,
    inFlightSegments: undefined,
    mssBytes: undefined,
    rttUs: undefined,
    rttVarianceUs: undefined,
    minRttUs: undefined,
    retransmissionTimeoutUs: undefined,
    retransmittedSegments: undefined,
    retransmittedBytes: undefined,
    lostSegments: undefined,
    deliveryBytesPerSecond: undefined,
    pacingBytesPerSecond: undefined,
    busyUs: undefined,
    receiverLimitedUs: undefined,
    sendBufferLimitedUs: undefined,
    receivedBytes: undefined,
    readBytes: undefined,
    receiveQueueBytes: undefined,
    receiveMemoryBytes: undefined,
    receiveMemoryTotalBytes: undefined,
    windowAdvertisedBytes: undefined,
    receivedSegments: undefined,
    outOfOrderPackets: undefined,
    receiveRttUs: undefined,
    droppedPackets: undefined,
  };
}

/**
 * What was sent, less what is in flight. The kernel counts as sent what its own packet filter or device refused, too, and sends it
 * once more without counting that as a retransmission; but never more is acknowledged than tcpi_bytes_acked, which may
 * have a SYN and a FIN besides.
 */
function acknowledged(info: Counts | undefined, inFlightBytes: number): number | undefined {
  const sent = number(info?.tcpi_bytes_sent);
  const again = number(info?.tcpi_bytes_retrans);
  if (sent === undefined || again === undefined) return undefined;
  const passed = Math.max(0, sent - again - inFlightBytes);
  const acked = number(info?.tcpi_bytes_acked);
  return acked === undefined ? passed : Math.min(passed, acked);
}

/** tcp_packets_in_flight(), include/net/tcp.h */
function segmentsInFlight(info: Counts): number | undefined {
  const { tcpi_unacked, tcpi_sacked, tcpi_lost, tcpi_retrans } = info;
  if (tcpi_unacked === undefined) return undefined;
  return Math.max(0, tcpi_unacked - (tcpi_sacked ?? 0) - (tcpi_lost ?? 0) + (tcpi_retrans ?? 0));
}
