/** DnsResolver: a stub resolver on our own sockets, RFC 1034 §5.3.1. */
import {
  AddressError,
  IpAddr,
  isPort,
  parseScoped,
  type ScopedAddr,
  SocketAddr,
  serviceByName,
} from "../ip/index.ts";
import {
  asciiHost,
  checkHost,
  EAI_ADDRFAMILY,
  EAI_NODATA,
  EAI_NONAME,
  EAI_SERVICE,
  EAI_SYSTEM,
  looksLikePort,
  ResolveError,
  type ResolveOptions,
  type Resolver,
} from "../names/index.ts";
import { checkWait, SysError, type WaitOptions, watchWait } from "../socket/index.ts";
import { ask } from "./_ask.ts";
import { WatchedFile } from "./_file.ts";
import { type Asker, lookup, ofFamily, once, specialAddresses, wrap } from "./_lookup.ts";
import { nameFault, reverseName } from "./_name.ts";
import { sortAddresses } from "./_order.ts";
import { DEFAULT_PORTS } from "./_server.ts";
import { type DnsOptions, type DnsResolverOptions, readSettings, type Settings } from "./_settings.ts";
import { DnsError } from "./dns_error.ts";
import { Hosts } from "./hosts.ts";
import { type DnsRecordType, typeNumber } from "./records.ts";
import { parseResolvConf } from "./resolv_conf.ts";
import type { DnsResponse } from "./response.ts";

/** Options of {@link DnsResolver.fromSystem}. */
export interface SystemDnsOptions extends DnsOptions {
  /** `"/etc/resolv.conf"` by default; it is read again when it has changed. */
  readonly resolvConf?: string | undefined;
}

/**
 * Asks name servers over sockets of its own. Each query over UDP has a new socket, and so a new random port; nothing is kept from
 * one call to the next, neither answers nor sockets, so there is nothing to close.
 */
export class DnsResolver implements Resolver {
  #settings: () => Settings;
  readonly #hosts: WatchedFile<Hosts> | undefined;
  #queries = 0;

  /**
   * @throws {AddressError} for a server that is no address
   * @throws {TypeError | RangeError} for other options that cannot be
   */
  constructor(options: DnsResolverOptions) {
    if (typeof options !== "object" || options === null) {
      throw new TypeError("options: expected { servers: […] }, or DnsResolver.fromSystem()");
    }
    const settings = readSettings(options.servers, options);
    this.#settings = () => settings;
    const { useHosts = true, hostsFile = "/etc/hosts" } = options;
    this.#hosts = useHosts ? new WatchedFile(hostsFile, Hosts.parse) : undefined;
  }

  /**
   * A resolver that asks whom the system asks: the servers, the search list and the options of resolv.conf, and the
   * hosts file. Both are read again when they have changed. What nsswitch.conf says is not looked at.
   * @throws {TypeError | RangeError} for options that cannot be
   * @see man 5 resolv.conf
   */
  static fromSystem(options: SystemDnsOptions = {}): DnsResolver {
    const { LOCALDOMAIN, RES_OPTIONS } = process.env;
    const file = new WatchedFile(options.resolvConf ?? "/etc/resolv.conf", (text) => {
      const conf = parseResolvConf(text, { LOCALDOMAIN, RES_OPTIONS });
      const { transport = conf.useTcp ? "tcp" : "udp" } = options;
      const servers = conf.servers.map(({ ip, zone }) =>
        SocketAddr.of(ip, DEFAULT_PORTS[transport], { zone }),
      );
      return readSettings(servers, { ...options, transport }, conf);
    });
    const resolver = new DnsResolver({ ...options, servers: file.value.servers });
    resolver.#settings = () => file.value;
    return resolver;
  }

  /** Who is asked, in order. */
  get servers(): readonly SocketAddr[] {
    return this.#settings().servers.map(({ address }) => address);
  }

  /**
   * Every address of a host: an address as it is, what the hosts file says, loopback for `localhost`, and else what the
   * servers answer to A and AAAA, which are asked for at once. One family is enough where the other one fails.
   * @param service a port, or one of IANA's names of services; without it the addresses have port 0
   * @returns at least one address, in the order of RFC 6724, none twice
   * @throws {ResolveError} `EAI_NONAME` no such name, `EAI_NODATA` a name without addresses, `EAI_AGAIN` no answer,
   * SERVFAIL or REFUSED, `EAI_SERVICE` …; the message names the servers, `cause` is the DnsError
   * @throws {RangeError} for a port outside 0 … 65535
   * @throws the signal's reason, or {@link TimeoutError}
   */
  async resolve(
    host: string,
    service?: string | number,
    options: ResolveOptions = {},
  ): Promise<SocketAddr[]> {
    checkWait(options);
    checkHost(host, service);
    const port = service === undefined ? 0 : portOf(host, service, options.type);
    const label = service === undefined ? undefined : String(service);
    const found = await this.#addresses(host, label, options);
    return sortAddresses(once(found.map(({ ip, zone }) => SocketAddr.of(ip, port, { zone }))));
  }

  async #addresses(
    host: string,
    service: string | undefined,
    options: ResolveOptions,
  ): Promise<readonly ScopedAddr[]> {
    const { family } = options;
    const literal = readLiteral(host, service);
    if (literal !== undefined) {
      if (ofFamily(literal.ip, family)) return [literal];
      throw new ResolveError(EAI_ADDRFAMILY, host, service);
    }
    const name = asciiHost(host, service);
    const own = this.#hosts?.value.addresses(name).filter(({ ip }) => ofFamily(ip, family)) ?? [];
    if (own.length > 0) return own;
    const special = specialAddresses(name, service, family);
    if (special !== undefined) return special;
    const { search, ndots, noAaaa } = this.#settings();
    const found = await this.#run("resolve", host, options, (asker) =>
      lookup(name, asker, { service, family, search, ndots, noAaaa }),
    ).catch((error) => {
      if (!(error instanceof SysError)) throw error;
      throw new ResolveError(EAI_SYSTEM, host, service, { errno: error.errno });
    });
    return found.map((ip) => ({ ip, zone: undefined }));
  }

  /**
   * Asks for records. The search list, the hosts file and special names are not looked at.
   * @param name outside of ASCII in its IDNA form
   * @returns the response, also where it has no records of the type; records of aliases are followed within it
   * @throws {DnsError} for a response that is an error, NXDOMAIN included, or where no server answered
   * @throws {RangeError} for what can be no name
   * @throws {TypeError} for what is no type
   * @throws {SysError} where this process has no files left
   * @throws the signal's reason, or {@link TimeoutError}
   */
  async query<T extends DnsRecordType>(
    name: string,
    type: T,
    options?: WaitOptions,
  ): Promise<DnsResponse<T>> {
    checkWait(options);
    typeNumber(type);
    const asked = readQueryName(name);
    return this.#run("query", name, options, (asker) => asker(asked, type));
  }

  /**
   * The names of an address: those that the hosts file has, or else its PTR records.
   * @returns at least one name, without its last dot
   * @throws {ResolveError} as {@link resolve}
   * @throws {AddressError} for a text that is no address
   * @throws the signal's reason, or {@link TimeoutError}
   */
  async reverse(address: string | IpAddr, options?: WaitOptions): Promise<string[]> {
    checkWait(options);
    const ip = typeof address === "string" ? IpAddr.parse(address) : address;
    if (!IpAddr.is(ip)) throw new TypeError(`address: expected an IpAddr or a text, got ${typeof address}`);
    const own = this.#hosts?.value.names(ip.toString()) ?? [];
    if (own.length > 0) return once(own);
    const host = ip.toString();
    const { records } = await this.#run("reverse", host, options, (asker) =>
      asker(reverseName(ip), "PTR"),
    ).catch((error) => {
      if (error instanceof DnsError) throw wrap(error, host, undefined);
      if (!(error instanceof SysError)) throw error;
      throw new ResolveError(EAI_SYSTEM, host, undefined, { errno: error.errno });
    });
    if (records.length > 0) return once(records.map(({ target }) => target));
    throw new ResolveError(EAI_NODATA, host, undefined, { hint: "the address has no name" });
  }

  /** Gives `work` what it can ask with, until it ends or is cancelled. */
  async #run<R>(
    syscall: string,
    subject: string,
    options: WaitOptions | undefined,
    work: (asker: Asker) => Promise<R>,
  ): Promise<R> {
    const settings = this.#settings();
    const controller = new AbortController();
    const unwatch = watchWait(
      options,
      syscall,
      () => subject,
      (reason) => controller.abort(reason),
    );
    const first = settings.rotate ? this.#queries++ : 0;
    try {
      return await work((name, type) => ask(name, type, { ...settings, first }, controller.signal));
    } finally {
      unwatch?.();
    }
  }
}

/** @returns the port of a service @throws as `resolve` */
function portOf(host: string, service: string | number, type: ResolveOptions["type"] = "stream"): number {
  const text = String(service);
  if (typeof service === "number" || looksLikePort(text)) {
    const port = /^(0|[1-9]\d*)$/.test(text) ? Number(text) : Number.NaN;
    if (isPort(port)) return port;
    throw new RangeError(`port: expected a whole number from 0 to 65535, got ${text}`);
  }
  const [found] = serviceByName(text, type === "stream" ? "tcp" : "udp");
  if (found === undefined) throw new ResolveError(EAI_SERVICE, host, text);
  return found.port;
}

/** @returns the address that a text is, or `undefined` for a name */
function readLiteral(host: string, service: string | undefined): ScopedAddr | undefined {
  const isIpv4 = /^[\d.]+$/.test(host);
  if (!isIpv4 && !host.includes(":")) return undefined;
  try {
    return parseScoped(host);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw new ResolveError(EAI_NONAME, host, service, { hint: error.reason });
  }
}

function readQueryName(name: string): string {
  if (typeof name !== "string") throw new TypeError(`name: expected a string, got ${typeof name}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the ASCII range
  const ascii = /^[\x00-\x7f]*$/.test(name) ? name : asciiHost(name, undefined);
  const fault = nameFault(ascii);
  if (fault !== undefined)
    throw new RangeError(`name: ${JSON.stringify(name.slice(0, 80))} is none: ${fault}`);
  return ascii.replace(/(?<=.)\.$/, "");
}
