/** Monitor: what happens in the tables, as events; and what was missed, found again. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type MonitorEvent, RouteSocket } from "../../src/netlink/route/index.ts";
import { Monitor, type Tables } from "../../src/netlink/route/monitor.ts";
import { isolated } from "../socket/_helpers.ts";

const sh = (script: string): void => void execFileSync("sh", ["-ec", script]);

/** An event as a line. */
function line(it: MonitorEvent): string {
  if (!("table" in it)) return it.event;
  const what =
    it.table === "link"
      ? `${it.link.name}${it.link.up ? " up" : ""}`
      : it.table === "address"
        ? `${it.address.address}/${it.address.prefixLength}`
        : it.table === "route"
          ? `${it.route.destination} ${it.route.nexthops?.length ?? it.route.gateway ?? ""}`.trim()
          : it.table === "rule"
            ? `${it.rule.priority} ${it.rule.table}`
            : `${it.neighbor.address} ${it.neighbor.linkLayerAddress ?? ""} ${it.neighbor.state}`;
  return `${it.event} ${it.table} ${what}`;
}

/** Hears until an event has this line. */
async function until(events: AsyncIterator<MonitorEvent>, last: string): Promise<string[]> {
  const lines: string[] = [];
  while (lines.at(-1) !== last) {
    const { value, done } = await events.next();
    assert.ok(!done);
    lines.push(line(value));
  }
  return lines;
}

const VETH = `ip link add v0 type veth peer name v1; ip link set lo up; ip link set v1 up; ip link set v0 up
  echo 1 > /proc/sys/net/ipv6/conf/v0/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/v1/disable_ipv6
  ip addr add 192.0.2.1/24 dev v0`;

isolated(
  import.meta.url,
  "addresses, rules and neighbours come, change and go",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const monitor = await net.monitor({ groups: ["address", "rule", "neighbor"] });
    const events = monitor[Symbol.asyncIterator]();
    sh(`ip addr add 198.51.100.1/24 dev v0
    ip addr change 198.51.100.1/24 dev v0 preferred_lft 100 valid_lft 200
    ip addr del 198.51.100.1/24 dev v0
    ip rule add priority 500 table 77
    ip rule add priority 500 table 78
    ip rule del priority 500 table 77
    ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0
    ip neigh change 192.0.2.7 lladdr 02:00:00:00:00:08 dev v0
    ip neigh del 192.0.2.7 dev v0
    ip rule add priority 501 table 79`);
    const lines = await until(events, "added rule 501 79");
    assert.deepEqual(
      // The kernel marks it as failed first, and may have forgotten the link-layer address by then.
      lines
        .filter((it) => !/^changed neighbor .* failed$/.test(it))
        .map((it) => it.replace(/^(removed neighbor \S+) .*/, "$1")),
      [
        "added address 198.51.100.1/24",
        "changed address 198.51.100.1/24",
        "removed address 198.51.100.1/24",
        "added rule 500 77",
        "added rule 500 78",
        "removed rule 500 77",
        "added neighbor 192.0.2.7 02:00:00:00:00:07 permanent",
        "changed neighbor 192.0.2.7 02:00:00:00:00:08 permanent",
        "removed neighbor 192.0.2.7",
        "added rule 501 79",
      ],
    );
    await events.return?.();
  },
);

isolated(import.meta.url, "links, and a change with what was before", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  const changes: string[] = [];
  const monitor = await net.monitor({ groups: ["link"] });
  await net.links.add({ kind: "bridge", name: "br0" });
  await net.links.delete("br0");
  await net.links.set("v0", { mtu: 1234 });
  for await (const it of monitor) {
    if (!("link" in it)) continue;
    changes.push(line(it));
    if (it.event === "changed" && it.link.mtu === 1234) {
      assert.equal(it.previous.mtu, 1500);
      break;
    }
  }
  assert.equal(changes[0], "added link br0");
  assert.equal(changes.filter((it) => it === "removed link br0").length, 1);
});

isolated(
  import.meta.url,
  "routes that are replaced, and those that go without a word",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const monitor = await net.monitor({ groups: ["route"] });
    const events = monitor[Symbol.asyncIterator]();
    sh(`ip route add 10.1.0.0/16 via 192.0.2.2
    ip route replace 10.1.0.0/16 via 192.0.2.3
    ip route append 10.1.0.0/16 via 192.0.2.4
    ip route del 10.1.0.0/16 via 192.0.2.3
    ip route add 10.2.0.0/16 nexthop via 192.0.2.5 nexthop via 192.0.2.6
    ip route add blackhole 10.3.0.0/16`);
    assert.deepEqual(await until(events, "added route 10.3.0.0/16"), [
      "added route 10.1.0.0/16 192.0.2.2",
      "changed route 10.1.0.0/16 192.0.2.3",
      "added route 10.1.0.0/16 192.0.2.4",
      "removed route 10.1.0.0/16 192.0.2.3",
      "added route 10.2.0.0/16 2",
      "added route 10.3.0.0/16",
    ]);
    sh("ip link set v0 down; ip rule add priority 9 table 9; ip route add blackhole 10.4.0.0/16");
    const gone = await until(events, "added route 10.4.0.0/16");
    const rest = async (): Promise<string[]> => {
      if (!gone.includes("removed route 10.2.0.0/16 2"))
        gone.push(...(await until(events, "removed route 10.2.0.0/16 2")));
      return gone;
    };
    assert.ok((await rest()).includes("removed route 10.1.0.0/16 192.0.2.4"));
    assert.ok(gone.includes("removed route 192.0.2.0/24"));
    monitor.close();
    await assert.rejects(events.next(), { code: "EBADF" });
  },
);

isolated(
  import.meta.url,
  "of routes that are alike the first is replaced: one that was put before the others",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const monitor = await net.monitor({ groups: ["route"] });
    const events = monitor[Symbol.asyncIterator]();
    sh(`ip route add 10.1.0.0/16 via 192.0.2.2
    ip route prepend 10.1.0.0/16 via 192.0.2.3
    ip route append 10.1.0.0/16 via 192.0.2.4
    ip route replace 10.1.0.0/16 via 192.0.2.5
    ip route add blackhole 10.2.0.0/16`);
    const lines: string[] = [];
    for (let last = false; !last; ) {
      const { value } = await events.next();
      assert.ok(value && "route" in value);
      const previous = value.event === "changed" ? ` was ${value.previous.gateway}` : "";
      lines.push(line(value) + previous);
      last = value.route.type === "blackhole";
    }
    assert.deepEqual(lines.slice(0, -1), [
      "added route 10.1.0.0/16 192.0.2.2",
      "added route 10.1.0.0/16 192.0.2.3",
      "added route 10.1.0.0/16 192.0.2.4",
      "changed route 10.1.0.0/16 192.0.2.5 was 192.0.2.3",
    ]);
    const gateways = (await net.routes.list({ family: "ipv4" })).flatMap((it) =>
      it.gateway ? `${it.gateway}` : [],
    );
    assert.deepEqual(gateways, ["192.0.2.5", "192.0.2.2", "192.0.2.4"]);
    monitor.close();
  },
);

isolated(
  import.meta.url,
  "tables that change while they are read after a loss are read again",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    let reads = 0;
    const addresses = {
      list: async () => {
        const list = await net.addresses.list();
        reads++;
        if (reads !== 2) return list;
        // As a dump may be that skips what is there, for what goes on meanwhile.
        sh("ip addr add 198.51.100.9/32 dev v0");
        return list.filter((it) => `${it.address}` !== "192.0.2.1");
      },
    };
    const tables = { ...net, netlink: net.netlink, addresses } as unknown as Tables;
    const monitor = await Monitor.open(tables, { groups: ["address"], receiveBufferBytes: 4096 });
    const events = monitor[Symbol.asyncIterator]();
    sh(`for i in $(seq 100); do echo addr add 10.0.0.$i/32 dev v0; done | ip -batch -`);
    const lines = await until(events, "synchronized");
    assert.equal(reads, 3);
    assert.deepEqual(
      lines.filter((it) => it.startsWith("removed")),
      [],
    );
    assert.equal(lines.filter((it) => it === "added address 198.51.100.9/32").length, 1);
    monitor.close();
  },
);

isolated(
  import.meta.url,
  "nexthops of IPv6 that come and go one by one",
  {
    netns: `ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
    ip addr add 2001:db8::1/64 dev v0 nodad`,
  },
  async () => {
    using net = RouteSocket.open();
    const monitor = await net.monitor({ groups: ["route"] });
    const events = monitor[Symbol.asyncIterator]();
    sh(`ip -6 route add 2001:db8:1::/48 via 2001:db8::2
    ip -6 route append 2001:db8:1::/48 via 2001:db8::3
    ip -6 route append 2001:db8:1::/48 via 2001:db8::4
    ip -6 route del 2001:db8:1::/48 via 2001:db8::3
    ip -6 route del 2001:db8:1::/48 via 2001:db8::2
    ip -6 route del 2001:db8:1::/48
    ip -6 route add blackhole 2001:db8:9::/48`);
    const lines = await until(events, "added route 2001:db8:9::/48");
    assert.deepEqual(
      lines.filter((it) => it.includes("2001:db8:1::")),
      [
        "added route 2001:db8:1::/48 2001:db8::2",
        "changed route 2001:db8:1::/48 2",
        "changed route 2001:db8:1::/48 3",
        "changed route 2001:db8:1::/48 2",
        "changed route 2001:db8:1::/48 2001:db8::4",
        "removed route 2001:db8:1::/48 2001:db8::4",
      ],
    );
    await events.return?.();
  },
);

isolated(
  import.meta.url,
  "a burst that is too much is reported, and the tables afterwards are the kernel's",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const monitor = await net.monitor({ groups: ["address"], receiveBufferBytes: 8192 });
    const known = new Set((await net.addresses.list()).map((it) => `${it.address}`));
    const events = monitor[Symbol.asyncIterator]();
    const add = (at: number): Promise<void> =>
      net.addresses.add({ device: "v0", address: `10.0.${at >> 8}.${at & 255}/32` });
    for (let at = 0; at < 2000; at++) await add(at);
    for (let at = 0; at < 2000; at += 3) {
      await net.addresses.delete({ device: "v0", address: `10.0.${at >> 8}.${at & 255}/32` });
    }
    let overruns = 0;
    const hear = async (): Promise<MonitorEvent> => {
      const { value, done } = await events.next();
      assert.ok(!done);
      if (value.event === "overrun") overruns++;
      if ("address" in value) {
        const text = `${value.address.address}`;
        if (value.event === "added") assert.ok(!known.has(text), `${text} twice`);
        if (value.event === "removed") assert.ok(known.delete(text), `${text} was not there`);
        else known.add(text);
      }
      return value;
    };
    while ((await hear()).event !== "synchronized");
    assert.equal(overruns, 1);
    const fresh = (await net.addresses.list()).map((it) => `${it.address}`);
    assert.deepEqual([...known].sort(), fresh.sort());
    await add(5000);
    const next = await hear();
    assert.equal(line(next), "added address 10.0.19.136/32");
    await events.return?.();
  },
);

isolated(import.meta.url, "a signal ends a monitor; before it begins, too", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  const reason = new Error("enough");
  await assert.rejects(net.monitor({ signal: AbortSignal.abort(reason) }), reason);
  const cancel = new AbortController();
  const monitor = await net.monitor({ signal: cancel.signal });
  const loop = (async () => {
    for await (const it of monitor) assert.fail(line(it));
  })();
  cancel.abort(reason);
  await assert.rejects(loop, reason);
});
