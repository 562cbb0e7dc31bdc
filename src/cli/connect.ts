/** `windsock connect`: the chapter's simple client, over TCP, UDP or a local socket, and netcat where no message is given. */
import type { Command } from "commander";
import { type ResolveOptions, type Resolver, systemResolver } from "../names/index.ts";
import { type ConnectAttempt, TcpStream, UdpSocket, UnixDatagram, UnixStream } from "../socket/index.ts";
import { argumentBytes } from "./_arguments.ts";
import { EXIT, familyOf, note, parseSeconds, print, run, UsageError } from "./_command.ts";
import { type DatagramPeer, talk } from "./_datagrams.ts";
import { pump, type StreamPeer } from "./_pump.ts";
import { type Lookup, timeline } from "./_timeline.ts";

const CHUNK = 64 * 1024;

interface Options {
  readonly all?: true;
  readonly explain?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly udp?: true;
  readonly unix?: true;
  readonly wait?: number;
}

/** Where to connect to. */
interface Endpoint {
  readonly host: string;
  /** Undefined for a local socket. */
  readonly service: string | undefined;
}

const EXAMPLES = `
With MESSAGE: sends all of it, prints the first answer, and ends.
Without: standard input to the peer and the peer to standard output, as nc does; the end of the input half-closes the
connection, and it ends when the peer has closed its side and the input is sent.
With -u every piece of the input is a datagram, and it ends when the input has ended and a second, or -w, was silent.

Examples:
  windsock connect localhost 2000 hello         say hello to "nc -l 2000", print what it answers
  windsock connect --explain example.org http   show every address that is tried, on a time line
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | windsock connect example.org 80
  windsock connect -w 5 fe80::1%eth0 22         give up after 5 seconds of silence
  windsock connect -u -w 2 localhost 2000 hello a datagram, and the first one that comes back
  windsock connect -U /run/app.sock             a local stream; @name is an abstract address
  windsock connect -U -u /run/app.sock hello    a local datagram`;

export function addConnect(program: Command): void {
  program
    .command("connect")
    .description("connect to a service by name or address, or to a local socket, and talk to it")
    .usage("[options] <host> <service> [message]\n       windsock connect [options] -U <path> [message]")
    .argument("<host>", "a name, or an address, with a zone as in fe80::1%eth0; with -U a path, or @name")
    .argument("[service]", "a port, or a service such as http; not with -U")
    .argument("[message]", "what to send; without it, standard input")
    .option("-u, --udp", "datagrams: UDP, or with -U a local datagram socket")
    .option("-U, --unix", "a local (Unix) socket")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-a, --all", "with MESSAGE: half-close after it, and print until the peer closes")
    .option("-w, --wait <seconds>", "give up where connecting takes, or silence lasts, longer", parseSeconds)
    .option("--explain", "print every attempt on a time line, to standard error")
    .addHelpText("after", EXAMPLES)
    .action((host: string, service: string | undefined, message: string | undefined, options: Options) =>
      run("connect", () => connect(host, service, message, options)),
    );
}

async function connect(
  host: string,
  second: string | undefined,
  third: string | undefined,
  options: Options,
): Promise<number> {
  const [service, message] = options.unix ? [undefined, second] : [second, third];
  const endpoint = { host, service };
  check(endpoint, options, third);
  if (options.udp) return exchange(endpoint, message, options);
  using stream = await open(endpoint, options);
  if (message === undefined) {
    await pump(stream, { idleMs: options.wait, endWithPeer: false });
    return EXIT.done;
  }
  await stream.writeAll(argumentBytes(message), { timeoutMs: options.wait });
  if (options.all) stream.shutdown("write");
  const buffer = new Uint8Array(CHUNK);
  let last = 0x0a;
  for (;;) {
    const count = await stream.read(buffer, { timeoutMs: options.wait });
    if (count === 0) {
      if (stream.bytesRead === 0) note("windsock connect: the peer closed its side without an answer");
      break;
    }
    await print(buffer.slice(0, count));
    last = buffer[count - 1] as number;
    if (!options.all) break;
  }
  if (process.stdout.isTTY && last !== 0x0a) await print("\n"); // or the prompt would stand behind the answer
  return EXIT.done;
}

function check({ service }: Endpoint, options: Options, third: string | undefined): void {
  if (!options.unix) {
    if (service === undefined) throw new UsageError("expected a host and a service, as in: localhost 2000");
  } else if (third !== undefined) {
    throw new UsageError("expected a path and at most a message with -U");
  } else if (options.explain || options.ipv4 || options.ipv6) {
    throw new UsageError("-U does not go with -4, -6 or --explain: a local socket has one address");
  }
  if (options.udp && (options.all || options.explain)) {
    throw new UsageError("-u does not go with --all or --explain: datagrams have no connection");
  }
}

/** A message and the first datagram that comes back, or standard input. */
async function exchange(
  { host, service }: Endpoint,
  message: string | undefined,
  options: Options,
): Promise<number> {
  let socket: DatagramPeer;
  if (service === undefined) {
    socket = UnixDatagram.bind(); // an address that the kernel chooses, so that the peer can answer
    socket.connect(host);
  } else {
    const target = { host, port: service };
    socket = await UdpSocket.connect(target, { family: familyOf(options), timeoutMs: options.wait });
  }
  using _ = socket;
  if (message === undefined) {
    await talk(socket, options.wait);
    return EXIT.done;
  }
  await socket.send(argumentBytes(message), { timeoutMs: options.wait });
  const { data } = await socket.recv({ timeoutMs: options.wait });
  await print(data);
  if (process.stdout.isTTY && data.at(-1) !== 0x0a) await print("\n");
  return EXIT.done;
}

async function open({ host, service }: Endpoint, options: Options): Promise<StreamPeer> {
  if (service === undefined) return UnixStream.connect(host, { timeoutMs: options.wait });
  return openTcp(host, service, options);
}

/** Connects; with --explain the time line is printed whatever came of it. */
async function openTcp(host: string, service: string, options: Options): Promise<TcpStream> {
  const attempts: ConnectAttempt[] = [];
  const startedAt = performance.now();
  let lookup: Lookup | undefined;
  const resolver: Resolver = {
    async resolve(name: string, port: string | number, resolveOptions?: ResolveOptions) {
      const startMs = performance.now() - startedAt;
      let outcome = "cancelled";
      try {
        const addresses = await systemResolver.resolve(name, port, resolveOptions);
        outcome = addresses.map((address) => address.ip).join(", ");
        return addresses;
      } catch (error) {
        outcome = (error as { code?: string }).code ?? outcome;
        throw error;
      } finally {
        lookup = { startMs, endMs: performance.now() - startedAt, outcome };
      }
    },
  };
  try {
    return await TcpStream.connect(
      { host, port: service },
      {
        family: familyOf(options),
        timeoutMs: options.wait,
        resolver,
        onAttempt: (attempt) => {
          attempts[attempt.index] = attempt;
        },
      },
    );
  } finally {
    if (options.explain) for (const line of timeline(host, lookup, attempts)) note(line);
  }
}
