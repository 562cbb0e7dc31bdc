/** Names that an administrator has given to numbers of the routing tables: /etc/iproute2, as ip(8) reads them. */
import { readdirSync, readFileSync } from "node:fs";
import { type Protocol, protocolNumber, type Scope, scopeNumber } from "../../netlink/route/index.ts";

const DIRECTORIES = ["/usr/share/iproute2", "/etc/iproute2"];

const cache = new Map<string, ReadonlyMap<number, string>>();

/** Whether numbers are shown as they are: `ip -N`. */
let numeric = false;

/** From now on numbers are shown as they are, or by their names. */
export function showNumbers(wanted: boolean): void {
  numeric = wanted;
}

export function showsNumbers(): boolean {
  return numeric;
}

/** What is shown for a number: its name where it has one, and names are wanted. */
export function wordFor(number: number, name: string | undefined): string {
  return numeric ? `${number}` : (name ?? `${number}`);
}

/** The names of a file such as `rt_tables`, and of those in `rt_tables.d`. */
export function namesIn(file: string): ReadonlyMap<number, string> {
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

/** The number that a name of such a file has; of several, one with the name of the file itself. */
function numberIn(file: string, word: string): number | undefined {
  for (const [number, name] of namesIn(file)) if (name === word) return number;
  return undefined;
}

function numberOf(word: string, max: number): number | undefined {
  return /^(?:0x[0-9a-f]+|\d+)$/i.test(word) && Number(word) <= max ? Number(word) : undefined;
}

const BUILT_IN: Readonly<Record<string, string>> = { 253: "default", 254: "main", 255: "local" };

export function tableName(table: number): string {
  return wordFor(table, namesIn("rt_tables").get(table) ?? BUILT_IN[table]);
}

/** A table's number by its name or number; `undefined` for one that nobody knows. */
export function tableNumber(word: string): number | undefined {
  const known = numberOf(word, 0xffff_ffff) ?? numberIn("rt_tables", word);
  const built = known ?? Object.entries(BUILT_IN).find(([, name]) => name === word)?.[0];
  return built === undefined ? undefined : Number(built);
}

export function groupName(group: number): string {
  return wordFor(group, namesIn("group").get(group) ?? (group === 0 ? "default" : undefined));
}

/** `undefined` for a group that nobody knows. */
export function groupNumber(word: string): number | undefined {
  return numberOf(word, 0xffff_ffff) ?? numberIn("group", word) ?? (word === "default" ? 0 : undefined);
}

/** A word of ours stays, unless the administrator has another; a number may have a name. */
export function protocolName(protocol: Protocol): string {
  const number = protocolNumber(protocol);
  return wordFor(
    number,
    namesIn("rt_protos").get(number) ?? (typeof protocol === "string" ? protocol : undefined),
  );
}

/** `undefined` for a protocol that nobody knows. */
export function protocolOf(word: string): number | undefined {
  const known = numberOf(word, 255) ?? numberIn("rt_protos", word);
  if (known !== undefined) return known;
  try {
    return protocolNumber(word as Protocol);
  } catch {
    return undefined;
  }
}

export function scopeName(scope: Scope): string {
  const number = scopeNumber(scope);
  return wordFor(number, namesIn("rt_scopes").get(number) ?? (typeof scope === "string" ? scope : undefined));
}

/** `undefined` for a scope that nobody knows. */
export function scopeOf(word: string): number | undefined {
  const known = numberOf(word, 255) ?? numberIn("rt_scopes", word);
  if (known !== undefined) return known;
  try {
    return scopeNumber(word as Scope);
  } catch {
    return undefined;
  }
}

export function tosName(tos: number): string {
  const name = numeric ? undefined : namesIn("rt_dsfield").get(tos);
  return name ?? `0x${tos.toString(16).padStart(2, "0")}`;
}

/** As a name, or in hexadecimal as ip(8) reads it; `undefined` where it is neither. */
export function tosNumber(word: string): number | undefined {
  const named = numberIn("rt_dsfield", word);
  if (named !== undefined) return named;
  return /^(?:0x)?[0-9a-f]{1,2}$/i.test(word) ? Number.parseInt(word, 16) : undefined;
}

export function realmName(realm: number): string {
  return wordFor(realm, namesIn("rt_realms").get(realm));
}

/** `undefined` for a realm that nobody knows. */
export function realmNumber(word: string): number | undefined {
  return numberOf(word, 0xffff) ?? numberIn("rt_realms", word);
}

/** Where there is no /etc/protocols. */
const IP_PROTOCOLS: readonly (readonly [number, string])[] = [
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
];

let ipProtocols: ReadonlyMap<number, string> | undefined;

/** @see man 5 protocols */
function ipProtocolNames(): ReadonlyMap<number, string> {
  if (ipProtocols !== undefined) return ipProtocols;
  const names = new Map<number, string>();
  try {
    const text = readFileSync("/etc/protocols", "utf8");
    for (const [, name, number] of text.matchAll(/^([^\s#]+)[ \t]+(\d+)/gm)) {
      if (!names.has(Number(number))) names.set(Number(number), name as string);
    }
  } catch {
    // Those that are known here.
  }
  for (const [number, name] of IP_PROTOCOLS) if (!names.has(number)) names.set(number, name);
  ipProtocols = names;
  return names;
}

/** As ip(8) names it: of getprotobynumber(3). */
export function ipProtocolName(protocol: number): string {
  const name = numeric ? undefined : ipProtocolNames().get(protocol);
  return name ?? `ipproto-${protocol}`;
}

/** `undefined` for a protocol that nobody knows. */
export function ipProtocolNumber(word: string): number | undefined {
  for (const [number, name] of ipProtocolNames()) if (name === word) return number;
  return numberOf(word, 255);
}
