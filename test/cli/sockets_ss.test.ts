/** `windsock sockets` against ss(8), for a thousand connections in all states of TCP: field by field, and line by line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "./_cli.ts";
import { noNetwork } from "./_network.ts";
import { inBed, type Said } from "./_sockets_bed.ts";
import { type Compared, compareFields, elapsedBetween, type Line, readLines } from "./_sockets_ss.ts";

const skip = noNetwork("ss") || missing("nft");

/** One of `sockets --json`, as far as ss(8) tells the same. */
interface Socket {
  readonly family: "ipv4" | "ipv6" | "unix";
  readonly protocol?: "tcp" | "udp";
  readonly type?: "stream" | "datagram" | "seqpacket";
  readonly state: string;
  readonly localAddr: string;
  readonly peerAddr?: string;
  readonly peerInode?: number;
  readonly deviceName?: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly userId?: number;
  readonly inode: number;
  readonly cookie: number;
  readonly timer?: { readonly kind: string; readonly expiresMs: number; readonly retransmits: number };
  readonly v6Only?: boolean;
  readonly mark?: number;
  readonly shutdown?: { readonly read: boolean; readonly write: boolean };
  readonly cgroup?: number;
  readonly cgroupPath?: string;
  readonly file?: { readonly inode: number };
  readonly pending?: readonly number[];
  readonly memory?: Readonly<Record<string, number>>;
  readonly congestionControl?: string;
  readonly congestionInfo?: {
    readonly algorithm: string;
    readonly bandwidth: number;
    readonly minRttUs: number;
    readonly pacingGain: number;
    readonly cwndGain: number;
  };
  readonly info?: Readonly<Record<string, number>>;
  readonly upperProtocol?: { readonly name: string; readonly mptcp?: Readonly<Record<string, number>> };
  readonly md5Keys?: readonly { readonly prefix: string; readonly key: string }[];
  readonly processes: readonly { readonly pid: number; readonly fd: number; readonly command: string }[];
}

const STATES: Readonly<Record<string, string>> = {
  established: "ESTAB",
  "syn-sent": "SYN-SENT",
  "syn-recv": "SYN-RECV",
  "fin-wait-1": "FIN-WAIT-1",
  "fin-wait-2": "FIN-WAIT-2",
  "time-wait": "TIME-WAIT",
  closed: "UNCONN",
  "close-wait": "CLOSE-WAIT",
  "last-ack": "LAST-ACK",
  listening: "LISTEN",
  closing: "CLOSING",
};

/** printf's %g, for numbers that are no tie. */
const g = (value: number): string => `${Number(value.toPrecision(6))}`;
const ms = (us: number | undefined): string => g((us ?? 0) / 1000);
/** A rate of --numeric, from bytes per second; those beyond 2^53 are no numbers of JavaScript any more. */
const bits = (bytes: number): string => (bytes * 8).toFixed(0);

/** printf's %.0f: from halfway to the even number. */
function halfEven(value: number): string {
  const [below, rest] = [Math.floor(value), value - Math.floor(value)];
  return `${rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below}`;
}

/** TCP_INFO's fields that ss prints as they are, where they are not 0. */
const COUNTED: Readonly<Record<string, string>> = {
  backoff: "tcpi_backoff",
  mss: "tcpi_snd_mss",
  pmtu: "tcpi_pmtu",
  rcvmss: "tcpi_rcv_mss",
  advmss: "tcpi_advmss",
  cwnd: "tcpi_snd_cwnd",
  bytes_sent: "tcpi_bytes_sent",
  bytes_retrans: "tcpi_bytes_retrans",
  bytes_acked: "tcpi_bytes_acked",
  bytes_received: "tcpi_bytes_received",
  segs_out: "tcpi_segs_out",
  segs_in: "tcpi_segs_in",
  data_segs_out: "tcpi_data_segs_out",
  data_segs_in: "tcpi_data_segs_in",
  lastsnd: "tcpi_last_data_sent",
  lastrcv: "tcpi_last_data_recv",
  lastack: "tcpi_last_ack_recv",
  delivered: "tcpi_delivered",
  delivered_ce: "tcpi_delivered_ce",
  unacked: "tcpi_unacked",
  lost: "tcpi_lost",
  dsack_dups: "tcpi_dsack_dups",
  fackets: "tcpi_fackets",
  reord_seen: "tcpi_reord_seen",
  rcv_space: "tcpi_rcv_space",
  rcv_ssthresh: "tcpi_rcv_ssthresh",
  notsent: "tcpi_notsent_bytes",
  rcv_ooopack: "tcpi_rcv_ooopack",
  snd_wnd: "tcpi_snd_wnd",
};

/** In milliseconds, where they are not 0. */
const TIMED: Readonly<Record<string, string>> = {
  rto: "tcpi_rto",
  ato: "tcpi_ato",
  rcv_rtt: "tcpi_rcv_rtt",
  minrtt: "tcpi_min_rtt",
};

/** What ss would print of an object. */
function expected(socket: Socket, flags: string): Line {
  const fields = new Map<string, string>();
  const { type = "", protocol = "", processes, memory, info } = socket;
  const types: Readonly<Record<string, string>> = { stream: "u_str", datagram: "u_dgr", seqpacket: "u_seq" };
  fields.set("netid", types[type] ?? protocol);
  fields.set("state", STATES[socket.state] ?? "?");
  fields.set("recvq", `${socket.receiveQueue}`);
  fields.set("sendq", `${socket.sendQueue}`);
  fields.set(
    "local",
    socket.family === "unix" ? unixEnd(socket.localAddr, socket.inode) : inetEnd(socket, "local"),
  );
  fields.set("peer", socket.family === "unix" ? `* ${socket.peerInode ?? 0}` : inetEnd(socket, "peer"));
  if (processes.length > 0) {
    const all = processes.map(({ command, pid, fd }) => `("${command}",pid=${pid},fd=${fd})`);
    fields.set("users", all.reverse().join(","));
  }
  if (memory !== undefined && (flags.includes("m") || protocol === "tcp")) {
    const names = ["r", "rb", "t", "tb", "f", "w", "o", "bl", "d"];
    fields.set(
      "skmem",
      Object.values(memory)
        .map((bytes, at) => `${names[at]}${bytes}`)
        .join(","),
    );
  }
  if (flags.includes("e")) extended(socket, fields);
  if (info !== undefined) tcp(socket, info, fields, flags.includes("e"));
  const upper = socket.upperProtocol;
  if (upper !== undefined) {
    fields.set(`tcp-ulp-${upper.name}`, "");
    if (upper.mptcp !== undefined) subflow(upper.mptcp, fields);
  }
  // It prints the keys themselves elsewhere, in front of the first line.
  const keys = socket.md5Keys?.map(({ prefix }) => `${prefix}=`);
  if (keys !== undefined) fields.set("md5keys", keys.join(","));
  return { key: `${fields.get("netid")} ${fields.get("local")} ${fields.get("peer")}`, fields };
}

function unixEnd(name: string, inode: number): string {
  return `${name === "(unnamed)" ? "*" : name.replaceAll("\\x00", "@")} ${inode}`;
}

function inetEnd({ localAddr, peerAddr = "", v6Only, deviceName }: Socket, end: "local" | "peer"): string {
  const [, host = "", port] = /^(.*):(\d+)$/.exec(end === "local" ? localAddr : peerAddr) ?? [];
  const shown = host === "[::]" && v6Only !== true ? "*" : host;
  return `${shown}${end === "local" && deviceName !== undefined ? `%${deviceName}` : ""}:${port === "0" ? "*" : port}`;
}

function extended(socket: Socket, fields: Map<string, string>): void {
  const { timer, shutdown, mark, cgroup, cgroupPath, v6Only, file, pending, family } = socket;
  const arrows = shutdown && `${shutdown.read ? "-" : "<"}-${shutdown.write ? "-" : ">"}`;
  if (arrows !== undefined) fields.set(arrows, "");
  if (family === "unix") {
    if (file !== undefined) fields.set("ino", `${file.inode}`);
    if (pending !== undefined) fields.set("peers", "");
    for (const inode of pending ?? []) fields.set(`${inode}`, "");
    return;
  }
  if (timer !== undefined) {
    fields.set("timer", `${timer.kind},${until(timer.expiresMs)},${timer.retransmits}`);
  }
  if (socket.userId) fields.set("uid", `${socket.userId}`);
  fields.set("ino", `${socket.inode}`);
  fields.set("sk", socket.cookie.toString(16));
  if (mark) fields.set("fwmark", `0x${mark.toString(16)}`);
  if (cgroup) fields.set("cgroup", cgroupPath ?? `unreachable:${cgroup.toString(16)}`);
  if (v6Only !== undefined) fields.set("v6only", v6Only ? "1" : "0");
}

function until(all: number): string {
  const [minutes, seconds, rest] = [Math.trunc(all / 60_000), Math.trunc(all / 1000) % 60, all % 1000];
  if (minutes > 9) return `${minutes}min`;
  if (minutes > 0) return `${minutes}min${seconds > 0 ? `${seconds}sec` : ""}`;
  if (seconds > 9 || (seconds > 0 && rest === 0)) return `${seconds}sec`;
  const three = `${rest}`.padStart(3, "0");
  return seconds > 0 ? `${seconds}.${three}ms` : rest > 0 ? `${three}ms` : "";
}

function tcp(
  socket: Socket,
  info: Readonly<Record<string, number>>,
  fields: Map<string, string>,
  options: boolean,
): void {
  const of = (name: string): number => info[`tcpi_${name}`] ?? 0;
  const flags = of("options");
  const words = ["ts", "sack", "", "ecn", "ecnseen", "fastopen"];
  if (options)
    for (const [bit, word] of words.entries()) if (word && flags & (1 << bit)) fields.set(word, "");
  if (socket.congestionControl) fields.set(socket.congestionControl, "");
  if (flags & 4) fields.set("wscale", `${of("snd_wscale")},${of("rcv_wscale")}`);
  for (const [name, field] of Object.entries(COUNTED)) if (info[field]) fields.set(name, `${info[field]}`);
  for (const [name, field] of Object.entries(TIMED)) {
    const value = info[field];
    if (value && value !== 0xffff_ffff && !(name === "rto" && value === 3_000_000))
      fields.set(name, ms(value));
  }
  if (of("rtt")) fields.set("rtt", `${ms(of("rtt"))}/${ms(of("rttvar"))}`);
  if (of("snd_ssthresh") && of("snd_ssthresh") < 0xffff) fields.set("ssthresh", `${of("snd_ssthresh")}`);
  const bbr = socket.congestionInfo;
  if (bbr?.algorithm === "bbr") {
    const gains = [
      bbr.pacingGain && `,pacing_gain:${g(bbr.pacingGain)}`,
      bbr.cwndGain && `,cwnd_gain:${g(bbr.cwndGain)}`,
    ];
    const shown = gains.map((gain) => gain || "").join("");
    fields.set("bbr", `bw:${bits(bbr.bandwidth)}bps,mrtt:${ms(bbr.minRttUs)}${shown}`);
  }
  if (of("rtt") && of("snd_mss") && of("snd_cwnd")) {
    fields.set("send", halfEven((of("snd_cwnd") * of("snd_mss") * 8_000_000) / of("rtt")));
  }
  const unlimited = 2 ** 64;
  if (of("pacing_rate") && of("pacing_rate") !== unlimited) {
    fields.set("pacing_rate", bits(of("pacing_rate")));
    const most = of("max_pacing_rate");
    if (most && most !== unlimited) fields.set("pacing_rate", `${bits(of("pacing_rate"))}bps/${bits(most)}`);
  }
  if (of("delivery_rate")) fields.set("delivery_rate", bits(of("delivery_rate")));
  if (of("delivery_rate_app_limited")) fields.set("app_limited", "");
  const busy = of("busy_time");
  if (busy) {
    fields.set("busy", `${Math.trunc(busy / 1000)}ms`);
    for (const name of ["rwnd_limited", "sndbuf_limited"]) {
      const time = of(name);
      if (time) fields.set(name, `${Math.trunc(time / 1000)}ms(${((100 * time) / busy).toFixed(1)}%)`);
    }
  }
  if (of("retrans") || of("total_retrans")) fields.set("retrans", `${of("retrans")}/${of("total_retrans")}`);
  if (of("sacked") && socket.state !== "listening") fields.set("sacked", `${of("sacked")}`);
  if (of("reordering") !== 3) fields.set("reordering", `${of("reordering")}`);
}

function subflow(info: Readonly<Record<string, number>>, fields: Map<string, string>): void {
  const hex = (name: string, digits = 0): string => (info[name] ?? 0).toString(16).padStart(digits, "0");
  const letters = [..."MmJjBbecv"].filter((_letter, bit) => (info.FLAGS ?? 0) & (1 << bit)).join("");
  if (info.FLAGS) fields.set("flags", letters);
  const [remote, local] = [hex("TOKEN_REM", 4), hex("TOKEN_LOC", 4)];
  fields.set("token", `${remote}(id:${info.ID_REM})/${local}(id:${info.ID_LOC})`);
  if (info.MAP_SFSEQ !== undefined) fields.set("sfseq", hex("MAP_SFSEQ"));
  if (info.SSN_OFFSET !== undefined) fields.set("ssnoff", hex("SSN_OFFSET"));
  if (info.MAP_DATALEN !== undefined) fields.set("maplen", hex("MAP_DATALEN"));
}

/** What ss 6.1 prints amiss. */
const AMISS = {
  /** The number of a file's device is taken apart as another kind of number. */
  dev: /^dev$/,
  /** A sequence number of 64 bits, which is no number of JavaScript. */
  seq: /^seq$/,
} as const;

function known(line: Line, flags: string): Line {
  const fields = new Map(
    [...line.fields].filter(([name]) => !Object.values(AMISS).some((one) => one.test(name))),
  );
  // The keys stand before the first line; where they belong is only the "=".
  for (const name of ["md5keys"]) {
    const value = fields.get(name);
    if (value !== undefined) fields.set(name, value.replaceAll(/=[^,]*/g, "="));
  }
  return { key: line.key, fields: flags === "" ? line.fields : fields };
}

/** ss prints the keys of TCP MD5 in front of everything else. */
function withoutKeys(text: string): string {
  return text.replace(/^(?:se\\054cr\\011et!)+/, "");
}

const KINDS = 120;
const FLAGS = ["-tuxnpmiO", "-atuxnpmieO"] as const;

function reading(said: Said | undefined): string {
  // ss complains for each socket where it cannot look for cgroups.
  const stderr = said?.stderr.replaceAll("Failed to open cgroup2 mount\n", "");
  assert.deepEqual([said?.status, stderr], [0, ""]);
  return said?.stdout ?? "";
}

function compare(before: readonly Line[], ours: readonly Line[], after: readonly Line[]): Compared {
  const result: Compared = { equal: 0, between: 0, wrong: [] };
  const [then, now] = [before, after].map((lines) => new Map(lines.map((line) => [line.key, line.fields])));
  const mine = new Map(ours.map((line) => [line.key, line.fields]));
  const elapsedMs = elapsedBetween(before, after);
  assert.equal(mine.size, ours.length, "no two sockets have one key");
  for (const [key, fields] of mine) {
    const [a, c] = [then?.get(key), now?.get(key)];
    if (a === undefined && c === undefined) result.wrong.push(`${key}: ss has no such socket`);
    else compareFields(key, a ?? (c as never), fields, c ?? (a as never), result, elapsedMs);
  }
  for (const key of then?.keys() ?? []) {
    if (now?.has(key) && !mine.has(key)) result.wrong.push(`${key}: only ss has it`);
  }
  return result;
}

function assertCompared({ equal, between, wrong }: Compared, sockets: number): void {
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} differences`);
  // So that nothing slips through as "it changed meanwhile".
  assert.ok(between < equal / 4, `${between} fields changed meanwhile, ${equal} did not`);
  assert.ok(equal > sockets * 6, `${equal} fields of ${sockets} sockets`);
}

/** What is wrong in every round: what the kernel changed to and fro between two readings is so in one. */
function inEvery(rounds: readonly Compared[]): Compared {
  const [first, ...others] = rounds as [Compared, ...Compared[]];
  const found = others.map(({ wrong }) => new Set(wrong.map(fieldOf)));
  const wrong = first.wrong.filter((text) => found.every((one) => one.has(fieldOf(text))));
  return { ...first, wrong };
}

/** `tcp 127.0.0.1:1 127.0.0.1:2: unacked` of what is told about it. */
const fieldOf = (text: string): string => text.replace(/: ss "?.*$/, "");

const ROUNDS = 3;

for (const flags of FLAGS) {
  test(`sockets ${flags} --json and ${flags}: as ss ${flags}`, { skip }, async () => {
    // With -e it opens a file for each socket, and closes none.
    const ss = `ulimit -n 20000; ss -H ${flags}`;
    const round = [
      `"$NODE" "$CLI" sockets ${flags} --json 2>/dev/null`,
      ss,
      `"$NODE" "$CLI" sockets -H ${flags} 2>/dev/null`,
      ss,
    ];
    const said = await inBed(KINDS, [ss, ...Array(ROUNDS).fill(round).flat()]);
    const readings = said.map(reading);
    const lines = (text: string | undefined): Line[] =>
      readLines(withoutKeys(text ?? "")).map((line) => known(line, flags));
    const objects = JSON.parse(readings[1] as string) as Socket[];
    const asObjects: Compared[] = [];
    const asText: Compared[] = [];
    for (let at = 0; at + 4 < readings.length; at += 4) {
      const [a, b, c] = [0, 2, 4].map((ahead) => lines(readings[at + ahead])) as [Line[], Line[], Line[]];
      const mine = JSON.parse(readings[at + 1] as string) as Socket[];
      asObjects.push(
        compare(
          a,
          mine.map((socket) => known(expected(socket, flags), flags)),
          b,
        ),
      );
      asText.push(compare(b, lines(readings[at + 3]), c));
    }
    assert.deepEqual([asObjects.length, asText.length], [ROUNDS, ROUNDS]);
    for (const rounds of [asObjects, asText]) assertCompared(inEvery(rounds), objects.length);

    const tcp = objects.filter(({ protocol }) => protocol === "tcp");
    assert.ok(tcp.length > 1500, `${tcp.length} TCP sockets`);
    const states = new Set(tcp.map(({ state }) => state));
    const hidden = flags.includes("a") ? [] : ["listening", "time-wait", "syn-recv"];
    const all = Object.keys(STATES).filter((state) => state !== "closed" && !hidden.includes(state));
    assert.deepEqual([...states].sort(), all.sort());
    for (const family of ["ipv4", "ipv6", "unix"])
      assert.ok(
        objects.some((one) => one.family === family),
        family,
      );
  });
}
