/** `windsock neigh add`, `del`, `change`, `replace` and `flush`: ip-neighbour(8)'s words. */
import { NetlinkError } from "../../netlink/index.ts";
import {
  type Family,
  type Neighbor,
  type NeighborFlag,
  type NeighborState,
  type NewNeighbor,
  RouteSocket,
} from "../../netlink/route/index.ts";
import { EXIT, UsageError } from "../_command.ts";
import { protocolNumber } from "./change_names.ts";
import {
  type Addr,
  addrWord,
  ask,
  deviceWord,
  duplicate,
  familyOfAddr,
  findDevice,
  type Grammar,
  garbage,
  lladdrOf,
  matches,
  type Place,
  placeOf,
  prefixOf,
  Refusal,
  readGrammar,
  unsigned,
  Words,
  wrong,
} from "./change_words.ts";

interface Asked {
  readonly family: Family | undefined;
  to?: { readonly addr: Addr | undefined };
  lladdr?: string;
  device?: string;
  state?: readonly NeighborState[];
  protocol?: number;
  readonly flags: NeighborFlag[];
}

const STATES: readonly (readonly [name: string, short: boolean, states: readonly NeighborState[]])[] = [
  ["permanent", true, ["permanent"]],
  ["reachable", true, ["reachable"]],
  ["noarp", false, ["noarp"]],
  ["none", false, []],
  ["stale", false, ["stale"]],
  ["incomplete", false, ["incomplete"]],
  ["delay", false, ["delay"]],
  ["probe", false, ["probe"]],
  ["failed", true, ["failed"]],
];

/** NUD_…, from the lowest bit on. */
const BITS = ["incomplete", "reachable", "stale", "delay", "probe", "failed", "noarp", "permanent"] as const;

/** A state by its name, or its bit. */
function stateOf(word: string): readonly NeighborState[] | undefined {
  const found = STATES.find(([name, short]) => (short ? matches(word, name) : word === name));
  if (found !== undefined) return found[2];
  const bits = unsigned(word, 0xff);
  return bits === undefined || (bits & (bits - 1)) !== 0
    ? undefined
    : BITS.filter((_, at) => (bits & (1 << at)) !== 0);
}

const flag =
  (name: NeighborFlag) =>
  (_: Words, it: Asked): void => {
    it.flags.push(name);
  };

const GRAMMAR: Grammar<Asked> = {
  "lladdr*": (words, it) => {
    const word = words.value();
    if (it.lladdr !== undefined) throw duplicate("lladdr", word);
    it.lladdr = word;
  },
  nud: (words, it) => {
    it.state = words.named(stateOf, "nud state is bad");
  },
  "proxy*": (words, it) => {
    const word = words.value();
    if (it.to !== undefined) throw duplicate("address", word);
    it.to = { addr: addrWord(word, it.family) };
    it.flags.push("proxy");
  },
  "router*": flag("router"),
  "use*": flag("use"),
  "managed*": flag("managed"),
  "extern_learn*": flag("externLearn"),
  dev: (words, it) => {
    it.device = words.value();
  },
  "protocol*": (words, it) => {
    it.protocol = words.named(protocolNumber, '"protocol" value is invalid');
  },
};

async function modify(verb: string, given: readonly string[], family: Family | undefined): Promise<void> {
  const it: Asked = { family, flags: [] };
  await readGrammar(new Words(given), GRAMMAR, it, (words, state, keyword) => {
    const word = keyword === "to" ? words.value() : keyword;
    if (state.to !== undefined) throw garbage("to", word);
    state.to = { addr: addrWord(word, state.family) };
  });
  const address = it.to?.addr;
  if (it.device === undefined || address === undefined) {
    throw new UsageError("Device and destination are required arguments.");
  }
  const linkLayerAddress = it.lladdr === undefined || it.lladdr === "null" ? undefined : lladdrOf(it.lladdr);
  using net = RouteSocket.open();
  const neighbor: NewNeighbor = {
    device: await deviceWord(net, it.device),
    address,
    linkLayerAddress,
    state: it.state,
    flags: it.flags,
    protocol: it.protocol,
  };
  await ask(() => net.neighbors[verb as "add" | "change" | "replace" | "delete"](neighbor));
}

interface Flush {
  family: Family | undefined;
  device?: string;
  to?: Place;
  proxy?: true;
  unused?: true;
  master?: number;
  protocol?: number;
  /** Names of states; "none" stands for an empty one. */
  states?: Set<string>;
}

/** What goes unless states are told. */
const USUAL = ["none", "incomplete", "reachable", "stale", "delay", "probe", "failed"];
const ALL = [...USUAL, "permanent"];

const FLUSH: (net: RouteSocket) => Grammar<Flush> = (net) => ({
  dev: (words, it) => {
    const word = words.value();
    if (it.device !== undefined) throw duplicate("dev", word);
    it.device = word;
  },
  "master vrf": async (words, it, keyword) => {
    const word = words.value();
    const index = await findDevice(net, word);
    const why = keyword === "vrf" ? "Not a valid VRF name" : "Device does not exist";
    if (index === undefined) throw wrong(word, why);
    it.master = index;
  },
  nomaster: (_, it) => {
    it.master = 0;
  },
  unused: (_, it) => {
    it.unused = true;
  },
  nud: (words, it) => {
    const word = words.value();
    const state = stateOf(word);
    if (state === undefined && word !== "all") throw wrong(word, "nud state is bad");
    it.states ??= new Set();
    for (const name of state === undefined ? ALL : state.length === 0 ? ["none"] : state)
      it.states.add(`${name}`);
  },
  proxy: (_, it) => {
    it.proxy = true;
  },
  "protocol*": (words, it) => {
    it.protocol = words.named(protocolNumber, 'invalid "protocol"');
  },
});

/** As often a table is read again, until nothing is left to be deleted. */
const ROUNDS = 10;

async function flush(given: readonly string[], family: Family | undefined): Promise<void> {
  if (given.length === 0) throw new UsageError("Flush requires arguments.");
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const it: Flush = { family };
  await readGrammar(new Words(given), FLUSH(net), it, (words, state, keyword) => {
    state.to = placeOf(keyword === "to" ? words.value() : keyword, state.family);
    state.family ??= state.to.family;
  });
  const device = it.device === undefined ? undefined : await deviceWord(net, it.device);
  const place = it.to?.addr === undefined ? undefined : prefixOf(it.to, familyOfAddr(it.to.addr));
  const masters = new Map(
    it.master === undefined ? [] : (await net.links.list()).map((link) => [link.index, link.master ?? 0]),
  );
  const states = it.states ?? new Set(USUAL);
  const wanted = (entry: Neighbor): boolean =>
    // What another program has learned goes in every state.
    (it.proxy ||
      entry.flags.includes("externLearn") ||
      (entry.state.length === 0
        ? states.has("none")
        : entry.state.some((state) => states.has(`${state}`)))) &&
    (place === undefined || place.contains(entry.address)) &&
    (it.master === undefined || masters.get(entry.device) === it.master) &&
    (it.protocol === undefined || protocolNumber(`${entry.protocol ?? 0}`) === it.protocol) &&
    (!it.unused || !entry.references);
  for (let round = 0; round < ROUNDS; round++) {
    const all = await ask(() => net.neighbors.list({ family: it.family, device, proxy: it.proxy }));
    const found = all.filter(wanted);
    if (found.length === 0) return;
    for (const entry of found) {
      const flags: NeighborFlag[] = entry.flags.includes("proxy") ? ["proxy"] : [];
      await ask(() =>
        gone(() => net.neighbors.delete({ device: entry.device, address: entry.address, flags })),
      );
    }
  }
  throw new Refusal(`*** Flush not complete bailing out after ${ROUNDS} rounds`);
}

/** What is gone by itself meanwhile is not missed. */
async function gone(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== "ENOENT") throw error;
  }
}

/** @returns the exit code */
export async function changeNeigh(
  verb: string,
  given: readonly string[],
  family: Family | undefined,
): Promise<number> {
  await (verb === "flush" ? flush(given, family) : modify(verb, given, family));
  return EXIT.done;
}
