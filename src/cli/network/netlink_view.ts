/** What rows of the network's tables are written with: the names of links, and of hosts where they are wanted. */
import type { IpAddr } from "../../ip/index.ts";
import type { Link } from "../../netlink/route/index.ts";
import type { RouteRow } from "./netlink_fields.ts";

/** What is known of links by their numbers alone. */
type Known = Pick<Link, "name" | "up">;

/** The links of a namespace, by their numbers. */
export class LinkNames {
  readonly #links = new Map<number, Known>();

  constructor(links: readonly Link[]) {
    for (const link of links) this.set(link);
  }

  /** As ip(8) calls one that is not there. */
  nameOf = (index: number): string => this.#links.get(index)?.name ?? `if${index}`;

  isDown(index: number): boolean {
    return this.#links.get(index)?.up === false;
  }

  /** A link that is new or has changed. One that is gone keeps its name: what goes with it may be told of later. */
  set({ index, name, up }: Link): void {
    this.#links.set(index, { name, up });
  }
}

export interface View {
  readonly names: LinkNames;
  /** An address as it is shown. */
  readonly host: (addr: IpAddr) => string;
  /** How many counters and ages there are: none, those of `-s`, those of `-s -s`. */
  readonly stats: number;
  /** Nexthop objects that routes may tell of. */
  readonly nexthops?: ReadonlyMap<number, RouteRow> | undefined;
}

/** Addresses as they are, without counters. */
export function plainView(names: LinkNames): View {
  return { names, host: String, stats: 0 };
}
