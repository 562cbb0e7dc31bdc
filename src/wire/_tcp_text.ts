/** TCP segments as text: one line as tcpdump prints it, and the options of the tree. */
import { toHex } from "../bytes/index.ts";
import { describe } from "./_encode.ts";
import { optionNodes, type Placed } from "./_options.ts";
import type { TreeNode } from "./_pdu.ts";
import { placedTcpOptions, type TcpOption } from "./_tcp_options.ts";

/** What the texts read of a segment. */
export interface TcpText {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
  readonly headerLength: number;
  readonly flags: number;
  readonly sequenceNumber: number;
  readonly acknowledgmentNumber: number;
  readonly window: number;
  readonly urgentPointer: number;
}

// Bits of the flags, RFC 9293 §3.1, RFC 9768 §2.
export const FIN = 0x001;
export const SYN = 0x002;
export const RST = 0x004;
export const PSH = 0x008;
export const ACK = 0x010;
export const URG = 0x020;
export const ECE = 0x040;
export const CWR = 0x080;
export const AE = 0x100;

/** In tcpdump's order, with its letter and the RFC's name. */
const FLAGS: readonly (readonly [bit: number, letter: string, name: string])[] = [
  [FIN, "F", "FIN"],
  [SYN, "S", "SYN"],
  [RST, "R", "RST"],
  [PSH, "P", "PSH"],
  [ACK, ".", "ACK"],
  [URG, "U", "URG"],
  [ECE, "E", "ECE"],
  [CWR, "W", "CWR"],
  [AE, "e", "AE"],
];

/** `"S."`, or `"none"`. */
export function tcpFlagsText(flags: number): string {
  const letters = FLAGS.filter(([bit]) => flags & bit).map(([, letter]) => letter);
  return letters.length > 0 ? letters.join("") : "none";
}

/** `"SYN, ACK"`, or `""`. */
export function tcpFlagNames(flags: number): string {
  return FLAGS.filter(([bit]) => flags & bit)
    .map(([, , name]) => name)
    .join(", ");
}

/** Subtypes of MPTCP as tcpdump names them, RFC 8684 §8.2. */
const MPTCP_SUBTYPES = [
  "capable",
  "join",
  "dss",
  "add-addr",
  "rem-addr",
  "prio",
  "fail",
  "fast-close",
  "tcprst",
];

const cookieText = (cookie: Uint8Array): string =>
  cookie.length > 0 ? ` cookie ${toHex(cookie)}` : " cookiereq";

function optionText(option: TcpOption): string {
  switch (option.name) {
    case "end":
      return "eol";
    case "nop":
      return "nop";
    case "mss":
      return `mss ${option.value}`;
    case "windowScale":
      return `wscale ${option.shift}`;
    case "sackPermitted":
      return "sackOK";
    case "sack":
      return `sack ${option.blocks.length} ${option.blocks.map(({ left, right }) => `{${left}:${right}}`).join("")}`;
    case "timestamps":
      return `TS val ${option.value} ecr ${option.echoReply}`;
    case "md5":
      return `md5 ${toHex(option.digest)}`;
    case "userTimeout":
      return `uto 0x${((option.granularity === "minutes" ? 0x8000 : 0) | option.value).toString(16)}`;
    case "authentication":
      return `tcp-ao keyid ${option.keyId} rnextkeyid ${option.nextKeyId} mac 0x${toHex(option.mac)}`;
    case "mptcp":
      return `mptcp ${option.data.length + 3} ${MPTCP_SUBTYPES[option.subtype] ?? `unknown-${option.subtype}`}`;
    case "fastOpen":
      return `${option.experimental ? "exp-tfo" : "tfo "}${cookieText(option.cookie)}`;
    case "unknown":
      return `unknown-${option.kind}${option.data.length > 0 ? ` 0x${toHex(option.data)}` : ""}`;
    case "padding":
      return "";
    case "malformed":
      return "[bad opt]";
  }
}

/** `"mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7"`, without brackets; `""` where there are none. */
export function tcpOptionsText({ bytes, offset, headerLength }: TcpText): string {
  const end = offset + headerLength;
  const placed = placedTcpOptions(bytes, offset + 20, end);
  const texts = placed.map(({ option }) => optionText(option)).filter((text) => text !== "");
  const last = placed.at(-1);
  // Zeros up to a multiple of four are left out of the list; tcpdump tells of the first.
  if (headerLength > (last ? last.offset + last.lengthBytes - offset : 20) && last?.option.name !== "end") {
    texts.push("eol");
  }
  return texts.join(",");
}

/**
 * `"Flags [S], seq 1, win 64240, options [mss 1460], length 0"`: as tcpdump -S prints it.
 * @param lengthBytes of the data, where more was sent than is at hand
 */
export function tcpText(
  segment: TcpText,
  lengthBytes: number = segment.end - segment.offset - segment.headerLength,
): string {
  const { flags, sequenceNumber: seq, acknowledgmentNumber, window, urgentPointer } = segment;
  const parts = [`Flags [${tcpFlagsText(flags)}]`];
  if (lengthBytes > 0) parts.push(`seq ${seq}:${(seq + lengthBytes) >>> 0}`);
  else if (flags & (SYN | FIN | RST)) parts.push(`seq ${seq}`);
  if (flags & ACK) parts.push(`ack ${acknowledgmentNumber}`);
  parts.push(`win ${window}`);
  if (flags & URG) parts.push(`urg ${urgentPointer}`);
  const options = tcpOptionsText(segment);
  if (options !== "") parts.push(`options [${options}]`);
  parts.push(`length ${lengthBytes}`);
  return parts.join(", ");
}

const LABELS: Readonly<Record<TcpOption["name"], string>> = {
  end: "End of Option List",
  nop: "No-Operation",
  unknown: "Unknown option",
  padding: "Padding",
  malformed: "Malformed",
  mss: "Maximum Segment Size",
  windowScale: "Window Scale",
  sackPermitted: "SACK Permitted",
  sack: "SACK",
  timestamps: "Timestamps",
  md5: "MD5 Signature",
  userTimeout: "User Timeout",
  authentication: "TCP Authentication",
  mptcp: "Multipath TCP",
  fastOpen: "Fast Open Cookie",
};

function nodeText(option: TcpOption): string {
  switch (option.name) {
    case "end":
    case "nop":
    case "sackPermitted":
      return "";
    case "mss":
      return `${option.value} bytes`;
    case "windowScale":
      return `${option.shift} (times ${2 ** option.shift})`;
    case "sack":
      return option.blocks.map(({ left, right }) => `${left} … ${right}`).join(", ");
    case "timestamps":
      return `value ${option.value}, echo reply ${option.echoReply}`;
    case "md5":
      return describe(option.digest);
    case "userTimeout":
      return `${option.value} ${option.granularity}`;
    case "authentication":
      return `key ${option.keyId}, next key ${option.nextKeyId}, MAC ${describe(option.mac)}`;
    case "mptcp":
      return `${MPTCP_SUBTYPES[option.subtype] ?? "unknown"} (${option.subtype}), ${option.nibble}, ${describe(option.data)}`;
    case "fastOpen":
      return option.cookie.length === 0 ? "request" : describe(option.cookie);
    case "unknown":
      return `kind ${option.kind}, ${describe(option.data)}`;
    case "padding":
    case "malformed":
      return describe(option.data);
  }
}

/** The options as nodes of the header's tree. */
export function tcpOptionNodes(placed: readonly Placed<TcpOption>[]): readonly TreeNode[] {
  return optionNodes(placed, ({ name }) => LABELS[name], nodeText);
}
