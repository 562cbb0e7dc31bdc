/** ss's filter words, read into a SocketFilter. man 8 ss; the grammar is that of iproute2's misc/ssfilter.y, 6.1 */
import { serviceByName } from "../../ip/index.ts";
import { otherHost, prefixOf, splitHost } from "./_inet_filter_hosts.ts";
import type { Comparison, HostTest, OtherHostTest, ParsedFilter, SocketFilter } from "./socket_filter.ts";
import { statesOfWord, TCP_STATES, type TcpState } from "./tcp_state.ts";

/** Words that are no filter, and where they go wrong. */
export class SocketFilterError extends SyntaxError {
  override readonly name = "SocketFilterError";
  /** The words that were to be read, with spaces between them. */
  readonly input: string;
  /** Where in `input`, in UTF-16 code units from 0. */
  readonly position: number;

  constructor(input: string, position: number, reason: string) {
    super(`${reason}, at column ${position + 1} of ${JSON.stringify(input)}`);
    this.input = input;
    this.position = position;
  }
}

interface Token {
  readonly text: string;
  readonly at: number;
}

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map<string, Comparison>([
  ["=", "="],
  ["==", "="],
  ["eq", "="],
  ["!=", "!="],
  ["ne", "!="],
  ["neq", "!="],
  [">", ">"],
  ["gt", ">"],
  ["<", "<"],
  ["lt", "<"],
  [">=", ">="],
  ["ge", ">="],
  ["geq", ">="],
  ["<=", "<="],
  ["le", "<="],
  ["leq", "<="],
]);
const NOT = ["!", "not"];
const AND = ["&", "&&", "and"];
const OR = ["|", "||", "or"];
const TESTS = ["src", "dst", "sport", "dport", "dev", "fwmark", "cgroup", "autobound"];
/** Of brackets and `not` in each other. */
const MAX_DEPTH = 200;

export interface ParseFilterOptions {
  /** Which service names count: `"tcp"` unless told, and those of the other where that has none. */
  readonly protocol?: "tcp" | "udp" | undefined;
  /** As ss's -f, -4 or -6: whose the addresses are that have no `inet:` or `unix:`. */
  readonly family?: "ipv4" | "ipv6" | OtherHostTest["family"] | undefined;
}

/**
 * Reads ss's words: `[state STATE | exclude STATE]… [EXPRESSION]`, as
 * `"state connected dport = :443 and ( src 10.0.0.0/8 or not sport >= :1024 )"`.
 *
 * As in ss (and not as its manual has it) `and` and `or` bind alike, from left to right: `a or b and c` is
 * `( a or b ) and c`. `and` may be left out. Host names are not resolved.
 * @throws {SocketFilterError}
 */
export function parseSocketFilter(
  words: string | readonly string[],
  options: ParseFilterOptions = {},
): ParsedFilter {
  if (typeof words !== "string" && !Array.isArray(words)) {
    throw new TypeError(`words: expected a string, or an array of them, got ${String(words)}`);
  }
  return new Reader(typeof words === "string" ? words : words.join(" "), options).read();
}

class Reader {
  readonly #input: string;
  readonly #options: ParseFilterOptions;
  readonly #tokens: readonly Token[];
  #next = 0;
  #family: "ipv4" | "ipv6" | undefined;

  constructor(input: string, options: ParseFilterOptions) {
    this.#input = input;
    this.#options = options;
    this.#tokens = tokensOf(input);
  }

  read(): ParsedFilter {
    const states = this.#states();
    const filter = this.#next < this.#tokens.length ? this.#list(0) : undefined;
    const rest = this.#tokens[this.#next];
    if (rest !== undefined) this.#fail(rest, "this ) has no (");
    return {
      ...(states !== undefined && { states }),
      ...(this.#family !== undefined && { family: this.#family }),
      ...(filter !== undefined && { filter }),
    };
  }

  #states(): TcpState[] | undefined {
    let states: Set<TcpState> | undefined;
    for (;;) {
      const word = this.#peek()?.text;
      const exclude = word === "exclude" || word === "excl";
      if (word !== "state" && !exclude) break;
      this.#next++;
      const token = this.#take("a state");
      const named = statesOfWord(token.text.toLowerCase());
      if (named === undefined) {
        this.#fail(token, `expected a state (all, connected, ${TCP_STATES.join(", ")}), got ${show(token)}`);
      }
      states ??= new Set(exclude ? statesOfWord("all") : []);
      for (const state of named) exclude ? states.delete(state) : states.add(state);
    }
    return states && [...states];
  }

  /** Tests with `and` and `or` between them, up to a closing bracket or the end. */
  #list(depth: number): SocketFilter {
    let filter = this.#test(depth);
    for (let token = this.#peek(); token !== undefined && token.text !== ")"; token = this.#peek()) {
      const or = OR.includes(token.text);
      if (or || AND.includes(token.text)) this.#next++;
      const right = this.#test(depth);
      filter = or ? { or: [...partsOf(filter, "or"), right] } : { and: [...partsOf(filter, "and"), right] };
    }
    return filter;
  }

  #test(depth: number): SocketFilter {
    const token = this.#take("a test");
    if (depth > MAX_DEPTH) this.#fail(token, `expected at most ${MAX_DEPTH} brackets and nots in each other`);
    if (token.text === "(") {
      const inner = this.#list(depth + 1);
      if (this.#peek() === undefined) this.#fail(token, "this ( has no )");
      this.#next++;
      return bracketed(inner);
    }
    if (NOT.includes(token.text)) return { not: this.#test(depth + 1) };
    switch (token.text) {
      case "src":
        return this.#maybeNot((value) => ({ src: this.#host(value) }));
      case "dst":
        return this.#maybeNot((value) => ({ dst: this.#host(value) }));
      case "sport":
        return this.#port("sport", "src");
      case "dport":
        return this.#port("dport", "dst");
      case "dev":
        return this.#maybeNot((value) => ({ device: value.text }));
      case "fwmark":
        return this.#maybeNot((value) => this.#mark(value));
      case "cgroup":
        return this.#maybeNot((value) => ({ cgroup: value.text }));
      case "autobound":
        return { autobound: true };
      default:
        return this.#fail(token, `expected ${TESTS.join(", ")}, not or (, got ${show(token)}`);
    }
  }

  /** What can only be equal, or not. */
  #maybeNot(make: (value: Token) => SocketFilter): SocketFilter {
    const operator = this.#peek();
    const is = this.#comparison();
    if (operator !== undefined && is !== "=" && is !== "!=")
      this.#fail(operator, `expected = or !=, got ${show(operator)}`);
    const filter = make(this.#take("a value"));
    return is === "=" ? filter : { not: filter };
  }

  #comparison(): Comparison {
    const is = COMPARISONS.get(this.#peek()?.text ?? "");
    if (is === undefined) return "=";
    this.#next++;
    return is;
  }

  #port(side: "sport" | "dport", host: "src" | "dst"): SocketFilter {
    const is = this.#comparison();
    const token = this.#take("a port");
    const { family, rest } = this.#familyOf(token.text);
    if (family !== undefined && family !== "ipv4" && family !== "ipv6") {
      const test: SocketFilter = {
        [host]: { family, address: undefined, port: rest.replace(/^:/, "") },
      } as SocketFilter;
      return is === "=" ? test : { not: test };
    }
    const port = this.#portOf(token, rest.startsWith(":") ? rest.slice(1) : rest);
    if (port === undefined) {
      if (is !== "=" && is !== "!=") this.#fail(token, `expected a port to compare with, got ${show(token)}`);
      return is === "=" ? { and: [] } : { or: [] };
    }
    const test = { is, port };
    return side === "sport" ? { sport: test } : { dport: test };
  }

  /** @returns undefined for any */
  #portOf(token: Token, text: string): number | undefined {
    if (text === "" || text === "*") return undefined;
    if (/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) {
      const number = /^0\d/.test(text) ? Number.parseInt(text, 8) : Number(text); // as C reads it
      if (number <= 0xffff) return number;
      return this.#fail(token, `expected a port 0 … 65535, got ${text}`);
    }
    const { protocol = "tcp" } = this.#options;
    const other = protocol === "tcp" ? "udp" : "tcp";
    const service = serviceByName(text, protocol)[0] ?? serviceByName(text, other)[0];
    return service?.port ?? this.#fail(token, `expected a port or a service, got ${JSON.stringify(text)}`);
  }

  #familyOf(text: string): { family: ParseFilterOptions["family"]; rest: string } {
    const [, word, rest] = /^(unix|link|netlink|vsock|inet6?):(.*)$/s.exec(text) ?? [];
    if (word === undefined || rest === undefined) return { family: this.#options.family, rest: text };
    if (word !== "inet" && word !== "inet6") return { family: word as OtherHostTest["family"], rest };
    const family = word === "inet" ? "ipv4" : "ipv6";
    this.#family = family;
    return { family, rest };
  }

  #host(token: Token): HostTest | OtherHostTest {
    const { family, rest } = this.#familyOf(token.text);
    if (family !== undefined && family !== "ipv4" && family !== "ipv6") return otherHost(family, rest);
    const [address, port] = splitHost(rest) ?? this.#fail(token, "its [ has no ]");
    const number = this.#portOf(token, port);
    const ip = ["", "*", "any", "all", "default"].includes(address) ? undefined : prefixOf(address);
    if (
      ip === null ||
      (ip !== undefined && family !== undefined && ip.addr.version !== (family === "ipv4" ? 4 : 6))
    ) {
      const kind =
        family === undefined ? "an address" : family === "ipv4" ? "an IPv4 address" : "an IPv6 address";
      this.#fail(token, `expected ${kind} (names are not resolved), got ${JSON.stringify(address)}`);
    }
    return { ...(ip !== undefined && { ip }), ...(number !== undefined && { port: number }) };
  }

  #mark(token: Token): SocketFilter {
    const [, mark, mask] = /^(0[xX][0-9a-fA-F]+|\d+)(?:\/(0[xX][0-9a-fA-F]+|\d+))?$/.exec(token.text) ?? [];
    const [value, bits] = [numberOf(mark), mask === undefined ? 0xffff_ffff : numberOf(mask)];
    if (value === undefined || bits === undefined) {
      return this.#fail(token, `expected a mark as 0x1 or 0x1/0xff, got ${show(token)}`);
    }
    return mask === undefined ? { mark: value } : { mark: value, mask: bits };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(what: string): Token {
    const token = this.#tokens[this.#next];
    if (token === undefined || token.text === ")") {
      const at = token ?? { text: "", at: this.#input.length };
      return this.#fail(at, `expected ${what}, got ${token === undefined ? "the end" : ")"}`);
    }
    this.#next++;
    return token;
  }

  #fail(token: Token, reason: string): never {
    throw new SocketFilterError(this.#input, token.at, reason);
  }
}

/** What was in brackets is one part of what stands around it. */
const closed = new WeakSet<SocketFilter>();
function bracketed(filter: SocketFilter): SocketFilter {
  closed.add(filter);
  return filter;
}

function partsOf(filter: SocketFilter, key: "and" | "or"): readonly SocketFilter[] {
  if (closed.has(filter)) return [filter];
  if (key === "and" && "and" in filter) return filter.and;
  return key === "or" && "or" in filter ? filter.or : [filter];
}

/** Words between spaces. Brackets may touch what they are around; a backslash makes the next character an ordinary one. */
function tokensOf(input: string): Token[] {
  const tokens: Token[] = [];
  for (const { 0: word, index } of input.matchAll(/[()]|(?:\\.|[^\s()\\])+|\\$/gs)) {
    tokens.push({ text: word.replace(/\\(.)/gs, "$1"), at: index });
  }
  return tokens;
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^0\d/.test(text) ? Number.parseInt(text, 8) : Number(text);
  return number <= 0xffff_ffff ? number : undefined;
}

function show(token: Token): string {
  return JSON.stringify(token.text);
}
