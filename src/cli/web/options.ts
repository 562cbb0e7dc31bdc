/** The options of a command that can show its samples in a browser. */
import { UsageError } from "../_command.ts";

/** The options of a command that has a page. */
export interface WebOptions {
  readonly web?: true;
  readonly port?: number;
  readonly json?: true;
  readonly plain?: true;
}

/** @returns the port of the page, 0 for any; undefined where no page is asked for @throws {UsageError} */
export function webPortOf({ web, port, json, plain }: WebOptions): number | undefined {
  if (!web) {
    if (port !== undefined) throw new UsageError("--port is for --web");
    return undefined;
  }
  if (json || plain) throw new UsageError("--web goes without --json and --plain");
  return port ?? 0;
}
