// An echo server on node:net, as its documentation writes one.
import { createServer } from "node:net";
import { announce } from "./_control.mjs";
import { echo } from "./_streams.mjs";

const server = createServer((socket) => {
  socket.setNoDelay(true);
  echo(socket);
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => announce(server.address().port));
