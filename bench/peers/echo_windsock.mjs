// An echo server on Windsock: one small buffer per connection, read and write back.
import { TCP, TcpListener } from "../../dist/index.js";
import { announce } from "./_control.mjs";

async function echo(peer) {
  const buffer = new Uint8Array(4096);
  try {
    peer.setOption(TCP.NODELAY, true);
    while (true) {
      const n = await peer.read(buffer);
      if (n === 0) break;
      await peer.writeAll(buffer.subarray(0, n));
    }
  } catch (error) {
    if (error.code !== "ECONNRESET" && error.code !== "EPIPE") throw error;
  } finally {
    peer.close();
  }
}

const listener = TcpListener.bind("127.0.0.1:0", { backlog: 4096 });
announce(listener.localAddr.port);
for await (const peer of listener) void echo(peer);
