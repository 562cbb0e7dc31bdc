/** Which tables, states and families the flags of ss(8) ask for: each flag widens what was asked for before it. */
import { TCP_STATES, type TcpState } from "../../netlink/diag/index.ts";
import { UsageError } from "../_command.ts";

/** A table of the kernel. */
export type Table =
  | "netlink"
  | "packet_raw"
  | "packet_dgram"
  | "unix_stream"
  | "unix_dgram"
  | "unix_seqpacket"
  | "raw"
  | "udp"
  | "tcp"
  | "mptcp";

export type Family = "inet" | "inet6" | "unix" | "link" | "netlink";

const CLOSED: ReadonlySet<TcpState> = new Set(["closed"]);
const UNCONNECTED: ReadonlySet<TcpState> = new Set(["closed", "listening", "bound-inactive"]);
const ALL: ReadonlySet<TcpState> = new Set(TCP_STATES);
/** What is shown unless told: connections that somebody has. */
const CONNECTED: ReadonlySet<TcpState> = new Set(
  TCP_STATES.filter((state) => !UNCONNECTED.has(state) && state !== "time-wait" && state !== "syn-recv"),
);
const ESTABLISHED: ReadonlySet<TcpState> = new Set(["established"]);

const INET: readonly Family[] = ["inet", "inet6"];

/** A table's states, and the families that have it. */
const TABLES: Readonly<Record<Table, readonly [states: ReadonlySet<TcpState>, families: readonly Family[]]>> =
  {
    netlink: [CLOSED, ["netlink"]],
    packet_raw: [CLOSED, ["link"]],
    packet_dgram: [CLOSED, ["link"]],
    unix_stream: [CONNECTED, ["unix"]],
    unix_dgram: [CLOSED, ["unix"]],
    unix_seqpacket: [CONNECTED, ["unix"]],
    raw: [ESTABLISHED, INET],
    udp: [ESTABLISHED, INET],
    tcp: [CONNECTED, INET],
    mptcp: [CONNECTED, INET],
  };

const INET_TABLES: readonly Table[] = ["raw", "udp", "tcp", "mptcp"];
const UNIX_TABLES: readonly Table[] = ["unix_stream", "unix_dgram", "unix_seqpacket"];
const PACKET_TABLES: readonly Table[] = ["packet_raw", "packet_dgram"];

const FAMILIES: Readonly<Record<Family, readonly [states: ReadonlySet<TcpState>, tables: readonly Table[]]>> =
  {
    inet: [CONNECTED, INET_TABLES],
    inet6: [CONNECTED, INET_TABLES],
    unix: [CONNECTED, UNIX_TABLES],
    link: [CLOSED, PACKET_TABLES],
    netlink: [CLOSED, ["netlink"]],
  };

const QUERIES: Readonly<Record<string, readonly Table[]>> = {
  all: Object.keys(TABLES) as Table[],
  inet: INET_TABLES,
  tcp: ["tcp"],
  mptcp: ["mptcp"],
  udp: ["udp"],
  raw: ["raw"],
  unix: UNIX_TABLES,
  unix_stream: ["unix_stream"],
  u_str: ["unix_stream"],
  unix_dgram: ["unix_dgram"],
  u_dgr: ["unix_dgram"],
  unix_seqpacket: ["unix_seqpacket"],
  u_seq: ["unix_seqpacket"],
  packet: PACKET_TABLES,
  packet_raw: ["packet_raw"],
  p_raw: ["packet_raw"],
  packet_dgram: ["packet_dgram"],
  p_dgr: ["packet_dgram"],
  netlink: ["netlink"],
};

export class Selection {
  #tables = new Set<Table>();
  readonly families: Set<Family> = new Set();
  #states = new Set<TcpState>();
  #wanted: ReadonlySet<TcpState> | undefined;
  #asked = false;
  #queried = false;
  /** The last family that was asked for: addresses of a filter are of it. */
  preferred: Family | undefined;
  /** Tables that were asked for by name, not as part of all or of a family. */
  readonly named: Set<Table> = new Set();

  /** Whether anything was asked for. */
  get given(): boolean {
    return this.#asked;
  }

  get tables(): ReadonlySet<Table> {
    return this.#tables;
  }

  get states(): ReadonlySet<TcpState> {
    return this.#states;
  }

  table(table: Table): void {
    this.named.add(table);
    this.#add(table);
  }

  #add(table: Table): void {
    for (const state of TABLES[table][0]) this.#states.add(state);
    this.#tables.add(table);
    this.#asked = true;
  }

  family(family: Family): void {
    for (const state of FAMILIES[family][0]) this.#states.add(state);
    this.families.add(family);
    this.preferred = family;
    this.#asked = true;
  }

  /** -f @throws {UsageError} */
  familyWord(word: string): void {
    if (!Object.hasOwn(FAMILIES, word)) {
      throw new UsageError(`-f: expected ${Object.keys(FAMILIES).join(", ")}, got ${word}`);
    }
    this.family(word as Family);
  }

  /** -A, as `tcp,unix` or `all,!udp`: only what it names, and what is asked for behind it. @throws {UsageError} */
  query(list: string): void {
    if (!this.#queried) {
      this.#tables.clear();
      this.#wanted ??= CONNECTED;
      this.#queried = true;
      this.#asked = true;
    }
    for (const item of list.split(",")) {
      const word = item.replace(/^!/, "");
      const tables = Object.hasOwn(QUERIES, word) ? QUERIES[word] : undefined;
      if (tables === undefined) {
        throw new UsageError(`-A: expected ${Object.keys(QUERIES).join(", ")}, or ! before one, got ${item}`);
      }
      for (const table of tables) {
        if (item !== word) this.#tables.delete(table);
        else if (tables.length === 1) this.table(table);
        else this.#add(table);
      }
    }
  }

  all(): void {
    this.#wanted = ALL;
  }

  listening(): void {
    this.#wanted = UNCONNECTED;
  }

  /** Only these, whatever the flags said. */
  only(states: readonly TcpState[]): void {
    this.#wanted = new Set(states);
  }

  /** A filter's address limits what is shown to its family. */
  limit(family: Family): void {
    this.families.clear();
    this.families.add(family);
  }

  /** Everything unless something was asked for; a table stands for its families, and a family for its tables. */
  complete(): void {
    if (!this.#asked) {
      this.#wanted ??= CONNECTED;
      for (const table of QUERIES.all as readonly Table[]) this.#tables.add(table);
    }
    if (this.#wanted !== undefined) this.#states = new Set(this.#wanted);
    // The kernel shows them as syn-recv, where those are asked for.
    this.#states.delete("new-syn-recv");
    for (const table of this.#tables) {
      const { 1: families } = TABLES[table];
      if (!families.some((family) => this.families.has(family)))
        for (const one of families) this.families.add(one);
    }
    for (const family of this.families) {
      const { 1: tables } = FAMILIES[family];
      if (!tables.some((table) => this.#tables.has(table))) for (const one of tables) this.#tables.add(one);
    }
  }

  /** Whether a family is shown at all. */
  shows(family: Family): boolean {
    return this.families.has(family);
  }
}
