/** `windsock rule`: which routing table is asked for which packet. */
import type { Command } from "commander";
import { familyOf, run } from "./_command.ts";
import { behindShow, readWords } from "./_ip_words.ts";
import { ruleJson } from "./_netlink_json.ts";
import { type ShowOptions, show, withLinks } from "./_netlink_show.ts";
import { ruleText } from "./_netlink_text.ts";

const EXAMPLES = `
Those of IPv4 unless -6 is given. --json has the fields of "ip -j -d rule".

Examples:
  windsock rule
  windsock rule -6 show --json`;

export function addRule(program: Command): void {
  program
    .command("rule")
    .description("the rules of the routing policy, as ip rule shows them")
    .argument("[words...]", "show")
    .option("-4, --ipv4", "those of IPv4")
    .option("-6, --ipv6", "those of IPv6")
    .option("--json", "the rules as a list")
    .addHelpText("after", EXAMPLES)
    .action((words: string[], options: ShowOptions) => run("rule", () => rule(words, options)));
}

async function rule(words: readonly string[], options: ShowOptions): Promise<number> {
  const family = familyOf(options) ?? "ipv4";
  readWords(behindShow(words), {});
  return await withLinks(async (net) => {
    const rules = await net.rules.list({ family });
    return await show(rules.map(ruleJson), ruleText, options);
  });
}
