// Ping-pong on one connection of windsock/blocking: `rtt_blocking.mjs PORT COUNT SIZE`.
import { TCP, TcpStream } from "../../dist/blocking/index.js";
import { reportTimes, waitForGo } from "./_control.mjs";

const [port, count, size] = process.argv.slice(2).map(Number);
const message = new Uint8Array(size).fill(0x77);
const answer = new Uint8Array(size);
const stream = TcpStream.connect(`127.0.0.1:${port}`);
stream.setOption(TCP.NODELAY, true);

function pingPong(times) {
  for (let turn = 0; turn < times.length; turn++) {
    const sentAt = performance.now();
    stream.writeAll(message);
    stream.readExact(answer);
    times[turn] = performance.now() - sentAt;
  }
}

pingPong(new Float64Array(Math.ceil(count / 4)));
await waitForGo();
const times = new Float64Array(count);
const began = performance.now();
pingPong(times);
const seconds = (performance.now() - began) / 1e3;
stream.close();
reportTimes(times, seconds);
