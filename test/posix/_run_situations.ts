/** A process of its own for the situations in TypeScript: it blocks, and says as it goes what each has printed. */
import { printed, report } from "./_situation.ts";
import { SITUATIONS } from "./situations/index.ts";

for (const { name, ts } of SITUATIONS) {
  try {
    ts();
  } catch (error) {
    report(name, [...printed(), String(error instanceof Error ? error.stack : error)]);
    continue;
  }
  report(name, printed());
}
process.exit(); // what was spawned is ended by now
