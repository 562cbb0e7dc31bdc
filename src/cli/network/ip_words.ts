/** Words of ip(8), such as `show dev eth0 table main`, read one after another. */
import { IpAddr, IpPrefix } from "../../ip/index.ts";
import type { Family } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";

/** What each keyword takes: a word, a word each time that it stands there, nothing; or it is another keyword. */
export type Keywords = Readonly<Record<string, "word" | "words" | "flag" | `=${string}`>>;

export type Given<K extends Keywords> = {
  readonly [W in keyof K]?: K[W] extends "word" ? string : K[W] extends "words" ? readonly string[] : true;
} & {
  /** The first word that is no keyword, where one may stand. */
  readonly plain?: string;
};

/**
 * @param plain what a word may be that is no keyword, for messages; none where it is not told
 * @throws {UsageError}
 */
export function readWords<const K extends Keywords>(
  words: readonly string[],
  keywords: K,
  plain?: string,
): Given<K> {
  const given: Record<string, string | string[] | true> = {};
  for (let at = 0; at < words.length; at++) {
    const said = words[at] as string;
    const known = Object.hasOwn(keywords, said) ? (keywords[said] as string) : undefined;
    if (known === undefined) {
      if (plain === undefined || given.plain !== undefined) {
        const own = Object.keys(keywords).filter((word) => !keywords[word]?.startsWith("="));
        const list = own.join(", ") || "no words";
        throw new UsageError(`expected ${plain === undefined ? "" : `${plain}, `}${list}, got ${said}`);
      }
      given.plain = said;
      continue;
    }
    const word = known.startsWith("=") ? known.slice(1) : said;
    const kind = keywords[word];
    if (given[word] !== undefined && kind !== "words") throw new UsageError(`${said}: stands there twice`);
    if (kind === "flag") given[word] = true;
    else {
      const value = words[++at];
      if (value === undefined) throw new UsageError(`${said}: expected a word behind it`);
      if (kind === "word") given[word] = value;
      else given[word] = [...((given[word] as string[] | undefined) ?? []), value];
    }
  }
  return given as Given<K>;
}

const SHOW = ["show", "list", "lst", "ls", "s", "l", "sh"];

/** The words behind `show`, which may be left out. */
export function behindShow(words: readonly string[]): readonly string[] {
  return words[0] !== undefined && SHOW.includes(words[0]) ? words.slice(1) : words;
}

/** A whole number, also as 0x10. @throws {UsageError} */
export function numberWord(word: string, what: string, max = 0xffff_ffff): number {
  const number = /^(?:0x[0-9a-f]+|\d+)$/i.test(word) ? Number(word) : Number.NaN;
  if (number >= 0 && number <= max) return number;
  throw new UsageError(`${what}: expected a number 0 … ${max}, got ${word}`);
}

/** What a name or a number stands for. @throws {UsageError} */
export function namedWord(
  word: string,
  what: string,
  numberOf: (word: string) => number | undefined,
): number {
  const number = numberOf(word);
  if (number !== undefined) return number;
  throw new UsageError(`${what}: no ${what} has the name ${word}`);
}

/** A prefix, or an address, which is one of its own; `default` and `any` are all of a family. @throws {AddressError} */
export function prefixWord(word: string, family: Family = "ipv4"): IpPrefix {
  if (word === "default" || word === "any" || word === "all") {
    return IpPrefix.parse(family === "ipv4" ? "0.0.0.0/0" : "::/0");
  }
  if (word.includes("/")) return IpPrefix.parse(word);
  const addr = IpAddr.parse(word);
  return IpPrefix.of(addr, addr.bitLength);
}

export function familyOfPrefix(prefix: IpPrefix): Family {
  return prefix.addr.version === 4 ? "ipv4" : "ipv6";
}

/** Two numbers, `first-last`, or one that is both. @throws {UsageError} */
export function rangeWord(word: string, what: string, max: number): { first: number; last: number } {
  const [first = "", last = first, ...rest] = word.split("-");
  if (rest.length > 0) throw new UsageError(`${what}: expected a number, or two with - between, got ${word}`);
  return { first: numberWord(first, what, max), last: numberWord(last, what, max) };
}

/** A pattern of glob(7), `*`, `?` and `[…]`, as fnmatch(3) reads it. */
export function glob(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/\\(.)|\[(!|\^)?(\]?[^\]]*)\]|[\s\S]/g, (all, quoted, not, set) => {
    if (quoted !== undefined) return literally(quoted);
    if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
    return all === "*" ? "[^]*" : all === "?" ? "[^]" : literally(all);
  });
  const expression = new RegExp(`^${source}$`, "u");
  return (text) => expression.test(text);
}

function literally(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, "\\$&");
}
