/**
 * What packets tell of a connection, independent of the kernel's own account: tcpdump writes them, tshark reads them, and each end's bytes and
 * windows are counted from sequence numbers, acknowledgements and scaled windows.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UdpSocket } from "../../src/index.ts";
import { until, utf8 } from "../socket/_helpers.ts";

/** Tells that everything before it is in the file. */
const MARK = "the last packet of this capture";

/** tcpdump at work. */
export class Capture {
  readonly #child: ChildProcess;
  readonly #file: string;
  #stderr = "";

  private constructor(child: ChildProcess, file: string) {
    this.#child = child;
    this.#file = file;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
  }

  /** @param start runs it where the device is */
  static async start(device: string, start: <T>(body: () => T) => T = (body) => body()): Promise<Capture> {
    const file = join(tmpdir(), `windsock-observe-${process.pid}-${device}.pcap`);
    const args = [
      "-i",
      device,
      "-w",
      file,
      "-U",
      "--immediate-mode",
      "-B",
      "65536",
      "-s",
      "128",
      "-Z",
      "root",
    ];
    const child = start(() =>
      spawn("tcpdump", [...args, "tcp or udp"], { stdio: ["ignore", "ignore", "pipe"] }),
    );
    const capture = new Capture(child, file);
    await until(() => capture.#stderr.includes("listening on"));
    return capture;
  }

  /** Ends it once it has this packet, which is sent through the device. @returns the packets before it */
  async packets(
    port: number,
    sendMark: (mark: Uint8Array) => Promise<unknown> = sendToDiscard,
  ): Promise<Packet[]> {
    await sendMark(utf8(MARK));
    await until(() => readFileSync(this.#file).includes(MARK));
    const ended = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.kill("SIGINT");
    await ended;
    if (!/\b0 packets dropped by kernel/.test(this.#stderr)) throw new Error(this.#stderr);
    const packets = readPackets(this.#file, port);
    rmSync(this.#file);
    return packets;
  }
}

async function sendToDiscard(mark: Uint8Array): Promise<void> {
  using udp = UdpSocket.bind("127.0.0.1:0");
  await udp.sendTo(mark, "127.0.0.1:9");
}

/** A segment, as tshark reads it. */
export interface Packet {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly srcPort: number;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  /** Scaled; that of a SYN is not. */
  readonly window: number;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly hasAck: boolean;
  readonly mssOption: number;
  readonly timestamps: boolean;
  readonly optionsLength: number;
  /** The time to the acknowledgement, in seconds, where tshark could tell. */
  readonly ackRtt: number | undefined;
  /** What tshark takes for a retransmission. */
  readonly retransmission: boolean;
}

const FIELDS = [
  "frame.time_epoch",
  "tcp.srcport",
  "tcp.seq_raw",
  "tcp.ack_raw",
  "tcp.len",
  "tcp.window_size",
  "tcp.flags",
  "tcp.options.mss_val",
  "tcp.options.timestamp.tsval",
  "tcp.hdr_len",
  "tcp.analysis.ack_rtt",
  "tcp.analysis.retransmission",
] as const;

function readPackets(file: string, port: number): Packet[] {
  const fields = FIELDS.flatMap((name) => ["-e", name]);
  const args = ["-r", file, "-Y", `tcp.port == ${port}`, "-T", "fields", ...fields];
  const text = execFileSync("tshark", args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 28,
  });
  return text
    .trimEnd()
    .split("\n")
    .map((line): Packet => {
      const [time = "", source, seq, ack, length, window, flags, mss, timestamp, header, ackRtt, again] =
        line.split("\t");
      const bits = Number(flags);
      return {
        at: Number(time) * 1000,
        srcPort: Number(source),
        seq: Number(seq),
        ack: Number(ack),
        length: Number(length),
        window: Number(window),
        fin: (bits & 1) !== 0,
        syn: (bits & 2) !== 0,
        rst: (bits & 4) !== 0,
        hasAck: (bits & 16) !== 0,
        mssOption: Number(mss),
        timestamps: timestamp !== "",
        optionsLength: Number(header) - 20,
        ackRtt: ackRtt === "" ? undefined : Number(ackRtt),
        retransmission: again !== "",
      };
    });
}

/** What one end has sent, and what it has seen of the other, up to one packet. Bytes are payload. */
export interface EndAccount {
  readonly sentBytes: number;
  readonly ackedBytes: number;
  readonly sentSegments: number;
  readonly retransmittedSegments: number;
  readonly retransmittedBytes: number;
  readonly windowSeenBytes: number;
  readonly windowAdvertisedBytes: number;
  readonly receivedBytes: number;
  readonly receivedSegments: number;
  readonly outOfOrderPackets: number;
  /**
   * With acknowledgements that came right behind such a packet: while the program is in a call, the kernel joins the two and counts them
   * as two. tcp_add_backlog(), net/ipv4/tcp_ipv4.c
   */
  readonly mostOutOfOrderPackets: number;
  /** The segment size that was agreed upon, but at most half of the largest window seen. tcp_bound_to_half_wnd(), net/ipv4/tcp_output.c */
  readonly mssBytes: number;
  /** The same with the first window: what was told last may be older than the window. */
  readonly leastMssBytes: number;
  readonly state: string;
}

/** What an end has sent and heard so far. */
class End {
  #isn = 0;
  #peerIsn = 0;
  #mss = 0;
  #peerMss = 0;
  /** Sequence numbers past the SYN's: the highest that was sent, and the highest that was acknowledged. */
  #sent = 0;
  #acked = 0;
  #finAt: number | undefined;
  #peerFin = false;
  #order = "";
  #segments = 0;
  #againSegments = 0;
  #againBytes = 0;
  #window = 0;
  /** Where the segment began that told the window. */
  #windowFrom = -2;
  #ackSent = -1;
  #firstWindow = 0;
  #largestWindow = 0;
  #advertised = 0;
  #received = 0;
  #waiting: [from: number, to: number][] = [];
  #receivedSegments = 0;
  #outOfOrder = 0;
  #behindOutOfOrder = 0;
  /** Where the last packet ended, if it was out of order. */
  #outOfOrderEnd: number | undefined;

  /** @returns how many segments it is made of */
  sends(packet: Packet): number {
    const { seq, length, syn, fin } = packet;
    this.#advertised = packet.window;
    if (packet.hasAck) this.#ackSent = ((packet.ack - this.#peerIsn) >>> 0) - 1;
    if (syn) {
      if (this.#isn === seq) this.#againSegments++;
      this.#isn = seq;
      this.#mss = packet.mssOption - (packet.timestamps ? 12 : 0);
      return 0;
    }
    const from = ((seq - this.#isn) >>> 0) - 1;
    // Options beyond the timestamps, as SACK, take room from the data.
    const sackLength = packet.timestamps ? packet.optionsLength - 12 : packet.optionsLength;
    const count = Math.ceil(length / (this.mssBytes - sackLength));
    if (length > 0) {
      this.#segments += count;
      const again = Math.min(length, Math.max(0, this.#sent - from));
      this.#againBytes += again;
      if (again > 0) this.#againSegments += count;
      this.#sent = Math.max(this.#sent, from + length);
    }
    if (fin && this.#finAt === undefined) {
      this.#finAt = from + length;
      this.#order += "s";
    } else if (fin && length === 0) this.#againSegments++;
    return count;
  }

  hears(packet: Packet, count: number): void {
    const { seq, length, syn, fin, hasAck } = packet;
    if (syn) {
      this.#peerIsn = seq;
      this.#peerMss = packet.mssOption - (packet.timestamps ? 12 : 0);
      if (hasAck) this.#hearsWindow(packet, -1);
      return;
    }
    const from = ((seq - this.#peerIsn) >>> 0) - 1;
    // What was all acknowledged before is dropped unread. RFC 9293 §3.10.7.4
    if (hasAck && from + length >= this.#ackSent) this.#hearsWindow(packet, from);
    if (length === 0 && from === this.#outOfOrderEnd) this.#behindOutOfOrder++;
    else this.#outOfOrderEnd = from > this.#received ? from + length : undefined;
    if (length > 0) {
      this.#receivedSegments += count;
      if (from > this.#received) this.#outOfOrder += count;
      this.#waiting.push([from, from + length]);
      this.#waiting.sort(([a], [b]) => a - b);
      for (const [from, to] of this.#waiting)
        if (from <= this.#received) this.#received = Math.max(this.#received, to);
      this.#waiting = this.#waiting.filter(([, to]) => to > this.#received);
    }
    if (fin && from + length === this.#received && !this.#peerFin) {
      this.#peerFin = true;
      this.#order += "r";
    }
  }

  /** A window counts if it is newer than the last one: by acknowledgement, sequence, or size. tcp_may_update_window(), net/ipv4/tcp_input.c */
  #hearsWindow({ ack, window }: Packet, from: number): void {
    const acked = ((ack - this.#isn) >>> 0) - 1;
    const later = from === this.#windowFrom && (window > this.#window || window === 0);
    if (acked > this.#acked || from > this.#windowFrom || later) {
      this.#window = window;
      this.#windowFrom = from;
      this.#firstWindow ||= window;
      this.#largestWindow = Math.max(this.#largestWindow, window);
    }
    this.#acked = Math.max(this.#acked, acked);
  }

  get mssBytes(): number {
    return Math.min(this.#mss, this.#peerMss, this.#largestWindow >> 1);
  }

  get #state(): string {
    const finAcked = this.#finAt !== undefined && this.#acked > this.#finAt;
    if (this.#finAt === undefined) return this.#peerFin ? "close-wait" : "established";
    if (!this.#peerFin) return finAcked ? "fin-wait-2" : "fin-wait-1";
    if (!finAcked) return this.#order === "rs" ? "last-ack" : "closing";
    return this.#order === "rs" ? "gone" : "time-wait";
  }

  account(): EndAccount {
    return {
      sentBytes: this.#sent,
      ackedBytes: Math.min(this.#acked, this.#sent),
      sentSegments: this.#segments,
      retransmittedSegments: this.#againSegments,
      retransmittedBytes: this.#againBytes,
      windowSeenBytes: this.#window,
      windowAdvertisedBytes: this.#advertised,
      receivedBytes: this.#received,
      receivedSegments: this.#receivedSegments,
      outOfOrderPackets: this.#outOfOrder,
      mostOutOfOrderPackets: this.#outOfOrder + this.#behindOutOfOrder,
      mssBytes: this.mssBytes,
      leastMssBytes: Math.min(this.mssBytes, this.#firstWindow >> 1),
      state: this.#state,
    };
  }
}

export interface Moment {
  readonly at: number;
  readonly account: EndAccount;
}

/** The account of the end with a port, after each packet that it has sent or heard. */
export function accountOf(packets: readonly Packet[], port: number): Moment[] {
  const [end, other] = [new End(), new End()];
  return packets.map((packet) => {
    const [sender, hearer] = packet.srcPort === port ? [end, other] : [other, end];
    hearer.hears(packet, sender.sends(packet));
    return { at: packet.at, account: end.account() };
  });
}

/** The accounts that held at any time from one moment to another. */
export function during(moments: readonly Moment[], from: number, to: number): EndAccount[] {
  const first = moments.findLastIndex(({ at }) => at <= from);
  return moments
    .filter(({ at }, index) => index >= Math.max(0, first) && at <= to)
    .map(({ account }) => account);
}
