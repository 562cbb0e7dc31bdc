// What writing a socket option costs on node:net: `options_net.mjs CALLS`.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { report, waitForGo } from "./_control.mjs";
import { cost } from "./_passes.mjs";

const calls = Number(process.argv[2]) & ~1;
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const socket = connect(server.address().port, "127.0.0.1");
await once(socket, "connect");

await waitForGo();
report({ writeNoDelay: cost(calls, (turn) => socket.setNoDelay((turn & 1) === 1)) });
