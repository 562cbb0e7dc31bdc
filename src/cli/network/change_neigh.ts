/** `windsock neigh add`, `del`, `change`, `replace` and `flush`: ip-neighbour(8)'s words. */
import { NetlinkError } from "../../netlink/index.ts";
import {
  type Family,
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
  type Grammar,
  garbage,
  lladdrOf,
  Refusal,
  readGrammar,
  Words,
} from "./change_words.ts";
import { readNeighborWords, stateOf } from "./neigh_select.ts";

interface Asked {
  readonly family: Family | undefined;
  to?: { readonly addr: Addr | undefined };
  lladdr?: string;
  device?: string;
  state?: readonly NeighborState[];
  protocol?: number;
  readonly flags: NeighborFlag[];
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

/** What goes unless states are told. */
const USUAL = ["none", "incomplete", "reachable", "stale", "delay", "probe", "failed"];
/** As often a table is read again, until nothing is left to be deleted. */
const ROUNDS = 10;

async function flush(given: readonly string[], family: Family | undefined): Promise<void> {
  if (given.length === 0) throw new UsageError("Flush requires arguments.");
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const { list, has } = await readNeighborWords(given, family, net, USUAL, [...USUAL, "permanent"]);
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await ask(() => net.neighbors.list(list))).filter(has);
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
