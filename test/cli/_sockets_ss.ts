/** What ss(8) prints, read without a look at how windsock prints it; and readings compared that were made one after another. */

/** A line of `ss -O`. */
export interface Line {
  /** Its table, and both ends: no two have the same. */
  readonly key: string;
  /** By ss's names; flags, as `app_limited`, are "". */
  readonly fields: ReadonlyMap<string, string>;
}

const COLUMNS = ["netid", "state", "recvq", "sendq"] as const;

/** @param text with all columns, without a header */
export function readLines(text: string): Line[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(readLine);
}

function readLine(line: string): Line {
  const words = /^\s*(\S+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(.*)$/.exec(line);
  if (words === null) throw new Error(`no line of ss: ${line}`);
  const fields = new Map(COLUMNS.map((name, index) => [name as string, words[index + 1] as string]));
  const [netid, rest] = [words[1] as string, words[5] as string];
  const ends = (netid.startsWith("u_") ? /^(\S+\s+\d+)\s+(\S+\s+\d+)(.*)$/ : /^(\S+)\s+(\S+)(.*)$/).exec(
    rest,
  );
  if (ends === null) throw new Error(`no ends: ${line}`);
  const [local, peer] = [1, 2].map((at) => (ends[at] as string).replace(/\s+/, " ")) as [string, string];
  fields.set("local", local).set("peer", peer);
  const pattern =
    /(users):\((\(.*?\))\)(?= |$)|(\w+):\(([^)]*)\)|(send|pacing_rate|delivery_rate) (\S+)bps|([\w-]+):(\S*)|(\S+)/g;
  for (const [, ...found] of (ends[3] as string).matchAll(pattern)) {
    const at = found.findIndex((part) => part !== undefined);
    fields.set(found[at] as string, found[at + 1] ?? "");
  }
  return { key: `${netid} ${local} ${peer}`, fields };
}

/** What goes on changing by itself: times, and what a connection counts that sends again and again. */
const VOLATILE = new Set([
  ...["lastsnd", "lastrcv", "lastack", "timer", "busy", "rwnd_limited", "sndbuf_limited"],
  ...[
    "rto",
    "backoff",
    "cwnd",
    "ssthresh",
    "segs_out",
    "segs_in",
    "bytes_sent",
    "bytes_retrans",
    "retrans",
    "lost",
  ],
  ...[
    "unacked",
    "notsent",
    "send",
    "pacing_rate",
    "delivery_rate",
    "data_segs_out",
    "data_segs_in",
    "mss",
    "bbr",
  ],
  ...["skmem", "sacked", "dsack_dups", "rtt", "ato", "app_limited", "sendq", "reordering", "snd_wnd"],
]);

/** How long ago something was, in milliseconds: it grows with time, and begins anew. */
const AGES = new Set(["lastsnd", "lastrcv", "lastack"]);
/** The kernel's clock ticks every 4 ms, or every 10. */
const TICK_MS = 12;

/** How much later the second reading was, by the ages of what stood still. */
export function elapsedBetween(before: readonly Line[], after: readonly Line[]): number {
  const then = new Map(before.map((line) => [line.key, line.fields]));
  const grown = after.flatMap(({ key, fields }) =>
    [...AGES].map((name) => Number(fields.get(name)) - Number(then.get(key)?.get(name))),
  );
  return Math.max(...grown.filter((value) => !Number.isNaN(value)));
}

export interface Compared {
  /** Fields that had to be equal. */
  equal: number;
  /** Fields that changed meanwhile, and lay between. */
  between: number;
  readonly wrong: string[];
}

/** Compares the fields of one socket, of which the peer was read before and after. */
export function compareFields(
  key: string,
  before: ReadonlyMap<string, string>,
  ours: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  result: Compared,
  elapsedMs: number,
): void {
  const wrong = (name: string): void => {
    const [a, b, c] = [before, ours, after].map((fields) => JSON.stringify(fields.get(name)));
    result.wrong.push(`${key}: ${name}: ss ${a}, ours ${b}, ss ${c}`);
  };
  for (const name of new Set([...before.keys(), ...ours.keys(), ...after.keys()])) {
    const [a, b, c] = [before.get(name), ours.get(name), after.get(name)];
    // An age or a timer may come to be what it was, after it has begun anew.
    if (a === c && !(a !== b && (AGES.has(name) || name === "timer"))) {
      result.equal++;
      if (a !== b) wrong(name);
    } else if (!VOLATILE.has(name)) {
      // An acknowledgement came just then.
      result.between++;
      if (b !== a && b !== c) wrong(name);
    } else {
      result.between++;
      const fits = AGES.has(name)
        ? ageFits(Number(a ?? 0), Number(b ?? 0), Number(c ?? 0), elapsedMs)
        : name === "timer"
          ? timerFits(a ?? "", b ?? "", c ?? "", elapsedMs)
          : liesBetween(a ?? "", b ?? "", c ?? "");
      if (!fits) wrong(name);
    }
  }
}

function ageFits(before: number, ours: number, after: number, elapsedMs: number): boolean {
  if (after - before >= elapsedMs - TICK_MS) return before <= ours && ours <= after;
  return ours <= before + elapsedMs + TICK_MS; // it began anew between the two, maybe more than once
}

/** `on,1.204ms,3`: what cannot have run out meanwhile has gone on running down. */
function timerFits(before: string, ours: string, after: string, elapsedMs: number): boolean {
  const [a, b, c] = [before, ours, after].map(untilMs) as [number, number, number];
  const [first, mine, last] = [before, ours, after].map((text) => text.split(",")) as [
    string[],
    string[],
    string[],
  ];
  if (a <= elapsedMs + TICK_MS) return first[0] === mine[0] || last[0] === mine[0];
  // A SYN that comes again has the SYN+ACK sent again at once, and the timer begins anew.
  if (first[2] !== last[2]) return mine[2] === first[2] || mine[2] === last[2];
  return a >= b && b >= c && mine[2] === first[2];
}

function liesBetween(before: string, ours: string, after: string): boolean {
  if (ours === before || ours === after) return true;
  const [a, b, c] = [before, ours, after].map(numbers) as [number[], number[], number[]];
  return b.every((value, at) => {
    const [low, high] = [Math.min(a[at] ?? 0, c[at] ?? 0), Math.max(a[at] ?? 0, c[at] ?? 0)];
    return low <= value && value <= high;
  });
}

function numbers(text: string): number[] {
  return (text.match(/\d+(?:\.\d+)?(?:e[+-]\d+)?/g) ?? []).map(Number);
}

function untilMs(text: string): number {
  const time = text.split(",")[1] ?? "";
  const [, minutes = "0"] = /(\d+)min/.exec(time) ?? [];
  const [, seconds = "0"] = /(\d+)(?:sec|\.\d+ms)/.exec(time) ?? [];
  const [, ms = "0"] = /(?:^|\.)(\d+)ms/.exec(time) ?? [];
  return Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(ms);
}
