// Bulk transfer on Windsock: `bulk_windsock.mjs sink WARM-UP` and `bulk_windsock.mjs send PORT WARM-UP BYTES`.
import { TCP, TcpListener, TcpStream } from "../../dist/index.js";
import { announce, report, waitForGo } from "./_control.mjs";

const [mode, ...numbers] = process.argv.slice(2);
const buffer = new Uint8Array(65536);

async function sendBytes(stream, bytes) {
  for (let left = bytes; left > 0; left -= buffer.length) {
    await stream.writeAll(left < buffer.length ? buffer.subarray(0, left) : buffer);
  }
}

async function send(port, warmUp, bytes) {
  const stream = await TcpStream.connect(`127.0.0.1:${port}`);
  stream.setOption(TCP.NODELAY, true);
  const answer = new Uint8Array(1);
  await sendBytes(stream, warmUp);
  if ((await stream.read(answer)) !== 1) throw new Error("the sink did not confirm the warm-up");
  await waitForGo();
  const began = performance.now();
  await sendBytes(stream, bytes);
  stream.shutdown("write");
  if ((await stream.read(answer)) !== 0) throw new Error("the sink did not close");
  report({ bytes, seconds: (performance.now() - began) / 1e3 });
}

async function sink(warmUp) {
  const listener = TcpListener.bind("127.0.0.1:0");
  announce(listener.localAddr.port);
  for await (const peer of listener) {
    let total = 0;
    let warm = false;
    while (true) {
      const n = await peer.read(buffer);
      if (n === 0) break;
      total += n;
      if (!warm && total >= warmUp) {
        warm = true;
        await peer.writeAll(new Uint8Array(1));
      }
    }
    peer.close();
    report({ bytes: total });
  }
}

if (mode === "send") await send(...numbers.map(Number));
else await sink(...numbers.map(Number));
