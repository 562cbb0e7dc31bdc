/** Calls that really block their thread, in processes and workers of their own; errno and perror there. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import * as P from "../../src/posix/index.ts";
import { Program } from "../cli/_cli.ts";
import { moduleUrl, runNode } from "../sys/_child.ts";
import { unix_pair } from "./_situation.ts";

const IMPORT = `import * as P from ${moduleUrl("src/posix/index.ts")};`;

/** Waits until the main thread of a process sleeps in a system call of this name or of one like it. */
async function sleepsIn(pid: number, numbers: readonly number[]): Promise<void> {
  for (;;) {
    const call = Number(readFileSync(`/proc/${pid}/syscall`, "utf8").split(" ")[0]);
    if (numbers.includes(call)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Numbers of system calls: read and recvfrom, of x86-64 and of arm64. */
const READ = process.arch === "x64" ? [0, 45] : [63, 207];

const mayLook = (() => {
  try {
    return readFileSync("/proc/self/syscall").length > 0 ? false : "/proc/self/syscall is empty here";
  } catch {
    return "/proc/PID/syscall cannot be read here";
  }
})();

test("read blocks in the kernel, without the event loop, until the bytes come", {
  skip: mayLook,
}, async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  using child = new Program(process.execPath, [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    `${IMPORT}
    let turned = false;
    setImmediate(() => { turned = true; });
    const fd = P.socket(P.AF_INET, P.SOCK_STREAM, 0);
    const addr = P.sockaddr_in({ sin_family: P.AF_INET, sin_port: P.htons(${port}) });
    P.inet_pton(P.AF_INET, "127.0.0.1", addr.sin_addr);
    if (P.connect(fd, addr) < 0) P.perror("connect");
    const buffer = new Uint8Array(16);
    const count = P.read(fd, buffer);
    console.log(count, turned);`,
  ]);
  const [socket] = await once(server, "connection");
  await sleepsIn(child.child.pid as number, READ);
  socket.end("late");
  assert.deepEqual([(await child.ended).stdout.toString(), child.stderrSoFar], ["4 false\n", ""]);
  server.close();
});

test("a worker blocks while the main thread goes on, and each has an errno of its own", async () => {
  const [ours, theirs] = unix_pair(P.SOCK_STREAM);
  P.close(-1);
  assert.equal(P.errno, P.EBADF);
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
    (async () => {
      (await import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))})).register(); // "--import tsx" does nothing here
      const P = await import(${moduleUrl("src/posix/index.ts")});
      const before = P.errno;
      const failed = P.listen(workerData, 1);
      const count = P.read(workerData, new Uint8Array(8));
      parentPort.postMessage([before, failed, P.errno, count]);
    })();`,
    { eval: true, workerData: theirs },
  );
  const answered = once(worker, "message");
  await once(worker, "online");
  assert.equal(P.write(ours, new Uint8Array(5)), 5);
  assert.deepEqual((await answered)[0], [0, -1, P.EINVAL, 5]);
  assert.equal(P.errno, P.EBADF);
  await worker.terminate();
  P.close(ours);
  P.close(theirs);
});

test("perror writes to standard error at once, and errno stays", async () => {
  const { status, stdout, stderr } = await runNode(`${IMPORT}
    P.perror("before");
    P.perror(null);
    P.socket(9999, 1, 0);
    P.perror("socket");
    P.perror("");
    P.perror("grüße");
    console.log(P.errno === P.EAFNOSUPPORT);
    process.reallyExit(3);`);
  const text = "Address family not supported by protocol\n";
  assert.deepEqual(
    [status, stdout, stderr],
    [3, "true", `before: Success\nSuccess\nsocket: ${text}${text}grüße: ${text}`],
  );
  assert.throws(() => P.perror(5 as never), TypeError);
});

test("perror waits for a standard error that is full and does not block", async () => {
  using child = new Program(process.execPath, [
    "--import",
    "tsx",
    "--input-type=module",
    "-e",
    `${IMPORT}
    P.fcntl(2, P.F_SETFL, P.fcntl(2, P.F_GETFL) | P.O_NONBLOCK);
    P.close(-1);
    for (let i = 0; i < 2000; i++) P.perror("x".repeat(1000));`,
  ]);
  const { code, stderr } = await child.ended;
  assert.equal(code, 0);
  assert.equal(stderr, `${"x".repeat(1000)}: Bad file descriptor\n`.repeat(2000));
});

test("what a program makes is inherited by its children, unless SOCK_CLOEXEC is given, as in C", async () => {
  const { stdout, stderr } = await runNode(`${IMPORT}
    import { execFileSync } from "node:child_process";
    const plain = P.socket(P.AF_INET, P.SOCK_DGRAM, 0);
    const closed = P.socket(P.AF_INET, P.SOCK_DGRAM | P.SOCK_CLOEXEC, 0);
    const there = (fd) => execFileSync("sh", ["-c", "test -e /proc/self/fd/" + fd + " && echo yes || echo no"]).toString().trim();
    console.log(there(plain), there(closed));`);
  assert.equal(stdout, "yes no", stderr);
});
