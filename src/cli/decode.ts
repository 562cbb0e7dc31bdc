/** `windsock decode`: bytes to the fields of headers. */
import type { Command } from "commander";
import {
  type Between,
  decodeHeader,
  decodePacket,
  type Layer,
  type LinkTypeName,
  type Packet,
  PROTOCOL_NAMES,
  type ProtocolName,
  verifyIcmpv6,
  verifyTcp,
  verifyUdp,
  WireError,
} from "../wire/index.ts";
import { betweenOf } from "./_between.ts";
import { EXIT, note, print, run, toJson, UsageError } from "./_command.ts";
import { parseHex } from "./_hex.ts";
import { textOfInput } from "./_input.ts";
import { CHECKSUM_SAYS, type ChecksumState, layerJson, packetJson } from "./_packet_json.ts";
import { treeLines } from "./_tree.ts";

const EXAMPLES = `
What is decoded is the header of PROTOCOL and, from a link or network header inwards, all that it carries. Each line has
the byte at which a field stands, its bits or bytes, its name and its value.

--json prints the headers as an array, the outermost first, which "windsock encode" takes back: bytes are "0x…",
addresses are text. Beside each header stands what is to be said of its checksum.

Examples:
  windsock decode tcp 07d00050 00000001 00000000 5002ffff 00000000
  windsock decode ipv4 --summary 45000028000040004006 66cd 0a000001 0a000002 07d00050000000010000000050022000ba0b0000
  tcpdump -c1 -xx -ni lo | windsock decode ethernet -
  windsock decode udp --src ::1 --dst ::1 0035303900 0c 0000 61626364`;

interface Options {
  readonly json?: true;
  readonly summary?: true;
  readonly src?: string;
  readonly dst?: string;
}

export function addDecode(program: Command): void {
  program
    .command("decode")
    .description("bytes to the fields of headers")
    .argument("<protocol>", `one of ${PROTOCOL_NAMES.join(", ")}, or ip for either version`)
    .argument("[hex...]", "hexadecimal digits, or - for standard input, which may be a dump")
    .option("--summary", "one line, as tcpdump prints it")
    .option("--json", "the headers as an array")
    .option("--src <address>", "the source address, to judge the checksum of tcp, udp or icmpv6 by")
    .option("--dst <address>", "the destination address, likewise")
    .addHelpText("after", EXAMPLES)
    .action((protocol: string, hex: string[], options: Options) =>
      run("decode", () => decode(protocol, hex, options)),
    );
}

/** Protocols with which a packet begins, and the link types that they are. */
const LINKS: Readonly<Record<string, LinkTypeName>> = {
  ethernet: "ethernet",
  sll: "linux-sll",
  sll2: "linux-sll2",
  null: "null",
  ipv4: "ipv4",
  ipv6: "ipv6",
  ip: "ip",
};

async function decode(protocol: string, hex: readonly string[], options: Options): Promise<number> {
  const fromInput = hex.length === 0 || (hex.length === 1 && hex[0] === "-");
  const link = Object.hasOwn(LINKS, protocol) ? LINKS[protocol] : undefined;
  if (link === undefined && !PROTOCOL_NAMES.includes(protocol as ProtocolName)) {
    throw new UsageError(`protocol: expected one of ${PROTOCOL_NAMES.join(", ")}, ip, got ${protocol}`);
  }
  const between = betweenOf(options, protocol);
  const bytes = parseHex(fromInput ? await textOfInput() : hex.join(" "));
  if (link !== undefined) return packetFacts(decodePacket(bytes, link), options);
  try {
    return headerFacts(decodeHeader(protocol as ProtocolName, bytes), between, options);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    note(`windsock decode: ${error.message}`);
    return EXIT.failed;
  }
}

/** A packet goes as far as it can: what stopped it is said at the end, and is exit code 1. */
async function packetFacts(packet: Packet, options: Options): Promise<number> {
  const { error } = packet;
  if (options.summary) await print(`${packet.summary()}\n`);
  else if (options.json) await print(`${toJson(packetJson(packet))}\n`);
  else {
    const verdicts = packet
      .checksums()
      .map(({ layer, state }) => `Checksum of ${layer.protocol}: ${CHECKSUM_SAYS[state]}`);
    await print(`${[...treeLines(packet.bytes, packet.tree()), ...verdicts].join("\n")}\n`);
  }
  if (error) note(`windsock decode: ${error.message}`);
  return error ? EXIT.failed : EXIT.done;
}

async function headerFacts(header: Layer, between: Between | undefined, options: Options): Promise<number> {
  const state = between && stateOf(header, between);
  if (options.summary) await print(`${header}\n`);
  else if (options.json) await print(`${toJson([layerJson(header, state, true)])}\n`);
  else {
    const lines = treeLines(header.bytes, [header.tree()]);
    if (header.payload.length > 0) lines.push(`Payload: ${header.payload.length} bytes`);
    if (state) lines.push(`Checksum: ${CHECKSUM_SAYS[state]}`);
    await print(`${lines.join("\n")}\n`);
  }
  return EXIT.done;
}

function stateOf(header: Layer, between: Between): ChecksumState | undefined {
  const right =
    header.protocol === "tcp"
      ? verifyTcp(header, between)
      : header.protocol === "icmpv6"
        ? verifyIcmpv6(header, between)
        : header.protocol === "udp"
          ? verifyUdp(header, between)
          : undefined;
  return right === undefined ? "absent" : right ? "right" : "wrong";
}
