/** Linux "cooked" capture headers, LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2: what stands for the link header on device "any". */
import { MacAddr } from "../ip/index.ts";
import { bytesOrNone, checkFields, describe, put16, put32, uint } from "./_encode.ts";
import { etherTypeName, etherTypeText } from "./_names.ts";
import { type FieldRow, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import {
  isVlan,
  type ReadVlanTag,
  readTags,
  tagNodes,
  tagsEnd,
  tagsLength,
  tagsText,
  type VlanTag,
  writeTags,
} from "./_vlan.ts";
import { checkLength } from "./wire_error.ts";

/** Without tags, in bytes. */
export const SLL_HEADER_LEN = 16;
/** Without tags, in bytes. */
export const SLL2_HEADER_LEN = 20;

/** The bytes that an address has room for. */
const ADDRESS_LEN = 8;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

/** Where the fields are, https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and …_SLL2.html */
interface Layout {
  readonly packetType: number;
  readonly hardwareType: number;
  readonly addressLength: number;
  readonly address: number;
  readonly protocolType: number;
  readonly length: number;
}
const SLL: Layout = {
  packetType: 0, // 16 bits
  hardwareType: 2,
  addressLength: 4, // 16 bits
  address: 6,
  protocolType: 14,
  length: SLL_HEADER_LEN,
};
const SLL2: Layout = {
  protocolType: 0,
  hardwareType: 8,
  packetType: 10, // 8 bits
  addressLength: 11, // 8 bits
  address: 12,
  length: SLL2_HEADER_LEN,
};
const SLL2_RESERVED = 2;
const SLL2_INTERFACE_INDEX = 4;

/** Which way a packet went, from linux/if_packet.h. */
const PACKET_TYPES: Readonly<Record<number, string>> = {
  0: "to us",
  1: "broadcast",
  2: "multicast",
  3: "to another host",
  4: "from us",
};
/** tcpdump's letters for them. */
const LETTERS: Readonly<Record<number, string>> = { 0: "In", 1: "B", 2: "M", 3: "P", 4: "Out" };

/** `"In"`, `"Out"`, `"B"`roadcast, `"M"`ulticast, `"P"` to another host, as tcpdump has them; `"?"` for others. */
export function packetTypeLetters(packetType: number): string {
  return LETTERS[packetType] ?? "?";
}

/** What {@link encodeSll} takes. */
export interface SllFields {
  /** 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us. */
  readonly packetType: number;
  /** ARPHRD_ value of the device; 1, Ethernet, unless told. */
  readonly hardwareType?: number | undefined;
  /** Of the sender's address, in bytes; what it is unless told. */
  readonly addressLength?: number | undefined;
  /** The sender's, of 8 bytes at most; none unless told. */
  readonly address?: MacAddr | Uint8Array | undefined;
  /** The rest of the address's 8 bytes; zeros unless told. */
  readonly unused?: Uint8Array | undefined;
  /** VLAN tags, the outermost first; none unless told. */
  readonly tags?: readonly VlanTag[] | undefined;
  /** What the payload is: mostly an EtherType. */
  readonly protocolType: number;
  readonly payload?: Uint8Array | undefined;
}

/** What {@link encodeSll2} takes. */
export interface Sll2Fields extends SllFields {
  /** Must be 0; 0 unless told. */
  readonly reserved?: number | undefined;
  /** Of the device, as `if_nametoindex` gives it. */
  readonly interfaceIndex: number;
}

/** What both have in common. */
abstract class Cooked<Fields extends object> extends Pdu<Fields> {
  protected abstract get layout(): Layout;
  abstract get packetType(): number;
  /** Of the sender's address, in bytes, as it stands in the header; only 8 have room. */
  abstract get addressLength(): number;

  /** With VLAN tags: 4 more for each of them. */
  get headerLength(): number {
    return this.layout.length + this.tagsLength();
  }

  private get firstType(): number {
    return u16(this.bytes, this.offset + this.layout.protocolType);
  }

  private tagsLength(): number {
    const type = this.firstType;
    return isVlan(type) ? tagsLength(this.bytes, type, this.offset + this.layout.length) : 0;
  }

  /** ARPHRD_ value of the device: 1 is Ethernet, 772 loopback. */
  get hardwareType(): number {
    return u16(this.bytes, this.offset + this.layout.hardwareType);
  }

  /** The sender's: a MacAddr where it is Ethernet's; no bytes where the device has none. */
  get address(): MacAddr | Uint8Array {
    const at = this.offset + this.layout.address;
    const bytes = this.bytes.subarray(at, at + Math.min(this.addressLength, ADDRESS_LEN));
    const { hardwareType } = this;
    const ethernet = hardwareType === ARPHRD_ETHER || hardwareType === ARPHRD_LOOPBACK;
    return ethernet && bytes.length === 6 ? MacAddr.fromBytes(bytes) : bytes;
  }

  /** The rest of the address's 8 bytes. */
  get unused(): Uint8Array {
    const at = this.offset + this.layout.address;
    return this.bytes.subarray(at + Math.min(this.addressLength, ADDRESS_LEN), at + ADDRESS_LEN);
  }

  /** VLAN tags, the outermost first. */
  get tags(): readonly ReadVlanTag[] {
    return readTags(this.bytes, this.firstType, this.offset + this.layout.length, this.tagsLength());
  }

  /** What the payload is, past the tags: mostly an EtherType; what it is otherwise, `hardwareType` tells. */
  get protocolType(): number {
    const { bytes, offset, layout } = this;
    const tags = this.tagsLength();
    return tags === 0 ? this.firstType : u16(bytes, offset + layout.length + tags - 2);
  }

  protected get what(): string {
    const way = PACKET_TYPES[this.packetType] ?? `packet type ${this.packetType}`;
    const type = etherTypeName(this.protocolType);
    return `${way}, ${tagsText(this.tags)}${type}, length ${this.end - this.offset}`;
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { offset, layout, tags, protocolType } = this;
    const typeAt = offset + layout.protocolType;
    const lastAt = tags.length === 0 ? typeAt : offset + this.headerLength - 2;
    const text = etherTypeText(protocolType);
    return [
      {
        name: "address",
        label: "Link-layer Address",
        text: describe(this.address),
        offset: offset + layout.address,
        lengthBytes: Math.min(this.addressLength, ADDRESS_LEN),
      },
      ...tagNodes(tags, typeAt, offset + layout.length),
      { name: "protocolType", label: "Protocol Type", text, offset: lastAt, lengthBytes: 2 },
    ];
  }
}

const packetTypeText = (value: number): string => {
  const text = PACKET_TYPES[value];
  return text ? `${text} (${value})` : String(value);
};

const SLL_ROWS: readonly FieldRow<SllHeader>[] = [
  row<SllHeader, "packetType">("packetType", "Packet Type", SLL.packetType, 16, packetTypeText),
  row<SllHeader, "hardwareType">("hardwareType", "ARPHRD Type", SLL.hardwareType, 16),
  row<SllHeader, "addressLength">("addressLength", "Address Length", SLL.addressLength, 16),
];

/** A cooked header, version 1: see {@link decodeSll}. */
export class SllHeader extends Cooked<Told<SllFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "sll" {
    return "sll";
  }

  protected get label(): string {
    return "Linux cooked capture v1";
  }

  protected get layout(): Layout {
    return SLL;
  }

  /** 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us. */
  get packetType(): number {
    return u16(this.bytes, this.offset + SLL.packetType);
  }

  get addressLength(): number {
    return u16(this.bytes, this.offset + SLL.addressLength);
  }

  toObject(): Told<SllFields> {
    const { packetType, hardwareType, addressLength, address, unused, tags, protocolType, payload } = this;
    return { packetType, hardwareType, addressLength, address, unused, tags, protocolType, payload };
  }

  override toString(): string {
    return `SLL ${this.what}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return SLL_ROWS;
  }
}

const SLL2_ROWS: readonly FieldRow<Sll2Header>[] = [
  row<Sll2Header, "reserved">("reserved", "Reserved", SLL2_RESERVED, 16),
  row<Sll2Header, "interfaceIndex">("interfaceIndex", "Interface Index", SLL2_INTERFACE_INDEX, 32),
  row<Sll2Header, "hardwareType">("hardwareType", "ARPHRD Type", SLL2.hardwareType, 16),
  row<Sll2Header, "packetType">("packetType", "Packet Type", SLL2.packetType, 8, packetTypeText),
  row<Sll2Header, "addressLength">("addressLength", "Address Length", SLL2.addressLength, 8),
];

/** A cooked header, version 2, which knows the device: see {@link decodeSll2}. */
export class Sll2Header extends Cooked<Told<Sll2Fields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "sll2" {
    return "sll2";
  }

  protected get label(): string {
    return "Linux cooked capture v2";
  }

  protected get layout(): Layout {
    return SLL2;
  }

  /** 0 to us, 1 broadcast, 2 multicast, 3 to another host, 4 from us. */
  get packetType(): number {
    return this.bytes[this.offset + SLL2.packetType] as number;
  }

  get addressLength(): number {
    return this.bytes[this.offset + SLL2.addressLength] as number;
  }

  get reserved(): number {
    return u16(this.bytes, this.offset + SLL2_RESERVED);
  }

  /** Of the device, as `if_nametoindex` gives it. */
  get interfaceIndex(): number {
    return u32(this.bytes, this.offset + SLL2_INTERFACE_INDEX);
  }

  toObject(): Told<Sll2Fields> {
    const { packetType, hardwareType, addressLength, address, unused, tags, protocolType } = this;
    const { reserved, interfaceIndex, payload } = this;
    return {
      packetType,
      hardwareType,
      addressLength,
      address,
      unused,
      tags,
      protocolType,
      reserved,
      interfaceIndex,
      payload,
    };
  }

  override toString(): string {
    return `SLL2 interface ${this.interfaceIndex}, ${this.what}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return SLL2_ROWS;
  }
}

/** @throws {WireError} `TRUNCATED` */
function check(
  protocol: string,
  { length, protocolType }: Layout,
  bytes: Uint8Array,
  start: number,
  end: number,
) {
  checkLength(protocol, start, end, length);
  const type = u16(bytes, start + protocolType);
  if (isVlan(type)) tagsEnd(protocol, bytes, type, start + length, end);
}

/**
 * Reads a header, version 1.
 * @param start where it starts in `bytes`
 * @param end where what it carries ends
 * @throws {WireError} `TRUNCATED`
 */
export function decodeSll(bytes: Uint8Array, start = 0, end: number = bytes.length): SllHeader {
  check("sll", SLL, bytes, start, end);
  return new SllHeader(bytes, start, end);
}

/**
 * Reads a header, version 2.
 * @param start where it starts in `bytes`
 * @param end where what it carries ends
 * @throws {WireError} `TRUNCATED`
 */
export function decodeSll2(bytes: Uint8Array, start = 0, end: number = bytes.length): Sll2Header {
  check("sll2", SLL2, bytes, start, end);
  return new Sll2Header(bytes, start, end);
}

/** Makes what both have in common. */
function encodeCooked(name: string, layout: Layout, fields: SllFields): Uint8Array {
  checkFields(name, fields);
  const given = fields.address instanceof MacAddr ? fields.address.toBytes() : fields.address;
  const address = bytesOrNone(`${name}.address`, given);
  const unused = bytesOrNone(`${name}.unused`, fields.unused);
  if (address.length + unused.length > ADDRESS_LEN) {
    const got = `got ${address.length + unused.length}`;
    throw new RangeError(`${name}.address: expected at most 8 bytes, with those of unused, ${got}`);
  }
  const payload = bytesOrNone(`${name}.payload`, fields.payload);
  const type = uint(`${name}.protocolType`, fields.protocolType, 16);
  const tags = writeTags(`${name}.tags`, fields.tags, type);
  const bytes = new Uint8Array(layout.length + tags.bytes.length + payload.length);
  put16(bytes, layout.hardwareType, uint(`${name}.hardwareType`, fields.hardwareType ?? ARPHRD_ETHER, 16));
  bytes.set(address, layout.address);
  bytes.set(unused, layout.address + address.length);
  put16(bytes, layout.protocolType, tags.first);
  bytes.set(tags.bytes, layout.length);
  bytes.set(payload, layout.length + tags.bytes.length);
  return bytes;
}

function addressLengthOf(fields: SllFields): number {
  return (
    fields.addressLength ??
    (fields.address instanceof Uint8Array ? fields.address.length : fields.address ? 6 : 0)
  );
}

/**
 * Makes a header, version 1.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeSll(fields: SllFields): Uint8Array {
  const bytes = encodeCooked("sll", SLL, fields);
  put16(bytes, SLL.packetType, uint("sll.packetType", fields.packetType, 16));
  put16(bytes, SLL.addressLength, uint("sll.addressLength", addressLengthOf(fields), 16));
  return bytes;
}

/**
 * Makes a header, version 2.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeSll2(fields: Sll2Fields): Uint8Array {
  const bytes = encodeCooked("sll2", SLL2, fields);
  put16(bytes, SLL2_RESERVED, uint("sll2.reserved", fields.reserved ?? 0, 16));
  put32(bytes, SLL2_INTERFACE_INDEX, uint("sll2.interfaceIndex", fields.interfaceIndex, 32));
  bytes[SLL2.packetType] = uint("sll2.packetType", fields.packetType, 8);
  bytes[SLL2.addressLength] = uint("sll2.addressLength", addressLengthOf(fields), 8);
  return bytes;
}
