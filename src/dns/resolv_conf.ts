/** resolv.conf(5): which name servers the system asks, and how. */
import { hostname } from "node:os";
import { AddressError, parseScoped, SocketAddr } from "../ip/index.ts";

/** What a resolv.conf says, with the defaults of resolv.conf(5) for what it does not. */
export interface ResolvConf {
  /** At most 3, as libc takes no more; the local host where the file names none. */
  readonly servers: readonly SocketAddr[];
  /** Domains that are tried behind a name. */
  readonly search: readonly string[];
  /** A name with fewer dots is tried behind the domains of `search` first. */
  readonly ndots: number;
  /** How long each server has to answer. */
  readonly timeoutMs: number;
  /** How many times all servers are asked. */
  readonly attempts: number;
  /** Whether each query begins with another server. */
  readonly rotate: boolean;
  /** use-vc: always TCP. */
  readonly useTcp: boolean;
  /** trust-ad: whether the way to the servers is as good as their word on DNSSEC. */
  readonly trustAd: boolean;
  /** no-aaaa: whether IPv6 addresses are not asked for. */
  readonly noAaaa: boolean;
}

const DNS_PORT = 53;
const MAX_SERVERS = 3; // MAXNS of resolv.h
// RES_MAXNDOTS, RES_MAXRETRANS and RES_MAXRETRY of resolv.h
const MAX_NDOTS = 15;
const MAX_TIMEOUT = 30;
const MAX_ATTEMPTS = 5;

/**
 * Reads the text of a resolv.conf. What it does not know or cannot read it passes over, as libc does; IPv4 addresses
 * are dotted quads only.
 * @param env `LOCALDOMAIN` and `RES_OPTIONS` have the last word
 * @see man 5 resolv.conf
 */
export function parseResolvConf(
  text: string,
  env: { readonly LOCALDOMAIN?: string | undefined; readonly RES_OPTIONS?: string | undefined } = {},
): ResolvConf {
  const servers: SocketAddr[] = [];
  let search: string[] | undefined;
  const options: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    // A keyword begins its line; one that begins with ; or # is a comment.
    const [, keyword, value = ""] = /^(\w+)[ \t]+(.*)$/.exec(line) ?? [];
    const words = wordsOf(value);
    if (keyword === "nameserver") servers.push(...serverOf(words[0]));
    else if (keyword === "domain")
      search = words.slice(0, 1); // the last of "domain" and "search" counts
    else if (keyword === "search") search = words;
    else if (keyword === "options") options.push(...words);
  }
  if (env.LOCALDOMAIN !== undefined) search = wordsOf(env.LOCALDOMAIN);
  options.push(...wordsOf(env.RES_OPTIONS ?? ""));
  const number = (name: string, fallback: number, least: number, most: number): number => {
    const values = options.flatMap((option) => new RegExp(`^${name}:(\\d+)$`).exec(option)?.[1] ?? []);
    const last = values.at(-1);
    return last === undefined ? fallback : Math.min(Math.max(Number(last), least), most);
  };
  return {
    servers: servers.length === 0 ? [SocketAddr.of("127.0.0.1", DNS_PORT)] : servers.slice(0, MAX_SERVERS),
    search: (search ?? ownDomain()).map((domain) => domain.replace(/(?<=.)\.$/, "")),
    ndots: number("ndots", 1, 0, MAX_NDOTS),
    timeoutMs: number("timeout", 5, 1, MAX_TIMEOUT) * 1000,
    attempts: number("attempts", 2, 1, MAX_ATTEMPTS),
    rotate: options.includes("rotate"),
    useTcp: options.includes("use-vc"),
    trustAd: options.includes("trust-ad"),
    noAaaa: options.includes("no-aaaa"),
  };
}

function wordsOf(text: string): string[] {
  return text.split(/[ \t]+/).filter((word) => word !== "");
}

function serverOf(word: string | undefined): SocketAddr[] {
  if (word === undefined) return [];
  try {
    const { ip, zone } = parseScoped(word);
    return [SocketAddr.of(ip, DNS_PORT, { zone })];
  } catch (error) {
    if (error instanceof AddressError) return [];
    throw error;
  }
}

/** What libc searches where nothing is said: all of this host's name behind its first dot. */
function ownDomain(): string[] {
  const name = hostname();
  const dot = name.indexOf(".");
  return dot < 0 || dot === name.length - 1 ? [] : [name.slice(dot + 1)];
}
