/** `windsock resolve`: every address of a name, in the order in which a connect would try them. */
import type { Command } from "commander";
import { type AddressInfo, checkHost, getaddrinfo, hostOf, interleaveFamilies } from "../names/index.ts";
import { EXIT, familyOf, parseSeconds, print, run, toJson } from "./_command.ts";

interface Options {
  readonly json?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly wait?: number;
}

const EXAMPLES = `
Asks the system as every program does: /etc/hosts, DNS and what else /etc/nsswitch.conf names.

Examples:
  windsock resolve localhost
  windsock resolve example.org https
  windsock resolve -6 --json example.org domain   all that getaddrinfo(3) says`;

export function addResolve(program: Command): void {
  program
    .command("resolve")
    .description("the addresses of a name, in the order in which a connect would try them")
    .argument("<name>", "a host name or an address")
    .argument("[service]", "a port, or a service such as http")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-w, --wait <seconds>", "give up after so long", parseSeconds)
    .option("--json", "one entry for each address and type of socket")
    .addHelpText("after", EXAMPLES)
    .action((name: string, service: string | undefined, options: Options) =>
      run("resolve", () => resolveCommand(name, service, options)),
    );
}

async function resolveCommand(name: string, service: string | undefined, options: Options): Promise<number> {
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
    await print(`${service === undefined ? hostOf(address) : address}\n`);
  }
  return EXIT.done;
}
