/** The messages of ICMP: their fields as types, and their formats. */
import { concatBytes } from "../bytes/index.ts";
import { Ipv4Addr } from "../ip/index.ts";
import { put32, uint } from "./_encode.ts";
import type { IcmpExtensions } from "./_icmp_extensions.ts";
import { QUOTED, quotedWithExtensions } from "./_icmp_quote.ts";
import {
  bytesNode,
  Formats,
  fixed,
  format,
  ipv4Bytes,
  listOrNone,
  PAYLOAD,
  type Tail,
  untold,
} from "./_message.ts";
import { type TreeNode, u32 } from "./_pdu.ts";

/** What every message has beside its type. */
export interface IcmpCommon {
  /** 0 unless told. */
  readonly code?: number | undefined;
  /** Computed unless told. */
  readonly checksum?: number | undefined;
}

/** RFC 792, "Echo or Echo Reply Message". */
export interface IcmpEcho extends IcmpCommon {
  readonly type: "echoRequest" | "echoReply";
  /** Who asks; 0 unless told. */
  readonly identifier?: number | undefined;
  /** 0 unless told. */
  readonly sequenceNumber?: number | undefined;
  /** Comes back as it is sent. */
  readonly payload?: Uint8Array | undefined;
}

/** RFC 792, "Destination Unreachable Message". */
export interface IcmpDestinationUnreachable extends IcmpCommon {
  readonly type: "destinationUnreachable";
  /** Must be 0. */
  readonly unused?: number | undefined;
  /** Of the quoted packet in units of 4 bytes, where extensions follow it, else 0: RFC 4884 §4.1. What it is unless told. */
  readonly length?: number | undefined;
  /** Of code 4: the largest packet that would have passed, RFC 1191 §4. 0 unless told. */
  readonly nextHopMtu?: number | undefined;
  /** The packet that it is about, from its IP header on, mostly cut. */
  readonly quoted?: Uint8Array | undefined;
  readonly extensions?: IcmpExtensions | undefined;
}

/** RFC 792, "Time Exceeded Message". */
export interface IcmpTimeExceeded extends IcmpCommon {
  readonly type: "timeExceeded";
  /** Must be 0. */
  readonly unused?: number | undefined;
  /** As of {@link IcmpDestinationUnreachable}. */
  readonly length?: number | undefined;
  /** The last two bytes before the quote, which must be 0. */
  readonly unused2?: number | undefined;
  readonly quoted?: Uint8Array | undefined;
  readonly extensions?: IcmpExtensions | undefined;
}

/** RFC 792, "Parameter Problem Message". */
export interface IcmpParameterProblem extends IcmpCommon {
  readonly type: "parameterProblem";
  /** Of code 0: the byte of the quoted packet that is wrong. */
  readonly pointer?: number | undefined;
  /** As of {@link IcmpDestinationUnreachable}. */
  readonly length?: number | undefined;
  /** Must be 0. */
  readonly unused?: number | undefined;
  readonly quoted?: Uint8Array | undefined;
  readonly extensions?: IcmpExtensions | undefined;
}

/** RFC 792, "Source Quench Message"; no router is to send it any more, RFC 6633. */
export interface IcmpSourceQuench extends IcmpCommon {
  readonly type: "sourceQuench";
  /** Must be 0. */
  readonly unused?: number | undefined;
  readonly quoted?: Uint8Array | undefined;
}

/** RFC 792, "Redirect Message". */
export interface IcmpRedirect extends IcmpCommon {
  readonly type: "redirect";
  /** The router to go by. */
  readonly gateway: Ipv4Addr;
  readonly quoted?: Uint8Array | undefined;
}

/** A router, RFC 1256 §3. */
export interface IcmpRouter {
  readonly addr: Ipv4Addr;
  /** The higher, the better; -2147483648 is "never by default". */
  readonly preference: number;
  /** What an entry of more than two words has behind these. */
  readonly more?: Uint8Array | undefined;
}

/** RFC 1256 §3. */
export interface IcmpRouterAdvertisement extends IcmpCommon {
  readonly type: "routerAdvertisement";
  /** As many as there are unless told. */
  readonly numberOfAddresses?: number | undefined;
  /** Of a router, in words of 4 bytes; 2 unless told. */
  readonly addressEntrySize?: number | undefined;
  /** How long it holds, in seconds. 1800 unless told, RFC 1256 §4.1. */
  readonly lifetime?: number | undefined;
  readonly routers?: readonly IcmpRouter[] | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 1256 §3. */
export interface IcmpRouterSolicitation extends IcmpCommon {
  readonly type: "routerSolicitation";
  /** Must be 0. */
  readonly reserved?: number | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 792, "Timestamp or Timestamp Reply Message". Times are milliseconds since midnight UTC, unless the highest bit is set. */
export interface IcmpTimestamp extends IcmpCommon {
  readonly type: "timestampRequest" | "timestampReply";
  readonly identifier?: number | undefined;
  readonly sequenceNumber?: number | undefined;
  readonly originateTimestamp?: number | undefined;
  readonly receiveTimestamp?: number | undefined;
  readonly transmitTimestamp?: number | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 792, "Information Request or Information Reply Message"; obsolete, RFC 6918. */
export interface IcmpInformation extends IcmpCommon {
  readonly type: "informationRequest" | "informationReply";
  readonly identifier?: number | undefined;
  readonly sequenceNumber?: number | undefined;
  readonly payload?: Uint8Array | undefined;
}

/** RFC 950, Appendix I; obsolete, RFC 6918. */
export interface IcmpAddressMask extends IcmpCommon {
  readonly type: "addressMaskRequest" | "addressMaskReply";
  readonly identifier?: number | undefined;
  readonly sequenceNumber?: number | undefined;
  /** 0.0.0.0 in a request. */
  readonly addressMask: Ipv4Addr;
  readonly payload?: Uint8Array | undefined;
}

/** A message of a type that we do not know; to make one, any type as a number will do. */
export interface IcmpUnknown extends IcmpCommon {
  readonly type: number;
  /** All behind the checksum. */
  readonly body?: Uint8Array | undefined;
}

/** A message whose type we know. */
export type IcmpKnown =
  | IcmpEcho
  | IcmpDestinationUnreachable
  | IcmpTimeExceeded
  | IcmpParameterProblem
  | IcmpSourceQuench
  | IcmpRedirect
  | IcmpRouterAdvertisement
  | IcmpRouterSolicitation
  | IcmpTimestamp
  | IcmpInformation
  | IcmpAddressMask;

/** What an ICMP message consists of; which, its `type` says. */
export type IcmpFields = IcmpKnown | IcmpUnknown;

/** The types that we know, by name. */
export type IcmpType = IcmpKnown["type"];

const ENTRIES_AT = 4;
const ENTRY_SIZE_AT = 5;
const LEAST_ENTRY_SIZE = 2;

interface PlacedRouter {
  readonly router: IcmpRouter;
  readonly at: number;
}

/** As many routers as the header tells of, and there are. */
function placedRouters(bytes: Uint8Array, start: number, end: number, base: number): readonly PlacedRouter[] {
  const list: PlacedRouter[] = [];
  const size = (bytes[base + ENTRY_SIZE_AT] as number) * 4;
  if (size < LEAST_ENTRY_SIZE * 4) return list;
  let count = bytes[base + ENTRIES_AT] as number;
  for (let at = start; count > 0 && at + size <= end; at += size, count--) {
    const more = size > 8 ? { more: bytes.subarray(at + 8, at + size) } : {};
    const router = { addr: Ipv4Addr.fromU32(u32(bytes, at)), preference: u32(bytes, at + 4) | 0, ...more };
    list.push({ router, at });
  }
  return list;
}

function writeRouter(entry: unknown, where: string, size: number): Uint8Array {
  const { addr, preference, more } = (entry ?? {}) as IcmpRouter;
  const bytes = new Uint8Array(size);
  bytes.set(ipv4Bytes(`${where}.addr`, addr));
  if (typeof preference !== "number" || preference !== (preference | 0)) {
    throw new RangeError(
      `${where}.preference: expected an integer -2147483648 … 2147483647, got ${preference}`,
    );
  }
  put32(bytes, 4, preference);
  const rest = more ?? new Uint8Array(0);
  if (rest.length > size - 8) {
    throw new RangeError(`${where}.more: expected at most ${size - 8} bytes, got ${rest.length}`);
  }
  bytes.set(rest, 8);
  return bytes;
}

const ROUTERS: Tail = {
  read(bytes, start, end, base) {
    const placed = placedRouters(bytes, start, end, base);
    const size = (bytes[base + ENTRY_SIZE_AT] as number) * 4;
    const routers = placed.map(({ router }) => router);
    return { routers, payload: bytes.subarray(start + routers.length * size, end) };
  },
  write(fields, where, told) {
    const routers = listOrNone(`${where}.routers`, fields.routers);
    if (untold(fields, "numberOfAddresses")) {
      told[ENTRIES_AT] = uint(`${where}.routers: their number`, routers.length, 8);
    }
    const size = Math.max(LEAST_ENTRY_SIZE, told[ENTRY_SIZE_AT] as number) * 4;
    const entries = routers.map((entry, index) => writeRouter(entry, `${where}.routers[${index}]`, size));
    return concatBytes([...entries, PAYLOAD.write(fields, where, told)]);
  },
  nodes(bytes, start, end, base): readonly TreeNode[] {
    const size = (bytes[base + ENTRY_SIZE_AT] as number) * 4;
    const placed = placedRouters(bytes, start, end, base);
    const nodes = placed.map(({ router, at }) => ({
      name: "router",
      label: "Router",
      text: `${router.addr}, preference ${router.preference}`,
      offset: at,
      lengthBytes: size,
    }));
    const rest = start + placed.length * size;
    return rest === end ? nodes : [...nodes, bytesNode("payload", "Rest", bytes, rest, end)];
  },
};

const IDENTIFIER = fixed("identifier", "Identifier", 32, 16);
const SEQUENCE_NUMBER = fixed("sequenceNumber", "Sequence Number", 48, 16);
const LENGTH = fixed("length", "Length", 40, 8, { show: (value) => `${value * 4} bytes` });
const WITH_EXTENSIONS = quotedWithExtensions(5, 4);
const milliseconds = { show: (value: number) => `${value} ms` };

const echo = (type: number, name: IcmpEcho["type"]) =>
  format<IcmpEcho>(type, name, [IDENTIFIER, SEQUENCE_NUMBER]);
const timestamp = (type: number, name: IcmpTimestamp["type"]) =>
  format<IcmpTimestamp>(type, name, [
    IDENTIFIER,
    SEQUENCE_NUMBER,
    fixed("originateTimestamp", "Originate Timestamp", 64, 32, milliseconds),
    fixed("receiveTimestamp", "Receive Timestamp", 96, 32, milliseconds),
    fixed("transmitTimestamp", "Transmit Timestamp", 128, 32, milliseconds),
  ]);
const information = (type: number, name: IcmpInformation["type"]) =>
  format<IcmpInformation>(type, name, [IDENTIFIER, SEQUENCE_NUMBER]);
const addressMask = (type: number, name: IcmpAddressMask["type"]) =>
  format<IcmpAddressMask>(type, name, [
    IDENTIFIER,
    SEQUENCE_NUMBER,
    fixed("addressMask", "Address Mask", 64, 32, { kind: "ipv4" }),
  ]);

export const ICMP_FORMATS: Formats = new Formats([
  echo(0, "echoReply"),
  format<IcmpDestinationUnreachable>(
    3,
    "destinationUnreachable",
    [fixed("unused", "Unused", 32, 8), LENGTH, fixed("nextHopMtu", "Next-Hop MTU", 48, 16)],
    WITH_EXTENSIONS,
  ),
  format<IcmpSourceQuench>(4, "sourceQuench", [fixed("unused", "Unused", 32, 32)], QUOTED),
  format<IcmpRedirect>(
    5,
    "redirect",
    [fixed("gateway", "Gateway Internet Address", 32, 32, { kind: "ipv4" })],
    QUOTED,
  ),
  echo(8, "echoRequest"),
  format<IcmpRouterAdvertisement>(
    9,
    "routerAdvertisement",
    [
      fixed("numberOfAddresses", "Num Addrs", 32, 8),
      fixed("addressEntrySize", "Addr Entry Size", 40, 8, {
        initial: LEAST_ENTRY_SIZE,
        show: (value) => `${value * 4} bytes`,
      }),
      fixed("lifetime", "Lifetime", 48, 16, { initial: 1800, show: (value) => `${value} s` }),
    ],
    ROUTERS,
  ),
  format<IcmpRouterSolicitation>(10, "routerSolicitation", [fixed("reserved", "Reserved", 32, 32)]),
  format<IcmpTimeExceeded>(
    11,
    "timeExceeded",
    [fixed("unused", "Unused", 32, 8), LENGTH, fixed("unused2", "Unused", 48, 16)],
    WITH_EXTENSIONS,
  ),
  format<IcmpParameterProblem>(
    12,
    "parameterProblem",
    [fixed("pointer", "Pointer", 32, 8), LENGTH, fixed("unused", "Unused", 48, 16)],
    WITH_EXTENSIONS,
  ),
  timestamp(13, "timestampRequest"),
  timestamp(14, "timestampReply"),
  information(15, "informationRequest"),
  information(16, "informationReply"),
  addressMask(17, "addressMaskRequest"),
  addressMask(18, "addressMaskReply"),
]);
