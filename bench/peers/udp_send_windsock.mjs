// A UDP sender on Windsock, connected: `udp_send_windsock.mjs one|batch|gso PORT SIZE WARM-UP DATAGRAMS`: send() for each
// datagram, sendMany() for 64, or that with GSO, where the kernel cuts the 64 from as few messages as it can.
import { SendBatch, UdpSocket } from "../../dist/index.js";
import { report, waitForGo } from "./_control.mjs";

const [mode, ...numbers] = process.argv.slice(2);
const [port, size, warmUp, datagrams] = numbers.map(Number);
const data = new Uint8Array(size);
const socket = await UdpSocket.connect(`127.0.0.1:${port}`);

async function sendOneByOne(count) {
  for (let i = 0; i < count; i++) await socket.send(data);
}

async function sendBatches(count) {
  const batch = new SendBatch({ datagrams: 64, segmented: mode === "gso" });
  for (let sent = 0; sent < count; sent += 64) {
    for (let i = 0; i < 64; i++) batch.push(data);
    await socket.sendMany(batch);
  }
}

const send = mode === "one" ? sendOneByOne : sendBatches;
await send(warmUp);
await waitForGo();
await send(datagrams);
report({ datagrams });
