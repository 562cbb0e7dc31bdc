// What reading and writing a socket option costs on Windsock: `options_windsock.mjs CALLS`.
import { SO, TCP, TcpListener, TcpStream } from "../../dist/index.js";
import { report, waitForGo } from "./_control.mjs";
import { cost } from "./_passes.mjs";

const calls = Number(process.argv[2]) & ~1;
const listener = TcpListener.bind("127.0.0.1:0");
const stream = await TcpStream.connect(listener.localAddr);
const { state } = stream.info();

function expect(holds) {
  if (!holds) throw new Error("an option has another value than was written");
}

await waitForGo();
report({
  writeNoDelay: cost(calls, (turn) => stream.setOption(TCP.NODELAY, (turn & 1) === 1)),
  readNoDelay: cost(calls, () => expect(stream.getOption(TCP.NODELAY))),
  writeRcvbuf: cost(calls, (turn) => stream.setOption(SO.RCVBUF, turn & 1 ? 65536 : 32768)),
  readRcvbuf: cost(calls, () => expect(stream.getOption(SO.RCVBUF) === 131072)),
  readInfo: cost(calls, () => expect(stream.info().state === state)),
});
listener.close();
