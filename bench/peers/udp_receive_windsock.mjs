// A UDP receiver on Windsock: `udp_receive_windsock.mjs one|batch|gro RECEIVE-BUFFER GATE BURST`: recvFrom() for each
// datagram, recvMany() for up to 64, or that for up to 16 messages with GRO, each of many datagrams of one peer.
import { ReceiveBatch, SO, UdpSocket } from "../../dist/index.js";
import { serve, take } from "./_udp_receiver.mjs";

const [mode, receiveBuffer, gate, burst] = process.argv.slice(2);
const merged = mode === "gro";
const socket = UdpSocket.bind("127.0.0.1:0", {
  merged,
  options: [SO.RCVBUF.to(Number(receiveBuffer))],
});
serve(socket.localAddr.port, gate, Number(burst));

if (mode === "one") {
  const buffer = new Uint8Array(2048);
  while (true) {
    const { data, peer } = await socket.recvFrom(buffer);
    take(data.length, peer.port);
  }
} else {
  const inbox = new ReceiveBatch(merged ? { datagrams: 16, merged } : { datagrams: 64, maxBytes: 2048 });
  while (true) {
    const count = await socket.recvMany(inbox);
    for (let i = 0; i < count; i++) take(inbox.data(i).length, inbox.peer(i).port);
  }
}
