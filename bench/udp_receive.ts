/** What does a received UDP datagram cost, one by one, in batches, and with the kernel's receive offload (GRO)? @module */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Question, Subject } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";

/** What is given to SO_RCVBUF, which the kernel doubles: no more than it allows. */
const RECEIVE_BUFFER = Math.min(4 * 1024 ** 2, Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8")));
const MAX_PAYLOAD = 65507; // of UDP over IPv4
const SEGMENTS = 64; // UDP_MAX_SEGMENTS of every kernel that has UDP_SEGMENT

/** How a program receives: one system call for each datagram, for 64, or for 16 messages that hold many. */
type Way = "one" | "batch" | "gro";

const COUNTS: Record<Way, number> = { one: 200_000, batch: 200_000, gro: 2_000_000 };

const RECEIVERS: Record<Subject, (way: Way, ...rest: string[]) => Command> = {
  windsock: (way, ...rest) => node("udp_receive_windsock.mjs", way, ...rest),
  node: (_, ...rest) => node("udp_receive_dgram.mjs", ...rest),
  c: (way, ...rest) => c("udp_receive", way, ...rest),
};

/** How many messages fit for certain: the kernel also counts its overhead, and rounds up what it allocates. */
function burstOf(messageBytes: number): number {
  return Math.max(1, Math.floor((2 * RECEIVE_BUFFER) / (2 * messageBytes + 1280)));
}

/** Microseconds of processor time for each datagram. `gate` is a pipe between receiver and load: see udp_load.c. */
async function receive(
  subject: Subject,
  way: Way,
  size: number,
  gate: string,
  bench: Bench,
): Promise<number> {
  const count = bench.quick ? COUNTS[way] / 4 : COUNTS[way];
  const segments = way === "gro" ? Math.min(SEGMENTS, Math.floor(MAX_PAYLOAD / size)) : 1;
  const burst = burstOf(size * segments);
  const receiver = bench.server(
    RECEIVERS[subject](way, String(RECEIVE_BUFFER), gate, String(burst * segments)),
  );
  const port = await receiver.port();
  const numbers = [burst, size, segments, COUNTS[way] / 4, count].map(String);
  const load = bench.load(c("udp_load", port, gate, ...numbers));
  await load.ready();
  const before = receiver.cpuSeconds();
  load.go();
  const sent = await load.result("datagrams", "total", "port");
  const cpuUs = ((receiver.cpuSeconds() - before) / sent.datagrams) * 1e6;
  await load.stop(); // and the receiver does not wait for it any more
  receiver.askForReport();
  const seen = await receiver.result("datagrams", "bytes", "ports");
  if (
    seen.datagrams !== sent.total ||
    seen.bytes !== sent.total * size ||
    seen.ports !== sent.total * sent.port
  ) {
    throw new Error(`sent ${JSON.stringify(sent)} of ${size} bytes, received ${JSON.stringify(seen)}`);
  }
  await receiver.stop();
  return cpuUs;
}

/** Each way that the subject has. */
async function receiveAll(subject: Subject, size: number, bench: Bench): Promise<Record<string, number>> {
  const directory = mkdtempSync(join(tmpdir(), "windsock-bench-"));
  const gate = join(directory, "gate");
  try {
    execFileSync("mkfifo", [gate]);
    const one = await receive(subject, "one", size, gate, bench);
    if (subject === "node") return { one, batch: one, gro: one }; // the one way that it has
    const batch = await receive(subject, "batch", size, gate, bench);
    return { one, batch, gro: await receive(subject, "gro", size, gate, bench) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function udpReceiveOf(size: number): Question {
  return {
    name: "udp-receive",
    title: `UDP receive, ${size} B: CPU per datagram, bursts that wait in the socket`,
    subjects: ["windsock", "node", "c"],
    metrics: [
      { key: "one", label: "one by one, µs", digits: 2 },
      { key: "batch", label: "64 in a system call (`node:dgram`: one by one), µs", digits: 2 },
      { key: "gro", label: "segmented, GRO (`node:dgram`: neither), µs", digits: 3 },
    ],
    measure: (subject, bench) => receiveAll(subject, size, bench),
  };
}

export const udpReceive: readonly Question[] = [udpReceiveOf(64), udpReceiveOf(1200)];
