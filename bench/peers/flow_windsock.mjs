// A transfer on Windsock that lasts until its stdin ends: `flow_windsock.mjs sink` and `flow_windsock.mjs send PORT`.
import { TcpListener, TcpStream } from "../../dist/index.js";
import { announce, waitForGo } from "./_control.mjs";

const [mode, port] = process.argv.slice(2);
const buffer = new Uint8Array(65536);

if (mode === "sink") {
  const listener = TcpListener.bind("127.0.0.1:0");
  announce(listener.localAddr.port);
  const stream = await listener.accept();
  while ((await stream.read(buffer)) > 0);
} else {
  const stream = await TcpStream.connect(`127.0.0.1:${port}`);
  await waitForGo();
  for (;;) await stream.writeAll(buffer);
}
