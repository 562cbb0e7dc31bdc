/** The client of load.test.ts: `_load_client.ts PORT COUNT` opens COUNT connections, then each says which it is. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { SocketAddr, TcpStream } from "../../src/index.ts";

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const AT_ONCE = 200;
/** Each has its own range of ephemeral ports. */
const sources = [1, 2, 3, 4].map((last) => SocketAddr.parse(`127.0.0.${last}:0`));

const streams: TcpStream[] = [];
while (streams.length < count) {
  const size = Math.min(AT_ONCE, count - streams.length);
  const batch = Array.from({ length: size }, (_, i) =>
    TcpStream.connect(`127.0.0.1:${port}`, { localAddr: sources[i % sources.length] }),
  );
  streams.push(...(await Promise.all(batch)));
}
console.log(`open ${streams.length} fds ${readdirSync("/proc/self/fd").length}`);
await once(process.stdin, "data");

const told = await Promise.all(
  streams.map(async (stream, index) => {
    const question = new Uint8Array(4);
    new DataView(question.buffer).setUint32(0, index);
    await stream.writeAll(question);
    const answer = new Uint8Array(4);
    await stream.readExact(answer);
    return new DataView(answer.buffer).getUint32(0);
  }),
);
const wrong = told.filter((it, index) => it !== index).length;
for (const stream of streams) stream.close();
console.log(`answered ${told.length} wrong ${wrong}`);
process.exit(wrong === 0 ? 0 : 1);
