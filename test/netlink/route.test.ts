/** RouteSocket against the kernel and ip(8): what one makes the other shows. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { IpPrefix, Ipv4Addr, Ipv6Addr, MacAddr } from "../../src/ip/index.ts";
import { NetlinkError } from "../../src/netlink/index.ts";
import { type Route, RouteSocket } from "../../src/netlink/route/index.ts";
import { isolated, test } from "../socket/_helpers.ts";

type Json = Record<string, unknown>;
const ip = (...args: string[]): Json[] => {
  const text = execFileSync("ip", ["-j", "-d", ...args], { encoding: "utf8" }).trim();
  return text === "" ? [] : (JSON.parse(text) as Json[]).filter((row) => Object.keys(row).length > 0);
};
const sh = (script: string): void => void execFileSync("sh", ["-ec", script]);
const pick = (row: object | undefined, ...keys: string[]): unknown[] =>
  keys.map((key) => (row as Json | undefined)?.[key]);

const VETH = "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip link set lo up";

test("the machine's own tables can be read", async () => {
  using net = RouteSocket.open();
  const [lo] = await net.links.list();
  assert.deepEqual(pick(lo, "index", "name", "type"), [1, "lo", "loopback"]);
  assert.ok((await net.rules.list()).length > 0);
  await Promise.all([net.addresses.list(), net.routes.list(), net.neighbors.list()]);
});

isolated(import.meta.url, "links of every kind that this kernel has", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  const mac = "02:00:00:00:00:01";
  await net.links.add({
    kind: "veth",
    name: "a0",
    mtu: 1400,
    address: mac,
    up: true,
    transmitQueues: 2,
    peer: { name: "a1", mtu: 1300, address: MacAddr.parse("02:00:00:00:00:02") },
  });
  await net.links.add({
    kind: "bridge",
    name: "br0",
    data: { forwardDelay: 400, mcastSnooping: 0, helloTime: 300 },
  });
  await net.links.add({ kind: "ifb", name: "ifb7" });
  await net.links.set("a1", {
    up: true,
    master: "br0",
    port: { kind: "bridge", data: { cost: 77, isolated: 1 } },
  });
  await net.links.add({ kind: "macvlan", name: "mac0", link: "a0", data: { mode: 4 } });

  if (existsSync("/dev/net/tun")) {
    await net.links.add({ kind: "tun", name: "tap0", data: { type: 2, vnetHdr: 1 }, mtu: 1280, up: true });
    const tap = await net.links.get("tap0");
    assert.ok(tap.info?.kind === "tun" && "data" in tap.info);
    assert.deepEqual(pick(tap.info.data, "type", "pi", "vnetHdr", "persist"), [2, 0, 1, 1]);
    assert.deepEqual(pick(tap, "mtu", "up", "type"), [1280, true, "ether"]);
    await assert.rejects(net.links.add({ kind: "tun", name: "tap0", data: { type: 2 } }), { code: "EBUSY" });
    await assert.rejects(net.links.add({ kind: "tun", name: "x".repeat(16), data: { type: 1 } }), RangeError);
    await net.links.delete("tap0");
  }

  const a0 = await net.links.get("a0");
  assert.deepEqual(pick(a0, "name", "mtu", "up", "type", "state"), ["a0", 1400, true, "ether", "up"]);
  assert.ok(a0.address instanceof MacAddr && a0.address.toString() === mac);
  assert.ok(a0.flags.includes("LOWER_UP"));
  assert.equal(a0.info?.kind, "veth");
  assert.equal(a0.statistics, undefined);
  const a1 = await net.links.get(a0.link as number);
  assert.deepEqual(pick(a1, "name", "mtu", "master"), ["a1", 1300, (await net.links.get("br0")).index]);
  assert.ok(a1.port?.kind === "bridge" && "data" in a1.port && a1.port.data !== undefined);
  assert.deepEqual(pick(a1.port.data, "cost", "isolated"), [77, 1]);

  const shown = new Map(ip("link").map((row) => [row.ifname, row]));
  assert.deepEqual(pick(shown.get("a0"), "mtu", "address", "num_tx_queues"), [1400, mac, 2]);
  assert.deepEqual(pick(shown.get("a1"), "mtu", "master"), [1300, "br0"]);
  const bridge = ((shown.get("br0") as Json).linkinfo as Json).info_data as Json;
  assert.deepEqual(pick(bridge, "forward_delay", "mcast_snooping", "hello_time"), [400, 0, 300]);
  const macvlan = shown.get("mac0") as Json;
  assert.deepEqual(pick((macvlan.linkinfo as Json).info_data as Json, "mode"), ["bridge"]);
  assert.equal(macvlan.link, "a0");

  assert.deepEqual(
    (await net.links.list({ kind: "bridge" })).map((it) => it.name),
    ["br0"],
  );
  assert.deepEqual(
    (await net.links.list({ master: "br0" })).map((it) => it.name),
    ["a1"],
  );
  const [counted] = await net.links.list({ statistics: true });
  assert.equal(typeof counted?.statistics?.rx.packets, "bigint");

  await net.links.set("a0", { up: false });
  await net.links.set("a0", {
    name: "renamed",
    mtu: 9000,
    alias: "a wire",
    transmitQueueLength: 7,
    group: 5,
  });
  await net.links.set("renamed", { flags: { arp: false, multicast: false, promiscuous: true } });
  await net.links.set("a1", { master: null });
  await net.links.set("br0", { info: { kind: "bridge", data: { forwardDelay: 500 } } });
  const renamed = await net.links.get("renamed");
  assert.deepEqual(pick(renamed, "index", "mtu", "alias", "transmitQueueLength", "group", "up"), [
    a0.index,
    9000,
    "a wire",
    7,
    5,
    false,
  ]);
  assert.deepEqual(
    ["NOARP", "MULTICAST", "PROMISC"].map((word) => renamed.flags.includes(word as "NOARP")),
    [true, false, true],
  );
  const after = new Map(ip("link").map((row) => [row.ifname, row]));
  assert.deepEqual(pick(after.get("renamed"), "mtu", "ifalias", "txqlen"), [9000, "a wire", 7]);
  assert.equal(after.get("a1")?.master, undefined);
  assert.equal((((after.get("br0") as Json).linkinfo as Json).info_data as Json).forward_delay, 500);

  sh("ip link property add dev renamed altname a-rather-long-name-for-a-wire altname other");
  const long = await net.links.get("a-rather-long-name-for-a-wire");
  assert.deepEqual(long.alternativeNames, ["a-rather-long-name-for-a-wire", "other"]);

  for (const name of ["mac0", "renamed", "br0", "ifb7"]) await net.links.delete(name);
  assert.deepEqual((await net.links.list()).map((it) => it.name).sort(), ["lo", "v0", "v1"]);
});

isolated(
  import.meta.url,
  "a link goes into another namespace by pid and by fd",
  { netns: VETH },
  async () => {
    const { spawn } = await import("node:child_process");
    const { openSync, closeSync, readlinkSync } = await import("node:fs");
    using net = RouteSocket.open();
    const child = spawn("unshare", ["-n", "cat"], { stdio: ["pipe", "ignore", "ignore"] });
    const own = readlinkSync("/proc/self/ns/net");
    while (readlinkSync(`/proc/${child.pid}/ns/net`) === own)
      await new Promise((resolve) => setImmediate(resolve));
    try {
      const fd = openSync(`/proc/${child.pid}/ns/net`, "r");
      await net.links.add({ kind: "veth", name: "x0", peer: { name: "far0", namespace: { fd } } });
      closeSync(fd);
      const x0 = await net.links.get("x0");
      assert.equal(typeof x0.linkNamespaceId, "number");
      await net.links.set("v1", { namespace: { pid: child.pid as number } });
      await assert.rejects(net.links.get("v1"), { code: "ENODEV" });
      const far = execFileSync("nsenter", ["-t", String(child.pid), "-n", "ip", "-br", "link"], {
        encoding: "utf8",
      });
      assert.match(far, /^far0/m);
      assert.match(far, /^v1/m);
    } finally {
      child.stdin.end();
      await new Promise((resolve) => child.on("close", resolve));
    }
  },
);

isolated(import.meta.url, "addresses", { netns: VETH }, async () => {
  using net = RouteSocket.open();
  await net.addresses.add({
    device: "v0",
    address: "192.0.2.1/24",
    broadcast: "+",
    label: "v0:a",
    validSeconds: 600,
  });
  await net.addresses.add({
    device: "v0",
    address: IpPrefix.parse("2001:db8::1/64"),
    flags: ["nodad", "noprefixroute"],
  });
  await net.addresses.add({
    device: "v1",
    address: "198.51.100.1",
    peer: "198.51.100.2",
    scope: "link",
    routeMetric: 50,
  });
  const { index } = await net.links.get("v0");
  const v0 = await net.addresses.list({ device: "v0" });
  const [four, six] = v0.filter((it) => it.scope === "global");
  assert.ok(four?.address instanceof Ipv4Addr && six?.address instanceof Ipv6Addr);
  assert.deepEqual(
    pick(four, "family", "device", "prefixLength", "label", "validSeconds", "preferredSeconds"),
    ["ipv4", index, 24, "v0:a", 600, 600],
  );
  assert.equal(String(four.broadcast), "192.0.2.255");
  assert.deepEqual(pick(six, "validSeconds", "preferredSeconds"), [Infinity, Infinity]);
  assert.deepEqual([...six.flags].sort(), ["nodad", "noprefixroute", "permanent"]);
  const [peered] = (await net.addresses.list({ family: "ipv4" })).filter((it) => it.peer !== undefined);
  assert.deepEqual(
    [String(peered?.address), String(peered?.peer), peered?.scope, peered?.routeMetric],
    ["198.51.100.1", "198.51.100.2", "link", 50],
  );
  const shown = ip("-4", "addr", "show", "dev", "v0")[0]?.addr_info as Json[];
  assert.deepEqual(pick(shown[0], "local", "prefixlen", "broadcast", "label", "scope"), [
    "192.0.2.1",
    24,
    "192.0.2.255",
    "v0:a",
    "global",
  ]);
  await assert.rejects(net.addresses.add({ device: "v0", address: "192.0.2.1/24" }), { code: "EEXIST" });
  await net.addresses.replace({
    device: "v0",
    address: "192.0.2.1/24",
    preferredSeconds: 5,
    validSeconds: 50,
  });
  const [changed] = await net.addresses.list({ device: "v0", family: "ipv4" });
  assert.deepEqual(pick(changed, "validSeconds", "preferredSeconds"), [50, 5]);
  await net.addresses.delete({ device: "v0", address: "192.0.2.1/24" });
  await assert.rejects(net.addresses.delete({ device: "v0", address: "192.0.2.1/24" }), {
    code: "EADDRNOTAVAIL",
  });
  assert.deepEqual(await net.addresses.list({ device: "v0", family: "ipv4" }), []);
  sh("ip addr add 203.0.113.9/28 dev v1");
  const told = (await net.addresses.list({ device: "v1" })).find((it) => it.prefixLength === 28);
  assert.equal(String(told?.address), "203.0.113.9");
});

const ADDRESSED = `${VETH}; ip addr add 192.0.2.1/24 dev v0; ip addr add 2001:db8::1/64 dev v0 nodad`;

isolated(import.meta.url, "routes", { netns: ADDRESSED }, async () => {
  using net = RouteSocket.open();
  const { index } = await net.links.get("v0");
  await net.routes.add({ destination: "default", gateway: "192.0.2.254" });
  await net.routes.add({
    destination: "10.1.0.0/16",
    gateway: "192.0.2.2",
    metric: 7,
    metrics: { mtu: 1400, advmss: 1000, ccAlgo: "reno" },
    protocol: "static",
    preferredSource: "192.0.2.1",
  });
  await net.routes.add({
    destination: "10.2.0.0/16",
    nexthops: [{ gateway: "192.0.2.3", weight: 3 }, { device: "v0" }],
    table: 1000,
  });
  await net.routes.add({ destination: "10.3.0.0/16", type: "blackhole" });
  await net.routes.add({ destination: "10.4.0.1", device: "v0" });
  await net.routes.add({ destination: "10.5.0.0/16", gateway: "2001:db8::9", device: "v0" });
  await net.routes.add({
    destination: "10.9.0.0/16",
    gateway: "203.0.113.1",
    device: "v0",
    flags: ["onlink"],
  });
  await net.routes.add({
    destination: "2001:db8:1::/48",
    gateway: "2001:db8::2",
    preference: "high",
    expiresSeconds: 500,
  });
  await net.routes.add({
    destination: "2001:db8:2::/48",
    nexthops: [{ gateway: "2001:db8::2" }, { gateway: "2001:db8::3", weight: 2 }],
  });
  await net.routes.add({ destination: "default", family: "ipv6", device: "v0" });

  const all = await net.routes.list();
  const find = (text: string): Route => all.find((it) => String(it.destination) === text) as Route;
  assert.deepEqual(
    [
      pick(find("0.0.0.0/0"), "type", "table", "protocol", "scope", "device"),
      String(find("0.0.0.0/0").gateway),
    ],
    [["unicast", 254, "boot", "global", index], "192.0.2.254"],
  );
  const one = find("10.1.0.0/16");
  assert.deepEqual(pick(one, "metric", "metrics", "protocol"), [
    7,
    { mtu: 1400, advmss: 1000, ccAlgo: "reno" },
    "static",
  ]);
  assert.deepEqual(
    find("10.2.0.0/16").nexthops?.map((it) => [it.gateway && String(it.gateway), it.device, it.weight]),
    [
      ["192.0.2.3", index, 3],
      [undefined, index, 1],
    ],
  );
  assert.deepEqual(pick(find("10.3.0.0/16"), "type", "scope"), ["blackhole", "global"]);
  assert.deepEqual(pick(find("10.4.0.1/32"), "scope", "device", "gateway"), ["link", index, undefined]);
  assert.equal(String(find("10.5.0.0/16").gateway), "2001:db8::9");
  assert.deepEqual(find("10.9.0.0/16").flags, ["onlink"]);
  assert.equal(find("2001:db8:1::/48").preference, "high");
  assert.ok(Math.abs((find("2001:db8:1::/48").expiresSeconds ?? 0) - 500) < 60);
  assert.equal(find("2001:db8:2::/48").nexthops?.length, 2);
  assert.equal(find("::/0").device, index);

  const shown = ip("route", "show", "table", "all");
  const by = (dst: string): Json => shown.find((row) => row.dst === dst && row.table !== "local") as Json;
  assert.deepEqual(pick(by("10.1.0.0/16"), "gateway", "metric", "protocol", "prefsrc"), [
    "192.0.2.2",
    7,
    "static",
    "192.0.2.1",
  ]);
  assert.deepEqual(pick(by("10.2.0.0/16"), "table"), ["1000"]);
  assert.deepEqual(by("10.5.0.0/16").via, { family: "inet6", host: "2001:db8::9" });
  assert.equal(by("10.3.0.0/16").type, "blackhole");

  const texts = async (options: Parameters<typeof net.routes.list>[0]): Promise<string[]> =>
    (await net.routes.list(options)).map((it) => String(it.destination));
  assert.deepEqual(await texts({ table: 1000 }), ["10.2.0.0/16"]);
  assert.deepEqual(await texts({ table: 4242 }), []);
  assert.deepEqual(await texts({ protocol: "static" }), ["10.1.0.0/16"]);
  assert.deepEqual(await texts({ type: "blackhole" }), ["10.3.0.0/16"]);
  assert.ok((await texts({ device: "lo", family: "ipv4" })).includes("127.0.0.0/8"));
  assert.ok((await texts({ device: "v0", family: "ipv4" })).includes("10.2.0.0/16"));

  const got = await net.routes.get("10.1.2.3");
  assert.deepEqual(
    [String(got.destination), String(got.gateway), got.device, String(got.preferredSource), got.table],
    ["10.1.2.3/32", "192.0.2.2", index, "192.0.2.1", 254],
  );
  assert.equal(String((await net.routes.get("10.1.2.3", { match: true })).destination), "10.1.0.0/16");
  assert.equal(String((await net.routes.get("2001:db8:1::5")).gateway), "2001:db8::2");
  await assert.rejects(
    net.routes.get("10.3.0.1"),
    (error) => error instanceof NetlinkError && error.syscall === "RTM_GETROUTE",
  );

  const gateway = "192.0.2.77";
  await assert.rejects(net.routes.add({ destination: "10.4.0.1", device: "v0" }), { code: "EEXIST" });
  await assert.rejects(net.routes.change({ destination: "10.99.0.0/16", gateway }), { code: "ENOENT" });
  await assert.rejects(net.routes.add({ destination: "10.98.0.0/16", gateway: "203.0.113.5" }), /gateway/);
  await net.routes.replace({ destination: "10.4.0.1", gateway });
  assert.equal(String((await net.routes.get("10.4.0.1")).gateway), gateway);
  await net.routes.append({ destination: "2001:db8:2::/48", gateway: "2001:db8::4" });
  assert.equal((await net.routes.list({ family: "ipv6" })).find((it) => it.nexthops)?.nexthops?.length, 3);
  await net.routes.delete({ destination: "10.4.0.1" });
  await net.routes.delete({ destination: "10.2.0.0/16", table: 1000 });
  await net.routes.delete({ destination: "10.3.0.0/16", type: "blackhole" });
  await assert.rejects(net.routes.delete({ destination: "10.4.0.1" }), { code: "ESRCH" });
  const left = await texts({ family: "ipv4", table: "main" });
  assert.deepEqual(left.sort(), ["0.0.0.0/0", "10.1.0.0/16", "10.5.0.0/16", "10.9.0.0/16", "192.0.2.0/24"]);
});

isolated(import.meta.url, "rules", { netns: ADDRESSED }, async () => {
  using net = RouteSocket.open();
  await net.rules.add({
    priority: 100,
    source: "10.0.0.0/8",
    destination: "10.1.2.3",
    table: 1000,
    mark: 5,
    markMask: 0xff,
    protocol: "static",
  });
  await net.rules.add({
    priority: 101,
    ipProtocol: 6,
    sourcePorts: { first: 10, last: 20 },
    destinationPorts: { first: 80, last: 80 },
    userIds: { first: 0, last: 99 },
    action: "prohibit",
    flags: ["invert"],
  });
  await net.rules.add({
    priority: 102,
    source: "2001:db8::/32",
    suppressPrefixLength: 0,
    inputDevice: "v0",
    outputDevice: "v1",
  });
  await net.rules.add({ priority: 99, goto: 101 });
  const rules = await net.rules.list();
  const at = (priority: number): object | undefined => rules.find((it) => it.priority === priority);
  const text = (row: object | undefined): unknown => JSON.parse(JSON.stringify(row));
  assert.deepEqual(text(at(100)), {
    family: "ipv4",
    priority: 100,
    tos: 0,
    action: "table",
    table: 1000,
    flags: [],
    source: "10.0.0.0/8",
    destination: "10.1.2.3/32",
    mark: 5,
    markMask: 255,
    protocol: "static",
  });
  assert.deepEqual(
    pick(at(101), "action", "flags", "ipProtocol", "sourcePorts", "destinationPorts", "userIds"),
    ["prohibit", ["invert"], 6, { first: 10, last: 20 }, { first: 80, last: 80 }, { first: 0, last: 99 }],
  );
  assert.deepEqual(pick(at(102), "family", "table", "suppressPrefixLength", "inputDevice", "outputDevice"), [
    "ipv6",
    254,
    0,
    "v0",
    "v1",
  ]);
  assert.deepEqual(pick(at(99), "action", "goto"), ["goto", 101]);
  assert.deepEqual(
    rules.filter((it) => it.family === "ipv4").map((it) => it.priority),
    [0, 99, 100, 101, 32766, 32767],
  );
  const shown = new Map([...ip("rule"), ...ip("-6", "rule")].map((row) => [row.priority, row]));
  assert.deepEqual(pick(shown.get(100), "src", "srclen", "dst", "table", "fwmark", "fwmask"), [
    "10.0.0.0",
    8,
    "10.1.2.3",
    "1000",
    "0x5",
    "0xff",
  ]);
  assert.deepEqual(
    pick(shown.get(101), "ipproto", "sport_start", "sport_end", "dport", "uid_start", "uid_end", "action"),
    ["tcp", 10, 20, 80, 0, 99, "prohibit"],
  );
  await assert.rejects(net.rules.add({ priority: 99, goto: 101 }), { code: "EEXIST" });
  for (const rule of [
    { priority: 99 },
    { priority: 101 },
    { source: "10.0.0.0/8", table: 1000 },
    { family: "ipv6", priority: 102 },
  ] as const)
    await net.rules.delete(rule);
  await assert.rejects(net.rules.delete({ priority: 100 }), { code: "ENOENT" });
  assert.equal((await net.rules.list()).length, 5);
});

isolated(import.meta.url, "neighbours", { netns: ADDRESSED }, async () => {
  using net = RouteSocket.open();
  const { index } = await net.links.get("v0");
  const mac = "02:00:00:00:00:09";
  await net.neighbors.add({ device: "v0", address: "192.0.2.9", linkLayerAddress: mac });
  await net.neighbors.add({
    device: index,
    address: Ipv6Addr.parse("2001:db8::9"),
    linkLayerAddress: MacAddr.parse(mac),
    state: ["reachable"],
    flags: ["router"],
  });
  await net.neighbors.add({ device: "v0", address: "192.0.2.50", flags: ["proxy"] });
  const four = await net.neighbors.get({ device: "v0", address: "192.0.2.9" });
  assert.deepEqual(
    [String(four.address), four.device, String(four.linkLayerAddress), four.state],
    ["192.0.2.9", index, mac, ["permanent"]],
  );
  const sixes = await net.neighbors.list({ family: "ipv6", device: "v0" });
  const six = sixes.find((it) => String(it.address) === "2001:db8::9");
  assert.deepEqual([six?.state, six?.flags], [["reachable"], ["router"]]);
  assert.deepEqual(
    (await net.neighbors.list({ proxy: true })).map((it) => String(it.address)),
    ["192.0.2.50"],
  );
  assert.deepEqual(pick(ip("-4", "neigh")[0], "dst", "lladdr", "state"), ["192.0.2.9", mac, ["PERMANENT"]]);
  await assert.rejects(net.neighbors.add({ device: "v0", address: "192.0.2.9", linkLayerAddress: mac }), {
    code: "EEXIST",
  });
  await net.neighbors.replace({
    device: "v0",
    address: "192.0.2.9",
    linkLayerAddress: "02:00:00:00:00:0a",
    state: ["stale"],
  });
  const [replaced] = await net.neighbors.list({ family: "ipv4" });
  assert.deepEqual([String(replaced?.linkLayerAddress), replaced?.state], ["02:00:00:00:00:0a", ["stale"]]);
  await net.neighbors.delete({ device: "v0", address: "192.0.2.9" });
  await assert.rejects(net.neighbors.delete({ device: "v0", address: "192.0.2.99" }), { code: "ENOENT" });
});

isolated(
  import.meta.url,
  "what is not right is refused before the kernel hears of it, or by it with a reason",
  { netns: ADDRESSED },
  async () => {
    using net = RouteSocket.open();
    const wrong: [() => Promise<unknown>, object | RegExp][] = [
      [() => net.links.get("nosuch"), { code: "ENODEV" }],
      [() => net.links.get(4000), { code: "ENODEV" }],
      [() => net.links.add({ kind: "nosuchkind", name: "x" }), { code: "EOPNOTSUPP" }],
      [() => net.links.add({ kind: "bridge", name: "x", peer: {} }), /only a veth/],
      [() => net.links.add({ kind: "veth", name: "x", peer: { up: true } as never }), /both ends/],
      [() => net.links.add({ kind: "ifb", name: "x", data: {} }), /encoded attributes/],
      [() => net.links.add({ kind: "bridge", name: "a-name-that-is-too-long" }), { code: "ERANGE" }],
      [() => net.links.set("v0", { mtu: 1 }), { code: "EINVAL" }],
      [() => net.links.set("v0", { mtu: -1 }), RangeError],
      [() => net.links.set("v0", { address: "nonsense" }), { name: "AddressError" }],
      [() => net.links.delete("lo"), { code: "EOPNOTSUPP" }],
      [() => net.addresses.add({ device: "v0", address: "192.0.2.300/24" }), { name: "AddressError" }],
      [() => net.addresses.add({ device: 0, address: "192.0.2.3/24" }), /device: expected/],
      [() => net.addresses.add({ device: "", address: "192.0.2.3/24" }), /device: expected/],
      [
        () => net.addresses.add({ device: "v0", address: "192.0.2.3/24", flags: ["fast" as never] }),
        /flags: expected/,
      ],
      [() => net.addresses.add({ device: "v0", address: "192.0.2.3/24", scope: 300 }), RangeError],
      [() => net.addresses.add({ device: "v0", address: "192.0.2.3/24", validSeconds: 1.5 }), RangeError],
      [
        () => net.routes.add({ destination: "10.0.0.0/8", gateway: "192.0.2.2", family: "ipv6" }),
        /destination: expected one of ipv6/,
      ],
      [() => net.routes.add({ destination: "10.0.0.0/8", type: "toString" as never }), /type: expected/],
      [() => net.routes.add({ destination: "10.0.0.1/8", gateway: "192.0.2.2" }), { code: "EINVAL" }],
      [() => net.routes.add({ destination: "10.0.0.0/8", nexthops: [{ weight: 0 }] }), /weight: expected/],
      [() => net.routes.list({ family: "ip" as never }), /family: expected/],
      [() => net.rules.add({ source: "10.0.0.0/8", destination: "::1" }), /expected prefixes of ipv4/],
      [() => net.rules.add({ goto: 5, priority: 6 }), { code: "EINVAL" }],
      [
        () => net.neighbors.add({ device: "v0", address: "192.0.2.5", linkLayerAddress: Uint8Array.of(1) }),
        { code: "EINVAL" },
      ],
      [() => net.monitor({ groups: ["links" as never] }), /groups: expected/],
    ];
    for (const [call, expected] of wrong) {
      await assert.rejects(async () => call(), expected as never, String(call));
    }
  },
);
