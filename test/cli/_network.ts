/** A network for commands: this host, a router, and a far host behind it, in namespaces that end with the script. */
import { spawnSync } from "node:child_process";
import { CLI, missing, noNamespaces, Program, type StartOptions } from "./_cli.ts";

/**
 * Runs a script of bash on a host (192.0.2.1, 2001:db8::1 on near0) whose router (192.0.2.254, 2001:db8::fe) has a far
 * host behind it (198.51.100.2, 2001:db8:1::2), by a wire whose MTU is 1300. `on R …` and `on F …` run a command on the
 * router and on the far host; `$NODE $CLI` is windsock. Writable for this script alone: /run, /etc/hosts, /etc/resolv.conf.
 */
export function inNetwork(
  script: string,
  options: StartOptions & { readonly hosts?: string | undefined } = {},
): Program {
  const setUp = `set -e
    mount -t tmpfs tmpfs /run
    mkdir /run/netns
    printf %s "$HOSTS" > /run/hosts
    echo 'nameserver 192.0.2.53
options timeout:30 attempts:5' > /run/resolv.conf
    mount --bind /run/hosts /etc/hosts
    mount --bind /run/resolv.conf /etc/resolv.conf
    on() { ip netns exec "$@"; }
    ip netns add R
    ip netns add F
    quiet='echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; ip link set lo up'
    sh -c "$quiet"
    on R sh -c "$quiet"
    on F sh -c "$quiet"
    ip link add near0 type veth peer name r0 netns R
    ip -n R link add r1 mtu 1300 type veth peer name far0 mtu 1300 netns F
    address() { ip -n "$1" addr add "$3" brd + dev "$2"; ip -n "$1" addr add "$4" dev "$2" nodad; ip -n "$1" link set "$2" up; }
    ip addr add 192.0.2.1/24 brd + dev near0
    ip addr add 2001:db8::1/64 dev near0 nodad
    ip link set near0 up
    address R r0 192.0.2.254/24 2001:db8::fe/64
    address R r1 198.51.100.254/24 2001:db8:1::fe/64
    address F far0 198.51.100.2/24 2001:db8:1::2/64
    # The kernel makes this route itself once it hears of the carrier, at once or up to a second later.
    ip -6 route append multicast ff00::/8 dev near0 table local metric 256 2>/dev/null || true
    on R ip -6 route append multicast ff00::/8 dev r0 table local metric 256 2>/dev/null || true
    on R ip -6 route append multicast ff00::/8 dev r1 table local metric 256 2>/dev/null || true
    on F ip -6 route append multicast ff00::/8 dev far0 table local metric 256 2>/dev/null || true
    ip route add default via 192.0.2.254
    ip -6 route add default via 2001:db8::fe
    ip -n F route add default via 198.51.100.254
    ip -n F -6 route add default via 2001:db8:1::fe
    on R sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
      echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
      echo 0 > /proc/sys/net/ipv6/icmp/ratelimit'
    set +e
    ${script}`;
  const hosts = `127.0.0.1 localhost\n${options.hosts ?? ""}`;
  const env = { ...options.env, NODE: process.execPath, CLI, HOSTS: hosts, LC_ALL: "C" };
  return new Program("unshare", ["-n", "-m", "bash", "-c", setUp], { ...options, env });
}

/** For `skip`: why there is no such network here, or false. */
export function noNetwork(...programs: string[]): string | false {
  const reason = noNamespaces() || missing("nft", ...programs);
  if (reason) return reason;
  const { status, stderr } = spawnSync("unshare", ["-n", "nft", "add", "table", "inet", "f"], {
    encoding: "utf8",
  });
  return status === 0 ? false : `no nftables here: ${stderr.trim()}`;
}
