/** Answers that confuse: spoofed, doubled, late; and what routers add to theirs. */
import assert from "node:assert/strict";
import type { TraceOptions } from "../../src/probe/index.ts";
import type { IcmpExtensions } from "../../src/wire/index.ts";
import { isolated } from "../socket/_helpers.ts";
import { chain, FAMILIES, FAR, FIRST, noNft, type Row, rowsOfHops, SECOND, traced } from "./_chain.ts";
import { altered, FakeRouter, type Seen } from "./_fake_router.ts";

const PINGABLE = `ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range`;
const PATIENT: TraceOptions = { timeoutMs: 5000, patience: { here: 0, near: 0 } };

/** The methods, and which bytes of the headers behind IP make out that an answer is to a probe. */
const METHODS: readonly [name: string, options: TraceOptions, matter: readonly number[]][] = [
  ["udp", {}, [0, 1, 2, 3]],
  ["icmp by a ping socket", { method: "icmp", socket: "ping" }, [4, 5, 6]],
  ["icmp by a raw socket", { method: "icmp", socket: "raw" }, [4, 5, 6]],
  ["tcp by a raw socket", { method: "tcp", socket: "raw" }, [0, 1, 2, 3, 4, 5, 6, 7]],
  ["tcp by connecting", { method: "tcp", socket: "connect" }, [0, 1, 2, 3, 4]],
];

const EXTENSIONS: IcmpExtensions = {
  objects: [
    {
      name: "mpls",
      labels: [
        { label: 16001, trafficClass: 5, bottomOfStack: false, ttl: 1 },
        { label: 24, trafficClass: 0, bottomOfStack: true, ttl: 254 },
      ],
    },
    { name: "unknown", classNumber: 77, cType: 3, data: Uint8Array.of(1, 2, 3, 4) },
  ],
};

for (const { family, skip } of FAMILIES) {
  const [first, second, far] = [FIRST[family], SECOND[family], FAR[family]];
  const rest: readonly Row[] = [
    [2, second, second, second],
    [3, far, far, far],
  ];
  const forbidden = { type: "destinationUnreachable", code: family === "ipv4" ? 13 : 1 } as const;

  isolated(
    import.meta.url,
    `${family}: errors that quote another packet are nobody's, and an answer that comes twice is one`,
    { netns: PINGABLE, skip: skip || noNft },
    async () => {
      const { first: host } = chain();
      for (const [name, options, matter] of METHODS) {
        using router = new FakeRouter(host, "a0", family, 1);
        const probes: Seen[] = [];
        const answering = (async () => {
          while (probes.length < 3) {
            const seen = await router.next();
            probes.push(seen);
            for (const at of matter) await router.say(altered(seen.packet, seen.behind + at), forbidden);
            // The address that it went to is another one.
            await router.say(altered(seen.packet, seen.behind - 1), forbidden);
            await router.say(seen.packet);
            await router.say(seen.packet, forbidden);
          }
        })();
        const { hops, reached } = await traced(far, { ...options, ...PATIENT });
        await answering;
        assert.deepEqual(rowsOfHops(hops), [[1, first, first, first], ...rest], name);
        assert.ok(reached);
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: an answer that comes too late is not that of a later probe`,
    { netns: PINGABLE, skip: skip || noNft },
    async () => {
      const { first: host } = chain();
      for (const [name, options] of METHODS) {
        using router = new FakeRouter(host, "a0", family, 2);
        const answering = (async () => {
          const late: Seen[] = [];
          for (;;) {
            const seen = await router.next();
            if (seen.ttl === 1) late.push(seen);
            else {
              for (const one of late) await router.say(one.packet, forbidden);
              await router.say(seen.packet);
              return;
            }
          }
        })();
        const { hops } = await traced(far, {
          ...options,
          queries: 1,
          window: 1,
          timeoutMs: 500,
          maxTtl: 2,
        });
        await answering;
        assert.deepEqual(
          rowsOfHops(hops),
          [
            [1, "*"],
            [2, first],
          ],
          name,
        );
      }
    },
  );

  isolated(
    import.meta.url,
    `${family}: what a router adds is told, with the length field of RFC 4884 and without`,
    { netns: PINGABLE, skip: skip || noNft },
    async () => {
      const { first: host } = chain();
      for (const [name, options] of METHODS) {
        using router = new FakeRouter(host, "a0", family, 1);
        const answering = (async () => {
          const padded = (packet: Uint8Array): Uint8Array => {
            const whole = new Uint8Array(128);
            whole.set(packet.subarray(0, 128));
            return whole;
          };
          const [one, two, three] = [await router.next(), await router.next(), await router.next()];
          await router.say(one.packet, { extensions: EXTENSIONS });
          await router.say(padded(two.packet), { extensions: EXTENSIONS, length: 0 });
          // Without a length only a checksum that is right tells extensions from what is quoted.
          await router.say(padded(three.packet), { extensions: { ...EXTENSIONS, checksum: 1 }, length: 0 });
        })();
        // What is quoted of a long packet takes more than the usual 128 bytes: then only the length tells where it ends.
        const { hops } = await traced(far, { ...options, ...PATIENT, maxTtl: 1, packetBytes: 400 });
        await answering;
        const told = hops[0]?.probes.map((probe) => (probe.reply === undefined ? "*" : probe.extensions));
        assert.deepEqual(told, [EXTENSIONS.objects, EXTENSIONS.objects, []], name);
      }
    },
  );
}
