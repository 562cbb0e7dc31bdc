/** Routes: listed, looked up, added, replaced and deleted. man 8 ip-route */
import type { IpAddr } from "../../ip/index.ts";
import { errno, type WaitOptions } from "../../sys/index.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "../_constants.ts";
import { addrOf, type Device } from "../_values.ts";
import type { Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { DumpOptions } from "../netlink_socket.ts";
import { type Channel, dump, type Family, familyNumber, familyOfAddr, getOne, payloadOf } from "./_common.ts";
import { RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE } from "./_message_types.ts";
import { decodeRoute, encodeRoute, type NewRoute, type Route } from "./_route_codec.ts";
import {
  ROUTE,
  ROUTE_TYPE,
  type RouteType,
  RTM_F_CLONED,
  RTM_F_FIB_MATCH,
  RTM_F_LOOKUP_TABLE,
  RTMSG_LEN,
  rtmsg,
} from "./_route_tables.ts";
import { PROTOCOL, type Protocol, TABLE, type Table } from "./_scopes.ts";

export interface RouteListOptions extends DumpOptions {
  readonly family?: Family | undefined;
  /** All tables unless told. */
  readonly table?: Table | undefined;
  /** Whether a table in which there never was a route is an error, `ENOENT`, instead of empty. */
  readonly tableMustExist?: boolean | undefined;
  readonly protocol?: Protocol | undefined;
  readonly type?: RouteType | undefined;
  /** Those that leave by this link. */
  readonly device?: Device | undefined;
}

export interface RouteGetOptions extends WaitOptions {
  readonly source?: IpAddr | string | undefined;
  readonly device?: Device | undefined;
  /** The link that the packet came in by, which is to be forwarded. */
  readonly inputDevice?: Device | undefined;
  readonly tos?: number | undefined;
  readonly mark?: number | undefined;
  readonly userId?: number | undefined;
  readonly ipProtocol?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  /** The entry of the table that matches, instead of the route that a packet would take. */
  readonly match?: boolean | undefined;
}

/** The routes of the namespace that the socket was opened in. */
export class Routes {
  readonly #channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * The routes of all tables, or of what the options tell: IPv4 before IPv6, in the kernel's order.
   * @throws {NetlinkError} @throws {DumpInterruptedError}
   */
  async list(options: RouteListOptions = {}): Promise<Route[]> {
    const families: Family[] = options.family === undefined ? ["ipv4", "ipv6"] : [options.family];
    const device =
      options.device === undefined ? undefined : await this.#channel.indexOf(options.device, options);
    const lists = families.map((family) => this.#list(family, device, options));
    return (await Promise.all(lists)).flat();
  }

  async #list(family: Family, device: number | undefined, options: RouteListOptions): Promise<Route[]> {
    const table = options.table === undefined ? undefined : TABLE.number(options.table, "table");
    const type = options.type === undefined ? 0 : ROUTE_TYPE.number(options.type, "type");
    const protocol = options.protocol === undefined ? 0 : PROTOCOL.number(options.protocol, "protocol");
    const header = rtmsg.encode({ rtm_family: familyNumber(family), rtm_type: type, rtm_protocol: protocol });
    const payload = payloadOf(header, ROUTE.encode({ TABLE: table, OIF: device }));
    const request = { type: RTM_GETROUTE, payload, name: "RTM_GETROUTE", headerLength: RTMSG_LEN };
    const [typeWord, protocolWord] = [ROUTE_TYPE.word(type), PROTOCOL.word(protocol)];
    const take = (message: Message): Route | undefined => {
      const { bytes, start } = message;
      if (((bytes[start + 9] as number) & (RTM_F_CLONED >> 8)) !== 0) return undefined; // only cached
      const route = decodeRoute(message);
      if (route === undefined || (table !== undefined && route.table !== table)) return undefined;
      if ((type !== 0 && route.type !== typeWord) || (protocol !== 0 && route.protocol !== protocolWord))
        return undefined;
      return device === undefined || leavesBy(route, device) ? route : undefined;
    };
    try {
      return await dump(this.#channel, request, take, options);
    } catch (error) {
      // A table in which nothing was ever.
      if (
        table !== undefined &&
        !options.tableMustExist &&
        error instanceof NetlinkError &&
        error.errno === errno.ENOENT
      )
        return [];
      throw error;
    }
  }

  /**
   * The route that a packet to an address takes.
   * @throws {NetlinkError} `ENETUNREACH`, `EHOSTUNREACH`, `EACCES` … where there is none, as for sending
   */
  async get(destination: IpAddr | string, options: RouteGetOptions = {}): Promise<Route> {
    const to = addrOf(destination, "destination");
    const from = options.source === undefined ? undefined : addrOf(options.source, "source");
    const index = (device: Device | undefined): Promise<number> | undefined =>
      device === undefined ? undefined : this.#channel.indexOf(device, options);
    const header = rtmsg.encode({
      rtm_family: familyNumber(familyOfAddr(to)),
      rtm_dst_len: to.bitLength,
      rtm_src_len: from?.bitLength ?? 0,
      rtm_tos: options.tos ?? 0,
      // IPv6 tells the table by itself.
      rtm_flags: (options.match ? RTM_F_FIB_MATCH : 0) | (to.version === 4 ? RTM_F_LOOKUP_TABLE : 0),
    });
    const attributes = ROUTE.encode({
      DST: to,
      SRC: from,
      OIF: await index(options.device),
      IIF: await index(options.inputDevice),
      MARK: options.mark,
      UID: options.userId,
      IP_PROTO: options.ipProtocol,
      SPORT: options.sourcePort,
      DPORT: options.destinationPort,
    });
    const payload = payloadOf(header, attributes);
    const request = { type: RTM_GETROUTE, payload, name: "RTM_GETROUTE", headerLength: RTMSG_LEN };
    return getOne(this.#channel, request, decodeRoute, options);
  }

  /** @throws {NetlinkError} `EEXIST`, `ENETUNREACH` for a gateway that is not on a link, `EPERM` … */
  add(route: NewRoute, options?: WaitOptions): Promise<void> {
    return this.#request(NLM_F_CREATE | NLM_F_EXCL, route, options);
  }

  /** Adds a route, or puts it in place of the one with the same destination, TOS and metric. @throws {NetlinkError} */
  replace(route: NewRoute, options?: WaitOptions): Promise<void> {
    return this.#request(NLM_F_CREATE | NLM_F_REPLACE, route, options);
  }

  /** Puts a route in place of one that is there. @throws {NetlinkError} `ENOENT` */
  change(route: NewRoute, options?: WaitOptions): Promise<void> {
    return this.#request(NLM_F_REPLACE, route, options);
  }

  /** Adds a route behind others with the same destination; of IPv6, as one more nexthop. @throws {NetlinkError} */
  append(route: NewRoute, options?: WaitOptions): Promise<void> {
    return this.#request(NLM_F_CREATE | NLM_F_APPEND, route, options);
  }

  /** Adds a route in front of others with the same destination; of IPv6, as one more nexthop. @throws {NetlinkError} */
  prepend(route: NewRoute, options?: WaitOptions): Promise<void> {
    return this.#request(NLM_F_CREATE, route, options);
  }

  /** Deletes the first route that has all that is told. @throws {NetlinkError} `ESRCH` where there is none, `EPERM` */
  async delete(route: NewRoute, options?: WaitOptions): Promise<void> {
    await this.#send(RTM_DELROUTE, "RTM_DELROUTE", 0, route, false, options);
  }

  async #request(flags: number, route: NewRoute, options: WaitOptions | undefined): Promise<void> {
    await this.#send(RTM_NEWROUTE, "RTM_NEWROUTE", flags, route, true, options);
  }

  async #send(
    type: number,
    name: string,
    flags: number,
    route: NewRoute,
    whole: boolean,
    options: WaitOptions | undefined,
  ): Promise<void> {
    const devices = [route.device, ...(route.nexthops ?? []).map((hop) => hop.device)];
    const numbers = new Map<Device, number>();
    for (const device of devices) {
      if (device !== undefined) numbers.set(device, await this.#channel.indexOf(device, options));
    }
    const payload = encodeRoute(route, (device) => numbers.get(device) ?? 0, whole);
    await this.#channel.socket.request(
      { type, flags, payload, name, headerLength: RTMSG_LEN },
      undefined,
      options,
    );
  }
}

function leavesBy(route: Route, device: number): boolean {
  return route.device === device || (route.nexthops?.some((hop) => hop.device === device) ?? false);
}
