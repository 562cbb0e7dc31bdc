// Connects and closes, one connection after the other, on node:net: `connects_net.mjs PORT COUNT`.
import { connect } from "node:net";
import { report, waitForGo } from "./_control.mjs";

const [port, count] = process.argv.slice(2).map(Number);

function connectAndClose() {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.destroy());
    socket.on("error", reject);
    socket.on("close", resolve);
  });
}

for (let i = 0; i < count / 4; i++) await connectAndClose();
await waitForGo();
const began = performance.now();
for (let i = 0; i < count; i++) await connectAndClose();
report({ connections: count, seconds: (performance.now() - began) / 1e3 });
