/** `windsock link add`, `del`, `set` and `property`: ip-link(8)'s words. */
import { closeSync } from "node:fs";
import type { LinkChanges, NewLink, NewPeer } from "../../netlink/route/index.ts";
import { RouteSocket } from "../../netlink/route/index.ts";
import { EXIT, UsageError } from "../_command.ts";
import type { KindWords } from "./change_kind.ts";
import { isKind, readKind } from "./change_link_kinds.ts";
import { type Asked, readLink } from "./change_link_words.ts";
import {
  ask,
  deviceWord,
  duplicate,
  findDevice,
  type Grammar,
  garbage,
  Refusal,
  readGrammar,
  Words,
} from "./change_words.ts";

/** A link to be made, or the other end of one. */
async function made(it: Asked): Promise<Omit<NewLink, "kind">> {
  const { flags, name, device, below, index, transmitQueues, receiveQueues } = it;
  // The kernel takes no notice of these where a link is made, and neither does ip(8).
  const { alias, carrier, protocolDown, ipv6AddressGeneration, ...settings } = it.settings;
  if (device === undefined && settings.group !== undefined) {
    throw new UsageError("group cannot be used when creating devices.");
  }
  if (name !== device) {
    throw new UsageError('both "name" and "dev" cannot be used when creating devices.');
  }
  const link = below === undefined ? undefined : await deviceWord(it.net, below);
  const { linkNamespaceId, parentDevice } = it;
  return {
    ...settings,
    flags,
    name,
    link,
    index,
    transmitQueues,
    receiveQueues,
    linkNamespaceId,
    parentDevice,
  };
}

/** The other end of a veth: `peer`, and the words of a link. */
async function readPeer(words: Words, net: RouteSocket, fds: number[]): Promise<NewPeer> {
  if (words.take() !== "peer") throw new UsageError("Usage: ip link <options> type veth [peer <options>]");
  const it = await readLink(words, net, fds);
  if (it.kind !== undefined) throw duplicate("type", it.kind);
  const { up, master, ...peer } = await made(it);
  // The kernel sets the peer up before the other end is there, and fails.
  if (up === true) throw new Refusal("RTNETLINK answers: Transport endpoint is not connected");
  return peer;
}

async function add(words: Words, net: RouteSocket, fds: number[]): Promise<void> {
  const it = await readLink(words, net, fds);
  const link = await made(it);
  const { kind } = it;
  if (kind === undefined) throw new UsageError('Not enough information: "type" argument is required');
  if (kind === "veth" && words.next !== undefined) {
    const peer = await readPeer(words, net, fds);
    await ask(() => net.links.add({ ...link, kind, peer }));
    return;
  }
  const { data } = await kindWords(kind, words, net, true);
  await ask(() => net.links.add({ ...link, kind, data }));
}

async function kindWords(
  kind: string,
  words: Words,
  net: RouteSocket,
  creating: boolean,
): Promise<KindWords> {
  if (words.next === undefined) return {};
  if (!isKind(kind)) {
    throw new UsageError(`Garbage instead of arguments "${words.next} ...". Try "ip link help".`);
  }
  return await readKind(kind, words, net, creating);
}

/** What `set` and `del` are about: a group, or a link. */
async function target(
  it: Asked,
  words: Words,
): Promise<{ readonly group: number } | { readonly device: string }> {
  const { device, settings, addressLength, index } = it;
  if (device !== undefined && addressLength !== undefined) {
    const found = await findDevice(it.net, device);
    const link = found === undefined ? undefined : await ask(() => it.net.links.get(found));
    const { address } = link ?? {};
    const length = address === undefined ? undefined : address instanceof Uint8Array ? address.length : 6;
    if (length !== undefined && length !== addressLength) {
      throw new UsageError(`Invalid address length ${addressLength} - must be ${length} bytes`);
    }
  }
  if (index !== undefined && settings.namespace === undefined) {
    throw new UsageError(
      "index can be used only when creating devices or when moving device to another netns.",
    );
  }
  if (device !== undefined) return { device };
  if (settings.group === undefined) {
    throw new UsageError('Not enough information: "dev" argument is required.');
  }
  if (words.next !== undefined) {
    throw new UsageError(`Garbage instead of arguments "${words.next} ...". Try "ip link help".`);
  }
  return { group: settings.group };
}

async function set(words: Words, net: RouteSocket, fds: number[]): Promise<void> {
  const it = await readLink(words, net, fds);
  const what = await target(it, words);
  const { settings, flags, name, index, kind } = it;
  if ("group" in what) {
    const { group, ...changes } = settings;
    await ask(() => net.links.setGroup(what.group, { ...changes, flags }));
    return;
  }
  const device = await deviceWord(net, what.device);
  const { data, port } = kind === undefined ? {} : await kindWords(kind, words, net, false);
  const changes: LinkChanges = {
    ...settings,
    flags,
    name: name === what.device ? undefined : name,
    newIndex: index,
    info: data === undefined || kind === undefined ? undefined : ({ kind, data } as LinkChanges["info"]),
    port: port === undefined ? undefined : { kind: "bridge", data: port },
  };
  await ask(() => net.links.set(device, changes));
}

async function del(words: Words, net: RouteSocket, fds: number[]): Promise<void> {
  const it = await readLink(words, net, fds);
  const what = await target(it, words);
  if ("group" in what) {
    await ask(() => net.links.deleteGroup(what.group));
    return;
  }
  const device = await deviceWord(net, what.device);
  if (it.kind !== undefined) await kindWords(it.kind, words, net, false);
  await ask(() => net.links.delete(device));
}

/** `property add` and `property del`: more names of a link. */
async function property(words: Words, net: RouteSocket): Promise<void> {
  const operator = words.take();
  const adding = operator !== undefined && "add".startsWith(operator);
  if (operator === undefined || operator === "" || !(adding || "delete".startsWith(operator))) {
    throw new UsageError("Operator required");
  }
  const it: { device?: string; readonly names: string[] } = { names: [] };
  const grammar: Grammar<typeof it> = {
    "altname*": (rest, state) => {
      state.names.push(rest.value());
    },
  };
  await readGrammar(words, grammar, it, (rest, state, keyword) => {
    const word = keyword === "dev" ? rest.value() : keyword;
    if (state.device !== undefined) throw garbage("dev", word);
    state.device = word;
  });
  if (it.device === undefined) {
    throw new UsageError('Not enough of information: "dev" argument is required.');
  }
  const device = await deviceWord(net, it.device);
  if (adding) await ask(() => net.links.addAlternativeNames(device, it.names));
  else await ask(() => net.links.deleteAlternativeNames(device, it.names));
}

/** @returns the exit code */
export async function changeLink(verb: string, given: readonly string[]): Promise<number> {
  const words = new Words(given);
  const fds: number[] = [];
  using net = RouteSocket.open();
  try {
    if (verb === "add") await add(words, net, fds);
    else if (verb === "delete") await del(words, net, fds);
    else if (verb === "property") await property(words, net);
    else await set(words, net, fds);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
  return EXIT.done;
}
