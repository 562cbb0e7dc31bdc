/** Port numbers: reading them, and the three ranges of RFC 6335 §6. */
import { checkInteger, checkString } from "./_check.ts";
import { AddressError } from "./errors.ts";

/** RFC 6335 §6: `well-known` is the System range, `registered` the User range, `dynamic` the Private one. */
export type PortClass = "well-known" | "registered" | "dynamic";

/** Tells whether a value is an integer from 0 to 65535. */
export function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65535;
}

/**
 * Tells which range of RFC 6335 §6 a port is in: 0–1023, 1024–49151 or 49152–65535. The kernel takes its ephemeral
 * ports from a range of its own, 32768–60999 unless it was told otherwise (`net.ipv4.ip_local_port_range`).
 */
export function portClass(port: number): PortClass {
  checkInteger("port", port, 0, 65535);
  return port < 1024 ? "well-known" : port < 49152 ? "registered" : "dynamic";
}

/**
 * Reads a port: decimal digits without sign, space or leading zero.
 * @throws {AddressError} with the reason
 */
export function parsePort(text: string): number {
  checkString("text", text);
  const reason = whyNotPort(text);
  if (reason) throw new AddressError(text, "a port", reason, "a decimal number 0–65535");
  return Number(text);
}

/** Says what is wrong with the text of a port, or undefined where nothing is. */
function whyNotPort(text: string): string | undefined {
  if (text === "") return "it is empty";
  const stranger = /[^0-9]/u.exec(text);
  if (stranger) return `it has ${JSON.stringify(stranger[0])} at position ${stranger.index + 1}`;
  if (text.length > 1 && text.startsWith("0")) return "it has a leading zero";
  return Number(text) > 65535 ? "it is more than 65535" : undefined;
}
