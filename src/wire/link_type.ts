/** Link types: what a capture file says that its packets begin with. */

/** The link types that have a name here; others stay numbers. */
export type LinkTypeName = "null" | "ethernet" | "ip" | "ipv4" | "ipv6" | "linux-sll" | "linux-sll2";

/** LINKTYPE_ values, https://www.tcpdump.org/linktypes.html */
const NUMBERS: Readonly<Record<LinkTypeName, number>> = {
  null: 0,
  ethernet: 1,
  ip: 101,
  "linux-sll": 113,
  ipv4: 228,
  ipv6: 229,
  "linux-sll2": 276,
};

const NAMES = new Map<number, LinkTypeName>([
  ...Object.entries(NUMBERS).map(([name, number]) => [number, name as LinkTypeName] as const),
  [12, "ip"], // DLT_RAW of Linux and others, which some writers put where LINKTYPE_RAW belongs
  [14, "ip"], // DLT_RAW of OpenBSD
]);

/** The name of a link type, or `undefined`. */
export function linkTypeName(number: number): LinkTypeName | undefined {
  return NAMES.get(number);
}

/**
 * The number of a link type.
 * @throws {TypeError | RangeError} for a name that is not known, or a number that is not 0 … 65535
 */
export function linkTypeNumber(linkType: LinkTypeName | number): number {
  const number = typeof linkType === "number" ? linkType : NUMBERS[linkType];
  if (number !== undefined && Number.isInteger(number) && number >= 0 && number <= 0xffff) return number;
  const expected = `one of ${Object.keys(NUMBERS).join(", ")}, or a number 0 … 65535`;
  const message = `linkType: expected ${expected}, got ${String(linkType)}`;
  throw typeof linkType === "number" ? new RangeError(message) : new TypeError(message);
}
