// What the peers on node:net and on toDuplex() do with a stream, written once so that both do the same.
import { once } from "node:events";
import { report, waitForGo } from "./_control.mjs";

/** Writes back what comes, as Node's documentation does it. */
export function echo(stream) {
  stream.on("data", (data) => stream.write(data));
  stream.on("error", (error) => {
    if (error.code !== "ECONNRESET" && error.code !== "EPIPE") throw error;
  });
}

function sendBytes(stream, bytes) {
  const chunk = new Uint8Array(65536);
  let left = bytes;
  return new Promise((resolve) => {
    const pump = () => {
      while (left > 0) {
        const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (!stream.write(part)) return stream.once("drain", pump);
      }
      resolve();
    };
    pump();
  });
}

/** The sending end of a bulk transfer. */
export async function send(stream, warmUp, bytes) {
  const warm = once(stream, "data"); // the sink's one byte: it has all of the warm-up
  await sendBytes(stream, warmUp);
  await warm;
  await waitForGo();
  const began = performance.now();
  const ended = once(stream, "end");
  stream.resume();
  await sendBytes(stream, bytes);
  stream.end();
  await ended;
  report({ bytes, seconds: (performance.now() - began) / 1e3 });
}

/** The receiving end. */
export function sink(stream, warmUp) {
  let total = 0;
  let warm = false;
  stream.on("data", (data) => {
    total += data.length;
    if (!warm && total >= warmUp) {
      warm = true;
      stream.write("w");
    }
  });
  stream.on("end", () => report({ bytes: total }));
}
