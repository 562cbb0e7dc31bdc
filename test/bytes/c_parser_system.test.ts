/** Structs of the system, read from copies of their declarations, against the same structs of the installed headers. */
import assert from "node:assert/strict";
import { arch } from "node:os";
import { test } from "node:test";
import { parseDeclarations, toHex } from "../../src/bytes/index.ts";
import { Gcc } from "./_gcc.ts";

/** As the headers have them: their macros, anonymous members, bit fields in both orders, and attributes. */
const TEXT = `
/* <netinet/tcp.h> */
struct tcphdr {
  __extension__ union {
    struct {
      uint16_t th_sport;	/* source port */
      uint16_t th_dport;	/* destination port */
      uint32_t th_seq, th_ack;
# if __BYTE_ORDER == __LITTLE_ENDIAN
      uint8_t th_x2:4, th_off:4;
# endif
# if __BYTE_ORDER == __BIG_ENDIAN && 0
      uint8_t th_off:4;
      uint8_t th_x2:4;
# endif
      uint8_t th_flags;
# define TH_FIN	0x01
# define TH_SYN	0x02
      uint16_t th_win, th_sum, th_urp;
    };
    struct {
      uint16_t source;
      uint16_t dest;
      uint32_t seq;
      uint32_t ack_seq;
      uint16_t res1:4;
      uint16_t doff:4;
      uint16_t fin:1;
      uint16_t syn:1;
      uint16_t rst:1;
      uint16_t psh:1;
      uint16_t ack:1;
      uint16_t urg:1;
      uint16_t res2:2;
      uint16_t window;
      uint16_t check;
      uint16_t urg_ptr;
    };
  };
};

/* <netinet/ip.h> */
struct iphdr {
#if __BYTE_ORDER == __LITTLE_ENDIAN
    unsigned int ihl:4;
    unsigned int version:4;
#elif __BYTE_ORDER == __BIG_ENDIAN
    unsigned int version:4;
    unsigned int ihl:4;
#else
# error "Please fix <bits/endian.h>"
#endif
    uint8_t tos;
    uint16_t tot_len;
    uint16_t id;
    uint16_t frag_off;
    uint8_t ttl;
    uint8_t protocol;
    uint16_t check;
    uint32_t saddr;
    uint32_t daddr;
};

/* <netinet/ip_icmp.h> */
struct icmphdr {
  uint8_t type;
  uint8_t code;
  uint16_t checksum;
  union {
    struct { uint16_t id; uint16_t sequence; } echo;
    uint32_t gateway;
    struct { uint16_t __glibc_reserved; uint16_t mtu; } frag;
  } un;
};

/* <bits/socket.h> */
#define _SS_SIZE 128
#define __SOCKADDR_COMMON_SIZE (sizeof (unsigned short int))
#define __ss_aligntype	unsigned long int
#define _SS_PADSIZE \\
  (_SS_SIZE - __SOCKADDR_COMMON_SIZE - sizeof (__ss_aligntype))
struct sockaddr_storage {
    sa_family_t ss_family;
    char __ss_padding[_SS_PADSIZE];
    __ss_aligntype __ss_align;
};
struct sockaddr_in {
    sa_family_t sin_family;
    in_port_t sin_port;
    struct in_addr sin_addr;
    unsigned char sin_zero[sizeof (struct sockaddr)
			   - __SOCKADDR_COMMON_SIZE
			   - sizeof (in_port_t)
			   - sizeof (struct in_addr)];
};
struct sockaddr_in6 {
    sa_family_t sin6_family;
    in_port_t sin6_port;
    uint32_t sin6_flowinfo;
    struct in6_addr sin6_addr;
    uint32_t sin6_scope_id;
};
struct msghdr {
    void *msg_name;
    socklen_t msg_namelen;
    struct iovec *msg_iov;
    size_t msg_iovlen;
    void *msg_control;
    size_t msg_controllen;
    int msg_flags;
};
struct cmsghdr {
    size_t cmsg_len;
    int cmsg_level, cmsg_type;
    __extension__ unsigned char __cmsg_data[];
};

/* <sys/epoll.h>, x86-64 */
typedef union epoll_data {
  void *ptr;
  int fd;
  uint32_t u32;
  uint64_t u64;
} epoll_data_t;
#ifdef __x86_64__
# define __EPOLL_PACKED __attribute__ ((__packed__))
#else
# define __EPOLL_PACKED
#endif
struct epoll_event {
  uint32_t events;
  epoll_data_t data;
} __EPOLL_PACKED;

/* <net/if.h> */
struct ifmap { unsigned long int mem_start, mem_end; unsigned short int base_addr; unsigned char irq, dma, port; };
struct ifreq {
# define IFHWADDRLEN 6
    union { char ifrn_name[IFNAMSIZ]; } ifr_ifrn;
    union {
	struct sockaddr ifru_addr;
	struct sockaddr ifru_dstaddr;
	short int ifru_flags;
	int ifru_ivalue, ifru_mtu;
	struct ifmap ifru_map;
	char ifru_slave[IFNAMSIZ];
	char *ifru_data;
    } ifr_ifru;
};

/* <linux/if_ether.h>, <linux/if_packet.h>, <linux/netlink.h> */
struct ethhdr {
	unsigned char	h_dest[ETH_ALEN];	/* destination eth addr	*/
	unsigned char	h_source[ETH_ALEN];	/* source ether addr	*/
	__be16		h_proto;		/* packet type ID field	*/
} __attribute__((packed));
struct sockaddr_ll {
	unsigned short	sll_family;
	__be16		sll_protocol;
	int		sll_ifindex;
	unsigned short	sll_hatype;
	unsigned char	sll_pkttype;
	unsigned char	sll_halen;
	unsigned char	sll_addr[8];
};
struct tpacket_bd_ts {
	unsigned int ts_sec;
	union { unsigned int ts_usec; unsigned int ts_nsec; };
};
struct tpacket_hdr_v1 {
	__u32	block_status;
	__u32	num_pkts;
	__u32	offset_to_first_pkt;
	__u32	blk_len;
	__aligned_u64	seq_num;
	struct tpacket_bd_ts	ts_first_pkt, ts_last_pkt;
};
struct nlmsghdr { __u32 nlmsg_len; __u16 nlmsg_type, nlmsg_flags; __u32 nlmsg_seq, nlmsg_pid; };

/* <sys/stat.h>, x86-64 */
#ifdef __x86_64__
struct stat {
    dev_t st_dev;
    ino_t st_ino;
    nlink_t st_nlink;
    mode_t st_mode;
    uid_t st_uid;
    gid_t st_gid;
    int __pad0;
    dev_t st_rdev;
    off_t st_size;
    blksize_t st_blksize;
    blkcnt_t st_blocks;
    struct timespec st_atim, st_mtim, st_ctim;
    long __glibc_reserved[3];
};
#else
struct stat {
    dev_t st_dev; ino_t st_ino; mode_t st_mode; nlink_t st_nlink; uid_t st_uid; gid_t st_gid; dev_t st_rdev;
    unsigned long __pad1; off_t st_size; blksize_t st_blksize; int __pad2; blkcnt_t st_blocks;
    struct timespec st_atim, st_mtim, st_ctim;
    int __glibc_reserved[2];
};
#endif

/* <sys/sysinfo.h> */
struct sysinfo {
	__kernel_long_t uptime;
	__kernel_ulong_t loads[3];
	__kernel_ulong_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	__u16 procs;
	__u16 pad;
	__kernel_ulong_t totalhigh, freehigh;
	__u32 mem_unit;
	char _f[20-2*sizeof(__kernel_ulong_t)-sizeof(__u32)];	/* Padding: libc5 uses this.. */
};

/* <termios.h> */
typedef unsigned char	cc_t;
typedef unsigned int	speed_t;
typedef unsigned int	tcflag_t;
#define NCCS 32
struct termios {
    tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
    cc_t c_line;
    cc_t c_cc[NCCS];
    speed_t c_ispeed;
    speed_t c_ospeed;
#define _HAVE_STRUCT_TERMIOS_C_ISPEED 1
};
`;

const HEADERS = `
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
`;

const gcc = new Gcc("");
const { structs } = parseDeclarations(TEXT, { abi: arch() === "arm64" ? "arm64" : "x86-64" });

test("structs of the system's headers are read as gcc reads them", { skip: gcc.missing }, () => {
  const all = [...structs.values()];
  assert.equal(all.length, 19);
  const plain = all.map((s) => s.fields.filter(({ name, bits }) => !bits && !name.startsWith("__")));
  const tables = all.map(({ name }, i) => {
    const type = `struct ${name}`;
    const places = (plain[i] ?? []).flatMap((field) => [
      `offsetof(${type}, ${field.name})`,
      // A flexible array has no size.
      ...(field.size > 0 ? [`sizeof(((${type} *)0)->${field.name})`] : ["0"]),
    ]);
    return [`sizeof(${type})`, `_Alignof(${type})`, ...places];
  });
  const objects = gcc.objects(
    HEADERS +
      tables.map((numbers, i) => `SHOWN uint32_t n${i}[] = { ${numbers.join(", ")} };\n`).join("") +
      "SHOWN struct tcphdr v = { .source = 80, .doff = 5, .syn = 1, .ack = 1, .window = 4096 };\n" +
      "SHOWN struct iphdr w = { .ihl = 5, .version = 4, .ttl = 64 };\n",
    [...tables.map((numbers) => numbers.length * 4), 20, 20],
  );
  for (const [i, s] of all.entries()) {
    const theirs = [...new Uint32Array((objects[i] as Uint8Array).slice().buffer)];
    const ours = [s.size, s.align, ...(plain[i] ?? []).flatMap(({ offset, size }) => [offset, size])];
    assert.deepEqual(ours, theirs, s.name);
  }
  const encode = (name: string, values: object): string =>
    toHex((structs.get(name) as { encode(values: object): Uint8Array }).encode(values));
  assert.equal(
    encode("tcphdr", { source: 80, doff: 5, syn: 1, ack: 1, window: 4096 }),
    toHex(objects.at(-2) as Uint8Array),
  );
  assert.equal(encode("iphdr", { ihl: 5, version: 4, ttl: 64 }), toHex(objects.at(-1) as Uint8Array));
});

test("ports and addresses of the system's structs are in network order", () => {
  const sockaddr_in = structs.get("sockaddr_in");
  assert.deepEqual(sockaddr_in?.decode(Uint8Array.of(2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)), {
    sin_family: 2,
    sin_port: 80,
    sin_addr: { s_addr: 0x7f000001 },
    sin_zero: new Uint8Array(8),
  });
});
