/** `windsock listen`: waits for connections, as `nc -l` does, or echoes what they send. */
import type { Command } from "commander";
import { SocketAddr } from "../ip/index.ts";
import { resolve } from "../names/index.ts";
import { SysError, TcpListener, type TcpStream } from "../socket/index.ts";
import { EXIT, familyOf, note, parseSeconds, run, UsageError } from "./_command.ts";
import { pump } from "./_pump.ts";

interface Options {
  readonly echo?: true;
  readonly keep?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly wait?: number;
}

const EXAMPLES = `
Takes one connection: standard input to the peer, the peer to standard output. What happens is told on standard error.

Examples:
  windsock listen 2000                 every address of this host, IPv4 and IPv6, port 2000
  windsock listen localhost 2000       this host only
  windsock listen -k --echo ::1 7777   an echo server for any number of peers at once, until Ctrl-C
  windsock listen 2000 < letter.txt    hands out a file to the first who connects
  windsock listen 0                    the kernel chooses the port, and the first line says which`;

export function addListen(program: Command): void {
  program
    .command("listen")
    .description("wait for TCP connections on a port, and talk to who comes")
    .usage("[options] [host] <port>")
    .argument("<host>", "the address or name to listen on; without it, every address of this host")
    .argument("[port]", "a port, or a service such as echo; 0 lets the kernel choose")
    .option("-k, --keep", "keep accepting when a connection has ended")
    .option("--echo", "answer with what came, instead of standard input and output")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-w, --wait <seconds>", "end a connection that is silent for longer", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action((first: string, second: string | undefined, options: Options) => {
      const [host, port] = second === undefined ? [undefined, first] : [first, second];
      return run("listen", () => listen(host, port, options));
    });
}

async function listen(host: string | undefined, port: string, options: Options): Promise<number> {
  using listener = await open(host, port, options);
  note(`listening on ${listener.localAddr}`);
  for await (const peer of listener) {
    const talk = serve(peer, options);
    if (!options.keep) {
      listener.close();
      await talk;
      return EXIT.done;
    }
    // One connection's end is not the server's.
    const told = talk.catch((error: Error) => note(`windsock listen: ${peer.peerAddr}: ${error.message}`));
    if (!options.echo) await told; // standard input and output serve one peer at a time
  }
  return EXIT.done;
}

async function open(host: string | undefined, port: string, options: Options): Promise<TcpListener> {
  const onPause = (error: SysError): void =>
    note(`windsock listen: ${error.message}; accepting goes on when it can`);
  const family = familyOf(options);
  const colon = host === undefined ? port.lastIndexOf(":") : -1;
  if (colon >= 0)
    throw new UsageError(
      `expected a host and a port apart: ${port.slice(0, colon)} ${port.slice(colon + 1)}`,
    );
  if (host === undefined) {
    const [any] = await resolve("::", port);
    const number = (any as SocketAddr).port;
    if (family === undefined) return TcpListener.bind(number, { onPause });
    return TcpListener.bind(SocketAddr.of(family === "ipv4" ? "0.0.0.0" : "::", number), {
      ipv6Only: true,
      onPause,
    });
  }
  const addresses = await resolve(host, port, { family });
  return TcpListener.bind(addresses[0] as SocketAddr, { ipv6Only: family === "ipv6", onPause });
}

async function serve(peer: TcpStream, options: Options): Promise<void> {
  const from = peer.peerAddr;
  note(`connection from ${from}`);
  try {
    if (options.echo) await echo(peer, options.wait);
    else await pump(peer, { idleMs: options.wait, endWithPeer: true });
  } finally {
    note(`connection from ${from} ended: ${peer.bytesRead} bytes received, ${peer.bytesWritten} sent`);
    peer.close();
  }
}

async function echo(peer: TcpStream, timeoutMs: number | undefined): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  const wait = timeoutMs === undefined ? undefined : { timeoutMs };
  try {
    for (let count = await peer.read(buffer, wait); count > 0; count = await peer.read(buffer, wait)) {
      await peer.writeAll(buffer.subarray(0, count), wait);
    }
  } catch (error) {
    if (!(error instanceof SysError && (error.code === "EPIPE" || error.code === "ECONNRESET"))) throw error;
    note(`connection from ${peer.peerAddr}: ${error.message}`);
  }
}
