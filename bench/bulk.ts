/** What does a gigabyte cost, sent and received through 64 KiB buffers by the same thing? @module */
import type { Bench, Metric, Question, Subject } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";

const GB = 1e9;
const MIB = 1024 ** 2;
const WARM_UP = 128 * MIB;

const PROGRAMS: Record<Subject, (...args: string[]) => Command> = {
  windsock: (...args) => node("bulk_windsock.mjs", ...args),
  node: (...args) => node("bulk_net.mjs", ...args),
  c: (...args) => c("bulk", ...args),
};

export const BULK_METRICS: readonly Metric[] = [
  { key: "bothCpu", label: "CPU of both ends, s/GB", digits: 3 },
  { key: "sendCpu", label: "CPU of the sender, s/GB", digits: 3 },
  { key: "receiveCpu", label: "CPU of the receiver, s/GB", digits: 3 },
  { key: "rate", label: "throughput, GB/s", digits: 2, moreIsBetter: true },
];

/** Both ends are the same program: `sink WARM-UP` and `send PORT WARM-UP BYTES`. */
export async function measureBulk(
  program: (...args: string[]) => Command,
  bench: Bench,
): Promise<Record<string, number>> {
  const bytes = (bench.quick ? 512 : 4096) * MIB;
  const sink = bench.server(program("sink", String(WARM_UP)));
  const sender = bench.load(program("send", await sink.port(), String(WARM_UP), String(bytes)));
  await sender.ready();
  const sinkBefore = sink.cpuSeconds();
  const senderBefore = sender.cpuSeconds();
  sender.go();
  const { seconds } = await sender.result("seconds");
  const received = await sink.result("bytes");
  if (received.bytes !== WARM_UP + bytes) {
    throw new Error(`sent ${WARM_UP + bytes} bytes, received ${received.bytes}`);
  }
  const sendCpu = (sender.cpuSeconds() - senderBefore) / (bytes / GB);
  const receiveCpu = (sink.cpuSeconds() - sinkBefore) / (bytes / GB);
  return { sendCpu, receiveCpu, bothCpu: sendCpu + receiveCpu, rate: bytes / GB / seconds };
}

export const bulk: Question = {
  name: "bulk",
  title: "Bulk, 64 KiB buffers, both ends alike",
  subjects: ["windsock", "node", "c"],
  metrics: BULK_METRICS,
  measure: (subject, bench) => measureBulk(PROGRAMS[subject], bench),
};
