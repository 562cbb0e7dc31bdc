/** The two ends of a conversation: netcats of all kinds, our command line, our library; and bytes from a seed. */
import { spawnSync } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { TcpListener, TcpStream } from "../../src/index.ts";
import { CLI, freePort, listening, missing, Program, startListen } from "../cli/_cli.ts";

const CHUNK = 256 * 1024;

/** `length` bytes from a seed, in chunks that are made when they are asked for (xorshift32, Marsaglia 2003). */
export function* bytesFrom(seed: number, length: number): Generator<Uint8Array> {
  let x = (seed * 0x9e3779b1) >>> 0 || 1;
  for (let left = length; left > 0; ) {
    // A new array each time: who got the last one may still hold on to it.
    const words = new Uint32Array(CHUNK / 4);
    for (let i = 0; i < words.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[i] = x;
    }
    const chunk = new Uint8Array(words.buffer, 0, Math.min(CHUNK, left));
    yield chunk;
    left -= chunk.length;
  }
}

/** One side of a connection. */
export interface End extends Disposable {
  write(chunk: Uint8Array): Promise<void>;
  /** No more from this side. */
  finish(): void;
  /** What the other side sends, to its end. */
  read(): AsyncIterable<Uint8Array>;
  /** After both sides have finished: throws where this one did not end well. */
  ended(): Promise<void>;
}

/** A program that carries its standard input to the peer, and the peer to its standard output. */
export function programEnd(program: Program): End {
  return {
    async write(chunk) {
      if (!program.stdin.write(chunk)) await once(program.stdin, "drain");
    },
    finish() {
      program.stdin.end();
    },
    read: () => program.stdout,
    async ended() {
      const { code, signal, stderr } = await program.ended;
      if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${stderr}`);
    },
    [Symbol.dispose]: () => program[Symbol.dispose](),
  };
}

function streamEnd(stream: TcpStream): End {
  return {
    write: (chunk) => stream.writeAll(chunk),
    finish: () => stream.shutdown("write"),
    async *read() {
      // The view is looked at before the next read.
      const buffer = new Uint8Array(CHUNK);
      for (let count = await stream.read(buffer); count > 0; count = await stream.read(buffer))
        yield buffer.subarray(0, count);
    },
    async ended() {
      stream.close();
    },
    [Symbol.dispose]: () => stream.close(),
  };
}

/** Who can play one end: by listening, which gives the port and later the end; and by connecting. */
export interface Player {
  readonly name: string;
  readonly skip: string | false;
  /** Whether its listening side still sends after the other side has ended its own: nc's stops. */
  readonly sendsAfterEnd: boolean;
  listen(host: string): Promise<{ readonly port: number; readonly end: Promise<End> }>;
  connect(host: string, port: number): Promise<End>;
}

const LIMIT_MS = 120_000;
const run = (command: readonly string[]): Program =>
  new Program(command[0] as string, command.slice(1), { input: "open", ownStdout: true, limitMs: LIMIT_MS });

type Words = (host: string, port: number) => readonly string[];

function netcat(
  name: string,
  skip: string | false,
  words: { readonly listen: Words; readonly connect: Words; readonly sendsAfterEnd?: boolean },
): Player {
  return {
    name,
    skip,
    sendsAfterEnd: words.sendsAfterEnd ?? true,
    async listen(host) {
      const port = await freePort();
      const program = run(words.listen(host, port));
      await listening(port, program);
      return { port, end: Promise.resolve(programEnd(program)) };
    },
    async connect(host, port) {
      return programEnd(run(words.connect(host, port)));
    },
  };
}

const PYTHON = `
import socket, sys, threading
mode, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if mode == "listen":
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    peer, _ = listener.accept()
    listener.close()
else:
    peer = socket.create_connection((host, port))
def send():
    while chunk := sys.stdin.buffer.read1(262144): peer.sendall(chunk)
    peer.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
while chunk := peer.recv(262144): sys.stdout.buffer.write(chunk); sys.stdout.buffer.flush()
sys.stdout.buffer.close()
sender.join()
`;

const NODE = `
const net = require("node:net");
const [mode, host, port] = process.argv.slice(1);
const talk = (peer) => { process.stdin.pipe(peer); peer.pipe(process.stdout); };
if (mode === "listen") {
  const server = net.createServer({ allowHalfOpen: true }, (peer) => { server.close(); talk(peer); });
  server.listen(Number(port), host);
} else {
  const peer = net.connect({ host, port: Number(port), allowHalfOpen: true }, () => talk(peer));
}
`;

const inBrackets = (host: string): string => (host.includes(":") ? `[${host}]` : host);
const tcp = (host: string): string => (host.includes(":") ? "TCP6" : "TCP4");

export const PEERS: readonly Player[] = [
  netcat("nc", missing("nc") || notOpenBsd(), {
    listen: (host, port) => ["nc", "-N", "-l", host, String(port)],
    connect: (host, port) => ["nc", "-N", host, String(port)],
    sendsAfterEnd: false,
  }),
  netcat("ncat", missing("ncat"), {
    listen: (host, port) => ["ncat", "-l", host, String(port)],
    connect: (host, port) => ["ncat", host, String(port)],
    sendsAfterEnd: false,
  }),
  netcat("socat", missing("socat"), {
    // -t: how long one direction may go on after the other has ended
    listen: (host, port) => [
      "socat",
      "-t",
      "600",
      "-",
      `${tcp(host)}-LISTEN:${port},bind=${inBrackets(host)},reuseaddr`,
    ],
    connect: (host, port) => ["socat", "-t", "600", "-", `${tcp(host)}:${inBrackets(host)}:${port}`],
  }),
  netcat("Python's socket", missing("python3"), {
    listen: (host, port) => ["python3", "-c", PYTHON, "listen", host, String(port)],
    connect: (host, port) => ["python3", "-c", PYTHON, "connect", host, String(port)],
  }),
  netcat("node:net", false, {
    listen: (host, port) => [process.execPath, "-e", NODE, "listen", host, String(port)],
    connect: (host, port) => [process.execPath, "-e", NODE, "connect", host, String(port)],
  }),
];

/** The netcats differ in their options; this one says what it is. */
function notOpenBsd(): string | false {
  const { stdout, stderr } = spawnSync("nc", ["-h"], { encoding: "utf8" });
  return /OpenBSD netcat/.test(stdout + stderr) ? false : "nc is not OpenBSD's netcat here";
}

export const COMMAND_LINE: Player = {
  name: "the command line",
  skip: false,
  sendsAfterEnd: true,
  async listen(host) {
    const program = await startListen([host, "0"], { input: "open", ownStdout: true, limitMs: LIMIT_MS });
    return { port: program.port, end: Promise.resolve(programEnd(program)) };
  },
  async connect(host, port) {
    return programEnd(run([process.execPath, CLI, "connect", host, String(port)]));
  },
};

export const LIBRARY: Player = {
  name: "the library",
  skip: false,
  sendsAfterEnd: true,
  async listen(host) {
    const listener = TcpListener.bind(`${inBrackets(host)}:0`);
    const end = listener.accept().then((stream) => {
      listener.close();
      return streamEnd(stream);
    });
    end.catch(() => {});
    return { port: listener.localAddr.port, end };
  },
  async connect(host, port) {
    return streamEnd(await TcpStream.connect({ host, port }));
  },
};

/** What passed in one direction, as the sender made it and as the receiver got it. */
export interface Passed {
  readonly sent: { readonly bytes: number; readonly sha256: string };
  readonly received: { readonly bytes: number; readonly sha256: string };
}

const digest = (hash: Hash, bytes: number): { bytes: number; sha256: string } => ({
  bytes,
  sha256: hash.digest("hex"),
});

async function send(end: End, seed: number, length: number): Promise<Passed["sent"]> {
  const hash = createHash("sha256");
  for (const chunk of bytesFrom(seed, length)) {
    hash.update(chunk);
    await end.write(chunk);
  }
  return digest(hash, length);
}

/**
 * Tells `onAll` when `length` bytes have come, or no more will; and reads on to the end. Several netcats hold their
 * standard output open until they end, so that it does not show when the peer's side has ended.
 */
async function receive(end: End, length: number, onAll: () => void): Promise<Passed["received"]> {
  const hash = createHash("sha256");
  let bytes = 0;
  if (length === 0) onAll();
  try {
    for await (const chunk of end.read()) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes >= length) onAll();
    }
  } finally {
    onAll();
  }
  return digest(hash, bytes);
}

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * Sends `forth` bytes from who connects to who listens and `back` bytes the other way, at once, to the end of both
 * sides. Who connects ends its side as soon as it has sent; who listens does so when it has also received all.
 */
export async function converse(
  listener: Player,
  connector: Player,
  sizes: { readonly forth: number; readonly back: number; readonly host?: string },
): Promise<{ forth: Passed; back: Passed }> {
  const { forth, back, host = "127.0.0.1" } = sizes;
  const door = await listener.listen(host);
  using from = await connector.connect(host, door.port);
  using to = await door.end;
  const [cameForth, cameBack] = [gate(), gate()];
  const [sentForth, sentBack, receivedForth, receivedBack] = await Promise.all([
    send(from, 1, forth).then(async (sent) => {
      if (!listener.sendsAfterEnd) await cameBack.opened;
      from.finish();
      return sent;
    }),
    send(to, 2, back).then(async (sent) => {
      await cameForth.opened;
      to.finish();
      return sent;
    }),
    receive(to, forth, cameForth.open),
    receive(from, back, cameBack.open),
  ]);
  await Promise.all([from.ended(), to.ended()]);
  return {
    forth: { sent: sentForth, received: receivedForth },
    back: { sent: sentBack, received: receivedBack },
  };
}
