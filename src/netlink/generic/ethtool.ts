/** Ethtool: what network devices are below their addresses. Documentation/networking/ethtool-netlink.rst, man 8 ethtool */
import type { WaitOptions } from "../../sys/index.ts";
import { errno } from "../../sys/index.ts";
import type { Device } from "../_values.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { DumpOptions, NetlinkOptions } from "../netlink_socket.ts";
import {
  COMMANDS,
  FEATURES,
  FLAG_COMPACT_BITSETS,
  type HEADER,
  STRING_SETS,
  STRSET,
} from "./_ethtool_tables.ts";
import type { BitChanges } from "./bitset.ts";
import {
  type BitNames,
  decodeChannels,
  decodeFeatures,
  decodeLinkInfo,
  decodeLinkModes,
  decodeLinkState,
  decodeRings,
  type EthernetChannels,
  type EthernetFeatures,
  type EthernetLinkInfo,
  type EthernetLinkModes,
  type EthernetLinkState,
  type EthernetRings,
} from "./ethtool_device.ts";
import { EthtoolMonitor, type EthtoolMonitorOptions } from "./ethtool_monitor.ts";
import type { GenericMessage } from "./family.ts";
import { type GenericRequest, GenericSocket } from "./generic_socket.ts";

/** A list of names that every device shares: by name, or its number of linux/ethtool.h, `ETH_SS_…`. */
export type StringSet = keyof typeof STRING_SETS | number;

const FAMILY = "ethtool";

type Decode<T> = (message: GenericMessage, names: BitNames) => T | undefined;
type Command = keyof typeof COMMANDS;

/**
 * The devices of the network namespace that the socket was opened in. Each question is about one device, or about all that can
 * answer it.
 *
 * ```ts
 * using ethtool = Ethtool.open();
 * const { linkDetected } = await ethtool.linkState("eth0");
 * for (const { name, speedMbps } of await ethtool.allLinkModes()) console.log(name, speedMbps);
 * ```
 */
export class Ethtool implements Disposable {
  /** For requests that are not here. */
  readonly generic: GenericSocket;
  #names: BitNames | undefined;

  private constructor(generic: GenericSocket) {
    this.generic = generic;
  }

  /** @throws {SysError} */
  static open(options?: NetlinkOptions): Ethtool {
    return new Ethtool(GenericSocket.open(options));
  }

  /** @internal Over a channel at whose other end something else may play the kernel. */
  static over(generic: GenericSocket): Ethtool {
    return new Ethtool(generic);
  }

  /** @throws {NetlinkError} `ENODEV`, `EOPNOTSUPP` where the device cannot tell */
  linkState(device: Device, options?: WaitOptions): Promise<EthernetLinkState> {
    return this.#one("LINKSTATE_GET", device, decodeLinkState, options);
  }

  allLinkStates(options?: DumpOptions): Promise<EthernetLinkState[]> {
    return this.#all("LINKSTATE_GET", decodeLinkState, options);
  }

  /** @throws as {@link linkState} */
  linkInfo(device: Device, options?: WaitOptions): Promise<EthernetLinkInfo> {
    return this.#one("LINKINFO_GET", device, decodeLinkInfo, options);
  }

  allLinkInfo(options?: DumpOptions): Promise<EthernetLinkInfo[]> {
    return this.#all("LINKINFO_GET", decodeLinkInfo, options);
  }

  /** @throws as {@link linkState} */
  linkModes(device: Device, options?: WaitOptions): Promise<EthernetLinkModes> {
    return this.#one("LINKMODES_GET", device, decodeLinkModes, options);
  }

  allLinkModes(options?: DumpOptions): Promise<EthernetLinkModes[]> {
    return this.#all("LINKMODES_GET", decodeLinkModes, options);
  }

  /** @throws as {@link linkState} */
  features(device: Device, options?: WaitOptions): Promise<EthernetFeatures> {
    return this.#one("FEATURES_GET", device, decodeFeatures, options);
  }

  allFeatures(options?: DumpOptions): Promise<EthernetFeatures[]> {
    return this.#all("FEATURES_GET", decodeFeatures, options);
  }

  /**
   * Switches offloads on and off, by the kernel's names: `{ "tx-tcp-segmentation": false }`.
   * @returns all features as they are then: what was asked for may still be inactive for want of another
   * @throws {NetlinkError} `EOPNOTSUPP` for a name that there is not, `EPERM`
   */
  async setFeatures(device: Device, changes: BitChanges, options?: WaitOptions): Promise<EthernetFeatures> {
    const wanted = FEATURES.encode({ HEADER: headerOf(device), WANTED: changes });
    await this.generic.request(
      FAMILY,
      requestOf("FEATURES_SET", wanted, subjectOf(device)),
      undefined,
      options,
    );
    return await this.features(device, options);
  }

  /** @throws as {@link linkState} */
  rings(device: Device, options?: WaitOptions): Promise<EthernetRings> {
    return this.#one("RINGS_GET", device, decodeRings, options);
  }

  allRings(options?: DumpOptions): Promise<EthernetRings[]> {
    return this.#all("RINGS_GET", decodeRings, options);
  }

  /** @throws as {@link linkState} */
  channels(device: Device, options?: WaitOptions): Promise<EthernetChannels> {
    return this.#one("CHANNELS_GET", device, decodeChannels, options);
  }

  allChannels(options?: DumpOptions): Promise<EthernetChannels[]> {
    return this.#all("CHANNELS_GET", decodeChannels, options);
  }

  /**
   * The names that this kernel gives to numbers, in order.
   * @throws {NetlinkError} `EOPNOTSUPP` for a set that it does not have
   */
  async strings(set: StringSet, options?: WaitOptions): Promise<ReadonlyMap<number, string>> {
    const number =
      typeof set === "number" ? set : Object.hasOwn(STRING_SETS, set) ? STRING_SETS[set] : undefined;
    if (number === undefined) {
      const expected = `one of ${Object.keys(STRING_SETS).join(", ")}, or a number`;
      throw new TypeError(`set: expected ${expected}, got ${String(set)}`);
    }
    const names = new Map<number, string>();
    const take = ({ bytes, start, end }: GenericMessage): void => {
      for (const { ID, STRINGS } of STRSET.decode(bytes, start, end).STRINGSETS ?? []) {
        if (ID !== number) continue;
        for (const { INDEX, VALUE } of STRINGS ?? []) {
          if (INDEX !== undefined && VALUE !== undefined) names.set(INDEX, VALUE);
        }
      }
    };
    const attributes = STRSET.encode({ HEADER: {}, STRINGSETS: [{ ID: number }] });
    const request = requestOf("STRSET_GET", attributes, `string set ${set}`);
    await this.generic.request(FAMILY, request, take, options);
    return names;
  }

  /**
   * What is changed by ethtool(8) and others from the moment on in which the promise is settled.
   * @throws {SysError}
   */
  async monitor(options: EthtoolMonitorOptions = {}): Promise<EthtoolMonitor> {
    const names = await this.#bitNames(options);
    return new EthtoolMonitor(await this.generic.events(FAMILY, ["monitor"], options), names, options.signal);
  }

  async #bitNames(options: WaitOptions | undefined): Promise<BitNames> {
    this.#names ??= {
      features: await this.strings("features", options),
      linkModes: await this.strings("linkModes", options),
    };
    return this.#names;
  }

  async #one<T>(
    command: Command,
    device: Device,
    decode: Decode<T>,
    options: WaitOptions | undefined,
  ): Promise<T> {
    const names = await this.#bitNames(options);
    const request = requestOf(command, headed(headerOf(device)), subjectOf(device));
    let found: T | undefined;
    await this.generic.request(
      FAMILY,
      request,
      (message) => {
        found ??= decode(message, names);
      },
      options,
    );
    if (found !== undefined) return found;
    throw new NetlinkError(errno.ENODEV, request.name, {}, "no answer", request.subject);
  }

  async #all<T>(command: Command, decode: Decode<T>, options: DumpOptions | undefined): Promise<T[]> {
    const names = await this.#bitNames(options);
    const request = requestOf(command, headed({ FLAGS: FLAG_COMPACT_BITSETS }));
    return await this.generic.dump(FAMILY, request, (message) => decode(message, names), options);
  }

  /** Closes the channel; what waits rejects with `ECANCELED`. */
  close(): void {
    this.generic.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

type Header = Parameters<typeof HEADER.encode>[0];

function headerOf(device: Device): Header {
  if (typeof device === "string") return { DEV_NAME: device, FLAGS: FLAG_COMPACT_BITSETS };
  return { DEV_INDEX: device, FLAGS: FLAG_COMPACT_BITSETS };
}

/** The header is the first attribute of all these messages. */
function headed(header: Header): Uint8Array {
  return STRSET.encode({ HEADER: header });
}

function subjectOf(device: Device): string {
  return typeof device === "string" ? device : `link ${device}`;
}

function requestOf(
  command: Command,
  attributes: Uint8Array,
  subject?: string,
): GenericRequest & { readonly name: string } {
  return { command: COMMANDS[command], attributes, name: `ETHTOOL_MSG_${command}`, subject };
}
