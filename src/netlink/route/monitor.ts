/** Monitor: what changes in the network's tables, as events. man 8 ip-monitor */
import { TimeoutError, type WaitOptions } from "../../sys/index.ts";
import { NLM_F_REPLACE } from "../_constants.ts";
import type { Message } from "../message.ts";
import { NetlinkEvents, OVERRUN } from "../netlink_events.ts";
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "./_message_types.ts";
import { type Change, type Rows, type TableName, TableState } from "./_monitor_state.ts";
import { decodeRoute } from "./_route_codec.ts";
import { type Address, type Addresses, decodeAddress } from "./address.ts";
import { decodeLink, type Link, type Links } from "./link.ts";
import { decodeNeighbor, type Neighbors } from "./neighbor.ts";
import type { Routes } from "./route.ts";
import { decodeRule, type Rules } from "./rule.ts";

export interface MonitorOptions extends WaitOptions {
  /** Which tables; all unless told. */
  readonly groups?: readonly TableName[] | undefined;
  /** Room for what has not been read, in bytes; the system's default unless told. */
  readonly receiveBufferBytes?: number | undefined;
}

/**
 * A change, with the entry under its table's name; or `overrun`: changes came faster than they were read, and some are
 * missing. The tables are then read afresh, and what is different follows as events, up to one `synchronized`.
 */
export type MonitorEvent = Change | { readonly event: "overrun" } | { readonly event: "synchronized" };

/** What a monitor reads tables by. */
export interface Tables {
  readonly links: Links;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly rules: Rules;
  readonly neighbors: Neighbors;
}

const GROUPS: Readonly<Record<TableName, readonly number[]>> = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  // The kernel does not tell of routes of IPv4 that go with their link or address: those are watched too.
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
  neighbor: [RTNLGRP_NEIGH],
};

const MESSAGES = new Map<number, readonly [table: TableName, gone: boolean]>([
  [RTM_NEWLINK, ["link", false]],
  [RTM_DELLINK, ["link", true]],
  [RTM_NEWADDR, ["address", false]],
  [RTM_DELADDR, ["address", true]],
  [RTM_NEWROUTE, ["route", false]],
  [RTM_DELROUTE, ["route", true]],
  [RTM_NEWRULE, ["rule", false]],
  [RTM_DELRULE, ["rule", true]],
  [RTM_NEWNEIGH, ["neighbor", false]],
  [RTM_DELNEIGH, ["neighbor", true]],
]);

const DECODERS: { readonly [T in TableName]: (message: Message) => Rows[T] | undefined } = {
  link: (message) => decodeLink(message),
  address: decodeAddress,
  route: decodeRoute,
  rule: decodeRule,
  neighbor: decodeNeighbor,
};

/** What was heard, decoded. */
interface Heard {
  readonly table: TableName;
  readonly gone: boolean;
  readonly replaces: boolean;
  readonly row: Rows[TableName];
}

/** The changes since it was opened. Iterate over it once; the end of the loop closes it. */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable {
  readonly #tables: Tables;
  readonly #events: NetlinkEvents;
  readonly #states = new Map<TableName, TableState<TableName>>();
  readonly #wait: WaitOptions;

  private constructor(
    tables: Tables,
    events: NetlinkEvents,
    groups: readonly TableName[],
    wait: WaitOptions,
  ) {
    this.#tables = tables;
    this.#events = events;
    this.#wait = wait;
    for (const group of groups) this.#states.set(group, new TableState(group));
  }

  /** @internal {@link RouteSocket.monitor} */
  static async open(tables: Tables, options: MonitorOptions): Promise<Monitor> {
    const all = Object.keys(GROUPS) as TableName[];
    const { groups = all, receiveBufferBytes, signal } = options;
    for (const group of groups) {
      if (all.includes(group)) continue;
      throw new TypeError(`groups: expected some of ${all.join(", ")}, got ${String(group)}`);
    }
    signal?.throwIfAborted();
    const numbers = [...new Set(groups.flatMap((group) => GROUPS[group]))];
    const events = NetlinkEvents.open("route", { groups: numbers, receiveBufferBytes });
    const monitor = new Monitor(tables, events, groups, { signal });
    try {
      for (const group of groups) await monitor.#read(group);
      return monitor;
    } catch (error) {
      events.close();
      throw error;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MonitorEvent, void, undefined> {
    try {
      for (;;) {
        let doubt = false;
        for (const heard of await this.#events.next(take, this.#wait)) {
          if (heard === OVERRUN) {
            yield { event: "overrun" };
            yield* await this.#synchronize();
            yield { event: "synchronized" };
            doubt = false;
            break; // what stands behind it was there before
          }
          if (this.#states.has("route")) doubt ||= takesRoutes(heard);
          const change = this.#apply(heard);
          if (change !== undefined) yield change;
        }
        if (doubt) yield* await this.#readIpv4Routes();
      }
    } finally {
      this.close();
    }
  }

  #apply({ table, gone, replaces, row }: Heard): Change | undefined {
    const state = this.#states.get(table);
    return gone ? state?.delete(row) : state?.set(row, replaces);
  }

  /** Forgets what was heard before now, and reads all tables. */
  async #synchronize(): Promise<Change[]> {
    for (;;) {
      try {
        // What is queued is older than the tables that are read next.
        await this.#events.next(() => undefined, { ...this.#wait, timeoutMs: 0 });
      } catch (error) {
        if (error instanceof TimeoutError) break;
        throw error;
      }
    }
    const changes: Change[] = [];
    for (const table of this.#states.keys()) changes.push(...(await this.#read(table)));
    return changes;
  }

  async #read(table: TableName): Promise<Change[]> {
    const list = {
      link: () => this.#tables.links.list(this.#wait),
      address: () => this.#tables.addresses.list(this.#wait),
      route: () => this.#tables.routes.list(this.#wait),
      rule: () => this.#tables.rules.list(this.#wait),
      neighbor: () => this.#tables.neighbors.list(this.#wait),
    }[table];
    const rows: readonly Rows[TableName][] = await list();
    return this.#states.get(table)?.replaceAll(rows) ?? [];
  }

  async #readIpv4Routes(): Promise<Change[]> {
    const rows = await this.#tables.routes.list({ ...this.#wait, family: "ipv4" });
    const isIpv4 = (row: Rows[TableName]): boolean => "family" in row && row.family === "ipv4";
    return this.#states.get("route")?.replaceAll(rows, isIpv4) ?? [];
  }

  /** Ends it: a loop that waits for events ends with `ECANCELED`. */
  close(): void {
    this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function take(message: Message): Heard | undefined {
  const row = MESSAGES.get(message.type);
  if (row === undefined) return undefined;
  const [table, gone] = row;
  const decoded = DECODERS[table](message);
  if (decoded === undefined) return undefined;
  return { table, gone, replaces: !gone && (message.flags & NLM_F_REPLACE) !== 0, row: decoded };
}

/** Whether routes of IPv4 may be gone without a word. */
function takesRoutes({ table, gone, row }: Heard): boolean {
  if (table === "link") return gone || !(row as Link).up;
  return table === "address" && gone && (row as Address).family === "ipv4";
}
