/** An echo server for any number of peers at once. `echo-server.ts [ADDRESS:PORT]` */
import { SysError, TcpListener, type TcpStream } from "windsock";

async function echo(peer: TcpStream): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let count = await peer.read(buffer); count > 0; count = await peer.read(buffer)) {
      await peer.writeAll(buffer.subarray(0, count));
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    console.error(`${peer.peerAddr}: ${error.message}`); // a reset is the peer's business, not the server's end
  } finally {
    peer.close();
  }
}

using listener = TcpListener.bind(process.argv[2] ?? "127.0.0.1:7777");
console.log(`echo on ${listener.localAddr}`);
for await (const peer of listener) void echo(peer);
