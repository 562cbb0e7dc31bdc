/** How traces end: cancelled, left, refused, misused; and what they leave behind, which is nothing. */
import assert from "node:assert/strict";
import { Ipv4Addr, SysError } from "../../src/index.ts";
import { type TraceOptions, trace } from "../../src/probe/index.ts";
import { fdCount } from "../_fds.ts";
import { isolated, test, turns } from "../socket/_helpers.ts";
import { chain, FAR, NEAR, noNft, rowsOfHops, rules, traced } from "./_chain.ts";

const PINGABLE = `ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range`;

const METHODS: readonly TraceOptions[] = [
  {},
  { method: "icmp", socket: "ping" },
  { method: "icmp", socket: "raw" },
  { method: "tcp", socket: "raw" },
  { method: "tcp", socket: "connect" },
];

isolated(
  import.meta.url,
  "a trace that is left, cancelled or at its end keeps no fd and no timer",
  { netns: PINGABLE, skip: noNft },
  async () => {
    const { first } = chain();
    await traced(FAR.ipv4);
    let before = fdCount();
    for (const options of METHODS) {
      const words = JSON.stringify(options);
      for await (const { ttl } of trace(FAR.ipv4, options)) if (ttl === 2) break;
      assert.equal(fdCount(), before, `left: ${words}`);
      assert.ok((await traced(FAR.ipv4, options)).reached, words);
      assert.equal(fdCount(), before, `at its end: ${words}`);
    }
    rules(first, "prerouting", `ip saddr ${NEAR.ipv4} drop`);
    before = fdCount();
    for (const options of METHODS) {
      const controller = new AbortController();
      const session = trace(FAR.ipv4, { ...options, signal: controller.signal });
      const next = session.next();
      await session.open();
      await turns(20);
      assert.ok(fdCount() > before);
      controller.abort(new Error("enough"));
      await assert.rejects(next, /enough/);
      assert.deepEqual(await session.next(), { done: true, value: undefined });
      assert.equal(session.result, undefined);
      assert.equal(fdCount(), before, `cancelled: ${JSON.stringify(options)}`);
      const left = trace(FAR.ipv4, options);
      const waiting = left.next();
      await left.open();
      await turns(20);
      await left.return();
      assert.deepEqual(await waiting, { done: true, value: undefined });
      assert.equal(fdCount(), before, `left while it waits: ${JSON.stringify(options)}`);
    }
    const aborted = trace(FAR.ipv4, { signal: AbortSignal.abort(new Error("never")) });
    await assert.rejects(aborted.next(), /never/);
    // Left before it has begun, and while it begins.
    const early = trace(FAR.ipv4);
    await early.return();
    assert.deepEqual(await early.next(), { done: true, value: undefined });
    const beginning = trace(FAR.ipv4);
    const first_ = beginning.next();
    await beginning.return();
    assert.deepEqual(await first_, { done: true, value: undefined });
    assert.equal(fdCount(), before);
  },
);

isolated(
  import.meta.url,
  "a probe that this host's own firewall refuses ends the trace with the error",
  { netns: PINGABLE, skip: noNft },
  async () => {
    const { near } = chain();
    rules(near, "output", "meta l4proto { udp, icmp, tcp } drop");
    await assert.rejects(traced(FAR.ipv4), { code: "EPERM" });
    const before = fdCount();
    for (const options of METHODS) {
      const result = traced(FAR.ipv4, { ...options, maxTtl: 1, timeoutMs: 100 });
      if (options.socket === "connect") {
        assert.deepEqual(rowsOfHops((await result).hops), [[1, "*", "*", "*"]]); // connect(2) does not tell
      } else {
        await assert.rejects(result, { code: "EPERM" }, JSON.stringify(options));
      }
      assert.equal(fdCount(), before);
    }
  },
);

isolated(
  import.meta.url,
  "without privilege: what is missing is said, and TCP connects instead",
  { netns: "ip link set lo up", skip: process.getuid?.() !== 0 ? "needs root" : false },
  async () => {
    chain();
    process.setegid?.(65534);
    process.seteuid?.(65534);
    for (const options of [{ method: "icmp" }, { method: "icmp", socket: "ping" }] as const) {
      await assert.rejects(traced(FAR.ipv4, options), {
        code: "EACCES",
        message: /ping_group_range.*CAP_NET_RAW/,
      });
    }
    for (const method of ["icmp", "tcp"] as const) {
      await assert.rejects(traced(FAR.ipv4, { method, socket: "raw" }), {
        code: "EPERM",
        message: /CAP_NET_RAW/,
      });
    }
    for (const method of ["udp", "tcp"] as const) {
      const session = trace(FAR.ipv4, { method });
      assert.equal((await session.open()).socket, method === "udp" ? "udp" : "connect");
      for await (const { probes } of session) assert.ok(probes.every(({ reply }) => reply !== undefined));
      assert.ok(session.result?.reached);
    }
  },
);

test("options that do not fit are refused before anything is sent", () => {
  const rows: readonly [options: object, pattern: RegExp][] = [
    [{ method: "sctp" }, /^TypeError: method: expected one of "udp", "icmp", "tcp", got sctp$/],
    [{ port: 0 }, /^RangeError: port: expected a whole number from 1 to 65535, got 0$/],
    [{ port: "80" }, /^TypeError: port: expected a number, got string$/],
    [{ fixedPort: true, method: "tcp" }, /^TypeError: fixedPort/],
    [{ socket: "raw" }, /^TypeError: socket: expected none with udp, got raw$/],
    [{ method: "icmp", socket: "connect" }, /^TypeError: socket: expected "ping" or "raw" with icmp/],
    [{ firstTtl: 0 }, /^RangeError: firstTtl/],
    [{ maxTtl: 256 }, /^RangeError: maxTtl/],
    [{ firstTtl: 5, maxTtl: 4 }, /^RangeError: firstTtl: expected at most maxTtl, 4, got 5$/],
    [{ queries: 11 }, /^RangeError: queries: expected a whole number from 1 to 10, got 11$/],
    [{ window: 0 }, /^RangeError: window/],
    [{ timeoutMs: -1 }, /^RangeError: timeoutMs/],
    [{ sendIntervalMs: Number.NaN }, /^RangeError: sendIntervalMs/],
    [{ patience: { here: -1, near: 0 } }, /^RangeError: patience.here/],
    [{ packetBytes: 65536 }, /^RangeError: packetBytes/],
    [{ tos: 256 }, /^RangeError: tos/],
    [{ family: "ipv5" }, /^TypeError: family/],
    [{ mtu: true, method: "tcp" }, /^TypeError: mtu/],
    [{ mtu: true, window: 2 }, /^RangeError: window: expected 1 with mtu, got 2$/],
    [{ mtu: true, dontFragment: false }, /^TypeError: dontFragment/],
    [{ signal: {} }, /^TypeError: signal/],
  ];
  for (const [options, pattern] of rows) {
    let thrown: unknown;
    try {
      trace("192.0.2.1", options as TraceOptions);
    } catch (error) {
      thrown = error;
    }
    assert.match(String(thrown), pattern, JSON.stringify(options));
  }
  assert.throws(() => trace(5 as unknown as string), /^TypeError: target: expected a name or an address/);
});

test("groups and broadcast addresses are no targets; an address may come as text, IpAddr or SocketAddr", async () => {
  await assert.rejects(
    trace("224.0.0.1").open(),
    (error) => error instanceof TypeError || error instanceof SysError,
  );
  await assert.rejects(trace("255.255.255.255").open(), { code: /EACCES|ENETUNREACH/ });
  const { target } = await trace(Ipv4Addr.LOCALHOST).open();
  assert.equal(target.ip.toString(), "127.0.0.1");
});
