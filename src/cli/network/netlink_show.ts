/** What `link`, `addr`, `route`, `neigh` and `rule` show: rows, and how they are printed. */
import { type Link, RouteSocket } from "../../netlink/route/index.ts";
import { EXIT, print, toJson } from "../_command.ts";
import type { Json } from "./netlink_fields.ts";
import { Hosts } from "./netlink_hosts.ts";
import { showNumbers } from "./netlink_names.ts";
import type { ShowOptions } from "./netlink_options.ts";
import { type Style, styleOf } from "./netlink_style.ts";
import { LinkNames, type View } from "./netlink_view.ts";

/** A channel, and the names of the links at its other end. */
export async function withLinks<T>(
  use: (net: RouteSocket, names: LinkNames, links: Link[]) => Promise<T>,
  options: { readonly statistics?: boolean } = {},
): Promise<T> {
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const links = await net.links.list({ statistics: options.statistics });
  return await use(net, new LinkNames(links), links);
}

/** How entries of a table are written. */
export interface Shown<T> {
  json(entry: T, view: View): Json;
  /** Its lines, without the last end of line. */
  text(entry: T, view: View, style: Style): string;
  /** Whether its text has a line for each thing already. */
  readonly lines?: true;
}

/** What is printed, in pieces: all of it at once would take several times the memory. */
export type Pieces = Iterable<string>;

/** Entries as the options say: as JSON or text, and made once more with the names of hosts where those are wanted. */
export async function show<T>(
  entries: readonly T[],
  shown: Shown<T>,
  options: ShowOptions,
  names: LinkNames,
  more: Partial<View> = {},
): Promise<Pieces> {
  showNumbers(options.numeric === true);
  const hosts = new Hosts();
  const view: View = { names, host: hosts.text, stats: options.stats ?? 0, ...more };
  const style = styleOf(options);
  const line = (entry: T): string => {
    const text = shown.text(entry, view, style);
    return text === "" ? "" : `${options.oneline && !shown.lines ? text.replaceAll("\n", "\\") : text}\n`;
  };
  const pieces = (): Pieces =>
    options.json ? listJson(entries, (entry) => shown.json(entry, view)) : listText(entries, line);
  if (options.resolve) {
    for (const _ of pieces()); // asks for the names
    await hosts.look();
  }
  return pieces();
}

/** So many rows are made into text at a time. */
const BATCH = 256;

/** As {@link toJson} of a list of rows. */
function* listJson<T>(entries: readonly T[], row: (entry: T) => Json): Pieces {
  if (entries.length === 0) yield "[]\n";
  for (let at = 0; at < entries.length; at += BATCH) {
    const rows = toJson(entries.slice(at, at + BATCH).map(row)).slice(1, -2);
    yield `${at === 0 ? "[" : ","}${rows}${at + BATCH < entries.length ? "" : "\n]\n"}`;
  }
}

function* listText<T>(entries: readonly T[], line: (entry: T) => string): Pieces {
  for (let at = 0; at < entries.length; at += BATCH) {
    const text = entries
      .slice(at, at + BATCH)
      .map(line)
      .join("");
    if (text !== "") yield text;
  }
}

/** Prints what is shown. */
export async function printed(pieces: Promise<Pieces>): Promise<number> {
  for (const piece of await pieces) await print(piece);
  return EXIT.done;
}
