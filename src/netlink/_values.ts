/** Values that several families of messages have: devices, link-layer addresses, addresses from texts. */
import { IpAddr, Ipv4Addr, Ipv6Addr, type MacAddr } from "../ip/index.ts";

/** A network interface: by its name, or its number in its namespace. */
export type Device = string | number;

/** A link-layer address: of six bytes, or of another length, as tunnels have it. */
export type LinkLayerAddr = MacAddr | Uint8Array;

/** An address, from an address or a text. @throws {AddressError} @throws {TypeError} */
export function addrOf(value: IpAddr | string, what: string): IpAddr {
  if (typeof value === "string") return IpAddr.parse(value);
  if (value instanceof Ipv4Addr || value instanceof Ipv6Addr) return value;
  throw new TypeError(`${what}: expected an IP address, got ${String(value)}`);
}

/** Leaves out what is not there. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const result: Record<string, unknown> = {};
  for (const key in values) if (values[key] !== undefined) result[key] = values[key];
  return result as { [K in keyof T]?: Exclude<T[K], undefined> };
}
