/** What ss(8) tells of a TCP connection with -i: in its words, its order and its formats. */
import type {
  CongestionInfo,
  InetSocket,
  MptcpInfo,
  SubflowInfo,
  TlsInfo,
} from "../../netlink/diag/index.ts";
import { safe } from "./names.ts";
import { general, milliseconds, rate, tenths } from "./numbers.ts";

type Info = NonNullable<InetSocket["info"]>;

/** TCPI_OPT_…, linux/tcp.h */
const OPTION = { timestamps: 1, sack: 2, wscale: 4, ecn: 8, ecnSeen: 16, synData: 32 } as const;
/** TCP_INFINITE_SSTHRESH and what lies near it says nothing. */
const SSTHRESH_MAX = 0xffff;
/** What the kernel gives for a timeout that has not been measured, in older versions. */
const NO_RTO = 3_000_000;
const UNLIMITED = 0xffff_ffff_ffff_ffffn;
const NO_RTT = 0xffff_ffff;
const VEGAS_NO_RTT = 0x7fff_ffff;

/** A name and its number, where that is not 0. */
const counted = (name: string, value: number | bigint | undefined): string =>
  value === undefined || value === 0 || value === 0n ? "" : ` ${name}:${value}`;

const ms = (microseconds: number | undefined): string => milliseconds(microseconds ?? 0);
const timed = (name: string, microseconds: number | undefined): string =>
  microseconds === undefined || microseconds === 0 ? "" : ` ${name}:${ms(microseconds)}`;

/** @param options whether -o was given: what both ends agreed on is told too */
export function tcpText(socket: InetSocket, info: Info, options: boolean, numeric: boolean): string {
  const flags = info.tcpi_options ?? 0;
  const congestion = socket.congestionInfo;
  const algorithm = socket.congestionControl;
  const rto = info.tcpi_rto === NO_RTO ? 0 : info.tcpi_rto;
  const ssthresh = (info.tcpi_snd_ssthresh ?? 0) < SSTHRESH_MAX ? info.tcpi_snd_ssthresh : 0;
  return (
    (options ? agreed(flags) : "") +
    (algorithm ? ` ${safe(algorithm)}` : "") +
    ((flags & OPTION.wscale) === 0 ? "" : ` wscale:${info.tcpi_snd_wscale},${info.tcpi_rcv_wscale}`) +
    timed("rto", rto) +
    counted("backoff", info.tcpi_backoff) +
    (info.tcpi_rtt ? ` rtt:${ms(info.tcpi_rtt)}/${ms(info.tcpi_rttvar)}` : "") +
    timed("ato", info.tcpi_ato) +
    counted("mss", info.tcpi_snd_mss) +
    counted("pmtu", info.tcpi_pmtu) +
    counted("rcvmss", info.tcpi_rcv_mss) +
    counted("advmss", info.tcpi_advmss) +
    counted("cwnd", info.tcpi_snd_cwnd) +
    counted("ssthresh", ssthresh) +
    counted("bytes_sent", info.tcpi_bytes_sent) +
    counted("bytes_retrans", info.tcpi_bytes_retrans) +
    counted("bytes_acked", info.tcpi_bytes_acked) +
    counted("bytes_received", info.tcpi_bytes_received) +
    counted("segs_out", info.tcpi_segs_out) +
    counted("segs_in", info.tcpi_segs_in) +
    counted("data_segs_out", info.tcpi_data_segs_out) +
    counted("data_segs_in", info.tcpi_data_segs_in) +
    congestionText(congestion, numeric) +
    sendText(info, congestion, numeric) +
    counted("lastsnd", info.tcpi_last_data_sent) +
    counted("lastrcv", info.tcpi_last_data_recv) +
    counted("lastack", info.tcpi_last_ack_recv) +
    ratesText(info, numeric) +
    counted("delivered", info.tcpi_delivered) +
    counted("delivered_ce", info.tcpi_delivered_ce) +
    (info.tcpi_delivery_rate_app_limited ? " app_limited" : "") +
    busyText(info) +
    counted("unacked", info.tcpi_unacked) +
    (info.tcpi_retrans || info.tcpi_total_retrans
      ? ` retrans:${info.tcpi_retrans}/${info.tcpi_total_retrans ?? 0}`
      : "") +
    counted("lost", info.tcpi_lost) +
    // Of a listener it is how many may wait.
    (socket.state === "listening" ? "" : counted("sacked", info.tcpi_sacked)) +
    counted("dsack_dups", info.tcpi_dsack_dups) +
    counted("fackets", info.tcpi_fackets) +
    (info.tcpi_reordering === 3 ? "" : ` reordering:${info.tcpi_reordering ?? 0}`) +
    counted("reord_seen", info.tcpi_reord_seen) +
    timed("rcv_rtt", info.tcpi_rcv_rtt) +
    counted("rcv_space", info.tcpi_rcv_space) +
    counted("rcv_ssthresh", info.tcpi_rcv_ssthresh) +
    counted("notsent", info.tcpi_notsent_bytes) +
    (info.tcpi_min_rtt === NO_RTT ? "" : timed("minrtt", info.tcpi_min_rtt)) +
    counted("rcv_ooopack", info.tcpi_rcv_ooopack) +
    counted("snd_wnd", info.tcpi_snd_wnd)
  );
}

function agreed(flags: number): string {
  return (
    ((flags & OPTION.timestamps) === 0 ? "" : " ts") +
    ((flags & OPTION.sack) === 0 ? "" : " sack") +
    ((flags & OPTION.ecn) === 0 ? "" : " ecn") +
    ((flags & OPTION.ecnSeen) === 0 ? "" : " ecnseen") +
    ((flags & OPTION.synData) === 0 ? "" : " fastopen")
  );
}

function congestionText(info: CongestionInfo | undefined, numeric: boolean): string {
  if (info === undefined || info.algorithm === "vegas") return "";
  if (info.algorithm === "dctcp") {
    if (!info.enabled) return " dctcp:fallback_mode";
    const { ceState, alpha, markedBytes, totalBytes } = info;
    return ` dctcp:(ce_state:${ceState},alpha:${alpha},ab_ecn:${markedBytes},ab_tot:${totalBytes})`;
  }
  const { bandwidth, minRttUs, pacingGain, cwndGain } = info;
  const pacing = pacingGain === 0 ? "" : `,pacing_gain:${gain(pacingGain)}`;
  const cwnd = cwndGain === 0 ? "" : `,cwnd_gain:${gain(cwndGain)}`;
  return ` bbr:(bw:${rate(Number(bandwidth) * 8, numeric)}bps,mrtt:${ms(minRttUs)}${pacing}${cwnd})`;
}

const gains = new Map<number, string>();

/** BBR has few of them. */
function gain(value: number): string {
  let text = gains.get(value);
  if (text === undefined) {
    text = general(value);
    gains.set(value, text);
  }
  return text;
}

/** What a window each round-trip time comes to. */
function sendText(info: Info, congestion: CongestionInfo | undefined, numeric: boolean): string {
  let rtt = info.tcpi_rtt ?? 0;
  if (congestion?.algorithm === "vegas" && congestion.enabled) {
    if (congestion.rttUs !== 0 && congestion.rttUs !== VEGAS_NO_RTT) rtt = congestion.rttUs;
  }
  const { tcpi_snd_mss: mss = 0, tcpi_snd_cwnd: cwnd = 0 } = info;
  return rtt === 0 || mss === 0 || cwnd === 0
    ? ""
    : ` send ${rate((cwnd * mss * 8_000_000) / rtt, numeric)}bps`;
}

function ratesText(info: Info, numeric: boolean): string {
  const bits = (bytes: bigint | undefined): number | undefined =>
    bytes === undefined || bytes === 0n || bytes === UNLIMITED ? undefined : Number(bytes) * 8;
  const pacing = bits(info.tcpi_pacing_rate);
  const most = bits(info.tcpi_max_pacing_rate);
  const delivery = Number(info.tcpi_delivery_rate ?? 0n) * 8;
  const limit = most === undefined ? "" : `/${rate(most, numeric)}bps`;
  return (
    (pacing === undefined ? "" : ` pacing_rate ${rate(pacing, numeric)}bps${limit}`) +
    (delivery === 0 ? "" : ` delivery_rate ${rate(delivery, numeric)}bps`)
  );
}

function busyText(info: Info): string {
  const {
    tcpi_busy_time: busy = 0n,
    tcpi_rwnd_limited: window = 0n,
    tcpi_sndbuf_limited: buffer = 0n,
  } = info;
  if (busy === 0n) return "";
  const limited = (name: string, time: bigint): string =>
    time === 0n ? "" : ` ${name}:${time / 1000n}ms(${tenths((100 * Number(time)) / Number(busy))}%)`;
  return ` busy:${busy / 1000n}ms${limited("rwnd_limited", window)}${limited("sndbuf_limited", buffer)}`;
}

/** Keys of TCP MD5, and what stands upon TCP. */
export function upperText(socket: InetSocket): string {
  const keys = socket.md5Keys?.map(({ prefix, key }) => `${prefix.addr}/${prefix.length}=${escaped(key)}`);
  const md5 = keys === undefined ? "" : ` md5keys:${keys.join(",")}`;
  const upper = socket.upperProtocol;
  if (upper === undefined) return md5;
  const name = upper.name === undefined ? "" : ` tcp-ulp-${safe(upper.name)}`;
  const tls = upper.tls === undefined ? "" : tlsText(upper.tls);
  const subflow = upper.mptcp === undefined ? "" : subflowText(upper.mptcp);
  return `${md5}${name}${tls}${subflow}`;
}

/** Bytes that can be printed as they are, but for a space and a comma; the others as `\ooo`. */
function escaped(bytes: Uint8Array): string {
  const plain = (byte: number): boolean => byte > 0x20 && byte < 0x7f && byte !== 0x2c && byte !== 0x5c;
  return Array.from(bytes, (byte) =>
    plain(byte) ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`,
  ).join("");
}

const TLS_VERSIONS: Readonly<Record<number, string>> = { 771: "1.2", 772: "1.3" };
const TLS_CIPHERS: Readonly<Record<number, string>> = { 51: "aes-gcm-128", 52: "aes-gcm-256" };
const TLS_WHERE: Readonly<Record<number, string>> = { 1: "none", 2: "sw", 3: "hw", 4: "hw-record" };

function tlsText({ VERSION, CIPHER, RXCONF, TXCONF, ZC_RO_TX }: TlsInfo): string {
  const cipher = CIPHER === undefined ? undefined : TLS_CIPHERS[CIPHER];
  const where = (name: string, value: number | undefined): string =>
    value === undefined ? "" : ` ${name}: ${TLS_WHERE[value] ?? `unknown(${value})`}`;
  return (
    (VERSION === undefined ? "" : ` version: ${TLS_VERSIONS[VERSION] ?? `unknown(${VERSION})`}`) +
    (cipher === undefined ? "" : ` cipher: ${cipher}`) +
    where("rxconf", RXCONF) +
    where("txconf", TXCONF) +
    (ZC_RO_TX === undefined ? "" : " zc_ro_tx")
  );
}

/** MPTCP_SUBFLOW_FLAG_…, by their bits */
const SUBFLOW_LETTERS = "MmJjBbecv";
const hex = (value: number | bigint): string => value.toString(16);

function subflowText(info: SubflowInfo): string {
  const { FLAGS = 0, TOKEN_REM, TOKEN_LOC, ID_REM, ID_LOC } = info;
  const letters = [...SUBFLOW_LETTERS].filter((_letter, bit) => (FLAGS & (1 << bit)) !== 0).join("");
  const token =
    TOKEN_REM === undefined || TOKEN_LOC === undefined || ID_REM === undefined || ID_LOC === undefined
      ? ""
      : ` token:${hex(TOKEN_REM).padStart(4, "0")}(id:${ID_REM})/${hex(TOKEN_LOC).padStart(4, "0")}(id:${ID_LOC})`;
  const field = (name: string, value: number | bigint | undefined): string =>
    value === undefined ? "" : ` ${name}:${hex(value)}`;
  return (
    (FLAGS === 0 ? "" : ` flags:${letters}`) +
    token +
    field("seq", info.MAP_SEQ) +
    field("sfseq", info.MAP_SFSEQ) +
    field("ssnoff", info.SSN_OFFSET) +
    field("maplen", info.MAP_DATALEN)
  );
}

/** MPTCP_INFO_FLAG_FALLBACK, MPTCP_INFO_FLAG_REMOTE_KEY_RECEIVED */
const MPTCP_FLAG = { fallback: 1, remoteKey: 2 } as const;

export function mptcpText(info: MptcpInfo): string {
  const flags = info.mptcpi_flags ?? 0;
  const field = (name: string, value: number | bigint | undefined): string =>
    value === undefined || value === 0 || value === 0n ? "" : ` ${name}:${hex(value)}`;
  return (
    counted("subflows", info.mptcpi_subflows) +
    counted("add_addr_signal", info.mptcpi_add_addr_signal) +
    counted("add_addr_accepted", info.mptcpi_add_addr_accepted) +
    counted("subflows_max", info.mptcpi_subflows_max) +
    counted("add_addr_signal_max", info.mptcpi_add_addr_signal_max) +
    counted("add_addr_accepted_max", info.mptcpi_add_addr_accepted_max) +
    ((flags & MPTCP_FLAG.fallback) === 0 ? "" : " fallback") +
    ((flags & MPTCP_FLAG.remoteKey) === 0 ? "" : " remote_key") +
    field("token", info.mptcpi_token) +
    field("write_seq", info.mptcpi_write_seq) +
    field("snd_una", info.mptcpi_snd_una) +
    field("rcv_nxt", info.mptcpi_rcv_nxt)
  );
}
