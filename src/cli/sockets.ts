/** `windsock sockets`: every socket of the machine, with the flags and the lines of ss(8). */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import {
  DiagSocket,
  type Extension,
  type InetSocket,
  type PacketSocketType,
  type ParsedFilter,
  parseSocketFilter,
  SocketFilterError,
  type SocketOwners,
  socketOwners,
  TCP_STATES,
  type TcpState,
  type UnixSocketType,
} from "../netlink/diag/index.ts";
import { NetlinkError, OVERRUN } from "../netlink/index.ts";
import { errno } from "../sys/index.ts";
import { EXIT, note, print, run, toJson, UsageError } from "./_command.ts";
import { asksAutobound, matches } from "./sockets/match.ts";
import type { AnySocket, Show } from "./sockets/rows.ts";
import { type Family, Selection, type Table } from "./sockets/selection.ts";
import { type Layout, printTable, Stream } from "./sockets/table.ts";

interface Options {
  readonly numeric?: true;
  readonly resolve?: true;
  readonly options?: true;
  readonly extended?: true;
  readonly memory?: true;
  readonly processes?: true;
  readonly info?: true;
  readonly bpf?: true;
  readonly tos?: true;
  readonly cgroup?: true;
  readonly inetSockopt?: true;
  readonly summary?: true;
  readonly events?: true;
  readonly kill?: true;
  readonly header: boolean;
  readonly oneline?: true;
  readonly json?: true;
}

const EXAMPLES = `
Without -a and -l: connections, and no sockets that listen or wait for nobody. Tables and families that are asked for
add up; none is all of them.
FILTER: [ state STATE | exclude STATE ]... [ EXPRESSION ], with ss's words: src and dst ADDRESS[/LENGTH][:PORT], sport
and dport [ = != < <= > >= ] :PORT, dev NAME, fwmark MARK[/MASK], cgroup PATH, autobound, and, or, not and ( ).
STATE: all, connected, synchronized, bucket, big, or ${TCP_STATES.slice(0, 6).join(", ")},
${TCP_STATES.slice(6, 11).join(", ")}.
-p shows the processes that you may look into: all of them takes root. -K takes CAP_NET_ADMIN, and,
unlike ss, wants a filter.
--json: an array with an object for each socket; -e -i -m -o -p -b --tos --cgroup and --inet-sockopt choose what is in
it, and without any of them everything is. docs/sockets.md has each field, its unit and its source.

Exit codes: 0 done, 1 the kernel said no, 2 bad usage.

Examples:
  windsock sockets -tlnp                          who listens?
  windsock sockets -tin state established dport = :443
  windsock sockets -K dst 192.0.2.1               end all connections to a host
  windsock sockets -tani --json | jq '.[] | select(.info.tcpi_total_retrans > 0) | .peerAddr'
  windsock sockets -x src '/run/*'`;

export function addSockets(program: Command): void {
  const selection = new Selection();
  const command = program
    .command("sockets")
    .description("every socket of the machine: addresses, states, queues, timers, memory, TCP's own numbers")
    .argument("[filter...]", "which of them, as: state established '( dport = :443 or sport = :22 )'")
    .option("-n, --numeric", "ports and protocols as numbers, rates with all digits")
    .option("-r, --resolve", "the names of addresses")
    .option("-a, --all", "listening ones too")
    .option("-l, --listening", "only those that listen, or wait for nobody")
    .option("-o, --options", "timers; with -i, what TCP's ends have agreed on")
    .option("-e, --extended", "user, inode, cookie, mark, cgroup, what is shut down; and -o")
    .option("-m, --memory", "what each has of the kernel's memory")
    .option("-p, --processes", "which processes have it")
    .option("-i, --info", "what TCP knows of the connection")
    .option("-b, --bpf", "the filter programs of packet sockets; and -o")
    .option("--tos", "type of service, traffic class, class")
    .option("--cgroup", "the cgroup's path")
    .option("--inet-sockopt", "which options of IP are on")
    .option("-s, --summary", "how many there are; alone, nothing else")
    .option("-E, --events", "TCP and UDP sockets as they end, until Ctrl-C")
    .option("-K, --kill", "end each that fits, from outside, and show those that were")
    .option("-4, --ipv4", "IPv4, as -f inet")
    .option("-6, --ipv6", "IPv6, as -f inet6")
    .option("-0, --packet", "packet sockets, as -f link")
    .option("-t, --tcp", "TCP")
    .option("-M, --mptcp", "MPTCP")
    .option("-u, --udp", "UDP")
    .option("-w, --raw", "raw sockets")
    .option("-x, --unix", "Unix domain sockets, as -f unix")
    .option("-f, --family <family>", "inet, inet6, unix, link or netlink")
    .option("-A, --query <tables>", "tables, as tcp,unix_dgram or all,!udp")
    .option("--socket <tables>", "as --query")
    .option("-H, --no-header", "no header")
    .option("-O, --oneline", "each socket on one line")
    .option("--json", "an array of objects")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: Options) =>
      run("sockets", async () => {
        try {
          for (const take of taken) take();
          return await sockets(words, options, selection);
        } catch (error) {
          throw error instanceof SocketFilterError ? new UsageError(`filter: ${error.message}`) : error;
        }
      }),
    );
  // ss(8) takes its flags one after another, and so the last one counts where two exclude each other.
  const taken: (() => void)[] = [];
  const on = (name: string, take: (value: string) => void): void => {
    command.on(`option:${name}`, (value: string) => taken.push(() => take(value)));
  };
  const families = { ipv4: "inet", ipv6: "inet6", packet: "link", unix: "unix" } as const;
  for (const [name, family] of Object.entries(families)) on(name, () => selection.family(family));
  for (const table of ["tcp", "mptcp", "udp", "raw"] as const) on(table, () => selection.table(table));
  on("all", () => selection.all());
  on("listening", () => selection.listening());
  on("family", (word) => selection.familyWord(word));
  on("query", (list) => selection.query(list));
  on("socket", (list) => selection.query(list));
}

/** Whose the addresses of a filter are that do not say it. */
const PARSED = { inet: "ipv4", inet6: "ipv6", unix: "unix", link: "link", netlink: "netlink" } as const;

async function sockets(words: readonly string[], options: Options, selection: Selection): Promise<number> {
  if (options.kill && options.events) throw new UsageError("-K and -E exclude each other");
  if (options.kill && words.length === 0) {
    throw new UsageError(
      "-K: expected a filter of what to end; without one, every connection would be: state connected",
    );
  }
  if (selection.families.has("inet") && selection.families.has("inet6")) {
    throw new UsageError("-4 and -6 exclude each other");
  }
  if (options.summary) {
    const { summary, summaryText } = await import("./sockets/summary.ts");
    const counted = summary();
    await print(options.json ? `${toJson(counted)}\n` : summaryText(counted));
    if (!selection.given && words.length === 0) return EXIT.done;
    if (options.json)
      throw new UsageError("-s and --json show one thing at a time: leave out the tables and the filter");
  }
  const { preferred } = selection;
  const parsed = parseSocketFilter(words, { ...(preferred !== undefined && { family: PARSED[preferred] }) });
  if (parsed.states !== undefined) selection.only(parsed.states);
  limit(selection, parsed);
  selection.complete();
  if (selection.states.size === 0) throw new UsageError("filter: no state is left to show");
  if (selection.tables.size === 0) throw new UsageError("-A: no table is left to show");
  const show = showOf(options);
  const { screen, colour } = terminal(options);
  const layout: Layout = {
    header: options.header,
    netid: selection.tables.size > 1,
    state: selection.states.size > 1,
    screen,
    colour,
  };
  using diag = DiagSocket.open();
  if (options.events) return await follow(diag, selection, parsed, show, layout, options);
  const found: AnySocket[] = [];
  const failed: unknown[] = [];
  for (const table of ORDER) {
    if (!selection.tables.has(table)) continue;
    try {
      found.push(...(await read(diag, table, selection, parsed, show)));
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
      // This kernel cannot tell of them. Who has not asked for them by name need not know.
      if (selection.named.has(table)) failed.push(error);
    }
  }
  const shown = options.kill ? await kill(diag, found) : found;
  const named = options.resolve ? { ...show, hosts: await hostsOf(shown) } : show;
  if (options.json) await (await import("./sockets/json.ts")).printJson(shown, named);
  else await printTable(shown, named, layout);
  for (const error of failed) note(`windsock sockets: ${(error as Error).message}`);
  if (show.owners !== undefined && options.processes) tellUnreadable(show.owners);
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

/** As in ss(8): an address of a family in the filter limits everything to that family. */
function limit(selection: Selection, { family, filter }: ParsedFilter): void {
  const families: Readonly<Record<string, Family>> = { ipv4: "inet", ipv6: "inet6" };
  if (family !== undefined) selection.limit(families[family] as Family);
  const other = filter === undefined ? undefined : otherFamily(filter);
  if (other !== undefined) selection.limit(other);
}

function otherFamily(filter: NonNullable<ParsedFilter["filter"]>): Family | undefined {
  if ("not" in filter) return otherFamily(filter.not);
  const parts = "and" in filter ? filter.and : "or" in filter ? filter.or : [];
  const end = "src" in filter ? filter.src : "dst" in filter ? filter.dst : undefined;
  if (end !== undefined && "family" in end && end.family !== "vsock") return end.family;
  return parts.map(otherFamily).find((family) => family !== undefined);
}

function showOf(options: Options): Show {
  const { extended, memory, info, processes, bpf, tos, cgroup, inetSockopt } = options;
  const chosen = [options.options, extended, memory, info, processes, bpf, tos, cgroup, inetSockopt];
  const everything = options.json === true && !chosen.includes(true);
  const wants = (flag: true | undefined): boolean => flag === true || everything;
  return {
    numeric: options.numeric === true,
    options: wants(options.options) || wants(extended) || wants(bpf),
    extended: wants(extended),
    memory: wants(memory),
    info: wants(info),
    bpf: wants(bpf),
    tos: wants(tos),
    cgroup: wants(cgroup),
    inetOptions: wants(inetSockopt),
    oneLine: options.oneline === true,
    owners: wants(processes) ? socketOwners() : undefined,
    commandOf,
    hosts: undefined,
  };
}

// What few calls need is loaded when it is: each file takes as long as fifty sockets.
async function hostsOf(sockets: readonly AnySocket[]): Promise<ReadonlyMap<string, string>> {
  return await (await import("./sockets/hosts.ts")).hostNames(sockets);
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").replace(/\n$/, "");
  } catch {
    return undefined; // no process has this number
  }
}

function terminal(options: Options): { screen: number | undefined; colour: boolean } {
  const { isTTY, columns } = process.stdout;
  const { NO_COLOR, TERM } = process.env;
  return {
    screen: isTTY && options.oneline !== true ? columns : undefined,
    colour: isTTY === true && !NO_COLOR && TERM !== "dumb",
  };
}

/** In which the tables are shown. */
const ORDER: readonly Table[] = [
  "netlink",
  "packet_raw",
  "packet_dgram",
  "unix_stream",
  "unix_dgram",
  "unix_seqpacket",
  "raw",
  "udp",
  "tcp",
  "mptcp",
];

const UNIX_TYPES = { unix_stream: "stream", unix_dgram: "datagram", unix_seqpacket: "seqpacket" } as const;
const PACKET_TYPES = { packet_raw: "raw", packet_dgram: "datagram" } as const;

/** The types of a family's tables that are wanted; none where this is not the first of those tables: all are read at once. */
function typesOf<T extends Table, V>(
  table: Table,
  types: Readonly<Record<T, V>>,
  wanted: Selection,
): readonly V[] {
  const tables = (Object.keys(types) as T[]).filter((one) => wanted.tables.has(one));
  return tables[0] === table ? tables.map((one) => types[one]) : [];
}

async function read(
  diag: DiagSocket,
  table: Table,
  selection: Selection,
  { filter }: ParsedFilter,
  show: Show,
): Promise<readonly AnySocket[]> {
  const states = [...selection.states];
  const fitting = <S extends AnySocket>(list: readonly S[]): readonly S[] =>
    filter === undefined ? list : list.filter((socket) => matches(filter, socket));
  switch (table) {
    case "netlink":
      if (!selection.shows("netlink") || !states.includes("closed")) return [];
      return fitting(await diag.netlinkSockets({ with: ["memory", "groups", "flags"] }));
    case "packet_raw":
    case "packet_dgram": {
      const types: readonly PacketSocketType[] = typesOf(table, PACKET_TYPES, selection);
      if (types.length === 0 || !selection.shows("link") || !states.includes("closed")) return [];
      return fitting(await diag.packet({ types, ...(show.bpf ? {} : { with: PACKET_PARTS }) }));
    }
    case "unix_stream":
    case "unix_dgram":
    case "unix_seqpacket": {
      const types: readonly UnixSocketType[] = typesOf(table, UNIX_TYPES, selection);
      if (types.length === 0 || !selection.shows("unix")) return [];
      const more = [
        show.extended && (["file", "pending", "userId"] as const),
        show.memory && (["memory"] as const),
      ];
      const wanted = more.flatMap((parts) => parts || []);
      return fitting(
        await diag.unix({ types, states, with: ["localAddr", "peerInode", "queues", ...wanted] }),
      );
    }
    default:
      return await readInet(diag, table, states, selection, filter, show);
  }
}

const PACKET_PARTS = ["info", "rings", "fanout", "memory", "multicast"] as const;

async function readInet(
  diag: DiagSocket,
  table: "tcp" | "udp" | "raw" | "mptcp",
  states: readonly TcpState[],
  selection: Selection,
  filter: ParsedFilter["filter"],
  show: Show,
): Promise<readonly InetSocket[]> {
  if (!selection.shows("inet") && !selection.shows("inet6")) return [];
  const family = selection.shows("inet") ? (selection.shows("inet6") ? undefined : "ipv4") : "ipv6";
  const wanted: Extension[] = [
    ...(show.memory ? (["memory"] as const) : []),
    ...(show.info ? (["info", "congestionControl", "congestionInfo"] as const) : []),
    ...(show.tos ? (["tos", "trafficClass"] as const) : []),
  ];
  try {
    const found = await diag.inet(table, { states, family, filter, with: wanted });
    return filter !== undefined && asksAutobound(filter)
      ? found.filter((socket) => matches(filter, socket))
      : found;
  } catch (error) {
    if (table !== "raw" || !(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
    const { rawOfProc } = await import("./sockets/raw.ts");
    const all = rawOfProc(family).filter(({ state }) => states.includes(state as TcpState));
    return filter === undefined ? all : all.filter((socket) => matches(filter, socket));
  }
}

/** Ends internet sockets, and gives those that have ended. @throws {NetlinkError} */
async function kill(diag: DiagSocket, found: readonly AnySocket[]): Promise<AnySocket[]> {
  const killed: AnySocket[] = [];
  for (const socket of found) {
    if (!("localPort" in socket)) continue;
    try {
      await diag.destroy(socket);
      killed.push(socket);
    } catch (error) {
      const { EOPNOTSUPP, ENOENT } = errno;
      if (!(error instanceof NetlinkError) || (error.errno !== EOPNOTSUPP && error.errno !== ENOENT))
        throw error;
    }
  }
  return killed;
}

/** -E: sockets as they end. */
async function follow(
  diag: DiagSocket,
  selection: Selection,
  { filter }: ParsedFilter,
  show: Show,
  layout: Layout,
  { json }: Options,
): Promise<number> {
  const protocols = (["tcp", "udp"] as const).filter((table) => selection.tables.has(table));
  if (protocols.length === 0) throw new UsageError("-E: expected TCP or UDP among the tables");
  const stopped = new AbortController();
  process.once("SIGINT", () => stopped.abort());
  const events = diag.destroyed({
    protocol: protocols.length === 1 ? protocols[0] : undefined,
    receiveBufferBytes: 1 << 22,
    signal: stopped.signal,
  });
  const { socketJson } = await import("./sockets/json.ts");
  const lines = new Stream(layout);
  if (!json) await lines.header();
  try {
    for await (const socket of events) {
      if (socket === OVERRUN) note("windsock sockets: some are missing: more ended than could be read");
      else if (selection.shows(socket.family === "ipv4" ? "inet" : "inet6") && fits(socket, filter)) {
        if (json) await print(`${socketJson(socket, show)}\n`);
        else await lines.line(socket, show);
      }
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
  }
  return EXIT.done;
}

function fits(socket: InetSocket, filter: ParsedFilter["filter"]): boolean {
  return filter === undefined || matches(filter, socket);
}

function tellUnreadable({ unreadable }: SocketOwners): void {
  if (unreadable === 0) return;
  const [who, what] = unreadable === 1 ? ["1 process", "its"] : [`${unreadable} processes`, "their"];
  note(`windsock sockets: ${who} could not be looked into: ${what} sockets stand without an owner`);
}
