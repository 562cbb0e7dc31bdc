/** `windsock connect`: the chapter's simple client, and netcat where no message is given. */
import type { Command } from "commander";
import { type ResolveOptions, type Resolver, systemResolver } from "../names/index.ts";
import { type ConnectAttempt, TcpStream } from "../socket/index.ts";
import { argumentBytes } from "./_arguments.ts";
import { EXIT, familyOf, note, parseSeconds, print, run } from "./_command.ts";
import { pump } from "./_pump.ts";
import { type Lookup, timeline } from "./_timeline.ts";

const CHUNK = 64 * 1024;

interface Options {
  readonly all?: true;
  readonly explain?: true;
  readonly ipv4?: true;
  readonly ipv6?: true;
  readonly wait?: number;
}

const EXAMPLES = `
With MESSAGE: sends all of it, prints the first answer, and ends.
Without: standard input to the peer and the peer to standard output, as nc does; the end of the input half-closes the
connection, and it ends when the peer has closed its side and the input is sent.

Examples:
  windsock connect localhost 2000 hello         say hello to "nc -l 2000", print what it answers
  windsock connect --explain example.org http   show every address that is tried, on a time line
  printf 'GET / HTTP/1.0\\r\\n\\r\\n' | windsock connect example.org 80
  windsock connect -w 5 fe80::1%eth0 22         give up after 5 seconds of silence`;

export function addConnect(program: Command): void {
  program
    .command("connect")
    .description("connect to a TCP service by name or address, and talk to it")
    .argument("<host>", "a name, or an address, with a zone as in fe80::1%eth0")
    .argument("<service>", "a port, or a service such as http")
    .argument("[message]", "what to send; without it, standard input")
    .option("-4, --ipv4", "IPv4 only")
    .option("-6, --ipv6", "IPv6 only")
    .option("-a, --all", "with MESSAGE: half-close after it, and print until the peer closes")
    .option("-w, --wait <seconds>", "give up where connecting takes, or silence lasts, longer", parseSeconds)
    .option("--explain", "print every attempt on a time line, to standard error")
    .addHelpText("after", EXAMPLES)
    .action((host: string, service: string, message: string | undefined, options: Options) =>
      run("connect", () => connect(host, service, message, options)),
    );
}

async function connect(
  host: string,
  service: string,
  message: string | undefined,
  options: Options,
): Promise<number> {
  using stream = await open(host, service, options);
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

/** Connects; with --explain the time line is printed whatever came of it. */
async function open(host: string, service: string, options: Options): Promise<TcpStream> {
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
