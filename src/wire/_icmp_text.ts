/** ICMP messages as one line, as tcpdump prints them. */
import { Ipv4Addr } from "../ip/index.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "./_names.ts";
import { hex, u16, u32 } from "./_pdu.ts";

/** What the text reads of a message. */
interface IcmpText {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly end: number;
  readonly typeNumber: number;
  readonly code: number;
  readonly quoted: Uint8Array | undefined;
}

/** What the text tells of a quoted packet. */
interface Quote {
  readonly dst: Ipv4Addr;
  readonly protocolNumber: number;
  readonly dstPort: number | undefined;
}

function quoteOf(quoted: Uint8Array | undefined): Quote | undefined {
  if (!quoted || quoted.length < 20) return undefined;
  const transport = ((quoted[0] as number) & 0x0f) * 4;
  const hasPort = quoted.length >= transport + 4;
  return {
    dst: Ipv4Addr.fromU32(u32(quoted, 16)),
    protocolNumber: quoted[9] as number,
    dstPort: hasPort ? u16(quoted, transport + 2) : undefined,
  };
}

/** What is unreachable: `@` stands for the destination. */
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: "net @ unreachable",
  1: "host @ unreachable",
  5: "@ unreachable - source route failed",
  6: "net @ unreachable - unknown",
  7: "host @ unreachable - unknown",
  8: "@ unreachable - source host isolated",
  9: "net @ unreachable - admin prohibited",
  10: "host @ unreachable - admin prohibited",
  11: "net @ unreachable - tos prohibited",
  12: "host @ unreachable - tos prohibited",
  13: "host @ unreachable - admin prohibited filter",
  14: "host @ unreachable - host precedence violation",
  15: "host @ unreachable - precedence cutoff",
};

function unreachable(code: number, quote: Quote | undefined, nextHopMtu: number): string {
  const dst = String(quote?.dst ?? "?");
  const protocolNumber = quote?.protocolNumber;
  const port = quote?.dstPort;
  if (code === 2) return `${dst} protocol ${protocolNumber ?? "?"} unreachable`;
  if (code === 3) {
    if (port === undefined) return `${dst} port unreachable`;
    if (protocolNumber === IPPROTO_TCP) return `${dst} tcp port ${port} unreachable`;
    if (protocolNumber === IPPROTO_UDP) return `${dst} udp port ${port} unreachable`;
    return `${dst} protocol ${protocolNumber} port ${port} unreachable`;
  }
  if (code === 4) {
    return `${dst} unreachable - need to frag${nextHopMtu > 0 ? ` (mtu ${nextHopMtu})` : ""}`;
  }
  return (UNREACHABLE[code] ?? `@ unreachable - #${code}`).replace("@", dst);
}

function redirect(code: number, quote: Quote | undefined, gateway: Ipv4Addr): string {
  const dst = quote?.dst ?? "?";
  if (code > 3) return `redirect-#${code} ${dst} to ${gateway}`;
  return `redirect${code > 1 ? "-tos" : ""} ${dst} to ${code % 2 === 0 ? "net" : "host"} ${gateway}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

function lifetimeText(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (h > 0) return `${h}:${two(m)}:${two(s)}`;
  return m > 0 ? `${m}:${two(s)}` : String(s);
}

function routers(bytes: Uint8Array, offset: number, end: number): string {
  const count = bytes[offset + 4] as number;
  const size = bytes[offset + 5] as number;
  let text = `router advertisement lifetime ${lifetimeText(u16(bytes, offset + 6))} ${count}:`;
  if (size !== 2) return `${text} [size ${size}]`;
  for (let i = 0, at = offset + 8; i < count && at + 8 <= end; i++, at += 8) {
    text += ` {${Ipv4Addr.fromU32(u32(bytes, at))} ${u32(bytes, at + 4)}}`;
  }
  return text;
}

/** The time of the day that a stamp stands for: `"10:17:36.789"`. */
function timeText(stamp: number): string {
  const seconds = Math.floor(stamp / 1000);
  const time = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return `${time.map(two).join(":")}.${String(stamp % 1000).padStart(3, "0")}`;
}

function timeExceeded(code: number): string {
  if (code > 1) return `time exceeded-#${code}`;
  return code === 0 ? "time exceeded in-transit" : "ip reassembly time exceeded";
}

function body(message: IcmpText): string {
  const { bytes, offset, end, typeNumber, code, quoted } = message;
  const id = u16(bytes, offset + 4);
  const seq = u16(bytes, offset + 6);
  switch (typeNumber) {
    case 0:
      return `echo reply, id ${id}, seq ${seq}`;
    case 8:
      return `echo request, id ${id}, seq ${seq}`;
    case 3:
      return unreachable(code, quoteOf(quoted), seq);
    case 4:
      return "source quench";
    case 5:
      return redirect(code, quoteOf(quoted), Ipv4Addr.fromU32(u32(bytes, offset + 4)));
    case 9:
      return routers(bytes, offset, end);
    case 10:
      return "router solicitation";
    case 11:
      return timeExceeded(code);
    case 12:
      return `parameter problem - ${code ? `code ${code}` : `octet ${bytes[offset + 4]}`}`;
    case 13:
      return `time stamp query id ${id} seq ${seq}`;
    case 14: {
      const [org, recv, xmit] = [8, 12, 16].map((at) => timeText(u32(bytes, offset + at)));
      return `time stamp reply id ${id} seq ${seq}: org ${org}, recv ${recv}, xmit ${xmit}`;
    }
    case 15:
      return "information request";
    case 16:
      return "information reply";
    case 17:
      return "address mask request";
    case 18:
      return `address mask is ${hex(u32(bytes, offset + 8), 32)}`;
    default:
      return `type-#${typeNumber}`;
  }
}

/**
 * `"ICMP echo request, id 1, seq 2, length 64"`.
 * @param lengthBytes of the message, where more was sent than is at hand
 */
export function icmpText(message: IcmpText, lengthBytes: number = message.end - message.offset): string {
  return `ICMP ${body(message)}, length ${lengthBytes}`;
}
