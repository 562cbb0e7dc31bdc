/** TCP_INFO from the bytes of an answer: what bytes/ decodes field by field from a table, here at once, since it is decoded by the thousand. */
import { type TcpInfo, tcp_info } from "../../sys/index.ts";

/**
 * What `TcpStream.info()` gives, from the bytes from `start` to `end`: a `struct tcp_info`, however long this kernel's is.
 * A field that it lacks is absent.
 */
export function tcpInfoAt(bytes: Uint8Array, start: number, end: number): TcpInfo {
  if (end - start < tcp_info.size) return tcp_info.decodePrefix(bytes.subarray(start, end));
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, tcp_info.size);
  return {
    tcpi_state: bytes[start] as number,
    tcpi_ca_state: bytes[start + 1] as number,
    tcpi_retransmits: bytes[start + 2] as number,
    tcpi_probes: bytes[start + 3] as number,
    tcpi_backoff: bytes[start + 4] as number,
    tcpi_options: bytes[start + 5] as number,
    tcpi_snd_wscale: (bytes[start + 6] as number) & 0xf,
    tcpi_rcv_wscale: (bytes[start + 6] as number) >> 4,
    tcpi_delivery_rate_app_limited: (bytes[start + 7] as number) & 1,
    tcpi_fastopen_client_fail: ((bytes[start + 7] as number) >> 1) & 3,
    tcpi_rto: view.getUint32(8, true),
    tcpi_ato: view.getUint32(12, true),
    tcpi_snd_mss: view.getUint32(16, true),
    tcpi_rcv_mss: view.getUint32(20, true),
    tcpi_unacked: view.getUint32(24, true),
    tcpi_sacked: view.getUint32(28, true),
    tcpi_lost: view.getUint32(32, true),
    tcpi_retrans: view.getUint32(36, true),
    tcpi_fackets: view.getUint32(40, true),
    tcpi_last_data_sent: view.getUint32(44, true),
    tcpi_last_ack_sent: view.getUint32(48, true),
    tcpi_last_data_recv: view.getUint32(52, true),
    tcpi_last_ack_recv: view.getUint32(56, true),
    tcpi_pmtu: view.getUint32(60, true),
    tcpi_rcv_ssthresh: view.getUint32(64, true),
    tcpi_rtt: view.getUint32(68, true),
    tcpi_rttvar: view.getUint32(72, true),
    tcpi_snd_ssthresh: view.getUint32(76, true),
    tcpi_snd_cwnd: view.getUint32(80, true),
    tcpi_advmss: view.getUint32(84, true),
    tcpi_reordering: view.getUint32(88, true),
    tcpi_rcv_rtt: view.getUint32(92, true),
    tcpi_rcv_space: view.getUint32(96, true),
    tcpi_total_retrans: view.getUint32(100, true),
    tcpi_pacing_rate: view.getBigUint64(104, true),
    tcpi_max_pacing_rate: view.getBigUint64(112, true),
    tcpi_bytes_acked: view.getBigUint64(120, true),
    tcpi_bytes_received: view.getBigUint64(128, true),
    tcpi_segs_out: view.getUint32(136, true),
    tcpi_segs_in: view.getUint32(140, true),
    tcpi_notsent_bytes: view.getUint32(144, true),
    tcpi_min_rtt: view.getUint32(148, true),
    tcpi_data_segs_in: view.getUint32(152, true),
    tcpi_data_segs_out: view.getUint32(156, true),
    tcpi_delivery_rate: view.getBigUint64(160, true),
    tcpi_busy_time: view.getBigUint64(168, true),
    tcpi_rwnd_limited: view.getBigUint64(176, true),
    tcpi_sndbuf_limited: view.getBigUint64(184, true),
    tcpi_delivered: view.getUint32(192, true),
    tcpi_delivered_ce: view.getUint32(196, true),
    tcpi_bytes_sent: view.getBigUint64(200, true),
    tcpi_bytes_retrans: view.getBigUint64(208, true),
    tcpi_dsack_dups: view.getUint32(216, true),
    tcpi_reord_seen: view.getUint32(220, true),
    tcpi_rcv_ooopack: view.getUint32(224, true),
    tcpi_snd_wnd: view.getUint32(228, true),
    tcpi_rcv_wnd: view.getUint32(232, true),
    tcpi_rehash: view.getUint32(236, true),
    tcpi_total_rto: view.getUint16(240, true),
    tcpi_total_rto_recoveries: view.getUint16(242, true),
    tcpi_total_rto_time: view.getUint32(244, true),
    tcpi_received_ce: view.getUint32(248, true),
    tcpi_delivered_e1_bytes: view.getUint32(252, true),
    tcpi_delivered_e0_bytes: view.getUint32(256, true),
    tcpi_delivered_ce_bytes: view.getUint32(260, true),
    tcpi_received_e1_bytes: view.getUint32(264, true),
    tcpi_received_e0_bytes: view.getUint32(268, true),
    tcpi_received_ce_bytes: view.getUint32(272, true),
    tcpi_accecn_fail_mode: view.getUint16(276, true),
    tcpi_accecn_opt_seen: view.getUint16(278, true),
  };
}

/**
 * What of TCP_INFO tells how a connection does. Where it is decoded for that alone, the 64-bit counts are numbers up to 2^53:
 * thousands of bigints a sample cost more than all the rest. What the kernel lacks is absent, or `undefined`.
 */
export type TcpCounts = Partial<ReturnType<typeof countsAt>>;

/** As long as Linux 5.4 has it; the one later field that counts is looked for. */
const COUNTS_LEN = 232;
const RCV_WND = 232;

/** The view of the buffer that the last answer lay in, which is the same for as good as all. */
let view: DataView = new DataView(new ArrayBuffer(0));

/** {@link TcpCounts} from the bytes from `start` to `end`. */
export function tcpCountsAt(bytes: Uint8Array, start: number, end: number): TcpCounts {
  if (end - start < COUNTS_LEN) return tcp_info.decodePrefix(bytes.subarray(start, end));
  if (view.buffer !== bytes.buffer) view = new DataView(bytes.buffer);
  return countsAt(bytes.byteOffset + start, end - start);
}

/** From where they begin in {@link view}. */
function countsAt(from: number, length: number) {
  return {
    tcpi_ca_state: view.getUint8(from + 1),
    tcpi_retransmits: view.getUint8(from + 2),
    tcpi_rto: view.getUint32(from + 8, true),
    tcpi_snd_mss: view.getUint32(from + 16, true),
    tcpi_unacked: view.getUint32(from + 24, true),
    tcpi_sacked: view.getUint32(from + 28, true),
    tcpi_lost: view.getUint32(from + 32, true),
    tcpi_retrans: view.getUint32(from + 36, true),
    tcpi_rtt: view.getUint32(from + 68, true),
    tcpi_rttvar: view.getUint32(from + 72, true),
    tcpi_snd_ssthresh: view.getUint32(from + 76, true),
    tcpi_snd_cwnd: view.getUint32(from + 80, true),
    tcpi_rcv_rtt: view.getUint32(from + 92, true),
    tcpi_total_retrans: view.getUint32(from + 100, true),
    tcpi_pacing_rate: wide(view, from + 104),
    tcpi_bytes_acked: wide(view, from + 120),
    tcpi_bytes_received: wide(view, from + 128),
    tcpi_notsent_bytes: view.getUint32(from + 144, true),
    tcpi_min_rtt: view.getUint32(from + 148, true),
    tcpi_data_segs_in: view.getUint32(from + 152, true),
    tcpi_data_segs_out: view.getUint32(from + 156, true),
    tcpi_delivery_rate: wide(view, from + 160),
    tcpi_busy_time: wide(view, from + 168),
    tcpi_rwnd_limited: wide(view, from + 176),
    tcpi_sndbuf_limited: wide(view, from + 184),
    tcpi_bytes_sent: wide(view, from + 200),
    tcpi_bytes_retrans: wide(view, from + 208),
    tcpi_rcv_ooopack: view.getUint32(from + 224, true),
    tcpi_snd_wnd: view.getUint32(from + 228, true),
    tcpi_rcv_wnd: length < RCV_WND + 4 ? undefined : view.getUint32(from + RCV_WND, true),
  };
}

/** With the high half left out where it is 0, a count stays a small integer of V8's. What a number does not hold exactly is a bigint. */
function wide(view: DataView, at: number): number | bigint {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  if (high === 0) return low;
  return high < 2 ** 21 ? high * 2 ** 32 + low : (BigInt(high) << 32n) | BigInt(low);
}
