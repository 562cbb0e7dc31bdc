/** Netlink attributes as they stand in a message: length, type, data, and padding to a multiple of four. */
import { concatBytes, WireError } from "../bytes/index.ts";
import { NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK } from "./_constants.ts";

/** `sizeof(struct nlattr)`, include/uapi/linux/netlink.h */
export const ATTRIBUTE_HEADER_LEN = 4;
const MAX_ATTRIBUTE_LEN = 0xffff;

/** One attribute. */
export interface Attribute {
  /** Without the two flags. */
  readonly type: number;
  /** NLA_F_NESTED: the data are attributes. Many kernel parts that nest do not set it. */
  readonly nested?: boolean;
  /** NLA_F_NET_BYTEORDER: the data are in network order. */
  readonly netByteOrder?: boolean;
  readonly data: Uint8Array;
}

/** The next multiple of four: NLA_ALIGN, NLMSG_ALIGN. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A native 16-bit field; x86-64 and arm64 Linux are little-endian. */
export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

/** A native 32-bit field, never negative. */
export function get32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** The length of the attribute at `at`, its header included. @throws {WireError} `BAD_LENGTH` */
export function attributeLength(bytes: Uint8Array, at: number, end: number): number {
  const length = get16(bytes, at);
  if (length >= ATTRIBUTE_HEADER_LEN && at + length <= end) return length;
  const expected = `expected an attribute of ${ATTRIBUTE_HEADER_LEN} … ${end - at} bytes, got ${length}`;
  throw new WireError("BAD_LENGTH", "netlink", at, expected);
}

/**
 * Calls `visit` for every attribute from `start` to `end`: with its type as it stands (flags in it), and where its data
 * begins and ends.
 * @throws {WireError} `BAD_LENGTH` where a length is below 4 or more than there is. Fewer than four bytes at the end
 * are padding
 */
export function eachAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (type: number, from: number, to: number) => void,
): void {
  for (let at = start; at + ATTRIBUTE_HEADER_LEN <= end; ) {
    const length = attributeLength(bytes, at, end);
    visit(get16(bytes, at + 2), at + ATTRIBUTE_HEADER_LEN, at + length);
    at += align(length);
  }
}

/** An attribute from its type with flags; the data are copied, since buffers are used again. */
export function attributeOf(type: number, data: Uint8Array): Attribute {
  return {
    type: type & NLA_TYPE_MASK,
    ...((type & NLA_F_NESTED) !== 0 && { nested: true }),
    ...((type & NLA_F_NET_BYTEORDER) !== 0 && { netByteOrder: true }),
    data: data.slice(),
  };
}

/** The attributes from `start` to `end`, with copies of their data. @throws {WireError} as {@link eachAttribute} */
export function readAttributes(bytes: Uint8Array, start = 0, end: number = bytes.length): Attribute[] {
  const attributes: Attribute[] = [];
  eachAttribute(bytes, start, end, (type, from, to) => {
    attributes.push(attributeOf(type, bytes.subarray(from, to)));
  });
  return attributes;
}

/**
 * One attribute in bytes, with its padding.
 * @throws {RangeError} for a type above 16383, or more than 65531 bytes
 * @throws {TypeError} for data that is no Uint8Array
 */
export function encodeAttribute(attribute: Attribute): Uint8Array {
  if (!(attribute?.data instanceof Uint8Array)) {
    throw new TypeError(`attribute: expected an object whose data is a Uint8Array, got ${String(attribute)}`);
  }
  const { type, nested, netByteOrder, data } = attribute;
  if (!Number.isInteger(type) || type < 0 || type > NLA_TYPE_MASK) {
    throw new RangeError(`attribute type: expected an integer 0 … ${NLA_TYPE_MASK}, got ${type}`);
  }
  const length = ATTRIBUTE_HEADER_LEN + data.length;
  if (length > MAX_ATTRIBUTE_LEN) {
    const most = MAX_ATTRIBUTE_LEN - ATTRIBUTE_HEADER_LEN;
    throw new RangeError(`attribute ${type}: expected at most ${most} bytes, got ${data.length}`);
  }
  const flagged = type | (nested ? NLA_F_NESTED : 0) | (netByteOrder ? NLA_F_NET_BYTEORDER : 0);
  const bytes = new Uint8Array(align(length));
  bytes[0] = length;
  bytes[1] = length >>> 8;
  bytes[2] = flagged;
  bytes[3] = flagged >>> 8;
  bytes.set(data, ATTRIBUTE_HEADER_LEN);
  return bytes;
}

/** Attributes in bytes, in order. @throws {RangeError} as {@link encodeAttribute} */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  return concatBytes(attributes.map(encodeAttribute));
}
