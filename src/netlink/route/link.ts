/** Links: the network interfaces, listed, made, set and deleted. man 8 ip-link */
import type { WaitOptions } from "../../sys/index.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from "../_constants.ts";
import type { Device } from "../_values.ts";
import type { Message } from "../message.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import { type Channel, dump, getOne, payloadOf } from "./_common.ts";
import { decodeLink, IFINFOMSG_LEN, ifinfomsg, type Link } from "./_link_codec.ts";
import { encodeKind } from "./_link_info.ts";
import {
  type LinkChanges,
  type LinkSettings,
  laterSettings,
  linkHeader,
  type NewLink,
  peerOf,
  settingsOf,
} from "./_link_settings.ts";
import { LINK } from "./_link_tables.ts";
import { RTM_DELLINK, RTM_DELLINKPROP, RTM_GETLINK, RTM_NEWLINK, RTM_NEWLINKPROP } from "./_message_types.ts";
import { addTun, type TunData } from "./_tun.ts";

export { decodeLink, type Link, type LinkCounters, type LinkStatistics } from "./_link_codec.ts";
export type { LinkChanges, LinkSettings, Namespace, NewLink, NewPeer } from "./_link_settings.ts";

export interface LinkListOptions extends DumpOptions {
  readonly kind?: string | undefined;
  readonly master?: Device | undefined;
  /** Whether the counters are wanted. */
  readonly statistics?: boolean | undefined;
}

/** Of the address families; those of the link itself come all the same. */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

/** The links of the namespace that the socket was opened in. */
export class Links {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * All links, or those of one kind or master, in the order of their numbers.
   * @throws {NetlinkError} @throws {DumpInterruptedError}
   */
  async list(options: LinkListOptions = {}): Promise<Link[]> {
    const { kind, master, statistics } = options;
    const header = ifinfomsg.encode({});
    const masterIndex = master === undefined ? undefined : await this.#channel.indexOf(master, options);
    const attributes = LINK.encode({
      EXT_MASK: RTEXT_FILTER_SKIP_STATS,
      MASTER: masterIndex,
      LINKINFO: kind === undefined ? undefined : { KIND: kind },
    });
    const request = {
      type: RTM_GETLINK,
      payload: payloadOf(header, attributes),
      name: "RTM_GETLINK",
      headerLength: IFINFOMSG_LEN,
    };
    const take = (message: Message): Link | undefined => {
      const link = decodeLink(message, statistics);
      if (link === undefined || (masterIndex !== undefined && link.master !== masterIndex)) return undefined;
      return kind === undefined || link.info?.kind === kind ? link : undefined;
    };
    return dump(this.#channel, request, take, options);
  }

  /** One link. @throws {NetlinkError} `ENODEV` where it is not there */
  get(device: Device, options: WaitOptions & { readonly statistics?: boolean } = {}): Promise<Link> {
    const named = typeof device === "string";
    const attributes = LINK.encode({
      ...(named && (device.length < 16 ? { IFNAME: device } : { ALT_IFNAME: device })),
      EXT_MASK: RTEXT_FILTER_SKIP_STATS,
    });
    const payload = payloadOf(ifinfomsg.encode({ ifi_index: named ? 0 : device }), attributes);
    const request = {
      type: RTM_GETLINK,
      payload,
      name: "RTM_GETLINK",
      subject: named ? device : `link ${device}`,
      headerLength: IFINFOMSG_LEN,
    };
    return getOne(this.#channel, request, (it) => decodeLink(it, options.statistics), options);
  }

  /**
   * Makes a link. Its alias, carrier, `protocolDown` and `ipv6AddressGeneration` are set by a second request, which needs its name:
   * kernels take no notice of them in the first.
   * @throws {NetlinkError} `EEXIST`, `EOPNOTSUPP` for a kind that this kernel does not have, `EPERM`
   */
  async add(link: NewLink, options?: WaitOptions): Promise<void> {
    const { kind, data, peer } = link;
    if (kind === "tun" && data !== undefined) return await this.#tun(link, data, options);
    const ownData =
      peer === undefined ? encodeKind(kind, data) : await peerOf(this.#channel, kind, peer, options);
    const attributes = LINK.encode({
      ...(await settingsOf(this.#channel, link, options)),
      LINK: link.link === undefined ? undefined : await this.#channel.indexOf(link.link, options),
      LINK_NETNSID: link.linkNamespaceId,
      PARENT_DEV_NAME: link.parentDevice,
      NUM_TX_QUEUES: link.transmitQueues,
      NUM_RX_QUEUES: link.receiveQueues,
      LINKINFO: { KIND: kind, DATA: ownData },
    });
    const payload = payloadOf(linkHeader(link.index ?? 0, link), attributes);
    await this.#request(NLM_F_CREATE | NLM_F_EXCL, payload, options);
    const later = laterSettings(link);
    if (later !== undefined && link.name !== undefined && link.namespace === undefined) {
      await this.set(link.name, later, options);
    }
  }

  async #tun(
    link: NewLink,
    ownData: NonNullable<NewLink["data"]>,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const { kind: _, data: __, peer, link: below, transmitQueues, receiveQueues, name, ...settings } = link;
    if (name === undefined || [peer, below, transmitQueues, receiveQueues].some((it) => it !== undefined)) {
      throw new TypeError("tun: expected a name, and no peer, link or queues");
    }
    if (ownData instanceof Uint8Array) throw new TypeError("data: expected an object with a type");
    this.#channel.socket.inNamespace(() => addTun(name, ownData as TunData));
    if (Object.values(settings).some((it) => it !== undefined)) await this.set(name, settings, options);
  }

  /** Changes a link. @throws {NetlinkError} `ENODEV`, `EPERM`, `EBUSY` … */
  async set(device: Device, changes: LinkChanges, options?: WaitOptions): Promise<void> {
    const index = await this.#channel.indexOf(device, options);
    const { info, port, newIndex } = changes;
    const kind = info && { KIND: info.kind, DATA: encodeKind(info.kind, info.data) };
    const slave = port && { SLAVE_KIND: port.kind, SLAVE_DATA: encodeKind(port.kind, port.data, true) };
    const attributes = { ...(await settingsOf(this.#channel, changes, options)), NEW_IFINDEX: newIndex };
    // What a port has the kernel only takes once it is one.
    const both = slave !== undefined && typeof attributes.MASTER === "number";
    const together = both ? kind : kind || slave ? { ...kind, ...slave } : undefined;
    const first = LINK.encode({ ...attributes, LINKINFO: together });
    await this.#request(0, payloadOf(linkHeader(index, changes), first), options);
    if (!both) return;
    const second = LINK.encode({ LINKINFO: slave });
    await this.#request(0, payloadOf(linkHeader(index, {}), second), options);
  }

  /** Changes all links of a group, of which there may be none. @throws {NetlinkError} `EPERM`, `EBUSY` … */
  async setGroup(group: number, changes: Omit<LinkSettings, "group">, options?: WaitOptions): Promise<void> {
    const attributes = await settingsOf(this.#channel, changes, options);
    const payload = payloadOf(linkHeader(0, changes), LINK.encode({ ...attributes, GROUP: group }));
    await this.#request(0, payload, options);
  }

  /** Deletes a link. @throws {NetlinkError} `ENODEV`, `EOPNOTSUPP` for one that is real hardware, `EPERM` */
  async delete(device: Device, options?: WaitOptions): Promise<void> {
    await this.#delete(
      ifinfomsg.encode({ ifi_index: await this.#channel.indexOf(device, options) }),
      options,
    );
  }

  /** Deletes all links of a group. @throws {NetlinkError} `ENODEV` where there are none, `EPERM` also for group 0 */
  async deleteGroup(group: number, options?: WaitOptions): Promise<void> {
    await this.#delete(payloadOf(ifinfomsg.encode({}), LINK.encode({ GROUP: group })), options);
  }

  /** Gives a link more names, which may be longer than 15 bytes. @throws {NetlinkError} `EEXIST`, `ENODEV`, `EPERM` */
  addAlternativeNames(device: Device, names: readonly string[], options?: WaitOptions): Promise<void> {
    const flags = NLM_F_EXCL | NLM_F_CREATE | NLM_F_APPEND;
    return this.#names(RTM_NEWLINKPROP, "RTM_NEWLINKPROP", flags, device, names, options);
  }

  /** Takes names away again. @throws {NetlinkError} `ENOENT`, `ENODEV`, `EPERM` */
  deleteAlternativeNames(device: Device, names: readonly string[], options?: WaitOptions): Promise<void> {
    return this.#names(RTM_DELLINKPROP, "RTM_DELLINKPROP", 0, device, names, options);
  }

  async #names(
    type: number,
    name: string,
    flags: number,
    device: Device,
    names: readonly string[],
    options: WaitOptions | undefined,
  ): Promise<void> {
    const header = ifinfomsg.encode({ ifi_index: await this.#channel.indexOf(device, options) });
    const payload = payloadOf(header, LINK.encode({ PROP_LIST: names }));
    const request = { type, flags, payload, name, headerLength: IFINFOMSG_LEN };
    await this.#channel.socket.request(request, undefined, options);
  }

  async #delete(payload: Uint8Array, options: WaitOptions | undefined): Promise<void> {
    const request = { type: RTM_DELLINK, payload, name: "RTM_DELLINK", headerLength: IFINFOMSG_LEN };
    await this.#channel.socket.request(request, undefined, options);
  }

  async #request(flags: number, payload: Uint8Array, options: WaitOptions | undefined): Promise<void> {
    const request = { type: RTM_NEWLINK, flags, payload, name: "RTM_NEWLINK", headerLength: IFINFOMSG_LEN };
    await this.#channel.socket.request(request, undefined, options);
  }
}
