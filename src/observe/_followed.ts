/** The ends that are followed: what is remembered of each from one sample to the next. */
import { type IpAddr, SocketAddr } from "../ip/index.ts";
import type { EndSample } from "./end_sample.ts";

/** One end, for as long as its socket is there. */
export interface Followed {
  readonly cookie: bigint;
  readonly id: string;
  readonly local: string;
  readonly peer: string;
  /** Its two addresses in a form in which its other end has them too, and the same the other way round. */
  readonly key: string;
  readonly otherKey: string;
  /** Whether it is a part of an MPTCP connection. */
  readonly subflow: boolean;
  /** The number of the sample that it was last in. */
  sample: number;
  /** Its other end, if that was there in the last sample. */
  other: Followed | undefined;
  /** As it was in the last sample. */
  end: EndSample | undefined;
  /** Since when it waits for what it waits for. */
  sinceMs: number;
  /** Whether the send buffer was full, and nothing has been written since. */
  full: boolean;
}

/** So many may be known beyond those of the last sample, as from samples that failed. */
const SPARE = 1000;

export class FollowedEnds {
  /** By {@link keyOf}. */
  readonly #byCookie = new Map<number | bigint, Followed>();
  readonly #byAddresses = new Map<string, Followed>();

  get(cookie: number | bigint): Followed | undefined {
    return this.#byCookie.get(keyOf(cookie));
  }

  /** @param namespace for a socket with whose addresses those of this namespace have nothing to do */
  add(
    cookie: bigint,
    localAddr: SocketAddr,
    peerAddr: SocketAddr,
    { namespace = "", subflow = false }: { readonly namespace?: string; readonly subflow?: boolean } = {},
  ): Followed {
    const [local, peer] = [plain(localAddr), plain(peerAddr)];
    const followed: Followed = {
      cookie,
      id: String(cookie),
      local: String(localAddr),
      peer: String(peerAddr),
      key: `${namespace}${local} ${peer}`,
      otherKey: `${namespace}${peer} ${local}`,
      subflow,
      sample: -1,
      other: undefined,
      end: undefined,
      sinceMs: 0,
      full: false,
    };
    this.#byCookie.set(keyOf(cookie), followed);
    return followed;
  }

  /** It has come: now it can be found by its addresses. */
  show(followed: Followed): void {
    this.#byCookie.set(keyOf(followed.cookie), followed);
    this.#byAddresses.set(followed.key, followed);
  }

  /** The one at the other end of the same connection. */
  otherOf({ otherKey }: Followed): Followed | undefined {
    return this.#byAddresses.get(otherKey);
  }

  /** @returns whether another has the same addresses now */
  remove(followed: Followed): boolean {
    followed.end = undefined;
    followed.sample = -1;
    const key = keyOf(followed.cookie);
    if (this.#byCookie.get(key) === followed) this.#byCookie.delete(key);
    if (this.#byAddresses.get(followed.key) !== followed) return this.#byAddresses.has(followed.key);
    this.#byAddresses.delete(followed.key);
    return false;
  }

  /** Lets those go that were not in the last sample, where that is worth it. */
  tidy(last: readonly Followed[]): void {
    if (this.#byCookie.size <= last.length * 2 + SPARE) return;
    this.#byCookie.clear();
    for (const followed of last) this.#byCookie.set(keyOf(followed.cookie), followed);
  }
}

/** A Map finds a number faster than a bigint. */
function keyOf(cookie: number | bigint): number | bigint {
  return typeof cookie === "bigint" && cookie <= 0xffff_ffffn ? Number(cookie) : cookie;
}

/** An IPv6 socket shows an IPv4 address as a mapped one, and its other end may be an IPv4 socket. */
function plain(address: SocketAddr): SocketAddr {
  const ip: IpAddr | undefined = address.ip.version === 4 ? undefined : address.ip.toIpv4Mapped();
  return ip === undefined ? address : SocketAddr.of(ip, address.port);
}
