/** Without privilege: all tables can be read, and each kind of change says which capability is missing, and where. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { DiagSocket } from "../../src/netlink/diag/index.ts";
import { Ethtool, TcpMetrics } from "../../src/netlink/generic/index.ts";
import { RouteSocket } from "../../src/netlink/route/index.ts";
import { SysError } from "../../src/sys/index.ts";
import { isolated, pair } from "../socket/_helpers.ts";

/** Without addresses that come by themselves, and change once nobody else is found to have them. */
const SETUP = `ip link add v0 type veth peer name v1; ip link set v0 addrgenmode none; ip link set v1 addrgenmode none
  ip link set lo up; ip link set v0 up; ip link set v1 up
  ip addr add 192.0.2.1/24 dev v0; ip route add 10.0.0.0/8 via 192.0.2.2
  ip -6 addr add 2001:db8::1/64 dev v0 nodad; ip -6 route add 2001:db8:1::/48 via 2001:db8::2
  ip rule add priority 500 table 77; ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0`;

async function reads(net: RouteSocket): Promise<void> {
  const has = async (list: Promise<readonly unknown[]>, count: number): Promise<void> =>
    assert.ok((await list).length >= count);
  await has(net.links.list({ statistics: true }), 3);
  await has(net.addresses.list(), 3);
  await has(net.routes.list(), 5);
  await has(net.rules.list(), 4);
  await has(net.neighbors.list(), 1);
  assert.equal((await net.links.get("v0")).name, "v0");
  assert.equal(`${(await net.routes.get("10.1.1.1")).gateway}`, "192.0.2.2");
  const monitor = await net.monitor();
  monitor.close();
  using ethtool = Ethtool.open();
  await has(ethtool.allLinkStates(), 3);
  using metrics = TcpMetrics.open();
  await metrics.list();
  using diag = DiagSocket.open();
  using connected = await pair();
  await has(diag.tcp(), 2);
  assert.ok(connected);
  await has(diag.unix(), 0);
}

/** Each kind of change there is. */
async function changes(net: RouteSocket): Promise<Map<string, () => Promise<unknown>>> {
  const { links, addresses, routes, rules, neighbors } = net;
  const address = { device: "v0", address: "192.0.2.1/24" } as const;
  const route = { destination: "10.0.0.0/8", gateway: "192.0.2.2" } as const;
  const route6 = { destination: "2001:db8:1::/48", gateway: "2001:db8::2" } as const;
  const neighbor = { device: "v0", address: "192.0.2.7", linkLayerAddress: "02:00:00:00:00:07" } as const;
  const rule = { priority: 500, table: 77 } as const;
  const diag = DiagSocket.open();
  const ethtool = Ethtool.open();
  const metrics = TcpMetrics.open();
  const all: Record<string, () => Promise<unknown>> = {
    "link add bridge": () => links.add({ kind: "bridge", name: "br9" }),
    "link add veth": () => links.add({ kind: "veth", name: "a9", peer: { name: "b9" } }),
    "link add macvlan": () => links.add({ kind: "macvlan", name: "m9", link: "v0" }),
    "link set": () => links.set("v0", { mtu: 1400 }),
    "link set up": () => links.set("v0", { up: true }),
    "link delete": () => links.delete("v0"),
    "address add": () => addresses.add(address),
    "address replace": () => addresses.replace(address),
    "address delete": () => addresses.delete(address),
    "route add": () => routes.add(route),
    "route replace": () => routes.replace(route),
    "route change": () => routes.change(route),
    "route append": () => routes.append(route),
    "route delete": () => routes.delete(route),
    "route of IPv6 add": () => routes.add(route6),
    "route of IPv6 delete": () => routes.delete(route6),
    "rule add": () => rules.add(rule),
    "rule delete": () => rules.delete(rule),
    "neighbor add": () => neighbors.add(neighbor),
    "neighbor replace": () => neighbors.replace(neighbor),
    "neighbor delete": () => neighbors.delete(neighbor),
    "ethtool set": () => ethtool.setFeatures("v0", { "tx-tcp-segmentation": false }),
    "tcp_metrics flush": () => metrics.flush(),
    "socket destroy": async () => {
      using connected = await pair();
      const { localAddr, peerAddr } = connected.client;
      const found = await diag.find({ protocol: "tcp", local: `${localAddr}`, peer: `${peerAddr}` });
      assert.ok(found);
      await diag.destroy(found);
    },
  };
  if (existsSync("/dev/net/tun")) {
    all["link add tun"] = () => links.add({ kind: "tun", name: "t9", data: { type: 1 } });
  }
  return new Map(Object.entries(all));
}

async function refused(expected: (what: string) => RegExp): Promise<void> {
  using net = RouteSocket.open();
  await reads(net);
  const before = spawnSync("ip", ["-j", "addr"], { encoding: "utf8" }).stdout;
  for (const [what, change] of await changes(net)) {
    await assert.rejects(change(), (error) => {
      assert.ok(error instanceof SysError, `${what}: ${error}`);
      assert.ok(error.code === "EPERM" || error.code === "EACCES", `${what}: ${error}`);
      assert.match(error.message, expected(what), what);
      return true;
    });
  }
  assert.equal(spawnSync("ip", ["-j", "addr"], { encoding: "utf8" }).stdout, before, "nothing has changed");
}

const initial = (what: string): boolean => what === "tcp_metrics flush";

isolated(
  import.meta.url,
  "an ordinary user is told that CAP_NET_ADMIN is missing",
  { netns: SETUP, shell: 'exec setpriv --reuid 65534 --clear-groups "$0" "$@"' },
  () =>
    refused((what) =>
      initial(what)
        ? /CAP_NET_ADMIN in the initial user namespace \(run as root\)$/
        : /CAP_NET_ADMIN in the user namespace that owns the network namespace \(run as root\)$/,
    ),
);

isolated(
  import.meta.url,
  "root of another user namespace is told where it is missing",
  { netns: SETUP, shell: 'exec unshare -Ur "$0" "$@"' },
  () =>
    refused((what) =>
      initial(what)
        ? /CAP_NET_ADMIN in the initial user namespace, and this process has it only in a user namespace of its own$/
        : /CAP_NET_ADMIN in the user namespace that owns the network namespace, and this process has it only in .*; unshare -Urn/,
    ),
);
