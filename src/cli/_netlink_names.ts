/** Names that an administrator has given to numbers of the routing tables: /etc/iproute2, as ip(8) reads them. */
import { readdirSync, readFileSync } from "node:fs";

const DIRECTORIES = ["/usr/share/iproute2", "/etc/iproute2"];

const cache = new Map<string, ReadonlyMap<number, string>>();

/** The names of a file such as `rt_tables`, and of those in `rt_tables.d`. */
function namesIn(file: string): ReadonlyMap<number, string> {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const names = new Map<number, string>();
  for (const directory of DIRECTORIES) {
    const more = list(`${directory}/${file}.d`).filter((name) => name.endsWith(".conf"));
    for (const path of [file, ...more.map((name) => `${file}.d/${name}`)])
      read(`${directory}/${path}`, names);
  }
  cache.set(file, names);
  return names;
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function read(path: string, names: Map<number, string>): void {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return; // not there, or not for us: numbers stay numbers
  }
  for (const [, number, name] of text.matchAll(/^\s*(0x[0-9a-f]+|\d+)[ \t]+([^\s#]+)/gim)) {
    names.set(Number(number), name as string);
  }
}

const BUILT_IN: Readonly<Record<string, string>> = { 253: "default", 254: "main", 255: "local" };

export function tableName(table: number): string {
  return namesIn("rt_tables").get(table) ?? BUILT_IN[table] ?? `${table}`;
}

/** A table's number by its name or number; `undefined` for one that nobody knows. */
export function tableNumber(word: string): number | undefined {
  if (/^\d+$/.test(word) && Number(word) <= 0xffff_ffff) return Number(word);
  const named = [...namesIn("rt_tables"), ...Object.entries(BUILT_IN)].find(([, name]) => name === word);
  return named === undefined ? undefined : Number(named[0]);
}

export function groupName(group: number): string {
  return namesIn("group").get(group) ?? (group === 0 ? "default" : `${group}`);
}

/** A word of ours stays; a number may have a name. */
export function protocolName(protocol: string | number): string {
  return typeof protocol === "string" ? protocol : (namesIn("rt_protos").get(protocol) ?? `${protocol}`);
}

export function scopeName(scope: string | number): string {
  return typeof scope === "string" ? scope : (namesIn("rt_scopes").get(scope) ?? `${scope}`);
}

export function tosName(tos: number): string {
  return namesIn("rt_dsfield").get(tos) ?? `0x${tos.toString(16).padStart(2, "0")}`;
}

export function realmName(realm: number): string {
  return namesIn("rt_realms").get(realm) ?? `${realm}`;
}

const IP_PROTOCOLS = new Map([
  [1, "icmp"],
  [2, "igmp"],
  [6, "tcp"],
  [17, "udp"],
  [33, "dccp"],
  [47, "gre"],
  [50, "esp"],
  [51, "ah"],
  [58, "ipv6-icmp"],
  [132, "sctp"],
]);

/** As ip(8) names it: of getprotobynumber(3). */
export function ipProtocolName(protocol: number): string {
  return IP_PROTOCOLS.get(protocol) ?? `ipproto-${protocol}`;
}
