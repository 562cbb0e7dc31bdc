/**
 * Finds the servers of a network by asking everybody in it.
 * `broadcast-discovery.ts serve NAME [ADDRESS:PORT]` and `broadcast-discovery.ts find [BROADCAST:PORT]`
 */
import { TimeoutError, UdpSocket } from "windsock";

const QUESTION = "windsock: who is there?";
const [what, ...rest] = process.argv.slice(2);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function serve(name = "somebody", address = "0.0.0.0:7778"): Promise<void> {
  using socket = UdpSocket.bind(address, { reuseAddr: true });
  console.log(`${name} on ${socket.localAddr}`);
  for await (const { data, peer } of socket) {
    if (new TextDecoder().decode(data) === QUESTION) await socket.sendTo(encode(name), peer);
  }
}

async function find(everybody = "255.255.255.255:7778"): Promise<void> {
  using socket = UdpSocket.bind("0.0.0.0:0", { broadcast: true });
  await socket.sendTo(encode(QUESTION), everybody);
  try {
    for (;;) {
      const { data, peer } = await socket.recvFrom({ timeoutMs: 1000 });
      console.log(`${new TextDecoder().decode(data)} at ${peer}`);
    }
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error; // a second of silence: that was everybody
  }
}

await (what === "serve" ? serve(...rest) : find(...rest));
