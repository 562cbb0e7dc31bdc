// Bulk transfer through Windsock's toDuplex(): `bulk_duplex.mjs sink WARM-UP`, `bulk_duplex.mjs send PORT WARM-UP BYTES`.
import { TCP, TcpListener, TcpStream } from "../../dist/index.js";
import { announce } from "./_control.mjs";
import { send, sink } from "./_streams.mjs";

const [mode, ...rest] = process.argv.slice(2);
const numbers = rest.map(Number);

if (mode === "send") {
  const [port, warmUp, bytes] = numbers;
  const stream = await TcpStream.connect(`127.0.0.1:${port}`);
  stream.setOption(TCP.NODELAY, true);
  await send(stream.toDuplex(), warmUp, bytes);
} else {
  const [warmUp] = numbers;
  const listener = TcpListener.bind("127.0.0.1:0");
  announce(listener.localAddr.port);
  for await (const peer of listener) sink(peer.toDuplex(), warmUp);
}
