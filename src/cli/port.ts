/** `windsock port`: what a port is for, or which port a service has. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { parsePort, portClass, type Service, serviceByName, servicesByPort } from "../ip/index.ts";
import { getaddrinfo, looksLikePort } from "../names/index.ts";
import { EXIT, print, run, toJson } from "./_command.ts";

const EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range";

const EXAMPLES = `
The classes are those of RFC 6335: well-known 0–1023, registered 1024–49151, dynamic 49152–65535. The kernel's own
ephemeral range, from which it gives ports to clients, may differ, and is read from ${EPHEMERAL}.

Examples:
  windsock port 443
  windsock port postgresql
  windsock port --json ssh`;

export function addPort(program: Command): void {
  program
    .command("port")
    .description("what a port is for, or which port a service has")
    .argument("<port-or-service>", "a port from 0 to 65535, or a service such as https")
    .option("--json", "the facts as one object")
    .addHelpText("after", EXAMPLES)
    .action((text: string, options: { json?: true }) => run("port", () => port(text, options)));
}

async function port(text: string, options: { json?: true }): Promise<number> {
  const [number, others] = looksLikePort(text) ? [parsePort(text), []] : await portsOf(text);
  const ephemeral = await ephemeralRange();
  const services = servicesByPort(number);
  const facts = {
    port: number,
    class: portClass(number),
    services: services.map(({ name, protocol, description }) => ({
      name,
      protocol,
      ...(description === undefined ? {} : { description }),
    })),
    ...(others.length === 0 ? {} : { otherPorts: others }),
    ephemeral: { ...ephemeral, contains: number >= ephemeral.first && number <= ephemeral.last },
  };
  await print(options.json ? `${toJson(facts)}\n` : forPeople(number, services, others, facts.ephemeral));
  return EXIT.done;
}

/** The port of a service and, where it has several, the others: by IANA's names, else by the system's. */
async function portsOf(service: string): Promise<[number, number[]]> {
  const known = serviceByName(service).map((row) => row.port);
  const [first, ...others] = new Set(
    known.length > 0 ? known : (await getaddrinfo(undefined, service)).map((info) => info.address.port),
  );
  return [first as number, others];
}

async function ephemeralRange(): Promise<{ first: number; last: number }> {
  const [first, last] = (await readFile(EPHEMERAL, "utf8")).split(/\s+/).map(Number);
  return { first: first as number, last: last as number };
}

function forPeople(
  number: number,
  services: readonly Service[],
  others: readonly number[],
  ephemeral: { first: number; last: number; contains: boolean },
): string {
  const lines = [
    `${number}  ${portClass(number)}`,
    ...services.map(({ name, protocol, aliases, description }) => {
      const names = [name, ...aliases].join(", ");
      return `  ${protocol.padEnd(5)} ${names}${description === undefined ? "" : `  ${description}`}`;
    }),
    ...(services.length === 0 ? ["  no service is registered for it"] : []),
    ...(others.length === 0 ? [] : [`  the same name also has port ${others.join(", ")}`]),
    `  ${ephemeral.contains ? "inside" : "outside"} the kernel's ephemeral range here, ${ephemeral.first}–${ephemeral.last}`,
  ];
  return `${lines.join("\n")}\n`;
}
