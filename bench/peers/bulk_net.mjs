// Bulk transfer on node:net: `bulk_net.mjs sink WARM-UP` and `bulk_net.mjs send PORT WARM-UP BYTES`.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { announce, report, waitForGo } from "./_control.mjs";

const [mode, ...numbers] = process.argv.slice(2);

function sendBytes(socket, bytes) {
  const chunk = new Uint8Array(65536);
  let left = bytes;
  return new Promise((resolve) => {
    const pump = () => {
      while (left > 0) {
        const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (!socket.write(part)) return socket.once("drain", pump);
      }
      resolve();
    };
    pump();
  });
}

async function send(port, warmUp, bytes) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  const warm = once(socket, "data"); // the sink's one byte: it has all of the warm-up
  await sendBytes(socket, warmUp);
  await warm;
  await waitForGo();
  const began = performance.now();
  const ended = once(socket, "end");
  socket.resume();
  await sendBytes(socket, bytes);
  socket.end();
  await ended;
  report({ bytes, seconds: (performance.now() - began) / 1e3 });
}

function sink(warmUp) {
  const server = createServer((socket) => {
    let total = 0;
    let warm = false;
    socket.on("data", (data) => {
      total += data.length;
      if (!warm && total >= warmUp) {
        warm = true;
        socket.write("w");
      }
    });
    socket.on("end", () => report({ bytes: total }));
  });
  server.listen({ host: "127.0.0.1", port: 0 }, () => announce(server.address().port));
}

if (mode === "send") await send(...numbers.map(Number));
else sink(...numbers.map(Number));
