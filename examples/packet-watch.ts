/** Prints what passes a device, packet by packet, and in the end how many were missed: needs CAP_NET_RAW. `packet-watch.ts [DEVICE] [COUNT]` */
import { MacAddr, PacketSocket } from "windsock";

const [device = "lo", count = "Infinity"] = process.argv.slice(2);
using socket = PacketSocket.open({ device, ring: { retireTimeoutMs: 20 } });
const ring = socket.ring;
if (ring === undefined) throw new Error("the socket was opened with a ring");
process.once("SIGINT", () => {
  finish();
  socket.close(); // which ends the loop
});

function finish(): void {
  const { packets, drops } = socket.statistics();
  console.log(`${packets} packets, ${drops} of them dropped`);
}

console.log(`watching ${device}`);
let left = Number(count);
for await (const block of ring) {
  for (const { data, lengthBytes, packetType, timestampNs, vlan } of block) {
    if (left-- <= 0) break;
    const view = new DataView(data.buffer, data.byteOffset, data.length); // valid until the next block
    const time = new Date(Number(timestampNs / 1_000_000n)).toISOString().slice(11, 23);
    const [to, from] = [data.subarray(0, 6), data.subarray(6, 12)].map((mac) => MacAddr.fromBytes(mac));
    const type = view.getUint16(12).toString(16).padStart(4, "0");
    const tag = vlan === undefined ? "" : ` vlan ${vlan.id}`;
    console.log(`${time} ${from} > ${to} 0x${type}${tag} ${lengthBytes} bytes (${packetType})`);
  }
  if (left <= 0) break;
}
if (!socket.closed) finish();
