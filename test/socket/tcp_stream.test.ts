/** TcpStream: what read, write and their helpers give, byte by byte, on real connections. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { on } from "node:events";
import { createInterface } from "node:readline";
import {
  EncodingError,
  EndOfStreamError,
  SO,
  TCP,
  TcpListener,
  TcpStream,
  TooLargeError,
  WOULD_BLOCK,
} from "../../src/index.ts";
import {
  fill,
  noIpv6,
  noPython,
  noSs,
  pair,
  pattern,
  random,
  stateOf,
  sysError,
  test,
  textOf,
  turn,
  turns,
  until,
  utf8,
} from "./_helpers.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a read gives what is there, in parts, and 0 at the end, again and again", async () => {
  using link = await pair();
  const { client, server } = link;
  await server.writeAll(utf8("0123456789"));
  const buffer = new Uint8Array(4);
  assert.equal(await client.read(buffer), 4);
  assert.equal(textOf(buffer), "0123");
  const rest = new Uint8Array(100);
  assert.equal(await client.read(rest), 6);
  assert.equal(textOf(rest.subarray(0, 6)), "456789");
  server.close();
  assert.equal(await client.read(buffer), 0);
  assert.equal(await client.read(buffer), 0);
  assert.equal(client.tryRead(buffer), 0);
  assert.equal(await client.peek(buffer), 0);
});

test("a read fills the view it was given and nothing beside it", async () => {
  using link = await pair();
  const memory = new Uint8Array(12).fill(0xee);
  await link.server.writeAll(utf8("abcdefgh"));
  assert.equal(await link.client.read(memory.subarray(4, 8)), 4);
  assert.equal(Buffer.from(memory).toString("latin1"), "\xee\xee\xee\xeeabcd\xee\xee\xee\xee");
  await link.client.writeAll(memory.subarray(5, 7));
  const echoed = new Uint8Array(9);
  assert.equal(await link.server.read(echoed), 2);
  assert.equal(textOf(echoed.subarray(0, 2)), "bc");
});

test("a write gives what the kernel took, which may be less; then it waits for room", async () => {
  using link = await pair();
  const { client, server } = link;
  const bytes = pattern(64 * 1024 * 1024);
  const first = await client.write(bytes);
  assert.ok(first > 0 && first < bytes.length, `took ${first}`);
  const more = await fill(client);
  assert.equal(client.tryWrite(bytes), WOULD_BLOCK);
  const waiting = client.write(utf8("!"));
  assert.equal(await stateOf(waiting), "pending");
  assert.equal(client.tryWrite(utf8("?")), WOULD_BLOCK, "nobody overtakes a write that waits");
  const total = first + more + 1;
  const got = new Uint8Array(total);
  await server.readExact(got);
  assert.equal(await waiting, 1);
  assert.deepEqual(sha256(got.subarray(0, first)), sha256(bytes.subarray(0, first)));
  assert.equal(got[total - 1], "!".charCodeAt(0));
  assert.equal(client.bytesWritten, total);
  assert.equal(server.bytesRead, total);
});

test("an empty write sends nothing and takes nothing", async () => {
  using link = await pair();
  assert.equal(await link.client.write(new Uint8Array(0)), 0);
  assert.equal(link.client.tryWrite(new Uint8Array(0)), 0);
  await link.client.writeAll(new Uint8Array(0));
  assert.equal(link.client.bytesWritten, 0);
});

test("an empty buffer is a RangeError for read, tryRead and peek, since 0 is the end; readExact has nothing to do", async () => {
  using link = await pair();
  const empty = new Uint8Array(0);
  await assert.rejects(link.client.read(empty), RangeError);
  await assert.rejects(link.client.peek(empty), RangeError);
  assert.throws(() => link.client.tryRead(empty), RangeError);
  await link.client.readExact(empty);
});

test("anything but a Uint8Array is a TypeError that names the argument, and nothing is sent", async () => {
  using link = await pair();
  const { client, server } = link;
  await server.writeAll(utf8("still here"));
  const wrong = ["text", undefined, null, 5, [1, 2], new ArrayBuffer(8), new DataView(new ArrayBuffer(8))];
  for (const value of [...wrong, new Uint16Array(8)]) {
    const bytes = value as unknown as Uint8Array;
    const named = { name: "TypeError", message: /buffer|bytes/ };
    for (const call of ["read", "peek", "readExact", "write", "writeAll"] as const) {
      await assert.rejects(client[call](bytes), named, `${call}(${String(value)})`);
    }
    assert.throws(() => client.tryRead(bytes), named);
    assert.throws(() => client.tryWrite(bytes), named);
  }
  for (const maxBytes of [-1, Number.NaN]) await assert.rejects(client.readToEnd({ maxBytes }), RangeError);
  for (const maxBytes of ["5", {}, true] as unknown[]) {
    await assert.rejects(client.readToEnd({ maxBytes: maxBytes as number }), { name: "TypeError" });
  }
  assert.throws(() => client.shutdown("wrte" as "write"), { name: "TypeError", message: /how.*wrte/ });
  assert.throws(() => client.shutdown("toString" as "write"), { name: "TypeError" });
  assert.throws(() => client.shutdown(1 as never), { name: "TypeError" });
  client.close();
  assert.equal(server.bytesRead, 0);
});

test("a buffer that was transferred away while a call waits is an error, not the end of the stream", async () => {
  for (const call of ["read", "peek", "readExact"] as const) {
    using link = await pair();
    const buffer = new Uint8Array(8);
    const waiting = link.client[call](buffer);
    waiting.catch(() => undefined);
    await turn();
    structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
    await link.server.writeAll(utf8("x"));
    await assert.rejects(waiting, Error, `${call} took the loss of its buffer for success`);
    const next = new Uint8Array(8);
    assert.equal(await link.client.read(next), 1, `${call} lost the data`);
  }
});

test("bytes that were transferred away while writeAll waits are an error, not success", async () => {
  using link = await pair();
  const bytes = new Uint8Array(64 * 1024 * 1024);
  const waiting = link.client.writeAll(bytes);
  waiting.catch(() => undefined);
  await turn();
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  void (async () => {
    for await (const _ of link.server);
  })().catch(() => undefined);
  await assert.rejects(waiting);
});

test("tryRead and tryWrite never wait, and never overtake a call that waits", async () => {
  using link = await pair();
  const { client, server } = link;
  const buffer = new Uint8Array(8);
  assert.equal(client.tryRead(buffer), WOULD_BLOCK);
  assert.equal(server.tryWrite(utf8("ab")), 2);
  await client.readable();
  assert.equal(client.tryRead(buffer), 2);
  const waiting = client.readExact(new Uint8Array(2));
  assert.equal(server.tryWrite(utf8("c")), 1);
  await turns(5);
  assert.equal(client.tryRead(buffer), WOULD_BLOCK);
  assert.equal(server.tryWrite(utf8("de")), 2);
  await waiting;
  assert.equal(client.tryRead(buffer), 1);
  assert.equal(textOf(buffer.subarray(0, 1)), "e");
});

test("peek leaves the data where it is", async () => {
  using link = await pair();
  const { client, server } = link;
  const buffer = new Uint8Array(5);
  const waiting = client.peek(buffer);
  await server.writeAll(utf8("hello!"));
  assert.equal(await waiting, 5);
  assert.equal(await client.peek(buffer.subarray(0, 2)), 2);
  assert.equal(client.bytesRead, 0);
  assert.equal(await client.read(buffer), 5);
  assert.equal(textOf(buffer), "hello");
  assert.equal(client.bytesRead, 5);
});

test("readable ends with data and with the end; writable ends with room", async () => {
  using link = await pair();
  const { client, server } = link;
  const readable = client.readable();
  assert.equal(await stateOf(readable), "pending");
  await server.writeAll(utf8("x"));
  await readable;
  await client.readable(); // still
  assert.equal(client.bytesRead, 0);
  assert.equal(client.tryRead(new Uint8Array(1)), 1);
  const end = client.readable();
  server.shutdown("write");
  await end;
  assert.equal(client.tryRead(new Uint8Array(1)), 0);

  await client.writable();
  const taken = await fill(client);
  const writable = client.writable();
  assert.equal(await stateOf(writable), "pending");
  await server.readExact(new Uint8Array(taken));
  await writable;
});

test("each half closes on its own, in both directions", async () => {
  for (const [first, second] of [
    ["client", "server"],
    ["server", "client"],
  ] as const) {
    using link = await pair();
    await link[first].writeAll(utf8("question"));
    link[first].shutdown("write");
    await assert.rejects(link[first].write(utf8("more")), sysError("EPIPE", "send"));
    assert.throws(() => link[first].tryWrite(utf8("more")), sysError("EPIPE", "send"));
    assert.equal(await link[second].readText(), "question");
    await link[second].writeAll(utf8("answer"));
    link[second].shutdown("both");
    assert.equal(await link[first].readText(), "answer");
  }
});

test('shutdown("read") ends a read that waits, and those after it', async () => {
  using link = await pair();
  const waiting = link.client.read(new Uint8Array(1));
  await turn();
  link.client.shutdown("read");
  assert.equal(await waiting, 0);
  assert.equal(await link.client.read(new Uint8Array(1)), 0);
  assert.equal(await link.client.write(utf8("still writes")), 12);
});

test('shutdown("write") ends a write that waits with EPIPE', async () => {
  using link = await pair();
  await fill(link.client);
  const waiting = link.client.writeAll(utf8("too late"));
  assert.equal(await stateOf(waiting), "pending");
  link.client.shutdown("write");
  await assert.rejects(waiting, sysError("EPIPE", "send"));
});

test("32 MiB through writeAll to a slow reader come whole and in order", async () => {
  using link = await pair();
  const bytes = pattern(32 * 1024 * 1024);
  const sent = link.client.writeAll(bytes).then(() => link.client.shutdown("write"));
  const hash = createHash("sha256");
  const below = random(32);
  const buffer = new Uint8Array(256 * 1024);
  for (;;) {
    const count = await link.server.read(buffer.subarray(0, 1 + below(buffer.length)));
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    if (below(4) === 0) await turns(below(3));
  }
  await sent;
  assert.equal(hash.digest("hex"), sha256(bytes));
  assert.equal(link.client.bytesWritten, bytes.length);
  assert.equal(link.server.bytesRead, bytes.length);
});

test("readExact fills, however the bytes come; what is beyond stays", async () => {
  using link = await pair();
  const buffer = new Uint8Array(6);
  const waiting = link.client.readExact(buffer);
  for (const part of ["ab", "c", "defgh"]) {
    await link.server.writeAll(utf8(part));
    await turns(3);
  }
  await waiting;
  assert.equal(textOf(buffer), "abcdef");
  assert.equal(link.client.tryRead(buffer), 2);
});

test("readExact at an early end: EndOfStreamError with the count, the bytes in the buffer", async () => {
  for (const came of [0, 1, 7]) {
    using link = await pair();
    const buffer = new Uint8Array(8);
    await link.server.writeAll(utf8("abcdefg").subarray(0, came));
    link.server.close();
    await assert.rejects(link.client.readExact(buffer), (error) => {
      assert.ok(error instanceof EndOfStreamError);
      assert.equal(error.code, "END_OF_STREAM");
      assert.equal(error.bytesRead, came);
      return true;
    });
    assert.equal(textOf(buffer.subarray(0, came)), "abcdefg".slice(0, came));
    assert.equal(link.client.bytesRead, came);
    assert.equal(await link.client.read(buffer), 0);
  }
});

test("readToEnd gives all, in a new array, through every chunk size", async () => {
  for (const size of [0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 5 * 1024 * 1024 + 3]) {
    using link = await pair();
    const bytes = pattern(size, size);
    const sent = link.server.writeAll(bytes).then(() => link.server.shutdown("write"));
    const got = await link.client.readToEnd();
    await sent;
    assert.equal(got.constructor, Uint8Array);
    assert.equal(got.length, size);
    assert.equal(sha256(got), sha256(bytes));
    assert.equal((await link.client.readToEnd()).length, 0);
  }
});

test("readToEnd with maxBytes: exactly so many pass, one more is TooLargeError, and nothing is lost", async () => {
  for (const [size, maxBytes] of [
    [10, 10],
    [0, 0],
    [100_000, 100_000],
    [100_000, Number.POSITIVE_INFINITY],
  ] as const) {
    using link = await pair();
    const bytes = pattern(size);
    void link.server.writeAll(bytes).then(() => link.server.shutdown("write"));
    assert.deepEqual(await link.client.readToEnd({ maxBytes }), bytes);
  }
  for (const [size, maxBytes] of [
    [11, 10],
    [1, 0],
    [1_000_000, 99_999],
  ] as const) {
    using link = await pair();
    const { client, server } = link;
    const bytes = pattern(size);
    const sent = server.writeAll(bytes).then(() => server.shutdown("write"));
    await assert.rejects(client.readToEnd({ maxBytes }), (error) => {
      assert.ok(error instanceof TooLargeError);
      assert.equal(error.code, "TOO_LARGE");
      assert.equal(error.maxBytes, maxBytes);
      return true;
    });
    assert.equal(client.bytesRead, 0);
    assert.ok(client.buffers().receive.queued > maxBytes, "what was given back counts as queued");
    assert.deepEqual(await client.readToEnd(), bytes);
    await sent;
  }
});

test("readText: text, an empty stream, a byte order mark that is kept, characters cut by segments", async () => {
  for (const text of [
    "",
    "héllo wörld",
    "\ufeffwith a mark",
    "a\0b",
    "𝄞 and 😀",
    "\uffff\u{10ffff}\ud7ff\ue000",
  ]) {
    using link = await pair();
    const reading = link.client.readText();
    for (const byte of utf8(text)) {
      await link.server.writeAll(Uint8Array.of(byte));
      await turn();
    }
    link.server.shutdown("write");
    assert.equal(await reading, text);
  }
});

/** The Unicode Standard, table 3-7: what is none of its rows, with where the ill-formed sequence starts. */
const ILL_FORMED: readonly [name: string, hex: string, offset: number][] = [
  ["a stray continuation byte", "80", 0],
  ["a stray continuation byte after text", "616280", 2],
  ["the last continuation byte", "61bf", 1],
  ["one continuation too many", "c3a9a9", 2],
  ["overlong NUL in two bytes", "c080", 0],
  ["overlong in two bytes", "61c1bf", 1],
  ["overlong in three bytes", "e09fbf", 0],
  ["overlong slash in three bytes", "e080af", 0],
  ["overlong in four bytes", "f08fbfbf", 0],
  ["the first surrogate", "eda080", 0],
  ["the last surrogate", "61edbfbf", 1],
  ["a surrogate pair, as CESU-8 writes it", "eda0b4edb49e", 0],
  ["past U+10FFFF", "f4908080", 0],
  ["a lead byte that no character has", "f5808080", 0],
  ["five bytes", "f888808080", 0],
  ["0xfe", "61fe", 1],
  ["0xff", "ff", 0],
  ["two bytes cut at the end", "6162c3", 2],
  ["three bytes cut after one", "e2", 0],
  ["three bytes cut after two", "61e282", 1],
  ["four bytes cut after three", "c3a9f09f98", 2],
  ["cut by an ASCII character", "61e28261", 1],
  ["cut by another lead byte", "e282e282ac", 0],
  ["UTF-16 with its mark", "fffe6100", 0],
  ["Latin-1", "68e96c6c6f", 1],
];

test("readText: ill-formed UTF-8 is an EncodingError with the offset and all the bytes", async (t) => {
  for (const [name, hex, offset] of ILL_FORMED) {
    await t.test(name, async () => {
      using link = await pair();
      const bytes = new Uint8Array(Buffer.from(hex, "hex"));
      await link.server.writeAll(bytes);
      link.server.close();
      await assert.rejects(link.client.readText(), (error) => {
        assert.ok(error instanceof EncodingError, String(error));
        assert.equal(error.code, "INVALID_UTF8");
        assert.equal(error.offset, offset);
        assert.deepEqual(error.bytes, bytes);
        return true;
      });
    });
  }
});

test("the stream iterates in chunks to the end; a chunk is the caller's own", async () => {
  using link = await pair();
  const bytes = pattern(300_000);
  void link.server.writeAll(bytes).then(() => link.server.shutdown("write"));
  const chunks: Uint8Array[] = [];
  for await (const chunk of link.client) {
    assert.ok(chunk.length > 0);
    chunks.push(chunk);
  }
  assert.equal(sha256(Buffer.concat(chunks)), sha256(bytes));
  for await (const _ of link.client) assert.fail("nothing comes after the end");
});

test("leaving an iteration leaves the stream open and usable", async () => {
  using link = await pair();
  await link.server.writeAll(utf8("one"));
  for await (const chunk of link.client) {
    assert.equal(textOf(chunk), "one");
    break;
  }
  await link.server.writeAll(utf8("two"));
  link.server.shutdown("write");
  assert.equal(await link.client.readText(), "two");
});

test("localAddr and peerAddr are what the other side says, and peerAddr stays after close", async () => {
  const link = await pair();
  const { client, server } = link;
  assert.equal(client.peerAddr.toString(), server.localAddr.toString());
  assert.equal(server.peerAddr.toString(), client.localAddr.toString());
  link[Symbol.dispose]();
  assert.ok(client.peerAddr.equals(server.localAddr));
  assert.ok(server.peerAddr.equals(client.localAddr));

  const unasked = await pair();
  const port = unasked.server.peerAddr.port;
  unasked[Symbol.dispose]();
  assert.equal(unasked.server.peerAddr.port, port);
  assert.throws(() => unasked.server.localAddr, sysError("EBADF", "getsockname"));
});

test("a connect to 0.0.0.0 is one to loopback, and peerAddr says so as the kernel does", async () => {
  using link = await pair({ at: "0.0.0.0:0", to: "0.0.0.0" });
  assert.equal(link.client.peerAddr.toString(), link.server.localAddr.toString());
  assert.equal(link.client.peerAddr.ip.toString(), "127.0.0.1");
});

test("IPv6: addresses and data", { skip: noIpv6 }, async () => {
  using link = await pair({ at: "[::1]:0" });
  assert.equal(link.client.peerAddr.family, "ipv6");
  assert.equal(link.client.peerAddr.toString(), link.server.localAddr.toString());
  assert.equal(link.server.peerAddr.toString(), link.client.localAddr.toString());
  await link.client.writeAll(utf8("six"));
  link.client.close();
  assert.equal(await link.server.readText(), "six");
});

test("dual-stack: an IPv4 client of an IPv6 listener is seen as a mapped address", {
  skip: noIpv6,
}, async () => {
  using link = await pair({ at: "[::]:0", to: "127.0.0.1" });
  assert.equal(link.client.localAddr.family, "ipv4");
  assert.equal(link.server.peerAddr.toString(), `[::ffff:127.0.0.1]:${link.client.localAddr.port}`);
  using mapped = await pair({ at: "127.0.0.1:0", to: "[::ffff:127.0.0.1]" });
  assert.equal(mapped.client.peerAddr.family, "ipv6");
  assert.equal(mapped.server.peerAddr.family, "ipv4");
});

/** Recv-Q and Send-Q of the socket with this local and peer port, as ss shows them. */
function queuesOf(stream: TcpStream): { receive: number; send: number } {
  const filter = [`sport = :${stream.localAddr.port}`, "and", `dport = :${stream.peerAddr.port}`].join(" ");
  const { stdout } = spawnSync("ss", ["-Htn", filter], { encoding: "utf8" });
  const [, receive, send] = stdout.trim().split(/\s+/);
  return { receive: Number(receive), send: Number(send) };
}

test("buffers(): a peer that does not read fills both sides; the sums hold; ss says the same", {
  skip: noSs,
}, async () => {
  using link = await pair({
    listen: { options: [SO.RCVBUF.to(32 * 1024)] },
    connect: { options: [SO.SNDBUF.to(64 * 1024)] },
  });
  const { client, server } = link;
  const idle = client.buffers();
  assert.deepEqual(
    [idle.send.queued, idle.send.unsent, idle.send.inFlight, idle.receive.queued],
    [0, 0, 0, 0],
  );
  assert.equal(idle.send.size, client.getOption(SO.SNDBUF));
  assert.equal(idle.receive.size, client.getOption(SO.RCVBUF));

  const written = await fill(client);
  assert.equal(client.bytesWritten, written);
  const { send } = client.buffers();
  const { receive } = server.buffers();
  assert.ok(send.queued > 0, "the peer's window is closed");
  assert.equal(send.unsent + send.inFlight, send.queued);
  assert.ok(send.unsent > 0);
  assert.ok(receive.queued > 0);
  assert.ok(receive.queued >= written - send.queued, "what is acknowledged has been received");
  assert.ok(receive.queued <= written - send.unsent, "what has been received was sent");
  assert.deepEqual(queuesOf(client), { receive: 0, send: send.queued });
  assert.deepEqual(queuesOf(server), { receive: receive.queued, send: 0 });

  const one = new Uint8Array(1000);
  await server.readExact(one);
  await server.readExact(new Uint8Array(written - one.length));
  await until(() => client.buffers().send.queued === 0);
  assert.equal(server.buffers().receive.queued, 0);
});

test("info(): the state, counters and MSS that the kernel has", async () => {
  using link = await pair();
  const { client, server } = link;
  const ESTABLISHED = 1; // include/net/tcp_states.h
  const [CLOSE_WAIT, FIN_WAIT2] = [8, 5];
  await client.writeAll(new Uint8Array(10_000));
  await server.readExact(new Uint8Array(10_000));
  await until(() => client.buffers().send.queued === 0);
  const info = client.info();
  assert.equal(info.tcpi_state, ESTABLISHED);
  assert.equal(info.tcpi_snd_mss, client.getOption(TCP.MAXSEG));
  assert.ok(info.tcpi_rtt !== undefined && info.tcpi_rtt > 0);
  assert.ok(info.tcpi_snd_cwnd !== undefined && info.tcpi_snd_cwnd > 0);
  assert.equal(info.tcpi_unacked, 0);
  // bytes_acked counts the SYN: tcp_ack() adds snd_una's advance, RFC 4898 tcpEStatsAppHCThruOctetsAcked
  assert.ok(info.tcpi_bytes_acked === 10_000n || info.tcpi_bytes_acked === 10_001n);
  assert.equal(server.info().tcpi_bytes_received, 10_000n);
  assert.equal(info.tcpi_bytes_sent, 10_000n);
  client.shutdown("write");
  await server.read(new Uint8Array(1));
  assert.equal(server.info().tcpi_state, CLOSE_WAIT);
  await until(() => client.info().tcpi_state === FIN_WAIT2);
});

test("a reset of the peer: ECONNRESET once for the read that waits, then the writes fail, and nobody dies of SIGPIPE", async () => {
  using link = await pair();
  const { client, server } = link;
  await client.writeAll(utf8("unread"));
  const waiting = client.read(new Uint8Array(8));
  server.setOption(SO.LINGER, 0);
  server.close();
  await assert.rejects(waiting, sysError("ECONNRESET", "recv"));
  for (let i = 0; i < 3; i++) await assert.rejects(client.write(utf8("hello?")), sysError("EPIPE", "send"));
  await assert.rejects(client.writeAll(utf8("hello?")), sysError("EPIPE", "send"));
  assert.equal(await client.read(new Uint8Array(8)), 0);
});

test("a reset of the peer ends a write that waits: ECONNRESET or EPIPE", async () => {
  using link = await pair();
  const { client, server } = link;
  await fill(client);
  const waiting = client.writeAll(pattern(1_000_000));
  const queued = client.write(utf8("behind it"));
  assert.equal(await stateOf(waiting), "pending");
  server.setOption(SO.LINGER, 0);
  server.close();
  await assert.rejects(waiting, sysError("ECONNRESET", "send"));
  await assert.rejects(queued, sysError("EPIPE", "send"));
});

test("a reset with readExact and readToEnd under way: the error; what had come can still be read", async () => {
  for (const call of ["readExact", "readToEnd"] as const) {
    using link = await pair();
    const { client, server } = link;
    const waiting = call === "readExact" ? client.readExact(new Uint8Array(100)) : client.readToEnd();
    await server.writeAll(utf8("half"));
    await until(() => client.bytesRead === 4);
    server.setOption(SO.LINGER, 0);
    server.close();
    await assert.rejects(waiting, sysError("ECONNRESET", "recv"));
    const buffer = new Uint8Array(100);
    assert.equal(await client.read(buffer), 4, call);
    assert.equal(textOf(buffer.subarray(0, 4)), "half");
  }
});

test("ten reads that wait get the bytes in the order of the calls", async () => {
  using link = await pair();
  const order: number[] = [];
  const buffers = Array.from({ length: 10 }, () => new Uint8Array(1));
  const reads = buffers.map((buffer, i) => link.client.read(buffer).then(() => order.push(i)));
  await turn();
  await link.server.writeAll(utf8("0123456789"));
  await Promise.all(reads);
  assert.deepEqual(buffers.map(textOf).join(""), "0123456789");
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("calls of every kind that wait in one direction are served in the order of the calls", async () => {
  using link = await pair();
  const { client, server } = link;
  const [a, b, c, d] = [new Uint8Array(2), new Uint8Array(3), new Uint8Array(1), new Uint8Array(9)];
  const all = [
    client.readExact(a),
    client.peek(b),
    client.readable(),
    client.readExact(b),
    client.read(c),
    client.read(d),
  ];
  await turn();
  await server.writeAll(utf8("aabbbcdddd"));
  await Promise.all(all);
  assert.deepEqual([a, b, c].map(textOf), ["aa", "bbb", "c"]);
  assert.equal(textOf(d.subarray(0, 4)), "dddd");
});

test("writes that wait go out in the order of the calls, none torn by another", async () => {
  using link = await pair();
  const { client, server } = link;
  const filled = await fill(client);
  const parts = Array.from({ length: 10 }, (_, i) => new Uint8Array(200_000).fill(i + 1));
  const writes = parts.map((part) => client.writeAll(part));
  await server.readExact(new Uint8Array(filled));
  const got = new Uint8Array(2_000_000);
  await server.readExact(got);
  await Promise.all(writes);
  assert.equal(sha256(got), sha256(Buffer.concat(parts)));
});

test("60 streams at once, every kind of call, seeded interleavings: every checksum holds", async () => {
  const below = random(60);
  using listener = TcpListener.bind("127.0.0.1:0");
  const size = 150_000;
  await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const client = await TcpStream.connect(listener.localAddr);
      const server = await listener.accept();
      using _client = client;
      using _server = server;
      // The two ends need not be each other's: accept gives whoever came first.
      const bytes = pattern(size, i);
      await Promise.all([scatter(client, bytes, below), gather(server, size, below)]).then(([, got]) => {
        const seed = findSeed(got);
        assert.equal(sha256(got), sha256(pattern(size, seed)));
      });
    }),
  );
});

/** Which stream this is: `pattern`'s first bytes differ by seed. */
function findSeed(bytes: Uint8Array): number {
  for (let seed = 0; seed < 60; seed++) {
    if (pattern(64, seed).every((byte, at) => byte === bytes[at])) return seed;
  }
  throw new Error("the bytes are no stream's");
}

async function scatter(
  stream: TcpStream,
  bytes: Uint8Array,
  below: (limit: number) => number,
): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const part = bytes.subarray(at, at + 1 + below(20_000));
    const way = below(4);
    if (way === 0) {
      await stream.writeAll(part);
      at += part.length;
    } else if (way === 1) {
      at += await stream.write(part);
    } else if (way === 2) {
      const count = stream.tryWrite(part);
      if (typeof count === "number") at += count;
      else await stream.writable();
    } else await turn();
  }
  stream.shutdown("write");
}

async function gather(
  stream: TcpStream,
  size: number,
  below: (limit: number) => number,
): Promise<Uint8Array> {
  const got = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const room = got.subarray(at, Math.min(size, at + 1 + below(30_000)));
    const way = below(6);
    if (way === 0) {
      await stream.readExact(room);
      at += room.length;
    } else if (way === 1) {
      at += await stream.read(room);
    } else if (way === 2) {
      const count = stream.tryRead(room);
      if (typeof count === "number") at += count;
      else await stream.readable();
    } else if (way === 3) {
      const peeked = new Uint8Array(room.length);
      const count = await stream.peek(peeked);
      await stream.readExact(room.subarray(0, count));
      assert.deepEqual(room.subarray(0, count), peeked.subarray(0, count));
      at += count;
    } else if (way === 4) await turn();
    else await stream.readable();
  }
  assert.equal(await stream.read(new Uint8Array(1)), 0);
  return got;
}

/** A peer that sends urgent data, which Node cannot: each line on its stdin is sent, one that starts with ! as urgent. */
const URGENT_PEER = `
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for line in sys.stdin:
    line = line.strip().encode()
    s.send(line[1:], socket.MSG_OOB) if line.startswith(b"!") else s.send(line)
    print(line.decode(), flush=True)
`;

test("a read that stops at urgent data is short though more is there: the next read gets it", {
  skip: noPython,
}, async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  const peer = spawn("python3", ["-c", URGENT_PEER, String(listener.localAddr.port)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const told = on(createInterface(peer.stdout), "line");
    const say = async (line: string): Promise<void> => {
      peer.stdin.write(`${line}\n`);
      await told.next();
    };
    using stream = await listener.accept();
    const buffer = new Uint8Array(100);
    const first = stream.read(buffer); // waits, so that the fd is watched from here on
    await turn();
    await say("hello");
    assert.equal(await first, 5);
    await say("abc");
    await say("!X");
    await say("def");
    await turns(5); // loopback delivers within the send: all is here, and every event has been handed out
    assert.equal(await stream.read(buffer), 3);
    assert.equal(textOf(buffer.subarray(0, 3)), "abc");
    const stop = new AbortController();
    const next = stream.read(buffer, { signal: stop.signal });
    await turns(50);
    stop.abort(new Error("the read waits though bytes are there"));
    assert.equal(await next, 3);
    assert.equal(textOf(buffer.subarray(0, 3)), "def");
  } finally {
    peer.kill();
  }
});
