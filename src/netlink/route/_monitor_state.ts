/** What a monitor knows of the tables, so that it can tell what is new, and after a loss what is different. */

import type { Nexthop, Route } from "./_route_codec.ts";
import type { Address } from "./address.ts";
import type { Link } from "./link.ts";
import type { Neighbor } from "./neighbor.ts";
import type { Rule } from "./rule.ts";

/** The tables and what is in them. */
export interface Rows {
  readonly link: Link;
  readonly address: Address;
  readonly route: Route;
  readonly rule: Rule;
  readonly neighbor: Neighbor;
}
export type TableName = keyof Rows;

/** A change of one entry. */
export type Change = {
  [T in TableName]:
    | ({ readonly event: "added" | "removed"; readonly table: T } & { readonly [K in T]: Rows[T] })
    | ({ readonly event: "changed"; readonly table: T; readonly previous: Rows[T] } & {
        readonly [K in T]: Rows[T];
      });
}[TableName];

/** What differs without anything having been changed: counters, ages, timers, and what of a lifetime is left. */
const VOLATILE: Readonly<Record<TableName, ReadonlySet<string>>> = {
  link: new Set([
    "statistics",
    ...["helloTimer", "tcnTimer", "topologyChangeTimer", "gcTimer"], // of a bridge
    ...["messageAgeTimer", "forwardDelayTimer", "holdTimer"], // of its ports
  ]),
  address: new Set(["validSeconds", "preferredSeconds"]),
  route: new Set(["expiresSeconds", "references", "uses", "usedSeconds"]),
  rule: new Set(),
  neighbor: new Set(["usedSeconds", "confirmedSeconds", "updatedSeconds", "references", "probes"]),
};

/** What entries have in common that stand for each other. Several routes and rules may. */
const KEYS: { readonly [T in TableName]: (row: Rows[T]) => string } = {
  link: (it) => `${it.index}`,
  address: (it) => `${it.device} ${it.address}/${it.prefixLength} ${it.peer ?? ""}`,
  route: (it) => `${it.table} ${it.destination} ${it.source ?? ""} ${it.tos} ${it.metric ?? 0}`,
  rule: (it) => `${it.family} ${it.priority}`,
  neighbor: (it) => `${it.device} ${it.address} ${it.flags.includes("proxy")}`,
};

interface Known {
  readonly row: Rows[TableName];
  readonly signature: string;
}

/** One table as it is known. */
export class TableState<T extends TableName> {
  readonly #table: T;
  #groups = new Map<string, Known[]>();

  constructor(table: T) {
    this.#table = table;
  }

  get size(): number {
    let size = 0;
    for (const group of this.#groups.values()) size += group.length;
    return size;
  }

  /**
   * @param replaces NLM_F_REPLACE: the entry is put in the place of another
   * @param appended NLM_F_APPEND: it stands behind others like it, not before them
   */
  set(row: Rows[T], replaces: boolean, appended = true): Change | undefined {
    const known = this.#known(row);
    const key = KEYS[this.#table](row);
    const group = this.#groups.get(key) ?? [];
    if (group.some((one) => one.signature === known.signature)) return undefined;
    const at = this.#standsFor(group, row, replaces);
    if (at === undefined) {
      if (appended || this.#table !== "route") group.push(known);
      else group.unshift(known);
      this.#groups.set(key, group);
      return this.#change("added", row);
    }
    const [previous] = group.splice(at, 1, known);
    return this.#change("changed", row, previous?.row as Rows[T]);
  }

  delete(row: Rows[T]): Change | undefined {
    const key = KEYS[this.#table](row);
    const group = this.#groups.get(key);
    if (group === undefined) return undefined;
    const { signature } = this.#known(row);
    let at = group.findIndex((one) => one.signature === signature);
    if (at < 0 && this.#table === "route") {
      const hops = hopsOf(row as Route);
      at = group.findIndex((one) => sameHops(hopsOf(one.row as Route), hops));
      if (at < 0) return this.#takeHop(group, hops);
    }
    if (at < 0 && group.length === 1) at = 0;
    const [previous] = at < 0 ? [] : group.splice(at, 1);
    if (group.length === 0) this.#groups.delete(key);
    return previous === undefined ? undefined : this.#change("removed", previous.row as Rows[T]);
  }

  /**
   * Puts a fresh table in the place of what was known.
   * @param scope of what the fresh table is; the rest stays
   */
  replaceAll(rows: readonly Rows[T][], scope: (row: Rows[T]) => boolean = () => true): Change[] {
    const old = this.#groups;
    this.#groups = new Map();
    const add = (key: string, known: Known): void => {
      const group = this.#groups.get(key);
      if (group === undefined) this.#groups.set(key, [known]);
      else group.push(known);
    };
    for (const row of rows) add(KEYS[this.#table](row), this.#known(row));
    const changes: Change[] = [];
    for (const [key, group] of old) {
      const gone: Known[] = [];
      const fresh = [...(this.#groups.get(key) ?? [])];
      for (const known of group) {
        if (!scope(known.row as Rows[T])) {
          add(key, known);
          continue;
        }
        const at = fresh.findIndex((one) => one.signature === known.signature);
        if (at < 0) gone.push(known);
        else fresh.splice(at, 1);
      }
      changes.push(...this.#differences(gone, fresh));
    }
    for (const [key, group] of this.#groups) {
      if (!old.has(key)) changes.push(...this.#differences([], group));
    }
    return changes;
  }

  #differences(gone: readonly Known[], fresh: readonly Known[]): Change[] {
    return Array.from({ length: Math.max(gone.length, fresh.length) }, (_, at) => {
      const [before, after] = [gone[at]?.row as Rows[T] | undefined, fresh[at]?.row as Rows[T] | undefined];
      if (after === undefined) return this.#change("removed", before as Rows[T]);
      return before === undefined ? this.#change("added", after) : this.#change("changed", after, before);
    });
  }

  /** Which of a group an entry takes the place of. */
  #standsFor(group: readonly Known[], row: Rows[T], replaces: boolean): number | undefined {
    if (group.length === 0) return undefined;
    if (this.#table === "rule") return undefined;
    if (this.#table !== "route" || replaces) return 0;
    if ((row as Route).family === "ipv4") return undefined;
    // IPv6 tells of a route with one more nexthop as of a new one that has them all.
    const hops = hopsOf(row as unknown as Route);
    const at = group.findIndex((one) => hopsOf(one.row as Route).every((hop) => hops.includes(hop)));
    return at < 0 ? undefined : at;
  }

  /** One nexthop of a route with several is gone. */
  #takeHop(group: Known[], hops: readonly string[]): Change | undefined {
    for (const [at, { row }] of group.entries()) {
      const route = row as Route;
      const left = route.nexthops?.filter((hop) => !hops.includes(hopText(hop)));
      if (left === undefined || left.length === route.nexthops?.length) continue;
      const { nexthops: _, ...rest } = route;
      const [only] = left;
      const alone = left.length === 1 && only !== undefined;
      const { gateway, device } = only ?? {};
      const single = { ...rest, ...(gateway && { gateway }), ...(device && { device }) };
      const next = (alone ? single : { ...route, nexthops: left }) as unknown as Rows[T];
      group[at] = this.#known(next);
      return this.#change("changed", next, route as unknown as Rows[T]);
    }
    return undefined;
  }

  #known(row: Rows[T]): Known {
    const skip = VOLATILE[this.#table];
    const plain = (key: string, value: unknown): unknown =>
      skip.has(key) ? undefined : typeof value === "bigint" ? `${value}` : value;
    return { row, signature: JSON.stringify(row, plain) };
  }

  #change(event: Change["event"], row: Rows[T], previous?: Rows[T]): Change {
    const change = { event, table: this.#table, [this.#table]: row, ...(previous && { previous }) };
    return change as unknown as Change;
  }
}

function hopText({ gateway, device }: Pick<Nexthop, "gateway" | "device">): string {
  return `${gateway ?? ""} ${device ?? ""}`;
}

function hopsOf(route: Route): string[] {
  return (route.nexthops ?? [route]).map(hopText);
}

function sameHops(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((hop) => b.includes(hop));
}
