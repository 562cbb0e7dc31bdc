// An echo server on windsock/blocking: `echo_blocking.mjs CONNECTIONS`, one after the other. A thread that blocks cannot
// hear its stdin end: it ends after its last connection.
import { TCP, TcpListener } from "../../dist/blocking/index.js";
import { announce } from "./_control.mjs";

const listener = TcpListener.bind("127.0.0.1:0");
announce(listener.localAddr.port);
const buffer = new Uint8Array(4096);
for (let left = Number(process.argv[2]); left > 0; left--) {
  const peer = listener.accept();
  peer.setOption(TCP.NODELAY, true);
  for (let n = peer.read(buffer); n > 0; n = peer.read(buffer)) peer.writeAll(buffer.subarray(0, n));
  peer.close();
}
listener.close();
