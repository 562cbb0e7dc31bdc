/** toDuplex and toWeb: backpressure, half-close, errors, over real connections. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { test } from "node:test";
import { SO, SysError, TcpListener, TcpStream } from "../../src/index.ts";

async function pair(): Promise<{ ours: TcpStream; peer: TcpStream }> {
  using listener = TcpListener.bind("127.0.0.1:0");
  const [ours, peer] = await Promise.all([TcpStream.connect(listener.localAddr), listener.accept()]);
  return { ours, peer };
}

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a Duplex carries 8 MiB each way, half-closes at its end, and closes the socket when both halves are done", async () => {
  const { ours, peer } = await pair();
  const [there, back] = [randomBytes(8 << 20), randomBytes(8 << 20)];
  const duplex = ours.toDuplex();
  const received: Buffer[] = [];
  duplex.on("data", (chunk) => received.push(chunk));
  const closed = once(duplex, "close");
  const sending = pipeline(Readable.from([there.subarray(0, 1 << 20), there.subarray(1 << 20)]), duplex);
  const heard = await peer.readToEnd(); // ends by the half-close
  await peer.writeAll(back);
  peer.close();
  await sending;
  await closed;
  assert.equal(sha(heard), sha(there));
  assert.equal(sha(Buffer.concat(received)), sha(back));
  assert.ok(ours.closed);
});

test("a Duplex whose data nobody takes leaves it in the kernel, and the peer's writes wait", async () => {
  const { ours, peer } = await pair();
  const duplex = ours.toDuplex();
  duplex.on("error", () => {});
  let sent = 0;
  const chunk = new Uint8Array(1 << 16);
  const full = new AbortController();
  // The peer writes until the kernel's buffers are full; readiness, not a clock, tells when.
  const writing = (async () => {
    for (;;) {
      const count = peer.tryWrite(chunk);
      if (typeof count === "number") sent += count;
      else await peer.writable({ signal: full.signal, timeoutMs: 200 });
    }
  })();
  await assert.rejects(writing, { name: "TimeoutError" });
  assert.equal(duplex.readableLength, 0);
  assert.ok(ours.bytesRead <= chunk.length, `${ours.bytesRead} bytes taken unasked`);
  assert.ok(sent > 0 && peer.buffers().send.queued > 0);
  duplex.destroy();
  await once(duplex, "close");
  peer.close();
});

test("the end of the peer's side leaves the Duplex writable", async () => {
  const { ours, peer } = await pair();
  const duplex = ours.toDuplex();
  peer.shutdown("write");
  duplex.resume();
  await once(duplex, "end");
  duplex.end("still here");
  assert.equal(await peer.readText(), "still here");
  await finished(duplex);
  peer.close();
});

test("a reset destroys the Duplex with the SysError", async () => {
  const { ours, peer } = await pair();
  const duplex = ours.toDuplex();
  duplex.resume();
  peer.setOption(SO.LINGER, 0);
  peer.close();
  const [error] = await once(duplex, "error");
  assert.ok(error instanceof SysError);
  assert.equal(error.code, "ECONNRESET");
  assert.ok(ours.closed);
});

test("destroying a Duplex closes the socket while a read waits, without an unhandled rejection", async () => {
  const { ours, peer } = await pair();
  const duplex = ours.toDuplex();
  duplex.resume();
  duplex.destroy();
  await once(duplex, "close");
  assert.ok(ours.closed);
  assert.equal(await peer.read(new Uint8Array(1)), 0);
  peer.close();
});

test("web streams carry 4 MiB each way and close the socket when both have ended", async () => {
  const { ours, peer } = await pair();
  const [there, back] = [randomBytes(4 << 20), randomBytes(4 << 20)];
  const { readable, writable } = ours.toWeb();
  const echo = (async () => {
    const heard = await peer.readToEnd();
    await peer.writeAll(back);
    peer.close();
    return heard;
  })();
  const sending = new Blob([there]).stream().pipeTo(writable);
  const received = new Uint8Array(await new Response(readable).arrayBuffer());
  await sending;
  assert.equal(sha(await echo), sha(there));
  assert.equal(sha(received), sha(back));
  assert.ok(ours.closed);
});

test("a web stream takes nothing from the kernel before it is read, and cancelling frees its half", async () => {
  const { ours, peer } = await pair();
  const { readable, writable } = ours.toWeb();
  await peer.writeAll(new Uint8Array(10));
  await ours.readable();
  assert.equal(ours.bytesRead, 0);
  await readable.cancel("enough");
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("last words"));
  await writer.close();
  assert.ok(ours.closed);
  peer.close();
});

test("aborting the writable closes the connection, though a write waits", async () => {
  const { ours, peer } = await pair();
  const { writable, readable } = ours.toWeb();
  const writer = writable.getWriter();
  const writing = writer.write(new Uint8Array(64 << 20)); // more than the buffers hold
  writing.catch(() => {});
  await peer.readable();
  await assert.rejects(Promise.all([writing, writer.abort(new Error("changed my mind"))]), {
    message: "changed my mind",
  });
  assert.ok(ours.closed);
  await assert.rejects(readable.getReader().read());
  peer.close();
});
