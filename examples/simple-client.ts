/** The chapter's Rust client on windsock: resolve, connect, send a text, print the answer. `simple-client.ts HOST:PORT TEXT` */
import { TcpStream } from "windsock";

const [address = "localhost:2000", text = "hello"] = process.argv.slice(2);

await using stream = await TcpStream.connect(address);
await stream.writeAll(new TextEncoder().encode(text));

const buffer = new Uint8Array(160);
const count = await stream.read(buffer); // some of the answer, as much as has come; 0 where the peer has closed
console.log(new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, count)));
