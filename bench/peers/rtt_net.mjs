// Ping-pong on one node:net connection: `rtt_net.mjs PORT COUNT SIZE`.
import { once } from "node:events";
import { connect } from "node:net";
import { reportTimes, waitForGo } from "./_control.mjs";

const [port, count, size] = process.argv.slice(2).map(Number);
const message = new Uint8Array(size).fill(0x77);
const socket = connect({ host: "127.0.0.1", port, noDelay: true });
await once(socket, "connect");

function pingPong(times) {
  return new Promise((resolve) => {
    let turn = 0;
    let got = 0;
    let sentAt = 0;
    const ping = () => {
      got = 0;
      sentAt = performance.now();
      socket.write(message);
    };
    const onData = (data) => {
      got += data.length;
      if (got < size) return;
      times[turn++] = performance.now() - sentAt;
      if (turn < times.length) return ping();
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
    ping();
  });
}

await pingPong(new Float64Array(Math.ceil(count / 4)));
await waitForGo();
const times = new Float64Array(count);
const began = performance.now();
await pingPong(times);
reportTimes(times, (performance.now() - began) / 1e3);
