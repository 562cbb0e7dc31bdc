/** LinkAddr: the address of a packet socket: an interface, a protocol, and a hardware address there. */
import { MacAddr } from "../ip/index.ts";
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_KERNEL,
  PACKET_LOOPBACK,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
  PACKET_USER,
} from "./constants.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/** MAX_ADDR_LEN, include/linux/netdevice.h. */
const MAX_ADDRESS_BYTES = 32;
const MAC_BYTES = 6;

/**
 * Whom a packet is for: this host, all, a group, some other host (seen in promiscuous mode), or whether it goes out from
 * here. A number where the kernel has one that is not known here.
 */
export type PacketType =
  | "host"
  | "broadcast"
  | "multicast"
  | "otherhost"
  | "outgoing"
  | "loopback"
  | "user"
  | "kernel"
  | number;

const TYPES: readonly PacketType[] = [];
{
  const types = TYPES as PacketType[];
  types[PACKET_HOST] = "host";
  types[PACKET_BROADCAST] = "broadcast";
  types[PACKET_MULTICAST] = "multicast";
  types[PACKET_OTHERHOST] = "otherhost";
  types[PACKET_OUTGOING] = "outgoing";
  types[PACKET_LOOPBACK] = "loopback";
  types[PACKET_USER] = "user";
  types[PACKET_KERNEL] = "kernel";
}

/** The word for an `sll_pkttype`. */
export function packetTypeOf(number: number): PacketType {
  return TYPES[number] ?? number;
}

/** What an address is made of; what is left out is 0, or none. */
export interface LinkAddrFields {
  /** The interface's index; 0 is none, or all. */
  readonly index?: number | undefined;
  /** The EtherType, such as 0x0800, in the byte order of people; 3 (ETH_P_ALL) is every one. */
  readonly protocol?: number | undefined;
  /** ARPHRD_…, such as 1 for Ethernet and 772 for the loopback interface. */
  readonly hardwareType?: number | undefined;
  readonly packetType?: PacketType | undefined;
  /** The hardware address: up to 32 bytes. */
  readonly address?: MacAddr | Uint8Array | string | undefined;
}

function whole(name: string, value: unknown, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
    const error = typeof value === "number" ? RangeError : TypeError;
    throw new error(`${name}: expected a whole number from 0 to ${max}, got ${String(value)}`);
  }
  return value;
}

function addressBytes(address: LinkAddrFields["address"]): Uint8Array {
  if (address === undefined) return new Uint8Array();
  if (typeof address === "string") return MacAddr.parse(address).toBytes();
  if (address instanceof MacAddr) return address.toBytes();
  if (!(address instanceof Uint8Array)) {
    throw new TypeError(`address: expected a MacAddr, its text or bytes, got ${typeof address}`);
  }
  if (address.length > MAX_ADDRESS_BYTES) {
    throw new RangeError(`address: expected at most ${MAX_ADDRESS_BYTES} bytes, got ${address.length}`);
  }
  return new Uint8Array(address); // a copy, and no Buffer
}

function typeNumber(type: unknown): number {
  if (typeof type === "number") return whole("packetType", type, 255);
  const number = TYPES.indexOf(type as PacketType);
  if (number < 0) throw new TypeError(`packetType: expected one of ${TYPES.join(", ")}, got ${String(type)}`);
  return number;
}

/** What `struct sockaddr_ll` holds. */
export class LinkAddr {
  /** The interface's index; 0 for none, or all. */
  readonly index: number;
  /** The EtherType, such as 0x0800; 3 (ETH_P_ALL) in the address of a socket that takes every one. */
  readonly protocol: number;
  /** ARPHRD_…, such as 1 for Ethernet and 772 for the loopback interface. */
  readonly hardwareType: number;
  readonly packetType: PacketType;
  readonly #address: Uint8Array;

  private constructor(
    index: number,
    protocol: number,
    hardwareType: number,
    packetType: PacketType,
    address: Uint8Array,
  ) {
    this.index = index;
    this.protocol = protocol;
    this.hardwareType = hardwareType;
    this.packetType = packetType;
    this.#address = address;
    Object.freeze(this);
  }

  /**
   * An address, such as to send to.
   * @throws {TypeError | RangeError}
   * @throws {AddressError} for a text that is no MAC address
   */
  static of(fields: LinkAddrFields): LinkAddr {
    if (typeof fields !== "object" || fields === null) {
      throw new TypeError(`fields: expected { index, protocol, address … }, got ${String(fields)}`);
    }
    return new LinkAddr(
      whole("index", fields.index ?? 0, 0x7fffffff),
      whole("protocol", fields.protocol ?? 0, 0xffff),
      whole("hardwareType", fields.hardwareType ?? 0, 0xffff),
      packetTypeOf(typeNumber(fields.packetType ?? "host")),
      addressBytes(fields.address),
    );
  }

  /** @internal From the kernel's bytes, a `struct sockaddr_ll`, which may be a view. They are copied. */
  static fromSockaddr(bytes: Uint8Array): LinkAddr {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const length = Math.min(view.getUint8(11), bytes.length - 12);
    return new LinkAddr(
      view.getInt32(4, true),
      view.getUint16(2, false),
      view.getUint16(8, true),
      packetTypeOf(view.getUint8(10)),
      bytes.slice(12, 12 + length),
    );
  }

  /** @internal Its `sll_pkttype`. */
  get packetTypeNumber(): number {
    return typeNumber(this.packetType);
  }

  /** The hardware address (a copy): of a received packet its sender's. Empty where the link has none. */
  get address(): Uint8Array {
    return this.#address.slice();
  }

  /** {@link address} where it has six bytes; else `undefined`. */
  get mac(): MacAddr | undefined {
    return this.#address.length === MAC_BYTES ? MacAddr.fromBytes(this.#address) : undefined;
  }

  /** Whether all of it is the same. */
  equals(other: LinkAddr): boolean {
    return (
      other instanceof LinkAddr &&
      this.index === other.index &&
      this.protocol === other.protocol &&
      this.hardwareType === other.hardwareType &&
      this.packetType === other.packetType &&
      this.#address.length === other.#address.length &&
      this.#address.every((byte, i) => byte === other.#address[i])
    );
  }

  /**
   * The hardware address, or `*`, the interface's index behind a `%`, and the protocol in hexadecimal:
   * `02:00:00:00:00:01%2 0x0800`. Index and protocol are left out where they are 0.
   */
  toString(): string {
    const hex = Array.from(this.#address, (byte) => byte.toString(16).padStart(2, "0")).join(":");
    const where = this.index === 0 ? "" : `%${this.index}`;
    const what = this.protocol === 0 ? "" : ` 0x${this.protocol.toString(16).padStart(4, "0")}`;
    return `${hex || "*"}${where}${what}`;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    const type = this.packetType === "host" ? "" : ` ${this.packetType}`;
    return `LinkAddr(${this.toString()}${type})`;
  }
}
