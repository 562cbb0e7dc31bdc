/** Questions about ports, by number or by the name of a service. */
import { serviceByName } from "../ip/index.ts";
import type { Condition } from "./_blocks.ts";
import type { Generator } from "./_generator.ts";
import { isPort, type PortProtocol } from "./_network.ts";
import type { Qualifiers, Value } from "./_syntax.ts";
import { quote } from "./filter_error.ts";

interface Port {
  readonly port: number;
  /** Of the names that only one transport has. */
  readonly protocol: PortProtocol | undefined;
}

export function hasPort(g: Generator, { protocol, direction, kind }: Qualifiers, value: Value): Condition {
  if (protocol !== undefined && protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    g.fail(`"${protocol}" has no ports`, { expected: '"tcp", "udp" or "sctp"' });
  }
  const given = protocol as PortProtocol | undefined;
  const isRange = kind === "portrange";
  if (value.type === "number") {
    const port = portNumber(g, value.value, value.text);
    return isPort(g, port, port, isRange, given, direction);
  }
  if (value.type !== "name") g.fail(`${quote(value.text)} is an address`, { expected: "a port" });
  if (!isRange) {
    const { port, protocol: own } = namedPort(g, value.text, given);
    return isPort(g, port, port, false, given ?? own, direction);
  }
  const [low, high] = range(g, value.text, given);
  const own = low.protocol === high.protocol ? low.protocol : undefined;
  return isPort(g, low.port, high.port, true, given ?? own, direction);
}

function portNumber(g: Generator, port: number, text: string): number {
  return port <= 0xffff ? port : g.fail(`${text} is no port: ports end at 65535`);
}

/** Two ports with "-" between them. Names of services may have one too. */
function range(g: Generator, text: string, protocol: PortProtocol | undefined): [Port, Port] {
  const numbers = /^([0-9]{1,10})-([0-9]{1,10})$/.exec(text);
  if (numbers) {
    const [low, high] = [numbers[1], numbers[2]].map((part) => portNumber(g, Number(part), part as string));
    return [
      { port: low as number, protocol: undefined },
      { port: high as number, protocol: undefined },
    ];
  }
  for (let at = text.indexOf("-"); at >= 0; at = text.indexOf("-", at + 1)) {
    const [low, high] = [text.slice(0, at), text.slice(at + 1)].map((name) => findPort(name, protocol));
    if (low && high) return [low, high];
  }
  return g.fail(`${quote(text)} is no range of ports`, { expected: "two ports with a dash: 8000-8080" });
}

function namedPort(g: Generator, name: string, protocol: PortProtocol | undefined): Port {
  const found = findPort(name, protocol);
  if (found) return found;
  if (/^[0-9]+-[0-9]+$/.test(name))
    return g.fail(`${quote(name)} is a range`, { expected: '"portrange" before it' });
  return g.fail(
    `no service of IANA's registry is called ${quote(name)}${protocol ? ` for ${protocol}` : ""}`,
  );
}

/** The port of a service; a name that has it for TCP and UDP alike stands for both. */
function findPort(name: string, protocol: PortProtocol | undefined): Port | undefined {
  if (/^[0-9]{1,5}$/.test(name) && Number(name) <= 0xffff) return { port: Number(name), protocol: undefined };
  if (protocol !== undefined) {
    const port = serviceByName(name, protocol)[0]?.port;
    return port === undefined ? undefined : { port, protocol };
  }
  const [tcp, udp] = [serviceByName(name, "tcp")[0]?.port, serviceByName(name, "udp")[0]?.port];
  if (tcp !== undefined) return { port: tcp, protocol: tcp === udp ? undefined : "tcp" };
  if (udp !== undefined) return { port: udp, protocol: "udp" };
  const sctp = serviceByName(name, "sctp")[0]?.port;
  return sctp === undefined ? undefined : { port: sctp, protocol: "sctp" };
}
