/** The servers that are asked, and how each is reached. */
import { AddressError, IpAddr, parseScoped, SocketAddr } from "../ip/index.ts";
import { Gate } from "./_gate.ts";

/** How queries travel: over UDP, and over TCP where an answer does not fit; over TCP only; or over TLS (RFC 7858). */
export type DnsTransport = "udp" | "tcp" | "tls";

/** What is true of a server where it is not said of it alone. */
export interface DnsServerDefaults {
  /** `"udp"` by default. */
  readonly transport?: DnsTransport | undefined;
  /** The name that the certificate of a server over TLS must have; without it, it must have the server's address. */
  readonly tlsName?: string | undefined;
  /** Who may have signed the certificates, as PEM, instead of the authorities that Node.js trusts. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** `false` takes any certificate, so that only who cannot change the packets is kept from reading them. */
  readonly rejectUnauthorized?: boolean | undefined;
}

/** A server with its own ways. */
export interface DnsServer extends DnsServerDefaults {
  /** `"127.0.0.1"`, `"[::1]:53"` … */
  readonly address: string | IpAddr | SocketAddr;
  /** Where the address has none: 53 by default, and 853 over TLS. */
  readonly port?: number | undefined;
}

/** A server as the queries need it. */
export interface Server {
  readonly address: SocketAddr;
  readonly transport: DnsTransport;
  readonly tlsName: string | undefined;
  readonly ca: DnsServerDefaults["ca"];
  readonly rejectUnauthorized: boolean;
  /** What is sent at once over UDP. */
  readonly bursts: Gate;
}

/**
 * A socket's usual receive buffer, 212 992 bytes (net.core.rmem_default), holds 277 queries, each of which counts 768
 * bytes: of 2000 at once dnsmasq lost some, and each cost its whole timeout. A silent server gets so many each time.
 */
const MOST_AT_ONCE = 128;
const HELD_MS = 250;

/** RFC 1035 §4.2, RFC 7858 §3.1 */
export const DEFAULT_PORTS: Readonly<Record<DnsTransport, number>> = { udp: 53, tcp: 53, tls: 853 };

/**
 * @throws {AddressError} for a text that is no address
 * @throws {TypeError | RangeError} for what is no server
 */
export function readServer(
  server: string | IpAddr | SocketAddr | DnsServer,
  defaults: DnsServerDefaults = {},
): Server {
  const given: DnsServer =
    typeof server === "string" || server instanceof SocketAddr || IpAddr.is(server)
      ? { address: server }
      : server;
  if (typeof given !== "object" || given === null) {
    throw new TypeError(`server: expected an address or { address, … }, got ${String(server)}`);
  }
  const { transport = defaults.transport ?? "udp" } = given;
  if (!Object.hasOwn(DEFAULT_PORTS, transport)) {
    throw new TypeError(`transport: expected "udp", "tcp" or "tls", got ${String(transport)}`);
  }
  return {
    address: readAddress(given.address, given.port ?? DEFAULT_PORTS[transport]),
    transport,
    tlsName: given.tlsName ?? defaults.tlsName,
    ca: given.ca ?? defaults.ca,
    rejectUnauthorized: given.rejectUnauthorized ?? defaults.rejectUnauthorized ?? true,
    bursts: new Gate(MOST_AT_ONCE, HELD_MS),
  };
}

function readAddress(address: DnsServer["address"], port: number): SocketAddr {
  if (address instanceof SocketAddr) return address;
  if (IpAddr.is(address)) return SocketAddr.of(address, port);
  if (typeof address !== "string") {
    throw new TypeError(`address: expected such as "127.0.0.1" or "[::1]:53", got ${typeof address}`);
  }
  const whole = SocketAddr.tryParse(address);
  if (whole !== undefined) return whole;
  const bare = /^\[(.*)\]$/.exec(address)?.[1];
  try {
    const { ip, zone } = parseScoped(bare ?? address);
    if (bare === undefined || ip.version === 6) return SocketAddr.of(ip, port, { zone });
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
  }
  throw new AddressError(
    address,
    "the address of a server",
    "it is neither an address nor an address with a port",
    'such as "127.0.0.1", "127.0.0.1:5353", "::1" or "[::1]:53"',
  );
}
