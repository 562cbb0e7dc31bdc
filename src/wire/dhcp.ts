/** DHCP message codec, RFC 2131 and 2132. */
import { concatBytes, toHex } from "../bytes/index.ts";
import { Ipv4Addr, MacAddr } from "../ip/index.ts";
import {
  DHCP_OPTIONS,
  type DhcpMessageType,
  type DhcpOption,
  type DhcpOptionName,
  type DhcpOptionValue,
  END,
  encodeOption,
  type PlacedOption,
  readOptions,
  readValue,
  textBytes,
  textOf,
} from "./_dhcp_options.ts";
import { bytesOrNone, checkFields, describe, flag, put16, put32, uint } from "./_encode.ts";
import { type FieldRow, hex, Pdu, row, type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";
import { checkLength, WireError } from "./wire_error.ts";

// Byte offsets, RFC 2131 §2.
const OP = 0;
const HTYPE = 1;
const HLEN = 2;
const HOPS = 3;
const XID = 4;
const SECS = 8;
const FLAGS = 10;
const CIADDR = 12;
const YIADDR = 16;
const SIADDR = 20;
const GIADDR = 24;
const CHADDR = 28;
const SNAME = 44;
const FILE = 108;
const COOKIE = 236;
const OPTIONS = 240;

const CHADDR_LEN = 16;
const SNAME_LEN = 64;
const FILE_LEN = 128;
/** 99.130.83.99, RFC 2131 §3. */
const MAGIC_COOKIE = 0x63825363;
const BROADCAST = 0x8000;
const HTYPE_ETHERNET = 1;
/** RFC 1542 §2.1: some relays drop what is shorter. */
const LEAST_LENGTH = 300;

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

/** What {@link encodeDhcp} takes. */
export interface DhcpFields {
  /** 1 from a client, 2 from a server: `"request"` and `"reply"`; another number stays a number. */
  readonly op: "request" | "reply" | number;
  /** Hardware type, IANA "ARP Parameters"; 1, Ethernet, unless told. */
  readonly htype?: number | undefined;
  /** How many bytes of `chaddr` count; as many as were given unless told. */
  readonly hlen?: number | undefined;
  readonly hops?: number | undefined;
  /** The transaction. */
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs?: number | undefined;
  /** The answer is to be broadcast. */
  readonly broadcast?: boolean | undefined;
  /** The other 15 bits of the flags, which must be 0. */
  readonly reservedFlags?: number | undefined;
  /** The client's address, if it has one. */
  readonly ciaddr?: Ipv4Addr | undefined;
  /** "Your" address: what the client is given. */
  readonly yiaddr?: Ipv4Addr | undefined;
  /** The next server to boot from. */
  readonly siaddr?: Ipv4Addr | undefined;
  /** The relay that passed the message on. */
  readonly giaddr?: Ipv4Addr | undefined;
  /** The client's hardware address; filled up to 16 bytes. */
  readonly chaddr?: MacAddr | Uint8Array | undefined;
  /** The server's name: text, or all 64 bytes where they are not text. */
  readonly sname?: string | Uint8Array | undefined;
  /** The boot file's name: text, or all 128 bytes where they are not text. */
  readonly file?: string | Uint8Array | undefined;
  readonly options: readonly DhcpOption[];
  /** Whether the end option closes the list; true unless told. */
  readonly hasEnd?: boolean | undefined;
  /** What follows the end option; zeros up to 300 bytes unless told, which relays want (RFC 1542 §2.1). */
  readonly trailing?: Uint8Array | undefined;
}

const ROWS: readonly FieldRow<DhcpMessage>[] = [
  row<DhcpMessage, "op">("op", "Message op code", OP, 8),
  row<DhcpMessage, "htype">("htype", "Hardware type", HTYPE, 8),
  row<DhcpMessage, "hlen">("hlen", "Hardware address length", HLEN, 8),
  row<DhcpMessage, "hops">("hops", "Hops", HOPS, 8),
  row<DhcpMessage, "xid">("xid", "Transaction ID", XID, 32, (value) => hex(value, 32)),
  row<DhcpMessage, "secs">("secs", "Seconds elapsed", SECS, 16),
  row<DhcpMessage, "broadcast">("broadcast", "Broadcast flag", FLAGS, 1),
  row<DhcpMessage, "reservedFlags">("reservedFlags", "Reserved flags", [FLAGS, 1], 15),
  row<DhcpMessage, "ciaddr">("ciaddr", "Client IP address", CIADDR, 32),
  row<DhcpMessage, "yiaddr">("yiaddr", "Your (client) IP address", YIADDR, 32),
  row<DhcpMessage, "siaddr">("siaddr", "Next server IP address", SIADDR, 32),
  row<DhcpMessage, "giaddr">("giaddr", "Relay agent IP address", GIADDR, 32),
  row<DhcpMessage, "chaddr">("chaddr", "Client hardware address", CHADDR, CHADDR_LEN * 8, (value, pdu) =>
    pdu.clientMac ? pdu.clientMac.toString() : toHex(value),
  ),
  row<DhcpMessage, "sname">("sname", "Server host name", SNAME, SNAME_LEN * 8, shownName),
  row<DhcpMessage, "file">("file", "Boot file name", FILE, FILE_LEN * 8, shownName),
];

function shownName(value: string | Uint8Array): string {
  return value === "" ? "not given" : describe(value);
}

/** A DHCP message: see {@link decodeDhcp}. */
export class DhcpMessage extends Pdu<Told<DhcpFields>> {
  /** @internal */
  constructor(bytes: Uint8Array, offset: number, end: number) {
    super(bytes, offset, end);
  }

  get protocol(): "dhcp" {
    return "dhcp";
  }

  protected get label(): string {
    return "Dynamic Host Configuration Protocol";
  }

  /** The whole message: it carries nothing further. */
  get headerLength(): number {
    return this.end - this.offset;
  }

  get op(): "request" | "reply" | number {
    const op = this.bytes[this.offset + OP] as number;
    return op === 1 ? "request" : op === 2 ? "reply" : op;
  }

  get htype(): number {
    return this.bytes[this.offset + HTYPE] as number;
  }

  get hlen(): number {
    return this.bytes[this.offset + HLEN] as number;
  }

  get hops(): number {
    return this.bytes[this.offset + HOPS] as number;
  }

  get xid(): number {
    return u32(this.bytes, this.offset + XID);
  }

  get secs(): number {
    return u16(this.bytes, this.offset + SECS);
  }

  get broadcast(): boolean {
    return (u16(this.bytes, this.offset + FLAGS) & BROADCAST) !== 0;
  }

  get reservedFlags(): number {
    return u16(this.bytes, this.offset + FLAGS) & ~BROADCAST;
  }

  get ciaddr(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + CIADDR));
  }

  get yiaddr(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + YIADDR));
  }

  get siaddr(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + SIADDR));
  }

  get giaddr(): Ipv4Addr {
    return Ipv4Addr.fromU32(u32(this.bytes, this.offset + GIADDR));
  }

  /** All 16 bytes, of which the first `hlen` count: a view. */
  get chaddr(): Uint8Array {
    return this.#field(CHADDR, CHADDR_LEN);
  }

  /** The client's hardware address where it is an Ethernet's. */
  get clientMac(): MacAddr | undefined {
    if (this.htype !== HTYPE_ETHERNET || this.hlen !== 6) return undefined;
    return MacAddr.fromBytes(this.#field(CHADDR, 6));
  }

  get sname(): string | Uint8Array {
    return nameOf(this.#field(SNAME, SNAME_LEN));
  }

  get file(): string | Uint8Array {
    return nameOf(this.#field(FILE, FILE_LEN));
  }

  /** The options as they stand in the options field. See {@link option} for those that the message means as a whole. */
  get options(): readonly DhcpOption[] {
    return this.#list().options.map(({ option }) => option);
  }

  get hasEnd(): boolean {
    return this.#list().after !== undefined;
  }

  /** What follows the end option: a view. */
  get trailing(): Uint8Array {
    return this.bytes.subarray(this.#list().after ?? this.end, this.end);
  }

  /** What kind of message it is; `undefined` for plain BOOTP. */
  get messageType(): DhcpMessageType | undefined {
    return this.option("messageType");
  }

  /**
   * An option's value, wherever it stands: also in `file` and `sname` where they are overloaded (RFC 2131 §4.1), and in
   * several parts (RFC 3396).
   * @returns `undefined` where it is missing, or its data is not of its type
   */
  option<Name extends DhcpOptionName>(name: Name): DhcpOptionValue<Name> | undefined {
    const { code } = DHCP_OPTIONS[name];
    const parts = this.#effective().filter((placed) => placed.code === code);
    if (parts.length === 0) return undefined;
    return readValue(
      name,
      parts.length === 1 ? (parts[0]?.data as Uint8Array) : concatBytes(parts.map(dataOf)),
    );
  }

  #field(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.offset + at, this.offset + at + length);
  }

  #list(): ReturnType<typeof readOptions> {
    return readOptions(this.bytes, this.offset + OPTIONS, this.end);
  }

  /** First the options field, then `file`, then `sname`: RFC 2131 §4.1. */
  #effective(): readonly PlacedOption[] {
    const { options } = this.#list();
    const overload = options.find(({ code }) => code === DHCP_OPTIONS.overload.code)?.data?.[0] ?? 0;
    const more = (bit: number, at: number, length: number): readonly PlacedOption[] =>
      overload & bit ? readOptions(this.#field(at, length), 0, length).options : [];
    return [...options, ...more(1, FILE, FILE_LEN), ...more(2, SNAME, SNAME_LEN)];
  }

  toObject(): Told<DhcpFields> {
    const { op, htype, hlen, hops, xid, secs, broadcast, reservedFlags, ciaddr, yiaddr, siaddr } = this;
    const { giaddr, chaddr, sname, file, options, hasEnd, trailing } = this;
    return {
      op,
      htype,
      hlen,
      hops,
      xid,
      secs,
      broadcast,
      reservedFlags,
      ciaddr,
      yiaddr,
      siaddr,
      giaddr,
      chaddr,
      sname,
      file,
      options,
      hasEnd,
      trailing,
    };
  }

  override toString(): string {
    const kind = this.messageType ?? `BOOTP ${this.op}`;
    const given = this.yiaddr.isUnspecified ? "" : `, your address ${this.yiaddr}`;
    const who = this.clientMac ?? toHex(this.chaddr.subarray(0, this.hlen));
    return `DHCP ${kind}, client ${who}, transaction ${hex(this.xid, 32)}${given}`;
  }

  protected rows(): readonly FieldRow<never>[] {
    return ROWS;
  }

  protected override moreNodes(): readonly TreeNode[] {
    return this.#list().options.map(({ option, offset, lengthBytes, code }) => ({
      name: option.name,
      label: labelOf(option, code),
      text: shownOption(option),
      offset,
      lengthBytes,
    }));
  }
}

const dataOf = ({ data }: PlacedOption): Uint8Array => data as Uint8Array;

function labelOf(option: DhcpOption, code: number | undefined): string {
  if (option.name === "pad") return "Pad";
  if (option.name === "malformed") return "Malformed options";
  const known = Object.values(DHCP_OPTIONS).find((row) => row.code === code);
  return known ? `Option ${code}, ${known.label}` : `Option ${code}`;
}

function shownOption(option: DhcpOption): string {
  if (option.name === "pad") return "";
  if (option.name === "unknown" || option.name === "malformed") return describe(option.data);
  if (option.name === "classlessRoutes") {
    return option.value
      .map((route) => `${route.prefix}/${route.prefixLength} via ${route.router}`)
      .join(", ");
  }
  return describe(option.value);
}

/** Text that ends with the field or with zeros to its end; other bytes as they are. */
function nameOf(bytes: Uint8Array): string | Uint8Array {
  const end = bytes.indexOf(0);
  if (end < 0) return textOf(bytes) ?? bytes;
  if (bytes.subarray(end).some((byte) => byte !== 0)) return bytes;
  return textOf(bytes.subarray(0, end)) ?? bytes;
}

/**
 * Reads one message.
 * @throws {WireError} `TRUNCATED` below 240 bytes; `BAD_VALUE` where the magic cookie is missing, as in plain BOOTP
 */
export function decodeDhcp(bytes: Uint8Array, start = 0, end: number = bytes.length): DhcpMessage {
  checkLength("dhcp", start, end, OPTIONS);
  const cookie = u32(bytes, start + COOKIE);
  if (cookie !== MAGIC_COOKIE) {
    const expected = `expected the magic cookie 63825363, got ${cookie.toString(16).padStart(8, "0")}`;
    throw new WireError("BAD_VALUE", "dhcp", start + COOKIE, expected);
  }
  return new DhcpMessage(bytes, start, end);
}

/**
 * Makes a message.
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeDhcp(fields: DhcpFields): Uint8Array {
  checkFields("dhcp", fields);
  if (!Array.isArray(fields.options)) {
    throw new TypeError(`dhcp.options: expected an array, got ${describe(fields.options)}`);
  }
  const options = fields.options.map((option: DhcpOption, index) =>
    encodeOption(option, `dhcp.options[${index}]`),
  );
  const end = fields.hasEnd === undefined || flag("dhcp.hasEnd", fields.hasEnd) ? [Uint8Array.of(END)] : [];
  const list = concatBytes([...options, ...end]);
  const trailing =
    fields.trailing === undefined
      ? new Uint8Array(Math.max(0, LEAST_LENGTH - OPTIONS - list.length))
      : bytesOrNone("dhcp.trailing", fields.trailing);
  const chaddr = hardwareAddress(fields.chaddr);
  const head = new Uint8Array(OPTIONS);
  head[OP] = opOf(fields.op);
  head[HTYPE] = uint("dhcp.htype", fields.htype ?? HTYPE_ETHERNET, 8);
  head[HLEN] = uint("dhcp.hlen", fields.hlen ?? chaddr.length, 8);
  head[HOPS] = uint("dhcp.hops", fields.hops ?? 0, 8);
  put32(head, XID, uint("dhcp.xid", fields.xid, 32));
  put16(head, SECS, uint("dhcp.secs", fields.secs ?? 0, 16));
  const reserved = uint("dhcp.reservedFlags", fields.reservedFlags ?? 0, 15);
  put16(head, FLAGS, (flag("dhcp.broadcast", fields.broadcast) ? BROADCAST : 0) | reserved);
  for (const [name, at] of ADDRESSES) {
    const value = fields[name] ?? Ipv4Addr.UNSPECIFIED;
    if (!(value instanceof Ipv4Addr)) {
      throw new TypeError(`dhcp.${name}: expected an Ipv4Addr, got ${describe(value)}`);
    }
    put32(head, at, value.toU32());
  }
  head.set(chaddr, CHADDR);
  head.set(nameBytes("dhcp.sname", fields.sname, SNAME_LEN), SNAME);
  head.set(nameBytes("dhcp.file", fields.file, FILE_LEN), FILE);
  put32(head, COOKIE, MAGIC_COOKIE);
  return concatBytes([head, list, trailing]);
}

const ADDRESSES = [
  ["ciaddr", CIADDR],
  ["yiaddr", YIADDR],
  ["siaddr", SIADDR],
  ["giaddr", GIADDR],
] as const;

function opOf(op: unknown): number {
  if (op === "request") return 1;
  if (op === "reply") return 2;
  if (typeof op === "number") return uint("dhcp.op", op, 8);
  throw new TypeError(`dhcp.op: expected "request", "reply" or a number, got ${describe(op)}`);
}

function hardwareAddress(chaddr: unknown): Uint8Array {
  if (chaddr instanceof MacAddr) return chaddr.toBytes();
  const bytes = bytesOrNone("dhcp.chaddr", chaddr);
  if (bytes.length <= CHADDR_LEN) return bytes;
  throw new RangeError(`dhcp.chaddr: expected at most ${CHADDR_LEN} bytes, got ${bytes.length}`);
}

function nameBytes(where: string, value: unknown, room: number): Uint8Array {
  const bytes = typeof value === "string" ? textBytes(where, value) : bytesOrNone(where, value);
  if (typeof value === "string" && value.includes("\0")) {
    throw new RangeError(`${where}: expected a text without NUL, got ${JSON.stringify(value)}`);
  }
  if (bytes.length <= room) return bytes;
  throw new RangeError(`${where}: expected at most ${room} bytes, got ${bytes.length}`);
}
