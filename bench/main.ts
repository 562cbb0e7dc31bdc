/** `npm run bench`: asks the questions, prints the answers, writes them down where asked to. @module */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { arch, availableParallelism, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Answer, type AnySubject, ask, Bench, type Question } from "./_harness.ts";
import { compilePeers, twoCores } from "./_peers.ts";
import { findPlace, table, writeReadme } from "./_report.ts";
import { blockingRtt } from "./blocking_rtt.ts";
import { bulk } from "./bulk.ts";
import { capture } from "./capture.ts";
import { checksum } from "./checksum.ts";
import { connects } from "./connects.ts";
import { duplex } from "./duplex.ts";
import { echo } from "./echo.ts";
import { importTime } from "./import.ts";
import { memory } from "./memory.ts";
import { netlinkNeighbors } from "./netlink_neighbors.ts";
import { netlinkRoutes } from "./netlink_routes.ts";
import { netlinkSockets } from "./netlink_sockets.ts";
import { observe } from "./observe.ts";
import { options } from "./options.ts";
import { rtt } from "./rtt.ts";
import { udpReceive } from "./udp_receive.ts";
import { udpSend } from "./udp_send.ts";
import { wire } from "./wire.ts";

const ROOT = join(import.meta.dirname, "..");
const README = join(ROOT, "README.md");
const QUESTIONS: readonly Question<AnySubject>[] = [
  echo,
  rtt,
  blockingRtt,
  bulk,
  duplex,
  ...udpReceive,
  ...udpSend,
  connects,
  options,
  wire,
  checksum,
  ...capture,
  memory,
  importTime,
  netlinkRoutes,
  netlinkNeighbors,
  netlinkSockets,
  observe,
];

const USAGE = `usage: npm run bench -- [QUESTION…] [--quick] [--rounds N] [--no-pin] [--json FILE] [--readme]

Questions: ${[...new Set(QUESTIONS.map(({ name }) => name))].join(", ")}; all of them when none is named.
  --quick      3 rounds (else 7) and smaller loads
  --rounds N   N rounds
  --no-pin     let the kernel place the processes (else, with taskset: servers on one core, load on another)
  --json FILE  every sample of every round
  --readme     put the table into README.md; only with all questions at full size`;

class UsageError extends Error {}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      "no-pin": { type: "boolean", default: false },
      json: { type: "string" },
      readme: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((name) => !QUESTIONS.some((question) => question.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no question "${unknown}"`);
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new UsageError(`--rounds: expected a whole number from 1 to 100, got "${values.rounds}"`);
  }
  if (values.readme && (positionals.length > 0 || values.quick)) {
    throw new UsageError("--readme wants all questions at full size");
  }
  const asked = QUESTIONS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { ...values, rounds, asked };
}

async function main(): Promise<void> {
  const given = readOptions();
  if (given.help) return console.log(USAGE);
  if (given.readme) findPlace(README); // now, not after minutes
  execFileSync("npm", ["run", "build"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  compilePeers();

  const cores = given["no-pin"] ? undefined : twoCores();
  const bench = new Bench(given.quick, cores);
  const answers: Answer[] = [];
  for (const question of given.asked) {
    const metrics = question.metrics.filter((metric) => bench.pinned || !metric.needsPinning);
    const answer = await ask({ ...question, metrics }, given.rounds, bench);
    answers.push(answer);
    console.log(`\n${table([answer])}\n`);
  }

  const placed = cores
    ? `servers and receivers on core ${cores.server}, load and senders on core ${cores.load}`
    : "not pinned to cores";
  const setting =
    `Node ${process.version}, Linux ${release().split(".", 2).join(".")}, ${arch()}, ` +
    `${availableParallelism()} cores; ${placed}. ` +
    `Rounds: ${given.rounds}; medians, quartiles in brackets; a ratio is taken within each round.`;
  console.log(setting);
  if (given.json !== undefined) {
    const results = answers.map(({ question: { name, title, metrics }, samples }) => ({
      name,
      title,
      metrics,
      samples,
    }));
    writeFileSync(given.json, `${JSON.stringify({ setting, quick: given.quick, results }, null, 2)}\n`);
  }
  if (given.readme) writeReadme(README, `${table(answers)}\n\n${setting}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${describe(error.cause)}`;
}

try {
  await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
  console.error(isUsage ? `${describe(error)}\n\n${USAGE}` : describe(error));
  process.exit(isUsage ? 2 : 1);
}
