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

/** Entries as the options say: as JSON or text, and made once more with the names of hosts where those are wanted. */
export async function show<T>(
  entries: readonly T[],
  shown: Shown<T>,
  options: ShowOptions,
  names: LinkNames,
  more: Partial<View> = {},
): Promise<string> {
  showNumbers(options.numeric === true);
  const hosts = new Hosts();
  const view: View = { names, host: hosts.text, stats: options.stats ?? 0, ...more };
  const style = styleOf(options);
  const write = (): string => {
    if (options.json) return `${listJson(entries, (entry) => shown.json(entry, view))}\n`;
    const texts = entries.map((entry) => shown.text(entry, view, style)).filter((text) => text !== "");
    return texts
      .map((text) => `${options.oneline && !shown.lines ? text.replaceAll("\n", "\\") : text}\n`)
      .join("");
  };
  const first = write();
  if (!options.resolve) return first;
  await hosts.look();
  return write();
}

/** So many rows are made into text at a time: all at once they take several times the memory. */
const BATCH = 256;

/** As {@link toJson} of a list of rows. */
function listJson<T>(entries: readonly T[], row: (entry: T) => Json): string {
  const texts: string[] = [];
  for (let at = 0; at < entries.length; at += BATCH) {
    texts.push(toJson(entries.slice(at, at + BATCH).map(row)).slice(2, -2));
  }
  return texts.length === 0 ? "[]" : `[\n${texts.join(",\n")}\n]`;
}

/** Prints what is shown. */
export async function printed(text: Promise<string>): Promise<number> {
  const output = await text;
  if (output !== "") await print(output);
  return EXIT.done;
}
