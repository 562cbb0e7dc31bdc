/** Which first word of `link`, `addr`, `route`, `rule` and `neigh` asks for a change: ip(8)'s, also abbreviated. */
import { familyOf } from "../_command.ts";

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

/** The whole word for a verb that changes something; `undefined` for every other word. */
export function changeVerb(noun: Noun, word: string | undefined): string | undefined {
  if (word === undefined || word === "") return undefined;
  for (const entry of VERBS[noun].split(" ")) {
    const verb = entry.replace(/\W/g, "");
    const fits = entry.endsWith("!") ? word === verb : verb.startsWith(word);
    if (fits) return entry.startsWith("(") ? undefined : (SAME[verb] ?? verb);
  }
  return undefined;
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
