/** The names of the hosts that answer, without waiting for a name server that is slow. */
import type { SocketAddr } from "../../ip/index.ts";
import { getnameinfo } from "../../names/index.ts";
import { hostText } from "../../probe/index.ts";

/** A line waits so long for the name of a host that is new; the next ones do not wait. */
const WAIT_MS = 250;

/** Addresses with their names: `host.example (192.0.2.1)`. */
export class HostNames {
  readonly #numeric: boolean;
  readonly #texts = new Map<string, string>();
  readonly #ended = new AbortController();

  /** @param numeric no names are looked up */
  constructor(numeric: boolean) {
    this.#numeric = numeric;
  }

  /** The address, with its name where that is known, or is found soon. */
  async text(host: SocketAddr | undefined): Promise<string> {
    if (host === undefined) return "?";
    const address = hostText(host);
    if (this.#numeric) return address;
    const known = this.#texts.get(address);
    if (known !== undefined) return known;
    this.#texts.set(address, address);
    const looked = this.#look(host, address);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      void looked.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#texts.get(address) as string;
  }

  async #look(host: SocketAddr, address: string): Promise<void> {
    try {
      const { signal } = this.#ended;
      const { host: name } = await getnameinfo(host, { nameRequired: true }, { signal });
      this.#texts.set(address, `${name} (${address})`);
    } catch {
      // it has none, or nobody says
    }
  }

  /** Waits for no name any more. */
  end(): void {
    this.#ended.abort();
  }
}
