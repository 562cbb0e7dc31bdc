/** ping as a library: replies and their fields, names and families, how a session ends, what it counts. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { type Resolver, SocketAddr } from "../../src/index.ts";
import { hostText, type PingSessionOptions, ping } from "../../src/probe/index.ts";
import { isolated, noIpv6, sysError, test } from "../socket/_helpers.ts";
import { twoHosts } from "../socket/_wires.ts";
import { all, FAMILIES, FAR, FOREVER, only, Responder, SOCKETS } from "./_peers.ts";

for (const family of FAMILIES) {
  for (const socket of ["ping", "raw"] as const) {
    isolated(
      import.meta.url,
      `${family}, ${socket} socket: every request is replied to, and the reply says what it is`,
      { netns: SOCKETS[socket], skip: family === "ipv6" && noIpv6 },
      async () => {
        twoHosts();
        const session = ping(FAR[family], { count: 5, intervalMs: 0.5, sizeBytes: 100, ...FOREVER });
        const before = Date.now();
        const start = await session.open();
        assert.equal(start.socket, socket, "a ping socket where that is allowed, else a raw one");
        assert.equal(start.target.toString(), SocketAddr.of(FAR[family], 0).toString());
        assert.equal(start.localIp.toString(), family === "ipv4" ? "192.0.2.1" : "2001:db8::1");
        const events = await all(session);
        assert.deepEqual(
          events.map(({ sequence }) => sequence),
          [1, 2, 3, 4, 5],
        );
        for (const event of only(events, "reply")) {
          const { from, ttl, lengthBytes, duplicate, truncated, damage, intact, differentAddress } = event;
          assert.deepEqual(
            [from.toString(), ttl, lengthBytes],
            [SocketAddr.of(FAR[family], 0).toString(), 64, 108],
          );
          assert.deepEqual(
            [duplicate, truncated, damage, intact, differentAddress],
            [false, false, undefined, true, false],
          );
          assert.ok(event.rttMs > 0);
          assert.ok(event.unixMs >= before && event.unixMs < Date.now() + 1, "the kernel's time of day");
        }
        const { transmitted, received, duplicates, errors, loss, rttMs } = session.statistics();
        assert.deepEqual([transmitted, received, duplicates, errors, loss], [5, 5, 0, 0, 0]);
        const times = only(events, "reply").map((it) => it.rttMs);
        assert.equal(rttMs?.min, Math.min(...times));
        assert.equal(rttMs?.max, Math.max(...times));
        assert.ok(Math.abs((rttMs?.avg ?? 0) - times.reduce((a, b) => a + b) / 5) < 1e-9);
        assert.deepEqual(await session.next(), { done: true, value: undefined });
      },
    );

    isolated(
      import.meta.url,
      `${family}, ${socket} socket: sizes, patterns, TTL and TOS go as they are asked for, by the address and device`,
      { netns: SOCKETS[socket], skip: family === "ipv6" && noIpv6 },
      async () => {
        const { near, far } = twoHosts();
        const second = family === "ipv4" ? "192.0.2.7" : "2001:db8::7";
        near.sh(
          `ip addr add ${second}/${family === "ipv4" ? 24 : 64} dev near0 ${family === "ipv6" ? "nodad" : ""}`,
        );
        using responder = new Responder(far, family);
        const pattern = Uint8Array.of(0xca, 0xfe, 1);
        const options: PingSessionOptions = {
          count: 1,
          sizeBytes: 21,
          pattern,
          ttl: 17,
          tos: 0x28,
          localAddr: second,
          device: "near0",
          identifier: 4711,
          mtuDiscovery: "do",
          flowLabel: family === "ipv6" ? 0x12345 : undefined,
          ...FOREVER,
        };
        const events = all(ping(FAR[family], options));
        const asked = await responder.asked();
        assert.deepEqual([...asked.message.subarray(4, 8)], [4711 >> 8, 4711 & 0xff, 0, 1]);
        assert.equal(asked.message.length, 8 + 21);
        const usec = new DataView(asked.message.buffer, asked.message.byteOffset + 16, 8).getBigUint64(
          0,
          true,
        );
        assert.ok(usec < 1_000_000n, "16 bytes of time, as ping(8) has them");
        assert.deepEqual([...asked.message.subarray(24)], [0xfe, 1, 0xca, 0xfe, 1]);
        assert.equal(asked.peer.ip.toString(), second);
        assert.deepEqual([asked.tos, asked.ttl], [0x28, 17]);
        if (family === "ipv6") assert.equal(asked.flowLabel, 0x12345);
        if (family === "ipv4") {
          assert.equal((asked.packet[6] as number) & 0x40, 0x40, "don't fragment");
        }
        await responder.send(responder.reply(asked), asked);
        assert.equal(only(await events, "reply").length, 1);
        for (const sizeBytes of [0, 1, 15, 16, 17, family === "ipv4" ? 65507 : 65527]) {
          const one = all(ping(FAR[family], { count: 1, sizeBytes, ...FOREVER }));
          const request = await responder.asked();
          assert.equal(request.message.length, sizeBytes + 8);
          await responder.send(responder.reply(request), request);
          const [reply] = only(await one, "reply");
          assert.deepEqual(
            [reply?.lengthBytes, reply?.damage, reply?.truncated],
            [sizeBytes + 8, undefined, false],
          );
        }
      },
    );
  }
}

isolated(
  import.meta.url,
  "IPv6: a link-local address with its zone, by name, by index, or by the device; and a group of hosts",
  { netns: SOCKETS.ping, skip: noIpv6 },
  async () => {
    const { near, far } = twoHosts();
    const address = /inet6 (fe80\S+)\/64/.exec(far.sh("ip -6 addr show dev far0 scope link"))?.[1] as string;
    const index = Number(near.sh("cat /sys/class/net/near0/ifindex || ip -o link show near0 | cut -d: -f1"));
    for (const socket of ["raw", "ping"] as const) {
      const options: PingSessionOptions = { count: 1, socket, ...FOREVER };
      for (const [target, more] of [
        [`${address}%near0`, {}],
        [`[${address}%near0]`, {}],
        [`${address}%${index}`, {}],
        [SocketAddr.of(address, 0, { zone: "near0" }), {}],
        [address, { device: "near0" }],
      ] as const) {
        const events = await all(ping(target, { ...options, ...more }));
        assert.deepEqual(
          only(events, "reply").map((it) => [hostText(it.from), it.differentAddress]),
          [[`${address}%near0`, false]],
          String(target),
        );
      }
      await assert.rejects(all(ping(address, options)), sysError("EINVAL", "connect"));
      // Everybody on the network: this host and the other one.
      const seen = new Set<string>();
      const session = ping("ff02::1", { device: "near0", intervalMs: 5, socket, ...FOREVER });
      for await (const event of session) {
        if (event.kind !== "reply") continue;
        assert.equal(event.differentAddress, false, "a group has many addresses");
        seen.add(event.from.ip.toString());
        if (seen.size === 2) break;
      }
      assert.ok(seen.has(address));
      assert.ok(session.statistics().duplicates > 0, "the second reply to one request");
    }
  },
);

isolated(
  import.meta.url,
  "IPv4: a broadcast address needs `broadcast`, and then every host that answers is heard",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    far.sh("echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts");
    await assert.rejects(all(ping("192.0.2.255")), (error) => {
      sysError("EACCES", "connect")(error);
      assert.match((error as Error).message, /^connect 192\.0\.2\.255: .*needs the option broadcast/);
      return true;
    });
    const events = await all(ping("192.0.2.255", { broadcast: true, count: 1, ...FOREVER }));
    assert.deepEqual(
      only(events, "reply").map((it) => [it.from.ip.toString(), it.differentAddress]),
      [["192.0.2.2", false]],
    );
  },
);

isolated(
  import.meta.url,
  "a name: the first address that there is a route to; other families are not asked for",
  { netns: SOCKETS.raw },
  async () => {
    const asked: unknown[] = [];
    const resolver: Resolver = {
      async resolve(host, service, options) {
        asked.push([host, service, options?.family, options?.type, options?.timeoutMs]);
        return [SocketAddr.of("192.0.2.1", 0), SocketAddr.of("127.0.0.9", 0)];
      },
    };
    const session = ping("host.example", { resolver, family: "ipv4", count: 1, ...FOREVER });
    assert.equal((await session.open()).target.ip.toString(), "127.0.0.9");
    assert.deepEqual(asked, [["host.example", "0", "ipv4", "datagram", undefined]]);
    assert.equal(only(await all(session), "reply").length, 1);
    const lost: Resolver = { resolve: async () => [SocketAddr.of("192.0.2.1", 0)] };
    const failing = ping("host.example", { resolver: lost });
    await assert.rejects(all(failing), (error) => {
      sysError("ENETUNREACH", "connect")(error);
      assert.match((error as Error).message, /^connect 192\.0\.2\.1: Network is unreachable/);
      return true;
    });
    assert.deepEqual(await failing.next(), { done: true, value: undefined }, "thrown once");
    await assert.rejects(all(ping("127.0.0.1", { family: "ipv6" })), { code: "EAI_ADDRFAMILY" });
    await assert.rejects(all(ping("127.0.0.1", { device: "nosuch" })), sysError("ENODEV", "setsockopt"));
    await assert.rejects(
      all(ping("127.0.0.1", { localAddr: "192.0.2.9" })),
      sysError("EADDRNOTAVAIL", "bind"),
    );
    for (const [target, own] of [
      ["0.0.0.0", "127.0.0.1"],
      ["::", "::1"],
    ] as const) {
      if (own === "::1" && noIpv6) continue;
      const [reply] = only(await all(ping(target, { count: 1, ...FOREVER })), "reply");
      assert.deepEqual([reply?.from.ip.toString(), reply?.differentAddress], [own, false]);
    }
  },
);

isolated(
  import.meta.url,
  "sessions side by side hear their own replies only",
  { netns: SOCKETS.ping },
  async () => {
    const sessions = Array.from({ length: 40 }, (_, i) =>
      ping("127.0.0.1", {
        count: 20,
        intervalMs: 1,
        socket: i % 2 ? "raw" : "ping",
        sizeBytes: i,
        ...FOREVER,
      }),
    );
    const told = await Promise.all(sessions.map(all));
    for (const [i, events] of told.entries()) {
      assert.deepEqual(
        only(events, "reply").map((it) => [it.sequence, it.lengthBytes, it.duplicate, it.damage]),
        Array.from({ length: 20 }, (_, j) => [j + 1, i + 8, false, undefined]),
      );
      assert.equal(events.length, 20);
    }
  },
);

isolated(
  import.meta.url,
  "without a ping group, a ping socket is refused and a raw one is taken; an identifier in use is an error",
  { netns: SOCKETS.raw },
  async () => {
    await assert.rejects(all(ping("127.0.0.1", { socket: "ping" })), sysError("EACCES", "socket"));
    const raw = ping("127.0.0.1");
    assert.equal((await raw.open()).socket, "raw");
    raw.stop();
    writeFileSync("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    const first = ping("127.0.0.1", { identifier: 9 });
    assert.deepEqual((({ socket, identifier }) => [socket, identifier])(await first.open()), ["ping", 9]);
    await assert.rejects(all(ping("127.0.0.1", { identifier: 9 })), sysError("EADDRINUSE", "bind"));
    first.stop();
  },
);

test("options that do not fit are refused before anything is done, by their names", () => {
  const wrong: [string, unknown, typeof RangeError | typeof TypeError][] = [
    ["count", 0, RangeError],
    ["count", 1.5, RangeError],
    ["count", "1", TypeError],
    ["answers", -1, RangeError],
    ["intervalMs", -1, RangeError],
    ["intervalMs", Number.NaN, RangeError],
    ["timeoutMs", "1", TypeError],
    ["deadlineMs", -0.5, RangeError],
    ["linger", "for ever", TypeError],
    ["sizeBytes", 65528, RangeError],
    ["sizeBytes", -1, RangeError],
    ["pattern", "ff", TypeError],
    ["ttl", 0, RangeError],
    ["ttl", 256, RangeError],
    ["tos", 256, RangeError],
    ["flowLabel", 0x100000, RangeError],
    ["mtuDiscovery", "yes", TypeError],
    ["identifier", 0, RangeError],
    ["identifier", 65536, RangeError],
    ["preload", 0, RangeError],
    ["socket", "packet", TypeError],
    ["report", ["lost"], TypeError],
    ["family", "ipx", TypeError],
    ["signal", {}, TypeError],
  ];
  for (const [name, value, kind] of wrong) {
    assert.throws(
      () => ping("127.0.0.1", { [name]: value }),
      (error) => error instanceof kind && error.message.startsWith(`${name}: `),
      `${name}: ${value}`,
    );
  }
  assert.throws(() => ping("127.0.0.1", { family: "ipv4", sizeBytes: 65508 }), RangeError);
  for (const target of [undefined, 7, {}]) assert.throws(() => ping(target as never), TypeError);
});
