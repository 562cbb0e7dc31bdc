/** node:http on Windsock at both ends, with the kernel's view of the connection that a request came over. `http-over-windsock.ts PATH…` */
import { once } from "node:events";
import { Agent, createServer, get, type IncomingMessage } from "node:http";
import { TcpDuplex, TcpListener, type TcpStream } from "windsock";

const streams = new WeakMap<object, TcpStream>();

const server = createServer((request, response) => {
  const { tcpi_rtt, tcpi_bytes_received } = streams.get(request.socket)?.info() ?? {};
  console.log(`${request.url} after ${tcpi_bytes_received} bytes, round trip ${tcpi_rtt} µs`);
  response.end(`hello ${request.socket.remoteAddress}, you asked for ${request.url}`);
});

const listener = TcpListener.bind("127.0.0.1:0");
server.emit("listening"); // from here on node:http minds its timeouts
const accepting = (async () => {
  for await (const peer of listener) {
    const duplex = peer.toDuplex();
    streams.set(duplex, peer);
    server.emit("connection", duplex);
  }
})();

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
agent.createConnection = ({ host, port }) => new TcpDuplex().connect(Number(port), host ?? undefined);
for (const path of process.argv.slice(2)) {
  const asked = get({ agent, host: "127.0.0.1", port: listener.localAddr.port, path });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  for await (const text of response.setEncoding("utf8")) console.log(text);
}

agent.destroy();
listener.close();
await accepting;
