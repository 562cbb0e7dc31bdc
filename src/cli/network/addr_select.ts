/** Which addresses, and which links, are meant: the words that `show` and `flush` of ip-address(8) and ip-link(8) share. */
import type { Address, AddressFlag, Family, Link, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { groupNumber, scopeNumber } from "./change_names.ts";
import {
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
import { glob } from "./ip_words.ts";

interface Asked {
  /** Whether it is about addresses, not links alone. */
  readonly addresses: boolean;
  family: Family | undefined;
  to?: Place;
  scope?: number;
  up?: true;
  label?: string;
  group?: number;
  master?: number;
  kind?: string;
  device?: string;
  nomaster?: true;
  /** Flags that are to be there, or to be missing; what is said last counts. */
  readonly flags: Map<AddressFlag, boolean>;
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
  optimistic: ["optimistic", true],
  home: ["home", true],
  nodad: ["nodad", true],
  mngtmpaddr: ["managetempaddr", true],
  noprefixroute: ["noprefixroute", true],
  autojoin: ["mcautojoin", true],
  "stable-privacy": ["stablePrivacy", true],
};

const GRAMMAR: (net: RouteSocket) => Grammar<Asked> = (net) => ({
  to: (words, it) => {
    if (!it.addresses) {
      const word = words.value();
      placeOf(word, it.family);
      throw new UsageError(`Error: "${word}" may be inet prefix, but it is not allowed in this context.`);
    }
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
  "master vrf": async (words, it, keyword) => {
    const word = words.value();
    const index = await findDevice(net, word);
    const vrf = keyword === "vrf";
    if (index === undefined || (vrf && !(await isVrf(net, index)))) {
      throw wrong(word, vrf ? "Not a valid VRF name" : "Device does not exist");
    }
    it.master = index;
  },
  nomaster: (_, it) => {
    it.nomaster = true;
  },
  type: (words, it) => {
    it.kind = words.value();
  },
});

function readOther(words: Words, it: Asked, keyword: string): void {
  const plain = keyword.replace(/^-/, "");
  const filter = Object.hasOwn(FILTERS, plain) ? FILTERS[plain] : undefined;
  if (filter !== undefined) {
    it.flags.set(filter[0], filter[1] === (plain === keyword));
    return;
  }
  const word = keyword === "dev" ? words.value() : keyword;
  if (it.device !== undefined) throw garbage("dev", word);
  it.device = word;
}

export async function isVrf(net: RouteSocket, index: number): Promise<boolean> {
  return (await net.links.get(index)).info?.kind === "vrf";
}

export interface AddressSelection {
  /** The device that was told. */
  readonly device: number | undefined;
  readonly family: Family | undefined;
  /** Whether links that have no address at all are there too. */
  readonly orNone: boolean;
  /** Whether a label was asked for: what has it is shown without its link. */
  readonly labelled: boolean;
  /** Those of all links that are meant, in their order. */
  readonly links: (all: readonly Link[]) => Link[];
  /** Whether an address is one of those. */
  readonly has: (address: Address, link: Link) => boolean;
}

const PORT = "_slave";

/** @throws {UsageError} @throws {Refusal} for a device that is not there */
export async function readAddressWords(
  words: readonly string[],
  family: Family | undefined,
  net: RouteSocket,
  addresses = true,
): Promise<AddressSelection> {
  const it: Asked = { addresses, family, flags: new Map() };
  await readGrammar(new Words(words), GRAMMAR(net), it, readOther);
  const device = it.device === undefined ? undefined : await findDevice(net, it.device);
  if (it.device !== undefined && !device) throw new Refusal(`Device "${it.device}" does not exist.`);
  const prefix = it.to?.addr === undefined ? undefined : prefixOf(it.to, familyOfAddr(it.to.addr));
  const label = it.label === undefined ? undefined : glob(it.label);
  const { kind } = it;
  return {
    device,
    family: it.family,
    orNone: it.family === undefined && label === undefined,
    labelled: label !== undefined,
    links: (all) =>
      all.filter(
        (link) =>
          (device === undefined || link.index === device) &&
          (!it.up || link.up) &&
          (it.group === undefined || link.group === it.group) &&
          (it.master === undefined || link.master === it.master) &&
          (!it.nomaster || link.master === undefined) &&
          (kind === undefined ||
            (kind.endsWith(PORT)
              ? link.port?.kind === kind.slice(0, -PORT.length)
              : link.info?.kind === kind)),
      ),
    has: (address, link) =>
      (it.family === undefined || address.family === it.family) &&
      (it.scope === undefined || scopeNumber(`${address.scope}`) === it.scope) &&
      (label === undefined || label(address.label ?? link.name)) &&
      (prefix === undefined ||
        (address.address.version === prefix.addr.version && prefix.contains(address.address))) &&
      [...it.flags].every(([flag, set]) => address.flags.includes(flag) === set),
  };
}
