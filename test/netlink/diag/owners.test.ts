/** Which process has which socket: this one, its children, and made-up ones in a folder that looks like /proc. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { type SocketOwner, socketOwners, socketOwnersAsync } from "../../../src/netlink/diag/index.ts";
import * as C from "../../../src/sys/index.ts";
import { missing } from "../../cli/_cli.ts";
import { isolated, test } from "../../socket/_helpers.ts";
import { asNobody, Fds, inodeOf, notRoot, ss } from "./_families.ts";

const OURS = { pids: [process.pid] };
const command = readFileSync("/proc/self/comm", "utf8").slice(0, -1);

test("the sockets of this process, all of its numbers for one", () => {
  using fds = new Fds();
  const fd = fds.open(C.AF_INET, C.SOCK_STREAM);
  const copy = fds.keep(C.check(C.dup(fd), "dup"));
  const [left] = fds.pair(C.SOCK_DGRAM);
  const owners = socketOwners(OURS);
  const entry = (number: number): SocketOwner => ({ pid: process.pid, fd: number, command });
  assert.deepEqual(owners.get(inodeOf(fd)), [entry(fd), entry(copy)]);
  assert.deepEqual(owners.get(inodeOf(left)), [entry(left)]);
  assert.equal(owners.unreadable, 0);
  const everybody = socketOwners();
  assert.deepEqual(everybody.get(inodeOf(fd)), [entry(fd), entry(copy)]);
  fds.close(copy);
  fds.close(left);
  assert.equal(socketOwners(OURS).get(inodeOf(fd))?.length, 1);
  assert.equal(owners.get(inodeOf(fd))?.length, 2); // what was read stays
});

test("a socket that a child has too, under a name with brackets, quotes and a line feed", async () => {
  using fds = new Fds();
  const [ours, theirs] = fds.pair(C.SOCK_STREAM);
  const name = "a) (b\n\"'c\u001b";
  const script = `require("fs").writeFileSync("/proc/self/comm", ${JSON.stringify(name)}); console.log(); process.stdin.resume()`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["pipe", "pipe", "inherit", theirs] });
  try {
    await once(child.stdout as NodeJS.ReadableStream, "data");
    const pid = child.pid as number;
    const told = [
      { pid: process.pid, fd: theirs, command },
      { pid, fd: 3, command: name },
    ];
    assert.deepEqual(socketOwners({ pids: [process.pid, pid] }).get(inodeOf(theirs)), told);
    const all = socketOwners().get(inodeOf(theirs)) ?? [];
    assert.deepEqual(
      [...all].sort((a, b) => a.fd - b.fd),
      [...told].sort((a, b) => a.fd - b.fd),
    );
    assert.equal(socketOwners({ pids: [pid] }).get(inodeOf(ours)), undefined);
  } finally {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, "exit");
  }
});

/** A folder that looks like /proc. */
class FakeProc implements Disposable {
  readonly proc = mkdtempSync(join(tmpdir(), "proc-"));

  process(pid: number, fds: Readonly<Record<string, string>>, comm: string | Uint8Array | undefined): string {
    const folder = join(this.proc, String(pid));
    mkdirSync(join(folder, "fd"), { recursive: true });
    for (const [fd, target] of Object.entries(fds)) symlinkSync(target, join(folder, "fd", fd));
    if (comm !== undefined) writeFileSync(join(folder, "comm"), comm);
    return folder;
  }

  [Symbol.dispose](): void {
    rmSync(this.proc, { recursive: true });
  }
}

test("what is no socket, no process and no name", () => {
  using fake = new FakeProc();
  const { proc } = fake;
  const fds = {
    "0": "/dev/null",
    "1": "pipe:[7]",
    "2": "socket:[4294967295]",
    "3": "anon_inode:[eventpoll]",
    "4": "/tmp/socket:[5]",
    "5": "socket:[x]",
    "6": "socket:[]",
    "7": "socket:",
    x8: "socket:[8]",
  };
  fake.process(1, fds, "one\n");
  fake.process(2, { "0": "socket:[9]" }, Uint8Array.of(0xff, 0x0a, 0x0a)); // a name that ends with a line feed
  fake.process(3, { "0": "socket:[10]" }, undefined); // gone before its name was read
  fake.process(4, {}, "four\n");
  mkdirSync(join(proc, "5")); // gone before its folder was read
  writeFileSync(join(proc, "6"), "");
  mkdirSync(join(proc, "self", "fd"), { recursive: true });
  writeFileSync(join(proc, "version"), "Linux");
  writeFileSync(join(proc, "1", "fd", "9"), ""); // no link
  const owners = socketOwners({ proc });
  assert.deepEqual(
    [...owners].sort(([a], [b]) => Number(b - a)),
    [
      [4294967295n, [{ pid: 1, fd: 2, command: "one" }]],
      [9n, [{ pid: 2, fd: 0, command: "\ufffd\n" }]],
    ],
  );
  assert.equal(owners.unreadable, 0);
  assert.deepEqual([...socketOwners({ proc, pids: [2, 77] }).keys()], [9n]);
});

test("a process whose first thread has ended", () => {
  using fake = new FakeProc();
  const folder = fake.process(10, {}, "ten\n");
  for (const [tid, target] of [
    [10, undefined],
    [11, "socket:[5]"],
    [12, "socket:[5]"],
  ] as const) {
    mkdirSync(join(folder, "task", `${tid}`, "fd"), { recursive: true });
    if (target !== undefined) symlinkSync(target, join(folder, "task", `${tid}`, "fd", "4"));
  }
  assert.deepEqual([...socketOwners(fake)], [[5n, [{ pid: 10, fd: 4, command: "ten" }]]]);
});

isolated(import.meta.url, "how many did not let themselves be looked into", { skip: notRoot }, async () => {
  using fake = new FakeProc();
  chmodSync(fake.proc, 0o755);
  const stat = (state: string, flags: number, threads: number): string =>
    `1 (a) Z (b) ${state} 1 1 1 0 -1 ${flags} ${"0 ".repeat(10)}${threads} 0\n`;
  const closed = (pid: number, text: string): void => {
    const folder = fake.process(pid, { "0": "socket:[1]" }, "x\n");
    writeFileSync(join(folder, "stat"), text);
    chmodSync(join(folder, "fd"), 0o700);
  };
  closed(1, stat("S", 0x400100, 1));
  closed(2, stat("S", 0x200040, 1)); // a thread of the kernel
  closed(3, stat("Z", 0x400000, 1)); // has ended
  closed(4, stat("Z", 0x400000, 2)); // its first thread has ended
  fake.process(5, { "0": "socket:[2]" }, "y\n");
  assert.equal(socketOwners(fake).unreadable, 0);
  using _root = asNobody();
  const owners = socketOwners(fake);
  assert.equal(owners.unreadable, 2);
  assert.deepEqual([...owners.keys()], [2n]);
  assert.equal((await socketOwnersAsync(fake)).unreadable, 2);
  assert.ok(socketOwners().unreadable >= 1); // this process too: it has changed its user
});

test("where there is no /proc", async () => {
  const proc = join(tmpdir(), "no-such-folder");
  const error = { name: "SysError", code: "ENOENT", message: /no-such-folder.*proc\(5\)/ };
  assert.throws(() => socketOwners({ proc }), error);
  await assert.rejects(socketOwnersAsync({ proc }), error);
  for (const pid of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => socketOwners({ pids: [pid] }), RangeError);
    await assert.rejects(socketOwnersAsync({ pids: [pid] }), RangeError);
  }
});

isolated(import.meta.url, "others have their turn, and may end it", {}, async () => {
  using fds = new Fds();
  const first = fds.open(C.AF_INET, C.SOCK_DGRAM);
  for (let count = 0; count < 4000; count++) fds.keep(C.check(C.dup(first), "dup"));
  let turns = 0;
  const loop = (): void => {
    turns++;
    next = setImmediate(loop);
  };
  let next = setImmediate(loop);
  // Some thousand files do not take longer than a turn on a fast machine: so they are read ten times.
  const owners = await socketOwnersAsync({ pids: Array<number>(10).fill(process.pid) });
  clearImmediate(next);
  assert.equal(owners.get(inodeOf(first))?.length, 40_010);
  assert.ok(turns > 1, `${turns} turns`);

  const controller = new AbortController();
  const reason = new Error("enough");
  const aborted = assert.rejects(
    socketOwnersAsync({ signal: controller.signal }),
    (error) => error === reason,
  );
  setImmediate(() => controller.abort(reason));
  await aborted;
  await assert.rejects(socketOwnersAsync({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
  await assert.rejects(socketOwnersAsync({ timeoutMs: -1 }), RangeError);
});

isolated(import.meta.url, "as ss -p has it", { netns: "", skip: missing("ss") }, async () => {
  using fds = new Fds();
  const made = Array.from({ length: 20 }, () => fds.pair(C.SOCK_STREAM)[0]);
  const shared = fds.keep(C.check(C.dup(made[3] as number), "dup"));
  const owners = socketOwners();
  const lines = ss("-xap");
  for (const fd of [...made, shared]) {
    const inode = inodeOf(fd);
    const users = [...(owners.get(inode) ?? [])].reverse(); // ss has the last one first
    const text = users.map((one) => `("${one.command}",pid=${one.pid},fd=${one.fd})`).join(",");
    const line = lines.find((one) => new RegExp(`^u_str +ESTAB +0 +0 +\\* ${inode} `).test(one)) ?? "";
    // The copy is ss's own too.
    assert.equal(/users:\((.*)\)/.exec(line)?.[1]?.replace(/\("ss",pid=\d+,fd=\d+\),/g, ""), text);
  }
});

isolated(import.meta.url, "processes that come and go meanwhile", {}, async () => {
  const churn = spawn("bash", ["-c", "while :; do (exec true) & wait; done"], { stdio: "ignore" });
  const workers = Array.from({ length: 2 }, () => new Worker("setInterval(() => {}, 1000)", { eval: true }));
  try {
    for (let round = 0; round < 8; round++) {
      const owners = round % 2 === 0 ? socketOwners() : await socketOwnersAsync();
      assert.ok(
        [...owners.values()].every((all) => all.every(({ pid, command }) => pid > 0 && command !== "")),
      );
    }
  } finally {
    churn.kill();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});
