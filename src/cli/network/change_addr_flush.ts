/** `windsock addr flush`: the addresses that the words of ip-address(8) select are deleted. */
import { NetlinkError } from "../../netlink/index.ts";
import { type Address, type AddressFlag, type Family, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { groupNumber, scopeNumber } from "./change_names.ts";
import {
  ask,
  familyOfAddr,
  findDevice,
  type Grammar,
  garbage,
  type Place,
  placeOf,
  prefixOf,
  Refusal,
  readGrammar,
  Words,
  wrong,
} from "./change_words.ts";

interface Flush {
  family: Family | undefined;
  to?: Place;
  scope?: number;
  up?: true;
  label?: string;
  group?: number;
  master?: number;
  kind?: string;
  device?: string;
  readonly flags: (readonly [flag: AddressFlag, wanted: boolean])[];
}

/** The words for flags as filters; `dynamic` and `primary` are the absence of others. */
const FILTERS: Readonly<Record<string, readonly [AddressFlag, boolean]>> = {
  permanent: ["permanent", true],
  dynamic: ["permanent", false],
  secondary: ["secondary", true],
  temporary: ["secondary", true],
  primary: ["secondary", false],
  tentative: ["tentative", true],
  deprecated: ["deprecated", true],
  dadfailed: ["dadfailed", true],
  home: ["home", true],
  nodad: ["nodad", true],
  mngtmpaddr: ["managetempaddr", true],
  noprefixroute: ["noprefixroute", true],
  autojoin: ["mcautojoin", true],
};

const FLUSH: (net: RouteSocket) => Grammar<Flush> = (net) => ({
  to: (words, it) => {
    it.to = placeOf(words.value(), it.family);
    it.family ??= it.to.family;
  },
  scope: (words, it) => {
    const word = words.value();
    const scope = scopeNumber(word);
    if (scope === undefined && word !== "all") throw wrong(word, 'invalid "scope"');
    if (scope !== undefined) it.scope = scope;
  },
  up: (_, it) => {
    it.up = true;
  },
  label: (words, it) => {
    it.label = words.value();
  },
  group: (words, it) => {
    it.group = words.named(groupNumber, 'Invalid "group" value');
  },
  master: async (words, it) => {
    const word = words.value();
    const index = await findDevice(net, word);
    if (index === undefined) throw wrong(word, "Device does not exist");
    it.master = index;
  },
  type: (words, it) => {
    it.kind = words.value();
  },
});

function readFlushOther(words: Words, it: Flush, keyword: string): void {
  const plain = keyword.replace(/^-(?=tentative$|deprecated$|dadfailed$)/, "");
  const filter = Object.hasOwn(FILTERS, plain) ? FILTERS[plain] : undefined;
  if (filter !== undefined) {
    it.flags.push(plain === keyword ? filter : [filter[0], false]);
    return;
  }
  const word = keyword === "dev" ? words.value() : keyword;
  if (it.device !== undefined) throw garbage("dev", word);
  it.device = word;
}

/** As often a table is read again, until nothing is left to be deleted. */
const ROUNDS = 10;

export async function flushAddresses(given: readonly string[], family: Family | undefined): Promise<void> {
  if (given.length === 0) throw new UsageError("Flush requires arguments.");
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const it: Flush = { family, flags: [] };
  await readGrammar(new Words(given), FLUSH(net), it, readFlushOther);
  const device = it.device === undefined ? undefined : await findDevice(net, it.device);
  if (it.device !== undefined && !device) throw new Refusal(`Device "${it.device}" does not exist.`);
  const links = await net.links.list({ kind: it.kind, master: it.master });
  const there = new Set(
    links
      .filter((link) => (!it.up || link.up) && (it.group === undefined || link.group === it.group))
      .map((link) => link.index),
  );
  const names = new Map(links.map((link) => [link.index, link.name]));
  const inPlace = it.to?.addr === undefined ? undefined : prefixOf(it.to, familyOfAddr(it.to.addr));
  const wanted = (address: Address): boolean =>
    there.has(address.device) &&
    (inPlace === undefined || inPlace.contains(address.address)) &&
    (it.scope === undefined || scopeNumber(`${address.scope}`) === it.scope) &&
    it.flags.every(([flag, set]) => address.flags.includes(flag) === set) &&
    (it.label === undefined || labelled(address.label ?? names.get(address.device) ?? "", it.label));
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await net.addresses.list({ family: it.family, device })).filter(wanted);
    if (found.length === 0) return;
    for (const address of found) {
      const { address: addr, prefixLength, peer, device: on } = address;
      const prefix = prefixOf({ addr, length: prefixLength, family: undefined, sized: true }, address.family);
      await ask(() => gone(() => net.addresses.delete({ device: on, address: prefix, peer })));
    }
  }
  throw new Refusal(`*** Flush remains incomplete after ${ROUNDS} rounds. ***`);
}

/** What went with an address before it, as its secondaries, is not missed. */
async function gone(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    const code = error instanceof NetlinkError ? error.code : undefined;
    if (code !== "EADDRNOTAVAIL" && code !== "ENODEV") throw error;
  }
}

/** Whether a name fits a pattern of the shell, of which ip(8) has * and ?. */
function labelled(name: string, pattern: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\*/g, ".*").replace(/\?/g, ".")}$`).test(name);
}
