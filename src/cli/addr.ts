/** `windsock addr`: the addresses of the network interfaces. */
import type { Command } from "commander";
import type { Address, Link } from "../netlink/route/index.ts";
import { familyOf, run } from "./_command.ts";
import { readAddressWords } from "./network/addr_select.ts";
import { addressAndPeer, addressText } from "./network/addr_text.ts";
import { changeHelp } from "./network/change_help.ts";
import { behindShow, change } from "./network/change_verb.ts";
import { briefLinkJson, linkJson } from "./network/link_json.ts";
import { briefText, linkText, statisticsText, told } from "./network/link_text.ts";
import { clean, type Json } from "./network/netlink_fields.ts";
import { addressJson } from "./network/netlink_json.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Pieces, printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
import { line, type Style, visibleIn } from "./network/netlink_style.ts";
import type { View } from "./network/netlink_view.ts";

const EXAMPLES = `
Words: show [ [dev] NAME ] [ up ] [ master NAME ] [ nomaster ] [ type KIND ] [ group GROUP ] [ to PREFIX ] [ scope SCOPE ]
[ label PATTERN ], and flags: permanent, dynamic, secondary, primary, tentative, deprecated, dadfailed, temporary, home,
nodad, optimistic, mngtmpaddr, noprefixroute, autojoin, stable-privacy; with - before them where they are to be missing.
--json has the fields of "ip -j -d addr".

Examples:
  windsock addr
  windsock addr -4 show dev eth0
  windsock addr -br -c show scope global
  windsock addr --json show up -deprecated`;

/** Flags that are to be missing. */
export const MISSING =
  /^-(?:permanent|dynamic|secondary|primary|tentative|deprecated|dadfailed|temporary|home|nodad|mngtmpaddr|noprefixroute|autojoin|stable-privacy)$/;

export function addAddr(program: Command): void {
  const command = program
    .command("addr")
    .description("the addresses of the network interfaces, as ip addr shows them")
    .argument("[words...]", "show, and which of them");
  const has = { families: true, brief: true, stats: true, resolve: true, missing: MISSING } as const;
  addShowOptions(command, "the links as a list, each with its addr_info", has)
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", changeHelp("addr"))
    .action((words: string[], options: ShowOptions) =>
      run(
        "addr",
        async () => (await change("addr", words, options)) ?? printed(showAddresses(words, options)),
      ),
    );
}

interface LinkWithAddresses {
  readonly link: Link;
  readonly addresses: readonly Address[];
}

/** What `ip addr show` prints. @throws {UsageError} @throws {NetlinkError} */
export async function showAddresses(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  const rest = behindShow("addr", words);
  const asked = familyOf(options);
  const statistics = (options.stats ?? 0) > 0;
  return await withLinks(
    async (net, names, all) => {
      const { links: wanted, family, orNone, labelled, has } = await readAddressWords(rest, asked, net);
      const links = wanted(all);
      const device = links.length === 1 ? links[0]?.index : undefined;
      const addresses = byDevice(await net.addresses.list({ device }));
      const rows = links.map((link): LinkWithAddresses & { none: boolean } => {
        const own = addresses.get(link.index) ?? [];
        return { link, none: own.length === 0, addresses: own.filter((it) => has(it, link)) };
      });
      // As ip(8): a link without any address is there, unless those of one family are wanted.
      const shown = rows.filter((row) => row.addresses.length > 0 || (row.none && orNone));
      return await show(shown, shownBy(options, family === undefined, labelled), options, names);
    },
    { statistics },
  );
}

function byDevice(addresses: readonly Address[]): Map<number, Address[]> {
  const lists = new Map<number, Address[]>();
  for (const address of addresses) {
    const list = lists.get(address.device);
    if (list === undefined) lists.set(address.device, [address]);
    else list.push(address);
  }
  return lists;
}

/** @param bare the addresses without their links, as ip(8) has text where a label is asked for */
function shownBy(options: ShowOptions, layer: boolean, bare: boolean): Shown<LinkWithAddresses> {
  if (options.brief) return BRIEF;
  if (options.oneline) return ONE_LINE;
  return {
    json: addrJson,
    text({ link, addresses }, view, style) {
      const row = visibleIn(linkJson(link, view, false));
      const head = linkText(row, link, style, { whole: false, layer, queue: true });
      const lines = addresses.map((it) => `    ${text(it, view, style)}`);
      return bare
        ? lines.join("\n")
        : [head, ...lines, ...(style.stats > 0 ? statisticsText(link, style.stats) : [])].join("\n");
    },
  };
}

function text(address: Address, view: View, style: Style): string {
  return addressText(visibleIn(addressJson(address, view)), style);
}

function addrJson({ link, addresses }: LinkWithAddresses, view: View): Json {
  return { ...linkJson(link, view, false), addr_info: addresses.map((it) => addressJson(it, view)) };
}

/** As `ip -br addr`. */
const BRIEF: Shown<LinkWithAddresses> = {
  json({ link, addresses }, view) {
    const info = addresses.map((it) => {
      const { local, address, prefixlen, metric } = addressJson(it, view);
      return clean({ local, address, prefixlen, metric });
    });
    return { ...briefLinkJson(linkJson(link, view, false), false), addr_info: info };
  },
  text({ link, addresses }, view, style) {
    const texts = addresses.map((it) => {
      const row = visibleIn(addressJson(it, view));
      return line(addressAndPeer(row, style), told("metric", row.metric));
    });
    return briefText(visibleIn(linkJson(link, view, false)), style, texts);
  },
};

/** As `ip -o addr`: a line for each address, and none for the link. */
const ONE_LINE: Shown<LinkWithAddresses> = {
  lines: true,
  json({ link, addresses }, view) {
    const head = { index: link.index, dev: link.name };
    return { addr_info: addresses.map((it) => ({ ...head, ...addressJson(it, view) })) };
  },
  text({ link, addresses }, view, style) {
    const head = `${link.index}: ${visibleIn(link.name)}    `;
    return addresses.map((it) => head + text(it, view, style).replaceAll("\n", "\\")).join("\n");
  },
};
