/** Answers every datagram with what came, in upper case, from the address that was asked. `udp-server.ts [ADDRESS:PORT]` */
import { UdpSocket } from "windsock";

using socket = UdpSocket.bind(process.argv[2] ?? "0.0.0.0:7777", { ancillary: ["destination"] });
console.log(`datagrams on ${socket.localAddr}`);

for (;;) {
  const message = await socket.recvMsg();
  const text = new TextDecoder().decode(message.data);
  console.log(`${message.peer} to ${message.ancillary.destination?.ip}: ${text}`);
  await socket
    .reply(message, new TextEncoder().encode(text.toUpperCase()))
    .catch((error) => console.error(error.message)); // one peer's error is not the server's end
}
