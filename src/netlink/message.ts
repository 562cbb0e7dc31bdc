/** Netlink messages: the header, and several in one buffer. include/uapi/linux/netlink.h, v6.12 */
import { WireError } from "../bytes/index.ts";
import { align, get16, get32 } from "./attributes.ts";

/** `sizeof(struct nlmsghdr)` */
export const MESSAGE_HEADER_LEN = 16;

/** A message as it was received. It lies in a buffer that is used again: what is kept of it has to be copied. */
export interface Message {
  /** Below 16 one of netlink's own, else the protocol's, as RTM_NEWLINK. */
  readonly type: number;
  /** NLM_F_… */
  readonly flags: number;
  readonly sequence: number;
  /** Of the socket that asked; 0 for what nobody asked for. */
  readonly portId: number;
  /** What the message lies in; its payload is from `start` to `end`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Calls `visit` with every message of a buffer.
 * @throws {WireError} `BAD_LENGTH`, `TRUNCATED`
 */
export function eachMessage(bytes: Uint8Array, length: number, visit: (message: Message) => void): void {
  for (let at = 0; at < length; ) {
    if (at + MESSAGE_HEADER_LEN > length) {
      const expected = `expected a header of ${MESSAGE_HEADER_LEN} bytes, got ${length - at}`;
      throw new WireError("TRUNCATED", "netlink", length, expected);
    }
    const size = get32(bytes, at);
    if (size < MESSAGE_HEADER_LEN || at + size > length) {
      const expected = `expected a message of ${MESSAGE_HEADER_LEN} … ${length - at} bytes, got ${size}`;
      throw new WireError("BAD_LENGTH", "netlink", at, expected);
    }
    visit({
      type: get16(bytes, at + 4),
      flags: get16(bytes, at + 6),
      sequence: get32(bytes, at + 8),
      portId: get32(bytes, at + 12),
      bytes,
      start: at + MESSAGE_HEADER_LEN,
      end: at + size,
    });
    at += align(size);
  }
}

/** The header's fields. */
export interface MessageHeader {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId?: number;
}

/** A message in bytes. @throws {RangeError} for a field that does not fit */
export function encodeMessage(header: MessageHeader, payload: Uint8Array): Uint8Array {
  for (const [name, value, max] of [
    ["type", header.type, 0xffff],
    ["flags", header.flags, 0xffff],
    ["sequence", header.sequence, 0xffff_ffff],
    ["portId", header.portId ?? 0, 0xffff_ffff],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new RangeError(`${name}: expected an integer 0 … ${max}, got ${value}`);
    }
  }
  const length = MESSAGE_HEADER_LEN + payload.length;
  const bytes = new Uint8Array(align(length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, header.type, true);
  view.setUint16(6, header.flags, true);
  view.setUint32(8, header.sequence, true);
  view.setUint32(12, header.portId ?? 0, true);
  bytes.set(payload, MESSAGE_HEADER_LEN);
  return bytes;
}
