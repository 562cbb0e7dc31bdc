/** Peer addresses between their values and the kernel's bytes, remembered: most datagrams go to and come from few peers. */
import { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";

/** So many addresses are remembered before all are forgotten. */
const LIMIT = 4096;

const byKey = new Map<number, SocketAddr>();

/** Where the kernel's bytes are IPv4: a number that no other address has. */
function ipv4Key(bytes: Uint8Array): number {
  const [low, high] = [(bytes[2] as number) * 256 + (bytes[3] as number), bytes[7] as number];
  const ip = (bytes[4] as number) * 65536 + (bytes[5] as number) * 256 + (bytes[6] as number);
  return (ip * 256 + high) * 65536 + low;
}

let lastIpv6 = new Uint8Array();
let lastIpv6Addr: SocketAddr | undefined;

const same = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** The address in the kernel's bytes, which may be a view. The same peer is mostly the same object. */
export function peerFrom(bytes: Uint8Array): C.AnyAddr | undefined {
  if (bytes.length === 16 && bytes[0] === C.AF_INET) {
    const key = ipv4Key(bytes);
    let address = byKey.get(key);
    if (address === undefined) {
      if (byKey.size >= LIMIT) byKey.clear();
      address = C.decodeSockaddr(bytes) as SocketAddr;
      byKey.set(key, address);
    }
    return address;
  }
  if (bytes.length === 28 && bytes[0] === C.AF_INET6) {
    if (lastIpv6Addr === undefined || !same(bytes, lastIpv6)) {
      lastIpv6 = bytes.slice();
      lastIpv6Addr = C.decodeSockaddr(bytes) as SocketAddr;
    }
    return lastIpv6Addr;
  }
  return C.decodeAddress(bytes);
}

const byText = new Map<string, Uint8Array>();
const byAddress = new WeakMap<SocketAddr, Uint8Array>();

/**
 * The kernel's bytes of an IP peer; not to be changed.
 * @throws {AddressError} a text that is no address with a port
 * @throws {TypeError} neither a text nor a SocketAddr
 * @throws {SysError} `ENODEV` a zone that is no interface of this host
 */
export function ipPeerBytes(peer: SocketAddr | string): Uint8Array {
  if (typeof peer === "string") {
    const known = byText.get(peer);
    if (known !== undefined) return known;
    const address = SocketAddr.parse(peer);
    const bytes = C.encodeSockaddr(address);
    if (typeof address.zone === "string") return bytes; // the interface of that name may be another one later
    if (byText.size >= LIMIT) byText.clear();
    byText.set(peer, bytes);
    return bytes;
  }
  if (!(peer instanceof SocketAddr)) {
    throw new TypeError(`peer: expected "address:port" or a SocketAddr, got ${typeof peer}`);
  }
  const known = byAddress.get(peer);
  if (known !== undefined) return known;
  const bytes = C.encodeSockaddr(peer);
  if (typeof peer.zone !== "string") byAddress.set(peer, bytes);
  return bytes;
}
