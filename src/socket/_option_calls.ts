/** Options on an fd: getsockopt and setsockopt by the row, without an object per call, and what to say of a refusal. */
import * as C from "../sys/index.ts";
import type { OptionNotes, OptionSetting, ReadableOption, WritableOption } from "./_option_row.ts";

/** Where the kernel answers, and its views by length: to make one would take as long as the call. */
const answer = new Uint8Array(512);
const answers: Uint8Array[] = [];

/** So many bytes, which whoever asks next gets, too. */
function room(length: number): Uint8Array {
  if (length > answer.length) return new Uint8Array(length);
  answers[length] ??= answer.subarray(0, length);
  return answers[length];
}

/**
 * What the kernel says of an option.
 * @throws {SysError} with the option's name
 * @see man 2 getsockopt
 */
export function readOption<T>(fd: number, option: ReadableOption<T>): T {
  const bytes = room(option.size);
  const length = C.getsockopt(fd, option.level, option.optname, bytes);
  if (length < 0) throw new C.SysError(length, "getsockopt", refusal(option, length));
  return option.decode(bytes.length > answer.length ? bytes.subarray(0, length) : room(length));
}

/**
 * Sets an option.
 * @throws {TypeError | RangeError} for a value that does not fit
 * @throws {SysError} with the option's name
 * @see man 2 setsockopt
 */
export function writeOption<T>(fd: number, option: WritableOption<T>, value: T): void {
  const result = C.setsockopt(fd, option.level, option.optname, option.encode(value));
  if (result < 0) throw new C.SysError(result, "setsockopt", refusal(option, result));
}

/**
 * Sets what an option's `to(value)` made.
 * @throws {SysError} with the option's name
 */
export function applySetting(fd: number, setting: OptionSetting): void {
  const result = C.setsockopt(fd, setting.level, setting.optname, setting.bytes);
  if (result < 0) throw new C.SysError(result, "setsockopt", refusal(setting, result));
}

/** What to say of the kernel's refusal of an option, as the details of a {@link C.SysError}. */
export function refusal(
  option: OptionNotes & { readonly name: string },
  number: number,
): { readonly address: string; readonly hint: string | undefined } {
  return { address: option.name, hint: reason(option, Math.abs(number)) };
}

function reason({ since, needs, on }: OptionNotes, number: number): string | undefined {
  if (number === C.errno.EPERM) {
    return needs === undefined ? undefined : `to set it so needs the capability ${needs}`;
  }
  if (number !== C.errno.ENOPROTOOPT && number !== C.errno.EOPNOTSUPP) return undefined;
  const reasons = [
    on === undefined ? "" : `it is for ${on.join(", ")} sockets`,
    since === undefined ? "" : `it came with Linux ${since}`,
  ].filter((it) => it !== "");
  return reasons.length === 0 ? undefined : reasons.join("; ");
}
