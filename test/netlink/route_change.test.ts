/** What of links, addresses, routes, rules and neighbours can be changed: each change as ip(8) shows it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readlinkSync } from "node:fs";
import { RouteSocket } from "../../src/netlink/route/index.ts";
import { isolated } from "../socket/_helpers.ts";

type Json = Record<string, unknown>;
const ip = (words: string): Json[] => {
  const text = execFileSync("ip", ["-j", "-d", ...words.split(" ")], { encoding: "utf8" }).trim();
  return text === "" ? [] : (JSON.parse(text) as Json[]).filter((row) => Object.keys(row).length > 0);
};
const one = (words: string): Json => {
  const rows = ip(words);
  assert.equal(rows.length, 1, words);
  return rows[0] as Json;
};
const pick = (row: object | undefined, ...keys: string[]): unknown[] =>
  keys.map((key) => (row as Json | undefined)?.[key]);
const info = (name: string): Json =>
  ((one(`link show ${name}`).linkinfo as Json | undefined)?.info_data ?? {}) as Json;

const VETH = `ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip link set lo up
  ip addr add 192.0.2.1/24 dev v0; ip addr add 2001:db8::1/64 dev v0 nodad`;

isolated(import.meta.url, "settings of links", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  await net.links.add({ kind: "bridge", name: "br0", index: 700, group: 3, alias: "a bridge" });
  assert.deepEqual(pick(one("link show br0"), "ifindex", "group", "ifalias"), [700, "3", "a bridge"]);
  await net.links.add({ kind: "ifb", name: "f0", master: "br0", mtu: 1400 }).catch((error) => {
    assert.equal(error.code, "EOPNOTSUPP"); // a kernel in which an ifb cannot be a port
  });
  await net.links.add({ kind: "macvlan", name: "m0", link: "v0", data: { mode: 4 } });
  await net.links.add({
    kind: "veth",
    name: "w0",
    index: 750, // without which the kernel takes no notice of the peer's
    master: "br0",
    peer: { name: "w1", index: 800, transmitQueueLength: 9, flags: { promiscuous: true } },
  });
  assert.equal(one("link show w0").master, "br0");
  const w1 = one("link show w1");
  assert.deepEqual(pick(w1, "ifindex", "txqlen"), [800, 9]);
  assert.ok((w1.flags as string[]).includes("PROMISC"));

  await net.links.set("v0", { mode: "dormant", gsoMaxSize: 30_000, gsoMaxSegments: 99, groMaxSize: 40_000 });
  assert.deepEqual(pick(one("link show v0"), "linkmode", "gso_max_size", "gso_max_segs", "gro_max_size"), [
    "DORMANT",
    30_000,
    99,
    40_000,
  ]);
  await net.links.set("v0", {
    mode: "default",
    ipv6AddressGeneration: "none",
    flags: { dynamic: true, trailers: false },
  });
  const { flags } = one("link show v0") as { flags: string[] };
  assert.deepEqual(
    ["DYNAMIC", "NOTRAILERS"].map((flag) => flags.includes(flag)),
    [true, true],
  );
  await net.links.set("m0", { carrier: false, protocolDown: true }).catch(async (error) => {
    assert.equal(error.code, "EOPNOTSUPP"); // carriers of macvlan can be set since v4.?, protodown since v5.?
    await net.links.set("m0", { protocolDown: true });
  });
  assert.equal((await net.links.get("m0")).protocolDown, true);
  await net.links.set("m0", { protocolDown: false });
  await assert.rejects(net.links.set("v0", { mode: "fast" as never }), /mode: expected one of/);
  await assert.rejects(net.links.set("v0", { state: 300 }), RangeError);
  if (existsSync("/dev/net/tun")) {
    await net.links.add({ kind: "tun", name: "t0", data: { type: 2 }, up: true, carrier: false });
    assert.equal((await net.links.get("t0")).carrier, false);
  }
  await assert.rejects(net.links.add({ kind: "tun", name: "t1" }), { code: "EOPNOTSUPP" });
});

isolated(import.meta.url, "groups of links, and more names", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  for (const name of ["a", "b", "c"]) await net.links.add({ kind: "ifb", name, group: 42 });
  await net.links.setGroup(42, { mtu: 1333, up: true });
  assert.deepEqual(
    ip("link show group 42").map((row) => [row.mtu, (row.flags as string[]).includes("UP")]),
    Array.from({ length: 3 }, () => [1333, true]),
  );
  await net.links.setGroup(4242, { mtu: 1333 }); // nobody
  await net.links.deleteGroup(42);
  assert.deepEqual(ip("link show group 42"), []);
  await assert.rejects(net.links.deleteGroup(42), { code: "ENODEV" });

  const long = "a-name-that-is-longer-than-fifteen-bytes";
  await net.links.addAlternativeNames("v0", [long, "second"]);
  assert.deepEqual(one("link show v0").altnames, [long, "second"]);
  assert.equal((await net.links.get(long)).name, "v0");
  await net.links.set(long, { mtu: 1444 });
  assert.equal(one("link show v0").mtu, 1444);
  await assert.rejects(net.links.addAlternativeNames("v1", [long]), { code: "EEXIST" });
  await net.links.deleteAlternativeNames("second", [long, "second"]);
  assert.deepEqual(pick(await net.links.get("v0"), "alternativeNames"), [undefined]);
  await assert.rejects(net.links.deleteAlternativeNames("v0", ["nope"]), { code: "ENOENT" });
});

isolated(import.meta.url, "what kinds of links have of their own", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  await net.links.add({
    kind: "macvlan",
    name: "m0",
    link: "v0",
    data: { mode: 16, macaddrMode: 3, macaddrData: ["02:00:00:00:00:0a", "02:00:00:00:00:0b"] },
  });
  const [shown] =
    execFileSync("ip", ["-d", "link", "show", "m0"], { encoding: "utf8" }).match(/remotes.*/) ?? [];
  assert.match(shown ?? "", /\(2\) 02:00:00:00:00:0[ab] 02:00:00:00:00:0[ab]/);
  const m0 = await net.links.get("m0");
  assert.ok(m0.info?.kind === "macvlan" && "data" in m0.info);
  assert.deepEqual(m0.info.data?.macaddrData?.map(String).sort(), ["02:00:00:00:00:0a", "02:00:00:00:00:0b"]);

  await net.links.add({
    kind: "vxlan",
    name: "x0",
    data: { collectMetadata: 1, learning: 0, vnifilter: 1, port: 4790 },
  });
  const x0 = await net.links.get("x0");
  assert.ok(x0.info?.kind === "vxlan" && "data" in x0.info);
  assert.deepEqual(pick(x0.info.data, "collectMetadata", "vnifilter", "port"), [1, 1, 4790]);
  assert.equal(info("x0").vnifilter, true);

  await net.links.add({ kind: "bridge", name: "br0", data: { stpState: 0 } });
  await net.links.set("br0", {
    info: { kind: "bridge", data: { groupFwdMask: 8, groupAddr: "01:80:c2:00:00:0d" } },
  });
  assert.deepEqual(pick(info("br0"), "group_fwd_mask", "group_addr"), ["0x8", "01:80:c2:00:00:0d"]);
  await net.links.set("v1", {
    master: "br0",
    port: { kind: "bridge", data: { cost: 9, mcastFlood: 0, locked: 1 } },
  });
  const port = (one("link show v1").linkinfo as Json).info_slave_data as Json;
  assert.deepEqual(pick(port, "cost", "mcast_flood", "locked"), [9, false, true]);
  await assert.rejects(net.links.set("br0", { info: { kind: "macvlan", data: { mode: 4 } } }), {
    code: "EOPNOTSUPP",
  });
});

isolated(
  import.meta.url,
  "links go to other namespaces, with another number where it is told",
  { netns: `${VETH}; unshare -n sleep 60 & export OTHER=$!` },
  async () => {
    const pid = Number(process.env.OTHER);
    try {
      using net = RouteSocket.open();
      // The shell has started it, but it may not have its own namespace yet.
      while (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync("/proc/self/ns/net")) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await net.links.add({ kind: "ifb", name: "f0" });
      await net.links.set("f0", { namespace: { pid }, newIndex: 900, name: "moved" });
      await assert.rejects(net.links.get("f0"), { code: "ENODEV" });
      const there = execFileSync("nsenter", ["-t", `${pid}`, "-n", "ip", "-j", "link", "show", "moved"]);
      assert.equal(JSON.parse(there.toString())[0].ifindex, 900);
      const fd = openSync(`/proc/${pid}/ns/net`, "r");
      await net.links.add({ kind: "bridge", name: "b0", namespace: { fd } });
      closeSync(fd);
      execFileSync("nsenter", ["-t", `${pid}`, "-n", "ip", "link", "show", "b0"]);
    } finally {
      process.kill(pid);
    }
  },
);

isolated(
  import.meta.url,
  "addresses are changed, and deleted whatever their length is",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const { addresses } = net;
    const shown = (): Json[] =>
      (one("addr show v0").addr_info as Json[]).filter((it) => `${it.local}`.startsWith("10."));
    await addresses.add({ device: "v0", address: "10.0.0.9/24", broadcast: "-" });
    await addresses.add({ device: "v0", address: "10.1.0.9/24", broadcast: "+" });
    await addresses.add({ device: "v0", address: "10.2.0.9/31", broadcast: "+" });
    assert.deepEqual(
      shown().map((it) => it.broadcast),
      ["10.0.0.0", "10.1.0.255", undefined],
    );
    await addresses.change({
      device: "v0",
      address: "10.0.0.9/24",
      validSeconds: 2000,
      preferredSeconds: 1000,
    });
    const { valid_life_time: valid, preferred_life_time: preferred } = shown()[0] as Record<string, number>;
    assert.ok(Number(valid) > 1900 && Number(preferred) > 900 && Number(preferred) <= 1000);
    await addresses.change({ device: "v0", address: "2001:db8::1/64", routeMetric: 77, flags: ["nodad"] });
    const [v6] = await addresses.list({ device: "v0", family: "ipv6" });
    assert.ok(v6 !== undefined);
    assert.equal(ip("-6 route show 2001:db8::/64")[0]?.metric, 77);
    await addresses.replace({
      device: "v0",
      address: "10.3.0.1/24",
      routeMetric: 5,
    });
    await addresses.replace({ device: "v0", address: "10.3.0.1/24", routeMetric: 6 });
    assert.equal(ip("route show 10.3.0.0/24")[0]?.metric, 6);

    await assert.rejects(addresses.delete({ device: "v0", address: "10.1.0.9" }), { code: "EADDRNOTAVAIL" });
    await addresses.delete({ device: "v0", address: "10.1.0.9", anyPrefixLength: true });
    await addresses.delete({ device: "v0", address: "10.2.0.9/31" });
    assert.deepEqual(
      shown().map((it) => it.local),
      ["10.0.0.9", "10.3.0.1"],
    );
  },
);

isolated(
  import.meta.url,
  "routes: prepended, with realms, and tables that must be there",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const { routes } = net;
    const destination = "10.0.0.0/8";
    await routes.add({ destination, gateway: "192.0.2.2" });
    await routes.append({ destination, gateway: "192.0.2.4" });
    await routes.prepend({ destination, gateway: "192.0.2.3" });
    const order = (): unknown[] => ip("route show 10.0.0.0/8").map((it) => it.gateway);
    assert.deepEqual(order(), ["192.0.2.3", "192.0.2.2", "192.0.2.4"]);
    await routes.delete({ destination, gateway: "192.0.2.2" });
    assert.deepEqual(order(), ["192.0.2.3", "192.0.2.4"]);
    await assert.rejects(routes.change({ destination: "10.9.0.0/16", gateway: "192.0.2.2" }), {
      code: "ENOENT",
    });

    await routes.add({
      destination: "10.1.0.0/16",
      nexthops: [
        { gateway: "192.0.2.5", weight: 3, realms: 0x5_0006 },
        { gateway: "192.0.2.6", flags: ["onlink"], device: "v0" },
      ],
    });
    const [many] = await routes.list({ family: "ipv4" }).then((all) => all.filter((it) => it.nexthops));
    assert.deepEqual(
      many?.nexthops?.map((hop) => [String(hop.gateway), hop.weight, hop.flags]),
      [
        ["192.0.2.5", 3, []],
        ["192.0.2.6", 1, ["onlink"]],
      ],
    );
    await routes.replace({
      destination: "10.1.0.0/16",
      gateway: "192.0.2.7",
      metrics: { mtu: 1300, lock: 1 << 2 },
    });
    const [locked] = (await routes.list({ family: "ipv4" })).filter((it) => it.metrics !== undefined);
    assert.deepEqual([String(locked?.gateway), locked?.metrics], ["192.0.2.7", { mtu: 1300, lock: 1 << 2 }]);

    assert.deepEqual(await routes.list({ table: 4242 }), []);
    await assert.rejects(
      routes.list({ table: 4242, family: "ipv4", tableMustExist: true }),
      (error: Error & { extendedAck: Json }) => {
        assert.equal(error.extendedAck.message, "ipv4: FIB table does not exist");
        return true;
      },
    );
    await routes.add({
      destination: "2001:db8:5::/48",
      gateway: "2001:db8::2",
      expiresSeconds: 1000,
      preference: "low",
    });
    assert.deepEqual(pick(one("-6 route show 2001:db8:5::/48"), "gateway", "pref"), ["2001:db8::2", "low"]);
    await routes.delete({ destination: "2001:db8:5::/48" });
    await assert.rejects(routes.delete({ destination: "2001:db8:5::/48" }), { code: "ESRCH" });
  },
);

isolated(
  import.meta.url,
  "rules with tunnels, and neighbours that are changed",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    const tunnelId = (1n << 63n) + 5n;
    await net.rules.add({
      priority: 9,
      tunnelId,
      table: 77,
      inputDevice: "v0",
      suppressLinkGroup: 4,
      protocol: "static",
    });
    const [rule] = (await net.rules.list()).filter((it) => it.priority === 9);
    assert.deepEqual(pick(rule, "tunnelId", "table", "inputDevice", "suppressLinkGroup", "protocol"), [
      tunnelId,
      77,
      "v0",
      4,
      "static",
    ]);
    await assert.rejects(net.rules.add({ priority: 10, tunnelId: 1n << 64n, table: 7 }), RangeError);
    await assert.rejects(net.rules.delete({ tunnelId: 6n }), { code: "ENOENT" });
    await net.rules.delete({ tunnelId });
    assert.equal(ip("rule show pref 9").length, 0);

    const entry = { device: "v0", address: "192.0.2.9" } as const;
    await assert.rejects(net.neighbors.change({ ...entry, linkLayerAddress: "02:00:00:00:00:09" }), {
      code: "ENOENT",
    });
    await net.neighbors.add({ ...entry, linkLayerAddress: "02:00:00:00:00:09" });
    await net.neighbors.change({ ...entry, linkLayerAddress: "02:00:00:00:00:0a", state: ["noarp"] });
    assert.deepEqual(pick(one("neigh show 192.0.2.9 nud all"), "lladdr", "state"), [
      "02:00:00:00:00:0a",
      ["NOARP"],
    ]);
    await net.neighbors.add({ ...entry, address: "192.0.2.10", flags: ["proxy"] });
    assert.deepEqual(pick((await net.neighbors.list({ proxy: true }))[0], "device", "flags"), [
      (await net.links.get("v0")).index,
      ["proxy"],
    ]);
    await net.neighbors.delete({ ...entry, address: "192.0.2.10", flags: ["proxy"] });
    await net.neighbors.add({
      ...entry,
      address: "192.0.2.11",
      flags: ["managed", "externLearn"],
      state: [],
      protocol: "zebra",
    });
    assert.deepEqual(pick(one("neigh show 192.0.2.11 nud all"), "managed", "extern_learn", "protocol"), [
      null,
      null,
      "zebra",
    ]);
    await net.neighbors.delete({ ...entry, address: "192.0.2.11" });
  },
);
