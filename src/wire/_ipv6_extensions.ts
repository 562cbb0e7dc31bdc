/** IPv6 extension headers, RFC 8200 §4, Segment Routing, RFC 8754, and the Authentication Header, RFC 4302. */
import { concatBytes } from "../bytes/index.ts";
import { Ipv6Addr } from "../ip/index.ts";
import { bytesOrNone, describe, flag, put16, put32, uint } from "./_encode.ts";
import { decodeIpv6Options, encodeIpv6Options, type Ipv6Option, ipv6OptionText } from "./_ipv6_options.ts";
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  protocolText,
} from "./_names.ts";
import { type TreeNode, u16, u32 } from "./_pdu.ts";

// Routing types, IANA "IPv6 Routing Types".
const SOURCE_ROUTE = 0; // RFC 2460 §4.4, deprecated by RFC 5095
const SEGMENT_ROUTING = 4; // RFC 8754 §2

/** What follows this header: filled in by the encoder unless told. */
interface Next {
  readonly nextHeader?: number | undefined;
}

/** Options for every router on the way, or for the destination. */
export interface Ipv6OptionsHeader extends Next {
  readonly name: "hopByHop" | "destinationOptions";
  readonly options: readonly Ipv6Option[];
}

/** A routing header of a type that we do not take apart. */
export interface Ipv6RoutingHeader extends Next {
  readonly name: "routing";
  readonly routingType: number;
  readonly segmentsLeft: number;
  /** What follows the first four bytes: 4 bytes, or 8 more for each step. */
  readonly data: Uint8Array;
}

/** Routing type 0. */
export interface Ipv6SourceRoute extends Next {
  readonly name: "sourceRoute";
  readonly segmentsLeft: number;
  /** Must be 0; 0 unless told. */
  readonly reserved?: number | undefined;
  readonly addrs: readonly Ipv6Addr[];
}

/** Routing type 4. */
export interface Ipv6SegmentRouting extends Next {
  readonly name: "segmentRouting";
  readonly segmentsLeft: number;
  /** The index of the last segment of the list. */
  readonly lastEntry: number;
  readonly flags?: number | undefined;
  readonly tag?: number | undefined;
  /** In the order of the header: the last of the path is the first. */
  readonly segments: readonly Ipv6Addr[];
  /** What follows the segments. */
  readonly tlvs?: Uint8Array | undefined;
}

export interface Ipv6FragmentHeader extends Next {
  readonly name: "fragment";
  /** Must be 0; 0 unless told. */
  readonly reserved?: number | undefined;
  /** In bytes, a multiple of 8. */
  readonly fragmentOffset: number;
  /** Two bits that must be 0; 0 unless told. */
  readonly reservedBits?: number | undefined;
  readonly moreFragments: boolean;
  readonly identification: number;
}

export interface Ipv6AuthenticationHeader extends Next {
  readonly name: "authentication";
  /** Must be 0; 0 unless told. */
  readonly reserved?: number | undefined;
  readonly securityParametersIndex: number;
  readonly sequenceNumber: number;
  /** A multiple of four bytes. */
  readonly integrityCheckValue: Uint8Array;
}

/** One extension header. */
export type Ipv6Extension =
  | Ipv6OptionsHeader
  | Ipv6RoutingHeader
  | Ipv6SourceRoute
  | Ipv6SegmentRouting
  | Ipv6FragmentHeader
  | Ipv6AuthenticationHeader;

/**
 * The length of the extension header at `at`, of type `kind`; 0 where it is none, or is not whole before `end`.
 * ESP, whose inside cannot be read, and "no next header" are none.
 */
export function extensionLength(bytes: Uint8Array, kind: number, at: number, end: number): number {
  if (at + 8 > end) return 0;
  let length: number;
  switch (kind) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
      length = ((bytes[at + 1] as number) + 1) * 8;
      break;
    case IPPROTO_FRAGMENT:
      return 8;
    case IPPROTO_AH:
      length = ((bytes[at + 1] as number) + 2) * 4;
      if (length < 12) return 0;
      break;
    default:
      return 0;
  }
  return at + length <= end ? length : 0;
}

/** Whether a next header's number is an extension header's. */
export function isExtension(kind: number): boolean {
  switch (kind) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
    case IPPROTO_FRAGMENT:
    case IPPROTO_AH:
      return true;
    default:
      return false;
  }
}

function readAddrs(bytes: Uint8Array, start: number, count: number): readonly Ipv6Addr[] {
  return Array.from({ length: count }, (_, i) =>
    Ipv6Addr.fromBytes(bytes.subarray(start + i * 16, start + i * 16 + 16)),
  );
}

function readRouting(bytes: Uint8Array, at: number, end: number): Ipv6Extension {
  const nextHeader = bytes[at] as number;
  const routingType = bytes[at + 2] as number;
  const segmentsLeft = bytes[at + 3] as number;
  const room = end - at - 8;
  if (routingType === SOURCE_ROUTE && room % 16 === 0) {
    const addrs = readAddrs(bytes, at + 8, room / 16);
    return { name: "sourceRoute", nextHeader, segmentsLeft, reserved: u32(bytes, at + 4), addrs };
  }
  const lastEntry = bytes[at + 4] as number;
  if (routingType === SEGMENT_ROUTING && (lastEntry + 1) * 16 <= room) {
    const segments = readAddrs(bytes, at + 8, lastEntry + 1);
    const tlvs = bytes.subarray(at + 8 + segments.length * 16, end);
    const [flags, tag] = [bytes[at + 5] as number, u16(bytes, at + 6)];
    return { name: "segmentRouting", nextHeader, segmentsLeft, lastEntry, flags, tag, segments, tlvs };
  }
  return { name: "routing", nextHeader, routingType, segmentsLeft, data: bytes.subarray(at + 4, end) };
}

/** Reads the header of type `kind` from `at` to `end`, as {@link extensionLength} has found it. */
export function decodeExtension(bytes: Uint8Array, kind: number, at: number, end: number): Ipv6Extension {
  const nextHeader = bytes[at] as number;
  switch (kind) {
    case IPPROTO_ROUTING:
      return readRouting(bytes, at, end);
    case IPPROTO_FRAGMENT: {
      const word = u16(bytes, at + 2);
      return {
        name: "fragment",
        nextHeader,
        reserved: bytes[at + 1] as number,
        fragmentOffset: word & 0xfff8,
        reservedBits: (word >>> 1) & 3,
        moreFragments: (word & 1) !== 0,
        identification: u32(bytes, at + 4),
      };
    }
    case IPPROTO_AH:
      return {
        name: "authentication",
        nextHeader,
        reserved: u16(bytes, at + 2),
        securityParametersIndex: u32(bytes, at + 4),
        sequenceNumber: u32(bytes, at + 8),
        integrityCheckValue: bytes.subarray(at + 12, end),
      };
    default: {
      const options = decodeIpv6Options(bytes, at + 2, end);
      return { name: kind === IPPROTO_HOPOPTS ? "hopByHop" : "destinationOptions", nextHeader, options };
    }
  }
}

const KINDS: Readonly<Record<Ipv6Extension["name"], number>> = {
  hopByHop: IPPROTO_HOPOPTS,
  destinationOptions: IPPROTO_DSTOPTS,
  routing: IPPROTO_ROUTING,
  sourceRoute: IPPROTO_ROUTING,
  segmentRouting: IPPROTO_ROUTING,
  fragment: IPPROTO_FRAGMENT,
  authentication: IPPROTO_AH,
};

/** The Next Header value that announces it. @throws {TypeError} for something else */
export function extensionKind(where: string, extension: Ipv6Extension): number {
  const kind = KINDS[extension?.name];
  if (kind !== undefined) return kind;
  const got = typeof extension === "object" && extension !== null ? extension.name : extension;
  throw new TypeError(`${where}: there is no extension header ${describe(got)}`);
}

function addrBytes(where: string, addrs: readonly Ipv6Addr[]): Uint8Array {
  if (!Array.isArray(addrs)) throw new TypeError(`${where}: expected an array, got ${describe(addrs)}`);
  const bytes = new Uint8Array(addrs.length * 16);
  for (const [index, addr] of addrs.entries()) {
    if (!(addr instanceof Ipv6Addr)) {
      throw new TypeError(`${where}[${index}]: expected an Ipv6Addr, got ${describe(addr)}`);
    }
    bytes.set(addr.toBytes(), index * 16);
  }
  return bytes;
}

/** What follows the Next Header and the length: of a header of 8-byte steps. */
function stepsBody(where: string, extension: Ipv6Extension): Uint8Array {
  switch (extension.name) {
    case "routing": {
      const data = bytesOrNone(`${where}.data`, extension.data);
      const first = Uint8Array.of(
        uint(`${where}.routingType`, extension.routingType, 8),
        uint(`${where}.segmentsLeft`, extension.segmentsLeft, 8),
      );
      return concatBytes([first, data]);
    }
    case "sourceRoute": {
      const first = new Uint8Array(6);
      first[1] = uint(`${where}.segmentsLeft`, extension.segmentsLeft, 8);
      put32(first, 2, uint(`${where}.reserved`, extension.reserved ?? 0, 32));
      return concatBytes([first, addrBytes(`${where}.addrs`, extension.addrs)]);
    }
    case "segmentRouting": {
      const first = new Uint8Array(6);
      first[0] = SEGMENT_ROUTING;
      first[1] = uint(`${where}.segmentsLeft`, extension.segmentsLeft, 8);
      first[2] = uint(`${where}.lastEntry`, extension.lastEntry, 8);
      first[3] = uint(`${where}.flags`, extension.flags ?? 0, 8);
      put16(first, 4, uint(`${where}.tag`, extension.tag ?? 0, 16));
      const segments = addrBytes(`${where}.segments`, extension.segments);
      return concatBytes([first, segments, bytesOrNone(`${where}.tlvs`, extension.tlvs)]);
    }
    case "hopByHop":
    case "destinationOptions":
      return encodeIpv6Options(`${where}.options`, extension.options ?? []);
    default:
      return new Uint8Array(0);
  }
}

function encodeFragment(where: string, extension: Ipv6FragmentHeader): Uint8Array {
  const offset = uint(`${where}.fragmentOffset`, extension.fragmentOffset ?? 0, 16);
  if (offset % 8 !== 0) {
    throw new RangeError(`${where}.fragmentOffset: expected a multiple of 8, got ${offset}`);
  }
  const bytes = new Uint8Array(8);
  bytes[1] = uint(`${where}.reserved`, extension.reserved ?? 0, 8);
  const bits = uint(`${where}.reservedBits`, extension.reservedBits ?? 0, 2) << 1;
  put16(bytes, 2, offset | bits | (flag(`${where}.moreFragments`, extension.moreFragments) ? 1 : 0));
  put32(bytes, 4, uint(`${where}.identification`, extension.identification ?? 0, 32));
  return bytes;
}

function encodeAuthentication(where: string, extension: Ipv6AuthenticationHeader): Uint8Array {
  const value = bytesOrNone(`${where}.integrityCheckValue`, extension.integrityCheckValue);
  const steps = 1 + value.length / 4;
  if (!Number.isInteger(steps) || steps > 255) {
    const got = `got ${value.length}`;
    throw new RangeError(
      `${where}.integrityCheckValue: expected a multiple of 4 bytes, 1016 at most, ${got}`,
    );
  }
  const bytes = new Uint8Array(12 + value.length);
  bytes[1] = steps;
  put16(bytes, 2, uint(`${where}.reserved`, extension.reserved ?? 0, 16));
  put32(bytes, 4, uint(`${where}.securityParametersIndex`, extension.securityParametersIndex, 32));
  put32(bytes, 8, uint(`${where}.sequenceNumber`, extension.sequenceNumber, 32));
  bytes.set(value, 12);
  return bytes;
}

/**
 * Makes an extension header.
 * @param where the field, as `"ipv6.extensions[0]"`
 * @param next what follows it, unless the fields tell
 * @throws {TypeError | RangeError} that names the field
 */
export function encodeExtension(where: string, extension: Ipv6Extension, next: number): Uint8Array {
  let bytes: Uint8Array;
  if (extension.name === "fragment") bytes = encodeFragment(where, extension);
  else if (extension.name === "authentication") bytes = encodeAuthentication(where, extension);
  else {
    const body = stepsBody(where, extension);
    const steps = (body.length + 2) / 8;
    if (!Number.isInteger(steps) || steps > 256) {
      throw new RangeError(
        `${where}: expected a multiple of 8 bytes, 2048 at most, got ${body.length + 2} bytes`,
      );
    }
    bytes = concatBytes([Uint8Array.of(0, steps - 1), body]);
  }
  bytes[0] = uint(`${where}.nextHeader`, extension.nextHeader ?? next, 8);
  return bytes;
}

const LABELS: Readonly<Record<Ipv6Extension["name"], string>> = {
  hopByHop: "Hop-by-Hop Options",
  destinationOptions: "Destination Options",
  routing: "Routing",
  sourceRoute: "Routing, type 0",
  segmentRouting: "Segment Routing",
  fragment: "Fragment",
  authentication: "Authentication Header",
};

function extensionText(extension: Ipv6Extension): string {
  switch (extension.name) {
    case "hopByHop":
    case "destinationOptions":
      return extension.options.map(ipv6OptionText).join(", ");
    case "routing": {
      const { routingType, segmentsLeft, data } = extension;
      return `type ${routingType}, segments left ${segmentsLeft}, ${describe(data)}`;
    }
    case "sourceRoute":
      return `segments left ${extension.segmentsLeft}, ${extension.addrs.join(", ")}`;
    case "segmentRouting":
      return `segments left ${extension.segmentsLeft}, ${extension.segments.join(", ")}`;
    case "fragment": {
      const { fragmentOffset, moreFragments, identification } = extension;
      const id = `identification 0x${identification.toString(16).padStart(8, "0")}`;
      return `at ${fragmentOffset}${moreFragments ? ", more to come" : ", the last"}, ${id}`;
    }
    case "authentication": {
      const { securityParametersIndex, sequenceNumber, integrityCheckValue } = extension;
      const spi = `spi 0x${securityParametersIndex.toString(16).padStart(8, "0")}`;
      return `${spi}, sequence number ${sequenceNumber}, ${describe(integrityCheckValue)}`;
    }
  }
}

/** A node of the header's tree. */
export function extensionNode(extension: Ipv6Extension, offset: number, lengthBytes: number): TreeNode {
  const { name, nextHeader } = extension;
  const node = (field: string, label: string, text: string, at: number, length: number): TreeNode => ({
    name: field,
    label,
    text,
    offset: offset + at,
    lengthBytes: length,
  });
  return {
    name,
    label: LABELS[name],
    text: extensionText(extension),
    offset,
    lengthBytes,
    children: [
      node("nextHeader", "Next Header", protocolText(nextHeader as number), 0, 1),
      ...(name === "fragment" ? [] : [node("length", "Length", `${lengthBytes} bytes`, 1, 1)]),
    ],
  };
}
