/**
 * Millions of numbered datagrams from one process to another, by batches: which of them came, in order and whole, and
 * what the kernel says that it dropped. `node _ten_million.ts COUNT plain|merged` prints one line of JSON.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { ReceiveBatch, SendBatch, SO, UdpSocket, WOULD_BLOCK } from "../../src/index.ts";

const SMALLEST = 12;
const CAPACITY = 1024;

/** A number from 0 to `limit - 1` that looks random and is always the same for `n`. */
const scatter = (n: number, limit: number): number => (Math.imul(n, 0x9e3779b1) >>> 7) % limit;

/** Datagrams that go to the kernel as one message: all but the last are equally long, and the last is shorter. */
interface Group {
  readonly count: number;
  readonly size: number;
  readonly last: number;
}

function groupOf(number: number, merged: boolean): Group {
  if (!merged) {
    const size = SMALLEST + scatter(number, 150);
    return { count: 1, size, last: size };
  }
  const size = SMALLEST + 1 + scatter(number, 200);
  return { count: 2 + scatter(number + 1, 63), size, last: SMALLEST + scatter(number + 2, size - SMALLEST) };
}

/** Each datagram holds its own number, that of its group, its length, and bytes that follow from its number. */
function write(bytes: Uint8Array, view: DataView, sequence: number, group: number): void {
  view.setUint32(0, sequence, true);
  view.setUint32(4, group, true);
  view.setUint32(8, bytes.length, true);
  for (let i = SMALLEST; i < bytes.length; i++) bytes[i] = sequence + i * 7;
}

async function send(count: number, merged: boolean, port: number): Promise<void> {
  using socket = await UdpSocket.connect(`127.0.0.1:${port}`);
  const batch = new SendBatch({ datagrams: CAPACITY, bytes: CAPACITY * 256, segmented: merged });
  const memory = new Uint8Array(256);
  const view = new DataView(memory.buffer);
  let [sequence, group, sent] = [0, 0, 0];
  for (; sequence < count; group++) {
    const { count: members, size, last } = groupOf(group, merged);
    if (batch.size + members > CAPACITY) sent += await socket.sendMany(batch);
    for (let i = 0; i < members; i++, sequence++) {
      const bytes = memory.subarray(0, i === members - 1 ? last : size);
      write(bytes, view, sequence, group);
      if (!batch.push(bytes)) throw new Error("the batch is full before its time");
    }
  }
  sent += await socket.sendMany(batch);
  process.stdout.write(JSON.stringify({ sent, groups: group }));
}

interface Findings {
  received: number;
  corrupted: number;
  /** Came before, or after a later one. */
  disordered: number;
  /** Groups of which nothing came. */
  groupsMissing: number;
  /** Groups of which only a part came. */
  groupsCut: number;
}

/** Looks at each datagram as it comes. */
class Inspector {
  readonly findings: Findings = { received: 0, corrupted: 0, disordered: 0, groupsMissing: 0, groupsCut: 0 };
  readonly #merged: boolean;
  #next = 0;
  #group = -1;
  #left = 0;

  constructor(merged: boolean) {
    this.#merged = merged;
  }

  take(data: Uint8Array): void {
    const { findings } = this;
    findings.received++;
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    if (data.length < SMALLEST || view.getUint32(8, true) !== data.length) {
      findings.corrupted++;
      return;
    }
    const sequence = view.getUint32(0, true);
    const group = view.getUint32(4, true);
    for (let i = SMALLEST; i < data.length; i++) {
      if (data[i] !== ((sequence + i * 7) & 0xff)) {
        findings.corrupted++;
        return;
      }
    }
    if (sequence < this.#next) findings.disordered++;
    if (group !== this.#group) {
      this.end(group);
      this.#group = group;
      this.#left = groupOf(group, this.#merged).count;
    }
    this.#left--;
    this.#next = sequence + 1;
  }

  /** What lies between the group that was last and another one. */
  end(group: number): void {
    if (this.#left > 0) this.findings.groupsCut++;
    this.findings.groupsMissing += group - this.#group - 1;
    this.#left = 0;
  }
}

async function receive(count: number, merged: boolean): Promise<void> {
  using socket = UdpSocket.bind("127.0.0.1:0", { merged });
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      String(count),
      merged ? "merged" : "plain",
      String(socket.localAddr.port),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const ended = once(child, "close");
  const stop = new AbortController();
  void ended.then(() => stop.abort("sent"));
  const batch = new ReceiveBatch(merged ? { merged } : { datagrams: 256, maxBytes: 256 });
  const inspector = new Inspector(merged);
  const look = (): void => {
    for (let i = 0; i < batch.size; i++) inspector.take(batch.data(i));
  };
  try {
    for (;;) {
      await socket.recvMany(batch, { signal: stop.signal });
      look();
    }
  } catch (error) {
    if (error !== "sent") throw error;
  }
  while (socket.tryRecvMany(batch) !== WOULD_BLOCK) look();
  const { sent, groups } = JSON.parse(told) as { sent: number; groups: number };
  inspector.end(groups);
  const { drops } = socket.getOption(SO.MEMINFO);
  console.log(JSON.stringify({ sent, groups, drops, ...inspector.findings }));
}

const [count, mode, port] = process.argv.slice(2);
const merged = mode === "merged";
if (port === undefined) await receive(Number(count), merged);
else await send(Number(count), merged, Number(port));
