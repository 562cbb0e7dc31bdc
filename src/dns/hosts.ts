/** hosts(5): names and addresses that this host knows by itself. */
import { AddressError, parseScoped, type ScopedAddr } from "../ip/index.ts";
import { foldCase } from "./_name.ts";

/** What a hosts file says. */
export class Hosts {
  readonly #addresses = new Map<string, ScopedAddr[]>();
  readonly #names = new Map<string, string[]>();

  /**
   * Reads the text of a hosts file; lines without an address are passed over.
   * @see man 5 hosts
   */
  static parse(text: string): Hosts {
    const hosts = new Hosts();
    for (const line of text.split("\n")) {
      const [address, ...names] = line
        .replace(/#.*/, "")
        .split(/[ \t\r]+/)
        .filter((word) => word !== "");
      if (address === undefined) continue;
      let scoped: ScopedAddr;
      try {
        scoped = parseScoped(address);
      } catch (error) {
        if (error instanceof AddressError) continue;
        throw error;
      }
      for (const name of names) add(hosts.#addresses, foldCase(name), scoped);
      for (const name of names) add(hosts.#names, scoped.ip.toString(), name);
    }
    return hosts;
  }

  /** The addresses of a name, which may end in a dot: those of all its lines; empty where there are none. */
  addresses(name: string): readonly ScopedAddr[] {
    return this.#addresses.get(foldCase(name).replace(/\.$/, "")) ?? [];
  }

  /** The names of an address, as text without a zone, the canonical one first; empty where there are none. */
  names(address: string): readonly string[] {
    return this.#names.get(address) ?? [];
  }
}

function add<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
