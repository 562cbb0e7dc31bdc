/** Addresses as they are shown: as they are, or by the names of their hosts. */
import { type IpAddr, SocketAddr } from "../../ip/index.ts";
import { getnameinfo } from "../../names/index.ts";

/** For how long a name is waited for, and how many are asked for at a time. */
const WAIT_MS = 5000;
const AT_ONCE = 16;

/** Remembers which addresses are to be shown, so that they can be looked up all together, and shown again with names. */
export class Hosts {
  readonly #asked = new Map<string, IpAddr>();
  readonly #names = new Map<string, string>();

  /** The name of an address where it was looked up and has one, else the address. */
  text = (addr: IpAddr): string => {
    const text = `${addr}`;
    const name = this.#names.get(text);
    if (name === undefined) this.#asked.set(text, addr);
    return name ?? text;
  };

  /** Looks up all addresses that were shown. */
  async look(): Promise<void> {
    const open = [...this.#asked].filter(([, addr]) => !addr.isUnspecified);
    this.#asked.clear();
    const worker = async (): Promise<void> => {
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const [text, addr] = next;
        const name = await nameOf(addr);
        if (name !== undefined) this.#names.set(text, name);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }
}

async function nameOf(addr: IpAddr): Promise<string | undefined> {
  try {
    const address = SocketAddr.of(addr, 0);
    return (await getnameinfo(address, { nameRequired: true }, { timeoutMs: WAIT_MS })).host;
  } catch {
    return undefined;
  }
}
