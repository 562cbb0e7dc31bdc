/** What a DnsResolver is told: its options, their checks, and what follows from resolv.conf. */
import type { IpAddr, SocketAddr } from "../ip/index.ts";
import { checkDelay } from "../socket/index.ts";
import type { AskSettings } from "./_ask.ts";
import { nameFault } from "./_name.ts";
import { type DnsServer, type DnsServerDefaults, readServer } from "./_server.ts";
import type { ResolvConf } from "./resolv_conf.ts";

/** What can be said of any resolver; what is not said of one made from resolv.conf stands there. */
export interface DnsOptions extends DnsServerDefaults {
  /** How long each server has for each answer before the next one is asked; 5000 by default. Not the time of a whole call. */
  readonly timeoutMs?: number | undefined;
  /** How many times all servers are asked; 2 by default. */
  readonly attempts?: number | undefined;
  /** Whether each query begins with another server; false by default. */
  readonly rotate?: boolean | undefined;
  /** Domains that `resolve` tries behind a name that has no dot at its end; none by default. */
  readonly search?: readonly string[] | undefined;
  /** A name with fewer dots is tried behind the domains of `search` first, and as it is last; 1 by default. */
  readonly ndots?: number | undefined;
  /**
   * The largest answer over UDP that is asked for by EDNS; 1232 by default, which passes every path of IPv6 whole. 0 does
   * without EDNS: then it is 512.
   * @see https://www.dnsflagday.net/2020/
   */
  readonly ednsBytes?: number | undefined;
  /**
   * Asks with upper and lower case at random, and takes no answer that does not have the same: a forger has one more bit to guess
   * for each letter. False by default, since a server that changes the case looks as if it did not answer.
   */
  readonly randomizeCase?: boolean | undefined;
  /** Believes the servers, and the way to them, that they have verified an answer (the AD bit); false by default. */
  readonly trustAd?: boolean | undefined;
  /** Whether `resolve` and `reverse` look into the hosts file first; true by default. */
  readonly useHosts?: boolean | undefined;
  /** `"/etc/hosts"` by default; it is read again when it has changed. */
  readonly hostsFile?: string | undefined;
}

export interface DnsResolverOptions extends DnsOptions {
  /** Who is asked, in order. */
  readonly servers: readonly (string | IpAddr | SocketAddr | DnsServer)[];
}

/** What `resolve` and `query` go by. */
export interface Settings extends Omit<AskSettings, "first"> {
  readonly rotate: boolean;
  readonly search: readonly string[];
  readonly ndots: number;
  readonly noAaaa: boolean;
}

const MIN_EDNS = 512; // RFC 6891 §6.2.3
const MAX_EDNS = 65535;

/**
 * @param system what counts where the options say nothing
 * @throws {TypeError | RangeError | AddressError} for options that cannot be
 */
export function readSettings(
  servers: DnsResolverOptions["servers"],
  options: DnsOptions,
  system: Partial<ResolvConf> = {},
): Settings {
  if (!Array.isArray(servers)) throw new TypeError("servers: expected an array of servers");
  if (servers.length === 0) throw new RangeError("servers: expected at least one");
  const settings = {
    servers: servers.map((server) => readServer(server, options)),
    timeoutMs: options.timeoutMs ?? system.timeoutMs ?? 5000,
    attempts: options.attempts ?? system.attempts ?? 2,
    rotate: options.rotate ?? system.rotate ?? false,
    search: (options.search ?? system.search ?? []).map((domain) => checkDomain(domain, options)),
    ndots: options.ndots ?? system.ndots ?? 1,
    ednsBytes: options.ednsBytes ?? 1232,
    randomizeCase: options.randomizeCase ?? false,
    trustAd: options.trustAd ?? system.trustAd ?? false,
    noAaaa: system.noAaaa ?? false,
  };
  checkDelay("timeoutMs", settings.timeoutMs);
  checkWhole("attempts", settings.attempts, 1, 100);
  checkWhole("ndots", settings.ndots, 0, 127);
  if (settings.ednsBytes !== 0) checkWhole("ednsBytes", settings.ednsBytes, MIN_EDNS, MAX_EDNS);
  return settings;
}

function checkWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: expected a whole number from ${least} to ${most}, got ${String(value)}`);
}

/** A domain of the search list; one that resolv.conf has is passed over later, where no name can be made with it. */
function checkDomain(domain: string, options: DnsOptions): string {
  const fault = typeof domain === "string" ? nameFault(domain) : "it is no text";
  if (fault === undefined || options.search === undefined) return domain.replace(/(?<=.)\.$/, "");
  throw new RangeError(`search: ${JSON.stringify(domain)} is no domain: ${fault}`);
}
