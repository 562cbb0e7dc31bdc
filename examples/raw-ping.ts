/** Asks for an echo with an ICMP message made by hand, and prints who answers: needs CAP_NET_RAW. `raw-ping.ts [IPV4-ADDRESS]` */
import { RawSocket } from "windsock";
import { internetChecksum } from "windsock/bytes";

const [host = "127.0.0.1"] = process.argv.slice(2);
using socket = RawSocket.open("icmp", { icmpTypes: [0], ancillary: ["ttl"] }); // 0 is an echo reply

const request = new Uint8Array(8 + 32); // RFC 792, "Echo"
const view = new DataView(request.buffer);
const identifier = process.pid & 0xffff;
view.setUint8(0, 8); // type: echo request; code, at 1, is 0
view.setUint16(4, identifier);
view.setUint16(6, 1); // sequence number
new TextEncoder().encodeInto("are you there? ".repeat(3), request.subarray(8));
view.setUint16(2, internetChecksum(request)); // of the whole, in which it is still 0

const start = performance.now();
await socket.sendTo(request, host);
for (;;) {
  const { data, peer, ancillary } = await socket.recvMsg({ timeoutMs: 2000 });
  const ms = performance.now() - start;
  const reply = socket.payloadOf(data); // over IPv4 the IP header is in front
  const its = new DataView(reply.buffer, reply.byteOffset, reply.length);
  if (reply.length < 8 || its.getUint16(4) !== identifier) continue; // a raw socket hears everybody's
  console.log(`${reply.length} bytes from ${peer.ip}: ttl ${ancillary.ttl}, ${ms.toFixed(1)} ms`);
  break;
}
