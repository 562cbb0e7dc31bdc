/** The words for a route's metrics: `mtu`, `advmss`, `rtt` …, with `lock` in front of the value; ip-route(8). */
import type { NewRoute } from "../../netlink/route/index.ts";
import { type Grammar, unsigned, type Words, wrong } from "./change_words.ts";

type Metrics = {
  -readonly [K in keyof NonNullable<NewRoute["metrics"]>]: NonNullable<NewRoute["metrics"]>[K];
};

export interface MetricsAsked {
  lock: number;
  readonly metrics: Metrics;
}

/** RTAX_…, include/uapi/linux/rtnetlink.h, v6.12: as bits of RTAX_LOCK. */
const RTAX = {
  mtu: 2,
  window: 3,
  rtt: 4,
  rttvar: 5,
  ssthresh: 6,
  cwnd: 7,
  advmss: 8,
  reordering: 9,
  hoplimit: 10,
  initcwnd: 11,
  rtoMin: 13,
  initrwnd: 14,
  ccAlgo: 16,
} as const;
type LockableMetric = keyof typeof RTAX;
const FEATURES = { ecn: 1 };

/** `lock` in front of a metric's value. */
function locked(words: Words, it: MetricsAsked, name: LockableMetric): void {
  if (words.skip("lock")) it.lock |= 1 << RTAX[name];
}

function metric(name: Exclude<LockableMetric, "ccAlgo">, what: string = name, max?: number) {
  return (words: Words, it: MetricsAsked): void => {
    locked(words, it, name);
    it.metrics[name] = words.number(`"${what}" value is invalid`, max);
  };
}

/** A time in milliseconds, or in the kernel's units where there is no unit. */
function time(words: Words, what: string): { readonly value: number; readonly raw: boolean } {
  const word = words.value();
  const parts = /^([^a-z]+|0x[0-9a-f]+)(s|secs?|ms|msecs?)?$/i.exec(word);
  const [, digits = "", unit] = parts ?? [];
  const number = /^(\d+\.\d*|\.\d+)$/.test(digits) ? Number(digits) : unsigned(digits);
  if (number === undefined) throw wrong(word, `"${what}" value is invalid`);
  const scale = unit === undefined || unit.toLowerCase().startsWith("ms") ? 1 : 1000;
  return { value: Math.ceil(number * scale), raw: unit === undefined };
}

/** The kernel keeps eight times the round-trip time, and four times its variance. */
function timeMetric(name: "rtt" | "rttvar", factor: number) {
  return (words: Words, it: MetricsAsked): void => {
    locked(words, it, name);
    const { value, raw } = time(words, name);
    it.metrics[name] = raw ? value : value * factor;
  };
}

function flagMetric(name: "quickack" | "fastopenNoCookie", what: string) {
  return (words: Words, it: MetricsAsked): void => {
    const word = words.value();
    const value = unsigned(word);
    if (value === undefined) throw wrong(word, `"${what}" value is invalid`);
    if (value > 1) throw wrong(word, `"${what}" value should be 0 or 1`);
    it.metrics[name] = value;
  };
}

/** In the order in which ip(8) tries them, among other words. */
export const METRICS: Grammar<MetricsAsked> = {
  mtu: metric("mtu"),
  hoplimit: metric("hoplimit", "hoplimit", 255),
  advmss: metric("advmss", "mss"),
  "reordering*": metric("reordering"),
  rtt: timeMetric("rtt", 8),
  rto_min: (words, it) => {
    it.lock |= 1 << RTAX.rtoMin;
    it.metrics.rtoMin = time(words, "rto_min").value;
  },
  "window*": metric("window"),
  "cwnd*": metric("cwnd"),
  "initcwnd*": metric("initcwnd"),
  "initrwnd*": metric("initrwnd"),
  "features*": (words, it) => {
    const word = words.value();
    if (word !== "ecn") throw wrong(word, '"features" value not valid');
    it.metrics.features = FEATURES.ecn;
  },
  "quickack*": flagMetric("quickack", "quickack"),
  "congctl*": (words, it) => {
    locked(words, it, "ccAlgo");
    it.metrics.ccAlgo = words.value();
  },
  "rttvar*": timeMetric("rttvar", 4),
  "ssthresh*": metric("ssthresh"),
};

export const LAST_METRICS: Grammar<MetricsAsked> = {
  "fastopen_no_cookie*": flagMetric("fastopenNoCookie", "fastopen_no_cookie"),
};
