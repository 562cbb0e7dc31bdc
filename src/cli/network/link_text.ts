/** Links as lines of text, as ip(8) lays them out. */
import type { Link, LinkStatistics } from "../../netlink/route/index.ts";
import { detailsText } from "./link_details_text.ts";
import type { Json } from "./netlink_fields.ts";
import { type Colour, line, type Style } from "./netlink_style.ts";

/** Which lines of a link there are. */
export interface LinkLayout {
  /** As `ip link` has it, not `ip addr`: with the mode, and with the alias and the counters of its own. */
  readonly whole: boolean;
  /** The line of the link layer: `ip -4 addr` has none. */
  readonly layer: boolean;
  /** Whether the length of the queue is told: `ip monitor` does not. */
  readonly queue: boolean;
}

const STATE_COLOURS: Readonly<Record<string, Colour>> = { UP: "up", DOWN: "down" };

/** `eth0@if3`: with the link below it. */
function nameOf(row: Json): string {
  if (row.link_index !== undefined) return `${row.ifname}@if${row.link_index}`;
  return row.link === undefined ? `${row.ifname}` : `${row.ifname}@${row.link ?? "NONE"}`;
}

function flagsOf(row: Json): string {
  return `<${(row.flags as string[]).join(",")}>`;
}

function stateOf(row: Json, style: Style): string {
  const state = row.operstate as string | undefined;
  if (state !== undefined) return style.paint(STATE_COLOURS[state], state);
  const number = row.operstate_index as number | undefined;
  return number === undefined ? "" : `0x${number.toString(16)}`;
}

/** A word and a value, where there is one. */
export function told(word: string, value: unknown): string | undefined {
  return value === undefined ? undefined : `${word} ${value}`;
}

/** @param row as JSON has it @returns its lines, without the last end of line */
export function linkText(row: Json, link: Link, style: Style, layout: LinkLayout): string {
  const { whole, details } = { whole: layout.whole, details: style.details };
  const state = stateOf(row, style);
  const lines = [
    line(
      `${row.ifindex}:`,
      style.paint("ifname", `${nameOf(row)}:`),
      flagsOf(row),
      told("mtu", row.mtu),
      told("qdisc", row.qdisc),
      told("master", row.master),
      state === "" ? undefined : `state ${state}`,
      whole ? told("mode", row.linkmode ?? row.linkmode_index) : undefined,
      told("group", row.group),
      layout.queue ? told("qlen", row.txqlen) : undefined,
    ),
  ];
  if (layout.layer || details)
    lines.push(`    ${line(layerText(row, style), ...belowText(row, whole, details))}`);
  else lines[0] = line(lines[0], ...belowText(row, whole, details));
  if ((whole || details) && row.ifalias !== undefined) lines.push(`    alias ${row.ifalias}`);
  if (whole && style.stats > 0) lines.push(...statisticsText(link, style.stats));
  for (const name of (row.altnames as string[] | undefined) ?? []) lines.push(`    altname ${name}`);
  return lines.join("\n");
}

function layerText(row: Json, style: Style): string {
  const address = row.address === undefined ? undefined : style.paint("mac", `${row.address}`);
  const far = row.broadcast === undefined ? undefined : style.paint("mac", `${row.broadcast}`);
  return line(`link/${row.link_type}`, address, told(row.link_pointtopoint ? "peer" : "brd", far));
}

function belowText(row: Json, whole: boolean, details: boolean): (string | undefined)[] {
  const namespace = row.link_netnsid as number | undefined;
  return [
    told("link-netnsid", namespace === undefined || namespace >= 0 ? namespace : "unknown"),
    row.proto_down ? "protodown on" : undefined,
    details ? detailsText(row, whole) : undefined,
  ];
}

/** A table of counters below each other; the first column has the heads of the lines too. */
export function statisticsText(link: Link, level: number): string[] {
  const s = link.statistics;
  return s === undefined ? [] : columns(statisticsRows(s, link, level));
}

type Row = readonly [head: string, counters: readonly (readonly [name: string, value: bigint])[]];

function statisticsRows(s: LinkStatistics, link: Link, level: number): Row[] {
  const side = (one: LinkStatistics["rx"]): [string, bigint][] => [
    ["bytes", one.bytes],
    ["packets", one.packets],
    ["errors", one.errors],
    ["dropped", one.dropped],
  ];
  const rows: Row[] = [
    [
      "RX:",
      [
        ...side(s.rx),
        ["missed", s.rxErrors.missed],
        ["mcast", s.multicast],
        ...some("compressed", s.rxCompressed),
      ],
    ],
    [
      "TX:",
      [
        ...side(s.tx),
        ["carrier", s.txErrors.carrier],
        ["collsns", s.collisions],
        ...some("compressed", s.txCompressed),
      ],
    ],
  ];
  if (level < 2) return rows;
  const { rxErrors: rx, txErrors: tx } = s;
  rows.splice(1, 0, [
    "RX errors:",
    [
      ["length", rx.length],
      ["crc", rx.crc],
      ["frame", rx.frame],
      ["fifo", rx.fifo],
      ["overrun", rx.over],
      ...some("nohandler", s.rxNoHandler),
    ],
  ]);
  const transitions =
    link.carrierChanges === undefined ? [] : [["transns", BigInt(link.carrierChanges)] as const];
  rows.push([
    "TX errors:",
    [
      ["aborted", tx.aborted],
      ["fifo", tx.fifo],
      ["window", tx.window],
      ["heartbt", tx.heartbeat],
      ...transitions,
    ],
  ]);
  return rows;
}

function some(name: string, value: bigint): [string, bigint][] {
  return value === 0n ? [] : [[name, value]];
}

function columns(rows: readonly Row[]): string[] {
  const errors = ([head]: Row): boolean => head.endsWith("errors:");
  // The errors stand below the packets: their head takes the place of the bytes.
  const cells = rows.map((row): string[][] => {
    const [head, counters] = row;
    const [first, ...rest] = counters;
    if (errors(row)) return [[head, ""], ...counters.map(([name, value]) => [name, `${value}`])];
    return [[`${head} ${first?.[0]}`, `${first?.[1]}`], ...rest.map(([name, value]) => [name, `${value}`])];
  });
  const count = Math.max(...cells.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...cells.flatMap((row) => (row[at] ?? []).map((text) => text.length))),
  );
  const one = (row: string[][], part: 0 | 1, head: string): string => {
    const texts = row.map((cell, at) => {
      const text = cell[part] ?? "";
      const width = widths[at] ?? 0;
      return at === 0 && part === 0 && text.startsWith(head)
        ? head + text.slice(head.length).padStart(width - head.length)
        : text.padStart(width);
    });
    return `    ${texts.join(" ")}`;
  };
  return cells.flatMap((row, at) => {
    const head = rows[at]?.[0] ?? "";
    return [one(row, 0, head), one(row, 1, head)];
  });
}

/** A line of `ip -br link`; of `ip -br addr` with the addresses. */
export function briefText(row: Json, style: Style, addresses?: readonly string[]): string {
  const state = `${row.operstate ?? row.operstate_index ?? ""}`;
  const painted = stateOf(row, style) + " ".repeat(Math.max(0, 14 - state.length));
  const rest =
    addresses === undefined
      ? line(row.address === undefined ? undefined : style.paint("mac", `${row.address}`), flagsOf(row))
      : addresses.join(" ");
  const name = nameOf(row);
  const shown = style.paint("ifname", name) + " ".repeat(Math.max(0, 16 - name.length));
  return line(shown, painted, rest).trimEnd();
}
