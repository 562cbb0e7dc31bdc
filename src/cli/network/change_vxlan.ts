/** The words of VXLANs: `type vxlan …`. */
import type { IpAddr } from "../../ip/index.ts";
import type { KindData } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import {
  type FieldsOf,
  type KindReader,
  type KindState,
  oneOf,
  type Settable,
  U8,
  U16,
  unknownWord,
} from "./change_kind.ts";
import { dsfieldNumber } from "./change_names.ts";
import {
  addrWord,
  deviceWord,
  familyOfAddr,
  type Grammar,
  garbage,
  type Read,
  readGrammar,
  unsigned,
  type Words,
  wrong,
} from "./change_words.ts";

type VxlanData = Settable<KindData["vxlan"]>;
type Vxlan = KindState<KindData["vxlan"]> & {
  /** What was told already; twice is refused. */
  readonly told: Set<string>;
  group?: IpAddr;
  remote?: IpAddr;
  local?: IpAddr;
};

function once(it: Vxlan, what: string, value: string): void {
  if (it.told.has(what)) throw garbage(what, value);
  it.told.add(what);
}

/** A word that is a switch, and its opposite with "no" in front of it. */
function vxlanSwitch(name: FieldsOf<KindData["vxlan"], number>, value: 0 | 1): Read<Vxlan> {
  return (_, it, keyword) => {
    once(it, name, keyword);
    it.data[name] = value as never;
  };
}

function switches(rows: Readonly<Record<string, FieldsOf<KindData["vxlan"], number>>>): Grammar<Vxlan> {
  return Object.fromEntries(
    Object.entries(rows).flatMap(([word, name]) => [
      [`no${word}*`, vxlanSwitch(name, 0)],
      [`${word}*`, vxlanSwitch(name, 1)],
    ]),
  );
}

/** An address of the family that the others are of. */
function vxlanAddr(
  words: Words,
  it: Vxlan,
  what: "group" | "remote" | "local",
  other: IpAddr | undefined,
): void {
  const word = words.value();
  once(it, what === "local" ? "local" : "group", word);
  const addr = addrWord(word, other === undefined ? undefined : familyOfAddr(other));
  if (addr === undefined) return;
  if (addr.isMulticast !== (what === "group")) throw wrong(word, `invalid ${what} address`);
  it[what] = addr;
}

function number(name: keyof VxlanData & string, what: string, why: string, max?: number): Read<Vxlan> {
  return (words, it) => {
    once(it, what, words.next ?? "");
    it.data[name] = words.number(why, max) as never;
  };
}

const VXLAN: Grammar<Vxlan> = {
  "id* vni*": number("id", "id", "invalid id", 0xff_ffff),
  "group*": (words, it) => {
    if (it.remote !== undefined) it.told.delete("group");
    vxlanAddr(words, it, "group", it.local);
  },
  "remote*": (words, it) => {
    if (it.group !== undefined) it.told.delete("group");
    vxlanAddr(words, it, "remote", it.local);
  },
  "local*": (words, it) => vxlanAddr(words, it, "local", it.remote ?? it.group),
  "dev*": async (words, it) => {
    const word = words.value();
    once(it, "dev", word);
    it.data.link = (await deviceWord(it.net, word)) as number;
  },
  "ttl* hoplimit*": (words, it) => {
    const word = words.value();
    once(it, "ttl", word);
    if (word === "inherit") it.data.ttlInherit = true;
    else if (word === "auto") it.data.ttl = 0;
    else {
      const ttl = unsigned(word);
      if (ttl === undefined) throw wrong(word, "invalid TTL");
      if (ttl > U8) throw wrong(word, "TTL must be <= 255");
      it.data.ttl = ttl;
    }
  },
  "tos* dsfield*": (words, it) => {
    once(it, "tos", words.next ?? "");
    it.data.tos = words.named((word) => (word === "inherit" ? 1 : dsfieldNumber(word)), "bad TOS value");
  },
  "df*": (words, it) => {
    once(it, "df", words.next ?? "");
    const read = (word: string): number | undefined => oneOf({ unset: 0, set: 1, inherit: 2 }, word);
    it.data.df = words.named(read, "DF must be 'unset', 'set' or 'inherit'");
  },
  "label* flowlabel*": (words, it) => {
    once(it, "flowlabel", words.next ?? "");
    const label = words.number("invalid flowlabel", 0xf_ffff);
    it.data.label = Uint8Array.of(0, label >>> 16, (label >>> 8) & U8, label & U8);
  },
  "ageing*": (words, it) => {
    once(it, "ageing", words.next ?? "");
    it.data.ageing = words.named((word) => (word === "none" ? 0 : unsigned(word)), "ageing timer");
  },
  "maxaddress*": (words, it) => {
    once(it, "maxaddress", words.next ?? "");
    it.data.limit = words.named((word) => (word === "unlimited" ? 0 : unsigned(word)), "max addresses");
  },
  "port* srcport*": (words, it) => {
    once(it, "srcport", words.next ?? "");
    const [low, high] = [words.number("min port", U16), words.number("max port", U16)];
    it.data.portRange = Uint8Array.of(low >>> 8, low & U8, high >>> 8, high & U8);
  },
  "dstport*": number("port", "dstport", "dst port", U16),
  ...switches({
    learning: "learning",
    proxy: "proxy",
    rsc: "rsc",
    l2miss: "l2miss",
    l3miss: "l3miss",
    udpcsum: "udpCsum",
    udp6zerocsumtx: "udpZeroCsum6Tx",
    udp6zerocsumrx: "udpZeroCsum6Rx",
    remcsumtx: "remcsumTx",
    remcsumrx: "remcsumRx",
    external: "collectMetadata",
  }),
  "gbp*": (_, it, keyword) => {
    once(it, "gbp", keyword);
    it.data.gbp = true;
  },
  "gpe*": (_, it, keyword) => {
    once(it, "gpe", keyword);
    it.data.gpe = true;
  },
  ...switches({ vnifilter: "vnifilter" }),
};

/** IANA's for VXLAN-GPE, which ip(8) takes by itself. */
const GPE_PORT = 4790;

function wholeVxlan(it: Vxlan): KindData["vxlan"] {
  const { data, group, remote, local, creating } = it;
  if (data.collectMetadata && data.id !== undefined) {
    throw new UsageError("vxlan: both 'external' and vni cannot be specified");
  }
  if (!data.collectMetadata && data.id === undefined && creating) {
    throw new UsageError("vxlan: missing virtual network identifier");
  }
  if (group !== undefined && remote !== undefined) {
    throw new UsageError("vxlan: both group and remote cannot be specified");
  }
  if (group !== undefined && data.link === undefined) {
    throw new UsageError("vxlan: 'group' requires 'dev' to be specified");
  }
  if (data.vnifilter && !data.collectMetadata) {
    throw new UsageError("vxlan: vnifilter is valid only when 'external' is set");
  }
  const far = group ?? remote;
  if (far !== undefined) data[far.version === 4 ? "group" : "group6"] = far;
  if (local !== undefined) data[local.version === 4 ? "local" : "local6"] = local;
  if (data.gpe && data.port === undefined) data.port = GPE_PORT;
  if (data.collectMetadata && data.learning === undefined) data.learning = 0;
  return data;
}

export const readVxlan: KindReader = async (words, net, creating) => {
  const it: Vxlan = { net, creating, data: {}, told: new Set() };
  await readGrammar(words, VXLAN, it, unknownWord("vxlan", "command"));
  return { data: wholeVxlan(it) };
};
