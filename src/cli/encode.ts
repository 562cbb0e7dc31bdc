/** `windsock encode`: fields of headers to bytes. */
import type { Command } from "commander";
import { hexDump, toHex } from "../bytes/index.ts";
import {
  decodeHeader,
  encodeHeader,
  encodePacket,
  fieldsFromJson,
  type Json,
  type LayerFields,
  PROTOCOL_NAMES,
  type ProtocolName,
} from "../wire/index.ts";
import { betweenOf } from "./_between.ts";
import { EXIT, print, run, UsageError } from "./_command.ts";
import { textOfInput } from "./_input.ts";

const EXAMPLES = `
Fields have the names that "windsock decode --json" gives them. What can be computed may be left out: lengths, checksums,
and the numbers that tell what a header carries. What is given is taken as it is, right or wrong. An array makes a whole
packet, the outermost header first, and is what "windsock decode --json" prints.

Examples:
  windsock encode udp '{"srcPort": 4000, "dstPort": 53, "payload": "0x00"}' --src 10.0.0.1 --dst 10.0.0.2
  windsock encode ipv4 '[{"ipv4": {"src": "10.0.0.1", "dst": "10.0.0.2"}}, {"tcp": {"srcPort": 2000, "dstPort": 80, "syn": true}}]'
  windsock decode ethernet - <dump.txt --json | windsock encode ethernet -`;

interface Options {
  readonly dump?: true;
  readonly raw?: true;
  readonly src?: string;
  readonly dst?: string;
}

export function addEncode(program: Command): void {
  program
    .command("encode")
    .description("fields of headers to bytes")
    .argument("<protocol>", `one of ${PROTOCOL_NAMES.join(", ")}`)
    .argument("[json]", "the fields as an object, or headers as an array; - is standard input")
    .option("--dump", "print as hexdump -C does, instead of the digits alone")
    .option("--raw", "write the bytes themselves")
    .option("--src <address>", "the source address, which the checksum of tcp, udp and icmpv6 covers")
    .option("--dst <address>", "the destination address, likewise")
    .addHelpText("after", EXAMPLES)
    .action((protocol: string, json: string | undefined, options: Options) =>
      run("encode", () => encode(protocol, json, options)),
    );
}

async function encode(protocol: string, json: string | undefined, options: Options): Promise<number> {
  if (!PROTOCOL_NAMES.includes(protocol as ProtocolName)) {
    throw new UsageError(`protocol: expected one of ${PROTOCOL_NAMES.join(", ")}, got ${protocol}`);
  }
  if (options.dump && options.raw) throw new UsageError("--dump and --raw exclude each other");
  const value = parse(json === undefined || json === "-" ? await textOfInput() : json);
  const bytes = Array.isArray(value)
    ? packetOf(protocol, value, options)
    : headerOf(protocol as ProtocolName, value, options);
  if (options.raw) await print(bytes);
  else await print(`${options.dump ? hexDump(bytes) : toHex(bytes)}\n`);
  return EXIT.done;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UsageError(`json: ${(error as Error).message.split("\n", 1)[0]}`);
  }
}

function objectOf(where: string, value: Json | undefined): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new UsageError(`${where}: expected an object of fields, got ${JSON.stringify(value)}`);
}

/** Numbers, bytes and addresses that do not fit are errors of the encoders, which name the field. */
function headerOf(protocol: ProtocolName, value: Json, options: Options): Uint8Array {
  const fields = fieldsFromJson(objectOf(protocol, value) as Json) as object;
  const bytes = encodeHeader(protocol, fields, betweenOf(options, protocol));
  checkNames(protocol, fields);
  return bytes;
}

/** What "windsock decode --json" prints beside the headers: it says something of them, or has no header of its own. */
const BESIDE: readonly string[] = ["checksum", "trailer", "payload", "error"];

function packetOf(protocol: string, value: readonly Json[], options: Options): Uint8Array {
  if (options.src !== undefined || options.dst !== undefined) {
    throw new UsageError("--src and --dst are for one header: of a packet, they are those of its IP header");
  }
  const items = value.map((item, index) => objectOf(`[${index}]`, item) as { readonly [name: string]: Json });
  const layers: Record<string, object>[] = [];
  let payload: Uint8Array | undefined;
  let trailer = new Uint8Array(0);
  for (const item of items) {
    const names = Object.keys(item).filter((name) => !BESIDE.includes(name));
    for (const name of names) {
      const fields = fieldsFromJson(objectOf(name, item[name]) as Json) as object;
      layers.push({ [name]: fields });
    }
    if (item.payload !== undefined) payload = bytesOf("payload", item.payload);
    if (item.trailer !== undefined) trailer = Uint8Array.from(bytesOf("trailer", item.trailer));
  }
  const [outermost] = layers.flatMap((layer) => Object.keys(layer));
  if (outermost !== undefined && outermost !== protocol) {
    throw new UsageError(`expected ${protocol} as the outermost header, got ${outermost}`);
  }
  const bytes = encodePacket(layers as unknown as LayerFields[], payload);
  for (const layer of layers) {
    for (const [name, fields] of Object.entries(layer)) checkNames(name as ProtocolName, fields);
  }
  return Uint8Array.from([...bytes, ...trailer]);
}

function bytesOf(where: string, value: Json): Uint8Array {
  const bytes = fieldsFromJson(value);
  if (bytes instanceof Uint8Array) return bytes;
  throw new UsageError(`${where}: expected bytes as "0x…", got ${JSON.stringify(value)}`);
}

/** A field that no header of the kind has would be left out in silence. */
function checkNames(protocol: ProtocolName, fields: object): void {
  const given = Object.keys(fields);
  const known = knownNames(protocol, fields);
  const wrong = given.find((name) => known !== undefined && !known.includes(name));
  if (wrong !== undefined) {
    throw new UsageError(`${protocol}: no field ${wrong}; the fields are ${(known ?? []).join(", ")}`);
  }
}

/** The names of all fields of such a header, as decoding it again tells. */
function knownNames(protocol: ProtocolName, fields: object): readonly string[] | undefined {
  try {
    const header = decodeHeader(protocol, encodeHeader(protocol, withDefaults(fields)));
    const members = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(header)));
    const getters = members.flatMap(([name, { get }]) => (get ? [name] : []));
    return [...new Set([...Object.keys(header.toObject()), ...getters, "flags"])];
  } catch {
    return undefined; // a header that is broken on purpose cannot be asked
  }
}

/** What a packet's inner header would tell; any value will do to ask for names. */
function withDefaults(fields: object): object {
  return { protocolNumber: 59, protocolType: 0, family: 2, ...fields };
}
