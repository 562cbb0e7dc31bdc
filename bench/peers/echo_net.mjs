// An echo server on node:net, as its documentation writes one.
import { createServer } from "node:net";
import { announce } from "./_control.mjs";

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on("data", (data) => socket.write(data));
  socket.on("error", (error) => {
    if (error.code !== "ECONNRESET" && error.code !== "EPIPE") throw error;
  });
});

server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => announce(server.address().port));
