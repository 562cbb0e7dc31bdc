/** ICMP and ICMPv6 messages that answer echo requests: replies, and errors with the request that they are about. */
import type { IpAddr } from "../ip/index.ts";
import { decodeIcmp, decodeIcmpv6, decodeIpv4, decodeIpv6, verifyIcmp, WireError } from "../wire/index.ts";

export type Family = "ipv4" | "ipv6";

/** Type, code, checksum, identifier, sequence number: RFC 792, RFC 4443 §4.1. */
export const ECHO_HEADER_LEN = 8;
export const ECHO_REQUEST = { ipv4: 8, ipv6: 128 } as const;
export const ECHO_REPLY = { ipv4: 0, ipv6: 129 } as const;

/** What is about echo requests besides replies: RFC 792; RFC 4443 §3. */
export const ERROR_TYPES = { ipv4: [3, 4, 5, 11, 12], ipv6: [1, 2, 3, 4] } as const;
const ICMP = 1;
const ICMPV6 = 58;

/** An echo reply as it came, whoever's it is. */
export interface ReplyMessage {
  readonly kind: "reply";
  readonly identifier: number;
  /** 16 bits. */
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** Whether its checksum is right; over IPv6 the kernel has seen to it. */
  readonly intact: boolean;
}

/** An ICMP error, with what it quotes of an echo request. */
export interface ErrorMessage {
  readonly kind: "error";
  readonly identifier: number;
  /** 16 bits. */
  readonly sequence: number;
  /** Where the request was sent to. */
  readonly destination: IpAddr;
  readonly type: number;
  readonly code: number;
  /** What the message says beyond its code: an MTU, a pointer, the address of a router as a number. */
  readonly info: number;
}

const u16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65536 + u16(bytes, at + 2);

/** The four bytes behind the checksum, as the type has it. */
function infoOf(family: Family, message: Uint8Array): number {
  const [type, code] = message as unknown as [number, number];
  if (family === "ipv6") return type === 2 || type === 4 ? u32(message, 4) : 0;
  if (type === 3) return code === 4 ? u16(message, 6) : 0; // RFC 1191 §4
  if (type === 12) return message[4] as number;
  return type === 5 ? u32(message, 4) : 0;
}

/** The request that an error quotes: where it went, and its ICMP message as far as it is there. */
function quotedRequest(
  family: Family,
  message: Uint8Array,
): { readonly destination: IpAddr; readonly echo: Uint8Array } | undefined {
  const { quoted } = family === "ipv4" ? decodeIcmp(message) : decodeIcmpv6(message);
  if (quoted === undefined) return undefined;
  const end = quoted.length;
  if (family === "ipv4") {
    const packet = decodeIpv4(quoted, 0, end, Number.POSITIVE_INFINITY);
    return packet.protocolNumber !== ICMP || packet.fragmentOffset !== 0
      ? undefined
      : { destination: packet.dst, echo: packet.payload };
  }
  const packet = decodeIpv6(quoted, 0, end, Number.POSITIVE_INFINITY);
  return packet.upperProtocol !== ICMPV6 || packet.fragmentOffset !== 0
    ? undefined
    : { destination: packet.dst, echo: packet.payload };
}

/** Reads a message from its ICMP header on. @returns `undefined` for what is no answer to an echo request */
export function parseEcho(family: Family, message: Uint8Array): ReplyMessage | ErrorMessage | undefined {
  if (message.length < ECHO_HEADER_LEN) return undefined;
  const [type, code] = message as unknown as [number, number];
  if (type === ECHO_REPLY[family]) {
    return {
      kind: "reply",
      identifier: u16(message, 4),
      sequence: u16(message, 6),
      payload: message.subarray(ECHO_HEADER_LEN),
      intact: family === "ipv6" || verifyIcmp(decodeIcmp(message)),
    };
  }
  if (!(ERROR_TYPES[family] as readonly number[]).includes(type)) return undefined;
  try {
    const request = quotedRequest(family, message);
    if (request === undefined || request.echo.length < ECHO_HEADER_LEN) return undefined;
    const { destination, echo } = request;
    if (echo[0] !== ECHO_REQUEST[family]) return undefined;
    const info = infoOf(family, message);
    const [identifier, sequence] = [u16(echo, 4), u16(echo, 6)];
    return { kind: "error", identifier, sequence, destination, type, code, info };
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
