/**
 * Shows the program that a filter expression becomes, as `tcpdump -d` does; or where the expression is wrong.
 * `filter-program.ts EXPRESSION…`
 */
import { compileFilter, FilterError } from "windsock/filter";

try {
  console.log(String(compileFilter(process.argv.slice(2).join(" "))));
} catch (error) {
  if (!(error instanceof FilterError)) throw error;
  console.error(error.excerpt);
  console.error(error.message);
  process.exitCode = 1;
}
