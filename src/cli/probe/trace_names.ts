/** The names of routers, looked up while the trace goes on, and waited for a little. */
import type { SocketAddr } from "../../ip/index.ts";
import { getnameinfo } from "../../names/index.ts";
import { hostText } from "../../probe/index.ts";

/** From when an address is first asked for: later its name is not waited for. */
const WAIT_MS = 1000;

/** Each address is looked up once. */
export class RouterNames {
  readonly #names = new Map<string, Promise<string | undefined>>();
  readonly #ended = new AbortController();

  /** @returns the name; undefined where there is none, or nobody says in time */
  nameOf(host: SocketAddr): Promise<string | undefined> {
    const address = hostText(host);
    const name = this.#names.get(address) ?? this.#look(host);
    this.#names.set(address, name);
    return name;
  }

  async #look(host: SocketAddr): Promise<string | undefined> {
    const { signal } = this.#ended;
    try {
      return (await getnameinfo(host, { nameRequired: true }, { signal, timeoutMs: WAIT_MS })).host;
    } catch {
      return undefined;
    }
  }

  /** Waits for no name any more. */
  end(): void {
    this.#ended.abort();
  }
}
