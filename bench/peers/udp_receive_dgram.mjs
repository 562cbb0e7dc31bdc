// A UDP receiver on node:dgram: `udp_receive_dgram.mjs RECEIVE-BUFFER GATE BURST`.
import { createSocket } from "node:dgram";
import { serve, take } from "./_udp_receiver.mjs";

const [receiveBuffer, gate, burst] = process.argv.slice(2);
const socket = createSocket({ type: "udp4", recvBufferSize: Number(receiveBuffer) });
socket.on("message", (data, peer) => take(data.length, peer.port));
socket.bind(0, "127.0.0.1", () => serve(socket.address().port, gate, Number(burst)));
