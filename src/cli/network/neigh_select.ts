/** Which neighbours are meant: the words that `ip neigh show` and `ip neigh flush` share. */
import type {
  Family,
  Neighbor,
  NeighborListOptions,
  NeighborState,
  RouteSocket,
} from "../../netlink/route/index.ts";
import { isVrf } from "./addr_select.ts";
import { protocolNumber } from "./change_names.ts";
import {
  deviceWord,
  duplicate,
  familyOfAddr,
  findDevice,
  type Grammar,
  matches,
  type Place,
  placeOf,
  prefixOf,
  readGrammar,
  unsigned,
  Words,
  wrong,
} from "./change_words.ts";

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
export function stateOf(word: string): readonly NeighborState[] | undefined {
  const found = STATES.find(([name, short]) => (short ? matches(word, name) : word === name));
  if (found !== undefined) return found[2];
  const bits = unsigned(word, 0xff);
  return bits === undefined || (bits & (bits - 1)) !== 0
    ? undefined
    : BITS.filter((_, at) => (bits & (1 << at)) !== 0);
}

interface Filter {
  /** What `nud all` means. */
  readonly all: readonly string[];
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

const GRAMMAR: (net: RouteSocket) => Grammar<Filter> = (net) => ({
  dev: (words, it) => {
    const word = words.value();
    if (it.device !== undefined) throw duplicate("dev", word);
    it.device = word;
  },
  "master vrf": async (words, it, keyword) => {
    const word = words.value();
    const index = await findDevice(net, word);
    const why = keyword === "vrf" ? "Not a valid VRF name" : "Device does not exist";
    const vrf = keyword !== "vrf" || (index !== undefined && (await isVrf(net, index)));
    if (index === undefined || !vrf) throw wrong(word, why);
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
    for (const name of state === undefined ? it.all : state.length === 0 ? ["none"] : state)
      it.states.add(`${name}`);
  },
  proxy: (_, it) => {
    it.proxy = true;
  },
  "protocol*": (words, it) => {
    it.protocol = words.named(protocolNumber, 'invalid "protocol"');
  },
});

export interface NeighborSelection {
  readonly list: NeighborListOptions;
  readonly has: (neighbor: Neighbor) => boolean;
}

/**
 * @param usual the states that are meant unless states are told
 * @param all those that `nud all` means
 * {UsageError} @throws {Refusal}
 */
export async function readNeighborWords(
  words: readonly string[],
  family: Family | undefined,
  net: RouteSocket,
  usual: readonly string[],
  all: readonly string[],
): Promise<NeighborSelection> {
  const it: Filter = { family, all };
  await readGrammar(new Words(words), GRAMMAR(net), it, (rest, state, keyword) => {
    state.to = placeOf(keyword === "to" ? rest.value() : keyword, state.family);
    state.family ??= state.to.family;
  });
  const device = it.device === undefined ? undefined : await deviceWord(net, it.device);
  const place = it.to?.addr === undefined ? undefined : prefixOf(it.to, familyOfAddr(it.to.addr));
  const masters = new Map(
    it.master === undefined ? [] : (await net.links.list()).map((link) => [link.index, link.master ?? 0]),
  );
  const states = it.states ?? new Set(usual);
  return {
    list: { family: it.family, device, proxy: it.proxy },
    has: (entry) =>
      // As ip(8): what another program has learned is meant in every state.
      (it.proxy ||
        entry.flags.includes("externLearn") ||
        (entry.state.length === 0
          ? states.has("none")
          : entry.state.some((state) => states.has(`${state}`)))) &&
      (place === undefined || place.contains(entry.address)) &&
      (it.master === undefined || masters.get(entry.device) === it.master) &&
      (it.protocol === undefined || protocolNumber(`${entry.protocol ?? 0}`) === it.protocol) &&
      (!it.unused || !entry.references),
  };
}
