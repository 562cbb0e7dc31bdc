/** node:http on our sockets and on its own, in both roles, so that each can talk to each. */
import { once } from "node:events";
import {
  Agent,
  type AgentOptions,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { TCP, TcpDuplex, TcpListener, TcpStream } from "../../src/index.ts";

/** Something that connects: an agent whose connections are of one kind. */
export interface Client {
  readonly name: string;
  readonly agent: (options?: AgentOptions) => Agent;
}

type Oncreate = (error: Error | null, socket?: Duplex) => void;
interface Target {
  readonly host: string;
  readonly port: number;
}

function agentOf(
  options: AgentOptions,
  createConnection: (target: Target, oncreate: Oncreate) => Duplex | undefined,
): Agent {
  return Object.assign(new Agent(options), { createConnection });
}

export const NODE_CLIENT: Client = { name: "node:net's client", agent: (options) => new Agent(options) };
export const TCP_DUPLEX_CLIENT: Client = {
  name: "a TcpDuplex client",
  agent: (options = {}) => agentOf(options, ({ port, host }) => new TcpDuplex().connect(port, host)),
};
export const TO_DUPLEX_CLIENT: Client = {
  name: "a toDuplex() client",
  agent: (options = {}) =>
    agentOf(options, (target, oncreate) => {
      TcpStream.connect(target).then((stream) => oncreate(null, stream.toDuplex()), oncreate);
      return undefined;
    }),
};

/** A server that accepts. */
export interface Running extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** How many connections came. */
  readonly connections: () => number;
}

export interface ServerKind {
  readonly name: string;
  readonly start: (listener?: RequestListener, configure?: (server: Server) => void) => Promise<Running>;
}

export const NODE_SERVER: ServerKind = {
  name: "node:net's server",
  async start(listener, configure) {
    const server = createServer(listener);
    configure?.(server);
    let count = 0;
    server.on("connection", () => count++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
      server,
      port: (server.address() as AddressInfo).port,
      connections: () => count,
      async [Symbol.asyncDispose]() {
        server.close();
        server.closeAllConnections();
      },
    };
  },
};

/** What docs/fitting-in.md shows. */
export function feed(
  listener: TcpListener,
  server: Server,
  seen: (duplex: Duplex) => void = () => {},
): Promise<void> {
  server.emit("listening"); // from here on node:http minds its timeouts
  return (async () => {
    for await (const peer of listener) {
      const duplex = peer.toDuplex();
      seen(duplex);
      server.emit("connection", duplex);
    }
  })();
}

export const OUR_SERVER: ServerKind = {
  name: "a TcpListener's server",
  async start(requestListener, configure) {
    const server = createServer(requestListener);
    configure?.(server);
    const listener = TcpListener.bind("127.0.0.1:0", { options: [TCP.NODELAY.to(true)] });
    let count = 0;
    const open = new Set<Duplex>();
    const feeding = feed(listener, server, (duplex) => {
      count++;
      open.add(duplex);
      duplex.once("close", () => open.delete(duplex));
    });
    return {
      server,
      port: listener.localAddr.port,
      connections: () => count,
      async [Symbol.asyncDispose]() {
        listener.close();
        server.close();
        for (const duplex of open) duplex.destroy();
        await feeding;
      },
    };
  },
};

/** Who talks to whom: first node:net with itself, by which the tests are measured, then ours at one end or both. */
export const SIDES: readonly {
  readonly name: string;
  readonly client: Client;
  readonly server: ServerKind;
}[] = [
  [NODE_CLIENT, NODE_SERVER],
  [TCP_DUPLEX_CLIENT, NODE_SERVER],
  [TO_DUPLEX_CLIENT, NODE_SERVER],
  [NODE_CLIENT, OUR_SERVER],
  [TCP_DUPLEX_CLIENT, OUR_SERVER],
].map(([client, server]) => ({
  name: `${(client as Client).name} and ${(server as ServerKind).name}`,
  client: client as Client,
  server: server as ServerKind,
}));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: IncomingMessage["trailers"];
  readonly body: Buffer;
}

/** All of an answer. */
export async function whole(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const { statusCode = 0, headers, trailers } = response;
  return { status: statusCode, headers, trailers, body: Buffer.concat(parts) };
}

/** One request and its whole answer. */
export async function ask(options: RequestOptions, body?: string | Uint8Array): Promise<Answer> {
  const sent = request({ host: "127.0.0.1", ...options });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  sent.on("error", () => {}); // what breaks after the answer's end is nobody's concern
  return whole(response);
}
