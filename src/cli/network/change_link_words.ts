/** The words that all links have: `name`, `mtu`, `up` … up to `type`; ip-link(8). */
import { openSync } from "node:fs";
import type { LinkSettings, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { groupNumber } from "./change_names.ts";
import {
  duplicate,
  findDevice,
  type Grammar,
  garbage,
  integer,
  isLinkName,
  lladdrOf,
  type Read,
  readGrammar,
  STOP,
  unsigned,
  type Words,
  wrong,
} from "./change_words.ts";

/** What the words of a link tell, before it is known which link is meant. */
export interface Asked {
  readonly net: RouteSocket;
  name?: string;
  device?: string;
  below?: string;
  kind?: string;
  index?: number;
  addressLength?: number;
  linkNamespaceId?: number;
  parentDevice?: string;
  transmitQueues?: number;
  receiveQueues?: number;
  readonly settings: { -readonly [K in keyof LinkSettings]: LinkSettings[K] };
  readonly flags: { -readonly [K in keyof NonNullable<LinkSettings["flags"]>]: boolean };
  /** Open on namespaces, until the request is made. */
  readonly fds: number[];
}

type Flag = keyof Asked["flags"];

const flag =
  (name: Flag): Read<Asked> =>
  (words, it, keyword) => {
    it.flags[name] = words.onOff(keyword.startsWith("d") ? "dynamic" : keyword);
  };

/** A number that may be told once. */
function count(
  name: "transmitQueueLength" | "mtu" | "transmitQueues" | "receiveQueues",
  what: string,
): Read<Asked> {
  return (words, it) => {
    const word = words.value();
    const own = name === "transmitQueues" || name === "receiveQueues";
    if ((own ? it[name] : it.settings[name]) !== undefined) throw duplicate(what, word);
    const value = integer(word);
    if (value === undefined) throw wrong(word, `Invalid "${what}" value`);
    if (own) it[name] = value >>> 0;
    else it.settings[name] = value >>> 0;
  };
}

function size(name: "gsoMaxSize" | "gsoMaxSegments" | "groMaxSize", max?: number): Read<Asked> {
  return (words, it, keyword) => {
    it.settings[name] = words.number(`Invalid "${keyword}" value`, max);
  };
}

const STATES = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];
const GENERATIONS = {
  eui64: "eui64",
  none: "none",
  stable_secret: "stablePrivacy",
  random: "random",
} as const;
/** IFALIASZ, include/uapi/linux/if.h */
const ALIAS_MAX = 255;
const GSO_MAX_SEGMENTS = 65535;

/** Words that ip(8) has, and this program does not. */
const elsewhere: Read<Asked> = (_, __, keyword) => {
  throw new UsageError(`${keyword}: not among the words that are known here`);
};

const GRAMMAR: Grammar<Asked> = {
  up: (_, it) => {
    it.settings.up = true;
  },
  down: (_, it) => {
    it.settings.up = false;
  },
  name: (words, it) => {
    const word = words.value();
    if (it.name !== undefined) throw duplicate("name", word);
    if (!isLinkName(word)) throw wrong(word, '"name" not a valid ifname');
    it.name = word;
    it.device ??= word;
  },
  index: (words, it) => {
    const word = words.value();
    if (it.index !== undefined) throw duplicate("index", word);
    const index = Number.parseInt(word, 10);
    if (!(index > 0 && index < 2 ** 31)) throw wrong(word, 'Invalid "index" value');
    it.index = index;
  },
  "link*": (words, it) => {
    it.below = words.value();
  },
  "address*": (words, it) => {
    it.settings.address = lladdrOf(words.value());
    it.addressLength = it.settings.address.length;
  },
  "broadcast* brd": (words, it) => {
    it.settings.broadcast = lladdrOf(words.value());
  },
  "txqueuelen* qlen txqlen*": count("transmitQueueLength", "txqueuelen"),
  mtu: count("mtu", "mtu"),
  "xdp xdpgeneric xdpdrv xdpoffload": elsewhere,
  netns: (words, it) => {
    const word = words.value();
    if (it.settings.namespace !== undefined) throw duplicate("netns", word);
    it.settings.namespace = namespaceOf(word, it.fds);
  },
  multicast: flag("multicast"),
  allmulticast: flag("allMulticast"),
  promisc: flag("promiscuous"),
  trailers: flag("trailers"),
  arp: flag("arp"),
  carrier: (words, it) => {
    it.settings.carrier = words.oneOfOnOff("carrier");
  },
  vf: elsewhere,
  "master*": async (words, it) => {
    const word = words.value();
    const index = await findDevice(it.net, word);
    if (!index) throw wrong(word, "Device does not exist");
    it.settings.master = index;
  },
  vrf: async (words, it) => {
    const word = words.value();
    const vrf = (await it.net.links.list({ kind: "vrf" })).find((link) => link.name === word);
    if (vrf === undefined) throw wrong(word, "Not a valid VRF name");
    it.settings.master = vrf.index;
  },
  "nomaster*": (_, it) => {
    it.settings.master = null;
  },
  "dynamic*": flag("dynamic"),
  "type*": (words, it) => {
    it.kind = words.value();
    return STOP;
  },
  "alias*": (words, it) => {
    const word = words.value();
    if (new TextEncoder().encode(word).length > ALIAS_MAX) throw wrong(word, "alias too long");
    it.settings.alias = word;
  },
  group: (words, it) => {
    const word = words.value();
    if (it.settings.group !== undefined) throw duplicate("group", word);
    const group = groupNumber(word);
    if (group === undefined) throw wrong(word, 'Invalid "group" value');
    it.settings.group = group;
  },
  mode: (words, it) => {
    const read = (word: string): "default" | "dormant" | undefined =>
      /^(?:default|dormant)$/i.test(word) ? (word.toLowerCase() as "default") : undefined;
    it.settings.mode = words.named(read, "Invalid link mode");
  },
  state: (words, it) => {
    const read = (word: string): number | undefined => {
      const at = STATES.indexOf(word.toLowerCase());
      return at < 0 ? undefined : at;
    };
    it.settings.state = words.named(read, "Invalid operstate");
  },
  "numtxqueues*": count("transmitQueues", "numtxqueues"),
  "numrxqueues*": count("receiveQueues", "numrxqueues"),
  "addrgenmode*": (words, it) => {
    const read = (
      word: string,
    ): (typeof GENERATIONS)["eui64" | "none" | "random"] | "stablePrivacy" | undefined =>
      GENERATIONS[word.toLowerCase() as keyof typeof GENERATIONS];
    it.settings.ipv6AddressGeneration = words.named(read, "Invalid address generation mode");
  },
  "link-netns": elsewhere,
  "link-netnsid*": (words, it) => {
    const word = words.value();
    if (it.linkNamespaceId !== undefined) throw duplicate("link-netns/link-netnsid", word);
    const id = integer(word);
    if (id === undefined) throw wrong(word, 'Invalid "link-netnsid" value');
    it.linkNamespaceId = id;
  },
  protodown: (words, it) => {
    it.settings.protocolDown = words.oneOfOnOff("protodown");
  },
  protodown_reason: elsewhere,
  gso_max_size: size("gsoMaxSize"),
  gso_max_segs: size("gsoMaxSegments", GSO_MAX_SEGMENTS),
  gro_max_size: size("groMaxSize"),
  parentdev: (words, it) => {
    it.parentDevice = words.value();
  },
};

/** The device, which needs no word in front of it. */
function readDevice(words: Words, it: Asked, keyword: string): void {
  const word = keyword === "dev" ? words.value() : keyword;
  if (it.device !== it.name) throw garbage("dev", word);
  if (!isLinkName(word, 127)) throw wrong(word, '"dev" not a valid ifname');
  it.device = word;
}

/** A namespace by the name that `ip netns` gives it, a path, or a process in it. */
function namespaceOf(word: string, fds: number[]): NonNullable<LinkSettings["namespace"]> {
  const path = word.includes("/") ? word : `/run/netns/${word}`;
  try {
    const fd = openSync(path, "r");
    fds.push(fd);
    return { fd };
  } catch {
    const pid = unsigned(word, 0x7fff_ffff);
    if (pid === undefined) throw wrong(word, 'Invalid "netns" value');
    return { pid };
  }
}

/** Reads the words up to those of the kind. */
export async function readLink(words: Words, net: RouteSocket, fds: number[]): Promise<Asked> {
  const it: Asked = { net, settings: {}, flags: {}, fds };
  await readGrammar(words, GRAMMAR, it, readDevice);
  if (it.name === undefined && it.device !== undefined) it.name = it.device;
  return it;
}
