/** The numbers of the C headers that only programs need, and nothing in this package: `sys/` has the others. */

// sys/socket.h
export const AF_LOCAL = 1;
export const PF_UNSPEC = 0;
export const PF_LOCAL = 1;
export const PF_UNIX = 1;
export const PF_INET = 2;
export const PF_INET6 = 10;
export const PF_NETLINK = 16;
export const PF_PACKET = 17;
export const SOCK_RDM = 4;
export const SOCK_PACKET = 10;
export const MSG_FASTOPEN = 0x20000000;
export const MSG_WAITFORONE = 0x10000;
export const SCM_TIMESTAMP = 29;

// Option level and names, socket(7)
export const SO_GET_FILTER = 26;
export const SO_ATTACH_REUSEPORT_CBPF = 51;

// netinet/in.h
export const IPPROTO_DCCP = 33;
export const IPPORT_RESERVED = 1024;
export const INADDR_ANY = 0;
export const INADDR_BROADCAST = 0xffffffff;
export const INADDR_NONE = 0xffffffff;
export const INADDR_LOOPBACK = 0x7f000001;
export const INADDR_UNSPEC_GROUP = 0xe0000000;
export const INADDR_ALLHOSTS_GROUP = 0xe0000001;
export const INADDR_ALLRTRS_GROUP = 0xe0000002;
export const INET_ADDRSTRLEN = 16;
export const INET6_ADDRSTRLEN = 46;

// Option level and names, ip(7)
export const SOL_IP = 0;
export const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_UNBLOCK_SOURCE = 37;
export const IP_BLOCK_SOURCE = 38;
export const IP_ADD_SOURCE_MEMBERSHIP = 39;
export const IP_DROP_SOURCE_MEMBERSHIP = 40;

// Option level and names, ipv6(7)
export const SOL_IPV6 = 41;
export const SOL_ICMPV6 = 58;
export const IPV6_JOIN_GROUP = 20;
export const IPV6_LEAVE_GROUP = 21;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_DROP_MEMBERSHIP = 21;

// Option levels and names, tcp(7), udp(7)
export const SOL_TCP = 6;
export const SOL_UDP = 17;
export const TCP_ZEROCOPY_RECEIVE = 35;

// poll.h, sys/select.h, sys/uio.h
export const POLLRDNORM = 0x40;
export const POLLRDBAND = 0x80;
export const POLLWRNORM = 0x100;
export const POLLWRBAND = 0x200;
export const FD_SETSIZE = 1024;
export const UIO_MAXIOV = 1024;

// fcntl.h, unistd.h
export const F_DUPFD = 0;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_APPEND = 0x400;
export const O_ASYNC = 0x2000;
export const STDIN_FILENO = 0;
export const STDOUT_FILENO = 1;
export const STDERR_FILENO = 2;

// sys/ioctl.h, net/if.h
export const FIONREAD = 0x541b;
export const FIONBIO = 0x5421;
export const FIONCLEX = 0x5450;
export const FIOCLEX = 0x5451;
export const FIOASYNC = 0x5452;
export const SIOCATMARK = 0x8905;
export const SIOCGIFNAME = 0x8910;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFADDR = 0x8915;
export const SIOCGIFDSTADDR = 0x8917;
export const SIOCGIFBRDADDR = 0x8919;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const SIOCGIFHWADDR = 0x8927;
export const IFNAMSIZ = 16;
export const IF_NAMESIZE = 16;
export const IFF_UP = 1;
export const IFF_BROADCAST = 2;
export const IFF_LOOPBACK = 8;
export const IFF_RUNNING = 0x40;
export const IFF_MULTICAST = 0x1000;

// netdb.h
export const AI_IDN = 0x40;
export const AI_CANONIDN = 0x80;
export const NI_IDN = 0x20;
