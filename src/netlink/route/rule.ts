/** Rules: which routing table is asked for which packet. man 8 ip-rule */
import { u8 as field8, u16 as field16, u32 as field32, struct } from "../../bytes/index.ts";
import type { IpAddr, IpPrefix } from "../../ip/index.ts";
import type { WaitOptions } from "../../sys/index.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../_constants.ts";
import { defined } from "../_values.ts";
import { flagWords, words } from "../_words.ts";
import { attributeTable } from "../attribute_table.ts";
import { binary, ip, structure, text, u8, u32 } from "../attribute_types.ts";
import { type Attribute, get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import {
  type Channel,
  dump,
  type Family,
  familyNumber,
  familyOf,
  familyOfAddr,
  payloadOf,
  prefixAt,
  prefixOf,
} from "./_common.ts";
import { RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from "./_message_types.ts";
import { PROTOCOL, type Protocol, TABLE, type Table } from "./_scopes.ts";

/** Both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** A rule of the routing policy. */
export interface Rule {
  readonly family: Family;
  /** Rules are asked in this order, the smallest first. */
  readonly priority: number;
  readonly source?: IpPrefix;
  readonly destination?: IpPrefix;
  readonly tos: number;
  /** `"table"` asks the table; `"goto"` goes on at another rule. */
  readonly action: RuleAction;
  /** The table's number: main is 254, local 255, default 253. 0 where the action is another. */
  readonly table: number;
  readonly goto?: number;
  readonly mark?: number;
  readonly markMask?: number;
  readonly inputDevice?: string;
  readonly outputDevice?: string;
  /** `invert`: it is for what does not match. */
  readonly flags: readonly RuleFlag[];
  readonly protocol?: Protocol;
  readonly ipProtocol?: number;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
  readonly userIds?: Range;
  /** Routes with a prefix of this length or less do not count. */
  readonly suppressPrefixLength?: number;
  /** Routes by links of this group do not count. */
  readonly suppressLinkGroup?: number;
  readonly tunnelId?: bigint;
  readonly realms?: number;
  /** Asks the table of the VRF. */
  readonly l3mdev?: boolean;
  readonly unknown?: readonly Attribute[];
}

/** A rule to be added, or what the one to be deleted has. */
export interface NewRule {
  /** Needed only where no prefix tells it: ipv4 unless told. */
  readonly family?: Family | undefined;
  /** The kernel chooses one before the smallest that is not 0. */
  readonly priority?: number | undefined;
  readonly source?: IpPrefix | IpAddr | string | undefined;
  readonly destination?: IpPrefix | IpAddr | string | undefined;
  readonly tos?: number | undefined;
  readonly action?: RuleAction | undefined;
  readonly table?: Table | undefined;
  readonly goto?: number | undefined;
  readonly mark?: number | undefined;
  readonly markMask?: number | undefined;
  readonly inputDevice?: string | undefined;
  readonly outputDevice?: string | undefined;
  readonly flags?: readonly RuleFlag[] | undefined;
  readonly protocol?: Protocol | undefined;
  readonly ipProtocol?: number | undefined;
  readonly sourcePorts?: Range | undefined;
  readonly destinationPorts?: Range | undefined;
  readonly userIds?: Range | undefined;
  readonly suppressPrefixLength?: number | undefined;
  readonly suppressLinkGroup?: number | undefined;
  readonly tunnelId?: bigint | undefined;
  readonly realms?: number | undefined;
  readonly l3mdev?: boolean | undefined;
}

/** FR_ACT_…, include/uapi/linux/fib_rules.h, v6.12 */
const ACTION = words(
  { unspec: 0, table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 },
  255,
);
export type RuleAction = ReturnType<(typeof ACTION)["word"]>;

/** FIB_RULE_… */
const FLAGS = flagWords({
  permanent: 0x1,
  invert: 0x2,
  unresolved: 0x4,
  iifDetached: 0x8,
  oifDetached: 0x10,
});
export type RuleFlag = ReturnType<(typeof FLAGS)["list"]>[number];

const fib_rule_hdr = struct("fib_rule_hdr", {
  family: field8,
  dst_len: field8,
  src_len: field8,
  tos: field8,
  table: field8,
  res1: field8,
  res2: field8,
  action: field8,
  flags: field32,
});
const HEADER_LEN = 12;

const portRange = structure(struct("fib_rule_port_range", { start: field16, end: field16 }));
const uidRange = structure(struct("fib_rule_uid_range", { start: field32, end: field32 }));

/** FRA_…, include/uapi/linux/fib_rules.h, v6.12 */
const RULE = attributeTable(
  "FRA_",
  {
    DST: [1, ip],
    SRC: [2, ip],
    IIFNAME: [3, text],
    GOTO: [4, u32],
    PRIORITY: [6, u32],
    FWMARK: [10, u32],
    FLOW: [11, u32],
    TUN_ID: [12, binary],
    SUPPRESS_IFGROUP: [13, u32],
    SUPPRESS_PREFIXLEN: [14, u32],
    TABLE: [15, u32],
    FWMASK: [16, u32],
    OIFNAME: [17, text],
    L3MDEV: [19, u8],
    UID_RANGE: [20, uidRange],
    PROTOCOL: [21, u8],
    IP_PROTO: [22, u8],
    SPORT_RANGE: [23, portRange],
    DPORT_RANGE: [24, portRange],
  },
  18,
);

const NONE = 0xffff_ffff;

/** @throws {WireError} */
export function decodeRule({ bytes, start, end }: Message): Rule | undefined {
  if (end - start < HEADER_LEN) return undefined;
  const family = familyOf(bytes[start] as number);
  if (family === undefined) return undefined;
  const a = RULE.decode(bytes, start + HEADER_LEN, end);
  const unless = (value: number | undefined, none: number): number | undefined =>
    value === none ? undefined : value;
  return {
    family,
    priority: a.PRIORITY ?? 0,
    tos: bytes[start + 3] as number,
    action: ACTION.word(bytes[start + 7] as number),
    table: a.TABLE ?? (bytes[start + 4] as number),
    flags: FLAGS.list(get32(bytes, start + 8)),
    ...defined({
      source: prefix(family, a.SRC, bytes[start + 2] as number, start + 2),
      destination: prefix(family, a.DST, bytes[start + 1] as number, start + 1),
      goto: a.GOTO,
      mark: a.FWMARK,
      markMask: a.FWMASK,
      inputDevice: a.IIFNAME,
      outputDevice: a.OIFNAME,
      protocol: a.PROTOCOL === undefined ? undefined : PROTOCOL.word(a.PROTOCOL),
      ipProtocol: a.IP_PROTO,
      sourcePorts: range(a.SPORT_RANGE),
      destinationPorts: range(a.DPORT_RANGE),
      userIds: range(a.UID_RANGE),
      suppressPrefixLength: unless(a.SUPPRESS_PREFIXLEN, NONE),
      suppressLinkGroup: unless(a.SUPPRESS_IFGROUP, NONE),
      tunnelId: a.TUN_ID?.length === 8 ? new DataView(a.TUN_ID.buffer).getBigUint64(0) : undefined,
      realms: a.FLOW,
      l3mdev: a.L3MDEV === undefined || a.L3MDEV === 0 ? undefined : true,
      unknown: a.unknown,
    }),
  };
}

function prefix(
  family: Family,
  addr: IpAddr | undefined,
  length: number,
  offset: number,
): IpPrefix | undefined {
  return addr === undefined && length === 0 ? undefined : prefixAt(family, addr, length, offset);
}

function range(value: { readonly start?: number; readonly end?: number } | undefined): Range | undefined {
  return value?.start === undefined || value.end === undefined
    ? undefined
    : { first: value.start, last: value.end };
}

/** The rules of the namespace that the socket was opened in. */
export class Rules {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** All rules, IPv4 before IPv6, in the order in which they are asked. @throws {NetlinkError} */
  async list(options: DumpOptions & { readonly family?: Family | undefined } = {}): Promise<Rule[]> {
    const families: Family[] = options.family === undefined ? ["ipv4", "ipv6"] : [options.family];
    const lists = families.map((family) => {
      const payload = fib_rule_hdr.encode({ family: familyNumber(family) });
      const request = { type: RTM_GETRULE, payload, name: "RTM_GETRULE", headerLength: HEADER_LEN };
      return dump(this.#channel, request, decodeRule, options);
    });
    return (await Promise.all(lists)).flat();
  }

  /** @throws {NetlinkError} `EEXIST`, `EPERM` */
  async add(rule: NewRule, options?: WaitOptions): Promise<void> {
    await this.#request(RTM_NEWRULE, "RTM_NEWRULE", NLM_F_CREATE | NLM_F_EXCL, rule, options);
  }

  /** Deletes the first rule that has all that is told. @throws {NetlinkError} `ENOENT` where there is none, `EPERM` */
  async delete(rule: NewRule, options?: WaitOptions): Promise<void> {
    await this.#request(RTM_DELRULE, "RTM_DELRULE", 0, rule, options);
  }

  async #request(
    type: number,
    name: string,
    flags: number,
    rule: NewRule,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const payload = encodeRule(rule, type === RTM_NEWRULE);
    await this.#channel.socket.request(
      { type, flags, payload, name, headerLength: HEADER_LEN },
      undefined,
      options,
    );
  }
}

function encodeRule(rule: NewRule, whole: boolean): Uint8Array {
  const source = rule.source === undefined ? undefined : prefixOf(rule.source, "source");
  const destination = rule.destination === undefined ? undefined : prefixOf(rule.destination, "destination");
  const told = source ?? destination;
  const family = rule.family ?? (told === undefined ? "ipv4" : familyOfAddr(told.addr));
  for (const prefix of [source, destination]) {
    if (prefix !== undefined && familyOfAddr(prefix.addr) !== family) {
      throw new TypeError(`source and destination: expected prefixes of ${family}, got ${prefix}`);
    }
  }
  const action =
    rule.action ??
    (rule.goto !== undefined ? "goto" : whole || rule.table !== undefined ? "table" : "unspec");
  const usual = action === "table" && whole && !rule.l3mdev ? "main" : 0;
  const table = TABLE.number(rule.table ?? usual, "table");
  const { protocol, sourcePorts, destinationPorts, userIds } = rule;
  const header = fib_rule_hdr.encode({
    family: familyNumber(family),
    dst_len: destination?.length ?? 0,
    src_len: source?.length ?? 0,
    tos: rule.tos ?? 0,
    table: table > 255 ? 0 : table,
    action: ACTION.number(action, "action"),
    flags: FLAGS.bits(rule.flags ?? [], "flags"),
  });
  const attributes = RULE.encode({
    SRC: source?.addr,
    DST: destination?.addr,
    PRIORITY: rule.priority,
    TABLE: table > 255 ? table : undefined,
    GOTO: rule.goto,
    FWMARK: rule.mark,
    FWMASK: rule.markMask,
    IIFNAME: rule.inputDevice,
    OIFNAME: rule.outputDevice,
    PROTOCOL: protocol === undefined ? undefined : PROTOCOL.number(protocol, "protocol"),
    IP_PROTO: rule.ipProtocol,
    SPORT_RANGE: sourcePorts && { start: sourcePorts.first, end: sourcePorts.last },
    DPORT_RANGE: destinationPorts && { start: destinationPorts.first, end: destinationPorts.last },
    UID_RANGE: userIds && { start: userIds.first, end: userIds.last },
    SUPPRESS_PREFIXLEN: rule.suppressPrefixLength,
    SUPPRESS_IFGROUP: rule.suppressLinkGroup,
    TUN_ID: rule.tunnelId === undefined ? undefined : bigEndian64(rule.tunnelId),
    FLOW: rule.realms,
    L3MDEV: rule.l3mdev ? 1 : undefined,
  });
  return payloadOf(header, attributes);
}

function bigEndian64(value: bigint): Uint8Array {
  if (typeof value !== "bigint" || value < 0n || value >= 1n << 64n) {
    throw new RangeError(`tunnelId: expected a bigint 0n … 2n ** 64n - 1n, got ${String(value)}`);
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
