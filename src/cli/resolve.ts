/** `windsock resolve`: every address of a name, in the order in which a connect would try them; or its DNS records. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import {
  absolute,
  type DnsRecord,
  type DnsRecordType,
  DnsResolver,
  formatData,
  reverseName,
} from "../dns/index.ts";
import { IpAddr, type SocketAddr } from "../ip/index.ts";
import { type AddressInfo, checkHost, getaddrinfo, hostOf, interleaveFamilies } from "../names/index.ts";
import { EXIT, familyOf, parseSeconds, print, run, toJson, UsageError } from "./_command.ts";

interface Options {
  readonly json?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly wait?: number;
  readonly server?: readonly string[];
  readonly type?: string;
  readonly tcp?: true;
  readonly tls?: true;
  readonly tlsName?: string;
  readonly ca?: string;
  readonly timeout?: number;
}

const EXAMPLES = `
Asks the system as every program does: /etc/hosts, DNS and what else /etc/nsswitch.conf names. With any of the options
of DNS it asks name servers itself: those of /etc/resolv.conf, or those given with --server, which alone are asked then.
Records come as their name, the seconds that they may be kept, their type and their data, aliases included.

Examples:
  windsock resolve localhost
  windsock resolve example.org https
  windsock resolve -6 --json example.org domain   all that getaddrinfo(3) says
  windsock resolve example.org --type MX
  windsock resolve 192.0.2.1 --type PTR           the name of an address
  windsock resolve example.org --server 9.9.9.9 --tls --tls-name dns.quad9.net`;

export function addResolve(program: Command): void {
  program
    .command("resolve")
    .description(
      "the addresses of a name, in the order in which a connect would try them; or its DNS records",
    )
    .argument("<name>", "a host name or an address")
    .argument("[service]", "a port, or a service such as http")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-w, --wait <seconds>", "give up after so long", parseSeconds)
    .option("--json", "one entry for each address and type of socket, or for each record")
    .option("-s, --server <address[:port]>", "ask this name server; several are asked in turn", collect)
    .option("-t, --type <type>", "the records of a type: A, AAAA, MX, TXT, PTR …, TYPE65, ANY", (type) =>
      type.toUpperCase(),
    )
    .option("--tcp", "ask over TCP")
    .option("--tls", "ask over TLS, on port 853 by default")
    .option("--tls-name <name>", "the name that the server's certificate must have, instead of its address")
    .option("--ca <file>", "who may have signed the certificate, as PEM")
    .option("--timeout <seconds>", "how long each server has for an answer", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action((name: string, service: string | undefined, options: Options) =>
      run("resolve", () => resolveCommand(name, service, options)),
    );
}

function collect(value: string, list: readonly string[] = []): readonly string[] {
  return [...list, value];
}

function resolveCommand(name: string, service: string | undefined, options: Options): Promise<number> {
  const { server, type, tcp, tls, tlsName, ca, timeout } = options;
  if (type !== undefined) return recordsCommand(name, service, type, options);
  const dns = server ?? tcp ?? tls ?? tlsName ?? ca ?? timeout;
  return dns === undefined ? systemCommand(name, service, options) : dnsCommand(name, service, options);
}

/** The resolver that the options describe. */
function resolverFor(options: Options): DnsResolver {
  const { server, tcp, tls, tlsName, ca, timeout } = options;
  const overTls = tls ?? (tlsName ?? ca) !== undefined;
  if (tcp && overTls) throw new UsageError("--tcp and --tls exclude each other");
  const common = {
    transport: overTls ? ("tls" as const) : tcp ? ("tcp" as const) : undefined,
    tlsName,
    ca: ca === undefined ? undefined : readFileSync(ca, "utf8"),
    timeoutMs: timeout,
  };
  return server === undefined
    ? DnsResolver.fromSystem(common)
    : new DnsResolver({ ...common, servers: server, useHosts: false });
}

/** The addresses that name servers have. */
async function dnsCommand(name: string, service: string | undefined, options: Options): Promise<number> {
  const family = familyOf(options);
  const found = await resolverFor(options).resolve(name, service, { family, timeoutMs: options.wait });
  const ordered = interleaveFamilies(found);
  if (options.json) {
    const facts = ordered.map((address) => ({
      family: address.family,
      type: "stream",
      protocol: 6,
      address: hostOf(address),
      port: address.port,
    }));
    await print(`${toJson(facts)}\n`);
    return EXIT.done;
  }
  for (const address of ordered) await print(`${shown(address, service)}\n`);
  return EXIT.done;
}

function shown(address: SocketAddr, service: string | undefined): string {
  return service === undefined ? hostOf(address) : address.toString();
}

/** The records of a type. */
async function recordsCommand(
  name: string,
  service: string | undefined,
  type: string,
  options: Options,
): Promise<number> {
  if (service !== undefined) throw new UsageError("--type asks for records, which have no service");
  if (options.ipv4 || options.ipv6) throw new UsageError("--type and -4 or -6 exclude each other");
  const ip = type === "PTR" ? IpAddr.tryParse(name) : undefined;
  const asked = ip === undefined ? name : reverseName(ip);
  const response = await resolverFor(options).query(asked, type as DnsRecordType, {
    timeoutMs: options.wait,
  });
  if (response.records.length === 0) throw new Error(`${name} has no records of type ${type}`);
  const records = response.answers;
  await print(options.json ? `${toJson(records.map(facts))}\n` : table(records));
  return EXIT.done;
}

/** A record as JSON: its fields, bytes as hexadecimal text, and all its data as text. */
function facts(record: DnsRecord): object {
  const fields = Object.entries(record).map(([key, value]: [string, unknown]) => {
    if (value instanceof Uint8Array) return [key, Buffer.from(value).toString("hex")];
    // The strings of TXT
    return [key, Array.isArray(value) ? value.map((item) => Buffer.from(item).toString()) : value];
  });
  return { ...Object.fromEntries(fields), data: formatData(record) };
}

/** A line for each record, in columns. */
function table(records: readonly DnsRecord[]): string {
  const rows = records.map((record) => [
    absolute(record.name),
    String(record.ttl),
    record.type,
    formatData(record),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[1] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

/** The addresses that the system has. */
async function systemCommand(name: string, service: string | undefined, options: Options): Promise<number> {
  const hints = { family: familyOf(options), canonicalName: true };
  checkHost(name, service); // what a connect would refuse has no addresses here
  const entries = await getaddrinfo(name, service, hints, { timeoutMs: options.wait });
  const groups = new Map<string, AddressInfo[]>();
  for (const entry of entries) {
    const group = groups.get(entry.address.toString());
    if (group === undefined) groups.set(entry.address.toString(), [entry]);
    else group.push(entry);
  }
  const ordered = interleaveFamilies(
    [...groups.values()].map((group) => ({ family: group[0]?.family, group })),
  );
  if (options.json) {
    const facts = ordered.flatMap(({ group }) =>
      group.map(({ family, type, protocol, address, canonicalName }) => ({
        family,
        type,
        protocol,
        address: hostOf(address),
        port: address.port,
        ...(canonicalName === undefined ? {} : { canonicalName }),
      })),
    );
    await print(`${toJson(facts)}\n`);
    return EXIT.done;
  }
  for (const { group } of ordered) {
    const address = (group[0] as AddressInfo).address;
    await print(`${shown(address, service)}\n`);
  }
  return EXIT.done;
}
