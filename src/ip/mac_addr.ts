/** MAC addresses (EUI-48) as immutable values. */
import { checkBytes, checkString, order } from "./_check.ts";
import { AddressError } from "./errors.ts";

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const EXPECTED = "six bytes of two hex digits, parted by colons or by hyphens: 02:00:5e:10:00:01";
const OCTETS = 6;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The address of a network card, IEEE 802 §8. */
export class MacAddr {
  /** ff:ff:ff:ff:ff:ff: every card of the link. */
  static readonly BROADCAST: MacAddr = new MacAddr(0xffffff, 0xffffff);
  /** 00:00:00:00:00:00: none, as the loopback interface has it. */
  static readonly UNSPECIFIED: MacAddr = new MacAddr(0, 0);

  /** The first three bytes, which name the maker, and the last three. */
  private readonly upper: number;
  private readonly lower: number;

  private constructor(upper: number, lower: number) {
    this.upper = upper;
    this.lower = lower;
    Object.freeze(this);
  }

  /**
   * Reads `02:00:5e:10:00:01` or `02-00-5E-10-00-01`.
   * @throws {AddressError} with the reason
   */
  static parse(text: string): MacAddr {
    const addr = MacAddr.tryParse(text);
    if (!addr) throw new AddressError(text, "a MAC address", whyNot(text), EXPECTED);
    return addr;
  }

  /** Like {@link parse}, with undefined for a text that is not an address. */
  static tryParse(text: string): MacAddr | undefined {
    checkString("text", text);
    if (!/^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i.test(text)) return undefined;
    const digits = text.replace(/[:-]/g, "");
    return new MacAddr(Number.parseInt(digits.slice(0, 6), 16), Number.parseInt(digits.slice(6), 16));
  }

  /** Reads six bytes in the order in which they are sent. The bytes are copied. */
  static fromBytes(bytes: Uint8Array): MacAddr {
    checkBytes("bytes", bytes, OCTETS);
    return new MacAddr(threeBytes(bytes, 0), threeBytes(bytes, 3));
  }

  /** The six bytes in an array of their own. */
  toBytes(): Uint8Array {
    const { upper, lower } = this;
    return Uint8Array.of(upper >>> 16, upper >>> 8, upper, lower >>> 16, lower >>> 8, lower);
  }

  /** ff:ff:ff:ff:ff:ff */
  get isBroadcast(): boolean {
    return this.upper === 0xffffff && this.lower === 0xffffff;
  }

  /** The lowest bit of the first byte is set: the address is a group's, or everybody's. */
  get isMulticast(): boolean {
    return (this.upper & 0x010000) !== 0;
  }

  /** The second bit of the first byte is set: no maker has given it out. */
  get isLocal(): boolean {
    return (this.upper & 0x020000) !== 0;
  }

  /** 00:00:00:00:00:00 */
  get isUnspecified(): boolean {
    return this.upper === 0 && this.lower === 0;
  }

  equals(other: MacAddr): boolean {
    return other instanceof MacAddr && other.upper === this.upper && other.lower === this.lower;
  }

  /** Sorts by number. */
  compare(other: MacAddr): -1 | 0 | 1 {
    return order(this.upper, other.upper) || order(this.lower, other.lower);
  }

  /** In lower case, with colons. */
  toString(): string {
    return Array.from(this.toBytes(), (byte) => HEX[byte]).join(":");
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `MacAddr(${this.toString()})`;
  }
}

function whyNot(text: string): string {
  if (text === "") return "it is empty";
  const odd = /[^0-9a-f:-]/iu.exec(text);
  if (odd) return `it has ${JSON.stringify(odd[0])} at position ${odd.index + 1}`;
  if (text.includes(":") && text.includes("-")) return "it mixes colons and hyphens";
  const parts = text.split(/[:-]/);
  if (parts.length !== OCTETS) return `it has ${parts.length === 1 ? "1 part" : `${parts.length} parts`}`;
  return `byte ${parts.findIndex((part) => part.length !== 2) + 1} does not have two digits`;
}

/** Three bytes as a number. */
function threeBytes(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}
