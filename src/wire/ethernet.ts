/** Ethernet frame codec: Ethernet II (RFC 894) and IEEE 802.3 with a length, both with VLAN tags; without preamble and FCS. */
import { MacAddr } from "../ip/index.ts";
import { bytesOrNone, checkFields, describe, put16, uint } from "./_encode.ts";
import { ETHERTYPE_MIN, etherTypeName, etherTypeText } from "./_names.ts";
import { type FieldRow, Pdu, row, type TreeNode, u16 } from "./_pdu.ts";
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
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, IEEE 802.3 §3.1.1.
const DST = 0;
const SRC = 6;
const TYPE = 12;

/** Without tags, in bytes. */
export const ETHERNET_HEADER_LEN = 14;

/** What {@link encodeEthernet} takes. */
export interface EthernetFields {
  readonly dst: MacAddr;
  readonly src: MacAddr;
  /** The outermost first; none unless told. */
  readonly tags?: readonly VlanTag[] | undefined;
  /** What the payload is: IANA "Ether Types", 0x0600 at least. Left out for an IEEE 802.3 frame, which has a length there. */
  readonly etherType?: number | undefined;
  /** Of the payload of an IEEE 802.3 frame, in bytes; what it is unless told. Ethernet II has none. */
  readonly length?: number | undefined;
  /** As given: it is not filled up to the 46 bytes that a card sends at least. */
  readonly payload?: Uint8Array | undefined;
}

/** How an IEEE 802.3 payload starts: IEEE 802.2 LLC, with SNAP where both access points are 0xaa. */
export interface LlcHeader {
  readonly dsap: number;
  readonly ssap: number;
  /** One byte, or two in frames that are numbered. */
  readonly control: number;
  /** Of SNAP: who gives the protocol's number; 0 for an EtherType. */
  readonly oui?: number;
  /** Of SNAP. */
  readonly protocolId?: number;
}

const MACS: readonly FieldRow<EthernetFrame>[] = [
  row<EthernetFrame, "dst">("dst", "Destination", DST, 48),
  row<EthernetFrame, "src">("src", "Source", SRC, 48),
];

/** An Ethernet frame: see {@link decodeEthernet}. */
export class EthernetFrame extends Pdu<Required<EthernetFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "ethernet" {
    return "ethernet";
  }

  protected get label(): string {
    return "Ethernet";
  }

  /** With its tags: 14, or 4 more for each of them. */
  get headerLength(): number {
    return ETHERNET_HEADER_LEN + this.tagsLength();
  }

  private tagsLength(): number {
    const { bytes, offset } = this;
    const type = u16(bytes, offset + TYPE);
    return isVlan(type) ? tagsLength(bytes, type, offset + TYPE + 2) : 0;
  }

  get dst(): MacAddr {
    return MacAddr.fromBytes(this.bytes.subarray(this.offset + DST, this.offset + DST + 6));
  }

  get src(): MacAddr {
    return MacAddr.fromBytes(this.bytes.subarray(this.offset + SRC, this.offset + SRC + 6));
  }

  /** The outermost first. */
  get tags(): readonly ReadVlanTag[] {
    const { bytes, offset } = this;
    return readTags(bytes, u16(bytes, offset + TYPE), offset + TYPE + 2, this.tagsLength());
  }

  /** The last two bytes of the header: an EtherType, or a length. */
  private get typeOrLength(): number {
    return u16(this.bytes, this.offset + this.headerLength - 2);
  }

  /** What the payload is, past the tags; undefined in an IEEE 802.3 frame. */
  get etherType(): number | undefined {
    const value = this.typeOrLength;
    return value >= ETHERTYPE_MIN ? value : undefined;
  }

  /** Of the payload of an IEEE 802.3 frame, in bytes; undefined in an Ethernet II frame. */
  get length(): number | undefined {
    const value = this.typeOrLength;
    return value < ETHERTYPE_MIN ? value : undefined;
  }

  /** How the payload of an IEEE 802.3 frame starts; undefined in an Ethernet II frame, or where that is cut off. */
  get llc(): LlcHeader | undefined {
    if (this.length === undefined) return undefined;
    return readLlc(this.bytes, this.offset + this.headerLength, this.end);
  }

  toObject(): Required<EthernetFields> {
    const { dst, src, tags, etherType, length, payload } = this;
    return { dst, src, tags, etherType, length, payload };
  }

  override toString(): string {
    const { src, dst, tags, etherType } = this;
    const type = etherType === undefined ? "802.3" : etherTypeName(etherType);
    return `Ethernet ${src} > ${dst}, ${tagsText(tags)}${type}, length ${this.end - this.offset}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return MACS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    const { bytes, offset, etherType, length, llc } = this;
    const at = offset + this.headerLength - 2;
    const type: TreeNode =
      etherType === undefined
        ? { name: "length", label: "Length", text: `${length} bytes`, offset: at, lengthBytes: 2 }
        : {
            name: "etherType",
            label: "EtherType",
            text: etherTypeText(etherType),
            offset: at,
            lengthBytes: 2,
          };
    const tags = tagNodes(this.tags, offset + TYPE, offset + TYPE + 2);
    if (!llc || bytes.length < at + 5) return [...tags, type];
    return [...tags, type, { name: "llc", label: "LLC", text: llcText(llc), offset: at + 2, lengthBytes: 3 }];
  }
}

function readLlc(bytes: Uint8Array, at: number, end: number): LlcHeader | undefined {
  if (end - at < 3) return undefined;
  const [dsap, ssap, first] = [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
  const numbered = (first & 3) !== 3; // only unnumbered frames have one byte of control, IEEE 802.2 §5.2
  if (numbered) return end - at < 4 ? undefined : { dsap, ssap, control: u16(bytes, at + 2) };
  const llc = { dsap, ssap, control: first };
  if (dsap !== 0xaa || ssap !== 0xaa || end - at < 8) return llc;
  const oui = ((bytes[at + 3] as number) << 16) | u16(bytes, at + 4);
  return { ...llc, oui, protocolId: u16(bytes, at + 6) };
}

function llcText({ dsap, ssap, control, oui, protocolId }: LlcHeader): string {
  const text = `dsap 0x${dsap.toString(16)}, ssap 0x${ssap.toString(16)}, control 0x${control.toString(16)}`;
  if (protocolId === undefined) return text;
  const organization = (oui as number).toString(16).padStart(6, "0");
  return `${text}, SNAP oui 0x${organization}, ${etherTypeText(protocolId)}`;
}

/**
 * Reads one frame, which starts with its destination and ends before its FCS. An IEEE 802.3 frame ends where its length
 * says; of an Ethernet II frame, padding cannot be told from payload here.
 * @param start where it starts in `bytes`
 * @param end where what may belong to it ends
 * @param wireEnd where it ended before it was cut, by a capture's snap length
 * @throws {WireError} `TRUNCATED`, `BAD_LENGTH` where an IEEE 802.3 frame is shorter than its length
 */
export function decodeEthernet(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
  wireEnd: number = end,
): EthernetFrame {
  checkLength("ethernet", start, end, ETHERNET_HEADER_LEN);
  let type = u16(bytes, start + TYPE);
  let payloadAt = start + ETHERNET_HEADER_LEN;
  if (isVlan(type)) {
    payloadAt = tagsEnd("ethernet", bytes, type, payloadAt, end);
    type = u16(bytes, payloadAt - 2);
  }
  if (type >= ETHERTYPE_MIN) return new EthernetFrame(bytes, start, end);
  if (payloadAt + type > wireEnd) {
    const expected = `expected a length of at most ${wireEnd - payloadAt}, got ${type}`;
    throw new WireError("BAD_LENGTH", "ethernet", payloadAt - 2, expected);
  }
  return new EthernetFrame(bytes, start, Math.min(payloadAt + type, end));
}

function address(where: string, value: unknown): Uint8Array {
  if (value instanceof MacAddr) return value.toBytes();
  throw new TypeError(`${where}: expected a MacAddr, got ${describe(value)}`);
}

function typeOrLength({ etherType, length }: EthernetFields, payload: Uint8Array): number {
  if (etherType === undefined) {
    const told = uint("ethernet.length", length ?? payload.length, 16);
    if (told < ETHERTYPE_MIN) return told;
    throw new RangeError(`ethernet.length: expected at most ${ETHERTYPE_MIN - 1}, got ${told}`);
  }
  if (length !== undefined) throw new TypeError("ethernet: expected either etherType or length, got both");
  if (uint("ethernet.etherType", etherType, 16) >= ETHERTYPE_MIN) return etherType;
  throw new RangeError(`ethernet.etherType: expected at least ${ETHERTYPE_MIN}, got ${etherType}`);
}

/**
 * Makes a frame, without preamble and FCS.
 * @returns the header and the payload in new bytes
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeEthernet(fields: EthernetFields): Uint8Array {
  checkFields("ethernet", fields);
  const payload = bytesOrNone("ethernet.payload", fields.payload);
  const tags = writeTags("ethernet.tags", fields.tags, typeOrLength(fields, payload));
  const bytes = new Uint8Array(ETHERNET_HEADER_LEN + tags.bytes.length + payload.length);
  bytes.set(address("ethernet.dst", fields.dst), DST);
  bytes.set(address("ethernet.src", fields.src), SRC);
  put16(bytes, TYPE, tags.first);
  bytes.set(tags.bytes, ETHERNET_HEADER_LEN);
  bytes.set(payload, ETHERNET_HEADER_LEN + tags.bytes.length);
  return bytes;
}
