/** Changes in the words of ip(8): made by ip in one namespace and by this program in another, both show the same. */
import assert from "node:assert/strict";
import { change } from "../../src/cli/network/change_verb.ts";
import { isolated, random, test } from "../socket/_helpers.ts";
import { inNamespace } from "./_cli.ts";
import { assertSame, noTwins, oursOf, Shell, wordsOf } from "./_twins.ts";

/**
 * Makes the same changes in two namespaces; what is refused has to be refused in the same words.
 * @param refused how many lines at most may be refused: by default a third
 */
function twins(
  name: string,
  setUp: readonly string[],
  lines: readonly string[],
  refused = lines.length / 3,
): void {
  isolated(import.meta.url, name, { netns: "true", skip: noTwins }, async () => {
    const [theirs, ours] = await Promise.all([Shell.open(true, setUp), Shell.open(false, setUp)]);
    using _theirs = theirs;
    using _ours = ours;
    await assertSame(theirs, ours, "before the first change");
    let refusals = 0;
    for (const line of lines) {
      const said = await theirs.ip(wordsOf(line));
      const { noun, words, options } = oursOf(line);
      const mine = await change(noun, words, options).then(
        (code) => `${code === 0 ? "" : code}`,
        (error: Error) => error.message.split("\n", 1)[0],
      );
      assert.equal(mine, said.code === 0 ? "" : said.line, line);
      if (said.code === 0) await assertSame(theirs, ours, line, noun);
      else refusals++;
    }
    await assertSame(theirs, ours, "after the last change");
    assert.ok(refusals <= refused, `${refusals} of ${lines.length} lines are refused`);
  });
}

const LINKS = [
  "link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02",
  "link add v2 address 02:00:00:00:00:03 type veth peer name v3 address 02:00:00:00:00:04",
  "link set lo up",
  "link set v0 up",
  "link set v1 up",
  "link set v2 up",
  "link set v3 up",
];
const ADDRESSED = [
  ...LINKS,
  "addr add 192.0.2.1/24 dev v0",
  "addr add 198.51.100.1/24 dev v2",
  "addr add 2001:db8::1/64 dev v0 nodad",
  "addr add 2001:db8:1::1/64 dev v2 nodad",
];

twins("links are made and deleted", LINKS.slice(0, 1), [
  "link add br0 type bridge",
  "link add name br1 address 02:00:00:00:01:01 mtu 1400 type bridge forward_delay 400 hello_time 300 max_age 900 ageing_time 5000",
  "link add br2 type bridge stp_state 1 priority 4096 group_fwd_mask 8",
  "link add br8 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 7",
  "link add br3 type bridge mcast_router 2 mcast_snooping 0 mcast_querier 1 mcast_query_use_ifaddr 1 mcast_hash_max 1024 nf_call_iptables 1",
  "link add br4 type bridge mcast_last_member_count 3 mcast_startup_query_count 4 mcast_last_member_interval 200 mcast_membership_interval 20000",
  "link add br5 type bridge mcast_querier_interval 20000 mcast_query_interval 10000 mcast_query_response_interval 900 mcast_startup_query_interval 3000",
  "link add br6 type bridge mcast_stats_enabled 1 mcast_igmp_version 3 mcast_mld_version 2 vlan_stats_enabled 1 vlan_stats_per_port 1",
  "link add br7 type bridge no_linklocal_learn 1 group_address 01:80:c2:00:00:0d nf_call_ip6tables 1 nf_call_arptables 1 forward 500",
  "link a link v0 name mac0 type macvlan mode bridge",
  "link add link v0 mac1 address 02:00:00:00:02:01 up type macvlan mode private bcqueuelen 500",
  "link add link v0 mac2 type macvlan mode source macaddr add 02:00:00:00:02:02",
  "link set mac2 type macvlan macaddr set 02:00:00:00:02:03 02:00:00:00:02:04",
  "link set mac2 type macvlan macaddr flush",
  "link add link v0 tap0 type macvtap mode vepa nodst",
  "link add link v1 name mac3 type macvlan mode passthru nopromisc",
  "link add vx0 type vxlan id 5 dstport 4789",
  "link add vx1 type vxlan id 6 remote 192.0.2.9 local 192.0.2.1 dstport 4790 ttl 9 tos 10 df set",
  "link add vx2 type vxlan id 7 group 239.1.1.1 dev v0 dstport 4791 nolearning proxy rsc l2miss l3miss",
  "link add vx3 type vxlan vni 8 remote 2001:db8::9 dstport 4792 ttl inherit tos inherit ageing 600 maxaddress 50 srcport 1000 2000",
  "link add vx4 type vxlan external dstport 4793",
  "link add vx5 type vxlan id 9 dstport 4794 udpcsum noudp6zerocsumtx udp6zerocsumrx ageing none gbp",
  "link add vx6 type vxlan id 10 dstport 0 remote 2001:db8::7 flowlabel 0x1234 nolearning vnifilter",
]);

twins("links of other kinds, groups, and what is deleted", LINKS.slice(0, 1), [
  "link add br2 type bridge",
  "link add br3 type bridge",
  "link add ifb7 type ifb",
  "link add numtxqueues 3 numrxqueues 2 name q0 type veth peer name q1 numtxqueues 2 mtu 1300 address 02:00:00:00:03:01 txqueuelen 9",
  "link add d0 txqlen 77 index 500 type veth peer d1 index 501",
  "link add p0 type veth peer name p1 promisc on alias other",
  "link add n0 type veth",
  "link add d9 type dummy",
  "link add v9 link v0 type vlan id 5",
  "link add tt type tun",
  "link add vx0 type vxlan id 5 dstport 4789",
  "link delete dev vx0 type vxlan",
  "link d q1",
  "link del nope",
  "link set br2 group 7",
  "link set dev br3 group 7",
  "link del group 7",
  "link del group 7",
]);

twins("links are set", LINKS, [
  "link set v0 mtu 1300",
  "link set dev v0 mtu 0x600 txqueuelen 55",
  "link set v0 down",
  "link set v0 name renamed",
  "link set renamed name v0 up",
  "link set v0 alias 'some words'",
  "link set v0 alias ''",
  "link set v0 address 2:0:0:0:0:9",
  "link set v0 address 02:00:00:00:00:01 broadcast 02:00:00:00:00:ff",
  "link set v0 arp off multicast off",
  "link set v0 arp on multicast on allmulticast on promisc on",
  "link set v0 allmulticast off promisc off",
  "link set v0 dynamic on",
  "link set v0 dynamic off trailers off",
  "link set v0 trailers on",
  "link set v0 group 9",
  "link set group 9 mtu 1280 down",
  "link set group 9 up",
  "link set group 44 up",
  "link set v0 group default",
  "link set v0 addrgenmode eui64",
  "link set v0 addrgenmode none",
  "link set v0 mode dormant",
  "link set v0 state up",
  "link set v0 mode default",
  "link set v0 protodown on",
  "link set v0 protodown off",
  "link set v0 gso_max_size 30000 gso_max_segs 100",
  "link set v0 gro_max_size 40000",
  "link set v0 carrier off",
]);

twins("ports of bridges, and more names", LINKS, [
  "link add br0 address 02:00:00:00:01:01 type bridge",
  "link set br0 up",
  "link set v1 master br0",
  "link set v1 type bridge_slave cost 5 priority 9 hairpin on guard on root_block on fastleave on learning off flood off",
  "link set v1 type bridge_slave mcast_router 2 mcast_flood off bcast_flood off mcast_to_unicast on neigh_suppress on isolated on locked on",
  "link set v1 type bridge_slave proxy_arp on proxy_arp_wifi on vlan_tunnel on group_fwd_mask 16 mcast_fast_leave off state 0",
  "link set v1 type bridge_slave fdb_flush",
  "link set v3 master br0",
  "link set v1 type bridge_slave backup_port v3",
  "link set v1 type bridge_slave nobackup_port",
  "link set br0 type bridge ageing_time 700 stp_state 1 fdb_flush",
  "link set v1 nomaster",
  "link set v3 nomaster down",
  "link property add dev v0 altname another-name-of-it",
  "link property add v0 altname second altname a-third-name",
  "link set another-name-of-it mtu 1290",
  "link property del dev second altname a-third-name altname second",
  "link property del dev v0 altname nope",
  "link s v2 down",
  "link change v2 up",
]);

twins("addresses", LINKS, [
  "addr add 192.0.2.1/24 dev v0",
  "addr add 1.2.3.4/24 dev v0",
  "addr a 10/8 dev v0",
  "addr add 10.5.0.1/16 broadcast + dev v0",
  "addr add 10.6.0.1/16 brd - dev v0",
  "addr add 10.7.0.1/16 brd 10.7.0.99 dev v0",
  "addr add 10.8.0.1/31 brd + dev v0",
  "addr add 10.9.0.1 peer 10.9.0.2 dev v0",
  "addr add 10.10.0.1 peer 10.10.0.2/30 brd + dev v0",
  "addr add local 10.11.0.1/24 remote 10.11.0.9/24 dev v0",
  "addr add 10.12.0.1/24 label v0:x dev v0",
  "addr add 10.13.0.1/24 scope link dev v0",
  "addr add 10.14.0.1/24 scope host metric 55 dev v0",
  "addr add 10.15.0.1/24 scope 200 noprefixroute dev v0",
  "addr add 127.0.0.9/8 dev lo",
  "addr add 10.16.0.1/24 valid_lft 2000 preferred_lft 1000 dev v0",
  "addr add 10.17.0.1/24 valid_lft forever preferred_lft 0 dev v0",
  "addr add 10.18.0.1/24 preferred_lft 1000 dev v0",
  "addr add 10.19.0.1/255.255.0.0 dev v0",
  "addr add 0x0a.0x14.1.1/24 dev v0",
  "addr add 224.0.0.9/32 autojoin dev v0",
  "addr add 2001:db8::1/64 dev v0 nodad",
  "-6 addr add 2001:db8::2/64 dev v0 home",
  "addr add 2001:db8::3/64 dev v0 noprefixroute metric 77",
  "addr add 2001:db8::4 peer 2001:db8::5 dev v0",
  "addr add 2001:db8:1::1/64 dev v0 mngtmpaddr",
  "addr add 2001:db8::6/64 valid_lft 2000 preferred_lft 0 dev v0",
  "addr change 2001:db8::6/64 valid_lft 4000 preferred_lft 2000 dev v0",
  "addr chg 10.16.0.1/24 valid_lft 4000 preferred_lft 400 dev v0",
  "addr change 10.20.9.1/24 dev v0",
  "addr change 2001:db8::99/64 dev v0",
  "addr replace 2001:db8::1/64 dev v0 nodad metric 5",
  "addr repl 10.13.0.1/24 metric 9 dev v0",
  "addr replace 10.21.0.1/24 dev v0",
  "addr add 2001:db8::1/64 dev v0",
  "addr add 192.0.2.1/24 dev v0",
  "addr add 192.0.2.9/24 dev v0",
  "addr del 192.0.2.1/24 dev v0",
  "addr del 10.9.0.1 peer 10.9.0.2 dev v0",
  "addr del 10.12.0.1/24 label v0:x dev v0",
  "addr del 10.13.0.1 dev v0",
  "addr delete 2001:db8::4 peer 2001:db8::5 dev v0",
  "addr del 2001:db8::3/64 dev v0",
  "addr del 2001:db8::3/64 dev v0",
  "addr d 10.5.0.1/17 dev v0",
]);

twins("addresses are flushed", LINKS, [
  "addr add 10.1.0.1/24 dev v0",
  "addr add 10.2.0.1/24 dev v0 scope link",
  "addr add 10.3.0.1/24 label v0:y dev v0",
  "addr add 10.3.0.2/24 dev v0",
  "addr add 192.0.2.1/24 dev v0",
  "addr add 192.0.2.2/24 valid_lft 2000 preferred_lft 1000 dev v0",
  "addr add 2001:db8::1/64 dev v0",
  "addr add 2001:db8::2/64 valid_lft 2000 preferred_lft 0 dev v0",
  "addr add 10.30.0.1/24 dev v2",
  "addr add 10.30.0.2/24 dev v2",
  "addr add 2001:db8:9::1/64 dev v2",
  "addr flush dev v0 scope link",
  "addr flush dev v0 to 10.0.0.0/12",
  "addr flush dev v0 label v0:*",
  "-6 addr flush dev v0 permanent",
  "addr flush v0 dynamic",
  "-4 addr flush dev v0",
  "addr flush up",
]);

const METRICS =
  "mtu 1300 advmss lock 900 rtt 300ms rttvar 20ms window 5000 cwnd lock 7 initcwnd 20 initrwnd 30 ssthresh 40 reordering 5 hoplimit 9 rto_min 250ms features ecn quickack 1 congctl reno fastopen_no_cookie 1";

twins("routes of IPv4", ADDRESSED, [
  "route add 10.0.0.0/8 via 192.0.2.2",
  "route a 10.1.0.0/16 via 192.0.2.2 dev v0 metric 5",
  "route add 10.1.0.0/16 via 192.0.2.3 pref 1 priority 6",
  "route add default via 192.0.2.254",
  "route add 0.0.0.0/0 via 192.0.2.254 metric 9",
  "route add 10.2.0.0/16 dev v0",
  "route add 10.3/16 dev v0 scope global",
  "route add to 10.4.0.0/16 dev v0 src 192.0.2.1 proto static",
  "route add unicast 10.5.0.0/16 via 192.0.2.2 table 77 protocol 200 tos 0x10",
  "route add 10.6.0.0/16 via 192.0.2.2 table 100000 proto dhcp realms 5/6",
  "route add blackhole 10.7.0.0/16",
  "route add unreachable 10.8.0.0/16 metric 4294967295",
  "route add prohibit 10.9.0.0/16 table local",
  "route add throw 10.10.0.0/16 table 5",
  "route add local 10.11.0.1 dev lo",
  "route add broadcast 10.12.255.255 dev v0",
  "route add multicast 239.0.0.0/8 dev v0",
  "route add 10.13.0.1 via 172.16.0.1 dev v0 onlink",
  "route add 10.14.0.0/16 via inet6 2001:db8::9 dev v0",
  `route add 10.15.0.0/16 via 192.0.2.2 ${METRICS}`,
  "route add 10.16.0.0/16 via 192.0.2.2 mtu lock 1400 hoplimit lock 5 rtt lock 1s rttvar 7 congctl lock cubic",
  "route add 10.17.0.0/16 nexthop via 192.0.2.2 weight 3 nexthop via 198.51.100.2 dev v2 weight 256 realms 7",
  "route add 10.18.0.0/16 nexthop dev v0 nexthop via 172.16.0.9 dev v2 onlink",
  "route add 10.19.0.0/16 proto bgp metric 3 nexthop via inet6 2001:db8::9 dev v0 nexthop via 192.0.2.7",
  "route append 10.1.0.0/16 via 192.0.2.4 metric 5",
  "route prepend 10.1.0.0/16 via 192.0.2.5 metric 5",
  "route add 10.1.0.0/16 via 192.0.2.4 metric 5",
  "route change 10.0.0.0/8 via 192.0.2.9",
  "route chg 10.99.0.0/16 via 192.0.2.9",
  "route replace 10.0.0.0/8 via 192.0.2.10 mtu 1200",
  "route replace 10.98.0.0/16 via 192.0.2.10",
  "route add 10.97.0.0/16 ttl-propagate disabled via 192.0.2.2",
  "route del 10.17.0.0/16",
  "route del 10.18.0.0/16 nexthop dev v0 nexthop via 172.16.0.9 dev v2 onlink",
  "route del 10.1.0.0/16 via 192.0.2.4",
  "route del 10.1.0.0/16 metric 5",
  "route delete 10.5.0.0/16",
  "route del 10.5.0.0/16 table 77",
  "route d blackhole 10.7.0.0/16",
  "route del 10.8.0.0/16 proto static",
  "route del unreachable 10.8.0.0/16 metric 4294967295",
  "route del local 10.11.0.1",
  "route del 10.4.0.0/16 dev v2",
  "route del 10.4.0.0/16 src 192.0.2.1 dev v0",
  "route del default metric 9",
  "route del default",
  "route add 10.96.0.0/16 nhid 5",
]);

twins("routes of IPv4 are flushed", ADDRESSED, [
  "route add 10.1.0.0/16 via 192.0.2.2 table 77",
  "route add 10.2.0.0/16 via 192.0.2.2 table 100000 proto dhcp",
  "route add 10.3.0.0/16 via 192.0.2.2 proto dhcp",
  "route add broadcast 10.12.255.255 dev v0",
  "route add 10.13.0.1 via 172.16.0.1 dev v0 onlink",
  "route add 10.2.0.0/16 dev v0",
  "route add 10.4.0.0/16 via 192.0.2.10 realms 5/6",
  "route add 10.98.0.0/16 via 192.0.2.11 src 192.0.2.1 metric 7",
  "route add throw 10.10.0.0/16 table 5",
  "route add 10.19.0.0/16 nexthop via 192.0.2.7 nexthop via 198.51.100.2",
  "route add 10.20.0.0/16 via inet6 2001:db8::9 dev v0",
  "route flush table 77",
  "route flush proto dhcp",
  "route flush table all proto dhcp",
  "route flush root 10.3.0.0/17",
  "route flush match 10.3.0.0/15",
  "route flush src 192.0.2.1",
  "route flush realms 5/6",
  "route flush root 10.12.0.0/14 table all",
  "route flush 10.3.0.0/16",
  "route flush match 10.2.5.0/24",
  "route flush exact 10.98.0.0/16",
  "route flush via 192.0.2.10",
  "route flush type throw table 5",
  "route flush dev v0 scope link",
  "route flush table main",
  "route flush table all",
]);

twins("routes of IPv6", ADDRESSED, [
  "route add 2001:db8:10::/48 via 2001:db8::2",
  "-6 route add default via 2001:db8::3 metric 7",
  "-6 route add 2001:db8:11::/48 dev v0 metric 5 proto static",
  "route add 2001:db8:12::/48 via 2001:db8::2 pref high expires 2000",
  "route add 2001:db8:13::/48 via fe80::9 dev v0 pref low",
  "route add 2001:db8:14::/48 from 2001:db8:99::/64 via 2001:db8::2 src 2001:db8::1",
  "route add unreachable 2001:db8:15::/48",
  "-6 route add blackhole default table 9",
  "route add prohibit 2001:db8:16::/48 table 1234567",
  "route add local 2001:db8:17::1 dev lo",
  "route add anycast 2001:db8:18:: dev v0",
  "route add multicast ff15::/16 dev v0 table local",
  `route add 2001:db8:19::/48 via 2001:db8::2 ${METRICS.replace("congctl reno ", "")}`,
  "route add 2001:db8:1a::/48 nexthop via 2001:db8::2 weight 2 nexthop via 2001:db8:1::2 dev v2",
  "route append 2001:db8:10::/48 via 2001:db8::4",
  "route prepend 2001:db8:10::/48 via 2001:db8::5",
  "route add 2001:db8:10::/48 via 2001:db8::6",
  "route change 2001:db8:11::/48 dev v2 metric 5",
  "route replace 2001:db8:12::/48 via 2001:db8::8",
  "route replace 2001:db8:1b::/48 via 2001:db8::8",
  "route add 2001:db8:1c::/48 via 2001:db8:77::1 onlink dev v0",
  "route add 2001:db8:1d::/48 via 192.0.2.2",
  "route del 2001:db8:10::/48 via 2001:db8::4",
  "route del 2001:db8:10::/48",
  "route del 2001:db8:1a::/48 nexthop via 2001:db8::2 nexthop via 2001:db8:1::2 dev v2",
  "-6 route del default",
  "-6 route del default table 9",
  "-6 route del unreachable default table 9",
  "-6 route flush proto static",
  "-6 route flush 2001:db8:12::/48",
  "-6 route flush root 2001:db8:18::/45 table all",
  "-6 route flush dev v2",
  "-6 route flush table main",
]);

twins("rules", ADDRESSED, [
  "rule add from 10.0.0.0/8 table 77",
  "rule add to 192.0.2.0/24 lookup 100000 pref 5",
  "rule a from 10.1.2.3 to 10.4.5.6 priority 100 lookup main",
  "rule add fwmark 5 table 6 order 101",
  "rule add fwmark 0x10/0xff table 6",
  "rule add iif v0 oif nosuch table 7",
  "rule add dev lo table 8",
  "rule add not from 10.0.0.0/8 table 9",
  "rule add tos 0x10 table 10",
  "rule add uidrange 0-99 table 11",
  "rule add ipproto tcp sport 80 table 12",
  "rule add ipproto udp sport 100-200 dport 53 table 13",
  "rule add ipproto 132 dport 5-6 table 14",
  "rule add blackhole pref 200",
  "rule add from 10.9.0.0/16 unreachable",
  "rule add from 10.9.0.0/16 type prohibit",
  "rule add pref 300 goto 400",
  "rule add pref 400 nop",
  "rule add table main suppress_prefixlength 0 suppress_ifgroup 5",
  "rule add table main sup_pl 3",
  "rule add l3mdev pref 1000",
  "rule add protocol static table 15",
  "rule add realms 3/4 table 16",
  "rule add tun_id 99 table 17",
  "rule add from all table 18",
  "rule add from default to any table 19",
  "rule add from 10.0.0.0/8 table 77",
  "rule add pref 7 table 20",
  "rule add pref 7 table 20",
  "-6 rule add from 2001:db8::/32 table 77",
  "-6 rule add to 2001:db8::1 prohibit pref 9",
  "rule del from 10.0.0.0/8",
  "rule del pref 5",
  "rule del table 6",
  "rule delete fwmark 0x10/0xff",
  "rule d uidrange 0-99",
  "rule del not from 10.0.0.0/8 table 9",
  "rule del goto 400",
  "rule del blackhole",
  "rule del type prohibit",
  "rule del ipproto udp",
  "rule del pref 12345",
  "-6 rule del to 2001:db8::1",
]);

twins("rules are flushed", ADDRESSED, [
  "rule add ipproto tcp sport 80 table 12",
  "rule add protocol static table 15",
  "rule add from 10.1.2.3 to 10.4.5.6 priority 100 lookup main",
  "rule add pref 7 not fwmark 5/0xf uidrange 3-4 table 20",
  "rule add pref 8 goto 32766",
  "rule add tun_id 99 table 17",
  "-6 rule add from 2001:db8::/32 table 77",
  "rule flush table 12",
  "rule flush protocol static",
  "rule add from 10.1.7.0/24 table 9",
  "rule add from 10.2.0.0/16 table 9",
  "rule flush from 10.1/16",
  "rule flush pref 7",
  "-6 rule flush",
  "rule flush",
]);

twins("neighbours", ADDRESSED, [
  "neigh add 192.0.2.5 lladdr 02:00:00:00:00:05 dev v0",
  "neigh add to 192.0.2.6 lladdr 2:0:0:0:0:6 nud stale dev v0",
  "neigh a 192.0.2.7 lladdr 02:00:00:00:00:07 nud reachable dev v0",
  "neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 nud noarp dev v0",
  "neigh add 192.0.2.9 nud none dev v0",
  "neigh add 192.0.2.10 lladdr 02:00:00:00:00:0a nud perm dev v0 router",
  "neigh add 192.0.2.11 lladdr 02:00:00:00:00:0b dev v0 extern_learn",
  "neigh add 192.0.2.12 lladdr 02:00:00:00:00:0c dev v0 protocol static",
  "neigh add proxy 192.0.2.13 dev v0",
  "neigh add 2001:db8::5 lladdr 02:00:00:00:00:05 dev v0 nud permanent router",
  "neigh add proxy 2001:db8::6 dev v0 protocol zebra",
  "neigh add 192.0.2.14 lladdr null nud failed dev v0",
  "neigh add 192.0.2.5 lladdr 02:00:00:00:00:05 dev v0",
  "neigh change 192.0.2.5 lladdr 02:00:00:00:00:15 dev v0 nud stale",
  "neigh chg 192.0.2.99 lladdr 02:00:00:00:00:15 dev v0",
  "neigh replace 192.0.2.6 lladdr 02:00:00:00:00:16 dev v0",
  "neigh repl 192.0.2.20 lladdr 02:00:00:00:00:20 dev v0 nud 4",
  "neigh replace 2001:db8::5 lladdr 02:00:00:00:00:25 dev v0 nud stale",
  "neigh del 192.0.2.10 dev v0",
  "neigh delete 192.0.2.99 dev v0",
  "neigh d proxy 192.0.2.13 dev v0",
  "neigh del proxy 192.0.2.13 dev v0",
  "neigh flush dev v2",
  "neigh flush dev v0 nud stale",
  "neigh flush to 192.0.2.0/29",
  "-6 neigh flush dev v0 nud permanent",
  "neigh flush nud all",
  "neigh flush proxy dev v0",
]);

/** Lines by chance: any words that go together, and some that do not. */
function byChance(seed: number, count: number): string[] {
  const below = random(seed);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const maybe = (text: string, one = 2): string => (below(one) === 0 ? ` ${text}` : "");
  const dev = (): string => pick(["v0", "v2", "v0", "v2", "lo"]);
  const metrics = (): string =>
    pick([
      "",
      " mtu 1300",
      " mtu lock 1400 advmss 900",
      " rtt 90ms",
      " hoplimit 7 initcwnd 11",
      " quickack 1",
      " rto_min 3s",
    ]);
  const hop4 = (): string => `via ${pick(["192.0.2", "198.51.100"])}.${2 + below(9)}`;
  const hop6 = (): string =>
    `via 2001:db8:${pick(["", "1:"])}:${2 + below(9)}`.replace(/([^:]):(\d+)$/, "$1::$2");
  const table = (): string => maybe(`table ${pick(["77", "main", "local", "123456", "0x50"])}`, 3);
  const route = (): string => {
    const six = below(2) === 0;
    const to = six
      ? `2001:db8:${(16 + below(6)).toString(16)}::/${pick([48, 52, 64])}`
      : `10.${below(6)}.0.0/${pick([16, 17, 24])}`;
    const verb = pick(["add", "add", "add", "append", "prepend", "replace", "change", "del", "del"]);
    const by = pick([
      six ? hop6() : hop4(),
      `${six ? hop6() : hop4()} metric ${1 + below(3)}`,
      `dev ${dev()}`,
      `nexthop ${six ? hop6() : hop4()} weight ${1 + below(5)} nexthop ${six ? hop6() : hop4()}`,
      verb === "del" ? "" : six ? hop6() : hop4(),
    ]);
    const type = maybe(`${pick(["unicast", "unicast", "blackhole", "prohibit", "throw"])}`, 6);
    const own = by.startsWith("nexthop") ? "" : metrics();
    const [before, after] = by.startsWith("nexthop") ? ["", ` ${by}`] : [` ${by}`, ""];
    return `route ${verb}${type} ${to}${before}${table()}${maybe(`proto ${pick(["static", "dhcp", "99"])}`, 3)}${own}${six ? maybe(`pref ${pick(["low", "high"])}`, 4) : maybe("tos 0x10", 6)}${after}`;
  };
  const rule = (): string =>
    `${pick(["", "", "-6 "])}rule ${pick(["add", "add", "del"])}${maybe("not", 6)}${maybe("from all", 4)}${maybe(`fwmark ${below(4)}${pick(["", "/0xf"])}`, 3)}${maybe(`iif ${dev()}`, 3)}${maybe(`uidrange ${below(5)}-${5 + below(5)}`, 5)}${maybe(`ipproto ${pick(["tcp", "udp", "icmp"])}`, 5)}${maybe(`dport ${1 + below(9)}-${10 + below(9)}`, 5)} pref ${1000 + below(5)} ${pick(["table 5", "lookup main", "table 123456", "blackhole", "goto 32766", "nop"])}${maybe("suppress_prefixlength 8", 5)}`;
  const neighbor = (): string => {
    const six = below(2) === 0;
    const to = six ? `2001:db8::${10 + below(5)}` : `192.0.2.${10 + below(5)}`;
    return `neigh ${pick(["add", "add", "replace", "change", "del"])} ${maybe("proxy", 6)} ${to} lladdr 02:00:00:00:00:${10 + below(80)} dev ${pick(["v0", "v2"])}${maybe(`nud ${pick(["permanent", "stale", "noarp", "reachable"])}`)}${maybe("router", 4)}${maybe("extern_learn", 5)}`;
  };
  const address = (): string => {
    const six = below(2) === 0;
    const to = six
      ? `2001:db8:${100 + below(4)}::${1 + below(3)}/${pick([64, 128])}`
      : `172.16.${below(4)}.${1 + below(3)}/${pick([24, 32])}`;
    const verb = pick(["add", "add", "replace", "change", "del"]);
    const more =
      verb === "del"
        ? ""
        : `${maybe(`metric ${1 + below(9)}`, 3)}${maybe("noprefixroute", 4)}${maybe("valid_lft 2000 preferred_lft 1000", 4)}${six ? maybe("nodad", 3) : `${maybe("brd +", 3)}${maybe("scope link", 4)}`}`;
    return `addr ${verb} ${to} dev ${pick(["v0", "v2"])}${more}`;
  };
  const link = (): string =>
    pick([
      `link set ${pick(["v1", "v3"])} ${pick(["up", "down", "up"])}${maybe(`mtu ${1300 + below(500)}`)}${maybe(`group ${below(3)}`, 3)}`,
      `link set v3${maybe(`txqueuelen ${1 + below(99)}`)}${maybe(`promisc ${pick(["on", "off"])}`)}${maybe(`multicast ${pick(["on", "off"])}`)} arp ${pick(["on", "off"])}`,
      `link add b${below(4)} address 02:00:00:00:09:0${below(9)} type bridge${maybe(`ageing_time ${below(9) * 100}`)}${maybe(`mcast_snooping ${below(2)}`)}`,
      `link del b${below(4)}`,
      `link set v3 ${pick([`master b${below(4)}`, "nomaster"])}`,
      `link add m${below(3)} link v0 address 02:00:00:00:08:0${below(9)} type macvlan mode ${pick(["bridge", "vepa", "private"])}`,
      `link del dev m${below(3)}`,
    ]);
  const kinds = [route, route, route, rule, neighbor, address, link];
  return Array.from({ length: count }, () => pick(kinds)());
}

for (const seed of [1, 2, 3, 4]) {
  twins(`lines by chance, ${seed}`, ADDRESSED, byChance(seed, 60), 45);
}

test("the command line itself: what it changes ip shows, and namespaces by name and by process", {
  skip: noTwins,
}, async () => {
  const lines = [
    [
      "link a br0 address 02:00:00:00:01:01 type bridge stp_state 1",
      "link show br0 | grep -o 'br0: <[A-Z,]*>'",
    ],
    ["link set dev br0 up mtu 1400 alias 'two words'", "link show br0 | grep -o 'mtu 1400\\|two words'"],
    [
      "link add tap9 type tun mode tap vnet_hdr multi_queue",
      "-d link show tap9 | grep -o 'tun type tap pi off vnet_hdr on multi_queue'",
    ],
    [
      "link add tun9 mtu 1380 type tun mode tun",
      "-d link show tun9 | grep -o 'mtu 1380\\|type tun pi off vnet_hdr off'",
    ],
    ["link add f0 type veth peer f1", "link show f1 | grep -o f1@"],
    ["link set f1 netns A", "-n A link show f1 | grep -o f1@"],
    ["link add e0 type veth peer name e1 netns A", "-n A link show e1 | grep -o e1@"],
    ["link add e2 netns A type bridge", "-n A link show e2 | grep -o 'e2: <'"],
    ["link set tap9 netns $PID", "-n A link show tap9 | grep -o 'tap9:'"],
    ["addr add 203.0.113.1/24 dev br0 label br0:x", "addr show br0 | grep -o 'inet.*br0:x'"],
    ["addr -6 add 2001:db8:5::1/64 dev br0 nodad", "addr show br0 | grep -o '2001:db8:5::1/64'"],
    ["route add 10.0.0.0/8 via 192.0.2.2 mtu 1300", "route show 10.0.0.0/8"],
    ["route -6 add default via 2001:db8::2", "-6 route show default"],
    ["rule add from 10.0.0.0/8 table 77 pref 7", "rule show pref 7"],
    ["rule -6 add prohibit pref 8", "-6 rule show pref 8"],
    ["neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev d0", "neigh show 192.0.2.7"],
    ["addr del 203.0.113.1 dev br0", "addr show br0 | grep -c br0:x"],
    ["route del 10.0.0.0/8", "route show 10.0.0.0/8"],
    ["rule flush", "rule show"],
    ["neigh flush nud permanent", "neigh show nud permanent"],
  ] as const;
  const script = `mount -t tmpfs tmpfs /run; mkdir /run/netns; ip netns add A
    ip netns exec A sleep 60 & PID=$!
    until [ "$(readlink /proc/$PID/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
    ${lines.map(([mine, theirs]) => `"$NODE" "$CLI" ${mine}; echo "$?"; ip ${theirs}; echo ---`).join("\n")}
    kill $PID`;
  using program = inNamespace(script);
  const { stdout, stderr } = await program.ended;
  const answers = stdout
    .toString()
    .split("---\n")
    .map((part) => part.trim().replace(/[ \t]+$/gm, ""));
  assert.deepEqual(
    answers.slice(0, -1),
    [
      "0\nbr0: <BROADCAST,MULTICAST>",
      "0\nmtu 1400\ntwo words",
      "0\ntun type tap pi off vnet_hdr on multi_queue",
      "0\nmtu 1380\ntype tun pi off vnet_hdr off",
      "0\nf1@",
      "0\nf1@",
      "0\ne1@",
      "0\ne2: <",
      "0\ntap9:",
      "0\ninet 203.0.113.1/24 scope global br0:x",
      "0\n2001:db8:5::1/64",
      "0\n10.0.0.0/8 via 192.0.2.2 dev d0 mtu 1300",
      "0\ndefault via 2001:db8::2 dev d0 metric 1024 pref medium",
      "0\n7:\tfrom 10.0.0.0/8 lookup 77",
      "0\n8:\tfrom all prohibit",
      "0\n192.0.2.7 dev d0 lladdr 02:00:00:00:00:07 PERMANENT",
      "0\n0",
      "0",
      "0\n0:\tfrom all lookup local",
      "0",
    ],
    stderr,
  );
});
