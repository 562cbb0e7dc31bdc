/** `windsock ip`: what an address or a prefix is. */
import type { Command } from "commander";
import { describe, IpPrefix, parseScoped, type Zone } from "../ip/index.ts";
import { EXIT, print, run, toJson } from "./_command.ts";

const EXAMPLES = `
The kinds: unspecified, host-local, link-local, private, shared, multicast, broadcast, documentation, benchmarking,
reserved, global; by IANA's special-purpose address registries.

Examples:
  windsock ip 192.0.2.1 fd00::1
  windsock ip 10.1.2.3/8
  windsock ip --json fe80::1%eth0 ::ffff:127.0.0.1`;

export function addIp(program: Command): void {
  program
    .command("ip")
    .description("what an address or a prefix is: its kind, its block, its range")
    .argument("<text...>", "addresses, or prefixes such as 10.0.0.0/8")
    .option("--json", "a list with one entry for each text")
    .addHelpText("after", EXAMPLES)
    .action((texts: string[], options: { json?: true }) => run("ip", () => ip(texts, options)));
}

async function ip(texts: readonly string[], options: { json?: true }): Promise<number> {
  const facts = texts.map(factsOf); // all are read before the first is printed
  if (options.json) await print(`${toJson(facts)}\n`);
  else await print(facts.map(describeForPeople).join("\n"));
  return EXIT.done;
}

/** The fields of --json, in their order. */
interface Facts {
  readonly input: string;
  readonly version: 4 | 6;
  readonly address: string;
  readonly zone?: Zone;
  readonly prefixLength?: number;
  readonly kind: string;
  readonly global: boolean;
  /** Whether kind, block and name are those of the IPv4 address inside. */
  readonly mapped?: true;
  readonly block?: string;
  readonly name?: string;
  readonly rfc?: string;
  readonly network?: string;
  readonly netmask?: string;
  readonly broadcast?: string;
  readonly first?: string;
  readonly last?: string;
  readonly count?: bigint;
  readonly bytes: readonly number[];
}

function factsOf(input: string): Facts {
  const prefix = input.includes("/") ? IpPrefix.parse(input) : undefined;
  const { ip: address, zone } =
    prefix === undefined ? parseScoped(input) : { ip: prefix.addr, zone: undefined };
  const { kind, global, mapped, ...row } = describe(address);
  return {
    input,
    version: address.version,
    address: address.toString(),
    ...(zone === undefined ? {} : { zone }),
    ...(prefix === undefined ? {} : { prefixLength: prefix.length }),
    kind,
    global,
    ...(mapped ? { mapped } : {}),
    ...row,
    ...(prefix === undefined ? {} : rangeOf(prefix)),
    bytes: [...address.toBytes()],
  };
}

function rangeOf(prefix: IpPrefix) {
  return {
    network: prefix.network.toString(),
    netmask: prefix.netmask.toString(),
    ...(prefix.broadcast === undefined ? {} : { broadcast: prefix.broadcast.toString() }),
    first: prefix.first.toString(),
    last: prefix.last.toString(),
    count: prefix.count,
  };
}

function describeForPeople(facts: Facts): string {
  const zone = facts.zone === undefined ? "" : `%${facts.zone}`;
  const length = facts.prefixLength === undefined ? "" : `/${facts.prefixLength}`;
  const block = facts.block === undefined ? [] : [["block", `${facts.block}  ${facts.name} (${facts.rfc})`]];
  const range =
    facts.count === undefined
      ? []
      : [
          ["network", `${facts.network}${length}  (netmask ${facts.netmask})`],
          ["range", `${facts.first} – ${facts.last}`],
          ...(facts.broadcast === undefined ? [] : [["broadcast", facts.broadcast]]),
          ["addresses", facts.count.toString().replace(/\B(?=(\d{3})+$)/g, " ")],
        ];
  const rows = [
    ["kind", `${facts.kind}${facts.mapped ? ", by the IPv4 address inside" : ""}`],
    ["reachable", facts.global ? "globally" : "not globally"],
    ...block,
    ...range,
    ["bytes", facts.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")],
  ];
  const lines = rows.map(([label, value]) => `  ${(label as string).padEnd(10)} ${value}`);
  return `${facts.address}${zone}${length}  IPv${facts.version}\n${lines.join("\n")}\n`;
}
