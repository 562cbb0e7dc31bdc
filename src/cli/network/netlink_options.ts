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
  [/^-br$/, "--brief"],
  [/^-ts$/, "--tshort"],
];

/** Words that ip(8) takes abbreviated, in the order in which it tries them. */
const OPTIONS = [
  "stats",
  "statistics",
  "details",
  "resolve",
  "oneline",
  "timestamp",
  "tshort",
  "brief",
  "json",
  "pretty",
  "Numeric",
] as const;
const FAMILIES: Readonly<Record<string, string>> = { inet: "-4", inet6: "-6" };

function spelled(argument: string): string {
  for (const [pattern, ours] of SPELLINGS) if (pattern.test(argument)) return argument.replace(pattern, ours);
  const short = /^-[A-Za-z]+$/.test(argument) ? argument.slice(1) : undefined;
  const found = short && OPTIONS.find((word) => word.startsWith(short));
  return found ? `--${found === "statistics" ? "stats" : found.toLowerCase()}` : argument;
}

/** `-f inet` is `-4`. */
function withFamilies(args: readonly string[]): string[] {
  return args.flatMap((word, at) => {
    const short = (text: string | undefined): boolean =>
      /^-f(?:a(?:m(?:i(?:l(?:y)?)?)?)?)?$/.test(text ?? "");
    if (short(args[at - 1]) && Object.hasOwn(FAMILIES, word)) return [];
    const family = short(word) ? FAMILIES[args[at + 1] ?? ""] : undefined;
    return [family ?? spelled(word)];
  });
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
  /** Words that begin with a dash. */
  readonly missing?: RegExp;
}

/** @param json what --json prints */
export function addShowOptions(command: Command, json: string, has: Has = {}): Command {
  const parse = command.parseOptions.bind(command);
  // Flags of addresses that are to be missing are words, not options.
  const missing = (word: string): boolean => has.missing?.test(word) === true;
  command.parseOptions = (args) => {
    const found = parse(withFamilies(args.filter((word) => !missing(word))));
    return { ...found, operands: [...found.operands, ...args.filter(missing)] };
  };
  for (const [flags, text] of [
    ["-4, --ipv4", "those of IPv4"],
    ["-6, --ipv6", "those of IPv6"],
  ] as const) {
    // Links have no family, and ip(8) takes no notice.
    command.addOption(new Option(flags, text).hideHelp(!has.families));
  }
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
