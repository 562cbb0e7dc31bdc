/** What routers add to ICMP errors: RFC 4884 §7, with MPLS labels (RFC 4950) and interfaces (RFC 5837). */
import { concatBytes, internetChecksum } from "../bytes/index.ts";
import { type IpAddr, Ipv4Addr, Ipv6Addr } from "../ip/index.ts";
import { bytesOrNone, describe, flag, put16, put32, uint } from "./_encode.ts";
import { listOrNone, readIpv6Addr } from "./_message.ts";
import { type TreeNode, u16, u32 } from "./_pdu.ts";
import type { Told } from "./_told.ts";

const HEADER_LEN = 4;
const OBJECT_HEADER_LEN = 4;
const VERSION = 2;

// Class-Nums and C-Types, IANA "ICMP Extension Object Classes".
const MPLS = 1;
const MPLS_INCOMING_STACK = 1;
const INTERFACE = 2;

// Bits of an interface object's C-Type, RFC 5837 §4.1: what it has; the two highest are its role.
const HAS_INDEX = 0x08;
const HAS_ADDR = 0x04;
const HAS_NAME = 0x02;
const HAS_MTU = 0x01;
const RESERVED = 0x30;
// Address family numbers, RFC 5837 §4.2.
const AFI_IPV4 = 1;
const AFI_IPV6 = 2;
const MAX_NAME_LEN = 63;

/** A label of a packet's MPLS stack, RFC 3032 §2.1. */
export interface MplsLabel {
  readonly label: number;
  readonly trafficClass: number;
  readonly bottomOfStack: boolean;
  readonly ttl: number;
}

/** One object. */
export type IcmpExtensionObject =
  /** The labels with which the packet came, RFC 4950 §3. */
  | { readonly name: "mpls"; readonly labels: readonly MplsLabel[] }
  /** An interface: `role` 0 is the one it came in by, 1 a part of that, 2 the one it was to leave by, 3 the next hop's; RFC 5837 §4. */
  | {
      readonly name: "interface";
      readonly role: number;
      readonly index?: number | undefined;
      readonly addr?: IpAddr | undefined;
      readonly interfaceName?: string | undefined;
      readonly mtu?: number | undefined;
    }
  /** Of a class that we do not know, or with a body that its class does not have. */
  | {
      readonly name: "unknown";
      readonly classNumber: number;
      readonly cType: number;
      readonly data: Uint8Array;
    }
  /** What does not read as an object, up to the end: its length cannot be. */
  | { readonly name: "malformed"; readonly data: Uint8Array };

/** An extension structure, RFC 4884 §7. */
export interface IcmpExtensions {
  /** The 12 bits behind the version, which must be 0. */
  readonly reserved?: number | undefined;
  /** Of the structure; computed unless told. */
  readonly checksum?: number | undefined;
  readonly objects: readonly IcmpExtensionObject[];
}

/** Whether a structure of our version stands there. */
export function hasExtensions(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= HEADER_LEN && (bytes[start] as number) >>> 4 === VERSION;
}

/** Whether its checksum is there, and right. */
export function verifyExtensions(bytes: Uint8Array, start: number, end: number): boolean {
  return u16(bytes, start + 2) !== 0 && internetChecksum(bytes.subarray(start, end)) === 0;
}

/** Reads the structure that {@link hasExtensions} has found. It never throws. */
export function readExtensions(bytes: Uint8Array, start: number, end: number): Told<IcmpExtensions> {
  const objects = placedObjects(bytes, start, end).map(({ object }) => object);
  return { reserved: u16(bytes, start) & 0xfff, checksum: u16(bytes, start + 2), objects };
}

interface PlacedObject {
  readonly object: IcmpExtensionObject;
  readonly offset: number;
  readonly lengthBytes: number;
}

function placedObjects(bytes: Uint8Array, start: number, end: number): readonly PlacedObject[] {
  const list: PlacedObject[] = [];
  for (let at = start + HEADER_LEN; at < end; ) {
    const length = end - at < OBJECT_HEADER_LEN ? 0 : u16(bytes, at);
    if (length < OBJECT_HEADER_LEN || at + length > end) {
      const object = { name: "malformed", data: bytes.subarray(at, end) } as const;
      list.push({ object, offset: at, lengthBytes: end - at });
      break;
    }
    list.push({ object: readObject(bytes, at, at + length), offset: at, lengthBytes: length });
    at += length;
  }
  return list;
}

function readObject(bytes: Uint8Array, at: number, end: number): IcmpExtensionObject {
  const [classNumber, cType] = [bytes[at + 2] as number, bytes[at + 3] as number];
  const start = at + OBJECT_HEADER_LEN;
  const data = bytes.subarray(start, end);
  const unknown = { name: "unknown", classNumber, cType, data } as const;
  if (classNumber === MPLS && cType === MPLS_INCOMING_STACK && data.length % 4 === 0) {
    return { name: "mpls", labels: readLabels(bytes, start, end) };
  }
  if (classNumber === INTERFACE && (cType & RESERVED) === 0) {
    const known = readInterface(cType, data);
    // What would be written otherwise (padding that is not zero, more bytes) is kept as it is.
    if (known && sameBytes(writeObject(known, "").subarray(OBJECT_HEADER_LEN), data)) return known;
  }
  return unknown;
}

function readLabels(bytes: Uint8Array, start: number, end: number): readonly MplsLabel[] {
  const labels: MplsLabel[] = [];
  for (let at = start; at < end; at += 4) {
    const word = u32(bytes, at);
    labels.push({
      label: word >>> 12,
      trafficClass: (word >>> 9) & 7,
      bottomOfStack: (word & 0x100) !== 0,
      ttl: word & 0xff,
    });
  }
  return labels;
}

function readInterface(cType: number, data: Uint8Array): IcmpExtensionObject | undefined {
  let at = 0;
  /** Where the next part starts; past the end where it is not all there. */
  const take = (lengthBytes: number): number => {
    at += lengthBytes;
    return at <= data.length ? at - lengthBytes : data.length;
  };
  const left = (lengthBytes: number): boolean => data.length - at >= lengthBytes;
  let index: number | undefined;
  let addr: IpAddr | undefined;
  let interfaceName: string | undefined;
  let mtu: number | undefined;
  if (cType & HAS_INDEX) {
    if (!left(4)) return undefined;
    index = u32(data, take(4));
  }
  if (cType & HAS_ADDR) {
    const family = left(4) ? u16(data, take(4)) : 0;
    if (family === AFI_IPV4 && left(4)) addr = Ipv4Addr.fromU32(u32(data, take(4)));
    else if (family === AFI_IPV6 && left(16)) addr = readIpv6Addr(data, take(16));
    else return undefined;
  }
  if (cType & HAS_NAME) {
    const length = data[at] ?? 0;
    if (length === 0 || length > MAX_NAME_LEN + 1 || !left(length)) return undefined;
    const start = take(length);
    interfaceName = new TextDecoder().decode(data.subarray(start + 1, start + length)).replace(/\0+$/, "");
    const tooLong = new TextEncoder().encode(interfaceName).length > MAX_NAME_LEN;
    if (tooLong || interfaceName.includes("\0")) return undefined;
  }
  if (cType & HAS_MTU) {
    if (!left(4)) return undefined;
    mtu = u32(data, take(4));
  }
  return {
    name: "interface",
    role: cType >>> 6,
    ...(index !== undefined && { index }),
    ...(addr !== undefined && { addr }),
    ...(interfaceName !== undefined && { interfaceName }),
    ...(mtu !== undefined && { mtu }),
  };
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function objectOf(classNumber: number, cType: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(OBJECT_HEADER_LEN + data.length);
  put16(bytes, 0, uint("icmp.extensions: an object's length", bytes.length, 16));
  bytes[2] = classNumber;
  bytes[3] = cType;
  bytes.set(data, OBJECT_HEADER_LEN);
  return bytes;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, value);
  return bytes;
}

function writeLabel(entry: unknown, where: string): Uint8Array {
  const { label, trafficClass, bottomOfStack, ttl } = (entry ?? {}) as MplsLabel;
  const top =
    (uint(`${where}.label`, label, 20) << 12) | (uint(`${where}.trafficClass`, trafficClass, 3) << 9);
  const bottom = flag(`${where}.bottomOfStack`, bottomOfStack) ? 0x100 : 0;
  return word((top | bottom | uint(`${where}.ttl`, ttl, 8)) >>> 0);
}

function writeAddr(addr: unknown, where: string): Uint8Array {
  if (addr instanceof Ipv4Addr) return concatBytes([word(AFI_IPV4 << 16), addr.toBytes()]);
  if (addr instanceof Ipv6Addr) return concatBytes([word(AFI_IPV6 << 16), addr.toBytes()]);
  throw new TypeError(`${where}: expected an address, got ${describe(addr)}`);
}

function writeName(name: unknown, where: string): Uint8Array {
  if (typeof name !== "string") throw new TypeError(`${where}: expected a string, got ${describe(name)}`);
  const text = new TextEncoder().encode(name);
  if (text.length > MAX_NAME_LEN) {
    throw new RangeError(`${where}: expected at most ${MAX_NAME_LEN} bytes, got ${text.length}`);
  }
  const bytes = new Uint8Array(Math.ceil((1 + text.length) / 4) * 4);
  bytes[0] = bytes.length;
  bytes.set(text, 1);
  return bytes;
}

function writeObject(object: IcmpExtensionObject, where: string): Uint8Array {
  switch (object?.name) {
    case "mpls": {
      const labels = listOrNone(`${where}.labels`, object.labels);
      const entries = labels.map((entry, index) => writeLabel(entry, `${where}.labels[${index}]`));
      return objectOf(MPLS, MPLS_INCOMING_STACK, concatBytes(entries));
    }
    case "interface": {
      const { index, addr, interfaceName, mtu } = object;
      const parts: Uint8Array[] = [];
      let cType = uint(`${where}.role`, object.role, 2) << 6;
      const add = (bit: number, bytes: Uint8Array): void => {
        cType |= bit;
        parts.push(bytes);
      };
      if (index !== undefined) add(HAS_INDEX, word(uint(`${where}.index`, index, 32)));
      if (addr !== undefined) add(HAS_ADDR, writeAddr(addr, `${where}.addr`));
      if (interfaceName !== undefined) add(HAS_NAME, writeName(interfaceName, `${where}.interfaceName`));
      if (mtu !== undefined) add(HAS_MTU, word(uint(`${where}.mtu`, mtu, 32)));
      return objectOf(INTERFACE, cType, concatBytes(parts));
    }
    case "unknown": {
      const classNumber = uint(`${where}.classNumber`, object.classNumber, 8);
      const cType = uint(`${where}.cType`, object.cType, 8);
      return objectOf(classNumber, cType, bytesOrNone(`${where}.data`, object.data));
    }
    case "malformed":
      return bytesOrNone(`${where}.data`, object.data);
    default:
      throw new TypeError(`${where}: there is no object ${describe((object as { name?: unknown })?.name)}`);
  }
}

/** @throws {TypeError | RangeError} that names the field */
export function writeExtensions(extensions: unknown, where: string): Uint8Array {
  if (typeof extensions !== "object" || extensions === null) {
    throw new TypeError(`${where}: expected an object, got ${describe(extensions)}`);
  }
  const { reserved, checksum, objects } = extensions as IcmpExtensions;
  const list = listOrNone(`${where}.objects`, objects) as readonly IcmpExtensionObject[];
  const parts = list.map((object, index) => writeObject(object, `${where}.objects[${index}]`));
  const bytes = concatBytes([new Uint8Array(HEADER_LEN), ...parts]);
  put16(bytes, 0, (VERSION << 12) | uint(`${where}.reserved`, reserved ?? 0, 12));
  put16(bytes, 2, uint(`${where}.checksum`, checksum ?? internetChecksum(bytes), 16));
  return bytes;
}

const LABELS: Readonly<Record<IcmpExtensionObject["name"], string>> = {
  mpls: "MPLS Label Stack",
  interface: "Interface Information",
  unknown: "Unknown object",
  malformed: "Malformed",
};

const ROLES = ["incoming", "part of incoming", "outgoing", "next hop"];

/** `"mpls 16001 ttl 1"`, `"interface incoming, index 3"`. */
export function extensionText(object: IcmpExtensionObject): string {
  switch (object.name) {
    case "mpls":
      return object.labels
        .map(({ label, trafficClass, bottomOfStack, ttl }) => {
          const bottom = bottomOfStack ? ", bottom of stack" : "";
          return `label ${label}, traffic class ${trafficClass}${bottom}, ttl ${ttl}`;
        })
        .join("; ");
    case "interface": {
      const { role, index, addr, interfaceName, mtu } = object;
      const parts = [ROLES[role] as string];
      if (index !== undefined) parts.push(`index ${index}`);
      if (addr !== undefined) parts.push(`${addr}`);
      if (interfaceName !== undefined) parts.push(JSON.stringify(interfaceName));
      if (mtu !== undefined) parts.push(`mtu ${mtu}`);
      return parts.join(", ");
    }
    case "unknown":
      return `class ${object.classNumber}, type ${object.cType}, ${describe(object.data)}`;
    case "malformed":
      return describe(object.data);
  }
}

/** The structure as a node of the message's tree. */
export function extensionsNode(bytes: Uint8Array, start: number, end: number): TreeNode {
  const placed = placedObjects(bytes, start, end);
  return {
    name: "extensions",
    label: "Extensions",
    text: placed.map(({ object }) => LABELS[object.name]).join(", "),
    offset: start,
    lengthBytes: end - start,
    children: placed.map(({ object, offset, lengthBytes }) => ({
      name: object.name,
      label: LABELS[object.name],
      text: extensionText(object),
      offset,
      lengthBytes,
    })),
  };
}
