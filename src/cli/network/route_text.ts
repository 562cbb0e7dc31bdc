/** Routes as lines of text, as ip(8) lays them out. */
import { type Route, routeTypeNumber } from "../../netlink/route/index.ts";
import { told } from "./link_text.ts";
import type { Json, RouteRow } from "./netlink_fields.ts";
import { type Colour, line, type Style } from "./netlink_style.ts";

function colourOf(text: unknown): Colour | undefined {
  const address = `${text}`;
  return address.includes(":") ? "inet6" : /^\d+\.\d+\.\d+\.\d+/.test(address) ? "inet" : undefined;
}

/** Fields of tunnels, in the order in which ip(8) prints them. */
const ENCAP_FIELDS = [
  "mode",
  "action",
  "id",
  "srh",
  "segs",
  "table",
  "vrftable",
  "nh4",
  "nh6",
  "iif",
  "oif",
  "src",
  "dst",
  "ttl",
  "hoplimit",
  "tos",
  "tc",
];

function encapText(encap: Json, style: Style): string | undefined {
  if (encap.encap === undefined) return undefined;
  const fields = ENCAP_FIELDS.map((name) => {
    const value = encap[name];
    if (value === undefined) return undefined;
    if (name === "srh") return segsText((value as Json).segs as string[], style);
    if (name === "segs") return segsText(value as string[], style);
    // As ip(8) paints them: with their word.
    return style.paint(name === "src" || name === "dst" ? colourOf(value) : undefined, `${name} ${value}`);
  });
  const marks = ["key", "csum", "seq"].filter((mark) => encap[mark] === true);
  return line(`encap ${encap.encap}`, ...fields, ...marks);
}

function segsText(segs: readonly string[], style: Style): string {
  return `segs ${segs.length} [ ${segs.map((text) => style.paint("inet6", text)).join(" ")} ]`;
}

function gatewayText(row: Json, style: Style): string | undefined {
  const via = row.via as { readonly family: string; readonly host: string } | undefined;
  const paint = (host: unknown): string => style.paint(colourOf(host), `${host}`);
  if (via !== undefined) return `via ${via.family} ${paint(via.host)}`;
  return row.gateway === undefined ? undefined : `via ${paint(row.gateway)}`;
}

function deviceText(row: Json, style: Style): string | undefined {
  return row.dev === undefined ? undefined : `dev ${style.paint("ifname", `${row.dev}`)}`;
}

function realmsText(row: Json): string | undefined {
  const flow = row.flow as { readonly from?: string; readonly to: string } | undefined;
  if (flow === undefined) return undefined;
  return flow.from === undefined ? `realm ${flow.to}` : `realms ${flow.from}/${flow.to}`;
}

/** In milliseconds, or in seconds from one second on. */
function timeText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${Number((ms / 1000).toPrecision(6))}s`;
}

/** RTAX_…: the bit of a metric that is locked, and its word. JSON does not tell of locks. */
const METRICS: readonly (readonly [number, field: string, word?: string])[] = [
  [2, "mtu"],
  [3, "window"],
  [4, "rtt"],
  [5, "rttvar"],
  [6, "ssthresh"],
  [7, "cwnd"],
  [8, "advmss"],
  [9, "reordering"],
  [10, "hoplimit"],
  [11, "initcwnd"],
  [12, "features"],
  [13, "rto_min"],
  [14, "initrwnd"],
  [15, "quickack"],
  [16, "congestion", "congctl"],
  [17, "fastopen_no_cookie"],
];

function metricsText(row: Json, route: Route): string {
  const metrics = (row.metrics as Json[] | undefined)?.[0] ?? {};
  const locked = route.metrics?.lock ?? 0;
  const texts = METRICS.map(([number, field, word = field]) => {
    const lock = locked & (1 << number) ? " lock" : "";
    const value =
      field === "features"
        ? line(metrics.ecn === null ? "ecn" : undefined, metrics.features as string | undefined) || undefined
        : metrics[field];
    if (value === undefined) return undefined;
    const timed = field === "rtt" || field === "rttvar" || field === "rto_min";
    return `${word}${lock} ${timed ? timeText(Number(value)) : value}`;
  });
  return line(...texts);
}

function hopText(row: Json, style: Style): string {
  return line(
    "nexthop",
    encapText(row, style),
    gatewayText(row, style),
    realmsText(row),
    told("dev", row.dev),
    told("weight", row.weight),
    ...(row.flags as string[]),
  );
}

/** Nexthop objects are told of only where details are wanted. */
function objectText({ row, encap }: RouteRow, style: Style): string {
  const group = row.group as { readonly id: number; readonly weight?: number }[] | undefined;
  return line(
    `nh_info id ${row.id}`,
    told(
      "group",
      group?.map(({ id, weight }) => (weight === undefined ? `${id}` : `${id},${weight}`)).join("/"),
    ),
    told("type", row.type),
    ...Object.entries((row.resilient_args as Json | undefined) ?? {}).map(([name, value]) =>
      told(name, value),
    ),
    encapText(encap, style),
    gatewayText(row, style),
    deviceText(row, style),
    told("scope", row.scope),
    row.blackhole === null ? "blackhole" : undefined,
    told("proto", row.protocol),
    ...(row.flags as string[]),
    row.fdb === null ? "fdb" : undefined,
  );
}

/** What is usual is not said, but with `-d`. */
function unusual(row: Json, route: Route): Json {
  const usual = {
    type: routeTypeNumber(route.type) === 1,
    table: route.table === 254,
    protocol: route.protocol === "boot",
    scope: route.scope === "global",
  };
  return Object.fromEntries(
    Object.entries(row).filter(([name]) => usual[name as keyof typeof usual] !== true),
  );
}

/** @returns its lines, without the last end of line */
export function routeText({ row, encap }: RouteRow, route: Route, style: Style, object?: RouteRow): string {
  const it = style.details ? row : unusual(row, route);
  const paint = (value: unknown): string => style.paint(colourOf(value), `${value}`);
  const cache = row.cache as string[] | undefined;
  const lines = [
    line(
      it.type as string | undefined,
      paint(row.dst),
      row.from === undefined ? undefined : style.paint(colourOf(row.from), `from ${row.from}`),
      told("nhid", row.nhid),
      encapText(encap, style),
      told("tos", row.tos),
      gatewayText(row, style),
      deviceText(row, style),
      told("table", it.table),
      told("proto", it.protocol),
      told("scope", it.scope),
      row.prefsrc === undefined ? undefined : `src ${paint(row.prefsrc)}`,
      told("metric", row.metric),
      ...(row.flags as string[]),
      row.mark === undefined ? undefined : `mark ${markText(row.mark as number)}`,
      realmsText(row),
      told("uid", row.uid),
    ),
  ];
  if (cache !== undefined) {
    lines.push(`    ${line("cache", cache.length === 0 ? undefined : `<${cache.join(",")}>`)}`);
  }
  const rest = line(
    row.expires === undefined ? undefined : `expires ${row.expires}sec`,
    told("error", row.error),
    told("users", row.users),
    told("used", row.used),
    row.age === undefined ? undefined : `age ${row.age}sec`,
    metricsText(row, route),
    told("iif", row.iif),
    told("pref", row.pref),
  );
  lines.push(line(lines.pop(), rest));
  if (style.details && object !== undefined) lines.push(`\t${objectText(object, style)}`);
  for (const hop of (row.nexthops as Json[] | undefined) ?? []) lines.push(`\t${hopText(hop, style)}`);
  return lines.join("\n");
}

function markText(mark: number): string {
  return mark >= 16 ? `0x${mark.toString(16)}` : `${mark}`;
}
