/** Accepts TCP connections in one process and serves them in others. `pass-connection.ts [ADDRESS:PORT] [WORKERS]` */
import { spawn } from "node:child_process";
import { type OwnedFd, SysError, TcpListener, TcpStream, UnixSeqpacket } from "windsock";

/** Starts a worker, which finds its end of a socketpair as file 3. */
function hire(): UnixSeqpacket {
  const [ours, theirs] = UnixSeqpacket.pair();
  using end = theirs.intoFd(); // open until the worker has its own
  spawn(process.execPath, [...process.execArgv, import.meta.filename, "--worker"], {
    stdio: ["ignore", "inherit", "inherit", end.fd],
  });
  return ours;
}

/** Hands a connection to the worker whose turn it is. One that has ended is not asked again. */
async function pass(connection: OwnedFd, from: string, workers: UnixSeqpacket[]): Promise<void> {
  for (let worker = workers.shift(); worker !== undefined; worker = workers.shift()) {
    try {
      await worker.sendMsg(new TextEncoder().encode(from), { ancillary: { fds: [connection] } });
      workers.push(worker);
      return;
    } catch (error) {
      if (!(error instanceof SysError && ["EPIPE", "ECONNRESET"].includes(error.code))) throw error;
      worker.close();
    }
  }
  throw new Error("no worker is left");
}

async function listen(address: string, count: number): Promise<void> {
  using listener = TcpListener.bind(address);
  const workers = Array.from({ length: count }, hire);
  console.log(`listening on ${listener.localAddr}`);
  for await (const stream of listener) {
    const from = `${stream.peerAddr}`;
    using connection = stream.intoFd(); // this process's copy; the worker gets its own
    await pass(connection, from, workers);
  }
}

/** An echo that says who serves. */
async function serve(stream: TcpStream): Promise<void> {
  using _ = stream;
  await stream.writeAll(new TextEncoder().encode(`process ${process.pid}\n`));
  for await (const chunk of stream) await stream.writeAll(chunk);
}

async function work(inbox: UnixSeqpacket): Promise<void> {
  for (let message = await inbox.recvMsg(); message !== undefined; message = await inbox.recvMsg()) {
    const from = new TextDecoder().decode(message.data);
    for (const fd of message.ancillary.fds ?? []) {
      serve(TcpStream.fromFd(fd)).catch((error: Error) => console.error(`${from}: ${error.message}`));
    }
  }
}

const [first = "127.0.0.1:7777", count = "2"] = process.argv.slice(2);
if (first === "--worker") await work(UnixSeqpacket.fromFd(3));
else await listen(first, Number(count));
