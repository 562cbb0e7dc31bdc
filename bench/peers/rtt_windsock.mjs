// Ping-pong on one Windsock connection: `rtt_windsock.mjs PORT COUNT SIZE`.
import { TCP, TcpStream } from "../../dist/index.js";
import { reportTimes, waitForGo } from "./_control.mjs";

const [port, count, size] = process.argv.slice(2).map(Number);
const message = new Uint8Array(size).fill(0x77);
const answer = new Uint8Array(size);
const stream = await TcpStream.connect(`127.0.0.1:${port}`);
stream.setOption(TCP.NODELAY, true);

async function pingPong(times) {
  for (let turn = 0; turn < times.length; turn++) {
    const sentAt = performance.now();
    await stream.writeAll(message);
    let got = await stream.read(answer);
    while (got < size) {
      const n = await stream.read(answer.subarray(got));
      if (n === 0) throw new Error(`the server closed after ${got} of ${size} bytes`);
      got += n;
    }
    times[turn] = performance.now() - sentAt;
  }
}

await pingPong(new Float64Array(Math.ceil(count / 4)));
await waitForGo();
const times = new Float64Array(count);
const began = performance.now();
await pingPong(times);
reportTimes(times, (performance.now() - began) / 1e3);
