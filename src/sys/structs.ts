/** The kernel's structs, declared once with the struct layouts of `bytes/`. */
import {
  be,
  bits,
  byteArray,
  cString,
  i16,
  i32,
  i64,
  type StructValue,
  struct,
  u8,
  u16,
  u32,
  u64,
} from "../bytes/index.ts";
import { isX64 } from "./_platform.ts";

/** `struct sockaddr_in`, netinet/in.h: 16 bytes. */
export const sockaddr_in = struct("sockaddr_in", {
  sin_family: u16,
  sin_port: be(u16),
  sin_addr: byteArray(4, 4),
  sin_zero: byteArray(8),
});

/** `struct sockaddr_in6`, netinet/in.h and RFC 3493 §3.3: 28 bytes. */
export const sockaddr_in6 = struct("sockaddr_in6", {
  sin6_family: u16,
  sin6_port: be(u16),
  sin6_flowinfo: be(u32),
  sin6_addr: byteArray(16, 4),
  sin6_scope_id: u32,
});

/** `struct sockaddr_un`, sys/un.h: 110 bytes; how many of them count is said by the socklen_t next to it. */
export const sockaddr_un = struct("sockaddr_un", { sun_family: u16, sun_path: byteArray(108) });

/** The size of `struct sockaddr_storage`: room for an address of any family. */
export const SOCKADDR_STORAGE_LEN = 128;

/** `struct epoll_event`, sys/epoll.h: packed on x86-64 (12 bytes), natural on arm64 (16). `data.u64` as its two halves. */
export const epoll_event = struct("epoll_event", epollEvent());

function epollEvent(): {
  readonly events: typeof u32;
  readonly slot: typeof u32;
  readonly generation: typeof u32;
} {
  const natural = { events: u32, padding: u32, slot: u32, generation: u32 };
  return isX64 ? { events: u32, slot: u32, generation: u32 } : natural;
}

/** `struct pollfd`, poll.h. */
export const pollfd = struct("pollfd", { fd: i32, events: i16, revents: i16 });

/** `struct iovec`, sys/uio.h; the pointer as a number. */
export const iovec = struct("iovec", { iov_base: u64, iov_len: u64 });

/** `struct msghdr`, sys/socket.h: 56 bytes; the pointers as numbers. */
export const msghdr = struct("msghdr", {
  msg_name: u64,
  msg_namelen: u32,
  msg_iov: u64,
  msg_iovlen: u64,
  msg_control: u64,
  msg_controllen: u64,
  msg_flags: i32,
});

/** `struct mmsghdr`, sys/socket.h: a `struct msghdr` (its fields again, since structs do not nest) and how long the message was. */
export const mmsghdr = struct("mmsghdr", { msg_hdr: byteArray(56, 8), msg_len: u32 });

/** `struct cmsghdr`, sys/socket.h: 16 bytes, followed by the data. */
export const cmsghdr = struct("cmsghdr", { cmsg_len: u64, cmsg_level: i32, cmsg_type: i32 });

/** `struct in_pktinfo`, netinet/in.h. */
export const in_pktinfo = struct("in_pktinfo", {
  ipi_ifindex: i32,
  ipi_spec_dst: byteArray(4, 4),
  ipi_addr: byteArray(4, 4),
});

/** `struct in6_pktinfo`, netinet/in.h and RFC 3542 §6. */
export const in6_pktinfo = struct("in6_pktinfo", { ipi6_addr: byteArray(16, 4), ipi6_ifindex: u32 });

/** `struct ip_mreqn`, netinet/in.h. */
export const ip_mreqn = struct("ip_mreqn", {
  imr_multiaddr: byteArray(4, 4),
  imr_address: byteArray(4, 4),
  imr_ifindex: i32,
});

/** `struct group_req`, netinet/in.h and RFC 3678 §5.1. */
export const group_req = struct("group_req", { gr_interface: u32, gr_group: byteArray(128, 8) });

/** `struct group_source_req`, netinet/in.h and RFC 3678 §5.1. */
export const group_source_req = struct("group_source_req", {
  gsr_interface: u32,
  gsr_group: byteArray(128, 8),
  gsr_source: byteArray(128, 8),
});

/** `struct ucred`, sys/socket.h. */
export const ucred = struct("ucred", { pid: i32, uid: u32, gid: u32 });

/** `struct timespec`, time.h. */
export const timespec = struct("timespec", { tv_sec: i64, tv_nsec: i64 });

/** `struct timeval`, sys/time.h. */
export const timeval = struct("timeval", { tv_sec: i64, tv_usec: i64 });

/** `struct sock_extended_err`, include/uapi/linux/errqueue.h; the address of the offender follows it. */
export const sock_extended_err = struct("sock_extended_err", {
  ee_errno: u32,
  ee_origin: u8,
  ee_type: u8,
  ee_code: u8,
  ee_pad: u8,
  ee_info: u32,
  ee_data: u32,
});

/** `struct ifreq`, net/if.h, as SIOCGIFINDEX has it: 40 bytes. */
export const ifreq = struct(
  "ifreq",
  { ifr_name: cString(16), ifr_ifindex: i32, rest: byteArray(20) },
  { align: 8 }, // its union has pointers
);

/** `struct sock_fprog`, include/uapi/linux/filter.h; the pointer to its instructions as a number. */
export const sock_fprog = struct("sock_fprog", { len: u16, filter: u64 });

/** `struct sockaddr_ll`, include/uapi/linux/if_packet.h: 20 bytes, and more where the hardware address is longer than 8. */
export const sockaddr_ll = struct("sockaddr_ll", {
  sll_family: u16,
  sll_protocol: be(u16),
  sll_ifindex: i32,
  sll_hatype: u16,
  sll_pkttype: u8,
  sll_halen: u8,
  sll_addr: byteArray(8),
});

/** `struct packet_mreq`, include/uapi/linux/if_packet.h; as `struct packet_mreq_max` its address has 32 bytes. */
export const packet_mreq = struct("packet_mreq", {
  mr_ifindex: i32,
  mr_type: u16,
  mr_alen: u16,
  mr_address: byteArray(8),
});

/** `struct tpacket_auxdata`, include/uapi/linux/if_packet.h: what PACKET_AUXDATA tells beside a packet. */
export const tpacket_auxdata = struct("tpacket_auxdata", {
  tp_status: u32,
  tp_len: u32,
  tp_snaplen: u32,
  tp_mac: u16,
  tp_net: u16,
  tp_vlan_tci: u16,
  tp_vlan_tpid: u16,
});

/** `struct tpacket_stats_v3`, include/uapi/linux/if_packet.h; without its last field it is `struct tpacket_stats`. */
export const tpacket_stats_v3 = struct("tpacket_stats_v3", {
  tp_packets: u32,
  tp_drops: u32,
  tp_freeze_q_cnt: u32,
});

/** `struct tpacket_rollover_stats`, include/uapi/linux/if_packet.h. */
export const tpacket_rollover_stats = struct("tpacket_rollover_stats", {
  tp_all: u64,
  tp_huge: u64,
  tp_failed: u64,
});

/** `struct tpacket_req3`, include/uapi/linux/if_packet.h: a ring of TPACKET_V3. */
export const tpacket_req3 = struct("tpacket_req3", {
  tp_block_size: u32,
  tp_block_nr: u32,
  tp_frame_size: u32,
  tp_frame_nr: u32,
  tp_retire_blk_tov: u32,
  tp_sizeof_priv: u32,
  tp_feature_req_word: u32,
});

/** `struct tpacket_block_desc`, include/uapi/linux/if_packet.h, with the one header that there is: what a block begins with. */
export const tpacket_block_desc = struct("tpacket_block_desc", {
  version: u32,
  offset_to_priv: u32,
  _block_status: u32,
  _num_pkts: u32,
  _offset_to_first_pkt: u32,
  _blk_len: u32,
  _seq_num: u64,
  _ts_first_sec: u32,
  _ts_first_nsec: u32,
  _ts_last_sec: u32,
  _ts_last_nsec: u32,
});

/** `struct tpacket3_hdr`, include/uapi/linux/if_packet.h, with its one variant (hv1): what a packet of a block begins with. */
export const tpacket3_hdr = struct("tpacket3_hdr", {
  tp_next_offset: u32,
  tp_sec: u32,
  tp_nsec: u32,
  tp_snaplen: u32,
  tp_len: u32,
  tp_status: u32,
  tp_mac: u16,
  tp_net: u16,
  _tp_rxhash: u32,
  _tp_vlan_tci: u32,
  _tp_vlan_tpid: u16,
  _tp_padding: u16,
  tp_padding: byteArray(8),
});

/** `struct linger`, sys/socket.h. */
export const linger = struct("linger", { l_onoff: i32, l_linger: i32 });

/** `struct addrinfo`, netdb.h: 48 bytes; the pointers as numbers. */
export const addrinfo = struct("addrinfo", {
  ai_flags: i32,
  ai_family: i32,
  ai_socktype: i32,
  ai_protocol: i32,
  ai_addrlen: u32,
  ai_addr: u64,
  ai_canonname: u64,
  ai_next: u64,
});

/** What SO_MEMINFO fills, in the order of the SK_MEMINFO_ indices of include/uapi/linux/sock_diag.h, v4.10. */
export const sk_meminfo = struct("sk_meminfo", {
  rmem_alloc: u32,
  rcvbuf: u32,
  wmem_alloc: u32,
  sndbuf: u32,
  fwd_alloc: u32,
  wmem_queued: u32,
  optmem: u32,
  backlog: u32,
  drops: u32,
});

/** The memory of a socket: bytes, but for `drops`, which counts packets. */
export type SkMemInfo = Partial<StructValue<typeof sk_meminfo>>;

/**
 * `struct tcp_info`, include/uapi/linux/tcp.h, as of v6.18: 280 bytes. It only ever grew at its end, so a kernel
 * that gives fewer bytes gives a prefix: decode it with `decodePrefix`, where absent is not zero.
 */
export const tcp_info = struct("tcp_info", {
  tcpi_state: u8,
  tcpi_ca_state: u8,
  tcpi_retransmits: u8,
  tcpi_probes: u8,
  tcpi_backoff: u8,
  tcpi_options: u8,
  tcpi_snd_wscale: bits(u8, 4),
  tcpi_rcv_wscale: bits(u8, 4),
  tcpi_delivery_rate_app_limited: bits(u8, 1),
  tcpi_fastopen_client_fail: bits(u8, 2),
  tcpi_rto: u32,
  tcpi_ato: u32,
  tcpi_snd_mss: u32,
  tcpi_rcv_mss: u32,
  tcpi_unacked: u32,
  tcpi_sacked: u32,
  tcpi_lost: u32,
  tcpi_retrans: u32,
  tcpi_fackets: u32,
  tcpi_last_data_sent: u32,
  tcpi_last_ack_sent: u32,
  tcpi_last_data_recv: u32,
  tcpi_last_ack_recv: u32,
  tcpi_pmtu: u32,
  tcpi_rcv_ssthresh: u32,
  tcpi_rtt: u32,
  tcpi_rttvar: u32,
  tcpi_snd_ssthresh: u32,
  tcpi_snd_cwnd: u32,
  tcpi_advmss: u32,
  tcpi_reordering: u32,
  tcpi_rcv_rtt: u32,
  tcpi_rcv_space: u32,
  tcpi_total_retrans: u32,
  tcpi_pacing_rate: u64,
  tcpi_max_pacing_rate: u64,
  tcpi_bytes_acked: u64,
  tcpi_bytes_received: u64,
  tcpi_segs_out: u32,
  tcpi_segs_in: u32,
  tcpi_notsent_bytes: u32,
  tcpi_min_rtt: u32,
  tcpi_data_segs_in: u32,
  tcpi_data_segs_out: u32,
  tcpi_delivery_rate: u64,
  tcpi_busy_time: u64,
  tcpi_rwnd_limited: u64,
  tcpi_sndbuf_limited: u64,
  tcpi_delivered: u32,
  tcpi_delivered_ce: u32,
  tcpi_bytes_sent: u64,
  tcpi_bytes_retrans: u64,
  tcpi_dsack_dups: u32,
  tcpi_reord_seen: u32,
  tcpi_rcv_ooopack: u32,
  tcpi_snd_wnd: u32,
  tcpi_rcv_wnd: u32,
  tcpi_rehash: u32,
  tcpi_total_rto: u16,
  tcpi_total_rto_recoveries: u16,
  tcpi_total_rto_time: u32,
  tcpi_received_ce: u32,
  tcpi_delivered_e1_bytes: u32,
  tcpi_delivered_e0_bytes: u32,
  tcpi_delivered_ce_bytes: u32,
  tcpi_received_e1_bytes: u32,
  tcpi_received_e0_bytes: u32,
  tcpi_received_ce_bytes: u32,
  tcpi_accecn_fail_mode: u16,
  tcpi_accecn_opt_seen: u16,
});

/** `struct tcp_info` under the kernel's names; a field that this kernel does not have is absent. */
export type TcpInfo = Partial<StructValue<typeof tcp_info>>;
