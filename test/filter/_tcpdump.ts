/** tcpdump as an oracle: its programs, and the packets of a file that it keeps. */
import { execFile, spawn, spawnSync } from "node:child_process";

/** Why a test that asks tcpdump is skipped; false where it is there. */
export const noTcpdump: string | false =
  spawnSync("tcpdump", ["--version"]).status === 0 ? false : "tcpdump is not installed";

/** The data link types, as `-y` calls them and as files number them. */
export const DATA_LINKS = {
  ethernet: { name: "EN10MB", number: 1 },
  raw: { name: "RAW", number: 101 },
  "linux-sll": { name: "LINUX_SLL", number: 113 },
  "linux-sll2": { name: "LINUX_SLL2", number: 276 },
} as const;
export type DataLink = keyof typeof DATA_LINKS;

/** What `tcpdump -d` prints for an expression; undefined where it refuses it. Needs no privilege and no interface. */
export function tcpdumpProgram(
  expression: string,
  link: DataLink,
  ...options: string[]
): Promise<string | undefined> {
  return run(["-y", DATA_LINKS[link].name, "-d", ...options, "--", expression]);
}

/** The same for a capture on an interface. */
export function tcpdumpLiveProgram(expression: string, device: string): Promise<string | undefined> {
  return run(["-i", device, "-d", "--", expression]);
}

function run(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("tcpdump", args, { maxBuffer: 1 << 24 }, (error, stdout) => {
      resolve(error || stdout === "" ? undefined : stdout.replace(/\n$/, ""));
    });
  });
}

/** A capture file in which the timestamps number the packets. */
export function captureFile(packets: readonly Uint8Array[], link: DataLink): Uint8Array {
  const size = packets.reduce((sum, { length }) => sum + 16 + length, 24);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  let at = 0;
  const write = (...words: number[]): void => {
    for (const word of words) {
      view.setUint32(at, word);
      at += 4;
    }
  };
  write(0xa1b2c3d4, 0x0002_0004, 0, 0, 262_144, DATA_LINKS[link].number);
  packets.forEach((packet, number) => {
    write(number, 0, packet.length, packet.length);
    file.set(packet, at);
    at += packet.length;
  });
  return file;
}

/** The numbers of the packets of a capture file that `tcpdump -r` keeps. */
export async function keptByTcpdump(file: Uint8Array, expression: string): Promise<number[]> {
  const child = spawn("tcpdump", ["-r", "-", "-w", "-", "--", expression], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const [chunks, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  child.stdin.on("error", () => {}); // it ends early when it refuses the expression
  child.stdin.end(file);
  const code = await new Promise((resolve) => child.on("close", resolve));
  const output = Buffer.concat(chunks);
  if (code !== 0 || output.length < 24) throw new Error(`tcpdump: ${Buffer.concat(errors)}`);
  const view = new DataView(output.buffer, output.byteOffset, output.length);
  const little = view.getUint32(0, true) === 0xa1b2c3d4;
  const kept: number[] = [];
  for (let at = 24; at < output.length; at += 16 + view.getUint32(at + 8, little))
    kept.push(view.getUint32(at, little));
  return kept;
}

/** Does things for each item, a few at a time. */
export async function forEachOf<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    [1, 2, 3].map(async () => {
      while (next < items.length) await each(items[next++] as T);
    }),
  );
}
