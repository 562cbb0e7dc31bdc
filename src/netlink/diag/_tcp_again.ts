/** The same TCP sockets, asked for again and again: requests are made once, and answers are read where they lie. */
import { concatBytes } from "../../bytes/index.ts";
import { errno, type WaitOptions } from "../../sys/index.ts";
import { NLM_F_REQUEST, NLMSG_ERROR } from "../_constants.ts";
import { get32 } from "../attributes.ts";
import { encodeMessage, type Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";
import type { FilterNames } from "./_bytecode.ts";
import { explained, type InetListOptions } from "./_inet_list.ts";
import { dumpRequestOfBoth, dumpRequests, exactRequest, namesOf } from "./_inet_request.ts";
import { decodeInetSocket, type InetSocket } from "./inet_socket.ts";

/** What is made of a socket, which is only there during the call; `undefined` for one that is not wanted. */
export type TakeSocket<T> = (socket: InetSocket) => T | undefined;

/** A dump. IPv4 and IPv6 come together where the kernel lets them. */
export class TcpScan {
  readonly #netlink: NetlinkSocket;
  readonly #wishes: InetListOptions;
  /** Kept, but for those of a filter that names what may have another number tomorrow. */
  #requests: readonly NetlinkRequest[] | undefined;
  readonly #max: number;
  #again: NetlinkRequest[] = [];
  /** Whether to ask for each family by itself. */
  #apart: boolean;

  constructor(netlink: NetlinkSocket, wishes: InetListOptions, few: number) {
    this.#netlink = netlink;
    this.#wishes = wishes;
    this.#max = few;
    this.#apart = !netlink.isKernel;
  }

  /** Finds those that were taken in the last dump; `undefined` where they are not few. */
  get few(): TcpLookup | undefined {
    return this.#again.length > this.#max ? undefined : new TcpLookup(this.#netlink, this.#again);
  }

  /** @throws as `DiagSocket.tcp` */
  async run<T>(take: TakeSocket<T>, options: WaitOptions): Promise<T[]> {
    const again: NetlinkRequest[] = [];
    const hear = ({ bytes, start, end }: Message): T | undefined => {
      const socket = decodeInetSocket(bytes, "tcp", start, end);
      const taken = take(socket);
      if (taken !== undefined && again.length <= this.#max) {
        const { localAddr: local, peerAddr: peer, device } = socket;
        again.push(exactRequest("tcp", { local, peer, device, cookie: undefined }, this.#wishes.with));
      }
      return taken;
    };
    const lists: T[][] = [];
    try {
      for (const request of this.#requests ?? this.#make()) {
        lists.push(await explained("tcp", this.#netlink.dump(request, hear, options)));
      }
    } catch (error) {
      if (this.#apart || !(error instanceof NetlinkError)) throw error;
      this.#apart = true;
      this.#requests = undefined;
      return this.run(take, options);
    }
    this.#again = again;
    const [first = [], second = []] = lists;
    return second.length === 0 ? first : first.concat(second);
  }

  #make(): readonly NetlinkRequest[] {
    let named = false;
    const names = namesOf(this.#netlink);
    const watched: FilterNames = {
      deviceIndex: (name) => {
        named = true;
        return names.deviceIndex(name);
      },
      cgroupId: (path) => {
        named = true;
        return names.cgroupId(path);
      },
    };
    const both = this.#apart ? undefined : dumpRequestOfBoth(this.#wishes, watched);
    const requests = both === undefined ? dumpRequests(this.#netlink, "tcp", this.#wishes, watched) : [both];
    if (!named) this.#requests = requests;
    return requests;
  }
}

/** Some connections, by their ends. */
export class TcpLookup {
  readonly #netlink: NetlinkSocket;
  readonly #requests: readonly NetlinkRequest[];
  readonly #messages: Uint8Array;

  /** @param requests of `exactRequest` */
  constructor(netlink: NetlinkSocket, requests: readonly NetlinkRequest[]) {
    this.#netlink = netlink;
    this.#requests = requests;
    // The answer makes an acknowledgement superfluous.
    this.#messages = concatBytes(
      requests.map(({ type, payload }) =>
        encodeMessage({ type, flags: NLM_F_REQUEST, sequence: 0 }, payload),
      ),
    );
  }

  /**
   * What is made of each; `undefined` where there is none.
   * @throws {NetlinkError} and what `take` throws
   */
  run<T>(take: TakeSocket<T>, options: WaitOptions): (T | undefined)[] | Promise<(T | undefined)[]> {
    const found: (T | undefined)[] = this.#requests.map(() => undefined);
    let refused = false;
    const answered = this.#netlink.requestNow(this.#messages, this.#requests.length, (index, message) => {
      if (message.type !== NLMSG_ERROR) found[index] = connection(message, take);
      else if ((get32(message.bytes, message.start) | 0) !== -errno.ENOENT) refused = true;
    });
    if (answered && !refused) return found;
    return Promise.all(this.#requests.map((request) => this.#one(request, take, options)));
  }

  async #one<T>(request: NetlinkRequest, take: TakeSocket<T>, options: WaitOptions): Promise<T | undefined> {
    let found: T | undefined;
    const hear = (message: Message): void => {
      found = connection(message, take);
    };
    try {
      await this.#netlink.request(request, hear, options);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.errno !== errno.ENOENT) throw error;
    }
    return found;
  }
}

/** Where no connection has these ends, the kernel gives whoever listens at the local one. */
function connection<T>({ bytes, start, end }: Message, take: TakeSocket<T>): T | undefined {
  const socket = decodeInetSocket(bytes, "tcp", start, end);
  return socket.state === "listening" ? undefined : take(socket);
}
