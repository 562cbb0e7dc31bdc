/** ARP codec, RFC 826. */
import { Ipv4Addr, MacAddr } from "../ip/index.ts";
import { checkFields, describe, put16, uint } from "./_encode.ts";
import { ETHERTYPE_IPV4, etherTypeText } from "./_names.ts";
import { type FieldRow, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import { checkLength } from "./wire_error.ts";

// Byte offsets, RFC 826 "Packet format".
const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LENGTH = 4;
const PROTOCOL_LENGTH = 5;
const OPERATION = 6;
const ADDRESSES = 8;

const ETHERNET = 1;

/** Of IANA "ARP Parameters", "Operation Codes". */
export const ARP_REQUEST = 1;
/** Of IANA "ARP Parameters", "Operation Codes". */
export const ARP_REPLY = 2;

const OPERATIONS: Readonly<Record<number, string>> = {
  1: "request",
  2: "reply",
  3: "reverse request",
  4: "reverse reply",
  8: "inverse request",
  9: "inverse reply",
};

/** What {@link encodeArp} takes. Ethernet's addresses are MacAddrs and IPv4's Ipv4Addrs; those of others are bytes. */
export interface ArpFields {
  /** IANA "Hardware Types"; 1, Ethernet, unless told. */
  readonly hardwareType?: number | undefined;
  /** An EtherType; 0x0800, IPv4, unless told. */
  readonly protocolType?: number | undefined;
  /** Of a hardware address, in bytes; what the sender's is unless told. */
  readonly hardwareLength?: number | undefined;
  /** Of a protocol address, in bytes; what the sender's is unless told. */
  readonly protocolLength?: number | undefined;
  /** 1 asks, 2 answers. */
  readonly operation: number;
  readonly senderHardware: MacAddr | Uint8Array;
  readonly senderProtocol: Ipv4Addr | Uint8Array;
  /** Who asks does not know it: zeros, unless told. */
  readonly targetHardware?: MacAddr | Uint8Array | undefined;
  readonly targetProtocol: Ipv4Addr | Uint8Array;
}

const ROWS: readonly FieldRow<ArpPacket>[] = [
  row<ArpPacket, "hardwareType">("hardwareType", "Hardware Type", HARDWARE_TYPE, 16, (value) =>
    value === ETHERNET ? "Ethernet (1)" : String(value),
  ),
  row<ArpPacket, "protocolType">("protocolType", "Protocol Type", PROTOCOL_TYPE, 16, (value) =>
    etherTypeText(value),
  ),
  row<ArpPacket, "hardwareLength">("hardwareLength", "Hardware Address Length", HARDWARE_LENGTH, 8),
  row<ArpPacket, "protocolLength">("protocolLength", "Protocol Address Length", PROTOCOL_LENGTH, 8),
  row<ArpPacket, "operation">("operation", "Operation", OPERATION, 16, (value) => {
    const name = OPERATIONS[value];
    return name ? `${name} (${value})` : String(value);
  }),
];

/** An ARP packet: see {@link decodeArp}. */
export class ArpPacket extends Pdu<Told<ArpFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "arp" {
    return "arp";
  }

  protected get label(): string {
    return "Address Resolution Protocol";
  }

  /** All of it: it carries nothing. */
  get headerLength(): number {
    return this.end - this.offset;
  }

  get hardwareType(): number {
    return u16(this.bytes, this.offset + HARDWARE_TYPE);
  }

  get protocolType(): number {
    return u16(this.bytes, this.offset + PROTOCOL_TYPE);
  }

  get hardwareLength(): number {
    return this.bytes[this.offset + HARDWARE_LENGTH] as number;
  }

  get protocolLength(): number {
    return this.bytes[this.offset + PROTOCOL_LENGTH] as number;
  }

  /** 1 asks, 2 answers; others are RARP's and their like. */
  get operation(): number {
    return u16(this.bytes, this.offset + OPERATION);
  }

  get senderHardware(): MacAddr | Uint8Array {
    return this.hardwareAddr(this.offset + ADDRESSES);
  }

  get senderProtocol(): Ipv4Addr | Uint8Array {
    return this.protocolAddr(this.offset + ADDRESSES + this.hardwareLength);
  }

  get targetHardware(): MacAddr | Uint8Array {
    return this.hardwareAddr(this.offset + ADDRESSES + this.hardwareLength + this.protocolLength);
  }

  get targetProtocol(): Ipv4Addr | Uint8Array {
    return this.protocolAddr(this.offset + ADDRESSES + this.hardwareLength * 2 + this.protocolLength);
  }

  private hardwareAddr(at: number): MacAddr | Uint8Array {
    const bytes = this.bytes.subarray(at, Math.min(at + this.hardwareLength, this.end));
    return this.hardwareType === ETHERNET && bytes.length === 6 ? MacAddr.fromBytes(bytes) : bytes;
  }

  private protocolAddr(at: number): Ipv4Addr | Uint8Array {
    const bytes = this.bytes.subarray(at, Math.min(at + this.protocolLength, this.end));
    return this.protocolType === ETHERTYPE_IPV4 && bytes.length === 4
      ? Ipv4Addr.fromU32(u32(this.bytes, at))
      : bytes;
  }

  toObject(): Told<ArpFields> {
    const { hardwareType, protocolType, hardwareLength, protocolLength, operation } = this;
    const { senderHardware, senderProtocol, targetHardware, targetProtocol } = this;
    return {
      hardwareType,
      protocolType,
      hardwareLength,
      protocolLength,
      operation,
      senderHardware,
      senderProtocol,
      targetHardware,
      targetProtocol,
    };
  }

  override toString(): string {
    const [sender, target] = [describe(this.senderProtocol), describe(this.targetProtocol)];
    if (this.operation === ARP_REQUEST) return `ARP who has ${target}, tell ${sender}`;
    if (this.operation === ARP_REPLY) return `ARP ${sender} is at ${describe(this.senderHardware)}`;
    return `ARP ${OPERATIONS[this.operation] ?? `operation ${this.operation}`}, ${sender} > ${target}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { hardwareLength, protocolLength, offset } = this;
    let at = offset + ADDRESSES;
    const node = (name: keyof ArpFields, label: string, lengthBytes: number): TreeNode => {
      const made = { name, label, text: describe(this[name]), offset: at, lengthBytes };
      at += lengthBytes;
      return made;
    };
    return [
      node("senderHardware", "Sender Hardware Address", hardwareLength),
      node("senderProtocol", "Sender Protocol Address", protocolLength),
      node("targetHardware", "Target Hardware Address", hardwareLength),
      node("targetProtocol", "Target Protocol Address", protocolLength),
    ];
  }
}

/**
 * Reads one packet. Bytes past it (Ethernet's padding) are not part of it.
 * @param start where it starts in `bytes`
 * @param end where what may belong to it ends
 * @throws {WireError} `TRUNCATED`: the header, or addresses of the lengths that it gives
 */
export function decodeArp(bytes: Uint8Array, start = 0, end: number = bytes.length): ArpPacket {
  checkLength("arp", start, end, ADDRESSES);
  const hardwareLength = bytes[start + HARDWARE_LENGTH] as number;
  const protocolLength = bytes[start + PROTOCOL_LENGTH] as number;
  const needed = ADDRESSES + 2 * (hardwareLength + protocolLength);
  checkLength("arp", start, end, needed);
  return new ArpPacket(bytes, start, start + needed);
}

function addressBytes(where: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof MacAddr || value instanceof Ipv4Addr) return value.toBytes();
  const kind = where.endsWith("Hardware") ? "a MacAddr" : "an Ipv4Addr";
  throw new TypeError(`${where}: expected ${kind}, or bytes, got ${describe(value)}`);
}

/**
 * Makes a packet.
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeArp(fields: ArpFields): Uint8Array {
  checkFields("arp", fields);
  const senderHardware = addressBytes("arp.senderHardware", fields.senderHardware);
  const senderProtocol = addressBytes("arp.senderProtocol", fields.senderProtocol);
  const unknown = fields.targetHardware ?? new Uint8Array(senderHardware.length);
  const parts = [
    senderHardware,
    senderProtocol,
    addressBytes("arp.targetHardware", unknown),
    addressBytes("arp.targetProtocol", fields.targetProtocol),
  ];
  const bytes = new Uint8Array(ADDRESSES + parts.reduce((sum, part) => sum + part.length, 0));
  put16(bytes, HARDWARE_TYPE, uint("arp.hardwareType", fields.hardwareType ?? ETHERNET, 16));
  put16(bytes, PROTOCOL_TYPE, uint("arp.protocolType", fields.protocolType ?? ETHERTYPE_IPV4, 16));
  bytes[HARDWARE_LENGTH] = uint("arp.hardwareLength", fields.hardwareLength ?? senderHardware.length, 8);
  bytes[PROTOCOL_LENGTH] = uint("arp.protocolLength", fields.protocolLength ?? senderProtocol.length, 8);
  put16(bytes, OPERATION, uint("arp.operation", fields.operation, 16));
  let at = ADDRESSES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
