/** What ethtool's messages tell of a network device, as objects. man 8 ethtool */

import { defined } from "../_values.ts";
import type { Attribute } from "../attributes.ts";
import {
  CHANNELS,
  DUPLEX,
  EXT_STATE,
  FEATURES,
  type HEADER,
  LINKINFO,
  LINKMODES,
  LINKSTATE,
  MDIX,
  PORT,
  RINGS,
  TRANSCEIVER,
} from "./_ethtool_tables.ts";
import type { Bitset } from "./bitset.ts";
import type { GenericMessage } from "./family.ts";

type WordOf<T extends { word(number: number): unknown }> = ReturnType<T["word"]>;

/** What each of them is about. */
export interface EthernetDevice {
  /** The link's number. */
  readonly device: number;
  readonly name: string;
  readonly unknown?: readonly Attribute[];
}

/** Whether there is a link. */
export interface EthernetLinkState extends EthernetDevice {
  readonly linkDetected?: boolean;
  /** Signal quality, 0 to `signalQualityMax`, of PHYs that measure it. */
  readonly signalQuality?: number;
  readonly signalQualityMax?: number;
  /** Why there is none, where the driver tells it. */
  readonly extendedState?: WordOf<typeof EXT_STATE>;
  readonly extendedSubstate?: number;
  /** How often the link was lost. */
  readonly downCount?: number;
}

/** What the cable is plugged into. */
export interface EthernetLinkInfo extends EthernetDevice {
  readonly port?: WordOf<typeof PORT>;
  readonly phyAddress?: number;
  readonly mdix?: WordOf<typeof MDIX>;
  readonly mdixControl?: WordOf<typeof MDIX>;
  readonly transceiver?: WordOf<typeof TRANSCEIVER>;
}

/** How fast the link is, and what it could be. */
export interface EthernetLinkModes extends EthernetDevice {
  readonly autonegotiation?: boolean;
  /** Not there where it is not known, as of a link that is down. */
  readonly speedMbps?: number;
  readonly duplex?: WordOf<typeof DUPLEX>;
  readonly lanes?: number;
  /** Modes by their names, as `"1000baseT/Full"`. */
  readonly supported?: readonly string[];
  readonly advertised?: readonly string[];
  readonly peerAdvertised?: readonly string[];
}

/** One offload, by the kernel's name, as `"tx-tcp-segmentation"`. */
export interface EthernetFeature {
  readonly name: string;
  readonly active: boolean;
  /** Asked for; it may be inactive for want of another. */
  readonly wanted: boolean;
  /** Cannot be changed. */
  readonly fixed: boolean;
}

export interface EthernetFeatures extends EthernetDevice {
  readonly features: readonly EthernetFeature[];
}

/** Room for packets between driver and device, in descriptors. */
export interface EthernetRings extends EthernetDevice {
  readonly rx?: number;
  readonly rxMini?: number;
  readonly rxJumbo?: number;
  readonly tx?: number;
  readonly rxMax?: number;
  readonly rxMiniMax?: number;
  readonly rxJumboMax?: number;
  readonly txMax?: number;
  readonly rxBufferBytes?: number;
  readonly cqeBytes?: number;
  readonly txPush?: boolean;
  readonly rxPush?: boolean;
}

/** Queues that work side by side. */
export interface EthernetChannels extends EthernetDevice {
  readonly rx?: number;
  readonly tx?: number;
  readonly other?: number;
  readonly combined?: number;
  readonly rxMax?: number;
  readonly txMax?: number;
  readonly otherMax?: number;
  readonly combinedMax?: number;
}

/** Names of bits, which this kernel gives by their numbers. */
export interface BitNames {
  readonly features: ReadonlyMap<number, string>;
  readonly linkModes: ReadonlyMap<number, string>;
}

interface Headed {
  readonly HEADER?: NonNullable<ReturnType<(typeof HEADER)["decode"]>>;
  readonly unknown?: readonly Attribute[] | undefined;
}

/** @returns `undefined` for what is about no device */
function deviceOf({ HEADER: header, unknown }: Headed): EthernetDevice | undefined {
  if (header?.DEV_INDEX === undefined) return undefined;
  return { device: header.DEV_INDEX, name: header.DEV_NAME ?? "", ...(unknown !== undefined && { unknown }) };
}

const truth = (value: number | undefined): boolean | undefined =>
  value === undefined ? undefined : value !== 0;
const word = <W>(of: { word(number: number): W }, value: number | undefined): W | undefined =>
  value === undefined ? undefined : of.word(value);

/** @throws {WireError} */
export function decodeLinkState({ bytes, start, end }: GenericMessage): EthernetLinkState | undefined {
  const a = LINKSTATE.decode(bytes, start, end);
  const device = deviceOf(a);
  return (
    device && {
      ...device,
      ...defined({
        linkDetected: truth(a.LINK),
        signalQuality: a.SQI,
        signalQualityMax: a.SQI_MAX,
        extendedState: word(EXT_STATE, a.EXT_STATE),
        extendedSubstate: a.EXT_SUBSTATE,
        downCount: a.EXT_DOWN_CNT,
      }),
    }
  );
}

/** @throws {WireError} */
export function decodeLinkInfo({ bytes, start, end }: GenericMessage): EthernetLinkInfo | undefined {
  const a = LINKINFO.decode(bytes, start, end);
  const device = deviceOf(a);
  return (
    device && {
      ...device,
      ...defined({
        port: word(PORT, a.PORT),
        phyAddress: a.PHYADDR,
        mdix: word(MDIX, a.TP_MDIX),
        mdixControl: word(MDIX, a.TP_MDIX_CTRL),
        transceiver: word(TRANSCEIVER, a.TRANSCEIVER),
      }),
    }
  );
}

const UNKNOWN_SPEED = 0xffff_ffff;

/** @throws {WireError} */
export function decodeLinkModes(
  { bytes, start, end }: GenericMessage,
  { linkModes }: BitNames,
): EthernetLinkModes | undefined {
  const a = LINKMODES.decode(bytes, start, end);
  const device = deviceOf(a);
  return (
    device && {
      ...device,
      ...defined({
        autonegotiation: truth(a.AUTONEG),
        speedMbps: a.SPEED === UNKNOWN_SPEED ? undefined : a.SPEED,
        duplex: word(DUPLEX, a.DUPLEX),
        lanes: a.LANES,
        supported: named(a.OURS, a.OURS?.mask, linkModes),
        advertised: named(a.OURS, a.OURS?.value, linkModes),
        peerAdvertised: named(a.PEER, a.PEER?.value, linkModes),
      }),
    }
  );
}

/** A bit without a name has its number for one. */
function named(
  set: Bitset | undefined,
  bits: readonly number[] | undefined,
  names: ReadonlyMap<number, string>,
): string[] | undefined {
  return bits?.map((bit) => nameOf(set, bit, names));
}

function nameOf(set: Bitset | undefined, bit: number, names: ReadonlyMap<number, string>): string {
  return set?.names?.get(bit) ?? names.get(bit) ?? `${bit}`;
}

/** @throws {WireError} */
export function decodeFeatures(
  { bytes, start, end }: GenericMessage,
  { features: names }: BitNames,
): EthernetFeatures | undefined {
  const a = FEATURES.decode(bytes, start, end);
  const device = deviceOf(a);
  if (device === undefined) return undefined;
  const [hardware, wanted, active, unchangeable] = [a.HW, a.WANTED, a.ACTIVE, a.NOCHANGE].map(
    (set) => new Set(set?.value),
  ) as [Set<number>, Set<number>, Set<number>, Set<number>];
  // Those that this kernel has: the mask of the first, or whatever is named or set.
  const bits = a.HW?.mask ?? [...names.keys()];
  const all = [...new Set([...bits, ...hardware, ...wanted, ...active, ...unchangeable])];
  const features = all
    .sort((one, other) => one - other)
    .map((bit) => ({
      name: nameOf(a.HW, bit, names),
      active: active.has(bit),
      wanted: wanted.has(bit),
      fixed: !hardware.has(bit) || unchangeable.has(bit),
    }));
  return { ...device, features };
}

/** @throws {WireError} */
export function decodeRings({ bytes, start, end }: GenericMessage): EthernetRings | undefined {
  const a = RINGS.decode(bytes, start, end);
  const device = deviceOf(a);
  return (
    device && {
      ...device,
      ...defined({
        rx: a.RX,
        rxMini: a.RX_MINI,
        rxJumbo: a.RX_JUMBO,
        tx: a.TX,
        rxMax: a.RX_MAX,
        rxMiniMax: a.RX_MINI_MAX,
        rxJumboMax: a.RX_JUMBO_MAX,
        txMax: a.TX_MAX,
        rxBufferBytes: a.RX_BUF_LEN,
        cqeBytes: a.CQE_SIZE,
        txPush: truth(a.TX_PUSH),
        rxPush: truth(a.RX_PUSH),
      }),
    }
  );
}

/** @throws {WireError} */
export function decodeChannels({ bytes, start, end }: GenericMessage): EthernetChannels | undefined {
  const a = CHANNELS.decode(bytes, start, end);
  const device = deviceOf(a);
  return (
    device && {
      ...device,
      ...defined({
        rx: a.RX_COUNT,
        tx: a.TX_COUNT,
        other: a.OTHER_COUNT,
        combined: a.COMBINED_COUNT,
        rxMax: a.RX_MAX,
        txMax: a.TX_MAX,
        otherMax: a.OTHER_MAX,
        combinedMax: a.COMBINED_MAX,
      }),
    }
  );
}
