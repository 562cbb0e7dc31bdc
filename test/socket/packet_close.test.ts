/** PacketSocket after close: every member says EBADF from our own check, and touches nobody who has the fd's number now. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { type LinkAddr, PACKET, PacketSocket, ReceiveBatch, SendBatch } from "../../src/index.ts";
import { isolated, sysError, utf8 } from "./_helpers.ts";

const MAC = "02:00:00:00:00:01";
const x = utf8("x");

function filled(): SendBatch {
  const batch = new SendBatch();
  batch.push(x);
  return batch;
}

/** Each public member, and the system call that its error names; none where it is of use on a closed socket, too. */
const CLOSED: Readonly<Record<string, [call: (s: PacketSocket) => unknown, syscall: string | undefined]>> = {
  addMembership: [(s) => s.addMembership("promiscuous", { device: "lo" }), "setsockopt"],
  attachFilter: [(s) => s.attachFilter(Uint8Array.of(6, 0, 0, 0, 0, 0, 4, 0)), "setsockopt"],
  close: [(s) => s.close(), undefined],
  closed: [(s) => assert.equal(s.closed, true), undefined],
  connected: [(s) => assert.equal(s.connected, false), undefined],
  detachFilter: [(s) => s.detachFilter(), "setsockopt"],
  dropMembership: [(s) => s.dropMembership("promiscuous", { device: "lo" }), "setsockopt"],
  getOption: [(s) => s.getOption(PACKET.AUXDATA), "getsockopt"],
  intoFd: [(s) => s.intoFd(), "release"],
  localAddr: [(s) => s.localAddr, "getsockname"],
  openRing: [(s) => s.openRing(), "setsockopt"],
  peerAddr: [(s) => s.peerAddr, "getpeername"],
  readable: [(s) => s.readable(), "poll"],
  recv: [(s) => s.recv(), "recvfrom"],
  recvFrom: [(s) => s.recvFrom(), "recvfrom"],
  recvMany: [(s) => s.recvMany(new ReceiveBatch<LinkAddr>()), "recvmmsg"],
  recvMsg: [(s) => s.recvMsg(), "recvmsg"],
  ref: [(s) => assert.equal(s.ref(), s), undefined],
  ring: [(s) => assert.equal(s.ring, undefined), undefined],
  send: [(s) => s.send(x), "send"],
  sendMany: [(s) => s.sendMany(filled()), "sendmmsg"],
  sendMsg: [(s) => s.sendMsg(x), "sendmsg"],
  sendTo: [(s) => s.sendTo(x, MAC), "getsockname"],
  setOption: [(s) => s.setOption(PACKET.AUXDATA, true), "setsockopt"],
  statistics: [(s) => s.statistics(), "getsockopt"],
  tryRecv: [(s) => s.tryRecv(), "recvfrom"],
  tryRecvFrom: [(s) => s.tryRecvFrom(), "recvfrom"],
  tryRecvMany: [(s) => s.tryRecvMany(new ReceiveBatch<LinkAddr>()), "recvmmsg"],
  trySend: [(s) => s.trySend(x), "send"],
  trySendTo: [(s) => s.trySendTo(x, MAC), "getsockname"],
  unref: [(s) => assert.equal(s.unref(), s), undefined],
  writable: [(s) => s.writable(), "poll"],
};
/** Between this class and its bases. */
const INTERNAL = [
  "constructor",
  "checkOutgoing",
  "checkSingle",
  "describe",
  "encodePeer",
  "encodeRequest",
  "localBytes",
  "mayBeReported",
  "messageFlags",
  "onSendBlocked",
  "receiveNow",
  "runSend",
  "scratchBytes",
  "sendError",
  "sendNow",
  "sendWaits",
  "setPeer",
];

isolated(
  import.meta.url,
  "every member of a closed PacketSocket",
  { netns: "ip link set lo up" },
  async () => {
    const members = new Set<string>();
    for (let at = PacketSocket.prototype as object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      for (const name of Object.getOwnPropertyNames(at)) members.add(name);
    }
    const untold = [...members].filter((name) => !(name in CLOSED) && !INTERNAL.includes(name));
    assert.deepEqual(untold, [], "members without a row");
    const socket = PacketSocket.open({ device: "lo" });
    socket.close();
    socket.close();
    using reused = PacketSocket.open({ device: "lo", filter: Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0) });
    for (const [name, [call, syscall]] of Object.entries(CLOSED)) {
      if (syscall === undefined) {
        await call(socket);
        continue;
      }
      await assert.rejects(
        async () => call(socket),
        (error) => {
          sysError("EBADF", syscall)(error);
          assert.match((error as Error).message, /this PacketSocket is closed/, name);
          return true;
        },
        name,
      );
    }
    assert.equal(reused.getOption(PACKET.AUXDATA), false);
    reused.detachFilter(); // nobody has taken it off
    for await (const _ of socket) assert.fail("closed");
    assert.equal(inspect(socket), "PacketSocket(closed)");
    assert.match(inspect(reused), /^PacketSocket\(00:00:00:00:00:00%1 0x0003\)$/);
  },
);

isolated(
  import.meta.url,
  "calls that wait reject with ECANCELED on close",
  { netns: "ip link set lo up" },
  async () => {
    const socket = PacketSocket.open({ device: "lo", protocol: 0x88b5 });
    const waiting = [
      socket.recvFrom(),
      socket.recvMsg(),
      socket.recvMany(new ReceiveBatch<LinkAddr>()),
      socket.readable(),
    ];
    socket.close();
    for (const one of waiting) await assert.rejects(one, sysError("ECANCELED"));
  },
);
