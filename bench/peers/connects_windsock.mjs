// Connects and closes, one connection after the other, on Windsock: `connects_windsock.mjs PORT COUNT`.
import { TcpStream } from "../../dist/index.js";
import { report, waitForGo } from "./_control.mjs";

const [port, count] = process.argv.slice(2).map(Number);

async function connectAndClose() {
  const stream = await TcpStream.connect(`127.0.0.1:${port}`);
  stream.close();
}

for (let i = 0; i < count / 4; i++) await connectAndClose();
await waitForGo();
const began = performance.now();
for (let i = 0; i < count; i++) await connectAndClose();
report({ connections: count, seconds: (performance.now() - began) / 1e3 });
