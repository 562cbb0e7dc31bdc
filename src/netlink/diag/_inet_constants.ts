/** Numbers of inet_diag: include/uapi/linux/inet_diag.h and sock_diag.h, v6.18. */

/** The request of before Linux 3.3, which every later kernel takes too. */
export const TCPDIAG_GETSOCK = 18;
export const SOCK_DIAG_BY_FAMILY = 20;
export const SOCK_DESTROY = 21;

export const AF_INET = 2;
export const AF_INET6 = 10;

/** The protocols that the kernel may have a handler for. */
export const PROTOCOLS = {
  tcp: 6,
  udp: 17,
  dccp: 33,
  sctp: 132,
  udplite: 136,
  raw: 255,
  mptcp: 262,
} as const;

// struct inet_diag_msg, and the struct inet_diag_sockid in it, which requests have at the same distance from each other.
export const MSG_LEN = 72;
export const MSG_STATE = 1;
export const MSG_TIMER = 2;
export const MSG_RETRANS = 3;
export const MSG_ID = 4;
export const MSG_EXPIRES = 52;
export const MSG_RQUEUE = 56;
export const MSG_WQUEUE = 60;
export const MSG_UID = 64;
export const MSG_INODE = 68;

// struct inet_diag_sockid
export const ID_LEN = 48;
export const ID_SPORT = 0;
export const ID_DPORT = 2;
export const ID_SRC = 4;
export const ID_DST = 20;
export const ID_IF = 36;
export const ID_COOKIE = 40;

// struct inet_diag_req_v2
export const REQ_LEN = 56;
export const REQ_ID = 8;

// struct inet_diag_req, of TCPDIAG_GETSOCK.
export const OLD_REQ_LEN = 60;
export const OLD_REQ_EXT = 3;
export const OLD_REQ_STATES = 52;

export const INET_DIAG_REQ_BYTECODE = 1;
export const INET_DIAG_REQ_PROTOCOL = 3;

// Attributes of an answer.
export const INET_DIAG_MEMINFO = 1;
export const INET_DIAG_INFO = 2;
export const INET_DIAG_VEGASINFO = 3;
export const INET_DIAG_CONG = 4;
export const INET_DIAG_TOS = 5;
export const INET_DIAG_TCLASS = 6;
export const INET_DIAG_SKMEMINFO = 7;
export const INET_DIAG_SHUTDOWN = 8;
export const INET_DIAG_DCTCPINFO = 9;
export const INET_DIAG_PROTOCOL = 10;
export const INET_DIAG_SKV6ONLY = 11;
export const INET_DIAG_LOCALS = 12;
export const INET_DIAG_PEERS = 13;
export const INET_DIAG_PAD = 14;
export const INET_DIAG_MARK = 15;
export const INET_DIAG_BBRINFO = 16;
export const INET_DIAG_CLASS_ID = 17;
export const INET_DIAG_MD5SIG = 18;
export const INET_DIAG_ULP_INFO = 19;
export const INET_DIAG_SK_BPF_STORAGES = 20;
export const INET_DIAG_CGROUP_ID = 21;
export const INET_DIAG_SOCKOPT = 22;
