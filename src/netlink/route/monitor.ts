/** Monitor: what changes in the network's tables, as events. man 8 ip-monitor */
import { errno, SysError, type WaitOptions } from "../../sys/index.ts";
import { NLM_F_APPEND, NLM_F_REPLACE } from "../_constants.ts";
import type { Message } from "../message.ts";
import { NetlinkEvents, OVERRUN } from "../netlink_events.ts";
import type { DumpOptions, NetlinkSocket } from "../netlink_socket.ts";
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
 * missing. The tables are then read afresh, as soon as they stand still for that long, and what is different follows as
 * events, up to one `synchronized`.
 */
export type MonitorEvent = Change | { readonly event: "overrun" } | { readonly event: "synchronized" };

/** What a monitor reads tables by. */
export interface Tables {
  readonly netlink: NetlinkSocket;
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
  /** NLM_F_… of the change. */
  readonly flags: number;
  readonly row: Rows[TableName];
}

/** So often the tables are read again where something was heard meanwhile. */
const TRIES = 10;

/** The changes since it was opened. Iterate over it once; the end of the loop closes it. */
export class Monitor implements AsyncIterable<MonitorEvent>, Disposable {
  readonly #tables: Tables;
  readonly #events: NetlinkEvents;
  readonly #states = new Map<TableName, TableState<TableName>>();
  readonly #wait: WaitOptions;
  /** Ends what is asked of the tables when the monitor is closed. */
  readonly #closing = new AbortController();
  readonly #read: DumpOptions;

  private constructor(
    tables: Tables,
    events: NetlinkEvents,
    groups: readonly TableName[],
    wait: WaitOptions,
  ) {
    this.#tables = tables;
    this.#events = events;
    this.#wait = wait;
    const signals = [this.#closing.signal, ...(wait.signal === undefined ? [] : [wait.signal])];
    this.#read = { signal: AbortSignal.any(signals) };
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
    const events = NetlinkEvents.open("route", {
      groups: numbers,
      receiveBufferBytes,
      namespaceOf: tables.netlink,
    });
    const monitor = new Monitor(tables, events, groups, { signal });
    try {
      for (const group of groups) monitor.#put(group, await monitor.#list(group, monitor.#read));
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

  #apply({ table, gone, flags, row }: Heard): Change | undefined {
    const state = this.#states.get(table);
    if (gone) return state?.delete(row);
    return state?.set(row, (flags & NLM_F_REPLACE) !== 0, (flags & NLM_F_APPEND) !== 0);
  }

  /**
   * Forgets what was heard before now, and reads all tables, until nothing is heard meanwhile: not every table says that it
   * changed in the midst of a dump. Where it never gets quiet, what was heard last is applied to what was read last.
   */
  async #synchronize(): Promise<Change[]> {
    const fresh = new Map<TableName, readonly Rows[TableName][]>();
    await this.#events.discard(this.#wait);
    for (let tries = 1; ; tries++) {
      for (const table of this.#states.keys()) {
        fresh.set(table, await this.#list(table, { ...this.#read, retries: Number.POSITIVE_INFINITY }));
      }
      if (tries === TRIES || !(await this.#events.discard(this.#wait))) break;
    }
    return [...fresh].flatMap(([table, rows]) => this.#put(table, rows));
  }

  #list(table: TableName, options: DumpOptions): Promise<readonly Rows[TableName][]> {
    const { links, addresses, routes, rules, neighbors } = this.#tables;
    return { link: links, address: addresses, route: routes, rule: rules, neighbor: neighbors }[table].list(
      options,
    );
  }

  #put(table: TableName, rows: readonly Rows[TableName][]): Change[] {
    return this.#states.get(table)?.replaceAll(rows) ?? [];
  }

  async #readIpv4Routes(): Promise<Change[]> {
    const rows = await this.#tables.routes.list({ ...this.#read, family: "ipv4" });
    const isIpv4 = (row: Rows[TableName]): boolean => "family" in row && row.family === "ipv4";
    return this.#states.get("route")?.replaceAll(rows, isIpv4) ?? [];
  }

  /** Ends it: a loop that waits for events ends with `ECANCELED`. */
  close(): void {
    this.#closing.abort(
      new SysError(errno.ECANCELED, "recvfrom", { hint: "this Monitor was closed meanwhile" }),
    );
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
  return { table, gone, flags: message.flags, row: decoded };
}

/** Whether routes of IPv4 may be gone without a word. */
function takesRoutes({ table, gone, row }: Heard): boolean {
  if (table === "link") return gone || !(row as Link).up;
  return table === "address" && gone && (row as Address).family === "ipv4";
}
