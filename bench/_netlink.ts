/** What the questions on netlink share: a namespace full of entries, and who lists them. @module */
import { join } from "node:path";
import type { AnySubject, Metric, Question } from "./_harness.ts";
import { type Command, node, python } from "./_peers.ts";

const SCRIPT = join(import.meta.dirname, "peers/netlink.sh");
const COUNT = 10_000;

type Tool = "ip" | "ss";
type Who<T extends Tool> = "windsock" | T | "pyroute2";

export interface Listing<T extends Tool> {
  readonly name: string;
  readonly title: string;
  /** What the namespace is filled with. */
  readonly kind: "routes" | "neighbors" | "sockets";
  readonly tool: T;
  /** What is measured besides. */
  readonly more?: readonly Metric<Who<T>>[];
}

/** The library's call against a command that is spawned and read, and against pyroute2; and the commands as a whole. */
export function listing<T extends Tool>({
  name,
  title,
  kind,
  tool,
  more = [],
}: Listing<T>): Question<Who<T>> {
  const commands: Who<T>[] = ["windsock", tool];
  const ours: Who<T>[] = ["windsock"];
  const metrics: Metric<Who<T>>[] = [
    { key: "call", label: "a running program gets them, ms", digits: 1 },
    ...more,
    { key: "first", label: "the same for the first time in the program, ms", digits: 1 },
    { key: "command", label: "whole command, ms", digits: 0, only: commands },
    { key: "behind", label: `whole command, behind \`${tool}\`, ms`, digits: 0, only: ours },
    { key: "node", label: "of these, Node's own start (`node -e 0`), ms", digits: 0, only: ours },
    { key: "memory", label: "whole command, peak memory, MiB", digits: 1, only: commands },
    { key: "nodeMemory", label: "of these, Node's own, MiB", digits: 1, only: ours },
  ];
  return {
    name,
    title,
    subjects: ["windsock", tool, "pyroute2"],
    metrics,
    async measure(subject, bench) {
      const rounds = bench.quick || subject === "pyroute2" ? "3" : "9"; // pyroute2 takes seconds
      const peer = bench.anywhere(within(kind, program(subject, kind, rounds)));
      await peer.ready();
      peer.go();
      const keys = metrics.filter(({ only }) => !only || only.includes(subject)).map(({ key }) => key);
      return peer.result(...keys);
    },
  };
}

function program(subject: AnySubject, kind: string, rounds: string): Command {
  const args = [kind, String(COUNT), rounds];
  if (subject === "windsock") return node("netlink_windsock.mjs", ...args);
  if (subject === "pyroute2") return python("pyroute2", "netlink_pyroute2.py", ...args);
  return node("netlink_command.mjs", ...args);
}

/** In a network namespace of its own. */
function within(kind: string, command: Command): Command {
  return ["unshare", "-n", SCRIPT, kind, String(COUNT), ...command];
}
