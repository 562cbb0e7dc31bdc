/** The lines of `windsock ping`, as ping(8) of iputils has them; and the same as JSON. */
import { IpAddr, SocketAddr } from "../../ip/index.ts";
import {
  hostText,
  type PingEvent,
  type PingReply,
  type PingStart,
  type PingStatistics,
} from "../../probe/index.ts";

const u16 = (sequence: number): number => sequence & 0xffff;
const micro = (ms: number): number => Math.round(ms * 1000);
/** Milliseconds with three digits behind the point. */
const three = (ms: number): string => (micro(ms) / 1000).toFixed(3);

/** A round-trip time with three digits, or its microseconds. */
function rttText(ms: number): string {
  const us = micro(ms);
  if (us >= 99_950) return (us / 1000).toFixed(0);
  if (us >= 9_995) return (us / 1000).toFixed(1);
  return us >= 1000 ? (us / 1000).toFixed(2) : (us / 1000).toFixed(3);
}

/** The first line. @param name as it was given */
export function startLine(
  name: string,
  { target, localIp }: PingStart,
  sizeBytes: number,
  from: { readonly device: string | undefined; readonly shown: boolean },
): string {
  const whence = from.shown ? `from ${localIp} ${from.device ?? ""}: ` : "";
  const size =
    target.family === "ipv4" ? `${sizeBytes}(${sizeBytes + 28}) bytes of data.` : `${sizeBytes} data bytes`;
  return `PING ${name} (${hostText(target)}) ${whence}${size}\n`;
}

/** `[1700000000.123456] ` */
export const stampText = (unixMs: number): string => `[${(Math.floor(unixMs * 1000) / 1e6).toFixed(6)}] `;

/** What is wrong with the bytes of a reply: the first that differs, and all that are behind the time. */
function damageText({ offset, expected, actual, payload }: NonNullable<PingReply["damage"]>): string {
  const hex = (byte: number): string => byte.toString(16);
  let text = `\nwrong data byte #${offset} should be 0x${hex(expected)} but was 0x${hex(actual)}`;
  for (let at = 16; at < payload.length; at++) {
    text += `${at % 32 === 16 ? `\n#${at}\t` : ""}${hex(payload[at] as number)} `;
  }
  return text;
}

/** @param group whether many are to reply: their replies are no duplicates to speak of */
function replyLine(reply: PingReply, who: string, group: boolean): string {
  const { sequence, ttl, rttMs, lengthBytes, duplicate, truncated, damage, intact, differentAddress } = reply;
  const start = `${lengthBytes} bytes from ${who}: icmp_seq=${u16(sequence)}${ttl === undefined ? "" : ` ttl=${ttl}`}`;
  if (truncated) return `${start} (truncated)\n`;
  const marks = [
    duplicate && !group ? " (DUP!)" : "",
    intact ? "" : " (BAD CHECKSUM!)",
    differentAddress ? " (DIFFERENT ADDRESS!)" : "",
  ];
  return `${start} time=${rttText(rttMs)} ms${marks.join("")}${damage === undefined ? "" : damageText(damage)}\n`;
}

/**
 * The line of an event; none for what ping(8) does not speak of.
 * @param who the address of whoever sent it, with its name where that is shown
 */
export function eventLine(event: PingEvent, who: string, group: boolean): string | undefined {
  const sequence = u16(event.sequence);
  switch (event.kind) {
    case "reply":
      return replyLine(event, who, group);
    case "error":
      return event.origin === "icmp" ? `From ${who} icmp_seq=${sequence} ${event.text}\n` : undefined;
    case "notice":
      return `From ${who}: icmp_seq=${sequence} ${event.text}\n`;
    case "outstanding":
      return `no answer yet for icmp_seq=${sequence}\n`;
    default:
      return undefined;
  }
}

/** What -f prints for an event: a point for each request, that its reply takes back. */
export function floodText(event: PingEvent): string {
  if (event.kind === "sent") return ".";
  if (event.kind === "reply") return event.intact ? "\b \b" : "\bC";
  return event.kind === "error" ? (event.origin === "local" ? "E" : "\bE") : "";
}

const percent = (loss: number): string => `${Number((loss * 100).toPrecision(6))}%`;

/** The last lines. @param flood whether the time between two requests is shown */
export function statisticsLines(name: string, all: PingStatistics, flood: boolean): string {
  const { transmitted, received, duplicates, corrupted, errors, loss, timeMs, rttMs, pipe } = all;
  const counts = [
    `${transmitted} packets transmitted, ${received} received`,
    duplicates > 0 ? `, +${duplicates} duplicates` : "",
    corrupted > 0 ? `, +${corrupted} corrupted` : "",
    errors > 0 ? `, +${errors} errors` : "",
    transmitted > 0 ? `, ${percent(loss)} packet loss, time ${Math.round(timeMs)}ms` : "",
  ];
  const parts: string[] = [];
  if (received > 0 && rttMs !== undefined) {
    const { min, avg, max, mdev } = rttMs;
    parts.push(`rtt min/avg/max/mdev = ${three(min)}/${three(avg)}/${three(max)}/${three(mdev)} ms`);
  }
  if (pipe > 1) parts.push(`pipe ${pipe}`);
  if (flood && received > 0 && rttMs !== undefined && transmitted > 1) {
    parts.push(`ipg/ewma ${three(timeMs / (transmitted - 1))}/${three(rttMs.ewma)} ms`);
  }
  return `\n--- ${name} ping statistics ---\n${counts.join("")}\n${parts.join(", ")}\n`;
}

/** What SIGQUIT asks for. */
export function statusLine({ transmitted, received, loss, rttMs }: PingStatistics): string {
  const times =
    rttMs === undefined
      ? ""
      : `, min/avg/ewma/max = ${three(rttMs.min)}/${three(rttMs.avg)}/${three(rttMs.ewma)}/${three(rttMs.max)} ms`;
  return `\r${received}/${transmitted} packets, ${Math.floor(loss * 100)}% loss${times}`;
}

/** A value as JSON has it: addresses as text, bytes as hexadecimal digits, errors as their message, times in microseconds' digits. */
function plain(key: string, value: unknown): unknown {
  if (value instanceof SocketAddr || IpAddr.is(value)) return hostText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (value instanceof Error) return value.message;
  if (typeof value === "number" && key.endsWith("Ms")) return micro(value) / 1000;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, plain(key.endsWith("Ms") ? key : name, item)]),
  );
}

/** One object on one line. */
export const jsonLine = (facts: object): string => `${JSON.stringify(plain("", facts))}\n`;
