/** ping of many hosts at once, and for long: one fd for each session, nothing left behind, bounded memory. */
import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { SysError } from "../../src/index.ts";
import { EchoRequests } from "../../src/probe/_requests.ts";
import { Tally } from "../../src/probe/_statistics.ts";
import { ping } from "../../src/probe/index.ts";
import { fdCount } from "../_fds.ts";
import { Program } from "../cli/_cli.ts";
import { isolated, noNamespaces, random, test } from "../socket/_helpers.ts";
import { all, FOREVER, only, SOCKETS } from "./_peers.ts";

for (const socket of ["ping", "raw"] as const) {
  isolated(
    import.meta.url,
    `1000 hosts at once over ${socket} sockets: each is answered by itself, over one fd, which is closed`,
    { netns: SOCKETS[socket], shell: "ulimit -n 4096;" },
    async () => {
      await all(ping("127.0.0.1", { count: 1, ...FOREVER })); // what the first socket of a thread opens, stays
      const before = fdCount();
      const hosts = Array.from({ length: 1000 }, (_, i) => `127.0.${i >> 8}.${i & 0xff || 1}`);
      const sessions = hosts.map((host) => ping(host, { count: 1, ...FOREVER }));
      const identifiers = await Promise.all(sessions.map(async (it) => (await it.open()).identifier));
      assert.equal(new Set(identifiers).size, 1000, "each has an identifier of its own");
      assert.equal(fdCount() - before, 1000);
      const told = await Promise.all(sessions.map(all));
      for (const [i, events] of told.entries()) {
        assert.deepEqual(
          events.map((it) => (it.kind === "reply" ? [it.sequence, it.from.ip.toString(), it.duplicate] : it)),
          [[1, hosts[i], false]],
        );
      }
      assert.equal(fdCount(), before);
    },
  );
}

isolated(
  import.meta.url,
  "more sessions than this process may open files: those that have one run, the others say why",
  { netns: SOCKETS.raw, shell: "ulimit -n 400;" },
  async () => {
    await all(ping("127.0.0.1", { count: 1, ...FOREVER }));
    while (fdCount() < 340) openSync("/dev/null", "r");
    const before = fdCount();
    const sessions = Array.from({ length: 120 }, () => ping("127.0.0.1", { count: 1, ...FOREVER }));
    const opened = await Promise.allSettled(sessions.map((it) => it.open()));
    const refused = opened.flatMap((it) => (it.status === "rejected" ? [it.reason] : []));
    assert.ok(refused.length >= 40 && refused.length < 120, `${refused.length}`);
    for (const reason of refused)
      assert.ok(reason instanceof SysError && reason.code === "EMFILE", String(reason));
    const told = await Promise.allSettled(sessions.map(all));
    assert.equal(told.filter((it) => it.status === "rejected").length, refused.length);
    for (const it of told) if (it.status === "fulfilled") assert.equal(only(it.value, "reply").length, 1);
    assert.equal(fdCount(), before);
  },
);

isolated(
  import.meta.url,
  "sessions that are left at once leave nothing that keeps the process alive",
  { netns: SOCKETS.raw },
  async () => {
    const sessions = Array.from({ length: 200 }, () => ping("127.0.0.1", { intervalMs: 60_000, ...FOREVER }));
    await Promise.all(sessions.map((it) => it.next()));
    for (const [i, session] of sessions.entries()) {
      const waiting = session.next();
      if (i % 2) session.stop();
      else await session.return();
      assert.deepEqual(await waiting, { done: true, value: undefined });
    }
  },
);

test("examples/ping-hosts.ts: several hosts, each with what came of it", { skip: noNamespaces }, async () => {
  const script = `ip link set lo up; ip route add unreachable 192.0.2.0/24
    exec "$NODE" --import tsx examples/ping-hosts.ts 127.0.0.1 127.0.0.2 192.0.2.1`;
  const options = { env: { ...process.env, NODE: process.execPath } };
  using program = new Program("unshare", ["-n", "bash", "-c", script], options);
  const { code, stdout, stderr } = await program.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout.toString(),
    /^127\.0\.0\.1: 5 of 5, [\d.]+ ms\n127\.0\.0\.2: 5 of 5, [\d.]+ ms\n192\.0\.2\.1: connect 192\.0\.2\.1: .*EHOSTUNREACH.*\n$/,
  );
});

test("sequence numbers of 16 bits stand for the last request that had them", () => {
  const requests = new EchoRequests(1000);
  for (let i = 1; i <= 70_000; i++) assert.equal(requests.add(i / 1000, BigInt(i)).sequence, i);
  assert.equal(requests.find(70_000 & 0xffff)?.sequence, 70_000);
  assert.equal(requests.find(0)?.sequence, 65_536);
  assert.equal(requests.find(0xffff)?.sequence, 65_535);
  assert.equal(requests.find((70_000 & 0xffff) + 1)?.sequence, 70_000 - 65_535, "the oldest that is known");
  assert.equal(requests.open, 65_536, "of two with one number, the first can have no reply any more");
  assert.equal(requests.oldest()?.sequence, 70_000 - 65_535);
  const fresh = new EchoRequests(1000);
  assert.deepEqual([fresh.find(0), fresh.find(1), fresh.oldest()], [undefined, undefined, undefined]);
  fresh.add(0, 0n);
  assert.deepEqual([fresh.find(2), fresh.find(0), fresh.find(0xffff)], [undefined, undefined, undefined]);
});

test("what nothing can answer any more is forgotten", () => {
  const requests = new EchoRequests(10_000);
  for (let i = 1; i <= 1000; i++) {
    const request = requests.add(i * 1000, 0n);
    if (i % 2) requests.settle(request);
    for (
      let one = requests.oldest();
      one !== undefined && one.sentMs + 10_000 <= i * 1000;
      one = requests.oldest()
    ) {
      requests.settle(one);
    }
  }
  const known = Array.from({ length: 1000 }, (_, i) => requests.find(i + 1)).filter((it) => it !== undefined);
  assert.deepEqual(
    [known[0]?.sequence, known.length],
    [880, 121],
    "two minutes of them: the maximum segment lifetime",
  );
  assert.equal(requests.open, 5);
});

test("round-trip times: minimum, mean, maximum, deviation and moving average, of many and of none", () => {
  assert.equal(new Tally().statistics().rttMs, undefined);
  assert.equal(new Tally().statistics().loss, 0);
  const next = random(5);
  const times = Array.from({ length: 5000 }, () => 1e6 + next(1000) / 1000);
  const tally = new Tally();
  for (const time of times) tally.time(time);
  const avg = times.reduce((sum, it) => sum + it, 0) / times.length;
  const mdev = Math.sqrt(times.reduce((sum, it) => sum + (it - avg) ** 2, 0) / times.length);
  const rtt = tally.statistics().rttMs;
  assert.deepEqual([rtt?.min, rtt?.max], [Math.min(...times), Math.max(...times)]);
  assert.ok(Math.abs((rtt?.avg ?? 0) - avg) < 1e-6);
  assert.ok(Math.abs((rtt?.mdev ?? 0) - mdev) < 1e-6, `${rtt?.mdev} ${mdev}`);
  const ewma = times.reduce((average, it) => average + (it - average) / 8);
  assert.ok(Math.abs((rtt?.ewma ?? 0) - ewma) < 1e-6);
});
