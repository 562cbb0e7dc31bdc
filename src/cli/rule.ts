/** `windsock rule`: which routing table is asked for which packet. */
import type { Command } from "commander";
import type { Rule } from "../netlink/route/index.ts";
import { familyOf, run } from "./_command.ts";
import { changeHelp } from "./network/change_help.ts";
import { behindShow, change } from "./network/change_verb.ts";
import { ruleJson } from "./network/netlink_json.ts";
import { addShowOptions, type ShowOptions } from "./network/netlink_options.ts";
import { type Pieces, printed, type Shown, show, withLinks } from "./network/netlink_show.ts";
import { visibleIn } from "./network/netlink_style.ts";
import { ruleText } from "./network/netlink_text.ts";
import { readRuleWords } from "./network/rule_select.ts";

const EXAMPLES = `
Words: show [ pref N ] [ not ] [ from PREFIX ] [ [to] PREFIX ] [ tos TOS ] [ fwmark N[/MASK] ] [ iif NAME ] [ oif NAME ]
[ l3mdev ] [ uidrange N-N ] [ tun_id N ] [ table NAME ] [ ipproto NAME ] [ sport N[-N] ] [ dport N[-N] ] [ proto NAME ].
Those of IPv4 unless -6 is told. --json has the fields of "ip -j -d rule".

Examples:
  windsock rule
  windsock rule -6 show --json
  windsock rule show table main`;

export function addRule(program: Command): void {
  const command = program
    .command("rule")
    .description("the rules of the routing policy, as ip rule shows them")
    .argument("[words...]", "show, and which of them");
  addShowOptions(command, "the rules as a list", { families: true, stats: true, resolve: true })
    .addHelpText("after", EXAMPLES)
    .addHelpText("after", changeHelp("rule"))
    .action((words: string[], options: ShowOptions) =>
      run("rule", async () => (await change("rule", words, options)) ?? printed(showRules(words, options))),
    );
}

const RULE: Shown<Rule> = {
  json: ruleJson,
  text: (it, view, style) => ruleText(visibleIn(ruleJson(it, view)), it, style),
};

/** What `ip rule show` prints. @throws {UsageError} @throws {NetlinkError} */
export async function showRules(words: readonly string[], options: ShowOptions): Promise<Pieces> {
  const { family, has } = await readRuleWords(behindShow("rule", words), familyOf(options));
  return await withLinks(async (net, names) => {
    const rules = await net.rules.list({ family });
    return await show(rules.filter(has), RULE, options, names);
  });
}
