// Bulk transfer on node:net: `bulk_net.mjs sink WARM-UP` and `bulk_net.mjs send PORT WARM-UP BYTES`.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { announce } from "./_control.mjs";
import { send, sink } from "./_streams.mjs";

const [mode, ...rest] = process.argv.slice(2);
const numbers = rest.map(Number);

if (mode === "send") {
  const [port, warmUp, bytes] = numbers;
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  await send(socket, warmUp, bytes);
} else {
  const [warmUp] = numbers;
  const server = createServer((socket) => sink(socket, warmUp));
  server.listen({ host: "127.0.0.1", port: 0 }, () => announce(server.address().port));
}
