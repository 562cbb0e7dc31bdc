/** Traces through two routers, held against traceroute(8): methods, marks, MTU, loss, silence, several ways. */
import assert from "node:assert/strict";
import { TcpListener } from "../../src/index.ts";
import { type TraceAnswer, type TraceOptions, trace } from "../../src/probe/index.ts";
import { isolated, stateOf } from "../socket/_helpers.ts";
import { wire } from "../socket/_wires.ts";
import {
  chain,
  FAMILIES,
  FAR,
  FIRST,
  noNft,
  noTraceroute,
  type Row,
  rowsOfHops,
  rules,
  SECOND,
  traced,
  traceroute,
} from "./_chain.ts";

const UP = "ip link set lo up";
const PINGABLE = `${UP}; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range`;
/** Lost probes wait for it. */
const PATIENT: TraceOptions = { timeoutMs: 2000, patience: { here: 0, near: 0 } };

const METHODS: readonly [name: string, ours: TraceOptions, theirs: readonly string[], last: string][] = [
  ["udp", {}, [], "portUnreachable"],
  ["udp to one port", { fixedPort: true }, ["-U"], "portUnreachable"],
  ["icmp by a ping socket", { method: "icmp", socket: "ping" }, ["-I"], "echoReply"],
  ["icmp by a raw socket", { method: "icmp", socket: "raw" }, ["-I"], "echoReply"],
  ["tcp by a raw socket", { method: "tcp", socket: "raw", port: 7 }, ["-T", "-p", "7"], "reset"],
  ["tcp by connecting", { method: "tcp", socket: "connect", port: 7 }, ["-T", "-p", "7"], "reset"],
];

for (const { family, skip } of FAMILIES) {
  const [first, second, far] = [FIRST[family], SECOND[family], FAR[family]];
  const thrice = (ttl: number, text: string): Row => [ttl, text, text, text];

  isolated(
    import.meta.url,
    `${family}: every method finds the same hops as traceroute, whatever the window, the hops and the count`,
    { netns: PINGABLE, skip: skip || noTraceroute },
    async () => {
      chain();
      const rows: readonly [TraceOptions, readonly string[], packet?: string][] = [
        [{}, []],
        [{ window: 1, queries: 1 }, ["-N", "1", "-q", "1"]],
        [{ window: 40, queries: 10, maxTtl: 255 }, ["-N", "40", "-q", "10", "-m", "255"]],
        [{ firstTtl: 2 }, ["-f", "2"]],
        [{ maxTtl: 2 }, ["-m", "2"]],
        [{ packetBytes: 3000, tos: 16 }, ["-t", "16"], "3000"],
        [{ packetBytes: 0, sendIntervalMs: 1 }, [], "0"],
      ];
      for (const [name, ours, theirs, last] of METHODS) {
        for (const [options, args, packet] of rows) {
          const result = await traced(far, { ...ours, ...options, ...PATIENT });
          const expected = traceroute(...theirs, ...args, far, ...(packet === undefined ? [] : [packet]));
          assert.deepEqual(rowsOfHops(result.hops), expected, `${name} ${JSON.stringify(options)}`);
          const end = options.maxTtl === 2 ? "maxTtl" : "reached";
          assert.deepEqual([result.end, result.reached], [end, end === "reached"]);
          if (end !== "reached") continue;
          const answers = result.hops.at(-1)?.probes as readonly TraceAnswer[];
          for (const { reply, reached, rttMs } of answers) {
            assert.deepEqual([reply, reached], [last, true]);
            assert.ok((rttMs ?? -1) > 0);
          }
        }
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: each answer says who sent it, of what kind it is, what TTL it had left, and how long it took`,
    { netns: UP, skip },
    async () => {
      chain();
      const session = trace(far, { queries: 1 });
      const start = await session.open();
      const bytes = family === "ipv4" ? 60 : 80;
      assert.deepEqual(
        [start.target.ip.toString(), start.method, start.socket, start.packetBytes, start.maxTtl],
        [far, "udp", "udp", bytes, 30],
      );
      const [exceeded, unreachable, port] = family === "ipv4" ? [11, 3, 3] : [3, 1, 4];
      const expected = [
        [first, "timeExceeded", 64, false, { type: exceeded, code: 0 }],
        [second, "timeExceeded", 63, false, { type: exceeded, code: 0 }],
        [far, "portUnreachable", 62, true, { type: unreachable, code: port }],
      ];
      const told: unknown[] = [];
      for await (const { probes } of session) {
        const [probe] = probes;
        assert.ok(probe?.reply !== undefined);
        const { from, reply, ttl, reached, icmp, rttMs, extensions, annotation, mtu } = probe;
        told.push([from.ip.toString(), reply, ttl, reached, icmp]);
        assert.ok(rttMs !== undefined && rttMs > 0);
        assert.deepEqual([from.port, extensions, annotation, mtu], [0, [], undefined, undefined]);
      }
      assert.deepEqual(told, expected);
    },
  );

  isolated(
    import.meta.url,
    `${family}: what routers and firewalls forbid ends the trace, with traceroute's marks`,
    { netns: UP, skip: skip || noNft || noTraceroute },
    async () => {
      const { second: router } = chain();
      const [protocol, words] =
        family === "ipv4"
          ? [
              "icmp",
              {
                "net-unreachable": "!N",
                "host-unreachable": "!H",
                "prot-unreachable": "!P",
                "net-prohibited": "!X",
              },
            ]
          : [
              "icmpv6",
              { "no-route": "!N", "addr-unreachable": "!H", "policy-fail": "!<5>", "reject-route": "!<6>" },
            ];
      const all: Record<string, string> = { ...words, "admin-prohibited": "!X" };
      for (const [word, mark] of Object.entries(all)) {
        rules(router, "forward", `meta nfproto ${family} reject with ${protocol} type ${word}`);
        const { hops, end, reached } = await traced(far, PATIENT);
        const rows = rowsOfHops(hops);
        assert.deepEqual(rows.at(-1), thrice(3, `${second} ${mark}`), word);
        assert.deepEqual([end, reached], ["unreachable", false]);
        assert.deepEqual(rows, traceroute(far), word);
      }
      rules(router, "forward", `meta nfproto ${family} reject with ${protocol} type port-unreachable`);
      const { end, hops } = await traced(far, PATIENT);
      assert.equal(end, "unreachable", "a port unreachable of somebody else is not the target's");
      assert.deepEqual(rowsOfHops(hops), traceroute(far));
    },
  );

  isolated(
    import.meta.url,
    `${family}: lost probes and silent routers are stars, and the rest is as without them`,
    { netns: UP, skip: skip || noNft || noTraceroute },
    async () => {
      const { first: router } = chain();
      const lose = (): void => rules(router, "prerouting", "udp dport >= 33434 numgen inc mod 4 0 drop");
      lose();
      const lossy = rowsOfHops((await traced(far, PATIENT)).hops);
      assert.deepEqual(lossy, [
        [1, "*", first, first],
        [2, second, "*", second],
        [3, far, far, "*"],
      ]);
      lose();
      assert.deepEqual(lossy, traceroute(far));
      const type = family === "ipv4" ? "icmp type" : "icmpv6 type";
      rules(router, "output", `${type} time-exceeded drop`);
      for (const options of [PATIENT, {}]) {
        const { hops, reached } = await traced(far, options);
        assert.deepEqual(rowsOfHops(hops), [thrice(1, "*"), thrice(2, second), thrice(3, far)]);
        assert.ok(reached);
      }
      // Nobody is there at all: each hop is silent, and the trace ends with the last one.
      rules(router, "prerouting", "udp dport >= 33434 drop");
      const { hops, end } = await traced(far, { maxTtl: 4, timeoutMs: 100 });
      assert.deepEqual([rowsOfHops(hops), end], [[1, 2, 3, 4].map((ttl) => thrice(ttl, "*")), "maxTtl"]);
    },
  );

  isolated(
    import.meta.url,
    `${family}: the MTU is found where the path narrows, as traceroute --mtu finds it; without that it is an error`,
    { netns: PINGABLE, skip: skip || noTraceroute },
    async () => {
      const { first: a, second: b, far: end } = chain();
      a.sh("ip link set a1 mtu 1400");
      b.sh("ip link set b0 mtu 1400; ip link set b1 mtu 1300");
      end.sh("ip link set far0 mtu 1300");
      for (const method of ["udp", "icmp"] as const) {
        const args = method === "icmp" ? ["-I"] : [];
        const { hops, reached } = await traced(far, { method, mtu: true, ...PATIENT });
        const rows = rowsOfHops(hops);
        assert.deepEqual(rows, [
          [1, `${first} F=1500`, first, first],
          [2, `${second} F=1400`, second, second],
          [3, `${far} F=1300`, far, far],
        ]);
        assert.ok(reached);
        assert.deepEqual(rows, traceroute(...args, "--mtu", far));
        const fixed = { method, dontFragment: true, packetBytes: 1350, ...PATIENT };
        const narrow = await traced(far, fixed);
        assert.deepEqual(rowsOfHops(narrow.hops).at(-1), thrice(3, `${second} !F-1300`));
        assert.deepEqual(rowsOfHops(narrow.hops), traceroute(...args, "-F", far, "1350"));
        const [probe] = narrow.hops.at(-1)?.probes ?? [];
        assert.ok(probe?.reply === "tooBig" && probe.nextHopMtu === 1300);
        await assert.rejects(traced(far, { ...fixed, packetBytes: 2000 }), {
          code: "EMSGSIZE",
          message: /2000 bytes.*1500/,
        });
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: TCP reaches an open port; by a raw socket nobody there sees it, by connecting it is reset`,
    { netns: UP, skip: skip || noNft },
    async () => {
      const { far: host } = chain();
      const text = family === "ipv4" ? far : `[${far}]`;
      using listener = host.in(() => TcpListener.bind(`${text}:8080`));
      const raw = await traced(far, { method: "tcp", port: 8080, ...PATIENT });
      assert.deepEqual(rowsOfHops(raw.hops), [thrice(1, first), thrice(2, second), thrice(3, far)]);
      const answers = raw.hops.at(-1)?.probes as readonly TraceAnswer[];
      assert.deepEqual(
        answers.map(({ reply, ttl }) => [reply, ttl]),
        Array(3).fill(["synAck", 62]),
      );
      const accepting = listener.accept();
      assert.equal(await stateOf(accepting), "pending", "no SYN of ours became a connection");
      const connected = await traced(far, { method: "tcp", socket: "connect", port: 8080, ...PATIENT });
      assert.deepEqual(rowsOfHops(connected.hops), rowsOfHops(raw.hops));
      for (const probe of connected.hops.at(-1)?.probes ?? []) {
        assert.ok(probe.reply === "synAck" && (probe.rttMs ?? 0) > 0);
      }
      using stream = await accepting;
      await assert.rejects(stream.read(new Uint8Array(1)), { code: "ECONNRESET" });
      // The kernel repeats a SYN that is lost: nobody knows then which one was answered.
      rules(host, "input", "tcp dport 7 numgen inc mod 2 0 drop");
      const repeated = { method: "tcp", socket: "connect", port: 7, firstTtl: 3, maxTtl: 3 } as const;
      const [probe] = (await traced(far, { ...repeated, queries: 1, ...PATIENT })).hops[0]?.probes ?? [];
      assert.equal(probe?.reply, "reset");
      assert.equal((probe as TraceAnswer).rttMs, undefined);
      // A port behind a firewall that says nothing.
      rules(host, "input", "tcp dport 9 drop");
      for (const socket of ["raw", "connect"] as const) {
        const { hops, end } = await traced(far, {
          method: "tcp",
          socket,
          port: 9,
          maxTtl: 3,
          timeoutMs: 200,
        });
        assert.deepEqual([rowsOfHops(hops).at(-1), end], [thrice(3, "*"), "maxTtl"]);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: this host and its neighbour are one hop away, and so is nobody`,
    { netns: PINGABLE, skip },
    async () => {
      const { near } = chain();
      const loopback = family === "ipv4" ? "127.0.0.1" : "::1";
      for (const [name, options] of METHODS) {
        for (const target of [loopback, first]) {
          const { hops, reached } = await traced(target, { ...options, ...PATIENT });
          assert.deepEqual([rowsOfHops(hops), reached], [[thrice(1, target)], true], `${name} ${target}`);
        }
      }
      near.sh(family === "ipv4" ? "ip route del default" : "ip -6 route del default");
      await assert.rejects(traced(far), { code: "ENETUNREACH", syscall: "connect" });
    },
  );
}

isolated(
  import.meta.url,
  "ipv6: a link-local target is traced by its zone, and answers with it",
  { netns: PINGABLE, skip: FAMILIES[1]?.skip ?? false },
  async () => {
    const { near, first: router } = chain();
    router.sh("ip addr add fe80::2/64 dev a0 nodad");
    near.sh("ip addr add fe80::1/64 dev near0 nodad");
    for (const [name, options] of METHODS) {
      const { hops, reached } = await traced("fe80::2%near0", { ...options, ...PATIENT });
      const [probe] = hops[0]?.probes ?? [];
      assert.ok(reached && probe?.reply !== undefined, name);
      assert.equal(probe.from.ip.toString(), "fe80::2");
      assert.ok(probe.from.zone !== undefined, `${name}: its zone`);
      const { reached: again } = await traced("fe80::2", { ...options, device: "near0", ...PATIENT });
      assert.ok(again, name);
    }
  },
);

isolated(
  import.meta.url,
  "a hop with two routers tells both, in the order of the probes",
  { netns: UP, skip: noNft || noTraceroute },
  async () => {
    const { first, second } = chain();
    wire(
      { host: first, name: "c1", addresses: ["198.18.0.1/24"] },
      { host: second, name: "c0", addresses: ["198.18.0.2/24"] },
    );
    second.sh("echo 1 > /proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr");
    second.sh("for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $i; done");
    first.sh("ip rule add fwmark 1 table 100; ip route add 203.0.113.0/24 via 198.18.0.2 table 100");
    const alternate = (): void =>
      rules(first, "prerouting", "udp dport >= 33434 meta mark set numgen inc mod 2");
    alternate();
    const rows = rowsOfHops((await traced(FAR.ipv4, PATIENT)).hops);
    assert.deepEqual(rows[1], [2, "198.18.0.2", SECOND.ipv4, "198.18.0.2"]);
    alternate();
    assert.deepEqual(rows, traceroute(FAR.ipv4));
  },
);
