/** Asks tshark, Wireshark's command, what is in packets: one call for many of them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const hasTshark = spawnSync("tshark", ["--version"]).status === 0;

/** For `test(name, needsTshark, …)`. */
export const needsTshark = { skip: hasTshark ? false : "tshark is not installed" };

/** Link types of capture files, as https://www.tcpdump.org/linktypes.html has them. */
export const LINK = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

/** A packet, or one that was longer before it was cut. */
export type Captured = Uint8Array | { readonly bytes: Uint8Array; readonly wireLength: number };

export interface TsharkOptions {
  /** A link type's number; Ethernet unless told. */
  readonly linkType?: number;
  /** Further arguments, as `["-o", "tcp.relative_sequence_numbers:TRUE"]`, `["-d", "udp.port==7,dns"]`. */
  readonly args?: readonly string[];
}

/** Each packet is told of by itself: nothing is put together, checksums are judged, numbers stay numbers. */
const SETTINGS = [
  "ip.defragment:FALSE",
  "ip.check_checksum:TRUE",
  "ipv6.defragment:FALSE",
  "tcp.desegment_tcp_streams:FALSE",
  "tcp.check_checksum:TRUE",
  "tcp.relative_sequence_numbers:FALSE",
  "udp.check_checksum:TRUE",
].flatMap((setting) => ["-o", setting]);

/** A classic capture file (pcap 2.4, microseconds, big-endian), by hand: the writer under test has no part in it. */
export function pcapFile(packets: readonly Captured[], linkType: number): Uint8Array {
  const all = packets.map((it) => (it instanceof Uint8Array ? { bytes: it, wireLength: it.length } : it));
  const file = new Uint8Array(24 + all.reduce((sum, { bytes }) => sum + 16 + bytes.length, 0));
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 0x4_0000); // snap length
  view.setUint32(20, linkType);
  let at = 24;
  for (const [index, { bytes, wireLength }] of all.entries()) {
    view.setUint32(at, 1_000_000_000 + index); // seconds
    view.setUint32(at + 8, bytes.length);
    view.setUint32(at + 12, wireLength);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}

function runTshark(packets: readonly Captured[], options: TsharkOptions, output: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "windsock-tshark-"));
  try {
    const file = join(folder, "packets.pcap"); // tshark takes pipes, but not the socket that a child of Node has as its input
    writeFileSync(file, pcapFile(packets, options.linkType ?? LINK.ethernet));
    const args = ["-n", "-r", file, ...SETTINGS, ...(options.args ?? []), ...output];
    const { status, stdout, stderr } = spawnSync("tshark", args, { encoding: "utf8", maxBuffer: 2 ** 30 });
    if (status !== 0) throw new Error(`tshark failed: ${stderr}`);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What tshark says of some fields of a packet: of each field every occurrence, in order; none where it is not there. */
export type FieldValues<F extends string> = Readonly<Record<F, readonly string[]>>;

/** Each packet's fields, by Wireshark's names: `["ip.src", "tcp.flags"]`. */
export function tsharkFields<const F extends string>(
  packets: readonly Captured[],
  fields: readonly F[],
  options: TsharkOptions = {},
): readonly FieldValues<F>[] {
  if (packets.length === 0) return [];
  const separators = ["-E", "separator=\x1e", "-E", "occurrence=a", "-E", "aggregator=\x1f"];
  const wanted = fields.flatMap((field) => ["-e", field]);
  const lines = runTshark(packets, options, ["-T", "fields", ...separators, ...wanted]).split("\n");
  if (lines.length !== packets.length + 1) {
    throw new Error(`expected ${packets.length} lines of tshark, got ${lines.length - 1}`);
  }
  return lines.slice(0, -1).map((line) => {
    const values = line.split("\x1e").map((value) => (value === "" ? [] : value.split("\x1f")));
    const entries = fields.map((field, index) => [field, values[index] ?? []] as const);
    return Object.fromEntries(entries) as unknown as FieldValues<F>;
  });
}

/** A layer as `tshark -T json` has it: fields by Wireshark's names, within each other as they are displayed. */
export interface TsharkTree {
  readonly [name: string]: string | TsharkTree | readonly (string | TsharkTree)[];
}

/** Each packet's layers: `[{ eth: { "eth.dst": "…" }, ip: { … } }]`. What occurs more than once is an array. */
export function tsharkTrees(
  packets: readonly Captured[],
  options: TsharkOptions = {},
): readonly TsharkTree[] {
  if (packets.length === 0) return [];
  const text = runTshark(packets, options, ["-T", "json", "--no-duplicate-keys"]);
  const parsed = JSON.parse(text) as readonly { readonly _source: { readonly layers: TsharkTree } }[];
  return parsed.map((packet) => packet._source.layers);
}
