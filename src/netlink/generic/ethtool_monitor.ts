/** EthtoolMonitor: what ethtool(8) and others change at network devices, as events. */
import type { WaitOptions } from "../../sys/index.ts";
import { OVERRUN } from "../netlink_events.ts";
import { CHANNELS_NTF, FEATURES_NTF, LINKINFO_NTF, LINKMODES_NTF, RINGS_NTF } from "./_ethtool_tables.ts";
import {
  type BitNames,
  decodeChannels,
  decodeFeatures,
  decodeLinkInfo,
  decodeLinkModes,
  decodeRings,
  type EthernetChannels,
  type EthernetFeatures,
  type EthernetLinkInfo,
  type EthernetLinkModes,
  type EthernetRings,
} from "./ethtool_device.ts";
import type { GenericMessage } from "./family.ts";
import type { GenericEvents, GenericEventsOptions } from "./generic_events.ts";

export interface EthtoolMonitorOptions extends WaitOptions, GenericEventsOptions {}

/** What a device has now; `overrun` where events came faster than they were read and some are missing. */
export type EthtoolEvent =
  | { readonly event: "linkInfo"; readonly linkInfo: EthernetLinkInfo }
  | { readonly event: "linkModes"; readonly linkModes: EthernetLinkModes }
  | { readonly event: "features"; readonly features: EthernetFeatures }
  | { readonly event: "rings"; readonly rings: EthernetRings }
  | { readonly event: "channels"; readonly channels: EthernetChannels }
  /** A notification that is not decoded here, as its command and attributes. */
  | { readonly event: "other"; readonly command: number; readonly attributes: Uint8Array }
  | { readonly event: "overrun" };

/** The changes since it was opened. Iterate over it once; the end of the loop closes it. */
export class EthtoolMonitor implements AsyncIterable<EthtoolEvent>, Disposable {
  readonly #events: GenericEvents;
  readonly #names: BitNames;
  readonly #wait: WaitOptions;

  /** @internal {@link Ethtool.monitor} */
  constructor(events: GenericEvents, names: BitNames, signal: AbortSignal | undefined) {
    this.#events = events;
    this.#names = names;
    this.#wait = { signal };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EthtoolEvent, void, undefined> {
    try {
      for (;;) {
        for (const event of await this.#events.next(
          (message) => decodeEvent(message, this.#names),
          this.#wait,
        )) {
          yield event === OVERRUN ? { event: "overrun" } : event;
        }
      }
    } finally {
      this.close();
    }
  }

  /** Ends it: a loop that waits for events ends with `ECANCELED`. */
  close(): void {
    this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** @returns `undefined` for what is about no device @throws {WireError} */
export function decodeEvent(message: GenericMessage, names: BitNames): EthtoolEvent | undefined {
  const { command, bytes, start, end } = message;
  switch (command) {
    case LINKINFO_NTF: {
      const linkInfo = decodeLinkInfo(message);
      return linkInfo && { event: "linkInfo", linkInfo };
    }
    case LINKMODES_NTF: {
      const linkModes = decodeLinkModes(message, names);
      return linkModes && { event: "linkModes", linkModes };
    }
    case FEATURES_NTF: {
      const features = decodeFeatures(message, names);
      return features && { event: "features", features };
    }
    case RINGS_NTF: {
      const rings = decodeRings(message);
      return rings && { event: "rings", rings };
    }
    case CHANNELS_NTF: {
      const channels = decodeChannels(message);
      return channels && { event: "channels", channels };
    }
    default:
      return { event: "other", command, attributes: bytes.slice(start, end) };
  }
}
