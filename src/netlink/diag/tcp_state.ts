/** The states of sockets, under ss's words. enum in include/net/tcp_states.h, v6.18 */

const WORDS = [
  "established",
  "syn-sent",
  "syn-recv",
  "fin-wait-1",
  "fin-wait-2",
  "time-wait",
  "closed",
  "close-wait",
  "last-ack",
  "listening",
  "closing",
  "new-syn-recv",
  "bound-inactive",
] as const;

/**
 * A state of RFC 9293 §3.3.2, or one of the kernel's own: `"new-syn-recv"`, which it shows as `"syn-recv"`, and
 * `"bound-inactive"`, a TCP socket with a port that neither listens nor is connected (Linux 6.8). Sockets of other
 * protocols are `"established"` with a peer, and `"closed"` without.
 */
export type TcpState = (typeof WORDS)[number];

/** All states, in the order of the kernel's numbers, which begin with 1. */
export const TCP_STATES: readonly TcpState[] = WORDS;

/** Every state that there is or will be. */
export const ALL_STATES = 0xffff_ffff;

/** Those of one end of a connection: what listens or has no peer is none. */
export const CONNECTED_STATES: readonly TcpState[] = all("listening", "closed", "bound-inactive");

/** ss's words for several states. man 8 ss, "STATE-FILTER" */
const GROUPS: Readonly<Record<string, readonly TcpState[]>> = {
  all: all(),
  connected: CONNECTED_STATES,
  synchronized: all("listening", "closed", "bound-inactive", "syn-sent"),
  bucket: ["syn-recv", "time-wait"],
  big: all("syn-recv", "time-wait"),
};

/** `"new-syn-recv"` is none that ss knows: the kernel takes `"syn-recv"` for both. */
function all(...but: readonly TcpState[]): readonly TcpState[] {
  return WORDS.filter((state) => state !== "new-syn-recv" && !but.includes(state));
}

/** What ss takes too, and what it shows. */
const ALIASES: Readonly<Record<string, TcpState>> = {
  estab: "established",
  "syn-rcv": "syn-recv",
  unconnected: "closed",
  unconn: "closed",
  close: "closed",
  listen: "listening",
};

/** The word for a kernel's number; the number where it is of a later kernel. */
export function stateOf(number: number): TcpState | number {
  return WORDS[number - 1] ?? number;
}

/** The kernel's mask for states. @throws {TypeError} for a word that is none */
export function stateMask(states: readonly TcpState[] | undefined): number {
  if (states === undefined) return ALL_STATES;
  if (!Array.isArray(states)) throw new TypeError(`states: expected an array, got ${String(states)}`);
  let mask = 0;
  for (const state of states) {
    const number = WORDS.indexOf(state) + 1;
    if (number === 0) {
      throw new TypeError(`states: expected ${WORDS.join(", ")}, got ${JSON.stringify(state)}`);
    }
    mask |= 1 << number;
  }
  return mask;
}

/** The states that one of ss's words stands for: a state, or a group such as `"connected"`; `undefined` where it is none. */
export function statesOfWord(word: string): readonly TcpState[] | undefined {
  if (Object.hasOwn(GROUPS, word)) return GROUPS[word];
  const state = Object.hasOwn(ALIASES, word) ? ALIASES[word] : WORDS.find((one) => one === word);
  return state === undefined ? undefined : [state];
}
