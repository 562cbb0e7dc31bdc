/** Where bytes are when the reader does not read: sends until the kernel takes no more, and looks. `send-much.ts` */
import { TcpListener, TcpStream, WOULD_BLOCK } from "windsock";

using listener = TcpListener.bind("127.0.0.1:0");
using sender = await TcpStream.connect(listener.localAddr);
using reader = await listener.accept();

/** Writes without waiting. The kernel takes what fits into its buffers, and moves it on meanwhile. */
async function sendAllThatFits(): Promise<void> {
  const bytes = new Uint8Array(64 * 1024);
  for (let full = 0; full < 3; ) {
    full = sender.tryWrite(bytes) === WOULD_BLOCK ? full + 1 : 0;
    if (full > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function look(when: string): void {
  const { queued, unsent, inFlight } = sender.buffers().send;
  const received = reader.buffers().receive.queued;
  const { tcpi_snd_wnd: window } = sender.info();
  console.log(`${when}:`);
  console.log(`  the kernel has taken    ${sender.bytesWritten} bytes`);
  console.log(`  in the send buffer      ${queued} (${unsent} unsent, ${inFlight} in flight)`);
  console.log(`  in the receive buffer   ${received}`);
  console.log(`  the program has read    ${reader.bytesRead}`);
  console.log(`  the peer's window       ${window}`);
}

await sendAllThatFits();
look("The reader does not read");
await reader.readExact(new Uint8Array(sender.bytesWritten / 2));
look("It has read half");
await sendAllThatFits();
look("And as much again was sent as there was room for");
