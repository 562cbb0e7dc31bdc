/** What is probed: a name or an address to one address that this host has a route to, and the address to send from. */
import { IpAddr, SocketAddr } from "../ip/index.ts";
import { type Family, type Resolver, resolveTarget } from "../names/index.ts";
import { type HostAddr, type OptionSetting, SO, UdpSocket, type WaitOptions } from "../socket/index.ts";
import { addressText, errno, if_indextoname, SysError } from "../sys/index.ts";

export interface TargetOptions extends WaitOptions {
  readonly family?: Family | undefined;
  readonly resolver?: Resolver | undefined;
  readonly localAddr?: HostAddr | undefined;
  readonly device?: string | undefined;
  readonly broadcast?: boolean | undefined;
}

/** Where probes go, and whence. */
export interface Route {
  /** With port 0; of a link-local address with its zone. */
  readonly target: SocketAddr;
  /** What this host sends from. */
  readonly localIp: IpAddr;
}

/** An address of a target that was given as one, or the name that is to be looked up. */
export function targetAddress(target: HostAddr): SocketAddr | string {
  if (target instanceof SocketAddr) return target;
  if (IpAddr.is(target)) return SocketAddr.of(target, 0);
  if (typeof target !== "string") {
    throw new TypeError(
      `target: expected a name or an address, as text, IpAddr or SocketAddr, got ${typeof target}`,
    );
  }
  const bare = /^\[.*\]$/.test(target) ? target.slice(1, -1) : target;
  const [address] = bare.split("%", 1) as [string];
  return IpAddr.tryParse(address) === undefined ? bare : SocketAddr.of(bare, 0);
}

/** The addresses of a target, in the order in which they should be tried. @throws {ResolveError} */
async function addressesOf(target: HostAddr, options: TargetOptions): Promise<SocketAddr[]> {
  const address = targetAddress(target);
  const split = typeof address === "string" ? { host: address, service: "0" } : address;
  return resolveTarget(split, { ...options, type: "datagram" });
}

/** The same address with the zone that a device gives it, where it has none and needs one. */
function zoned(address: SocketAddr, device: string | undefined): SocketAddr {
  const { ip, zone } = address;
  const local = ip.version === 6 && (ip.isUnicastLinkLocal || ip.isMulticast);
  return SocketAddr.of(ip, 0, { zone: zone ?? (local ? device : undefined) });
}

/** Any port but 0: without one, the kernel does not tell the peer's address. Nothing is sent. */
const PORT = 1025;

/**
 * Asks the kernel for the way to an address.
 * @throws {SysError} `ENETUNREACH`, `EACCES` (a broadcast address without `broadcast`), `EADDRNOTAVAIL`, `ENODEV` …
 */
function routeTo(address: SocketAddr, options: TargetOptions): Route {
  const { localAddr, device, broadcast = false } = options;
  const settings: OptionSetting[] = device === undefined ? [] : [SO.BINDTODEVICE.to(device)];
  const own = localAddr === undefined ? undefined : targetAddress(localAddr);
  if (typeof own === "string") throw new TypeError(`localAddr: expected an address, got ${own}`);
  const any = address.family === "ipv4" ? "0.0.0.0:0" : "[::]:0";
  const from = own === undefined ? any : SocketAddr.of(own.ip, 0, { zone: own.zone });
  try {
    using socket = UdpSocket.bind(from, { broadcast, options: settings });
    socket.connect(SocketAddr.of(address.ip, PORT, { zone: address.zone }));
    // The kernel takes an unspecified address for this host's own.
    const ip = address.ip.isUnspecified ? socket.peerAddr.ip : address.ip;
    return { target: SocketAddr.of(ip, 0, { zone: address.zone }), localIp: socket.localAddr.ip };
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.errno === errno.ENODEV && device !== undefined) {
      const what = { address: `SO_BINDTODEVICE ${device}`, hint: "there is no such interface", cause: error };
      throw new SysError(error.errno, error.syscall, what);
    }
    if (error.syscall !== "connect") throw error;
    const hint =
      error.errno === errno.EACCES && !broadcast
        ? "a broadcast address needs the option broadcast (-b); or a firewall rule forbids it"
        : undefined;
    throw new SysError(error.errno, "connect", { address: addressText(address), hint, cause: error });
  }
}

/**
 * The first address of a target that this host has a route to.
 * @throws {ResolveError} the name is not known
 * @throws {SysError} of the last address
 */
export async function findRoute(target: HostAddr, options: TargetOptions): Promise<Route> {
  let last: unknown;
  for (const address of await addressesOf(target, options)) {
    try {
      return routeTo(zoned(address, options.device), options);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      last = error;
    }
  }
  throw last;
}

/** An address as ping(8) prints it: with the name of the interface, where it has a zone. */
export function hostText(address: SocketAddr | IpAddr): string {
  if (!(address instanceof SocketAddr)) return address.toString();
  const { ip, zone } = address;
  if (zone === undefined) return ip.toString();
  return `${ip}%${typeof zone === "number" ? (if_indextoname(zone) ?? zone) : zone}`;
}
