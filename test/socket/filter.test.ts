/** Classic BPF on ordinary sockets: what it lets through, what it cuts, and what is no program. */
import assert from "node:assert/strict";
import { SO, TcpListener, UdpSocket, UnixDatagram, WOULD_BLOCK } from "../../src/index.ts";
import { pair, sysError, test, textOf, turns, utf8 } from "./_helpers.ts";

/** struct sock_filter[]. */
function program(
  ...instructions: readonly (readonly [code: number, jt: number, jf: number, k: number])[]
): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    view.setUint16(i * 8, code, true);
    bytes[i * 8 + 2] = jt;
    bytes[i * 8 + 3] = jf;
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}

const ACCEPT = program([0x06, 0, 0, 0x40000]);
const REJECT = program([0x06, 0, 0, 0]);
/** `ldb [8]; jeq #'y', 0, 1; ret #262144; ret #0`: on UDP the data begins at 8. */
const FIRST_IS_Y = program([0x30, 0, 0, 8], [0x15, 0, 1, 0x79], [0x06, 0, 0, 0x40000], [0x06, 0, 0, 0]);

test("a filter on UDP: what it does not take has never come", async () => {
  using socket = UdpSocket.bind("127.0.0.1:0");
  using sender = UdpSocket.bind("127.0.0.1:0");
  const send = async (...texts: string[]): Promise<void> => {
    for (const text of texts) await sender.sendTo(utf8(text), socket.localAddr);
  };
  socket.attachFilter(FIRST_IS_Y);
  await send("no", "yes", "nor", "yet");
  assert.equal(textOf((await socket.recvFrom()).data), "yes");
  assert.equal(textOf((await socket.recvFrom()).data), "yet");
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
  socket.attachFilter({ toBytes: () => REJECT }); // in place of the other
  await send("yes");
  socket.attachFilter(program([0x06, 0, 0, 8 + 3])); // cuts
  await send("yesterday");
  assert.equal(textOf((await socket.recvFrom()).data), "yes");
  socket.detachFilter();
  await send("no");
  assert.equal(textOf((await socket.recvFrom()).data), "no");
  assert.throws(
    () => socket.detachFilter(),
    (error) =>
      sysError("ENOENT", "setsockopt")(error) && /SO_DETACH_FILTER: .*has no filter/.test(String(error)),
  );
});

test("a filter on TCP, on a listener, and on local sockets", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  listener.attachFilter(ACCEPT);
  listener.detachFilter();
  using link = await pair();
  link.server.attachFilter(REJECT);
  await link.client.write(utf8("lost, and sent again"));
  await turns(3);
  assert.equal(link.server.tryRead(new Uint8Array(100)), WOULD_BLOCK);
  link.server.detachFilter();
  const buffer = new Uint8Array(100);
  assert.equal(textOf(buffer.subarray(0, await link.server.read(buffer))), "lost, and sent again");
  const [one, other] = UnixDatagram.pair();
  using _one = one;
  using _other = other;
  other.attachFilter(program([0x06, 0, 0, 2]));
  await one.send(utf8("four"));
  assert.equal(textOf((await other.recv()).data), "fo");
});

test("a locked filter stays", () => {
  using socket = UdpSocket.bind("127.0.0.1:0");
  socket.attachFilter(ACCEPT);
  socket.setOption(SO.LOCK_FILTER, true);
  for (const call of [() => socket.attachFilter(REJECT), () => socket.detachFilter()]) {
    assert.throws(call, (error) => sysError("EPERM", "setsockopt")(error) && /is locked/.test(String(error)));
  }
});

test("as many instructions as the kernel takes; the program's bytes are the caller's again", async () => {
  using socket = UdpSocket.bind("127.0.0.1:0");
  const ret = [0x06, 0, 0, 0x40000] as const;
  const most = program(...Array.from({ length: 4096 }, () => ret));
  try {
    socket.attachFilter(most);
  } catch (error) {
    sysError("ENOMEM")(error); // net.core.optmem_max
  }
  const inside = new Uint8Array(24).fill(255);
  inside.set(ACCEPT, 8);
  const view = inside.subarray(8, 16);
  socket.attachFilter(view);
  inside.fill(0);
  await socket.sendTo(utf8("still"), socket.localAddr);
  assert.equal(textOf((await socket.recvFrom()).data), "still");
});

test("what is no program is refused: here, or by the kernel with a reason", () => {
  using socket = UdpSocket.bind("127.0.0.1:0");
  const wrong: [filter: unknown, error: string, message: RegExp][] = [
    [
      undefined,
      "TypeError",
      /filter: expected a FilterProgram, or a Uint8Array of instructions, got undefined/,
    ],
    [null, "TypeError", /got null/],
    ["tcp", "TypeError", /got string/],
    [{}, "TypeError", /got object/],
    [{ toBytes: () => "tcp" }, "TypeError", /expected toBytes\(\) to give a Uint8Array, got string/],
    [new Uint8Array(), "RangeError", /at least one, got 0 bytes/],
    [new Uint8Array(12), "RangeError", /8 bytes each.*got 12 bytes/],
    [new Uint8Array(4097 * 8), "RangeError", /at most 4096 instructions, got 4097/],
  ];
  for (const [filter, name, message] of wrong) {
    assert.throws(() => socket.attachFilter(filter as never), { name, message });
  }
  const refused = [
    program([0x30, 0, 0, 0]), // no return
    program([0xff, 0, 0, 0], [0x06, 0, 0, 1]), // no instruction
    program([0x15, 5, 0, 0], [0x06, 0, 0, 1]), // a jump past the end
    program([0x60, 0, 0, 3], [0x06, 0, 0, 1]), // reads M[3], which nothing has written
  ];
  for (const filter of refused) {
    assert.throws(
      () => socket.attachFilter(filter),
      (error) =>
        sysError("EINVAL", "setsockopt")(error) &&
        /SO_ATTACH_FILTER: .*jump past its end/.test(String(error)),
    );
  }
});
