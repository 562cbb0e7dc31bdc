/** sendFile, spliceTo and writeZeroCopy: bytes that do not come through the program, whole and in order. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SO, SysError, type TcpStream, TimeoutError } from "../../src/index.ts";
import { pair } from "./_helpers.ts";

const MIB = 1 << 20;
const folder = mkdtempSync(join(tmpdir(), "windsock-transfer-"));
after(() => rmSync(folder, { recursive: true }));
const content = randomBytes(24 * MIB);
const path = join(folder, "file");
writeFileSync(path, content);

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A pair with small buffers, so that nearly nothing fits into the kernel. */
const narrow = (): ReturnType<typeof pair> =>
  pair({ listen: { options: [SO.RCVBUF.to(4096)] }, connect: { options: [SO.SNDBUF.to(4096)] } });

/** Writes until the kernel takes no more. @returns how many bytes that were */
function fill(stream: TcpStream, bytes: Uint8Array): number {
  let sent = 0;
  for (;;) {
    const count = stream.tryWrite(bytes.subarray(sent));
    if (typeof count === "symbol") return sent;
    sent += count;
    assert.ok(sent < bytes.length, "the buffers are full before the bytes end");
  }
}

test("sendFile sends a whole file, whose position stays as it is", async () => {
  using both = await pair();
  await using file = await open(path);
  const received = both.server.readToEnd();
  const count = await both.client.sendFile(file);
  both.client.shutdown("write");
  assert.equal(count, content.length);
  assert.equal(both.client.bytesWritten, content.length);
  assert.equal(sha(await received), sha(content));
  const first = new Uint8Array(16);
  await file.read(first, 0, 16); // at the file's own position
  assert.deepEqual(first, new Uint8Array(content.subarray(0, 16)));
});

for (const [name, options, expected] of [
  ["an offset", { offset: 20 * MIB }, [20 * MIB, 24 * MIB]],
  ["an offset and a length", { offset: 3, length: 100_001 }, [3, 100_004]],
  ["a length beyond the end", { offset: 24 * MIB - 5, length: 100 }, [24 * MIB - 5, 24 * MIB]],
  ["an offset beyond the end", { offset: 25 * MIB }, [0, 0]],
  ["no length", { length: 0 }, [0, 0]],
] as const) {
  test(`sendFile with ${name}`, async () => {
    using both = await pair();
    const fd = openSync(path, "r");
    const received = both.server.readToEnd();
    const [from, to] = expected;
    assert.equal(await both.client.sendFile(fd, options), to - from);
    both.client.shutdown("write");
    assert.equal(sha(await received), sha(content.subarray(from, to)));
    closeSync(fd);
  });
}

test("sendFile waits for the peer, and a timeout tells by bytesWritten how far it came", async () => {
  using both = await narrow();
  await using file = await open(path);
  await assert.rejects(both.client.sendFile(file, { timeoutMs: 20 }), TimeoutError);
  const sent = both.client.bytesWritten;
  assert.ok(sent > 0 && sent < content.length, String(sent));
  const received = both.server.readToEnd();
  await both.client.sendFile(file, { offset: sent });
  both.client.shutdown("write");
  assert.equal(sha(await received), sha(content));
});

test("sendFile: what is no regular file, not open, or no file at all is a clear error", async () => {
  using both = await pair();
  using other = await pair();
  await assert.rejects(both.client.sendFile(openSync("/dev/ptmx", "r+")), SysError);
  await assert.rejects(both.client.sendFile(2 ** 30), { code: "EBADF" });
  const writeOnly = openSync(join(folder, "other"), "w");
  await assert.rejects(both.client.sendFile(writeOnly), { code: "EBADF", message: /not open for reading/ });
  closeSync(writeOnly);
  for (const wrong of [undefined, null, "file", -1, 1.5, Number.NaN, {}]) {
    await assert.rejects(both.client.sendFile(wrong as never), TypeError);
  }
  for (const wrong of [-1, 1.5, Number.NaN]) {
    await assert.rejects(both.client.sendFile(0, { offset: wrong }), RangeError);
    await assert.rejects(both.client.sendFile(0, { length: wrong }), RangeError);
  }
  await assert.rejects(both.client.sendFile(0, { length: "1" as never }), TypeError);
  both.client.close();
  const fd = openSync(path, "r");
  await assert.rejects(both.client.sendFile(fd), { code: "EBADF", message: /closed/ });
  other.server.close();
  await assert.rejects(async () => {
    for (;;) await other.client.sendFile(fd);
  }, /EPIPE|ECONNRESET/);
  assert.equal(readSync(fd, new Uint8Array(1), 0, 1, 0), 1, "the file is still open");
  closeSync(fd);
});

test("spliceTo moves a stream to its end, and leaves the other one's writing half open", async () => {
  using a = await pair();
  using b = await pair();
  const sending = a.client.writeAll(content).then(() => a.client.shutdown("write"));
  const received = b.server.readToEnd();
  const count = await a.server.spliceTo(b.client);
  await sending;
  assert.equal(count, content.length);
  assert.equal(a.server.bytesRead, content.length);
  assert.equal(b.client.bytesWritten, content.length);
  await b.client.writeAll(Uint8Array.of(1, 2, 3));
  b.client.shutdown("write");
  assert.equal(sha(await received), sha(Buffer.concat([content, Uint8Array.of(1, 2, 3)])));
});

test("spliceTo with a length leaves the rest to be read", async () => {
  using a = await pair();
  using b = await pair();
  await a.client.writeAll(content.subarray(0, 1000));
  assert.equal(await a.server.spliceTo(b.client, { length: 600 }), 600);
  assert.equal(await a.server.spliceTo(b.client, { length: 0 }), 0);
  const rest = new Uint8Array(400);
  await a.server.readExact(rest);
  assert.deepEqual(rest, new Uint8Array(content.subarray(600, 1000)));
  const moved = new Uint8Array(600);
  await b.server.readExact(moved);
  assert.deepEqual(moved, new Uint8Array(content.subarray(0, 600)));
});

test("a spliceTo that is cancelled gives back what had not arrived: no byte is lost", async () => {
  using a = await pair();
  using b = await narrow();
  const received: Uint8Array[] = [];
  const filled = fill(b.client, content);
  const sending = a.client.writeAll(content.subarray(filled)).then(() => a.client.shutdown("write"));
  await assert.rejects(a.server.spliceTo(b.client, { timeoutMs: 30 }), TimeoutError);
  await assert.rejects(a.server.spliceTo(b.client, { timeoutMs: 1 }), TimeoutError);
  const reading = (async () => {
    for await (const chunk of b.server) received.push(chunk);
  })();
  await a.server.spliceTo(b.client);
  b.client.shutdown("write");
  await Promise.all([reading, sending]);
  assert.equal(sha(Buffer.concat(received)), sha(content));
  assert.equal(a.server.bytesRead, content.length - filled);
});

test("a spliceTo to a peer that has gone gives back what it had taken", async () => {
  using a = await pair();
  using b = await pair();
  b.server.close();
  await a.client.writeAll(content.subarray(0, 500_000));
  a.client.shutdown("write");
  await assert.rejects(async () => {
    for (;;) if ((await a.server.spliceTo(b.client, { length: 10_000 })) === 0) break;
  }, /EPIPE|ECONNRESET/);
  const rest = await a.server.readToEnd();
  const gone = 500_000 - rest.length;
  assert.ok(gone <= 20_000, `${gone} bytes went to the socket that was reset`);
  assert.equal(sha(rest), sha(content.subarray(gone, 500_000)));
});

test("spliceTo: bytes that a cancelled readExact gave back go first", async () => {
  using a = await pair();
  using b = await pair();
  await a.client.writeAll(content.subarray(0, 10));
  await assert.rejects(a.server.readExact(new Uint8Array(20), { timeoutMs: 5 }), TimeoutError);
  await a.client.writeAll(content.subarray(10, 30));
  assert.equal(await a.server.spliceTo(b.client, { length: 30 }), 30);
  const moved = new Uint8Array(30);
  await b.server.readExact(moved);
  assert.deepEqual(moved, new Uint8Array(content.subarray(0, 30)));
});

test("spliceTo: wrong arguments", async () => {
  using a = await pair();
  await assert.rejects(a.server.spliceTo({} as never), TypeError);
  await assert.rejects(a.server.spliceTo(a.client, { length: -1 }), RangeError);
  await assert.rejects(a.server.spliceTo(a.client, { timeoutMs: -1 }), RangeError);
});

test("writeZeroCopy sends all and ends when the kernel has done with the bytes", async () => {
  using both = await pair();
  const received = both.server.readToEnd();
  const results = await Promise.all([
    both.client.writeZeroCopy(content.subarray(0, 10 * MIB)),
    both.client.writeZeroCopy(content.subarray(10 * MIB)),
  ]);
  both.client.shutdown("write");
  assert.equal(sha(await received), sha(content));
  for (const { copied } of results) assert.equal(copied, true, "loopback copies"); // skb_orphan_frags_rx
  assert.equal(both.client.bytesWritten, content.length);
});

test("writeZeroCopy and writeAll in turn keep the order", async () => {
  using both = await pair();
  const received = both.server.readToEnd();
  const writes: Promise<unknown>[] = [];
  for (let from = 0; from < content.length; from += 2 * MIB) {
    const part = content.subarray(from, from + 2 * MIB);
    writes.push((from / MIB) % 4 === 0 ? both.client.writeZeroCopy(part) : both.client.writeAll(part));
    await writes.at(-1);
  }
  both.client.shutdown("write");
  assert.equal(sha(await received), sha(content));
});

test("writeZeroCopy waits for the peer to have read, and can be cancelled", async () => {
  using both = await narrow();
  await assert.rejects(both.client.writeZeroCopy(content, { timeoutMs: 20 }), TimeoutError);
  const sent = both.client.bytesWritten;
  assert.ok(sent < content.length);
  const received = both.server.readToEnd();
  await both.client.writeZeroCopy(content.subarray(sent));
  both.client.shutdown("write");
  assert.equal(sha(await received), sha(content));
});

test("writeZeroCopy: nothing to send, wrong arguments, a closed socket, a peer that has gone", async () => {
  using both = await pair();
  assert.deepEqual(await both.client.writeZeroCopy(new Uint8Array(0)), { copied: false });
  await assert.rejects(both.client.writeZeroCopy("text" as never), TypeError);
  both.server.close();
  await assert.rejects(async () => {
    for (;;) await both.client.writeZeroCopy(content.subarray(0, MIB));
  }, /EPIPE|ECONNRESET/);
  both.client.close();
  await assert.rejects(both.client.writeZeroCopy(content), { code: "EBADF" });
});
