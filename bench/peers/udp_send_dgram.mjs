// A UDP sender on node:dgram: connected, 64 datagrams under way: `udp_send_dgram.mjs PORT SIZE WARM-UP DATAGRAMS`.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { report, waitForGo } from "./_control.mjs";

const [port, size, warmUp, datagrams] = process.argv.slice(2).map(Number);
const data = new Uint8Array(size);
const socket = createSocket("udp4");
socket.connect(port, "127.0.0.1");
await once(socket, "connect");

function send(count) {
  return new Promise((resolve, reject) => {
    let started = 0;
    let sent = 0;
    const onSent = (error) => {
      if (error) return reject(error);
      if (++sent === count) return resolve();
      if (started < count) next();
    };
    const next = () => {
      started++;
      socket.send(data, onSent);
    };
    while (started < 64) next();
  });
}

await send(warmUp);
await waitForGo();
await send(datagrams);
report({ datagrams });
