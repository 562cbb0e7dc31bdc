/** `windsock trace`: the routers on the way to a host, with the flags and lines of traceroute(8) of Linux. */
import { type Command, InvalidArgumentError } from "commander";
import type { SocketAddr } from "../ip/index.ts";
import { hostText, type TraceHop, type TraceMethod, type TraceOptions, trace } from "../probe/index.ts";
import { EXIT, familyOf, print, run, UsageError, wholeNumber } from "./_command.ts";
import { RouterNames } from "./probe/trace_names.ts";
import { hopFacts, hopLine, jsonLine, startLine } from "./probe/trace_text.ts";

interface Options {
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly icmp?: true;
  readonly tcp?: true;
  readonly udp?: true;
  readonly port?: number;
  readonly first?: number;
  readonly maxHops?: number;
  readonly queries?: number;
  readonly wait?: Waits;
  readonly numeric?: true;
  readonly simQueries?: number;
  readonly source?: string;
  readonly interface?: string;
  readonly tos?: number;
  readonly dontFragment?: true;
  readonly sendWait?: number;
  readonly extensions?: true;
  readonly mtu?: true;
  readonly json?: true;
}

/** What -w says: milliseconds, and factors of round-trip times. */
interface Waits {
  readonly timeoutMs: number;
  readonly here: number;
  readonly near: number;
}

const EXAMPLES = `
Sends UDP datagrams to ports that are hardly in use, which anybody may; -I and -T get through where these do not.
-I needs a group of the process in net.ipv4.ping_group_range, or CAP_NET_RAW. -T sends single SYNs with CAP_NET_RAW, which
no program at the target sees; without it, it opens connections and resets them.
A line per hop: who answered, when it is somebody else than before, and the time of each probe; * is no answer.
!H !N !P: host, network or protocol unreachable, !X: prohibited, !F-MTU: too long for the next hop, !S: source route failed,
!V !C: precedence, !<code>: another one. -e shows what routers add, such as <MPLS:L=label,E=class,S=bottom,T=ttl>.
--json: a line for the start, for each hop, and for the end, each with its "kind".

Exit codes: 0 done, reached or not, 1 the network or the kernel said no at once, 2 bad usage.

Examples:
  windsock trace example.org
  windsock trace -n -q 1 -m 15 192.0.2.1     one probe each, no names
  windsock trace -T -p 443 example.org       the way that HTTPS takes
  windsock trace --mtu example.org           where packets of what length get through
  windsock trace fe80::1%eth0                a neighbour; its interface is part of its address`;

function fraction(text: string): number {
  const number = /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 0)) throw new InvalidArgumentError("Expected a number, such as 0.5.");
  return number;
}

/** `MAX[,HERE,NEAR]`; without the latter two every probe waits for all of MAX. */
function parseWaits(text: string): Waits {
  const parts = text.split(/[,/]/);
  if (parts.length > 3)
    throw new InvalidArgumentError("Expected seconds, or seconds and two factors: 5,3,10.");
  const [max, here = 0, near = 0] = parts.map(fraction);
  return { timeoutMs: (max as number) * 1000, here, near };
}

/** Above 10 milliseconds, else seconds: as traceroute(8) has it. */
function parseSendWait(text: string): number {
  const number = fraction(text);
  return number > 10 ? number : number * 1000;
}

export function addTrace(program: Command): void {
  program
    .command("trace")
    .description("the routers on the way to a host, hop by hop, with their names and round-trip times")
    .argument("<host>", "a name, or an address, with a zone as in fe80::1%eth0")
    .argument("[packetlen]", "bytes of a probe with its headers; 60, over IPv6 80", wholeNumber(0, 65535))
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-I, --icmp", "ICMP echo requests")
    .option("-T, --tcp", "TCP SYNs")
    .option("-U, --udp", "UDP to one port instead of to one port more for each probe")
    .option(
      "-p, --port <port>",
      "the first UDP port, 33434; with -U the port, 53; with -T the port, 80; with -I the first sequence number, 1",
      wholeNumber(0, 65535),
    )
    .option("-f, --first <ttl>", "begin with this hop; 1", wholeNumber(1, 255))
    .option("-m, --max-hops <ttl>", "end with this hop; 30", wholeNumber(1, 255))
    .option("-q, --queries <count>", "so many probes for each hop; 3", wholeNumber(1, 10))
    .option(
      "-w, --wait <max[,here,near]>",
      "wait so many seconds; at most HERE times as long as the same hop took, or NEAR times as long as a later one; 5,3,10",
      parseWaits,
    )
    .option("-n, --numeric", "addresses without names")
    .option("-N, --sim-queries <count>", "so many probes at once; 16", wholeNumber(1, 1024))
    .option("-s, --source <address>", "send from this address")
    .option("-i, --interface <name>", "send by this interface")
    .option("-t, --tos <octet>", "the TOS octet, or traffic class, as 0x10", wholeNumber(0, 255))
    .option("-F, --dont-fragment", "no router may fragment the probes")
    .option(
      "-z, --send-wait <time>",
      "from one probe to the next: seconds, or above 10 milliseconds; 0",
      parseSendWait,
    )
    .option("-e, --extensions", "show what routers add to their errors, such as MPLS labels")
    .option(
      "--mtu",
      "find the MTU: F=1500 is the length with which a probe got through; one probe at a time, as with -F -N 1",
    )
    .option("--json", "one JSON object a line")
    .addHelpText("after", EXAMPLES)
    .action((host: string, packetBytes: number | undefined, options: Options) =>
      run("trace", () => traceCommand(host, packetBytes, options)),
    );
}

function methodOf({ icmp, tcp, udp }: Options): TraceMethod {
  if ([icmp, tcp, udp].filter((it) => it === true).length > 1) {
    throw new UsageError("-I, -T and -U exclude each other");
  }
  return icmp ? "icmp" : tcp ? "tcp" : "udp";
}

function traceOptions(packetBytes: number | undefined, options: Options): TraceOptions {
  const { udp, port, first, maxHops, queries, wait, simQueries, sendWait } = options;
  const { source, interface: device, tos, dontFragment, mtu } = options;
  return {
    method: methodOf(options),
    port,
    fixedPort: udp,
    firstTtl: first,
    maxTtl: maxHops,
    queries,
    window: simQueries,
    timeoutMs: wait?.timeoutMs,
    patience: wait,
    sendIntervalMs: sendWait,
    packetBytes,
    dontFragment,
    mtu,
    localAddr: source,
    device,
    tos,
    family: familyOf(options),
  };
}

/** The names of all who answered a hop's probes. */
async function namesOf({ probes }: TraceHop, names: RouterNames): Promise<Map<string, string | undefined>> {
  const hosts = new Map<string, SocketAddr>();
  for (const probe of probes) if (probe.reply !== undefined) hosts.set(hostText(probe.from), probe.from);
  return new Map(
    await Promise.all(
      [...hosts].map(async ([address, host]) => [address, await names.nameOf(host)] as const),
    ),
  );
}

async function traceCommand(
  host: string,
  packetBytes: number | undefined,
  options: Options,
): Promise<number> {
  const { json, numeric, extensions = false } = options;
  const session = trace(host, traceOptions(packetBytes, options));
  const start = await session.open();
  const names = numeric ? undefined : new RouterNames();
  await print(json ? jsonLine({ kind: "start", name: host, ...start }) : startLine(host, start));
  // Names are looked up as soon as a hop is known, whichever line is printed by then.
  let printed = Promise.resolve();
  for await (const hop of session) {
    const found = names === undefined ? undefined : namesOf(hop, names);
    const before = printed;
    printed = (async () => {
      const known = await found;
      await before;
      const text = json ? jsonLine(hopFacts(hop, known)) : hopLine(hop, { names: known, extensions });
      await print(text);
    })();
  }
  await printed;
  const { result } = session;
  if (json) await print(jsonLine({ kind: "end", end: result?.end, reached: result?.reached }));
  return EXIT.done;
}
