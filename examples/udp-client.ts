/** Asks by UDP, and asks again where nothing comes back: datagrams may be lost. `udp-client.ts HOST:PORT TEXT` */
import { TimeoutError, UdpSocket } from "windsock";

const [target = "localhost:7777", text = "hello"] = process.argv.slice(2);
using socket = await UdpSocket.connect(target); // hears nobody but this peer, and learns if its port is closed

for (let tries = 1; ; tries++) {
  await socket.send(new TextEncoder().encode(text));
  try {
    const { data } = await socket.recv({ timeoutMs: 250 * 2 ** tries });
    console.log(new TextDecoder().decode(data));
    break;
  } catch (error) {
    if (!(error instanceof TimeoutError) || tries === 4) throw error;
    console.error(`no answer, asking again (${tries})`);
  }
}
