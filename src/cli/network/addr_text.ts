/** Addresses of links as lines of text, as ip(8) lays them out. */

import { told } from "./link_text.ts";
import type { Json } from "./netlink_fields.ts";
import { type Colour, line, type Style } from "./netlink_style.ts";

const FOREVER = 0xffff_ffff;

/** In the order in which ip(8) prints them. */
const FLAGS = [
  "secondary",
  "temporary",
  "nodad",
  "optimistic",
  "dadfailed",
  "home",
  "deprecated",
  "tentative",
  "dynamic",
  "mngtmpaddr",
  "noprefixroute",
  "autojoin",
  "stable-privacy",
];

function colourOf(row: Json): Colour {
  return row.family === "inet" ? "inet" : "inet6";
}

/** `192.0.2.1/24`, with its peer where it has one. */
export function addressAndPeer(row: Json, style: Style): string {
  const paint = (value: unknown): string => style.paint(colourOf(row), `${value}`);
  const peer = row.address === undefined ? "" : ` peer ${paint(row.address)}`;
  return `${paint(row.local)}${peer}/${row.prefixlen}`;
}

/** @param row an element of `addr_info` @returns the two lines, of which the first has no indent */
export function addressText(row: Json, style: Style): string {
  const paint = (value: unknown): string | undefined =>
    value === undefined ? undefined : style.paint(colourOf(row), `${value}`);
  const first = line(
    `${row.family}`,
    addressAndPeer(row, style),
    told("metric", row.metric),
    told("brd", paint(row.broadcast)),
    told("any", paint(row.anycast)),
    told("scope", row.scope),
    ...FLAGS.map((flag) => (row[flag] === true ? flag : undefined)),
    told("flags", row.ifa_flags),
    told("proto", row.protocol),
    row.label as string | undefined,
  );
  if (row.valid_life_time === undefined) return first;
  const life = (seconds: unknown): string => (seconds === FOREVER ? "forever" : `${seconds}sec`);
  return `${first}\n       valid_lft ${life(row.valid_life_time)} preferred_lft ${life(row.preferred_life_time)}`;
}
