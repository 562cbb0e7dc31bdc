/** What the tests of probe/ share: a peer that answers echo requests as the test says, and events by kind. */
import { IPV6, Ipv6Addr, RawSocket, type SocketAddr } from "../../src/index.ts";
import type { PingEvent, PingSession } from "../../src/probe/index.ts";
import * as sys from "../../src/sys/index.ts";
import { internetChecksum, readU16, u16 } from "../socket/_raw.ts";
import type { Host } from "../socket/_wires.ts";

export type Family = "ipv4" | "ipv6";

/** A namespace in which there are only raw sockets, or also ping sockets. */
export const SOCKETS = {
  raw: "ip link set lo up",
  ping: 'ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range',
} as const;

/** The address of the other end of `twoHosts`. */
export const FAR = { ipv4: "192.0.2.2", ipv6: "2001:db8::2" } as const;
/** The far host behind the router of `routed`. */
export const BEHIND = { ipv4: "198.51.100.2", ipv6: "2001:db8:1::2" } as const;
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** An ICMP message, from its header on; over IPv6 the kernel writes its checksum. */
export function icmpMessage(
  family: Family,
  type: number,
  code: number,
  rest: Uint8Array,
  checksum?: number,
): Uint8Array {
  const message = Uint8Array.of(type, code, 0, 0, ...rest);
  if (family === "ipv4") message.set(u16(checksum ?? internetChecksum(message)), 2);
  return message;
}

/** A request that has come. */
export interface Asked {
  /** From the ICMP header on. */
  readonly message: Uint8Array;
  /** With the IP header; over IPv6 the same as `message`. */
  readonly packet: Uint8Array;
  readonly sequence: number;
  readonly peer: SocketAddr;
  readonly ttl: number | undefined;
  readonly tos: number | undefined;
  /** Over IPv6. */
  readonly flowLabel: number | undefined;
}

/** Answers in the kernel's place. */
export class Responder implements Disposable {
  readonly #socket: RawSocket;
  readonly #family: Family;

  constructor(host: Host, family: Family) {
    this.#family = family;
    host.sh(
      family === "ipv4"
        ? "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"
        : "echo 1 > /proc/sys/net/ipv6/icmp/echo_ignore_all",
    );
    this.#socket = host.in(() =>
      RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6", {
        icmpTypes: [family === "ipv4" ? 8 : 128],
        ancillary: ["ttl", "tos"],
        options: family === "ipv4" ? [] : [IPV6.FLOWINFO.to(true)],
      }),
    );
  }

  /** The next request. */
  async asked(): Promise<Asked> {
    const { data, peer, ancillary } = await this.#socket.recvMsg();
    const packet = data as Uint8Array;
    const message = this.#socket.payloadOf(packet);
    const { ttl, tos, others = [] } = ancillary;
    const info = others.find((it) => it.type === sys.IPV6_FLOWINFO)?.data;
    const flowLabel = info && ((info[1] as number) & 0xf) * 65536 + readU16(info, 2);
    return { packet, message, sequence: readU16(message, 6), peer, ttl, tos, flowLabel };
  }

  /** Sends an ICMP message. */
  async send(message: Uint8Array, { peer }: Asked, source?: string): Promise<void> {
    await this.#socket.sendMsg(message, { peer, ancillary: { source } });
  }

  /** The reply that the kernel would send, with changes. */
  reply(
    { message }: Asked,
    change: { payload?: Uint8Array; identifier?: number; sequence?: number; checksum?: number } = {},
  ): Uint8Array {
    const { payload = message.subarray(8), identifier, sequence, checksum } = change;
    const ids = message.slice(4, 8);
    if (identifier !== undefined) ids.set(u16(identifier), 0);
    if (sequence !== undefined) ids.set(u16(sequence), 2);
    return icmpMessage(
      this.#family,
      this.#family === "ipv4" ? 0 : 129,
      0,
      Uint8Array.of(...ids, ...payload),
      checksum,
    );
  }

  /** Takes every request from now on. */
  async each(answer: (asked: Asked) => Promise<void>): Promise<void> {
    try {
      for (;;) await answer(await this.asked());
    } catch (error) {
      if (!this.#socket.closed) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** What an ICMP error quotes: the whole packet of a request. */
export function quote(family: Family, asked: Asked, target: string): Uint8Array {
  if (family === "ipv4") {
    const packet = asked.packet.slice();
    packet.set(u16(packet.length), 2);
    return packet;
  }
  const { message, peer } = asked;
  const [from, to] = [(peer.ip as Ipv6Addr).toBytes(), Ipv6Addr.parse(target).toBytes()];
  return Uint8Array.of(0x60, 0, 0, 0, ...u16(message.length), 58, 64, ...from, ...to, ...message);
}

/** No request is given up, however slow this machine is. */
export const FOREVER = { timeoutMs: Number.POSITIVE_INFINITY } as const;

/** All events of a session. */
export async function all(session: PingSession): Promise<PingEvent[]> {
  const events: PingEvent[] = [];
  for await (const event of session) events.push(event);
  return events;
}

/** Events until so many of a kind have come; the session goes on. */
export async function take(
  session: PingSession,
  kind: PingEvent["kind"],
  count: number,
): Promise<PingEvent[]> {
  const events: PingEvent[] = [];
  while (events.filter((it) => it.kind === kind).length < count) {
    const { done, value } = await session.next();
    if (done) throw new Error(`the session has ended after ${JSON.stringify(events)}`);
    events.push(value);
  }
  return events;
}

export type Kind<K extends PingEvent["kind"]> = Extract<PingEvent, { readonly kind: K }>;

export function only<K extends PingEvent["kind"]>(events: readonly PingEvent[], kind: K): Kind<K>[] {
  return events.filter((it): it is Kind<K> => it.kind === kind);
}
