/** Everybody who joins the group reads what everybody types. `multicast-chat.ts NAME [GROUP:PORT] [INTERFACE]` */
import { createInterface } from "node:readline";
import { SocketAddr, UdpSocket } from "windsock";

const [name = "somebody", at = "239.255.77.77:7777", through] = process.argv.slice(2);
const group = SocketAddr.parse(at);
const any = group.ip.version === 4 ? "0.0.0.0" : "::";

// Several members on one host share the port: each of them gets a copy of what is sent to the group.
using socket = UdpSocket.bind(SocketAddr.of(any, group.port), { reuseAddr: true });
socket.joinMulticast(group.ip, { interface: through });

const say = (text: string): Promise<number> =>
  socket.sendMsg(new TextEncoder().encode(`${name}: ${text}`), {
    peer: group,
    ancillary: { interface: through },
  });

createInterface({ input: process.stdin })
  .on("line", (line) => void say(line).catch((error) => console.error(error.message)))
  .on("close", () => socket.close());

console.log(`in ${group} as ${name}`);
for await (const { data } of socket) console.log(new TextDecoder().decode(data));
