/** Asks tcpdump for its lines. */
import { spawnSync } from "node:child_process";
import { type Captured, pcapFile } from "./_tshark.ts";

const hasTcpdump = spawnSync("tcpdump", ["--version"]).status === 0;

/** For `test(name, needsTcpdump, …)`. */
export const needsTcpdump = { skip: hasTcpdump ? false : "tcpdump is not installed" };

/** What `tcpdump -n -t -S` prints of each packet, without the hex dump of those that it does not know. */
export function tcpdumpLines(packets: readonly Captured[], linkType: number): readonly string[] {
  const args = ["-n", "-t", "-S", "-r", "-"];
  const { status, stdout, stderr } = spawnSync("tcpdump", args, {
    input: pcapFile(packets, linkType),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`tcpdump failed: ${stderr}`);
  const lines = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("\t"));
  if (lines.length !== packets.length) {
    throw new Error(`expected ${packets.length} lines of tcpdump, got ${lines.length}`);
  }
  return lines;
}
