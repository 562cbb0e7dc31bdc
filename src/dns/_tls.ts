/** A connection over TLS for DNS, RFC 7858: Node's TLS on our own TCP. */
import type { TLSSocket } from "node:tls";
import { EndOfStreamError, TCP, TcpStream } from "../socket/index.ts";
import type { Server } from "./_server.ts";

/** Bytes each way over TLS; one call reads at a time. */
export class TlsChannel {
  readonly #socket: TLSSocket;
  /** What ended the connection, if anything did. */
  #failure: Error | undefined;
  #ended = false;
  #secured = false;
  /** Looks again at what has come, on behalf of who waits. */
  #wake: (() => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    const look = (): void => this.#wake?.();
    const end = (): void => {
      this.#ended = true;
      look();
    };
    socket.once("secureConnect", () => {
      this.#secured = true;
      socket.on("readable", look); // not before: it would keep the handshake from its bytes
      look();
    });
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", (error) => {
      this.#failure ??= error;
      look();
    });
  }

  /**
   * Connects, and verifies that the certificate is the server's: that it has `tlsName`, or the server's address
   * (RFC 8310 §8.1).
   * @throws the signal's reason
   */
  static async connect(server: Server, signal: AbortSignal): Promise<TlsChannel> {
    const { address, tlsName, ca, rejectUnauthorized } = server;
    // The query follows the last message of the handshake, and must not wait until that is acknowledged.
    const options = [TCP.NODELAY.to(true)];
    const stream = await TcpStream.connect(address, { signal, options });
    const abort = (): void => stream.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const { connect } = await import("node:tls"); // here: whoever speaks no TLS does not pay for it
      signal.throwIfAborted();
      const socket = connect({
        socket: stream.toDuplex(),
        host: address.ip.toString(), // what a certificate without a servername is checked for
        ...(tlsName === undefined ? {} : { servername: tlsName }),
        ...(ca === undefined ? {} : { ca: pem(ca) }),
        rejectUnauthorized,
        minVersion: "TLSv1.2", // RFC 8310 §9
      });
      const channel = new TlsChannel(socket);
      try {
        await channel.#until(() => channel.#secured || undefined);
        // unbound sends its answer only when its session tickets are acknowledged, which would take 40 ms.
        stream.setOption(TCP.QUICKACK, true);
      } catch (error) {
        channel.close();
        throw error;
      }
      return channel;
    } catch (error) {
      stream.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Waits until `look` finds something. @throws what ended the connection before */
  #until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const attempt = (): void => {
        try {
          const found = look();
          if (found === undefined) {
            if (this.#failure !== undefined || this.#ended) throw this.#failure ?? new EndOfStreamError(0, 1);
            return;
          }
          resolve(found);
        } catch (error) {
          reject(error);
        }
        this.#wake = undefined;
      };
      this.#wake = attempt;
      attempt();
    });
  }

  writeAll(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  async readExact(buffer: Uint8Array): Promise<void> {
    const chunk: Uint8Array = await this.#until(() => {
      const found = this.#socket.read(buffer.length) as Buffer | null;
      // Once the stream has ended, read gives what is left, however little.
      if (found === null) return undefined;
      if (found.length < buffer.length) throw new EndOfStreamError(found.length, buffer.length);
      return found;
    });
    buffer.set(chunk);
  }

  /** Does not wait for the peer's goodbye. */
  close(): void {
    this.#socket.on("error", () => {});
    this.#socket.destroy();
  }
}

function pem(ca: NonNullable<Server["ca"]>): (string | Buffer)[] {
  const list = typeof ca === "string" || ca instanceof Uint8Array ? [ca] : ca;
  return list.map((part) => (typeof part === "string" ? part : Buffer.from(part)));
}
