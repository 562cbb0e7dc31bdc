/**
 * The words of a change, read as ip(8) reads them: which may be abbreviated, how numbers and addresses may be written, and
 * in which words it says what is wrong. iproute2 6.1
 */
import { IpPrefix, Ipv4Addr, Ipv6Addr } from "../../ip/index.ts";
import { NetlinkError } from "../../netlink/index.ts";
import type { Device, Family, RouteSocket } from "../../netlink/route/index.ts";
import { errnoText, SysError } from "../../sys/index.ts";
import { UsageError } from "../_command.ts";

/** What was asked for in proper words was refused: exit code 1. */
export class Refusal extends Error {}

export function wrong(word: string, why: string): UsageError {
  return new UsageError(`Error: argument "${word}" is wrong: ${why}`);
}

export function duplicate(what: string, word: string): UsageError {
  return new UsageError(`Error: duplicate "${what}": "${word}" is the second value.`);
}

export function garbage(what: string, word: string): UsageError {
  return new UsageError(`Error: either "${what}" is duplicate, or "${word}" is a garbage.`);
}

export function onOrOff(what: string, word: string): UsageError {
  return new UsageError(`Error: argument of "${what}" must be "on" or "off", not "${word}"`);
}

export function noDevice(name: string): Refusal {
  return new Refusal(`Cannot find device "${name}"`);
}

/** Whether a word is the beginning of a longer one, or all of it. */
export function matches(word: string, whole: string): boolean {
  return word !== "" && whole.startsWith(word);
}

/** Words, one after another. */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** The next word, which is not taken; `undefined` at the end. */
  get next(): string | undefined {
    return this.#words[this.#at];
  }

  /** Takes the next word; `undefined` at the end. */
  take(): string | undefined {
    return this.#words[this.#at++];
  }

  /** Takes the word that has to stand behind another. @throws {UsageError} */
  value(): string {
    const word = this.take();
    if (word === undefined) throw new UsageError('Command line is not complete. Try option "help"');
    return word;
  }

  /** Takes the next word where it is this one. */
  skip(word: string): boolean {
    if (this.next !== word) return false;
    this.#at++;
    return true;
  }

  /** Takes a number. @throws {UsageError} */
  number(why: string, max = 0xffff_ffff): number {
    const word = this.value();
    const number = unsigned(word, max);
    if (number === undefined) throw wrong(word, why);
    return number;
  }

  /** Takes a word that `read` knows. @throws {UsageError} */
  named<T>(read: (word: string) => T | undefined, why: string): T {
    const word = this.value();
    const value = read(word);
    if (value === undefined) throw wrong(word, why);
    return value;
  }

  /** Takes `on` or `off`. @throws {UsageError} */
  onOff(what: string): boolean {
    const word = this.value();
    if (word !== "on" && word !== "off") throw onOrOff(what, word);
    return word === "on";
  }

  /** As {@link onOff}, for words that ip(8) complains about in other words. @throws {UsageError} */
  oneOfOnOff(what: string): boolean {
    const word = this.value();
    if (word === "on" || word === "off") return word === "on";
    throw new UsageError(`Error: argument of "${what}" must be one of "off", "on", not "${word}"`);
  }
}

/** Reads what stands behind a keyword. {@link STOP} ends the reading. */
export type Read<S> = (words: Words, state: S, keyword: string) => unknown;
export const STOP: unique symbol = Symbol("STOP");

/** Keywords in the order in which they are tried, several with a blank between them; those with a * may be abbreviated. */
export type Grammar<S> = Readonly<Record<string, Read<S>>>;

/** Reads words to their end, or until a reader stops. @param other reads what is no keyword */
export async function readGrammar<S>(
  words: Words,
  grammar: Grammar<S>,
  state: S,
  other: Read<S>,
): Promise<void> {
  const rows = Object.entries(grammar).flatMap(([names, read]) =>
    names.split(" ").map((name) => ({ name: name.replace("*", ""), short: name.endsWith("*"), read })),
  );
  for (let word = words.take(); word !== undefined; word = words.take()) {
    const found = rows.find(({ name, short }) => (short ? matches(word as string, name) : word === name));
    if ((await (found?.read ?? other)(words, state, word)) === STOP) return;
  }
}

/** A number as strtoul(3) reads it: 10, 0xa, 012. */
export function unsigned(word: string, max = 0xffff_ffff): number | undefined {
  const digits = word.trimStart().replace(/^\+/, "");
  let number: number;
  if (/^0x[0-9a-f]+$/i.test(digits)) number = Number(digits);
  else if (/^0[0-7]*$/.test(digits)) number = Number.parseInt(digits, 8);
  else if (/^[1-9]\d*$/.test(digits)) number = Number(digits);
  else return undefined;
  return number <= max ? number : undefined;
}

/** An int of C. */
export function integer(word: string): number | undefined {
  const negative = /^\s*-(?=[\dx])/.exec(word);
  if (negative === null) return unsigned(word, 0x7fff_ffff);
  const size = unsigned(word.slice(negative[0].length), 0x8000_0000);
  return size === undefined ? undefined : -size;
}

/** 64 bits, written as {@link unsigned} has it. */
export function unsigned64(word: string): bigint | undefined {
  if (unsigned(word, Number.POSITIVE_INFINITY) === undefined) return undefined;
  const digits = word.trimStart().replace(/^\+/, "");
  const number = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return number < 1n << 64n ? number : undefined;
}

export type Addr = Ipv4Addr | Ipv6Addr;

/** What stands for an address or a prefix: `default`, `any` and `all` stand for none. */
export interface Place {
  readonly family: Family | undefined;
  readonly addr: Addr | undefined;
  readonly length: number;
  /** Whether the length was told. */
  readonly sized: boolean;
}

const FAMILY_NAMES = { ipv4: "inet", ipv6: "inet6" } as const;
const familyName = (family: Family | undefined): string =>
  family === undefined ? "any valid" : FAMILY_NAMES[family];

/** `inet` or `inet6`. */
export function familyWord(word: string | undefined): Family | undefined {
  return word === "inet" ? "ipv4" : word === "inet6" ? "ipv6" : undefined;
}

/** @throws {UsageError} */
export function placeOf(word: string, family: Family | undefined): Place {
  const slash = word.indexOf("/");
  const text = slash < 0 ? word : word.slice(0, slash);
  const refused = new UsageError(`Error: ${familyName(family)} prefix is expected rather than "${word}".`);
  if (text === "default" || text === "any" || text === "all") {
    if (slash >= 0) throw refused;
    return { family, addr: undefined, length: 0, sized: text === "default" };
  }
  const addr = readAddr(text, family);
  if (addr === undefined) throw refused;
  const length = slash < 0 ? addr.bitLength : readLength(word.slice(slash + 1), addr.bitLength);
  if (length === undefined) throw refused;
  return { family: familyOfAddr(addr), addr, length, sized: slash >= 0 };
}

/** An address; `undefined` for `default`, `any` and `all`, which stand for none. @throws {UsageError} */
export function addrWord(word: string, family: Family | undefined): Addr | undefined {
  if (word === "default" || word === "any" || word === "all") return undefined;
  const addr = readAddr(word, family);
  if (addr !== undefined) return addr;
  throw new UsageError(`Error: ${familyName(family)} address is expected rather than "${word}".`);
}

export function familyOfAddr(addr: Addr): Family {
  return addr.version === 4 ? "ipv4" : "ipv6";
}

/** The prefix of a place: of everything where it stands for none. */
export function prefixOf(place: Place, family: Family): IpPrefix {
  const none = family === "ipv4" ? Ipv4Addr.UNSPECIFIED : Ipv6Addr.UNSPECIFIED;
  return IpPrefix.of(place.addr ?? none, place.length);
}

function readAddr(text: string, family: Family | undefined): Addr | undefined {
  if (text.includes(":")) return family === "ipv4" ? undefined : Ipv6Addr.tryParse(text);
  return family === "ipv6" ? undefined : readIpv4(text);
}

/** As ip(8) writes networks: 10.8 is 10.8.0.0, not 10.0.0.8. */
function readIpv4(text: string): Ipv4Addr | undefined {
  const parts = text.split(".").map((part) => unsigned(part, 255));
  if (parts.length > 4 || parts.includes(undefined)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return Ipv4Addr.fromU32(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

/** A number of bits, or a mask of IPv4. */
function readLength(text: string, max: number): number | undefined {
  const bits = unsigned(text, max);
  if (bits !== undefined) return bits;
  const mask = unsigned(text) === undefined ? readIpv4(text)?.toU32() : undefined;
  if (mask === undefined) return undefined;
  const host = ~mask >>> 0;
  const length = 32 - (host === 0 ? 0 : Math.floor(Math.log2(host)) + 1);
  return (host & (host + 1)) === 0 && length <= max ? length : undefined;
}

/** A link-layer address: 2:0:0:0:0:1, or 192.0.2.1 for tunnels. @throws {UsageError} */
export function lladdrOf(word: string): Uint8Array {
  const refused = new UsageError(`"${word}" is invalid lladdr.`);
  if (word.includes(".")) {
    const addr = readIpv4(word);
    if (addr === undefined) throw refused;
    return addr.toBytes();
  }
  const bytes = word.split(":").map((part) => {
    const digits = /^(?:0x)?([0-9a-f]+)/i.exec(part)?.[1];
    const byte = digits === undefined ? Number.NaN : Number.parseInt(digits, 16);
    if (!(byte <= 255)) throw refused;
    return byte;
  });
  return Uint8Array.from(bytes);
}

/** Whether the kernel would take it as a link's name. */
export function isLinkName(word: string, max = 15): boolean {
  return word !== "" && new TextEncoder().encode(word).length <= max && !/[/\s]/.test(word);
}

/** A link's number by its name, or by `if` and its number; `undefined` where there is none. */
export async function findDevice(net: RouteSocket, name: string): Promise<number | undefined> {
  try {
    return (await net.links.get(name)).index;
  } catch (error) {
    if (!(error instanceof SysError) && !(error instanceof RangeError)) throw error;
    return unsigned(/^if(\d+)$/.exec(name)?.[1] ?? "");
  }
}

/** As {@link findDevice}. @throws {Refusal} */
export async function deviceWord(net: RouteSocket, name: string): Promise<Device> {
  const index = await findDevice(net, name);
  if (index === undefined || index === 0) throw noDevice(name);
  return index;
}

/** Makes a request; what the kernel answers stands in ip(8)'s words. @throws {Refusal} */
export async function ask<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw error instanceof NetlinkError ? new Refusal(kernelSays(error)) : error;
  }
}

/** What ip(8) prints for an answer of the kernel, and what to do about a missing privilege. */
export function kernelSays(error: NetlinkError): string {
  const { message } = error.extendedAck;
  if (message !== undefined) return `Error: ${message}${message.endsWith(".") ? "" : "."}`;
  const hint = error.code === "EPERM" ? /\(EPERM\): (.*)$/.exec(error.message)?.[1] : undefined;
  const advice = hint === undefined || hint.includes("which this process has") ? "" : `: ${hint}`;
  return `RTNETLINK answers: ${errnoText(error.errno)}${advice}`;
}
