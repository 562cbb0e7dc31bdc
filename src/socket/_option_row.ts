/** A row of the option tables: what it is to those who read and write options, and how one is made. */
import type { Codec, Decoder } from "./_option_codecs.ts";

/** The kinds of socket that an option may be limited to; `netlink` and `packet` are families, as `unix` is. */
export type OptionSocket = "tcp" | "udp" | "raw" | "unix" | "packet" | "netlink";

/** Where an option works, for those who print it, test it, or explain why it was refused. */
export interface OptionNotes {
  /** The first Linux that has it, such as `"6.15"`; absent where 4.18 has it, the oldest kernel that Node runs on. */
  readonly since?: string;
  /** The capability that it takes to set it, such as `"CAP_NET_ADMIN"`. */
  readonly needs?: string;
  /** The kinds of socket that it is for, where those are fewer than its table says. */
  readonly on?: readonly OptionSocket[];
}

/** What rows that are read and rows that are written share. */
interface OptionRow extends OptionNotes {
  /** The C name, such as `"TCP_NODELAY"`. */
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  /** Its values for people, such as `"boolean"` or `"hops, 1 to 255"`. */
  readonly values?: string;
  /** The names that its values have, with the kernel's numbers. */
  readonly names?: Readonly<Record<string, number>>;
}

/** A value and the option that it is for, made by an option's `to(value)`: for what is set before connect or listen. */
export interface OptionSetting extends OptionNotes {
  readonly name: string;
  readonly level: number;
  readonly optname: number;
  readonly bytes: Uint8Array;
}

/** An option that getsockopt(2) reads. */
export interface ReadableOption<T> extends OptionRow {
  /** Room for the kernel's answer. */
  readonly size: number;
  /** @param bytes as many as the kernel filled; they are the caller's again when this returns */
  decode(bytes: Uint8Array): T;
}

/** An option that setsockopt(2) writes. */
export interface WritableOption<T> extends OptionRow {
  /** @throws {TypeError | RangeError} for a value that does not fit, before any system call */
  readonly to: (value: T) => OptionSetting;
  /**
   * The kernel's bytes of a value, only to be read, and only until the next call of any option's `encode`.
   * @throws as {@link to}
   */
  readonly encode: (value: T) => Uint8Array;
}

/** An option that is read and written. */
export interface SocketOption<T, W = T> extends ReadableOption<T>, WritableOption<W> {}

/** A row that is read only. */
export function ro<T>(
  name: string,
  level: number,
  optname: number,
  codec: Decoder<T>,
  notes?: OptionNotes,
): ReadableOption<T> {
  const { size, values, names, decode } = codec;
  return { name, level, optname, size, values, ...(names && { names }), ...notes, decode };
}

/** A row that is written only: the kernel has no way to ask for it. */
export function wo<W>(
  name: string,
  level: number,
  optname: number,
  codec: Codec<unknown, W>,
  notes?: OptionNotes,
): WritableOption<W> {
  const { values, names } = codec;
  const encode = (value: W): Uint8Array => codec.encode(value, name);
  const to = (value: W): OptionSetting => ({ name, level, optname, bytes: encode(value).slice(), ...notes });
  return { name, level, optname, values, ...(names && { names }), ...notes, encode, to };
}

/** A row that is read and written. */
export function rw<T, W = T>(
  name: string,
  level: number,
  optname: number,
  codec: Codec<T, W>,
  notes?: OptionNotes,
): SocketOption<T, W> {
  return { ...ro(name, level, optname, codec, notes), ...wo(name, level, optname, codec, notes) };
}
