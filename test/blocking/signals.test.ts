/** Signals and blocking calls: their default actions act at once, their handlers later, and no call ends early of them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { TcpListener, type TcpStream } from "../../src/index.ts";
import { moduleUrl } from "../sys/_child.ts";
import { pattern, utf8 } from "./_bytes.ts";

const LIMIT_MS = 40_000;

/** A process that connects to us by a blocking socket, `link`, and then runs `code`. */
async function start(code: string): Promise<
  AsyncDisposable & {
    readonly child: ChildProcess;
    readonly link: TcpStream;
    readonly ended: Promise<unknown[]>;
  }
> {
  const listener = TcpListener.bind("127.0.0.1:0");
  const script = `
    import * as B from ${moduleUrl("src/blocking/index.ts")};
    const link = B.TcpStream.connect("127.0.0.1:${listener.localAddr.port}");
    link.writeAll(Uint8Array.of(1));
    ${code}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    cwd: new URL("../..", import.meta.url).pathname,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const ended = once(child, "exit");
  const link = await listener.accept({ timeoutMs: LIMIT_MS });
  await link.readExact(new Uint8Array(1));
  listener.close();
  return {
    child,
    link,
    ended,
    async [Symbol.asyncDispose]() {
      link.close();
      if (child.exitCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Sends a signal again and again, so that many of them meet the call while it waits. */
async function storm(child: ChildProcess, signal: NodeJS.Signals, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const [call, code] of [
  ["recv", "link.read(new Uint8Array(1));"],
  ["accept", 'B.TcpListener.bind("127.0.0.1:0").accept();'],
  ["recvfrom", 'B.UdpSocket.bind("127.0.0.1:0").recvFrom();'],
  ["send", "for (;;) link.write(new Uint8Array(65536));"],
] as const) {
  test(`SIGTERM without a handler ends a process that is blocked in ${call}`, async () => {
    await using process = await start(code);
    process.child.kill("SIGTERM");
    assert.deepEqual(await process.ended, [null, "SIGTERM"]);
  });
}

test("signals with a handler, and ignored ones, do not end a read early, and lose no byte; the handler runs later", async () => {
  await using process = await start(`
    let handled = 0;
    process.on("SIGUSR2", () => handled++);
    process.on("SIGWINCH", () => {});
    await new Promise((resolve) => setImmediate(resolve));
    link.writeAll(Uint8Array.of(2));
    const got = new Uint8Array(3000);
    link.read(got.subarray(0, 1));
    link.readExact(got.subarray(1));
    if (handled !== 0) throw new Error("a handler ran while the thread was blocked");
    while (handled === 0) await new Promise((resolve) => setImmediate(resolve));
    link.writeAll(got);
    link.writeAll(Uint8Array.of(1));
    link.close();
    process.exit(0);`);
  const { child, link, ended } = process;
  await link.readExact(new Uint8Array(1));
  const bytes = pattern(3000);
  await storm(child, "SIGUSR2", 20);
  await link.writeAll(bytes.subarray(0, 1));
  await storm(child, "SIGUSR2", 10);
  for (let at = 1; at < bytes.length; at += 500) {
    await link.writeAll(bytes.subarray(at, at + 500));
    await storm(child, "SIGWINCH", 3);
  }
  const echo = new Uint8Array(3001);
  await link.readExact(echo);
  assert.deepEqual(echo.subarray(0, 3000), bytes);
  assert.equal(echo[3000], 1, "the handler ran once the loop turned");
  assert.deepEqual(await ended, [0, null]);
});

test("signals do not shorten a timeout, of any way to wait", async () => {
  await using process = await start(`
    process.on("SIGUSR2", () => {});
    await new Promise((resolve) => setImmediate(resolve));
    const listener = B.TcpListener.bind("127.0.0.1:0");
    const socket = B.UdpSocket.bind("127.0.0.1:0");
    const byte = new Uint8Array(1);
    link.writeAll(byte);
    for (const timeoutMs of [60, 300]) {
      for (const call of [
        () => link.read(byte, { timeoutMs }),
        () => link.readable({ timeoutMs }),
        () => listener.accept({ timeoutMs }),
        () => socket.recvFrom({ timeoutMs }),
        () => socket.recvMsg({ timeoutMs }),
      ]) {
        const start = performance.now();
        try {
          call();
          throw new Error("nothing was thrown");
        } catch (error) {
          if (!(error instanceof B.TimeoutError)) throw error;
          if (performance.now() - start < timeoutMs) throw new Error(call + " ended early");
        }
      }
    }
    link.writeAll(byte);
    process.exit(0);`);
  const { child, link, ended } = process;
  await link.readExact(new Uint8Array(1));
  let done = false;
  const over = link.readExact(new Uint8Array(1)).finally(() => {
    done = true;
  });
  over.catch(() => {});
  while (!done) await storm(child, "SIGUSR2", 1);
  await over;
  assert.deepEqual(await ended, [0, null]);
});

test("a big transfer goes on under a storm of signals, both ways", async () => {
  const total = 8 * 1024 * 1024;
  await using process = await start(`
    process.on("SIGUSR2", () => {});
    await new Promise((resolve) => setImmediate(resolve));
    link.setOption(B.SO.SNDBUF, 16384);
    link.writeAll(Uint8Array.of(2));
    const got = new Uint8Array(${total});
    link.readExact(got);
    link.writeAll(got);
    link.close();
    process.exit(0);`);
  const { child, link, ended } = process;
  await link.readExact(new Uint8Array(1));
  const bytes = pattern(total, 11);
  let done = false;
  const work = (async () => {
    for (let at = 0; at < total; at += 65_536) {
      await link.writeAll(bytes.subarray(at, at + 65_536));
      if (at % (16 * 65_536) === 0) await storm(child, "SIGUSR2", 2);
    }
    const back = await link.readToEnd();
    assert.equal(Buffer.compare(back, bytes), 0);
  })().finally(() => {
    done = true;
  });
  while (!done) await storm(child, "SIGUSR2", 1);
  await work;
  assert.deepEqual(await ended, [0, null]);
});

test("a handler of SIGTERM does not run while the thread is blocked: it does when the call has come back", async () => {
  await using process = await start(`
    process.on("SIGTERM", () => process.exit(7));
    await new Promise((resolve) => setImmediate(resolve));
    link.writeAll(Uint8Array.of(2));
    const buffer = new Uint8Array(4);
    link.readExact(buffer);
    link.writeAll(buffer);
    link.close();
    setInterval(() => {}, 1000);`);
  const { child, link, ended } = process;
  await link.readExact(new Uint8Array(1));
  child.kill("SIGTERM");
  await link.writeAll(utf8("data"));
  const echo = new Uint8Array(4);
  await link.readExact(echo);
  assert.deepEqual(echo, utf8("data"));
  assert.deepEqual(await ended, [7, null]);
});
