/** The three sockets that have to behave alike: node:net's own, a connection made into a Duplex, and one that connects itself. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach } from "node:test";
import { TcpDuplex, TcpListener, TcpStream } from "../../src/index.ts";

export interface AlikeOptions {
  readonly allowHalfOpen?: boolean;
}

export interface Kind {
  readonly name: string;
  /** Connects, and is connected when it comes back. */
  readonly connect: (port: number, options: AlikeOptions) => Promise<Socket>;
}

export const NET: Kind = {
  name: "net.Socket",
  async connect(port, options) {
    const socket = connect({ port, host: "127.0.0.1", ...options });
    await once(socket, "connect");
    return socket;
  },
};
export const TO_DUPLEX: Kind = {
  name: "toDuplex()",
  connect: async (port, options) => (await TcpStream.connect(`127.0.0.1:${port}`)).toDuplex(options),
};
export const TCP_DUPLEX: Kind = {
  name: "TcpDuplex",
  async connect(port, options) {
    const socket = new TcpDuplex(options).connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  },
};
export const OURS: readonly Kind[] = [TO_DUPLEX, TCP_DUPLEX];
export const KINDS: readonly Kind[] = [NET, ...OURS];

const links: [Socket, TcpStream][] = [];
// A test that fails in the middle must not leave behind what keeps the process alive.
if (process.env.WINDSOCK_CASE === undefined) {
  afterEach(() => {
    for (const [socket, peer] of links.splice(0)) {
      socket.on("error", () => {}).destroy();
      peer.close();
    }
  });
}

/** A socket of that kind, and the raw connection at its other end. */
export async function linked(
  kind: Kind,
  options: AlikeOptions = {},
): Promise<{ socket: Socket; peer: TcpStream }> {
  using listener = TcpListener.bind("127.0.0.1:0");
  const [socket, peer] = await Promise.all([
    kind.connect(listener.localAddr.port, options),
    listener.accept(),
  ]);
  links.push([socket, peer]);
  closes.set(socket, new Promise((resolve) => socket.once("close", resolve)));
  return { socket, peer };
}

/** Writes down what a socket tells, in order: `end`, `finish`, `error ECONNRESET`, `close true` … */
export function logOf(socket: Socket): string[] {
  const log: string[] = [];
  for (const event of ["end", "finish", "timeout"]) socket.on(event, () => log.push(event));
  socket.on("error", (error: NodeJS.ErrnoException) => log.push(`error ${error.code ?? error.message}`));
  socket.on("close", (hadError) => log.push(`close ${hadError}`));
  return log;
}

const closes = new WeakMap<Socket, Promise<unknown>>();

/** When 'close' was emitted by a socket of {@link linked}. */
export async function closed(socket: Socket): Promise<void> {
  await closes.get(socket);
}
