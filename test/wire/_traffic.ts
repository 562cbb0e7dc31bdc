/** Real traffic of real programs, between a host, a router and a far host in namespaces, as tcpdump has captured it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** With processes of its own, which end with the script; who is not root gets a user namespace too, where there is any. */
const UNSHARE = [
  ...(process.getuid?.() === 0 ? [] : ["-U", "-r"]),
  ...["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"],
];
const PROGRAMS = ["tcpdump", "ip", "nsenter", "ping", "traceroute", "nc"];

function whyNot(): string | false {
  const missing = PROGRAMS.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
  if (missing.length > 0) return `${missing.join(", ")}: not installed`;
  const probe = spawnSync("unshare", [
    ...UNSHARE,
    "ip",
    "link",
    "add",
    "v0",
    "type",
    "veth",
    "peer",
    "name",
    "v1",
  ]);
  return probe.status === 0 ? false : "no namespaces, or no veth in them";
}

/** For `test(name, needsTraffic, …)`. */
export const needsTraffic = { skip: whyNot() };

/** `near` has the first wire as Ethernet frames; `any` what the router sees, with cooked headers, version 2. */
const SCRIPT = `
set -e
out=$1
ip link set lo up
unshare -n sleep 300 & ROUTER=$!
unshare -n sleep 300 & FAR=$!
own=$(readlink /proc/self/ns/net)
for pid in $ROUTER $FAR; do while [ "$(readlink /proc/$pid/ns/net)" = "$own" ]; do sleep 0.01; done; done
r() { nsenter -t $ROUTER -n "$@"; }
f() { nsenter -t $FAR -n "$@"; }
ip link add near0 type veth peer name r0 netns $ROUTER
r ip link add r1 mtu 1300 type veth peer name far0 mtu 1300 netns $FAR
r ip link set lo up
f ip link set lo up
ip addr add 192.0.2.1/24 dev near0; ip addr add 2001:db8::1/64 dev near0 nodad; ip link set near0 up
r ip addr add 192.0.2.254/24 dev r0; r ip addr add 2001:db8::fe/64 dev r0 nodad; r ip link set r0 up
r ip addr add 198.51.100.254/24 dev r1; r ip addr add 2001:db8:1::fe/64 dev r1 nodad; r ip link set r1 up
f ip addr add 198.51.100.2/24 dev far0; f ip addr add 2001:db8:1::2/64 dev far0 nodad; f ip link set far0 up
ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe
f ip route add default via 198.51.100.254; f ip -6 route add default via 2001:db8:1::fe
r sh -ec 'echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
ip route add unreachable 203.0.113.0/24
ip -6 route add unreachable 2001:db8:2::/48'
tcpdump -i near0 -U --immediate-mode -w $out/near.pcap 2>$out/t1 & T1=$!
nsenter -t $ROUTER -n tcpdump -i any -y LINUX_SLL2 -U --immediate-mode -w $out/any.pcap 2>$out/t2 & T2=$!
for it in t1 t2; do until grep -q listening $out/$it; do sleep 0.05; done; done
set +e
# Echoes, with neighbours asked for; options; fragments; packets that are too big; addresses that nobody reaches; a TTL of 1.
ping -n -q -c 2 -i 0.2 198.51.100.2
ping -n -q -c 2 -i 0.2 2001:db8:1::2
ping -n -q -c 1 -R 198.51.100.2
ping -n -q -c 1 -T tsandaddr 198.51.100.2
ping -n -q -c 1 -s 3000 198.51.100.2
ping -n -q -c 1 -s 3000 -W 1 2001:db8:1::2
ping -n -q -c 1 -s 3000 -W 1 2001:db8:1::2
ping -n -q -c 1 -W 1 -M do -s 1400 198.51.100.2
ping -n -q -c 1 -W 1 -M do -s 1400 2001:db8:1::2
ping -n -q -c 1 -W 1 203.0.113.9
ping -n -q -c 1 -W 1 2001:db8:2::9
ping -n -q -c 1 -W 1 -t 1 198.51.100.2
ping -n -q -c 1 -W 1 -t 1 2001:db8:1::2
ping -n -q -c 1 -W 1 192.0.2.77
# Connections that talk, and that are refused; datagrams that nobody wants. 07D0 is port 2000, 0A a listener.
nsenter -t $FAR -n nc -l 2000 >/dev/null &
until grep -q ':07D0 .* 0A ' /proc/$FAR/net/tcp; do sleep 0.05; done
printf hello | nc -N -w 2 198.51.100.2 2000
nsenter -t $FAR -n nc -6 -l 2000 >/dev/null &
until grep -q ':07D0 .* 0A ' /proc/$FAR/net/tcp6; do sleep 0.05; done
printf hello | nc -N -w 2 2001:db8:1::2 2000
nc -w 1 198.51.100.2 2001
nc -w 1 2001:db8:1::2 2001
printf hello | nc -u -w 1 198.51.100.2 2002
printf hello | nc -u -w 1 2001:db8:1::2 2002
traceroute -n -q 1 -w 1 198.51.100.2
traceroute -6 -n -q 1 -w 1 2001:db8:1::2
traceroute -n -I -q 1 -w 1 198.51.100.2
traceroute -n -T -p 2003 -q 1 -w 1 198.51.100.2
# VLAN tags, and IP within IP, where the kernel has them.
if ip link add link near0 name near0.7 type vlan id 7 && r ip link add link r0 name r0.7 type vlan id 7; then
  ip addr add 192.0.3.1/24 dev near0.7; ip link set near0.7 up
  r ip addr add 192.0.3.254/24 dev r0.7; r ip link set r0.7 up
  ping -n -q -c 1 -W 1 192.0.3.254
fi
if ip tunnel add tun4 mode ipip local 192.0.2.1 remote 192.0.2.254 && ip link set tun4 up; then
  ip route add 192.0.4.0/24 dev tun4
  ping -n -q -c 1 -W 1 192.0.4.1
fi
if ip tunnel add tun6 mode sit local 192.0.2.1 remote 192.0.2.254 && ip link set tun6 up; then
  ip -6 route add 2001:db8:4::/64 dev tun6
  ping -n -q -c 1 -W 1 2001:db8:4::1
fi
# The last ones are known by their length.
for it in near any; do
  ping -n -q -c 1 -s 123 192.0.2.254
  until tcpdump -n -r $out/$it.pcap 2>/dev/null | grep -q 'reply.* length 131'; do sleep 0.1; done
done
exit 0
`;

/** A capture file of tcpdump's, in its own words as well. */
export interface Captured {
  readonly file: Uint8Array;
  /** What `tcpdump -n -t -S -r` prints: a line per packet. */
  readonly lines: readonly string[];
}

/** Makes the traffic. It takes about five seconds, and is killed after two minutes. */
export function captureTraffic(): { readonly near: Captured; readonly any: Captured } {
  const folder = mkdtempSync(join(tmpdir(), "windsock-traffic-"));
  try {
    const args = [...UNSHARE, "sh", "-c", SCRIPT, "sh", folder];
    const { status, stderr } = spawnSync("unshare", args, { encoding: "utf8", timeout: 120_000 });
    if (status !== 0) throw new Error(`the traffic failed (${status}): ${stderr}`);
    return { near: read(join(folder, "near.pcap")), any: read(join(folder, "any.pcap")) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(path: string): Captured {
  const { stdout } = spawnSync("tcpdump", ["-n", "-t", "-S", "-r", path], { encoding: "utf8" });
  return { file: Uint8Array.from(readFileSync(path)), lines: stdout.trimEnd().split("\n") };
}
