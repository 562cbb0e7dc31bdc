/** A router that a test writes itself: it sees probes with a small TTL, and says of them what the test wants. */
import { RawSocket } from "../../src/index.ts";
import { PacketSocket } from "../../src/socket/index.ts";
import {
  decodeIpv4,
  decodeIpv6,
  encodeIcmp,
  encodeIcmpv6,
  type IcmpExtensions,
  type IcmpFields,
  type Icmpv6Fields,
} from "../../src/wire/index.ts";
import type { Host } from "../socket/_wires.ts";
import { type Family, NEAR, rules } from "./_chain.ts";

/** A probe that has come. */
export interface Seen {
  /** With its IP header. */
  readonly packet: Uint8Array;
  readonly ttl: number;
  /** Where its UDP, TCP or ICMP header begins. */
  readonly behind: number;
}

export interface Reply {
  readonly type?: "timeExceeded" | "destinationUnreachable";
  readonly code?: number;
  readonly extensions?: IcmpExtensions;
  /** The length field of RFC 4884; what it has to be unless told. */
  readonly length?: number;
}

/** Packets of this host to the others whose TTL is at most `ttl` end here, and the kernel says nothing of them. */
export class FakeRouter implements Disposable {
  readonly #family: Family;
  readonly #tap: PacketSocket;
  readonly #raw: RawSocket;
  readonly #ttl: number;

  constructor(host: Host, device: string, family: Family, ttl: number) {
    this.#family = family;
    this.#ttl = ttl;
    this.#tap = host.in(() =>
      PacketSocket.open({ device, type: "datagram", protocol: family === "ipv4" ? 0x0800 : 0x86dd }),
    );
    this.#raw = host.in(() => RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6", { icmpTypes: [] }));
    const field = family === "ipv4" ? "ip ttl" : "ip6 hoplimit";
    rules(
      host,
      "prerouting",
      `iif ${device} meta l4proto { tcp, udp, icmp, icmpv6 } ${field} <= ${ttl} drop`,
    );
  }

  /** The next probe. */
  async next(): Promise<Seen> {
    for (;;) {
      const { data } = await this.#tap.recvFrom();
      const packet = data as Uint8Array;
      const header = this.#family === "ipv4" ? decodeIpv4(packet) : decodeIpv6(packet);
      const ttl = "ttl" in header ? header.ttl : header.hopLimit;
      if (ttl > this.#ttl || header.src.toString() !== NEAR[this.#family]) continue;
      return { packet, ttl, behind: header.headerLength };
    }
  }

  /** Sends an ICMP error that quotes a packet. */
  async say(quoted: Uint8Array, { type = "timeExceeded", code = 0, ...more }: Reply = {}): Promise<void> {
    const fields = { type, code, quoted, ...more };
    const message =
      this.#family === "ipv4" ? encodeIcmp(fields as IcmpFields) : encodeIcmpv6(fields as Icmpv6Fields);
    await this.#raw.sendTo(message, NEAR[this.#family]);
  }

  [Symbol.dispose](): void {
    this.#tap.close();
    this.#raw.close();
  }
}

/** The same packet with one bit of a byte changed. */
export function altered(packet: Uint8Array, at: number): Uint8Array {
  const copy = packet.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}
