/** `windsock capture`: packets of a device, or of a file, to the terminal or to a file. */
import { createReadStream } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { compileFilter, FilterError, type FilterProgram, forCookedSocket } from "../filter/index.ts";
import { type LinkAddr, PacketSocket, type PacketType, withVlanTag } from "../socket/index.ts";
import { if_indextoname } from "../sys/index.ts";
import { CaptureReader, encodeSll2, type LinkTypeName, WireError } from "../wire/index.ts";
import { EXIT, note, print, run, UsageError, wholeNumber } from "./_command.ts";
import { type CaptureDevice, captureDevice, devices, filterLink } from "./capture/device.ts";
import { CaptureFile } from "./capture/file.ts";
import { type LineOptions, packetText, type ShownPacket } from "./capture/lines.ts";

const EXAMPLES = `
Prints what tcpdump would, with addresses and ports as numbers. FILTER has tcpdump's words. Ends with Ctrl-C or after
-c packets, and says how many were captured, and how many the kernel had to drop.

Examples:
  windsock capture -i lo tcp port 2000
  windsock capture -i any -c 10 --tree icmp or icmp6
  windsock capture -w trace.pcapng 'host 192.0.2.1 and not port 22'   # Wireshark opens it
  windsock capture -r trace.pcapng --json tcp | jq .layers
  windsock capture --program 'tcp[tcpflags] & tcp-syn != 0'           # what the kernel runs, as tcpdump -d`;

interface Options extends LineOptions {
  readonly interface?: string;
  readonly write?: string;
  readonly read?: string;
  readonly count?: number;
  readonly snapshotLength: number;
  readonly bufferSize: number;
  readonly promiscuousMode: boolean;
  readonly direction: "in" | "out" | "inout";
  readonly tree?: true;
  readonly program?: true;
  readonly listInterfaces?: true;
  readonly immediateMode?: true;
}

const SNAP_LENGTH = 262_144;
/** What a cooked header has room for; an InfiniBand address has 20. */
const SLL2_ADDRESS_BYTES = 8;
const MAX_BUFFER_KIB = 2 ** 20;
/** With what the kernel joins before it is cut for the wire. */
const LONGEST_PACKET = 65_536;
/** What a packet takes in a block beside its bytes. */
const PACKET_OVERHEAD = 256;

function direction(text: string): "in" | "out" | "inout" {
  if (text === "in" || text === "out" || text === "inout") return text;
  throw new InvalidArgumentError("Expected in, out or inout.");
}

export function addCapture(program: Command): void {
  program
    .command("capture")
    .description("packets of a device, or of a file, to the terminal or to a file")
    .argument("[filter...]", "only packets that it lets through, as tcp port 80")
    .option(
      "-i, --interface <name>",
      "the device, or any: all of them; the first one that has an address unless told",
    )
    .option("-w, --write <file>", "write them to a pcapng file, or to a .pcap one; - is standard output")
    .option("-r, --read <file>", "read them from a file, pcapng or pcap; - is standard input")
    .option("-c, --count <n>", "end after so many", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("-s, --snapshot-length <bytes>", "keep so much of each", wholeNumber(1, SNAP_LENGTH), SNAP_LENGTH)
    .option(
      "-B, --buffer-size <KiB>",
      "room for what has not been read",
      wholeNumber(256, MAX_BUFFER_KIB),
      16_384,
    )
    .option("-p, --no-promiscuous-mode", "leave out what is for other hosts")
    .option("-Q, --direction <way>", "in, out or inout", direction, "inout")
    .option("-D, --list-interfaces", "print the devices, and end")
    .option("-e, --link", "print the link header too")
    .option("-x, --hex", "print the bytes too")
    .option("-v, --tree", "print every field too")
    .option("-n", "addresses and ports as numbers, which is how they are printed in any case")
    .option("--immediate-mode", "print each packet at once, at the cost of losing more")
    .option("--json", "print each packet as an object on a line of its own")
    .option("--program", "print the program that the filter becomes, and end")
    .addHelpText("after", EXAMPLES)
    .action((filter: string[], options: Options) => run("capture", () => capture(filter.join(" "), options)));
}

async function capture(filter: string, options: Options): Promise<number> {
  if (options.listInterfaces) {
    await print(`${[...devices(), "any"].join("\n")}\n`);
    return EXIT.done;
  }
  if (options.write !== undefined && (options.json || options.tree || options.hex || options.link)) {
    throw new UsageError(
      "-w writes to a file and prints nothing: --json, --tree, --hex and --link are for printing",
    );
  }
  if (options.read !== undefined) return readFile(options.read, filter, options);
  const device = captureDevice(options.interface);
  const program = compile(filter, device.linkType, options.snapshotLength, true);
  if (options.program) {
    await print(`${program}\n`);
    return EXIT.done;
  }
  return live(device, filter, program, options);
}

/** @throws {UsageError} that says where the filter is wrong */
function compile(filter: string, linkType: LinkTypeName, snapLength: number, isLive: boolean): FilterProgram {
  const known = filterLink(linkType);
  if (known === undefined) throw new UsageError(`filter: expected a link type other than ${linkType}`);
  try {
    return compileFilter(filter, { linkType: known, snapLength, live: isLive });
  } catch (error) {
    if (error instanceof FilterError) throw new UsageError(`filter: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Where packets go, whatever they come from. */
class Sink {
  readonly #lines: LineOptions;
  readonly #file: CaptureFile | undefined;
  #text: string[] = [];
  captured = 0;

  constructor(options: Options, file: CaptureFile | undefined) {
    const { hex, json, link, tree } = options;
    this.#lines = {
      ...(hex && { hex }),
      ...(json && { json }),
      ...(link && { link }),
      ...(tree && { verbose: true }),
    };
    this.#file = file;
  }

  add(packet: ShownPacket): Promise<void> | undefined {
    this.captured++;
    const { timestampNs = 0n, data, lengthBytes, direction: way } = packet;
    if (this.#file !== undefined) return this.#file.add({ timestampNs, data, lengthBytes, direction: way });
    this.#text.push(packetText(packet, this.#lines));
    return undefined;
  }

  /** Lets what was printed be seen. */
  async show(): Promise<void> {
    if (this.#text.length === 0) return;
    const text = this.#text.join("");
    this.#text = [];
    await print(text);
  }
}

/**
 * A ring of about as many KiB. A block is closed when the next packet does not fit: it should hold several of the longest,
 * and there should be blocks to fill while others are read.
 */
function ringOf(kib: number, snapLength: number, retireTimeoutMs: number) {
  const bytes = kib * 1024;
  const longest = Math.min(snapLength, LONGEST_PACKET) + PACKET_OVERHEAD;
  const least = 2 ** Math.ceil(Math.log2(longest));
  const share = 2 ** Math.floor(Math.log2(bytes / (longest > 8192 ? 8 : 16)));
  const blockBytes = Math.max(least, 65_536, Math.min(2 ** 20, share));
  return { blockBytes, blockCount: Math.max(2, Math.floor(bytes / blockBytes)), retireTimeoutMs };
}

async function live(
  device: CaptureDevice,
  filter: string,
  program: FilterProgram,
  options: Options,
): Promise<number> {
  const kernelProgram = device.cooked ? forCookedSocket(program) : program;
  const ours = kernelProgram === undefined ? program : undefined;
  using socket = PacketSocket.open({
    device: device.device,
    type: device.cooked ? "datagram" : "raw",
    promiscuous: options.promiscuousMode && device.device !== undefined && !device.loopback,
    ignoreOutgoing: device.loopback || options.direction === "in",
    filter: filter === "" && options.snapshotLength === SNAP_LENGTH ? undefined : kernelProgram,
    ring: ringOf(options.bufferSize, options.snapshotLength, options.immediateMode ? 1 : 50),
  });
  const file =
    options.write === undefined
      ? undefined
      : CaptureFile.create(options.write, {
          linkType: device.linkType,
          snapLength: options.snapshotLength,
          device: device.name,
          filter,
        });
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  const sink = new Sink(options, file);
  note(
    `windsock capture: on ${device.name}, link type ${device.linkType}, ${options.snapshotLength} bytes of each`,
  );
  const stopProgress = showProgress(socket, sink, options);
  try {
    await receive(socket, device, sink, file, ours, options, stop.signal);
  } finally {
    stopProgress();
  }
  await sink.show();
  const { packets, drops } = socket.statistics();
  await file?.close({ received: BigInt(packets), dropped: BigInt(drops) }, BigInt(Date.now()) * 1_000_000n);
  note(`${sink.captured} packets captured`);
  note(`${packets} packets received by filter`);
  note(`${drops} packets dropped by kernel`);
  return EXIT.done;
}

/** Tells on a terminal how far it is, where packets go to a file. */
function showProgress(socket: PacketSocket, sink: Sink, options: Options): () => void {
  if (options.write === undefined || !process.stderr.isTTY) return () => {};
  const timer = setInterval(() => {
    process.stderr.write(`\r${sink.captured} packets captured, ${socket.statistics().drops} dropped`);
  }, 1000);
  return () => {
    clearInterval(timer);
    process.stderr.write("\n");
  };
}

/** Reads the ring until the signal, or until there are enough. */
async function receive(
  socket: PacketSocket,
  device: CaptureDevice,
  sink: Sink,
  file: CaptureFile | undefined,
  ours: FilterProgram | undefined,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  const { ring } = socket;
  if (ring === undefined) throw new Error("the socket has no ring");
  const most = options.count ?? Number.POSITIVE_INFINITY;
  while (sink.captured < most && !signal.aborted) {
    let block: Awaited<ReturnType<typeof ring.next>>;
    try {
      const now = ring.tryNext();
      if (typeof now === "symbol") {
        block = await ring.next({ signal });
      } else block = now;
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    try {
      for (const packet of block) {
        const shown = shownPacket(packet, device, options);
        if (shown === undefined) continue;
        if (ours !== undefined && ours.run(shown.data, shown.lengthBytes) === 0) continue;
        const wait = sink.add(shown);
        if (wait !== undefined) await wait;
        if (sink.captured >= most) break;
      }
      await file?.flush(); // the packets' memory goes back to the kernel
      await sink.show();
    } finally {
      block.release();
    }
  }
}

/** What a packet of the ring is to be called; `undefined` for one that is not wanted. */
function shownPacket(
  packet: {
    readonly data: Uint8Array;
    readonly lengthBytes: number;
    readonly seconds: number;
    readonly nanoseconds: number;
    readonly packetType: PacketType;
    readonly peer: LinkAddr;
    readonly vlan: Parameters<typeof withVlanTag>[1] | undefined;
  },
  device: CaptureDevice,
  options: Options,
): ShownPacket | undefined {
  const { vlan } = packet;
  const timestampNs = [packet.seconds, packet.nanoseconds] as const;
  const outgoing = packet.packetType === "outgoing";
  if (options.direction !== "inout" && outgoing !== (options.direction === "out")) return undefined;
  const way = outgoing ? "outbound" : "inbound";
  if (!device.cooked) {
    const data =
      vlan === undefined || device.linkType !== "ethernet" ? packet.data : withVlanTag(packet.data, vlan);
    const lengthBytes = packet.lengthBytes + data.length - packet.data.length;
    return { timestampNs, data, lengthBytes, linkType: device.linkType, direction: file(options, way) };
  }
  const { peer } = packet;
  const name = if_indextoname(peer.index) ?? `${peer.index}`;
  if (device.device === undefined && outgoing && name === "lo") return undefined; // it comes back at once
  const data = encodeSll2({
    packetType: peer.packetTypeNumber,
    hardwareType: peer.hardwareType,
    addressLength: peer.address.length,
    address: peer.address.subarray(0, SLL2_ADDRESS_BYTES),
    protocolType: peer.protocol,
    interfaceIndex: peer.index,
    payload: packet.data,
  });
  return {
    timestampNs,
    data,
    lengthBytes: packet.lengthBytes + data.length - packet.data.length,
    linkType: device.linkType,
    device: name,
    direction: way,
  };
}

/** Of one device the direction is told in files and in JSON; lines are as tcpdump's. */
function file(options: Options, way: "inbound" | "outbound"): "inbound" | "outbound" | undefined {
  return options.write !== undefined || options.json ? way : undefined;
}

async function readFile(path: string, filter: string, options: Options): Promise<number> {
  const reader = new CaptureReader();
  const source = path === "-" ? process.stdin : createReadStream(path, { highWaterMark: 1024 * 1024 });
  const programs = new Map<LinkTypeName, FilterProgram>();
  const out = options.write;
  let written: CaptureFile | undefined;
  let sink = new Sink(options, undefined);
  const most = options.count ?? Number.POSITIVE_INFINITY;
  try {
    if (options.program)
      throw new UsageError("--program is for a device: of a file, the link type may change");
    reading: for await (const chunk of source as AsyncIterable<Uint8Array>) {
      for (const packet of reader.push(chunk)) {
        const { linkType, name, snapLength } = packet.interface;
        if (typeof linkType === "number") {
          throw new UsageError(
            `${path}: its packets begin with link type ${linkType}, which is not known here`,
          );
        }
        let program = programs.get(linkType);
        if (program === undefined && filter !== "") {
          program = compile(filter, linkType, SNAP_LENGTH, false);
          programs.set(linkType, program);
        }
        if (program !== undefined && program.run(packet.data, packet.lengthBytes) === 0) continue;
        if (out !== undefined && written === undefined) {
          const about = { linkType, snapLength, device: name ?? "unknown", filter };
          written = CaptureFile.create(out, about);
          sink = new Sink(options, written);
        }
        const { timestampNs, lengthBytes } = packet;
        const data = packet.data.subarray(0, options.snapshotLength);
        const wait = sink.add({ timestampNs, data, lengthBytes, linkType, direction: packet.direction });
        if (wait !== undefined) await wait;
        if (sink.captured >= most) break reading;
      }
      await sink.show();
    }
    await sink.show();
    if (sink.captured < most) reader.end();
    return EXIT.done;
  } catch (error) {
    await sink.show();
    if (!(error instanceof WireError)) throw error;
    note(`windsock capture: ${path}: ${error.message}`);
    return EXIT.failed;
  } finally {
    await written?.close({ received: BigInt(sink.captured), dropped: 0n }, BigInt(Date.now()) * 1_000_000n);
  }
}
