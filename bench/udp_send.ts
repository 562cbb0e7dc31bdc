/** What does a sent UDP datagram cost, one by one, in batches, and with the kernel's segmentation (GSO)? @module */
import type { Bench, Question, Subject } from "./_harness.ts";
import { type Command, c, node } from "./_peers.ts";

/** How a program sends: one system call for each datagram, for 64, or for 64 that the kernel cuts from few messages. */
type Way = "one" | "batch" | "gso";

const BATCH = 64;
const COUNTS: Record<Way, number> = { one: 196_608, batch: 196_608, gso: 1_966_080 };

const SENDERS: Record<Subject, (way: Way, ...numbers: string[]) => Command> = {
  windsock: (way, ...numbers) => node("udp_send_windsock.mjs", way, ...numbers),
  node: (_, ...numbers) => node("udp_send_dgram.mjs", ...numbers),
  c: (way, ...numbers) => c("udp_send", way, ...numbers),
};

/** Microseconds of processor time for each datagram. */
async function send(subject: Subject, way: Way, size: number, bench: Bench): Promise<number> {
  const count = bench.quick ? COUNTS[way] / 4 : COUNTS[way];
  const sink = bench.load(c("udp_sink", String(size)));
  const warmUp = COUNTS[way] / 4;
  const numbers = [size, warmUp, count].map(String);
  const sender = bench.server(SENDERS[subject](way, await sink.port(), ...numbers));
  await sender.ready();
  const before = sender.cpuSeconds();
  sender.go();
  const { datagrams } = await sender.result("datagrams");
  const cpuUs = ((sender.cpuSeconds() - before) / datagrams) * 1e6;
  sink.askForReport();
  const { messages, datagramsInLargest } = await sink.result("messages", "datagramsInLargest");
  const sent = warmUp + datagrams;
  if (way === "gso" ? messages < sent / BATCH || datagramsInLargest < 2 : messages !== sent) {
    throw new Error(`sent ${sent} datagrams; ${messages} messages of up to ${datagramsInLargest} have come`);
  }
  await sender.stop();
  await sink.stop();
  return cpuUs;
}

/** Each way that the subject has. */
async function sendAll(subject: Subject, size: number, bench: Bench): Promise<Record<string, number>> {
  const one = await send(subject, "one", size, bench);
  if (subject === "node") return { one, batch: one, gso: one }; // the one way that it has
  const batch = await send(subject, "batch", size, bench);
  return { one, batch, gso: await send(subject, "gso", size, bench) };
}

function udpSendOf(size: number): Question {
  return {
    name: "udp-send",
    title: `UDP send, ${size} B: CPU per datagram, to a socket that is full`,
    subjects: ["windsock", "node", "c"],
    metrics: [
      { key: "one", label: "one by one, µs", digits: 2 },
      { key: "batch", label: "64 in a system call (`node:dgram`: one by one), µs", digits: 2 },
      { key: "gso", label: "64 segmented, GSO (`node:dgram`: neither), µs", digits: 3 },
    ],
    measure: (subject, bench) => sendAll(subject, size, bench),
  };
}

export const udpSend: readonly Question[] = [udpSendOf(64), udpSendOf(1200)];
