/** The words that kinds of links have of their own: `type macvlan …`, `type vlan …`, `type tun …`; ip-link(8). */
import type { KindData, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { readBridge, readBridgePort } from "./change_bridge.ts";
import {
  type KindReader,
  type KindState,
  type KindWords,
  oneOf,
  twoWords,
  U16,
  unknownWord,
} from "./change_kind.ts";
import { etherType } from "./change_names.ts";
import { readVxlan } from "./change_vxlan.ts";
import {
  type Grammar,
  lladdrOf,
  type Read,
  readGrammar,
  unsigned,
  type Words,
  wrong,
} from "./change_words.ts";

type Macvlan = KindState<KindData["macvlan"]> & { flags?: number };
type Vlan = KindState<KindData["vlan"]> & { flags: number; mask: number };
type Tun = KindState<KindData["tun"]>;

/** MACVLAN_MODE_… and MACVLAN_FLAG_…, include/uapi/linux/if_link.h, v6.12 */
const MACVLAN_MODES: Readonly<Record<string, number>> = {
  private: 1,
  vepa: 2,
  bridge: 4,
  passthru: 8,
  source: 16,
};
const PASSTHRU = 8;
const MACVLAN_FLAGS: Readonly<Record<string, number>> = { nopromisc: 1, nodst: 2, null: 0 };
const MACADDR_MODES: Readonly<Record<string, number>> = { add: 0, del: 1, flush: 2, set: 3 };

const macvlanFlag =
  (bit: number): Read<Macvlan> =>
  (_, it) => {
    it.flags = (it.flags ?? 0) | bit;
  };

const MACVLAN: Grammar<Macvlan> = {
  "mode*": (words, it) => {
    const word = words.value();
    const mode = oneOf(MACVLAN_MODES, word);
    if (mode === undefined) {
      throw new UsageError(
        `Error: argument of "mode" must be "private", "vepa", "bridge", "passthru" or "source", not "${word}"`,
      );
    }
    it.data.mode = mode;
  },
  "flag*": (words, it) => {
    const word = words.value();
    const bit = oneOf(MACVLAN_FLAGS, word);
    if (bit === undefined) {
      throw new UsageError(`Error: argument of "flag" must be "nopromisc", "nodst" or "null", not "${word}"`);
    }
    it.flags = (it.flags ?? 0) | bit;
  },
  "macaddr*": (words, it) => {
    const mode = oneOf(MACADDR_MODES, words.value());
    if (mode === undefined) throw new UsageError("macaddr: expected add, del, set or flush");
    it.data.macaddrMode = mode;
    const mac = (): Uint8Array => {
      const bytes = lladdrOf(words.value());
      if (bytes.length === 6) return bytes;
      throw new UsageError(`macaddr: expected an address of 6 bytes, got ${bytes.length}`);
    };
    if (mode === MACADDR_MODES.add || mode === MACADDR_MODES.del) it.data.macaddr = mac();
    if (mode === MACADDR_MODES.set) {
      const all: Uint8Array[] = [];
      while (words.next?.includes(":")) all.push(mac());
      it.data.macaddrData = all;
    }
  },
  "nopromisc*": macvlanFlag(1),
  "nodst*": macvlanFlag(2),
  "bcqueuelen*": (words, it) => {
    const word = words.value();
    const length = unsigned(word);
    if (length === undefined) {
      throw new UsageError(
        `Error: argument of "bcqueuelen" must be a positive integer [0-4294967295], not "${word}"`,
      );
    }
    it.data.bcQueueLen = length;
  },
};

const readMacvlan =
  (kind: string): KindReader =>
  async (words, net, creating) => {
    const it: Macvlan = { net, creating, data: {} };
    await readGrammar(words, MACVLAN, it, unknownWord(kind, "option"));
    if (it.flags !== undefined) {
      if ((it.flags & 1) !== 0 && it.data.mode !== PASSTHRU) {
        throw new UsageError(`${kind}: nopromisc flag only valid in passthru mode`);
      }
      it.data.flags = it.flags;
    }
    return { data: it.data };
  };

/** VLAN_FLAG_…, include/uapi/linux/if_vlan.h, v6.12 */
const vlanFlag =
  (bit: number): Read<Vlan> =>
  (words, it, keyword) => {
    it.mask |= bit;
    it.flags = words.onOff(keyword) ? it.flags | bit : it.flags & ~bit;
  };

/** `FROM:TO` as often as it stands there. */
function qosMap(words: Words, what: string): { readonly from: number; readonly to: number }[] {
  const map: { from: number; to: number }[] = [];
  do {
    const word = words.value();
    const [from, to, ...more] = word.split(":").map((it) => unsigned(it));
    if (from === undefined || to === undefined || more.length > 0) throw wrong(word, `invalid ${what}`);
    map.push({ from, to });
  } while (words.next?.includes(":"));
  return map;
}

const VLAN: Grammar<Vlan> = {
  "protocol*": (words, it) => {
    it.data.protocol = words.named(etherType, "protocol is invalid");
  },
  "id*": (words, it) => {
    it.data.id = words.number("id is invalid", U16);
  },
  "reorder_hdr*": vlanFlag(1),
  "gvrp*": vlanFlag(2),
  "mvrp*": vlanFlag(8),
  "loose_binding*": vlanFlag(4),
  "bridge_binding*": vlanFlag(16),
  "ingress-qos-map*": (words, it) => {
    it.data.ingressQos = qosMap(words, "ingress-qos-map");
  },
  "egress-qos-map*": (words, it) => {
    it.data.egressQos = qosMap(words, "egress-qos-map");
  },
};

const readVlan: KindReader = async (words, net, creating) => {
  const it: Vlan = { net, creating, data: {}, flags: 0, mask: 0 };
  await readGrammar(words, VLAN, it, unknownWord("vlan", "command"));
  if (it.mask !== 0) it.data.flags = twoWords(it.flags, it.mask);
  return { data: it.data };
};

const TUN: Grammar<Tun> = {
  "mode*": (words, it) => {
    const word = words.value();
    const type = oneOf({ tun: 1, tap: 2 }, word);
    if (type === undefined) throw new UsageError(`Unknown tunnel mode "${word}"`);
    it.data.type = type;
  },
  "pi*": (_, it) => {
    it.data.pi = 1;
  },
  "vnet_hdr*": (_, it) => {
    it.data.vnetHdr = 1;
  },
  "multi_queue*": (_, it) => {
    it.data.multiQueue = 1;
  },
};

const readTun: KindReader = async (words, net, creating) => {
  const it: Tun = { net, creating, data: {} };
  await readGrammar(words, TUN, it, unknownWord("tun", "option"));
  if (it.data.type === undefined) throw new UsageError("You failed to specify a tunnel mode");
  return { data: it.data };
};

const KINDS: Readonly<Record<string, KindReader>> = {
  bridge: readBridge,
  bridge_slave: readBridgePort,
  macvlan: readMacvlan("macvlan"),
  macvtap: readMacvlan("macvtap"),
  tun: readTun,
  vlan: readVlan,
  vxlan: readVxlan,
};

/** Whether this kind has words of its own that are known here. */
export function isKind(kind: string): boolean {
  return Object.hasOwn(KINDS, kind);
}

/** Reads the words of a kind. @throws {UsageError} */
export async function readKind(
  kind: string,
  words: Words,
  net: RouteSocket,
  creating: boolean,
): Promise<KindWords> {
  return (await KINDS[kind]?.(words, net, creating)) ?? {};
}
