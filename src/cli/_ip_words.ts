/** Words of ip(8), such as `show dev eth0 table main`, read one after another. */
import { UsageError } from "./_command.ts";

/** What each keyword takes: a word, or nothing. */
export type Keywords = Readonly<Record<string, "word" | "flag">>;

export type Given<K extends Keywords> = { readonly [W in keyof K]?: K[W] extends "word" ? string : true } & {
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
  const given: Record<string, string | true> = {};
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (!Object.hasOwn(keywords, word)) {
      if (plain === undefined || given.plain !== undefined) {
        const known = Object.keys(keywords).join(", ") || "no words";
        throw new UsageError(`expected ${plain === undefined ? "" : `${plain}, `}${known}, got ${word}`);
      }
      given.plain = word;
      continue;
    }
    if (given[word] !== undefined) throw new UsageError(`${word}: stands there twice`);
    if (keywords[word] === "flag") given[word] = true;
    else {
      const value = words[++at];
      if (value === undefined) throw new UsageError(`${word}: expected a word behind it`);
      given[word] = value;
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
