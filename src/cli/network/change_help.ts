/** What `--help` says of the words that change something. */
import type { Noun } from "./change_verb.ts";

const LINE = `
What ip says, this says in the same words; exit codes differ: here wrong words are 2 and what the kernel refuses is 1, of
ip it is the other way round.`;

const WORDS: Readonly<Record<Noun, string>> = {
  link: `
Changes, in the words of ip-link(8):
  add [ link DEV ] [ name ] NAME [ SETTINGS ] type KIND [ WORDS ]
        KIND: veth [ peer [ name ] NAME [ SETTINGS ] ], bridge, macvlan, macvtap, vxlan, vlan, ifb, dummy …, and
        tun mode { tun | tap } [ pi ] [ vnet_hdr ] [ multi_queue ], as ip tuntap makes it
  set { [ dev ] NAME | group GROUP } [ SETTINGS ] [ type KIND WORDS ], also type bridge_slave WORDS
  del { [ dev ] NAME | group GROUP }
  property { add | del } dev NAME altname NAME …
  SETTINGS: up down name mtu address broadcast txqueuelen alias group master nomaster netns arp multicast promisc
        allmulticast dynamic trailers carrier mode state addrgenmode protodown gso_max_size gso_max_segs gro_max_size`,
  addr: `
Changes, in the words of ip-address(8):
  { add | change | replace } PREFIX [ peer PREFIX ] [ broadcast ADDR|+|- ] [ anycast ADDR ] [ label NAME ] [ scope SCOPE ]
        [ metric N ] [ valid_lft LFT ] [ preferred_lft LFT ] [ home ] [ nodad ] [ mngtmpaddr ] [ noprefixroute ]
        [ autojoin ] dev NAME
  del PREFIX dev NAME
  flush [ dev NAME ] [ scope SCOPE ] [ to PREFIX ] [ label PATTERN ] [ up ] [ FLAGS ]`,
  route: `
Changes, in the words of ip-route(8):
  { add | change | replace | prepend | append | del } [ TYPE ] PREFIX [ via [ inet | inet6 ] ADDR ] [ dev NAME ]
        [ from PREFIX ] [ src ADDR ] [ metric N ] [ table TABLE ] [ proto PROTO ] [ scope SCOPE ] [ tos TOS ]
        [ onlink ] [ pref PREF ] [ expires SECONDS ] [ realms REALMS ] [ nhid ID ] [ METRICS ]
        [ nexthop [ via ADDR ] [ dev NAME ] [ weight N ] [ onlink ] … ]
        METRICS: mtu advmss rtt rttvar window cwnd initcwnd initrwnd ssthresh reordering hoplimit rto_min features
        quickack congctl fastopen_no_cookie, with "lock" in front of the value where the kernel locks it
  flush SELECTOR, as of show`,
  rule: `
Changes, in the words of ip-rule(8):
  { add | del } [ not ] [ from PREFIX ] [ to PREFIX ] [ iif NAME ] [ oif NAME ] [ fwmark MARK[/MASK] ] [ tos TOS ]
        [ uidrange N-N ] [ ipproto PROTO ] [ sport N[-N] ] [ dport N[-N] ] [ tun_id ID ] [ priority N ]
        [ table TABLE | goto N | blackhole | unreachable | prohibit | nop | l3mdev ] [ realms REALMS ]
        [ suppress_prefixlength N ] [ suppress_ifgroup GROUP ] [ protocol PROTO ]
  flush [ SELECTOR ]`,
  neigh: `
Changes, in the words of ip-neighbour(8):
  { add | change | replace | del } { ADDR [ lladdr LLADDR ] [ nud STATE ] | proxy ADDR } [ router ] [ use ] [ managed ]
        [ extern_learn ] [ protocol PROTO ] dev NAME
  flush [ proxy ] [ to PREFIX ] [ dev NAME ] [ nud STATE ] [ nomaster ]`,
};

export function changeHelp(noun: Noun): string {
  return `${WORDS[noun]}\n${LINE}`;
}
