// An echo server through Windsock's toDuplex(), written as the one on node:net is.
import { TCP, TcpListener } from "../../dist/index.js";
import { announce } from "./_control.mjs";
import { echo } from "./_streams.mjs";

const listener = TcpListener.bind("127.0.0.1:0", { backlog: 4096 });
announce(listener.localAddr.port);
for await (const peer of listener) {
  peer.setOption(TCP.NODELAY, true);
  echo(peer.toDuplex());
}
