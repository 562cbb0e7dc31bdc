/** Service names to ports and back, from IANA's registry (RFC 6335); the table is read at the first lookup. */
import { checkInteger, checkString, show } from "./_check.ts";
import { SERVICE_TABLE } from "./_service_table.ts";

/** A transport that IANA assigns ports for, RFC 6335 §6. */
export type ServiceProtocol = "tcp" | "udp" | "sctp" | "dccp";

/** One assignment: a name, a port, a transport. */
export interface Service {
  readonly name: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
  /** Other names in use, such as `www` for `http`. */
  readonly aliases: readonly string[];
  readonly description?: string;
}

const PROTOCOLS: Readonly<Record<string, ServiceProtocol>> = { t: "tcp", u: "udp", s: "sctp", d: "dccp" };

/** The lines of the table, which are in the order of their ports. */
let lines: readonly string[] | undefined;
/** Which lines have a name or alias, by its lower case; a name's own lines before those that it is an alias in. */
let linesOfName: ReadonlyMap<string, readonly number[]> | undefined;

/** The services that IANA has assigned to a port, the registry's first name first; empty where there are none. */
export function servicesByPort(port: number): readonly Service[] {
  checkInteger("port", port, 0, 65535);
  const table = readTable();
  let [low, high] = [0, table.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (portOf(table[middle] as string) < port) low = middle + 1;
    else high = middle;
  }
  const found: Service[] = [];
  for (let i = low; i < table.length && portOf(table[i] as string) === port; i++) {
    found.push(...readLine(table[i] as string));
  }
  return found;
}

/**
 * The services of a name or alias, whatever its case (RFC 6335 §5.1), by port; those whose own name it is come before
 * those that have it as an alias. Empty where there are none. What this machine's `/etc/services` adds is not in it.
 */
export function serviceByName(name: string, protocol?: ServiceProtocol): readonly Service[] {
  checkString("name", name);
  if (protocol !== undefined && !Object.values(PROTOCOLS).includes(protocol)) {
    throw new TypeError(`protocol must be "tcp", "udp", "sctp" or "dccp", got ${show(protocol)}`);
  }
  const table = readTable();
  linesOfName ??= indexNames(table);
  const found = (linesOfName.get(name.toLowerCase()) ?? []).flatMap((line) =>
    readLine(table[line] as string),
  );
  return protocol === undefined ? found : found.filter((service) => service.protocol === protocol);
}

function readTable(): readonly string[] {
  lines ??= SERVICE_TABLE.trim().split("\n");
  return lines;
}

function portOf(line: string): number {
  return Number.parseInt(line, 10);
}

function namesOf(line: string): string[] {
  const tab = line.indexOf("\t");
  return line.slice(line.indexOf(" ") + 1, tab < 0 ? line.length : tab).split(" ");
}

/** Makes one service for each protocol letter of a line. */
function readLine(line: string): Service[] {
  const port = portOf(line);
  const [name = "", ...aliases] = namesOf(line);
  const tab = line.indexOf("\t");
  const description = tab < 0 ? {} : { description: line.slice(tab + 1) };
  const letters = line.slice(String(port).length, line.indexOf(" "));
  return [...letters].map((letter) => {
    return { name, port, protocol: PROTOCOLS[letter] as ServiceProtocol, aliases, ...description };
  });
}

function indexNames(table: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const own = new Map<string, number[]>();
  const alias = new Map<string, number[]>();
  table.forEach((line, at) => {
    namesOf(line).forEach((name, i) => {
      const map = i === 0 ? own : alias;
      const key = name.toLowerCase();
      const list = map.get(key);
      if (list) list.push(at);
      else map.set(key, [at]);
    });
  });
  for (const [key, list] of alias) own.set(key, [...(own.get(key) ?? []), ...list]);
  return own;
}
