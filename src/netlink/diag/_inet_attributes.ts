/** The smaller attributes of inet_diag: memory, congestion control, options, and what stands upon TCP. include/uapi/linux/inet_diag.h, v6.18 */
import {
  byteArray,
  u8 as field8,
  u32 as field32,
  u64 as field64,
  type StructValue,
  struct,
} from "../../bytes/index.ts";
import { IpPrefix, Ipv4Addr, Ipv6Addr, type SocketAddr } from "../../ip/index.ts";
import { decodeSockaddr, type SkMemInfo, SOCKADDR_STORAGE_LEN, sk_meminfo } from "../../sys/index.ts";
import { attributeTable } from "../attribute_table.ts";
import { flag, text, u8, u16, u32, u64 } from "../attribute_types.ts";
import { type Attribute, get16, get32 } from "../attributes.ts";
import {
  AF_INET,
  AF_INET6,
  INET_DIAG_BBRINFO,
  INET_DIAG_DCTCPINFO,
  INET_DIAG_VEGASINFO,
} from "./_inet_constants.ts";

/** `struct inet_diag_meminfo`: bytes. */
export interface MemoryUse {
  /** Received, and not read yet. */
  readonly rmem: number;
  /** Queued to be sent. */
  readonly wmem: number;
  /** Set aside for later. */
  readonly fmem: number;
  /** Being sent. */
  readonly tmem: number;
}

export function memoryUse(bytes: Uint8Array, start: number, end: number): MemoryUse | undefined {
  if (end - start < 16) return undefined;
  return {
    rmem: get32(bytes, start),
    wmem: get32(bytes, start + 4),
    fmem: get32(bytes, start + 8),
    tmem: get32(bytes, start + 12),
  };
}

/** What an algorithm tells of itself, as the kernel counts. */
export type CongestionInfo =
  | {
      readonly algorithm: "vegas";
      readonly enabled: boolean;
      readonly rttCount: number;
      readonly rttUs: number;
      readonly minRttUs: number;
    }
  | {
      readonly algorithm: "dctcp";
      readonly enabled: boolean;
      readonly ceState: number;
      readonly alpha: number;
      /** Bytes acknowledged with a mark of congestion, and all. */
      readonly markedBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly algorithm: "bbr";
      /** Estimated, in bytes per second. */
      readonly bandwidth: bigint;
      readonly minRttUs: number;
      /** 1 is neutral. */
      readonly pacingGain: number;
      readonly cwndGain: number;
    };

export const CONGESTION_TYPES: readonly number[] = [
  INET_DIAG_BBRINFO,
  INET_DIAG_VEGASINFO,
  INET_DIAG_DCTCPINFO,
];

export function congestionInfo(
  type: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): CongestionInfo | undefined {
  if (end - start < congestionLength(type)) return undefined;
  if (type === INET_DIAG_VEGASINFO) {
    return {
      algorithm: "vegas",
      enabled: get32(bytes, start) !== 0,
      rttCount: get32(bytes, start + 4),
      rttUs: get32(bytes, start + 8),
      minRttUs: get32(bytes, start + 12),
    };
  }
  if (type === INET_DIAG_DCTCPINFO) {
    return {
      algorithm: "dctcp",
      enabled: get16(bytes, start) !== 0,
      ceState: get16(bytes, start + 2),
      alpha: get32(bytes, start + 4),
      markedBytes: get32(bytes, start + 8),
      totalBytes: get32(bytes, start + 12),
    };
  }
  return {
    algorithm: "bbr",
    bandwidth: BigInt(get32(bytes, start)) | (BigInt(get32(bytes, start + 4)) << 32n),
    minRttUs: get32(bytes, start + 8),
    pacingGain: get32(bytes, start + 12) / 256,
    cwndGain: get32(bytes, start + 16) / 256,
  };
}

/** The size of the struct of an algorithm. */
export function congestionLength(type: number): number {
  return type === INET_DIAG_BBRINFO ? 20 : 16;
}

/** The bits of `struct inet_diag_sockopt`, in order. */
const FLAGS = [
  "recvErr",
  "isConnection",
  "freeBind",
  "hdrIncl",
  "multicastLoop",
  "transparent",
  "multicastAll",
  "noDefrag",
  "bindAddressNoPort",
  "recvErrRfc4884",
  "deferConnect",
] as const;

/** An option that is on, IP_RECVERR … TCP_FASTOPEN_CONNECT; `"isConnection"` is a socket that can connect or listen. */
export type SocketFlag = (typeof FLAGS)[number];

export function socketFlags(bytes: Uint8Array, start: number, end: number): SocketFlag[] | undefined {
  if (end - start < 2) return undefined;
  const bits = get16(bytes, start);
  const flags: SocketFlag[] = [];
  for (let bit = 0; bit < FLAGS.length; bit++) {
    if ((bits & (1 << bit)) !== 0) flags.push(FLAGS[bit] as SocketFlag);
  }
  return flags;
}

/** TLS_INFO_…, include/uapi/linux/tls.h, v6.18 */
const TLS = attributeTable("TLS_INFO_", {
  VERSION: [1, u16],
  CIPHER: [2, u16],
  TXCONF: [3, u16],
  RXCONF: [4, u16],
  ZC_RO_TX: [5, flag],
  RX_NO_PAD: [6, flag],
});

/** MPTCP_SUBFLOW_ATTR_…, include/uapi/linux/mptcp.h, v6.18 */
const SUBFLOW = attributeTable(
  "MPTCP_SUBFLOW_ATTR_",
  {
    TOKEN_REM: [1, u32],
    TOKEN_LOC: [2, u32],
    RELWRITE_SEQ: [3, u32],
    MAP_SEQ: [4, u64],
    MAP_SFSEQ: [5, u32],
    SSN_OFFSET: [6, u32],
    MAP_DATALEN: [7, u16],
    FLAGS: [8, u32],
    ID_REM: [9, u8],
    ID_LOC: [10, u8],
  },
  11,
);

const ULP = attributeTable("INET_ULP_INFO_", { NAME: [1, text], TLS: [2, TLS], MPTCP: [3, SUBFLOW] });

/** What stands upon TCP: its name, as `"tls"` or `"mptcp"`, and what it tells, under the kernel's names. */
export interface UpperProtocol {
  readonly name?: string;
  readonly tls?: TlsInfo;
  readonly mptcp?: SubflowInfo;
  readonly unknown?: readonly Attribute[];
}

/** TLS_INFO_… of include/uapi/linux/tls.h */
export type TlsInfo = ReturnType<typeof TLS.decode>;
/** MPTCP_SUBFLOW_ATTR_… of include/uapi/linux/mptcp.h */
export type SubflowInfo = ReturnType<typeof SUBFLOW.decode>;

export function upperProtocol(bytes: Uint8Array, start: number, end: number): UpperProtocol | undefined {
  try {
    const { NAME, TLS: tls, MPTCP: mptcp, unknown } = ULP.decode(bytes, start, end);
    return {
      ...(NAME !== undefined && { name: NAME }),
      ...(tls !== undefined && { tls }),
      ...(mptcp !== undefined && { mptcp }),
      ...(unknown !== undefined && { unknown }),
    };
  } catch {
    return undefined;
  }
}

/** `struct mptcp_info`, include/uapi/linux/mptcp.h, v6.18 */
const mptcp_info = struct("mptcp_info", {
  mptcpi_subflows: field8,
  mptcpi_add_addr_signal: field8,
  mptcpi_add_addr_accepted: field8,
  mptcpi_subflows_max: field8,
  mptcpi_add_addr_signal_max: field8,
  mptcpi_add_addr_accepted_max: field8,
  mptcpi_flags: field32,
  mptcpi_token: field32,
  mptcpi_write_seq: field64,
  mptcpi_snd_una: field64,
  mptcpi_rcv_nxt: field64,
  mptcpi_local_addr_used: field8,
  mptcpi_local_addr_max: field8,
  mptcpi_csum_enabled: field8,
  mptcpi_retransmits: field32,
  mptcpi_bytes_retrans: field64,
  mptcpi_bytes_sent: field64,
  mptcpi_bytes_received: field64,
  mptcpi_bytes_acked: field64,
  mptcpi_subflows_total: field8,
  reserved: byteArray(3),
  mptcpi_last_data_sent: field32,
  mptcpi_last_data_recv: field32,
  mptcpi_last_ack_recv: field32,
});

/** `struct mptcp_info` under the kernel's names; a field that this kernel does not have is absent. */
export type MptcpInfo = Partial<Omit<StructValue<typeof mptcp_info>, "reserved">>;

export function mptcpInfo(bytes: Uint8Array, start: number, end: number): MptcpInfo {
  const { reserved: _reserved, ...info } = mptcp_info.decodePrefix(bytes.subarray(start, end));
  return info;
}

/** A key of TCP MD5 (RFC 2385), and the peers that it is for. */
export interface Md5Key {
  readonly prefix: IpPrefix;
  readonly key: Uint8Array;
}

/** `struct tcp_diag_md5sig`, include/uapi/linux/tcp.h */
const MD5_LEN = 100;

export function md5Keys(bytes: Uint8Array, start: number, end: number): Md5Key[] | undefined {
  if ((end - start) % MD5_LEN !== 0) return undefined;
  const keys: Md5Key[] = [];
  for (let at = start; at < end; at += MD5_LEN) {
    const length = get16(bytes, at + 2);
    const bits = bytes[at + 1] as number;
    const addr =
      bytes[at] === AF_INET
        ? Ipv4Addr.fromBytes(bytes.subarray(at + 4, at + 8))
        : Ipv6Addr.fromBytes(bytes.subarray(at + 4, at + 20));
    if (length > 80 || bits > addr.bitLength || (bytes[at] !== AF_INET && bytes[at] !== AF_INET6))
      return undefined;
    keys.push({ prefix: IpPrefix.of(addr, bits), key: bytes.slice(at + 20, at + 20 + length) });
  }
  return keys;
}

/** `struct sockaddr_storage`, one after another. */
export function sctpAddresses(bytes: Uint8Array, start: number, end: number): SocketAddr[] | undefined {
  if ((end - start) % SOCKADDR_STORAGE_LEN !== 0) return undefined;
  const addresses: SocketAddr[] = [];
  for (let at = start; at < end; at += SOCKADDR_STORAGE_LEN) {
    const address = decodeSockaddr(bytes.subarray(at, at + SOCKADDR_STORAGE_LEN));
    if (address === undefined) return undefined;
    addresses.push(address);
  }
  return addresses;
}

/** INET_DIAG_SKMEMINFO; of kernels before 4.6 without `drops`. */
export function socketMemoryAt(bytes: Uint8Array, start: number, end: number): SkMemInfo {
  if (end - start < sk_meminfo.size) return sk_meminfo.decodePrefix(bytes.subarray(start, end));
  return {
    rmem_alloc: get32(bytes, start),
    rcvbuf: get32(bytes, start + 4),
    wmem_alloc: get32(bytes, start + 8),
    sndbuf: get32(bytes, start + 12),
    fwd_alloc: get32(bytes, start + 16),
    wmem_queued: get32(bytes, start + 20),
    optmem: get32(bytes, start + 24),
    backlog: get32(bytes, start + 28),
    drops: get32(bytes, start + 32),
  };
}
