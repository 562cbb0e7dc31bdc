/** The rows of `_netlink_json.ts` as lines for people, in the words of ip(8). */
import type { Json } from "./_link_json.ts";

/** Some fields, each behind its word; a field that is not there is left out. */
function words(row: Json, ...fields: (readonly [word: string, field: string])[]): string {
  return fields
    .filter(([, field]) => row[field] !== undefined)
    .map(([word, field]) => (row[field] === null ? ` ${word}` : ` ${word} ${row[field]}`))
    .join("");
}

export function linkText(row: Json): string {
  const below =
    row.link === undefined
      ? row.link_index === undefined
        ? ""
        : `@if${row.link_index}`
      : `@${row.link ?? "NONE"}`;
  const first = `${row.ifindex}: ${row.ifname}${below}: <${(row.flags as string[]).join(",")}>`;
  const rest = words(
    row,
    ["mtu", "mtu"],
    ["qdisc", "qdisc"],
    ["master", "master"],
    ["state", "operstate"],
    ["group", "group"],
    ["qlen", "txqlen"],
  );
  const kind = (row.linkinfo as Json | undefined)?.info_kind;
  const second = `    link/${row.link_type}${row.address === undefined ? "" : ` ${row.address}`}`;
  const alias = row.ifalias === undefined ? [] : [`    alias ${row.ifalias}`];
  const names = ((row.altnames as string[] | undefined) ?? []).map((name) => `    altname ${name}`);
  const tail = `${words(row, ["brd", "broadcast"], ["link-netnsid", "link_netnsid"])}${kind === undefined ? "" : ` kind ${kind}`}`;
  return [`${first}${rest}`, `${second}${tail}`, ...alias, ...names].join("\n");
}

const LIFETIME = (seconds: unknown): string => (seconds === 4294967295 ? "forever" : `${seconds}sec`);

export function addressText(row: Json): string {
  const peer = row.address === undefined ? "" : ` peer ${row.address}`;
  const known = [
    "family",
    "local",
    "address",
    "prefixlen",
    "metric",
    "broadcast",
    "anycast",
    "scope",
    "protocol",
    "label",
  ];
  const flags = Object.entries(row).filter(([name, value]) => value === true && !known.includes(name));
  const rest = words(row, ["metric", "metric"], ["brd", "broadcast"], ["any", "anycast"], ["scope", "scope"]);
  const marks = flags.map(([name]) => ` ${name}`).join("");
  const label = row.label === undefined ? "" : ` ${row.label}`;
  const first = `    ${row.family} ${row.local}${peer}/${row.prefixlen}${rest}${marks}${label}`;
  if (row.valid_life_time === undefined) return first;
  return `${first}\n       valid_lft ${LIFETIME(row.valid_life_time)} preferred_lft ${LIFETIME(row.preferred_life_time)}`;
}

function hopText(row: Json): string {
  const via = row.via as { family: string; host: string } | undefined;
  const to = via === undefined ? words(row, ["via", "gateway"]) : ` via ${via.family} ${via.host}`;
  const flags = ((row.flags as string[] | undefined) ?? []).map((flag) => ` ${flag}`).join("");
  return `${to}${words(row, ["dev", "dev"], ["weight", "weight"])}${flags}`;
}

/** As without `-d`: what is usual is not said. */
export function routeText(row: Json): string {
  const usual = { type: "unicast", table: "main", scope: "global", protocol: "boot", pref: "" };
  const told: Json = Object.fromEntries(
    Object.entries(row).filter(([name, value]) => usual[name as keyof typeof usual] !== value),
  );
  const type = told.type === undefined ? "" : `${told.type} `;
  const { flags: _flags, ...rest } = row;
  const metrics = Object.entries((row.metrics as Json[] | undefined)?.[0] ?? {}).map(
    ([name, value]) => ` ${name} ${value}`,
  );
  const first = `${type}${row.dst}${words(told, ["from", "from"], ["tos", "tos"], ["nhid", "nhid"])}${hopText(rest)}`;
  const last = words(
    told,
    ["table", "table"],
    ["proto", "protocol"],
    ["scope", "scope"],
    ["src", "prefsrc"],
    ["metric", "metric"],
    ["mark", "mark"],
    ["uid", "uid"],
    ["expires", "expires"],
    ["error", "error"],
    ["iif", "iif"],
    ["pref", "pref"],
  );
  const marks = ((row.flags as string[] | undefined) ?? []).map((flag) => ` ${flag}`).join("");
  const hops = ((row.nexthops as Json[] | undefined) ?? []).map((hop) => `\n\tnexthop${hopText(hop)}`);
  return `${first}${last}${marks}${metrics.join("")}${hops.join("")}`;
}

export function ruleText(row: Json): string {
  const prefix = (field: string): string | undefined =>
    row[field] === undefined
      ? undefined
      : `${row[field]}${row[`${field}len`] === undefined ? "" : `/${row[`${field}len`]}`}`;
  const range = (field: string): string | undefined =>
    row[`${field}_start`] === undefined ? undefined : `${row[`${field}_start`]}-${row[`${field}_end`]}`;
  const mark =
    row.fwmark === undefined ? undefined : `${row.fwmark}${row.fwmask === undefined ? "" : `/${row.fwmask}`}`;
  const told: Json = {
    ...row,
    src: prefix("src"),
    dst: prefix("dst"),
    fwmark: mark,
    uidrange: range("uid"),
    sport: row.sport ?? range("sport"),
    dport: row.dport ?? range("dport"),
  };
  const not = row.not === null ? "not " : "";
  const fields = words(
    told,
    ["from", "src"],
    ["to", "dst"],
    ["tos", "tos"],
    ["fwmark", "fwmark"],
    ["iif", "iif"],
    ["oif", "oif"],
    ["uidrange", "uidrange"],
    ["ipproto", "ipproto"],
    ["sport", "sport"],
    ["dport", "dport"],
    ["lookup", "table"],
    ["suppress_prefixlength", "suppress_prefixlen"],
    ["goto", "goto"],
    ["proto", "protocol"],
  );
  return `${row.priority}:\t${not}${fields.trim()}${row.action === undefined ? "" : ` ${row.action}`}`;
}

export function neighborText(row: Json): string {
  const marks = ["router", "proxy", "extern_learn", "offload", "managed"].filter(
    (mark) => row[mark] === null,
  );
  const state = (row.state as string[]).join(",");
  return [`${row.dst}${words(row, ["dev", "dev"], ["lladdr", "lladdr"])}`, ...marks, state].join(" ");
}
