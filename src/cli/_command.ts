/** What the commands share: exit codes, one-line errors, numbers and JSON for people and programs. */
import { writeSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { AddressError } from "../ip/index.ts";
import { exitNow, resolverCallsRunning } from "../sys/index.ts";

/** 0 done, 1 the network or the kernel said no, 2 bad usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** A command was used in a way that it does not have: exit code 2. */
export class UsageError extends Error {}

/** Writes to standard output, and waits until it is taken. A reader that went away ends the process quietly. */
export function print(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

/** One line for a person, on standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** JSON text, where a bigint stands with all its digits as a JSON number. */
export function toJson(value: unknown): string {
  const digits = (_key: string, item: unknown): unknown =>
    typeof item === "bigint" ? `\u0000${item}` : item;
  try {
    return JSON.stringify(value, undefined, 2);
  } catch {
    // There is a bigint in it. To ask a function about each value takes several times as long.
    return JSON.stringify(value, digits, 2).replace(/"\\u0000(\d+)"/g, "$1");
  }
}

/** Reads an option's value as a number of seconds, and gives milliseconds. */
export function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0)) throw new InvalidArgumentError("Expected a number of seconds above 0.");
  return seconds * 1000;
}

/** Reads an option's value as a whole number, also as 0x10. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$|^0x[\da-f]+$/i.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** The family that -4 or -6 ask for. */
export function familyOf(options: { ipv4?: true; ipv6?: true }): "ipv4" | "ipv6" | undefined {
  if (options.ipv4 && options.ipv6) throw new UsageError("-4 and -6 exclude each other");
  return options.ipv4 ? "ipv4" : options.ipv6 ? "ipv6" : undefined;
}

/** The exit code that an error stands for. */
function exitCode(error: unknown): number {
  const usage = error instanceof UsageError || error instanceof AddressError || error instanceof RangeError;
  return usage || error instanceof TypeError ? EXIT.usage : EXIT.failed;
}

/** Runs a command to its end, and the process with it. */
export async function run(name: string, command: () => Promise<number>): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // EPIPE: whoever read our output has gone, as in `… | head -1`, and need not be told.
    if (error.code !== "EPIPE") writeSync(2, `windsock ${name}: standard output: ${error.message}\n`);
    exitNow(EXIT.failed);
  });
  let code: number;
  try {
    code = await command();
  } catch (error) {
    if (!(error instanceof Error) || isBug(error)) throw error;
    note(`windsock ${name}: ${error.message.split("\n", 1)[0]}`);
    code = exitCode(error);
  }
  await new Promise<void>((resolve) => process.stderr.write("", () => resolve()));
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  // A name server that does not answer holds a thread, for which Node's own exit would wait.
  if (resolverCallsRunning() > 0) exitNow(code);
  process.exit(code);
}

/** An error without a code that no argument check of ours has thrown is a mistake in the program: it keeps its stack. */
function isBug(error: Error): boolean {
  return (
    error instanceof ReferenceError ||
    (error.constructor === TypeError &&
      /is not a (?:function|constructor)|is not iterable|^Cannot (?:read|set|destructure|convert)/.test(
        error.message,
      ))
  );
}
