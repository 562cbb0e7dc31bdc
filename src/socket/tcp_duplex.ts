/** TcpDuplex: a Duplex that makes its own TCP connection, for libraries that want a socket before it is connected. */
import type { IpcSocketConnectOpts } from "node:net";
import type { ByteStream } from "./_byte_stream.ts";
import type { DuplexOptions } from "./_duplex.ts";
import { SocketDuplex } from "./socket_duplex.ts";
import { type ConnectOptions, TcpStream } from "./tcp_stream.ts";

/** How {@link TcpDuplex} connects, and what it is then. `signal` and `timeoutMs` are for connecting alone. */
export interface TcpDuplexOptions extends ConnectOptions, DuplexOptions {}

/** What {@link TcpDuplex.connect} takes, as a `net.Socket` does. */
export interface TcpDuplexTarget {
  readonly port: number | string;
  /** A name or an address; `"localhost"` by default. */
  readonly host?: string | undefined;
}

type Listener = () => void;

/**
 * A Duplex over a TCP connection that is still to be made: `new TcpDuplex().connect(port, host)`. What is written before
 * is sent once there is a connection; a connect that fails destroys it with the error of {@link TcpStream.connect}.
 */
export class TcpDuplex extends SocketDuplex {
  readonly #options: TcpDuplexOptions;
  readonly #attempted: string[] = [];

  constructor(options: TcpDuplexOptions = {}) {
    super(undefined, options);
    this.#options = options;
  }

  override get autoSelectFamilyAttemptedAddresses(): string[] {
    return [...this.#attempted];
  }

  /**
   * Connects, once; 'connect' tells that it has.
   * @throws {TypeError} where it is not told a port, but a path
   * @throws {Error} where it was called before
   */
  override connect(port: number | string, host?: string, onConnect?: Listener): this;
  override connect(port: number | string, onConnect?: Listener): this;
  override connect(target: TcpDuplexTarget | IpcSocketConnectOpts, onConnect?: Listener): this;
  override connect(
    target: TcpDuplexTarget | IpcSocketConnectOpts | number | string,
    ...rest: (string | Listener | undefined)[]
  ): this {
    if (this.connecting || this.byteStream !== undefined || this.destroyed) {
      throw new Error(
        "connect: expected a TcpDuplex that has not connected yet; make one for each connection",
      );
    }
    const { port, host = "localhost" } =
      typeof target !== "object"
        ? { port: target, host: rest.find((it) => typeof it === "string") }
        : "port" in target
          ? target
          : { port: target.path };
    if ((typeof port !== "number" && typeof port !== "string") || String(port).includes("/")) {
      throw new TypeError(`port: expected a number or the name of a service, got ${String(port)}`);
    }
    const onConnect = rest.find((it) => typeof it === "function");
    if (onConnect !== undefined) this.once("connect", onConnect);
    const controller = new AbortController();
    const { signal, onAttempt } = this.#options;
    const connected: Promise<ByteStream> = TcpStream.connect(
      { host, port },
      {
        ...this.#options,
        signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
        onAttempt: (attempt) => {
          if (attempt.state === "started")
            this.#attempted.push(`${attempt.address.ip}:${attempt.address.port}`);
          onAttempt?.(attempt);
        },
      },
    );
    this.attachLater(connected, () => controller.abort());
    return this;
  }
}
