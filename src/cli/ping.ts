/** `windsock ping`: echo requests, with the flags and lines of ping(8). */
import { type Command, InvalidArgumentError } from "commander";
import { IpAddr } from "../ip/index.ts";
import { type PingEvent, type PingSessionOptions, ping, targetAddress } from "../probe/index.ts";
import { EXIT, familyOf, note, print, run, UsageError, wholeNumber } from "./_command.ts";
import { HostNames } from "./probe/ping_names.ts";
import {
  eventLine,
  floodText,
  jsonLine,
  stampText,
  startLine,
  statisticsLines,
  statusLine,
} from "./probe/ping_text.ts";

interface Options {
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly count?: number;
  readonly interval?: number;
  readonly size?: number;
  readonly deadline?: number;
  readonly timeout?: number;
  readonly ttl?: number;
  readonly quiet?: true;
  readonly numeric?: true;
  readonly timestamps?: true;
  readonly from?: readonly string[];
  readonly pattern?: Uint8Array;
  readonly mtuDiscovery?: "do" | "dont" | "want" | "probe";
  readonly flood?: true;
  readonly outstanding?: true;
  readonly broadcast?: true;
  readonly preload?: number;
  readonly tos?: number;
  readonly flowLabel?: number;
  readonly identifier?: number;
  readonly json?: true;
}

const DEFAULT_SIZE = 56;
/** What others than root may ask for, as in ping(8). */
const USER = { intervalMs: 2, preload: 3 } as const;

const EXAMPLES = `
Opens a ping socket where net.ipv4.ping_group_range allows it, and a raw one else, which needs CAP_NET_RAW.
Without -c it goes on until Ctrl-C, which prints the statistics; Ctrl-\\ prints them so far, to standard error.
With -w and -c it sends until as many requests are answered, or the time is over. After the last request it waits for
twice the longest round-trip time, at least one interval; and for -W where there was no reply at all.
--json: a line for the start, for each reply, error and timeout, and for the statistics, each with its "kind".

Exit codes: 0 answered, 1 no answer, or with -w and -c too few, or the network or the kernel said no, 2 bad usage.

Examples:
  windsock ping -c 3 example.org
  windsock ping -c 1 -W 0.5 192.0.2.1         is it there?
  windsock ping fe80::1%eth0                  a neighbour; its interface is part of its address
  windsock ping -c 1 -M do -s 1472 192.0.2.1  does a packet of 1500 bytes get through whole?
  windsock ping -I eth0 ff02::1               every IPv6 host of a network`;

function parseNumber(text: string): number {
  const number = /^\d+(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 0)) throw new InvalidArgumentError("Expected a number of seconds, such as 0.5.");
  return number;
}

const milliseconds = (text: string): number => parseNumber(text) * 1000;

function parsePattern(text: string): Uint8Array {
  if (!/^[\da-f]{1,32}$/i.test(text)) throw new InvalidArgumentError("Expected 1 to 32 hexadecimal digits.");
  return Uint8Array.from(text.match(/..?/g) ?? [], (digits) => Number.parseInt(digits, 16));
}

function oneOf<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word === undefined) throw new InvalidArgumentError(`Expected one of ${words.join(", ")}.`);
    return word;
  };
}

const collect = (value: string, list: readonly string[] = []): readonly string[] => [...list, value];

export function addPing(program: Command): void {
  const many = Number.MAX_SAFE_INTEGER;
  program
    .command("ping")
    .description("echo requests to a host, and what comes back: replies, their times, errors of routers")
    .argument("<host>", "a name, or an address, with a zone as in fe80::1%eth0")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-c, --count <count>", "send so many requests", wholeNumber(1, many))
    .option("-i, --interval <seconds>", "from one request to the next; 1 by default", milliseconds)
    .option("-s, --size <bytes>", "data in each request; 56 by default", wholeNumber(0, 65527))
    .option("-w, --deadline <seconds>", "end after so long; 0 is never", milliseconds)
    .option("-W, --timeout <seconds>", "wait so long for a reply; 10 by default, 0 for ever", milliseconds)
    .option("-t, --ttl <hops>", "the time to live, or hop limit", wholeNumber(1, 255))
    .option("-q, --quiet", "only the first line and the statistics")
    .option("-n, --numeric", "addresses without names")
    .option("-D, --timestamps", "the time before each line, in seconds since 1970")
    .option(
      "-I, --from <interface>",
      "send by this interface, or from this address; both if given twice",
      collect,
    )
    .option("-p, --pattern <digits>", "what fills the requests: up to 16 bytes in hexadecimal", parsePattern)
    .option(
      "-M, --mtu-discovery <how>",
      "do (never fragment), dont, want or probe",
      oneOf("do", "dont", "want", "probe"),
    )
    .option("-f, --flood", "as fast as replies come, but at least 100 a second; for root")
    .option("-O, --outstanding", "tell that a reply is missing before the next request is sent")
    .option("-b, --broadcast", "allow a broadcast address")
    .option("-l, --preload <count>", "send so many requests without waiting", wholeNumber(1, 65536))
    .option("-Q, --tos <octet>", "the TOS octet, or traffic class, as 0x10", wholeNumber(0, 255))
    .option("-F, --flow-label <label>", "IPv6's flow label", wholeNumber(0, 0xfffff))
    .option("-e, --identifier <number>", "ICMP's identifier", wholeNumber(1, 65535))
    .option("--json", "one JSON object a line")
    .addHelpText("after", EXAMPLES)
    .action((host: string, options: Options) => run("ping", () => pingCommand(host, options)));
}

/** The interface and the address that -I names. */
function origin(from: readonly string[]): { device: string | undefined; localAddr: string | undefined } {
  let device: string | undefined;
  let localAddr: string | undefined;
  for (const one of from) {
    const [address, zone] = one.split("%", 2) as [string, string | undefined];
    if (IpAddr.tryParse(address) === undefined) device = one;
    else {
      localAddr = one;
      device ??= zone;
    }
  }
  return { device, localAddr };
}

function sessionOptions(options: Options): PingSessionOptions {
  const { count, flood, deadline, timeout, interval, preload, outstanding } = options;
  const { size, pattern, ttl, tos, flowLabel, mtuDiscovery, broadcast, identifier } = options;
  const intervalMs = interval ?? (flood ? 0 : 1000);
  if (process.getuid?.() !== 0) {
    if (intervalMs < USER.intervalMs) {
      throw new UsageError(`an interval below ${USER.intervalMs} ms, or a flood, is for root`);
    }
    if ((preload ?? 1) > USER.preload) throw new UsageError(`a preload above ${USER.preload} is for root`);
  }
  const limited = deadline !== undefined && deadline > 0;
  return {
    family: familyOf(options),
    ...(limited ? { answers: count, deadlineMs: deadline, endOnError: true } : { count }),
    intervalMs,
    timeoutMs: timeout === 0 ? Number.POSITIVE_INFINITY : timeout,
    linger: "rtt",
    sizeBytes: size ?? DEFAULT_SIZE,
    report: [...(flood ? ["sent" as const] : []), ...(outstanding ? ["outstanding" as const] : [])],
    ...{ pattern, ttl, tos, flowLabel, mtuDiscovery, broadcast, identifier, preload },
    ...origin(options.from ?? []),
  };
}

async function pingCommand(host: string, options: Options): Promise<number> {
  const settings = sessionOptions(options);
  const { count, deadline, flood, json, quiet, numeric } = options;
  const session = ping(host, settings);
  const names = new HostNames(numeric === true || flood === true || typeof targetAddress(host) !== "string");
  const stop = (): void => {
    names.end();
    session.stop();
  };
  const start = await session.open(); // until then Ctrl-C ends the process, with nothing to tell
  process.once("SIGINT", stop);
  process.on("SIGQUIT", () => note(statusLine(session.statistics())));
  const { device, localAddr, sizeBytes = DEFAULT_SIZE, pattern } = settings;
  if (json) await print(jsonLine({ kind: "start", name: host, ...start, sizeBytes }));
  else {
    if (pattern !== undefined && !quiet) await print(`PATTERN: 0x${Buffer.from(pattern).toString("hex")}\n`);
    const from = { device, shown: (device ?? localAddr) !== undefined };
    await print(startLine(host, start, sizeBytes, from));
  }
  const group = start.target.ip.isMulticast || options.broadcast === true;
  if (json) for await (const event of session) await print(jsonLine(event));
  else for await (const event of session) await tell(event, names, group, options);
  const all = session.statistics();
  if (json) await print(jsonLine({ kind: "statistics", ...all }));
  else await print(statisticsLines(host, all, settings.intervalMs === 0 || flood === true));
  const tooFew = deadline !== undefined && deadline > 0 && count !== undefined && all.received < count;
  return all.received === 0 || tooFew ? EXIT.failed : EXIT.done;
}

async function tell(event: PingEvent, names: HostNames, group: boolean, options: Options): Promise<void> {
  if (options.quiet) return;
  if (options.flood) {
    await print(floodText(event));
    return;
  }
  if (event.kind === "error" && event.origin === "local") {
    note(`windsock ping: ${event.text}`);
    return;
  }
  const who = "from" in event ? await names.text(event.from) : "";
  const line = eventLine(event, who, group);
  if (line !== undefined) await print(`${options.timestamps ? stampText(event.unixMs) : ""}${line}`);
}
