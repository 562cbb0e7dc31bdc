/** Options that `link`, `addr`, `route`, `rule`, `neigh` and `monitor` share, in the spelling of ip(8). */
import { type Command, InvalidArgumentError, Option } from "commander";

export interface ShowOptions {
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly json?: true;
  readonly details?: true;
  /** How often it was given. */
  readonly stats?: number;
  readonly resolve?: true;
  readonly numeric?: true;
  readonly brief?: true;
  readonly oneline?: true;
  readonly color?: When | true;
}

type When = "always" | "auto" | "never";

/** As ip(8) spells what is spelt otherwise here: several letters behind one dash, and a value behind `-c`. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^(?:-c|-color|--color)$/, "--color=always"],
  [/^-c(?:olor)?=/, "--color="],
  [/^-br(?:ief)?$/, "--brief"],
  [/^-j(?:son)?$/, "--json"],
  [/^-p(?:retty)?$/, "--pretty"],
  [/^-o(?:neline)?$/, "--oneline"],
  [/^-r(?:esolve)?$/, "--resolve"],
  [/^-N(?:umeric)?$/, "--numeric"],
  [/^-d(?:etails)?$/, "--details"],
  [/^-s(?:tat(?:istic)?s)?$/, "--stats"],
  [/^-ts(?:hort)?$/, "--tshort"],
  [/^-t(?:imestamp)?$/, "--timestamp"],
];

function spelled(argument: string): string {
  for (const [pattern, ours] of SPELLINGS) if (pattern.test(argument)) return argument.replace(pattern, ours);
  return argument;
}

function when(text: string): When {
  if (text === "always" || text === "auto" || text === "never") return text;
  throw new InvalidArgumentError("Expected always, auto or never.");
}

const more = (_: unknown, before: number | undefined): number => (before ?? 0) + 1;

/** Which options a command has beside those that all have. */
export interface Has {
  readonly families?: true;
  readonly stats?: true;
  readonly brief?: true;
  readonly resolve?: true;
}

/** @param json what --json prints */
export function addShowOptions(command: Command, json: string, has: Has = {}): Command {
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => parse(args.map(spelled));
  if (has.families) command.option("-4, --ipv4", "those of IPv4").option("-6, --ipv6", "those of IPv6");
  command
    .option("-j, --json", json)
    .option("-d, --details", "all fields, which --json has always")
    .option("-o, --oneline", "each on a line of its own, with \\ where a line would end");
  if (has.brief) command.option("-b, --brief", "a table of the main fields (-br)");
  if (has.stats) command.option("-s, --stats", "with counters and ages; twice: all of them", more);
  if (has.resolve) command.option("-r, --resolve", "names instead of addresses");
  return command
    .option("-N, --numeric", "numbers instead of the names of protocols, scopes and tables")
    .option("-c, --color [when]", "in colours: always (when not told), auto (on a terminal) or never", when)
    .addOption(new Option("--pretty").hideHelp());
}
