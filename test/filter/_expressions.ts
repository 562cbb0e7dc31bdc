/** The expressions whose programs are compared with tcpdump's: by hand, each way of saying something at least once. */

const lines = (text: string): string[] =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim());

/** For Ethernet; none needs /etc/services, /etc/protocols or the metadata of a live capture. */
export const EXPRESSIONS: readonly string[] = lines(String.raw`
  ip
  ip6
  arp
  rarp
  tcp
  udp
  sctp
  icmp
  icmp6
  igmp
  igrp
  pim
  vrrp
  carp
  ah
  esp
  atalk
  aarp
  decnet
  lat
  sca
  moprc
  mopdl
  iso
  stp
  ipx
  netbeui
  not ip
  ! tcp
  not not udp
  ip or ip6
  tcp or udp
  tcp || udp
  ip && tcp
  ip and not tcp
  not (tcp or udp)
  not tcp and not udp
  not tcp or udp
  arp or rarp or icmp
  ip or arp and udp
  (ip or arp) and udp
  ip or (arp and udp)
  tcp and (ip or ip6)
  host 10.0.0.1
  src host 10.0.0.1
  dst host 10.0.0.1
  src or dst host 10.0.0.1
  dst or src host 10.0.0.1
  src and dst host 10.0.0.1
  dst and src host 10.0.0.1
  src 10.0.0.1
  dst 10.0.0.1
  src or dst 10.0.0.1
  src and dst 10.0.0.1
  not host 10.0.0.1
  host not 10.0.0.1
  host 10.0.0.1 or 10.0.0.2
  host 10.0.0.1 and 10.0.0.2
  host 10.0.0.1 or 10.0.0.2 or 192.168.1.7
  host (10.0.0.1 or 10.0.0.2)
  host (10.0.0.1 or not 10.0.0.2)
  host (10.0.0.1 and (10.0.0.2 or 192.168.1.7))
  src host 10.0.0.1 and dst host 10.0.0.2
  src 10.0.0.1 and dst 10.0.0.2
  src 10.0.0.1 or dst 10.0.0.2
  host 10.0.0.1 and not 10.0.0.2
  host 10.0.0.1 and not host 10.0.0.2
  ip host 10.0.0.1
  arp host 10.0.0.1
  rarp host 10.0.0.1
  ip src 10.0.0.1
  arp src host 10.0.0.1
  arp dst host 10.0.0.2
  ip src or dst host 10.0.0.2
  host 255.255.255.255
  host 0.0.0.0
  host ::1
  host ::
  src host 2001:db8::1
  dst host 2001:db8::2
  src or dst 2001:db8::1
  src and dst 2001:db8::1
  ip6 host fe80::1
  ip6 src fe80::1
  host 2001:db8:0:0:0:0:0:1
  host 2001:DB8::1
  host ::ffff:10.0.0.1
  host 10.0.0.1 or ::1
  host 2001:db8::1 or 2001:db8::2
  not host ::1
  net 10
  net 192.168
  net 192.168.1
  net 192.168.1.7
  net 10.0.0.0/8
  net 10.0.0.0/30
  net 192.168.0.0/16
  net 0.0.0.0/0
  net 10.0.0.1/32
  net 128.0.0.0/1
  net 10.0.0.0 mask 255.0.0.0
  net 192.168.1.0 mask 255.255.255.0
  net 10.0.0.0 mask 255.0
  net 10 or 192.168
  src net 10
  dst net 10.0.0.0/8
  src and dst net 10
  src or dst net 192.168
  src net 10 and dst net 192.168
  not src net 10
  ip net 10
  arp net 10
  net 167772160
  net 2001:db8::/32
  net fe80::/10
  net ::/0
  net 2001:db8::/127
  net 2001:db8::1
  net 2001:db8::1/128
  src net 2001:db8::/33
  ip6 net ff00::/8
  dst net fe80::/64
  port 80
  src port 80
  dst port 80
  src or dst port 80
  src and dst port 80
  not port 80
  port not 80
  tcp port 80
  udp port 53
  sctp port 80
  tcp src port 80
  udp dst port 53
  tcp src and dst port 80
  port 0
  port 65535
  port 0x50
  port 0120
  port (80)
  port 80 or 443
  port (80 or 443)
  port 80 or port 443
  port 80 and 443
  port (80 or 443 or 8080) and not 22
  tcp port 80 or 443
  tcp port 80 or udp port 53
  tcp port 80 and host 10.0.0.1
  host 10.0.0.1 and port 80
  host 10.0.0.1 and tcp port 80 and not net 192.168
  not port 22 and not arp
  not (port 22 or port 53)
  port 80 or icmp
  tcp and port 53
  tcp and not port 80
  udp and port 53 and host 10.0.0.2
  portrange 20-80
  portrange 80-20
  portrange 80-80
  portrange 80
  portrange 0-65535
  src portrange 20-443
  dst portrange 80-8080
  src and dst portrange 20-500
  tcp portrange 20-80
  udp src portrange 50-60
  sctp portrange 1-1024
  not portrange 20-80
  portrange 20-22 or 80-90
  tcp portrange 20-80 or udp portrange 443-8080
  tcp src portrange 1024-65535 and dst port 80
  proto 6
  proto 17
  proto 0
  proto 255
  ip proto 6
  ip proto 47
  ip6 proto 6
  ip6 proto 44
  ip6 proto 58
  ip proto (6 or 17)
  ip proto 6 or 17
  not proto 6
  ether proto 0x800
  ether proto 0x86dd
  ether proto 0x88cc
  ether proto 0x8864
  ether proto 0x42
  ether proto 0x06
  ether proto 0xe0
  ether proto 0xf0
  ether proto 0xfe
  ether proto 0x9000
  ether proto \ip
  ether proto \arp
  ether proto \ip6
  ether proto \ipx
  ether proto \stp
  ether proto loopback
  ether proto 0x800 or 0x806
  ether host 02:00:00:00:00:01
  ether src 02:00:00:00:00:01
  ether dst 02:00:00:00:00:02
  ether src host 02:00:00:00:00:01
  ether src and dst 02:00:00:00:00:01
  ether host 02-00-00-00-00-01
  ether host 2.0.0.0.0.1
  ether host 0200.0000.0001
  ether host 020000000001
  ether host ff:ff:ff:ff:ff:ff
  ether host 02:00:00:00:00:01 or 02:00:00:00:00:02
  not ether host 02:00:00:00:00:01
  link host 02:00:00:00:00:01
  ether broadcast
  ether multicast
  broadcast
  multicast
  not broadcast
  not multicast
  broadcast or multicast
  multicast and not broadcast
  ip multicast
  ip6 multicast
  ip multicast or ip6 multicast
  less 64
  greater 64
  less 0
  greater 1500
  greater 60 and less 100
  len > 100
  len >= 60
  len < 60
  len <= 60
  len = 60
  len != 60
  length == 74
  len - 14 > 46
  ip[0] = 0x45
  ip[0] & 0xf = 5
  ip[0] & 0xf != 5
  (ip[0] & 0xf) * 4 > 20
  ip[8] < 5
  ip[8] <= 64
  ip[9] = 6
  ip[2:2] > 60
  ip[2:2] >= 40
  ip[6:2] & 0x1fff = 0
  ip[6:2] & 0x1fff != 0
  ip[6] & 0x20 != 0
  ip[6:2] & 0x2000 != 0 or ip[6:2] & 0x1fff != 0
  ip[12:4] = 0x0a000001
  ip[16] >= 224
  ip[100] = 0
  ip[100] & 0 = 0
  ip6[6] = 6
  ip6[7] > 32
  ip6[0] & 0xf0 = 0x60
  ip6[40] = 17
  arp[6:2] = 1
  arp[7] = 2
  arp[14:4] = 0x0a000001
  rarp[0:2] = 1
  ether[0] & 1 = 1
  ether[0] & 1 = 0
  ether[0] & 1 != 0 and not broadcast
  ether[12:2] = 0x800
  ether[12:2] > 1500
  ether[12:2] <= 1500
  ether[6:4] = 0x02000000
  ether[50] = 0
  ether[100] = 1 or ether[12:2] = 0x800
  ether[12:2] = 0x800 or ether[100] = 1 or ether[12:2] = 0x806
  ether[60] = 0 or not ether[60] = 0
  not ether[60] = 0
  tcp[13] = 2
  tcp[13] & 2 != 0
  tcp[tcpflags] & (tcp-syn|tcp-fin) != 0
  tcp[tcpflags] & (tcp-syn | tcp-ack) = (tcp-syn | tcp-ack)
  tcp[tcpflags] = tcp-syn
  tcp[tcpflags] & tcp-rst != 0
  tcp[tcpflags] & (tcp-push|tcp-urg|tcp-ece|tcp-cwr) != 0
  tcp[0:2] = 80 or tcp[2:2] = 80
  tcp[0:2] > 1023 and tcp[2:2] = 443
  tcp[12] >> 4 > 5
  tcp[12] & 0xf0 > 0x50
  tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420
  tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)
  tcp[2:2] & 1 = 1
  tcp[4:4] > 0x7fffffff
  udp[0:2] = 53
  udp[4:2] > 8
  udp[8:4] = 0
  udp[2:2] = udp[0:2]
  sctp[0:2] = 80
  igmp[0] = 8
  icmp[icmptype] = icmp-echo
  icmp[icmptype] = icmp-echo or icmp[icmptype] = icmp-echoreply
  icmp[icmptype] != icmp-echo and icmp[icmptype] != icmp-echoreply
  icmp[icmpcode] = 1
  icmp[0] = icmp-unreach
  icmp[icmptype] = icmp-timxceed or icmp[icmptype] = icmp-unreach
  icmp6[icmp6type] = icmp6-echo
  icmp6[0] = 135
  icmp6[icmp6type] = icmp6-neighborsolicit or icmp6[icmp6type] = icmp6-neighboradvert
  icmp6[icmp6code] > 0
  ip[0] + ip[1] = 69
  ip[0] - 1 = 68
  ip[2:2] / 2 > 30
  ip[2:2] * 2 > 120
  ip[8] % 2 = 0
  ip[8] % 3 + 1 = 2
  ip[8] ^ 0xff = 0xbf
  ip[8] | 1 = 65
  ip[8] << 2 = 256
  ip[8] >> 2 = 16
  ip[8] + 2 * 3 = 70
  (ip[8] + 2) * 3 = 198
  ip[8] - 2 - 3 = 59
  ip[8] & 0xf0 + 1 = 0x41
  ip[8] | 1 & 3 = 65
  -(ip[8]) = 0 - 64
  1 = ip[0] >> 6
  0x45 = ip[0]
  ip[ip[0] & 0xf] = 0
  ether[ip[0] & 0xf] = 0
  ip[0] + tcp[0] = 5
  ip[8] > udp[0]
  tcp[0] * 0 = 0
  1 = 1
  1 + 1 = 2 and tcp
  2 > 1
  vlan
  vlan 5
  vlan 100 and tcp
  vlan and ip
  vlan and host 10.0.0.1
  vlan and vlan
  vlan 5 and vlan 100
  vlan and tcp port 80
  vlan and not port 80
  vlan 5 or vlan 100
  not vlan
  ip or (vlan and ip)
  vlan and ip[8] > 1
  mpls
  mpls 16
  mpls and ip
  mpls 16 and host 10.0.0.1
  mpls and mpls
  mpls 100 and mpls 1024 and tcp port 80
  vlan and mpls
  pppoed
  pppoes
  pppoes 7
  pppoes and ip
  pppoes 7 and tcp port 80
  pppoes and ip6 host ::1
  vlan and pppoes and udp
`);

/** Those that ask for what only a live capture knows. */
export const METADATA_EXPRESSIONS: readonly string[] = lines(`
  inbound
  outbound
  not inbound
  inbound and tcp
  ifindex 1
  ifindex 2 and udp port 53
`);

/** Those with names that tcpdump reads from /etc/protocols and /etc/services, and that IANA's registry has alike. */
export const NAMED_EXPRESSIONS: readonly string[] = lines(String.raw`
  ip proto \tcp
  ip proto \udp
  ip proto \icmp
  ip6 proto \tcp
  ip6 proto ipv6-frag
  proto gre
  proto \sctp
  ip proto (\tcp or \udp)
  proto ospf
  port domain
  tcp port http
  tcp port ssh
  tcp port https
  udp port ntp
  udp port domain
  tcp port http or https
  tcp portrange ftp-ssh
  not tcp port http
`);
