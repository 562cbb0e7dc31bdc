/** RouteSocket: the machine's links, addresses, routes, rules and neighbours. */
import type { WaitOptions } from "../../sys/index.ts";
import type { Device } from "../_values.ts";
import { type NetlinkOptions, NetlinkSocket } from "../netlink_socket.ts";
import type { Channel } from "./_common.ts";
import { Addresses } from "./address.ts";
import { Links } from "./link.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";
import { Neighbors } from "./neighbor.ts";
import { Routes } from "./route.ts";
import { Rules } from "./rule.ts";

/**
 * A channel to the part of the kernel that has the network's tables, those of the namespace that it is opened in.
 *
 * ```ts
 * using net = RouteSocket.open();
 * for (const link of await net.links.list()) console.log(link.index, link.name, link.state);
 * await net.addresses.add({ device: "eth0", address: "192.0.2.1/24" });
 * ```
 */
export class RouteSocket implements Disposable {
  readonly links: Links;
  readonly addresses: Addresses;
  readonly routes: Routes;
  readonly rules: Rules;
  readonly neighbors: Neighbors;
  /** For messages that are not here. */
  readonly netlink: NetlinkSocket;

  private constructor(netlink: NetlinkSocket) {
    this.netlink = netlink;
    const channel: Channel = {
      socket: netlink,
      indexOf: (device, options) => this.#indexOf(device, options),
    };
    this.links = new Links(channel);
    this.addresses = new Addresses(channel);
    this.routes = new Routes(channel);
    this.rules = new Rules(channel);
    this.neighbors = new Neighbors(channel);
  }

  /** @throws {SysError} @see man 7 rtnetlink */
  static open(options?: NetlinkOptions): RouteSocket {
    return new RouteSocket(NetlinkSocket.open("route", options));
  }

  /** @internal Over a socket at whose other end something else may play the kernel. */
  static over(netlink: NetlinkSocket): RouteSocket {
    return new RouteSocket(netlink);
  }

  get closed(): boolean {
    return this.netlink.closed;
  }

  /**
   * What changes from the moment on in which the promise is settled. This channel has to stay open meanwhile.
   *
   * ```ts
   * for await (const it of await net.monitor({ groups: ["address"] })) {
   *   if ("address" in it) console.log(it.event, String(it.address.address));
   * }
   * ```
   * @throws {TypeError} for a group that is none
   */
  monitor(options: MonitorOptions = {}): Promise<Monitor> {
    return Monitor.open(this, options);
  }

  /** The number of a device, which is asked of the kernel where a name is given. */
  async #indexOf(device: Device, options?: WaitOptions): Promise<number> {
    if (typeof device === "string") {
      if (device === "" || device.includes("\0"))
        throw new RangeError("device: expected a name, or a number");
      return (await this.links.get(device, options)).index;
    }
    if (Number.isInteger(device) && device > 0 && device < 2 ** 31) return device;
    throw new TypeError(`device: expected a name, or a number above 0, got ${String(device)}`);
  }

  /** Closes the channel; what waits rejects with `ECANCELED`. */
  close(): void {
    this.netlink.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
