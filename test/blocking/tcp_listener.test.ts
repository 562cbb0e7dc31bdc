/** TcpListener, blocking: binding, accepting, and what goes wrong. */
import assert from "node:assert/strict";
import { IPV6, SO, SocketAddr, TcpListener, TcpStream, WOULD_BLOCK } from "../../src/blocking/index.ts";
import { fdCount } from "../_fds.ts";
import { noIpv6, noPython } from "../socket/_helpers.ts";
import { utf8 } from "./_bytes.ts";
import { cases, isolated, Peer, python } from "./_cases.ts";
import { sysError, timeout } from "./_pair.ts";

cases(import.meta.url, {
  "an address, a SocketAddr or a port; what is no address is refused before any system call"() {
    for (const address of ["127.0.0.1:0", SocketAddr.parse("127.0.0.1:0"), 0]) {
      using listener = TcpListener.bind(address);
      using client = TcpStream.connect({ host: "127.0.0.1", port: listener.localAddr.port });
      using server = listener.accept();
      assert.equal(server.localAddr.port, client.peerAddr.port);
    }
    const before = fdCount();
    const rows: [address: unknown, options: object, name: string][] = [
      ["localhost:0", {}, "AddressError"],
      ["127.0.0.1", {}, "AddressError"],
      [65_536, {}, "RangeError"],
      [undefined, {}, "TypeError"],
      ["127.0.0.1:0", { backlog: -1 }, "RangeError"],
      ["127.0.0.1:0", { backlog: 1.5 }, "RangeError"],
      ["127.0.0.1:0", { reuseAddr: 1 }, "TypeError"],
      ["127.0.0.1:0", { ipv6Only: "yes" }, "TypeError"],
    ];
    for (const [address, options, name] of rows) {
      assert.throws(() => TcpListener.bind(address as string, options), { name }, `${String(address)}`);
    }
    assert.equal(fdCount(), before);
  },

  "a port that is taken: EADDRINUSE with the address, and no fd stays open"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const before = fdCount();
    assert.throws(() => TcpListener.bind(listener.localAddr), sysError("EADDRINUSE", "bind"));
    assert.throws(() => TcpListener.bind("192.0.2.77:0"), sysError("EADDRNOTAVAIL", "bind"));
    assert.equal(fdCount(), before);
  },

  "a port alone takes both families; ipv6Only takes one": {
    skip: noIpv6,
    body() {
      using both = TcpListener.bind(0);
      assert.equal(both.getOption(IPV6.V6ONLY), false);
      using four = TcpStream.connect(`127.0.0.1:${both.localAddr.port}`);
      using mapped = both.accept();
      assert.match(mapped.peerAddr.toString(), /^\[::ffff:127\.0\.0\.1\]:/);
      assert.equal(mapped.peerAddr.port, four.localAddr.port);
      using six = TcpListener.bind("[::]:0", { ipv6Only: true });
      const target = `127.0.0.1:${six.localAddr.port}`;
      assert.throws(() => TcpStream.connect(target), sysError("ECONNREFUSED"));
    },
  },

  "accept and the iterators give connections in the order in which they came; closing ends an iteration"() {
    const listener = TcpListener.bind("127.0.0.1:0");
    const clients = Array.from({ length: 6 }, () => TcpStream.connect(listener.localAddr));
    const seen: number[] = [];
    const note = (server: TcpStream): void => {
      seen.push(server.peerAddr.port);
      server.close();
    };
    note(listener.accept());
    for (const server of listener) {
      note(server);
      if (seen.length === 3) break; // leaves the listener open
    }
    for (const server of listener.incoming({ timeoutMs: 0 })) {
      note(server);
      if (seen.length === 6) listener.close();
    }
    assert.deepEqual(
      seen,
      clients.map((client) => client.localAddr.port),
    );
    assert.deepEqual([...listener], []);
    for (const client of clients) client.close();
  },

  "incoming with a timeout: TimeoutError when nobody comes, and the listener stays usable"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    assert.throws(() => [...listener.incoming({ timeoutMs: 30 })], timeout("accept", 30));
    using client = TcpStream.connect(listener.localAddr);
    using server = listener.accept({ timeoutMs: 10_000 });
    assert.ok(server.peerAddr.equals(client.localAddr));
  },

  "tryAccept never waits"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    assert.equal(listener.tryAccept(), WOULD_BLOCK);
    using client = TcpStream.connect(listener.localAddr);
    const server = listener.tryAccept();
    assert.ok(server instanceof TcpStream);
    assert.ok(server.peerAddr.equals(client.localAddr));
    server.close();
    assert.equal(listener.tryAccept(), WOULD_BLOCK);
  },

  "accept blocks until somebody comes, longer than a slice": {
    skip: noPython,
    async body() {
      using listener = TcpListener.bind("127.0.0.1:0");
      const script = `
time.sleep(0.45)
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sys.exit(0 if link.recv(9) == b"welcome" else 1)`;
      const program = python(script, listener.localAddr.port);
      using server = listener.accept();
      server.writeAll(utf8("welcome"));
      assert.equal(await program.ended, 0);
    },
  },

  "a connection that was reset before it is accepted does not end the accepting"() {
    using listener = TcpListener.bind("127.0.0.1:0");
    const rude = TcpStream.connect(listener.localAddr);
    rude.setOption(SO.LINGER, 0);
    rude.close();
    using polite = TcpStream.connect(listener.localAddr);
    const ports: number[] = [];
    while (ports.at(-1) !== polite.localAddr.port) {
      using server = listener.accept({ timeoutMs: 10_000 });
      ports.push(server.peerAddr.port);
    }
    assert.ok(ports.length <= 2);
  },

  "two threads accept on one port with reusePort, and on one socket that was handed over"() {
    const listener = TcpListener.bind("127.0.0.1:0", { reusePort: true });
    const { port } = listener.localAddr;
    const code = `
      const listener = data.fd === undefined
        ? B.TcpListener.bind("127.0.0.1:" + data.port, { reusePort: true })
        : B.TcpListener.fromFd(data.fd);
      ready();
      let count = 0;
      for (const peer of listener) {
        const stop = peer.readText() === "stop";
        peer.close();
        if (stop) break;
        count++;
      }
      listener.close();
      return count;`;
    const other = new Peer<number>(code, { port }).waitReady();
    const owned = listener.intoFd();
    const same = new Peer<number>(code, { fd: owned.release() }).waitReady();
    const count = 60;
    const say = (text: string): void => {
      const client = TcpStream.connect({ host: "127.0.0.1", port });
      client.writeAll(utf8(text));
      client.close();
    };
    for (let i = 0; i < count; i++) say("x");
    let [stopped, stops] = [0, 0];
    for (const { worker } of [other, same]) worker.once("exit", () => stopped++);
    return (async () => {
      // Either may get either word: both have to stop before nobody listens any more.
      while (stopped < 2 && stops++ < 100) {
        try {
          say("stop");
        } catch {
          break; // nobody listens any more
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const counts = await Promise.all([other.result, same.result]);
      assert.equal(counts[0] + counts[1], count);
    })();
  },
});

isolated(
  import.meta.url,
  "blocking: out of files, accept says so, and the connection waits in the backlog",
  { shell: "ulimit -n 400;" },
  async () => {
    using listener = TcpListener.bind("127.0.0.1:0");
    using client = TcpStream.connect(listener.localAddr);
    const hoard: TcpListener[] = [];
    assert.throws(
      () => {
        for (;;) hoard.push(TcpListener.bind("127.0.0.1:0"));
      },
      sysError("EMFILE", "socket"),
    );
    assert.throws(() => listener.accept(), sysError("EMFILE", "accept"));
    assert.throws(() => listener.accept({ timeoutMs: 10_000 }), sysError("EMFILE", "accept"));
    for (const one of hoard) one.close();
    using server = listener.accept({ timeoutMs: 0 });
    assert.ok(server.peerAddr.equals(client.localAddr));
  },
);
