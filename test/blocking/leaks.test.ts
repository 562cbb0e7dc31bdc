/** Leaks: fds after a thousand of everything that opens one, however it ends. */
import assert from "node:assert/strict";
import {
  ConnectError,
  type Resolver,
  SO,
  type SocketAddr,
  SysError,
  TcpListener,
  TcpStream,
  TimeoutError,
  UdpSocket,
  UnixDatagram,
  UnixListener,
  UnixStream,
} from "../../src/blocking/index.ts";
import { fdCount } from "../_fds.ts";
import { random } from "../socket/_helpers.ts";
import { utf8 } from "./_bytes.ts";
import { cases } from "./_cases.ts";

cases(import.meta.url, {
  "3 000 connects that succeed, fail or time out, to addresses and names, leave no fd open"() {
    const below = random(7);
    using listener = TcpListener.bind("127.0.0.1:0");
    const closed = TcpListener.bind("127.0.0.1:0");
    const refusing = closed.localAddr;
    closed.close();
    using full = TcpListener.bind("127.0.0.1:0", { backlog: 0 });
    using filler = TcpStream.connect(full.localAddr);
    const targets = [listener.localAddr, refusing, full.localAddr];
    const outcomes = new Map<string, number>();
    const before = fdCount();
    for (let i = 0; i < 3000; i++) {
      const resolver: Resolver = {
        resolve: () => Array.from({ length: 1 + below(3) }, () => targets[below(3)] as SocketAddr),
      };
      let outcome = "connected";
      try {
        const target = below(2) === 0 ? "a.example:80" : (targets[below(3)] as SocketAddr);
        const stream = TcpStream.connect(target, { resolver, attemptDelayMs: below(2), timeoutMs: below(3) });
        if (below(2) === 0) stream.setOption(SO.LINGER, 0);
        if (below(2) === 0) stream.write(utf8("x"));
        stream.close();
      } catch (error) {
        if (error instanceof TimeoutError) outcome = "timed out";
        else if (error instanceof ConnectError) outcome = "all failed";
        else if (error instanceof SysError && error.code === "ECONNREFUSED") outcome = "refused";
        else throw error;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      for (let waiting = listener.tryAccept(); waiting instanceof TcpStream; waiting = listener.tryAccept())
        waiting.close();
    }
    assert.equal(fdCount(), before);
    for (const outcome of ["connected", "timed out", "all failed", "refused"]) {
      assert.ok((outcomes.get(outcome) ?? 0) > 50, JSON.stringify([...outcomes]));
    }
    assert.equal(filler.closed, false);
  },

  "a thousand of each other kind, made, used, timed out, refused and closed"() {
    using local = UnixListener.bind("@", {});
    const before = fdCount();
    const late = (call: () => unknown): void => assert.throws(call, { name: "TimeoutError" });
    for (let i = 0; i < 1000; i++) {
      {
        using client = UnixStream.connect(local.localAddr);
        using server = local.accept();
        late(() => server.read(new Uint8Array(1), { timeoutMs: 0 }));
        late(() => local.accept({ timeoutMs: 0 }));
        assert.equal(client.write(utf8("x")), 1);
      }
      for (const socket of [...UnixStream.pair(), ...UnixDatagram.pair()]) socket.close();
      {
        using socket = UdpSocket.bind("127.0.0.1:0");
        late(() => socket.recvFrom({ timeoutMs: 0 }));
        late(() => socket.recvMsg({ timeoutMs: 0 }));
        assert.throws(() => UdpSocket.bind(socket.localAddr), { code: "EADDRINUSE" });
        assert.throws(() => TcpListener.bind("192.0.2.77:0"), { code: "EADDRNOTAVAIL" });
        assert.throws(() => UnixStream.connect("/nothing/here"), { code: "ENOENT" });
        assert.throws(() => UnixDatagram.bind("/nothing/here"), { code: "ENOENT" });
      }
      {
        const owned = UdpSocket.connect("127.0.0.1:9").intoFd();
        assert.throws(() => TcpStream.fromFd(owned), TypeError);
        using _again = UdpSocket.fromFd(owned);
      }
    }
    assert.equal(fdCount(), before);
  },
});
