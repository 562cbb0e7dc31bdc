// What spawning a command and reading it costs, and the command alone: `netlink_command.mjs KIND COUNT ROUNDS`.
import { report, waitForGo } from "./_control.mjs";
import { output, THEIRS, timed, wholes } from "./_netlink.mjs";

const [, , kind, count, rounds] = process.argv;

await waitForGo();
const { first, warm } = await timed(async () => {
  const text = await output(THEIRS[kind]);
  if (kind === "sockets") return; // ss has no JSON: its text is read, not parsed
  const { length } = JSON.parse(text);
  if (length < Number(count)) throw new Error(`${length} instead of ${count}`);
}, Number(rounds));
const [command] = wholes([THEIRS[kind]], Number(rounds));
// What it prints has every field.
report({ first, call: warm, all: warm, command: command.ms, memory: command.mib });
