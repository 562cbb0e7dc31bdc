/** toWeb: a connection as a pair of web streams. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { SO, type TcpStream } from "../../src/index.ts";
import { fill, isolated, pair, pattern, sysError, test, turn, turns, utf8 } from "./_helpers.ts";

const MIB = 1024 * 1024;
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function reset(peer: TcpStream): void {
  peer.setOption(SO.LINGER, 0);
  peer.close();
}

test("they carry 8 MiB each way at once and close the socket when both have ended", async () => {
  using link = await pair();
  const { client, server } = link;
  const [there, back] = [randomBytes(8 * MIB), randomBytes(8 * MIB)];
  const { readable, writable } = client.toWeb();
  const answering = server.writeAll(back).then(() => server.shutdown("write"));
  const hearing = server.readToEnd();
  const sending = new Blob([there]).stream().pipeTo(writable);
  const received = new Uint8Array(await new Response(readable).arrayBuffer());
  await Promise.all([sending, answering]);
  assert.equal(sha(await hearing), sha(there));
  assert.equal(sha(received), sha(back));
  assert.ok(client.closed);
  server.close();
});

test("a connection piped to itself echoes", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable, writable } = server.toWeb();
  const echoing = readable.pipeTo(writable);
  const sent = pattern(3 * MIB);
  const sending = client.writeAll(sent).then(() => client.shutdown("write"));
  assert.equal(sha(await client.readToEnd()), sha(sent));
  await Promise.all([sending, echoing]);
  assert.ok(server.closed);
  client.close();
});

test("the transform streams of the platform fit in between", async () => {
  using link = await pair();
  const { client, server } = link;
  const [ours, theirs] = [client.toWeb(), server.toWeb()];
  const sending = new Blob(["grüß dich ".repeat(50_000)])
    .stream()
    .pipeThrough(new CompressionStream("gzip"))
    .pipeTo(ours.writable);
  const text = theirs.readable
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(new TextDecoderStream());
  let heard = "";
  for await (const part of text) heard += part;
  await sending;
  assert.equal(heard, "grüß dich ".repeat(50_000));
  await theirs.writable.close();
  await ours.readable.cancel();
  assert.deepEqual([client.closed, server.closed], [true, true]);
});

test("a reader that brings its buffer has it filled by the kernel's bytes", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable } = client.toWeb();
  const reader = readable.getReader({ mode: "byob" });
  await server.writeAll(utf8("hello"));
  const one = await reader.read(new Uint8Array(new ArrayBuffer(100), 10, 3));
  assert.deepEqual([one.done, one.value?.byteOffset, one.value?.buffer.byteLength], [false, 10, 100]);
  assert.equal(new TextDecoder().decode(one.value), "hel");
  const two = await reader.read(new Uint8Array(100));
  assert.equal(new TextDecoder().decode(two.value), "lo");
  const waiting = reader.read(new Uint8Array(4));
  await turns(3);
  server.close();
  const end = await waiting;
  assert.deepEqual([end.done, end.value?.length], [true, 0]);
  await reader.closed;
});

test("readers of both kinds take turns, and no byte is lost between them", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable } = client.toWeb();
  const sent = pattern(200_000);
  const sending = server.writeAll(sent).then(() => server.shutdown("write"));
  const parts: Uint8Array[] = [];
  for (let i = 0, ended = false; !ended; i++) {
    if (i % 2 === 0) {
      const reader = readable.getReader();
      const { value, done } = await reader.read();
      if (value) parts.push(value);
      ended = done;
      reader.releaseLock();
    } else {
      const reader = readable.getReader({ mode: "byob" });
      const { value, done } = await reader.read(new Uint8Array(777));
      if (value) parts.push(value);
      ended = done;
      reader.releaseLock();
    }
  }
  await sending;
  assert.equal(sha(Buffer.concat(parts)), sha(sent));
  server.close();
});

test("a reader that leaves while it waits loses nothing", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable } = client.toWeb();
  const first = readable.getReader();
  const left = first.read();
  left.catch(() => {});
  await turn();
  first.releaseLock();
  await assert.rejects(left, TypeError);
  await server.writeAll(utf8("still here"));
  const { value } = await readable.getReader().read();
  assert.equal(new TextDecoder().decode(value), "still here");
  server.close();
});

test("every chunk has an ArrayBuffer of its own, which may be given away", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable } = client.toWeb();
  const reader = readable.getReader();
  const heard: string[] = [];
  for (let i = 0; i < 20; i++) {
    await server.writeAll(utf8(`message ${i}`));
    const { value } = await reader.read();
    assert.ok(value);
    assert.deepEqual([value.byteOffset, value.buffer.byteLength], [0, value.length]);
    heard.push(new TextDecoder().decode(structuredClone(value, { transfer: [value.buffer] })));
    assert.equal(value.length, 0, "it was given away");
  }
  assert.deepEqual(
    heard,
    Array.from({ length: 20 }, (_, i) => `message ${i}`),
  );
  // Memory that others live in is untouched by it.
  assert.equal(Buffer.from("pool").toString(), "pool");
  server.close();
});

test("nothing is taken from the kernel before it is read", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable } = client.toWeb();
  const sent = await fill(server);
  await turns(5);
  assert.equal(client.bytesRead, 0);
  const { value } = await readable.getReader().read();
  assert.equal(client.bytesRead, value?.length);
  assert.ok(client.bytesRead <= 65536 && sent > 65536);
  await turns(5);
  assert.equal(client.bytesRead, value?.length, "no more than what was asked for");
  server.close();
});

test("a writer that waits for `ready` is held by the kernel's buffer", async () => {
  using link = await pair();
  const { client, server } = link;
  const writer = client.toWeb().writable.getWriter();
  let written = 0;
  const chunk = pattern(64 * 1024);
  const writing = (async () => {
    for (; written < 400; written++) {
      await writer.ready;
      writer.write(chunk).catch(() => {});
    }
    await writer.close();
  })();
  for (let before = -1; before !== written; ) {
    before = written;
    await turns(50);
  }
  assert.ok(written < 400, "it has stopped");
  assert.ok(written * chunk.length - client.bytesWritten <= 2 * chunk.length, "with no queue of its own");
  const total = (await server.readToEnd()).length;
  await writing;
  assert.equal(total, 400 * chunk.length);
  server.close();
});

test("closing the writable half-closes; the answer can still be read", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable, writable } = client.toWeb();
  const writer = writable.getWriter();
  void writer.write(utf8("question"));
  await writer.close();
  assert.equal(await server.readText(), "question");
  assert.equal(client.closed, false);
  await server.writeAll(utf8("answer"));
  server.close();
  assert.equal(await new Response(readable).text(), "answer");
  assert.ok(client.closed);
});

test("the peer's end leaves the writable open", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable, writable } = client.toWeb();
  server.shutdown("write");
  assert.equal(await new Response(readable).text(), "");
  const writer = writable.getWriter();
  await writer.write(utf8("still here"));
  assert.equal(client.closed, false);
  await writer.close();
  assert.equal(await server.readText(), "still here");
  assert.ok(client.closed);
  server.close();
});

for (const mode of ["default", "byob"] as const) {
  test(`cancelling while a read waits ends the read, and the other half goes on: ${mode}`, async () => {
    using link = await pair();
    const { client, server } = link;
    const { readable, writable } = client.toWeb();
    const reader = mode === "byob" ? readable.getReader({ mode }) : readable.getReader();
    const waiting = reader.read(new Uint8Array(10));
    await turns(2);
    await reader.cancel("enough");
    assert.equal((await waiting).done, true);
    const writer = writable.getWriter();
    await writer.write(utf8("last words"));
    await writer.close();
    assert.ok(client.closed);
    assert.equal(await server.readText(), "last words");
    server.close();
  });
}

test("aborting resets the connection, though a write waits: the peer does not take a part for the whole", async () => {
  using link = await pair();
  const { client, server } = link;
  const { writable, readable } = client.toWeb();
  const writer = writable.getWriter();
  const writing = writer.write(new Uint8Array(64 * MIB)); // more than the buffers hold
  writing.catch(() => {});
  await server.readable();
  await assert.rejects(Promise.all([writing, writer.abort(new Error("changed my mind"))]), {
    message: "changed my mind",
  });
  assert.ok(client.closed);
  await assert.rejects(readable.getReader().read(), sysError("EBADF"));
  await assert.rejects(server.readToEnd(), sysError("ECONNRESET"));
  server.close();
});

test("a pipe that breaks resets the connection", async () => {
  using link = await pair();
  const { client, server } = link;
  const { writable } = client.toWeb();
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (client.bytesWritten === 0) controller.enqueue(utf8("part"));
      else controller.error(new Error("the disk is gone"));
    },
  });
  await assert.rejects(source.pipeTo(writable), /the disk is gone/);
  await assert.rejects(server.readToEnd(), sysError("ECONNRESET"));
  server.close();
});

test("a reset errors both, each with the kernel's word, and closes the socket", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable, writable } = client.toWeb();
  const waiting = readable.getReader().read();
  reset(server);
  await assert.rejects(waiting, sysError("ECONNRESET"));
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  await assert.rejects(writer.write(utf8("x")), sysError("EPIPE"));
  assert.ok(client.closed);
});

test("a chunk that is no bytes errors the writable, and the peer sees a reset", async () => {
  using link = await pair();
  const { client, server } = link;
  const { readable, writable } = client.toWeb();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  await writer.write(utf8("part"));
  await assert.rejects(writer.write("text" as unknown as Uint8Array), TypeError);
  await readable.cancel();
  assert.ok(client.closed);
  await assert.rejects(server.readToEnd(), sysError("ECONNRESET"));
  server.close();
});

isolated(
  import.meta.url,
  "streams that nobody reads or writes do not keep the process alive",
  {},
  async () => {
    using link = await pair();
    const { client, server } = link;
    const { readable } = client.toWeb();
    const { writable } = server.toWeb();
    await writable.getWriter().write(utf8("x"));
    await readable.getReader().read();
  },
);
