/** `windsock listen`: waits for connections or datagrams, as `nc -l` does, or echoes what they send. */
import type { Command } from "commander";
import { SocketAddr } from "../ip/index.ts";
import { resolve } from "../names/index.ts";
import { SysError, TcpListener, UdpSocket, UnixDatagram, UnixListener } from "../socket/index.ts";
import { EXIT, familyOf, note, parseSeconds, run, UsageError } from "./_command.ts";
import { type DatagramPeer, show, talk } from "./_datagrams.ts";
import { pump, type StreamPeer } from "./_pump.ts";

interface Options {
  readonly echo?: true;
  readonly keep?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly udp?: true;
  readonly unix?: true;
  readonly wait?: number;
}

const EXAMPLES = `
Takes one connection: standard input to the peer, the peer to standard output. What happens is told on standard error.
With -u it talks to whoever sends the first datagram; with -u -k it prints what anybody sends.

Examples:
  windsock listen 2000                 every address of this host, IPv4 and IPv6, port 2000
  windsock listen localhost 2000       this host only
  windsock listen -k --echo ::1 7777   an echo server for any number of peers at once, until Ctrl-C
  windsock listen 2000 < letter.txt    hands out a file to the first who connects
  windsock listen 0                    the kernel chooses the port, and the first line says which
  windsock listen -u -k --echo 7777    a UDP echo server
  windsock listen -U /tmp/app.sock     a local stream; @name is an abstract address`;

export function addListen(program: Command): void {
  program
    .command("listen")
    .description("wait for connections or datagrams, and talk to who comes")
    .usage("[options] [host] <port>\n       windsock listen [options] -U <path>")
    .argument(
      "<host>",
      "the address or name to listen on; without it, every address of this host; with -U a path, or @name",
    )
    .argument("[port]", "a port, or a service such as echo; 0 lets the kernel choose")
    .option("-u, --udp", "datagrams: UDP, or with -U a local datagram socket")
    .option("-U, --unix", "a local (Unix) socket; a file of that name that nobody listens on is replaced")
    .option("-k, --keep", "keep accepting when a connection has ended")
    .option("--echo", "answer with what came, instead of standard input and output")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-w, --wait <seconds>", "end a connection that is silent for longer", parseSeconds)
    .addHelpText("after", EXAMPLES)
    .action((first: string, second: string | undefined, options: Options) => {
      return run("listen", () => listen(first, second, options));
    });
}

async function listen(first: string, second: string | undefined, options: Options): Promise<number> {
  if (options.unix && second !== undefined) throw new UsageError("expected only a path with -U");
  if (options.unix && (options.ipv4 || options.ipv6)) {
    throw new UsageError("-U does not go with -4 or -6: a local socket has one address");
  }
  if (options.udp) return listenForDatagrams(first, second, options);
  const listener = options.unix
    ? UnixListener.bind(first, { unlinkStale: true, onPause })
    : await openTcp(first, second, options);
  using _ = listener;
  note(`listening on ${listener.localAddr}`);
  for await (const peer of listener) {
    const talking = serve(peer, options);
    if (!options.keep) {
      listener.close();
      await talking;
      return EXIT.done;
    }
    // One connection's end is not the server's.
    const told = talking.catch((error: Error) => note(`windsock listen: ${peer.peerAddr}: ${error.message}`));
    if (!options.echo) await told; // standard input and output serve one peer at a time
  }
  return EXIT.done;
}

const onPause = (error: SysError): void =>
  note(`windsock listen: ${error.message}; accepting goes on when it can`);

/** The address to bind to; a port alone, or with -4 or -6 a wildcard, where no host is given. */
async function bindAddress(
  first: string,
  second: string | undefined,
  options: Options,
): Promise<SocketAddr | number> {
  const [host, port] = second === undefined ? [undefined, first] : [first, second];
  const type = options.udp ? "datagram" : "stream";
  const family = familyOf(options);
  const colon = host === undefined ? port.lastIndexOf(":") : -1;
  if (colon >= 0)
    throw new UsageError(
      `expected a host and a port apart: ${port.slice(0, colon)} ${port.slice(colon + 1)}`,
    );
  if (host === undefined) {
    const [any] = await resolve("::", port, { type });
    const number = (any as SocketAddr).port;
    if (family === undefined) return number;
    return SocketAddr.of(family === "ipv4" ? "0.0.0.0" : "::", number);
  }
  const addresses = await resolve(host, port, { family, type });
  return addresses[0] as SocketAddr;
}

async function openTcp(first: string, second: string | undefined, options: Options): Promise<TcpListener> {
  const address = await bindAddress(first, second, options);
  return TcpListener.bind(address, { ipv6Only: options.ipv6 === true, onPause });
}

/** With -k from anybody; else from whoever comes first, and then to and from that one. */
async function listenForDatagrams(
  first: string,
  second: string | undefined,
  options: Options,
): Promise<number> {
  const socket = options.unix
    ? UnixDatagram.bind(first, { unlinkStale: true })
    : UdpSocket.bind(await bindAddress(first, second, options), { ipv6Only: options.ipv6 === true });
  using _ = socket;
  note(`listening on ${socket.localAddr}`);
  const wait = options.wait === undefined ? undefined : { timeoutMs: options.wait };
  if (options.keep) {
    for (;;) await serveDatagram(socket, options, wait);
  }
  if (options.echo) {
    await serveDatagram(socket, options, wait);
    return EXIT.done;
  }
  const opening = await socket.recvFrom(wait);
  note(`datagrams from ${opening.peer}`);
  if (opening.peer.toString() !== "(unnamed)") socket.connect(opening.peer as never);
  await talk(socket, options.wait, opening);
  return EXIT.done;
}

/** One datagram: shown, or sent back. */
async function serveDatagram(
  socket: DatagramPeer,
  options: Options,
  wait: { timeoutMs: number } | undefined,
): Promise<void> {
  const { data, peer } = await socket.recvFrom(wait);
  if (!options.echo) return show(data);
  try {
    await socket.sendTo(data, peer as never);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    note(`windsock listen: ${error.message}`); // one peer's error is not the server's end
  }
}

async function serve(peer: StreamPeer, options: Options): Promise<void> {
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

async function echo(peer: StreamPeer, timeoutMs: number | undefined): Promise<void> {
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
