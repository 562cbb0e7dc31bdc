/** DNS over TLS, RFC 7858: against unbound, and against servers that misbehave. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import dnsPacket from "dns-packet";
import { DnsError, DnsResolver, type DnsServer } from "../../src/dns/index.ts";
import { type Certificate, selfSigned } from "./_certificate.ts";
import { openSockets, socketsClosed } from "./_fds.ts";
import { missing, ownAddress, ServerProgram } from "./_programs.ts";

const LONG = 60_000;
const SHORT = 300;

const ZONE = `@ SOA ns admin 1 2 3 4 5
host A 192.0.2.7
host AAAA 2001:db8::7
large TXT ${Array.from({ length: 20 }, (_, i) => `"${String(i % 10).repeat(200)}"`).join(" ")}`;

describe("unbound over TLS", { skip: missing("unbound", "openssl") }, () => {
  let certificate: Certificate;
  let unbound: ServerProgram;
  const address = ownAddress();

  before(async () => {
    certificate = selfSigned("DNS:dns.example.test", `IP:${address}`);
    const config = `  interface: ${address}@8853
  interface: $ADDRESS@8853
  tls-port: 8853
  tls-service-key: "${certificate.keyFile}"
  tls-service-pem: "${certificate.certFile}"`;
    unbound = await ServerProgram.unbound(ZONE, config);
  });

  after(async () => {
    await unbound[Symbol.asyncDispose]();
    certificate.remove();
  });

  const resolver = (server: Partial<DnsServer>, more: object = {}): DnsResolver => {
    const tls = { address: unbound.address, port: unbound.tlsPort, transport: "tls" as const, ...server };
    return new DnsResolver({ servers: [tls], timeoutMs: LONG, attempts: 1, ...more });
  };

  const ACCEPTED: Record<string, () => Partial<DnsServer>> = {
    "its name": () => ({ ca: certificate.cert, tlsName: "dns.example.test" }),
    "its name, and the authority as bytes in a list": () => ({
      ca: [new TextEncoder().encode(certificate.cert)],
      tlsName: "dns.example.test",
    }),
    "its address": () => ({ ca: certificate.cert, address }),
    anything: () => ({ rejectUnauthorized: false }),
  };

  for (const [what, server] of Object.entries(ACCEPTED)) {
    test(`a certificate is verified for ${what}`, async () => {
      const response = await resolver(server()).query("host.example.test", "A");
      assert.equal(response.transport, "tls");
      assert.equal(String(response.records[0]?.address), "192.0.2.7");
    });
  }

  const REFUSED: Record<string, [server: () => Partial<DnsServer>, code: string]> = {
    "another name": [() => ({ ca: certificate.cert, tlsName: "other.test" }), "ERR_TLS_CERT_ALTNAME_INVALID"],
    "another address": [() => ({ ca: certificate.cert }), "ERR_TLS_CERT_ALTNAME_INVALID"],
    "an authority that is not known": [
      () => ({ tlsName: "dns.example.test" }),
      "DEPTH_ZERO_SELF_SIGNED_CERT",
    ],
  };

  for (const [what, [server, code]] of Object.entries(REFUSED)) {
    test(`a certificate is refused: ${what}`, async () => {
      const sockets = openSockets();
      await assert.rejects(resolver(server()).query("host.example.test", "A"), (error) => {
        assert.ok(error instanceof DnsError);
        assert.equal(error.code, "UNANSWERED");
        assert.equal((error.tries[0]?.error as NodeJS.ErrnoException | undefined)?.code, code);
        assert.match(error.message, /over TLS: /);
        return true;
      });
      assert.equal(openSockets(), sockets);
    });
  }

  test("both families, large answers, errors, many at once, and nothing left open", async () => {
    const sockets = openSockets();
    const tls = resolver({ ca: certificate.cert, tlsName: "dns.example.test" });
    const found = await tls.resolve("host.example.test", 443);
    assert.deepEqual(found.map(String).sort(), ["192.0.2.7:443", "[2001:db8::7]:443"]);
    assert.equal((await tls.query("large.example.test", "TXT")).records[0]?.text.length, 4000);
    await assert.rejects(tls.query("nowhere.example.test", "A"), { code: "NXDOMAIN" });
    const many = await Promise.all(Array.from({ length: 500 }, () => tls.query("host.example.test", "AAAA")));
    assert.equal(many.filter(({ records }) => records.length === 1).length, 500);
    assert.equal(openSockets(), sockets);
  });

  test("a server that speaks no TLS", async () => {
    const plain = resolver({ port: unbound.port, ca: certificate.cert }, { timeoutMs: SHORT });
    await assert.rejects(plain.query("host.example.test", "A"), { code: "UNANSWERED" });
  });
});

describe("servers over TLS that misbehave", { skip: missing("openssl") }, () => {
  let certificate: Certificate;
  before(() => {
    certificate = selfSigned("DNS:dns.example.test");
  });
  after(() => certificate.remove());

  /** Runs a server while `use` asks it. */
  async function serving(server: Server, use: (resolver: DnsResolver) => Promise<void>): Promise<void> {
    const connections = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      connections.add(socket.on("error", () => {}));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const { cert: ca } = certificate;
    const tls = { address: "127.0.0.1", port, transport: "tls" as const, ca, tlsName: "dns.example.test" };
    try {
      await use(new DnsResolver({ servers: [tls], timeoutMs: SHORT, attempts: 1 }));
    } finally {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, "close");
    }
  }

  const behaving = (answer: (socket: TLSSocket, reply: Buffer) => void): Server => {
    const { key, cert } = certificate;
    return createServer({ key, cert }, (socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes: Buffer) => {
        const { id, questions } = dnsPacket.decode(bytes.subarray(2));
        const name = questions?.[0]?.name ?? "";
        const answers = [{ type: "A" as const, name, data: "192.0.2.1" }];
        answer(
          socket,
          dnsPacket.streamEncode({ type: "response", id: id ?? 0, questions: questions ?? [], answers }),
        );
      });
    });
  };

  for (const [what, answer, message] of [
    [
      "closes without an answer",
      (socket: TLSSocket) => socket.end(),
      /it closed the connection without an answer/,
    ],
    [
      "closes in the middle",
      (socket: TLSSocket, reply: Buffer) => socket.end(reply.subarray(0, 20)),
      /it closed the connection without an answer/,
    ],
    [
      "breaks off",
      (socket: TLSSocket) => socket.destroy(),
      /it closed the connection without an answer|ECONNRESET/,
    ],
    ["says nothing", () => {}, /no answer within 300 ms/],
    [
      "says half",
      (socket: TLSSocket, reply: Buffer) => void socket.write(reply.subarray(0, 20)),
      /no answer within 300 ms/,
    ],
  ] as const) {
    test(`a server that ${what}`, async () => {
      await serving(behaving(answer), async (resolver) => {
        const sockets = openSockets();
        await assert.rejects(resolver.query("host.test", "A"), { code: "UNANSWERED", message });
        await socketsClosed(sockets);
      });
    });
  }

  test("a server that answers byte by byte", async () => {
    const slowly = async (socket: TLSSocket, reply: Buffer): Promise<void> => {
      for (const byte of reply) await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
    };
    await serving(behaving(slowly), async (resolver) => {
      assert.equal((await resolver.query("host.test", "A", { timeoutMs: LONG })).records.length, 1);
    });
  });

  test("a server that never answers the handshake, until the timeout or a signal", async () => {
    await serving(createTcpServer(), async (resolver) => {
      const sockets = openSockets();
      await assert.rejects(resolver.query("host.test", "A"), { message: /no answer within 300 ms/ });
      const controller = new AbortController();
      const pending = resolver.query("host.test", "A", { signal: controller.signal });
      setImmediate(() => controller.abort("enough"));
      await assert.rejects(pending, (reason) => reason === "enough");
      assert.ok(openSockets() <= sockets + 2, "no more than the server's own side");
    });
  });

  test("a server that answers the handshake with noise", async () => {
    const noise = createTcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await serving(noise, async (resolver) => {
      await assert.rejects(resolver.query("host.test", "A"), {
        code: "UNANSWERED",
        message: /over TLS: .*(SSL|version)/i,
      });
    });
  });

  test("an authority that is no certificate is said", async () => {
    await serving(
      behaving(() => {}),
      async (resolver) => {
        const [server] = resolver.servers;
        const broken = new DnsResolver({
          servers: [{ address: server!, transport: "tls", ca: "nonsense" }],
          attempts: 1,
        });
        const sockets = openSockets();
        await assert.rejects(broken.query("host.test", "A"), /PEM|certificate/i);
        assert.ok(openSockets() <= sockets + 1, "no more than the server's own side");
      },
    );
  });
});
