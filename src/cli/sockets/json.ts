/** Sockets as JSON: an array with an object a line, whose fields have the library's names. docs/sockets.md has them all. */
import type { Attribute } from "../../netlink/index.ts";
import { print } from "../_command.ts";
import { cgroupPath, deviceName } from "./names.ts";
import type { AnySocket, Show } from "./rows.ts";

/** So much text is put together before it is written. */
const PIECE_CHARS = 1 << 16;

export async function printJson(sockets: readonly AnySocket[], show: Show): Promise<void> {
  let piece = "[";
  for (const [index, socket] of sockets.entries()) {
    piece += `${index === 0 ? "\n" : ",\n"}${socketJson(socket, show)}`;
    if (piece.length >= PIECE_CHARS) {
      await print(piece);
      piece = "";
    }
  }
  await print(`${piece}${sockets.length === 0 ? "" : "\n"}]\n`);
}

/** One object, on one line. */
export function socketJson(socket: AnySocket, show: Show): string {
  let text = "{";
  for (const name of FIELDS[socket.family]) text += field(name, socket[name as keyof AnySocket]);
  // What is only told on request, and costs time to decode.
  if (show.memory) text += field("memory", socket.memory);
  if (socket.family === "ipv4" || socket.family === "ipv6") {
    if (show.info) for (const name of INFO) text += field(name, socket[name]);
    if (show.info || show.memory) for (const name of UPPER) text += field(name, socket[name]);
  }
  if ("device" in socket && socket.device !== undefined && socket.device !== 0) {
    text += field("deviceName", deviceName(socket.device));
  }
  if ("cgroup" in socket && socket.cgroup !== undefined && (show.cgroup || show.extended)) {
    text += field("cgroupPath", cgroupPath(socket.cgroup));
  }
  if (show.owners !== undefined) text += field("processes", show.owners.get(socket.inode) ?? []);
  text += field("unknown", socket.unknown?.map(unknownJson));
  return `${text.endsWith(",") ? text.slice(0, -1) : text}}`;
}

const INET = [
  ...[
    "protocol",
    "family",
    "state",
    "localAddr",
    "localPort",
    "peerAddr",
    "peerPort",
    "device",
    "receiveQueue",
  ],
  ...[
    "sendQueue",
    "userId",
    "inode",
    "cookie",
    "timer",
    "v6Only",
    "ipProtocol",
    "shutdown",
    "mark",
    "cgroup",
  ],
  ...["options", "tos", "trafficClass", "classId"],
];

/** In the order in which they are printed. */
const FIELDS: Readonly<Record<AnySocket["family"], readonly string[]>> = {
  ipv4: INET,
  ipv6: INET,
  unix: [
    ...["family", "type", "state", "inode", "cookie", "localAddr", "peerInode", "receiveQueue", "sendQueue"],
    ...["userId", "shutdown", "file", "pending"],
  ],
  packet: [
    ...[
      "family",
      "type",
      "protocol",
      "inode",
      "cookie",
      "userId",
      "device",
      "version",
      "reserve",
      "copyThreshold",
    ],
    ...["timestamp", "flags", "multicast", "receiveRing", "sendRing", "fanout", "filter"],
  ],
  netlink: [
    ...[
      "family",
      "type",
      "protocol",
      "state",
      "portId",
      "peerPortId",
      "peerGroups",
      "inode",
      "cookie",
      "groups",
    ],
    ...["flags", "receiveRing", "sendRing"],
  ],
};

const INFO = ["congestionControl", "congestionInfo", "info", "mptcp"] as const;
const UPPER = ["upperProtocol", "md5Keys"] as const;

function field(name: string, value: unknown): string {
  return value === undefined ? "" : `"${name}":${valueJson(value)},`;
}

/** Whole numbers of any size with all their digits, bytes in hexadecimal, and addresses as text. */
function valueJson(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
    case "bigint":
    case "boolean":
      return `${value}`;
    case "object":
      break;
    default:
      return "null";
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map(valueJson).join(",")}]`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString("hex")}"`;
  if (Object.getPrototypeOf(value) !== Object.prototype) return JSON.stringify(String(value));
  let text = "{";
  for (const name in value) text += field(name, (value as Record<string, unknown>)[name]);
  return `${text.endsWith(",") ? text.slice(0, -1) : text}}`;
}

function unknownJson({ type, data }: Attribute): { type: number; data: Uint8Array } {
  return { type, data };
}
