/** The lines of `windsock trace`, as traceroute(8) of Linux has them. */
import { toHex } from "../../bytes/index.ts";
import { IpAddr, SocketAddr } from "../../ip/index.ts";
import { hostText, type TraceAnswer, type TraceHop, type TraceStart } from "../../probe/index.ts";

type Extension = TraceAnswer["extensions"][number];

/** The first line. @param name as it was given */
export function startLine(name: string, { target, packetBytes, maxTtl }: TraceStart): string {
  return `traceroute to ${name} (${hostText(target)}), ${maxTtl} hops max, ${packetBytes} byte packets\n`;
}

function extensionText(extension: Extension): string {
  switch (extension.name) {
    case "mpls": {
      const labels = extension.labels.map(
        ({ label, trafficClass, bottomOfStack, ttl }) =>
          `L=${label},E=${trafficClass},S=${bottomOfStack ? 1 : 0},T=${ttl}`,
      );
      return `MPLS:${labels.join("/")}`;
    }
    case "interface": {
      const { role, index, addr, interfaceName, mtu } = extension;
      const facts = { index, addr, name: interfaceName, mtu };
      const known = Object.entries(facts).filter(([, value]) => value !== undefined);
      return `INTERFACE${role}:${known.map(([key, value]) => `${key}=${value}`).join(",")}`;
    }
    case "unknown":
      return `${extension.classNumber}/${extension.cType}:${toHex(extension.data)}`;
    case "malformed":
      return `malformed:${toHex(extension.data)}`;
  }
}

/** What stands behind an address: its extensions. */
const extensionsText = (answer: TraceAnswer): string =>
  answer.extensions.length === 0 ? "" : ` <${answer.extensions.map(extensionText).join(";")}>`;

/** How a line is to look. */
export interface LineOptions {
  /** The names of addresses; undefined for a line without names. */
  readonly names: ReadonlyMap<string, string | undefined> | undefined;
  readonly extensions: boolean;
}

function whoText(answer: TraceAnswer, { names, extensions }: LineOptions): string {
  const address = hostText(answer.from);
  const who = names === undefined ? address : `${names.get(address) ?? address} (${address})`;
  return ` ${who}${extensions ? extensionsText(answer) : ""}`;
}

/** A hop; who answers is told where it is somebody else than before. */
export function hopLine({ ttl, probes }: TraceHop, options: LineOptions): string {
  let line = `${String(ttl).padStart(2)} `;
  let before: string | undefined;
  for (const probe of probes) {
    if (probe.reply === undefined) {
      line += " *";
      continue;
    }
    const { rttMs, annotation, mtu } = probe;
    const who = whoText(probe, options);
    if (who !== before) line += who;
    before = who;
    if (rttMs !== undefined) line += `  ${rttMs.toFixed(3)} ms`;
    if (annotation !== undefined) line += ` ${annotation}`;
    if (mtu !== undefined) line += ` F=${mtu}`;
  }
  return `${line}\n`;
}

/** A value as JSON has it: addresses as text, bytes as hexadecimal digits, times to the microsecond. */
function plain(value: unknown): unknown {
  if (value instanceof SocketAddr || IpAddr.is(value)) return hostText(value);
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "number") return Math.round(value * 1000) / 1000;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** One object on one line. */
export const jsonLine = (facts: object): string => `${JSON.stringify(plain(facts))}\n`;

/** A hop for {@link jsonLine}, with the names of who answered. */
export function hopFacts({ ttl, probes }: TraceHop, names: LineOptions["names"]): object {
  const facts = probes.map((probe) => {
    if (probe.reply === undefined) return { ...probe, reply: null };
    const { reply, from, ...rest } = probe;
    return { reply, from, name: names?.get(hostText(from)), ...rest };
  });
  return { kind: "hop", ttl, probes: facts };
}
