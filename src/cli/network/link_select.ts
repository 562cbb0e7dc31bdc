/** Which links are shown: the words that `ip link show` and `ip addr show` share. */
import type { Link, RouteSocket } from "../../netlink/route/index.ts";
import { namedWord } from "./ip_words.ts";
import { groupNumber } from "./netlink_names.ts";

export const LINK_WORDS = {
  dev: "word",
  up: "flag",
  master: "word",
  vrf: "=master",
  nomaster: "flag",
  type: "word",
  group: "word",
} as const;

export interface LinkWords {
  readonly dev?: string;
  readonly plain?: string;
  readonly up?: true;
  readonly master?: string;
  readonly nomaster?: true;
  readonly type?: string;
  readonly group?: string;
}

const PORT = "_slave";

/**
 * The links that the words tell, in the kernel's order.
 * @param all those of the namespace
 * @throws {NetlinkError} `ENODEV` for a device or master that is not there
 */
export async function selectLinks(
  words: LinkWords,
  net: RouteSocket,
  all: readonly Link[],
  statistics: boolean,
): Promise<Link[]> {
  const device = words.dev ?? words.plain;
  const links = device === undefined ? all : [await net.links.get(device, { statistics })];
  const master = words.master === undefined ? undefined : (await net.links.get(words.master)).index;
  const group = words.group === undefined ? undefined : namedWord(words.group, "group", groupNumber);
  const { type } = words;
  const kind = type === undefined || type.endsWith(PORT) ? undefined : type;
  const portKind = type?.endsWith(PORT) ? type.slice(0, -PORT.length) : undefined;
  return links.filter(
    (link) =>
      (words.up === undefined || link.up) &&
      (master === undefined || link.master === master) &&
      (words.nomaster === undefined || link.master === undefined) &&
      (kind === undefined || link.info?.kind === kind) &&
      (portKind === undefined || link.port?.kind === portKind) &&
      (group === undefined || link.group === group),
  );
}
