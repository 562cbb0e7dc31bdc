/** Further network namespaces within an isolated case's own, and the wires between them: hosts, a router, a slow link. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { libc } from "../../src/sys/ffi.ts";
import { check } from "../../src/sys/index.ts";

const c_unshare = libc<(flags: number) => number>("int unshare(int)");
const c_setns = libc<(fd: number, type: number) => number>("int setns(int, int)");
const CLONE_NEWNET = 0x40000000;

const openOwn = (): number => openSync("/proc/thread-self/ns/net", "r");

/**
 * A network namespace that lasts as long as this process. Sockets that are made {@link in} it stay in it; this thread
 * leaves it again. For `isolated` cases only: the namespaces of this process are all that it changes.
 */
export class Host {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** The namespace that the case was started in. */
  static home(): Host {
    return new Host(openOwn());
  }

  /** A new one, with its loopback up. */
  static create(): Host {
    const home = openOwn();
    check(c_unshare(CLONE_NEWNET) < 0 ? -1 : 0, "unshare");
    const host = new Host(openOwn());
    check(c_setns(home, CLONE_NEWNET) < 0 ? -1 : 0, "setns");
    host.sh("ip link set lo up");
    return host;
  }

  /** What `ip link … netns` takes. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#fd}`;
  }

  /** Runs `body`, which must not wait, in this namespace. */
  in<T>(body: () => T): T {
    const before = openOwn();
    check(c_setns(this.#fd, CLONE_NEWNET) < 0 ? -1 : 0, "setns");
    try {
      return body();
    } finally {
      check(c_setns(before, CLONE_NEWNET) < 0 ? -1 : 0, "setns");
      closeSync(before);
    }
  }

  /** Runs a shell script in this namespace. @returns its output */
  sh(script: string): string {
    return this.in(() => execFileSync("sh", ["-ec", script], { encoding: "utf8" }));
  }
}

/** One end of a wire: its name, and addresses with their prefix lengths. */
export interface End {
  readonly host: Host;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** A wire (veth) between two hosts, up, with addresses that are usable. */
export function wire(a: End, b: End, mtu = 1500): void {
  a.host.sh(`ip link add ${a.name} mtu ${mtu} type veth peer name ${b.name} mtu ${mtu} netns ${b.host.path}`);
  for (const { host, name, addresses } of [a, b]) {
    const add = addresses.map(
      (it) => `ip addr add ${it} dev ${name}${it.includes(":") ? " nodad" : " brd +"}`,
    );
    host.sh(
      [`echo 0 > /proc/sys/net/ipv6/conf/${name}/accept_dad`, ...add, `ip link set ${name} up`].join("\n"),
    );
  }
  // The kernel makes this route itself once it hears of the carrier, at once or up to a second later.
  for (const { host, name } of [a, b]) {
    host.sh(`ip -6 route append multicast ff00::/8 dev ${name} table local metric 256 2>/dev/null || true`);
  }
}

/** This host, and a far one at the other end of a wire: 192.0.2.1 and .2, 2001:db8::1 and ::2. */
export function twoHosts(mtu = 1500): { readonly near: Host; readonly far: Host } {
  const [near, far] = [Host.home(), Host.create()];
  wire(
    { host: near, name: "near0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
    { host: far, name: "far0", addresses: ["192.0.2.2/24", "2001:db8::2/64"] },
    mtu,
  );
  return { near, far };
}

/**
 * This host, a router, and a far host behind it: 198.51.100.2, 2001:db8:1::2. The second wire's MTU is 1300. The router
 * says of 203.0.113.0/24 and 2001:db8:2::/48 that hosts there are unreachable.
 */
export function routed(): { readonly near: Host; readonly router: Host; readonly far: Host } {
  const [near, router, far] = [Host.home(), Host.create(), Host.create()];
  wire(
    { host: near, name: "near0", addresses: ["192.0.2.1/24", "2001:db8::1/64"] },
    { host: router, name: "r0", addresses: ["192.0.2.254/24", "2001:db8::fe/64"] },
  );
  wire(
    { host: router, name: "r1", addresses: ["198.51.100.254/24", "2001:db8:1::fe/64"] },
    { host: far, name: "far0", addresses: ["198.51.100.2/24", "2001:db8:1::2/64"] },
    1300,
  );
  near.sh("ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe");
  far.sh("ip route add default via 198.51.100.254; ip -6 route add default via 2001:db8:1::fe");
  router.sh(`
    echo 1 > /proc/sys/net/ipv4/ip_forward
    echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
    echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
    echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
    ip route add unreachable 203.0.113.0/24
    ip -6 route add unreachable 2001:db8:2::/48`);
  return { near, router, far };
}
