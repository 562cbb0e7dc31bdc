/** How long does a fresh process wait for its first import? @module */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Question, Subject } from "./_harness.ts";
import { node } from "./_peers.ts";
import { spread } from "./_report.ts";

const SPECIFIERS: Partial<Record<Subject, string>> = {
  windsock: pathToFileURL(join(import.meta.dirname, "../dist/index.js")).href,
  node: "node:net",
};

export const importTime: Question = {
  name: "import",
  title: "Import",
  subjects: ["windsock", "node"], // C has nothing to import
  metrics: [{ key: "ms", label: "first import in a fresh process, ms", digits: 2 }],
  async measure(subject, bench) {
    const times: number[] = [];
    for (let i = 0; i < (bench.quick ? 3 : 9); i++) {
      const peer = bench.server(node("import.mjs", SPECIFIERS[subject]!));
      times.push((await peer.result("ms")).ms);
      await peer.stop();
    }
    return { ms: spread(times).median };
  },
};
