/** Which first word of `link`, `addr`, `route`, `rule` and `neigh` asks for a change: ip(8)'s, also abbreviated. */
import { familyOf, UsageError } from "../_command.ts";

/** In the order in which ip(8) tries them; those in brackets show something, those with a mark are not abbreviated. */
const VERBS = {
  link: "add set change delete (show) (list) (lst) property",
  addr: "add change chg! replace delete (list) (show) (lst) flush",
  route: "add change chg! replace prepend append delete (list) (show) (lst) (get) flush",
  rule: "(list) (lst) (show) add delete flush",
  neigh: "add change chg! replace delete (get) (show) (lst) (list) flush",
} as const;

export type Noun = keyof typeof VERBS;

const SAME: Readonly<Record<string, string>> = { chg: "change" };

/** The entry of {@link VERBS} that a word stands for. */
function entryOf(noun: Noun, word: string): string | undefined {
  return VERBS[noun].split(" ").find((entry) => {
    const verb = entry.replace(/\W/g, "");
    return entry.endsWith("!") ? word === verb : word !== "" && verb.startsWith(word);
  });
}

/** The whole word for a verb that changes something; `undefined` for every other word. */
export function changeVerb(noun: Noun, word: string | undefined): string | undefined {
  const entry = word === undefined ? undefined : entryOf(noun, word);
  const verb = entry?.replace(/\W/g, "");
  return verb === undefined || entry?.startsWith("(") ? undefined : (SAME[verb] ?? verb);
}

/** Whether a word, abbreviated or not, is `get`. */
export function isGet(noun: Noun, word: string | undefined): boolean {
  return word !== undefined && entryOf(noun, word) === "(get)";
}

/** The words behind `show`, which may be left out where there are none. @throws {UsageError} */
export function behindShow(noun: Noun, [first, ...words]: readonly string[]): readonly string[] {
  if (first === undefined || entryOf(noun, first)?.startsWith("(")) return words;
  const help = noun === "addr" ? "address" : noun;
  throw new UsageError(`Command "${first}" is unknown, try "ip ${help} help".`);
}

/** Makes the change that the words ask for; `undefined` where they ask for none. @returns the exit code */
export async function change(
  noun: Noun,
  [first, ...words]: readonly string[],
  options: { readonly ipv4?: true; readonly ipv6?: true },
): Promise<number | undefined> {
  const verb = changeVerb(noun, first);
  if (verb === undefined) return undefined;
  const family = familyOf(options);
  // Loaded only where they are wanted.
  if (noun === "link") return await (await import("./change_link.ts")).changeLink(verb, words);
  if (noun === "addr") return await (await import("./change_addr.ts")).changeAddr(verb, words, family);
  if (noun === "route") return await (await import("./change_route.ts")).changeRoute(verb, words, family);
  if (noun === "rule") return await (await import("./change_rule.ts")).changeRule(verb, words, family);
  return await (await import("./change_neigh.ts")).changeNeigh(verb, words, family);
}
