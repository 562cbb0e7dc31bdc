/** Monitor under 10 000 changes in a burst with a small receive buffer: the loss is told, and what it says then is what there is. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { type MonitorEvent, RouteSocket, type TableName } from "../../src/netlink/route/index.ts";
import { isolated } from "../socket/_helpers.ts";

const SETUP = `ip link add v0 type veth peer name v1; ip link set lo up; ip link set v1 up; ip link set v0 up
  ip addr add 192.0.2.1/24 dev v0; ip -6 addr add 2001:db8:ffff::1/64 dev v0 nodad`;

const times = (count: number, line: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => line(at));
const ip4 = (at: number): string => `10.${at >> 8}.${at & 255}`;
const hex = (at: number): string => at.toString(16);

/** 5000 changes in each: `first` while nobody hears, `second` while the monitor does; and what `ip -j` lists then. */
interface Burst {
  readonly first: readonly string[];
  readonly second: readonly string[];
  readonly list: readonly string[];
}

const BURSTS: Readonly<Record<Exclude<TableName, "rule">, Burst>> = {
  address: {
    first: [
      ...times(2000, (at) => `addr add ${ip4(at)}.1/32 dev v0`),
      ...times(500, (at) => `addr add 2001:db8::${hex(at)}/128 dev v0 nodad`),
      ...times(2000, (at) => `addr del ${ip4(at)}.1/32 dev v0`),
      ...times(
        500,
        (at) => `addr change 2001:db8::${hex(at)}/128 dev v0 preferred_lft ${5000 + at} valid_lft forever`,
      ),
    ],
    second: [
      ...times(3000, (at) => `addr add ${ip4(at)}.2/32 dev v1`),
      ...times(500, (at) => `addr del 2001:db8::${hex(at)}/128 dev v0`),
      ...times(1500, (at) => `addr del ${ip4(2 * at)}.2/32 dev v1`),
    ],
    list: ["addr"],
  },
  route: {
    first: [
      ...times(1500, (at) => `route add ${ip4(at)}.0/24 via 192.0.2.2`),
      ...times(1500, (at) => `route add 2001:db8:${hex(at)}::/48 via 2001:db8:ffff::2`),
      ...times(1000, (at) => `route replace ${ip4(at)}.0/24 via 192.0.2.3 metric 0`),
      ...times(500, (at) => `route append ${ip4(at)}.0/24 via 192.0.2.4`),
      ...times(500, (at) => `route append 2001:db8:${hex(at)}::/48 via 2001:db8:ffff::3`),
    ],
    second: [
      ...times(1000, (at) => `route prepend ${ip4(at + 500)}.0/24 via 192.0.2.5`),
      ...times(1000, (at) => `route del ${ip4(at)}.0/24`),
      ...times(500, (at) => `route del 2001:db8:${hex(at)}::/48 via 2001:db8:ffff::2`),
      ...times(1000, (at) => `route add blackhole ${ip4(at + 4000)}.0/24 table 99`),
      ...times(1000, (at) => `route del 2001:db8:${hex(at + 500)}::/48`),
      ...times(
        500,
        (at) => `route replace ${ip4(at + 1000)}.0/24 nexthop via 192.0.2.6 nexthop via 192.0.2.7`,
      ),
    ],
    list: ["route", "show", "table", "all"],
  },
  neighbor: {
    first: [
      ...times(
        3000,
        (at) => `neigh add ${ip4(at)}.1 lladdr 02:00:00:00:${hex(at >> 8)}:${hex(at & 255)} dev v0`,
      ),
      ...times(2000, (at) => `neigh del ${ip4(at)}.1 dev v0`),
    ],
    second: [
      ...times(2000, (at) => `neigh add 2001:db8:ffff::${hex(at + 1)} lladdr 02:00:00:00:00:01 dev v1`),
      ...times(2000, (at) => `neigh change 2001:db8:ffff::${hex(at + 1)} lladdr 02:00:00:00:00:02 dev v1`),
      ...times(1000, (at) => `neigh del ${ip4(at + 2000)}.1 dev v0`),
    ],
    list: ["neigh", "show", "nud", "permanent"],
  },
  link: {
    first: [
      ...times(4900, (at) => `link set dev v${at & 1} mtu ${1300 + (at % 700)}`),
      ...times(50, (at) => `link add b${at} type bridge`),
      ...times(50, (at) => `link set dev b${at} up`),
    ],
    second: [
      ...times(40, (at) => `link add c${at} type ifb`),
      ...times(30, (at) => `link del b${at}`),
      ...times(4920, (at) => `link set dev v${at & 1} alias name${at}`),
      ...times(10, (at) => `link set dev c${at} name d${at}`),
    ],
    list: ["link"],
  },
};

/** What goes on without a change. */
const VOLATILE = new Set(
  "statistics validSeconds preferredSeconds expiresSeconds usedSeconds confirmedSeconds updatedSeconds references probes helloTimer tcnTimer topologyChangeTimer gcTimer".split(
    " ",
  ),
);
const lineOf = (row: object): string =>
  JSON.stringify(row, (key, value) =>
    VOLATILE.has(key) ? undefined : typeof value === "bigint" ? `${value}` : value,
  );

/** Of neighbours only those that were made: what the kernel keeps for itself comes and goes without events. */
const HIDDEN = ({ state }: Json): boolean => Array.isArray(state) && !state.includes("permanent");

/** The table as its events tell it: an entry that is removed or changed has to be there. */
class Folded {
  readonly lines = new Map<string, number>();

  constructor(rows: readonly object[]) {
    for (const row of rows) this.#add(row);
  }

  apply(event: MonitorEvent): void {
    if (!("table" in event)) return;
    const row = (event as unknown as Record<string, object>)[event.table] as object;
    if (event.event === "changed") this.#take(event.previous);
    if (event.event === "removed") this.#take(row);
    else this.#add(row);
  }

  #add(row: object): void {
    if (HIDDEN(row as Json)) return;
    const line = lineOf(row);
    this.lines.set(line, (this.lines.get(line) ?? 0) + 1);
  }

  #take(row: object): void {
    if (HIDDEN(row as Json)) return;
    const line = lineOf(row);
    const count = this.lines.get(line);
    assert.ok(count !== undefined, `not there: ${line}`);
    if (count === 1) this.lines.delete(line);
    else this.lines.set(line, count - 1);
  }

  equals(rows: readonly object[]): boolean {
    const other = new Folded(rows).lines;
    return (
      other.size === this.lines.size && [...other].every(([line, count]) => this.lines.get(line) === count)
    );
  }
}

async function burst(table: Exclude<TableName, "rule">): Promise<void> {
  const { first, second, list } = BURSTS[table];
  assert.equal(first.length + second.length, 10_000);
  using net = RouteSocket.open();
  const tables = { address: net.addresses, route: net.routes, neighbor: net.neighbors, link: net.links };
  const fresh = (): Promise<readonly object[]> => tables[table].list();
  // Another hand moves the table meanwhile: a dump that was interrupted is made again.
  const folded = new Folded(await fresh());
  const monitor = await net.monitor({ groups: [table], receiveBufferBytes: 16 * 1024 });
  const events = monitor[Symbol.asyncIterator]();
  const counts = new Map<string, number>();
  const hear = async (): Promise<MonitorEvent> => {
    const { value, done } = await events.next();
    assert.ok(!done);
    counts.set(value.event, (counts.get(value.event) ?? 0) + 1);
    folded.apply(value);
    return value;
  };

  execFileSync("ip", ["-batch", "-"], { input: first.join("\n") });
  while ((await hear()).event !== "synchronized");
  assert.equal(counts.get("overrun"), 1);
  while (!folded.equals(await fresh())) await hear(); // the kernel goes on by itself: addresses stop being tentative
  assert.ok((counts.get("added") ?? 0) + (counts.get("changed") ?? 0) + (counts.get("removed") ?? 0) > 0);

  const child = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(second.join("\n"));
  const ended = once(child, "exit");
  // The last change of all, whose event says that the others have been heard.
  ended.then(() => execFileSync("sh", ["-c", LAST[table]]));
  for (let last = false; !last || !folded.equals(await fresh()); ) {
    const event = await hear();
    last ||= /windsock-last|203\.0\.113\./.test(lineOf(event));
  }
  assert.deepEqual((await ended)[0], 0);

  const shown = JSON.parse(
    execFileSync("ip", ["-j", ...list], { encoding: "utf8", maxBuffer: 2 ** 26 }),
  ) as Json[];
  const ours = (await fresh()).filter((row) => !HIDDEN(row as Json));
  const theirs = shown.filter((row) => Object.keys(row).length > 0).flatMap(SHOWN[table]);
  assert.deepEqual(ours.map((row) => OURS[table](row as Json)).sort(), theirs.sort());
  monitor.close();
}

const LAST = {
  address: "ip addr add 203.0.113.1/32 dev lo",
  route: "ip route add blackhole 203.0.113.0/24",
  neighbor: "ip neigh add 203.0.113.1 lladdr 02:00:00:00:00:09 dev v0",
  link: "ip link set dev lo alias windsock-last",
} as const;

type Json = Readonly<Record<string, unknown>>;

const short = (prefix: unknown): string =>
  String(prefix)
    .replace(/^(0.0.0.0|::)\/0$/, "default")
    .replace(/^([^:]*)\/32$|\/128$/, (whole, four?: string) => four ?? whole.slice(0, -4));

/** Entries as ip has them, and ours, as lines that can be compared. */
const SHOWN: Readonly<Record<Exclude<TableName, "rule">, (row: Json) => string | string[]>> = {
  address: ({ addr_info }) => (addr_info as Json[]).map((it) => `${it.local}/${it.prefixlen} ${it.scope}`),
  route: (row) =>
    `${row.dst} ${row.gateway ?? ""} ${(row.nexthops as Json[] | undefined)?.map((hop) => hop.gateway) ?? ""}`,
  neighbor: ({ dst, lladdr, dev }) => `${dst} ${lladdr} ${dev}`,
  link: ({ ifname, mtu, ifalias, operstate }) => `${ifname} ${mtu} ${ifalias ?? ""} ${operstate}`,
};
const OURS: Readonly<Record<Exclude<TableName, "rule">, (row: Json) => string>> = {
  address: (it) => `${it.address}/${it.prefixLength} ${it.scope}`,
  route: (it) => {
    const hops = it.nexthops as Json[] | undefined;
    return `${short(it.destination)} ${it.gateway ?? ""} ${hops?.map((hop) => `${hop.gateway ?? hop.device}`) ?? ""}`;
  },
  neighbor: (it) => `${it.address} ${it.linkLayerAddress} ${it.device === 2 ? "v1" : "v0"}`,
  link: ({ name, mtu, alias, state }) => `${name} ${mtu} ${alias ?? ""} ${String(state).toUpperCase()}`,
};

for (const table of ["address", "route", "neighbor", "link"] as const) {
  isolated(import.meta.url, `10 000 changes: ${table}`, { netns: SETUP }, () => burst(table));
}
