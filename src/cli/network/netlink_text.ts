/** Rules and neighbours as lines of text, as ip(8) lays them out. */
import type { Neighbor, Rule } from "../../netlink/route/index.ts";
import { told } from "./link_text.ts";
import type { Json } from "./netlink_fields.ts";
import { line, type Style } from "./netlink_style.ts";

function prefixText(row: Json, field: "src" | "dst", rule: Rule, style: Style): string | undefined {
  if (row[field] === undefined) return undefined;
  const address =
    row[field] === "all" ? "all" : style.paint(rule.family === "ipv4" ? "inet" : "inet6", `${row[field]}`);
  return row[`${field}len`] === undefined ? address : `${address}/${row[`${field}len`]}`;
}

function portsText(row: Json, field: "sport" | "dport"): unknown {
  return (
    row[field] ??
    (row[`${field}_start`] === undefined ? undefined : `${row[`${field}_start`]}-${row[`${field}_end`]}`)
  );
}

function deviceText(row: Json, field: "iif" | "oif", style: Style): string | undefined {
  if (row[field] === undefined) return undefined;
  return line(
    field,
    style.paint("ifname", `${row[field]}`),
    row[`${field}_detached`] === null ? "[detached]" : undefined,
  );
}

function actionText(row: Json): string | undefined {
  if (row.nop === null) return "nop";
  if (row.masquerade === null) return "masquerade";
  if (row.goto !== undefined)
    return line(`goto ${row.goto}`, row.unresolved === null ? "[unresolved]" : undefined);
  return row.action as string | undefined;
}

function realmsText(row: Json): string | undefined {
  if (row.flow_to === undefined) return undefined;
  return `realms ${row.flow_from === undefined ? "" : `${row.flow_from}/`}${row.flow_to}`;
}

export function ruleText(row: Json, rule: Rule, style: Style): string {
  const mask = row.fwmask === undefined ? "" : `/${row.fwmask}`;
  // Rules of the kernel, and of who does not say what he is, are told of only with details.
  const quiet = rule.protocol === "unspec" || rule.protocol === "kernel";
  const words = line(
    row.not === null ? "not" : undefined,
    told("from", prefixText(row, "src", rule, style)),
    told("to", prefixText(row, "dst", rule, style)),
    told("tos", row.tos),
    row.fwmark === undefined ? undefined : `fwmark ${row.fwmark}${mask}`,
    deviceText(row, "iif", style),
    deviceText(row, "oif", style),
    row.l3mdev === null ? "lookup [l3mdev-table]" : undefined,
    row.uid_start === undefined ? undefined : `uidrange ${row.uid_start}-${row.uid_end}`,
    told("ipproto", row.ipproto),
    told("sport", portsText(row, "sport")),
    told("dport", portsText(row, "dport")),
    told("tun_id", row.tun_id),
    told("lookup", row.table),
    told("suppress_prefixlength", row.suppress_prefixlen),
    told("suppress_ifgroup", row.suppress_ifgroup),
    realmsText(row),
    actionText(row),
    quiet && !style.details ? undefined : told("proto", row.protocol),
  );
  return `${row.priority}:\t${words}`;
}

export function neighborText(row: Json, neighbor: Neighbor, style: Style): string {
  const marks = ["router", "proxy", "extern_learn", "offload", "managed"].filter(
    (mark) => row[mark] === null,
  );
  const lladdr = row.lladdr === undefined ? undefined : style.paint("mac", `${row.lladdr}`);
  return line(
    style.paint(neighbor.family === "ipv4" ? "inet" : "inet6", `${row.dst}`),
    row.dev === undefined ? undefined : `dev ${style.paint("ifname", `${row.dev}`)}`,
    told("lladdr", lladdr),
    ...marks,
    told("ref", row.refcnt),
    row.used === undefined ? undefined : `used ${row.used}/${row.confirmed}/${row.updated}`,
    told("probes", row.probes),
    (row.state as string[] | undefined)?.join(","),
    told("proto", row.protocol),
  );
}
