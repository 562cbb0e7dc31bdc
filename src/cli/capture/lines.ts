/** Captured packets as lines: the time, what tcpdump says of them, and more where it is asked for. */
import { hexDump } from "../../bytes/index.ts";
import { decodePacket, type LinkTypeName } from "../../wire/index.ts";
import { packetJson } from "../_packet_json.ts";
import { treeLines } from "../_tree.ts";

/** A packet to be shown. */
export interface ShownPacket {
  /** In nanoseconds since 1970, or seconds and the nanoseconds beyond them. */
  readonly timestampNs: bigint | readonly [seconds: number, nanoseconds: number] | undefined;
  readonly data: Uint8Array;
  readonly lengthBytes: number;
  readonly linkType: LinkTypeName;
  /** The device, where packets of several are shown. */
  readonly device?: string | undefined;
  readonly direction?: "inbound" | "outbound" | undefined;
}

export interface LineOptions {
  readonly verbose?: true;
  readonly hex?: true;
  readonly json?: true;
  /** Print the link header too. */
  readonly link?: true;
}

const SECOND = 1_000_000_000n;
const pad = (value: number, width: number): string => String(value).padStart(width, "0");

/** The time of day here, to the microsecond, as tcpdump prints it. */
function timeOfDay(timestampNs: bigint): string {
  const at = new Date(Number(timestampNs / 1_000_000n));
  const micros = Number((timestampNs % SECOND) / 1000n);
  return `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}.${pad(micros, 6)}`;
}

/** Nanoseconds as seconds with all their digits: JSON's numbers would lose some. */
function seconds(timestampNs: bigint): string {
  return `${timestampNs / SECOND}.${String(timestampNs % SECOND).padStart(9, "0")}`;
}

/** A packet's line or lines, each with its end. */
export function packetText(packet: ShownPacket, options: LineOptions): string {
  const { data, lengthBytes, timestampNs: given, device, direction } = packet;
  const timestampNs = typeof given === "object" ? BigInt(given[0]) * SECOND + BigInt(given[1]) : given;
  const decoded = decodePacket(data, packet.linkType, { wireLength: Math.max(lengthBytes, data.length) });
  if (options.json) {
    const told = {
      ...(timestampNs !== undefined && { timestamp: seconds(timestampNs) }),
      ...(device !== undefined && { interface: device }),
      ...(direction !== undefined && { direction }),
      lengthBytes,
      capturedBytes: data.length,
      layers: packetJson(decoded),
    };
    return `${JSON.stringify(told)}\n`;
  }
  const way = direction === undefined ? "" : direction === "inbound" ? "In " : "Out";
  const from = device === undefined ? "" : `${device.padEnd(5)} ${way} `;
  const time = timestampNs === undefined ? "" : `${timeOfDay(timestampNs)} `;
  const [outermost] = decoded.layers;
  const link = options.link && outermost !== undefined ? `${outermost} | ` : "";
  const lines = [`${time}${from}${link}${decoded.summary()}`];
  if (options.verbose) lines.push(...treeLines(data, decoded.tree()).map((line) => `  ${line}`));
  if (options.hex)
    lines.push(
      ...hexDump(data)
        .split("\n")
        .slice(0, -1)
        .map((line) => `  ${line}`),
    );
  return `${lines.join("\n")}\n`;
}
