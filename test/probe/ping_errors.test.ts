/** What ping tells of errors: of routers and hosts, in ping(8)'s words, and of this host itself. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type PingEvent, type PingSessionOptions, ping } from "../../src/probe/index.ts";
import { isolated } from "../socket/_helpers.ts";
import { routed, twoHosts } from "../socket/_wires.ts";
import {
  all,
  BEHIND,
  FAMILIES,
  FAR,
  FOREVER,
  icmpMessage,
  only,
  quote,
  Responder,
  SOCKETS,
  take,
} from "./_peers.ts";

const noNft: string | false = spawnSync("nft", ["--version"]).status === 0 ? false : "needs nft";
const ROUTER = { ipv4: "192.0.2.254", ipv6: "2001:db8::fe" } as const;

/** What nftables rejects with, and how that is told. */
const REJECTED = {
  ipv4: [
    ["net-unreachable", 3, 0, "Destination Net Unreachable"],
    ["host-unreachable", 3, 1, "Destination Host Unreachable"],
    ["prot-unreachable", 3, 2, "Destination Protocol Unreachable"],
    ["port-unreachable", 3, 3, "Destination Port Unreachable"],
    ["net-prohibited", 3, 9, "Destination Net Prohibited"],
    ["host-prohibited", 3, 10, "Destination Host Prohibited"],
    ["admin-prohibited", 3, 13, "Packet filtered"],
  ],
  ipv6: [
    ["no-route", 1, 0, "Destination unreachable: No route"],
    ["admin-prohibited", 1, 1, "Destination unreachable: Administratively prohibited"],
    ["addr-unreachable", 1, 3, "Destination unreachable: Address unreachable"],
    ["port-unreachable", 1, 4, "Destination unreachable: Port unreachable"],
    ["policy-fail", 1, 5, "Destination unreachable: Source address failed ingress/egress policy"],
    ["reject-route", 1, 6, "Destination unreachable: Reject route to destination"],
  ],
} as const;

const SOME = { count: 2, intervalMs: 1, ...FOREVER } as const;

/** Of each error: who sent it, ICMP's type and code, the MTU, the text. */
function told(events: readonly PingEvent[]): unknown[] {
  return only(events, "error").map((it) => [
    it.sequence,
    it.from?.ip.toString(),
    it.type,
    it.code,
    it.mtu,
    it.text,
  ]);
}

for (const family of FAMILIES) {
  for (const socket of ["ping", "raw"] as const) {
    isolated(
      import.meta.url,
      `${family}, ${socket} socket: a router rejects, hops run out, a path is too narrow`,
      { netns: SOCKETS[socket], skip: noNft },
      async () => {
        const { router } = routed();
        const target = (i: number): string =>
          family === "ipv4" ? `198.51.100.${i + 10}` : `2001:db8:1::${i + 10}`;
        const [ip, icmp] = family === "ipv4" ? ["ip", "icmp"] : ["ip6", "icmpv6"];
        router.sh("nft add table inet f; nft add chain inet f c '{ type filter hook forward priority 0; }'");
        for (const [i, [word, type, code, text]] of REJECTED[family].entries()) {
          router.sh(`nft add rule inet f c ${ip} daddr ${target(i)} reject with ${icmp} type ${word}`);
          const session = ping(target(i), { ...SOME, socket });
          const events = await all(session);
          assert.deepEqual(
            told(events),
            [1, 2].map((sequence) => [sequence, ROUTER[family], type, code, undefined, text]),
          );
          const { transmitted, received, errors, loss, rttMs } = session.statistics();
          assert.deepEqual([transmitted, received, errors, loss, rttMs], [2, 0, 2, 1, undefined]);
        }
        const expired =
          family === "ipv4"
            ? [11, 0, undefined, "Time to live exceeded"]
            : [3, 0, undefined, "Time exceeded: Hop limit"];
        for (const sizeBytes of [0, 56, 3000]) {
          // 3000 bytes go in fragments, and the error quotes the first of them.
          const events = await all(ping(BEHIND[family], { ...SOME, socket, ttl: 1, sizeBytes }));
          assert.deepEqual(
            told(events),
            [1, 2].map((sequence) => [sequence, ROUTER[family], ...expired]),
            `${sizeBytes} bytes`,
          );
        }
        const tooLong: PingSessionOptions = {
          ...SOME,
          socket,
          sizeBytes: 1400,
          mtuDiscovery: "do",
          intervalMs: 5,
        };
        const session = ping(BEHIND[family], { ...tooLong, count: undefined });
        const tooBig =
          family === "ipv4"
            ? [3, 4, 1300, "Frag needed and DF set (mtu = 1300)"]
            : [2, 0, 1300, "Packet too big: mtu=1300"];
        // From then on this host knows the path's MTU; its own refusal of the next one may be heard first.
        const fromRouter: PingEvent[] = [];
        const local: PingEvent[] = [];
        while (fromRouter.length === 0 || local.length === 0) {
          const [error] = only(await take(session, "error", 1), "error");
          if (error !== undefined) (error.origin === "icmp" ? fromRouter : local).push(error);
        }
        assert.deepEqual(told(fromRouter.slice(0, 1)), [[1, ROUTER[family], ...tooBig]]);
        const [refused] = only(local, "error");
        assert.ok(refused?.origin === "local");
        assert.equal(refused.text, `local error: message too long, mtu${family === "ipv4" ? "=" : ": "}1300`);
        assert.deepEqual([refused.mtu, refused.error.code, refused.from], [1300, "EMSGSIZE", undefined]);
        session.stop();
        // One that may be cut gets through.
        const cut = await all(ping(BEHIND[family], { ...tooLong, mtuDiscovery: "dont" }));
        assert.deepEqual(
          only(cut, "reply").map((it) => [it.lengthBytes, it.ttl, it.damage]),
          [1, 2].map(() => [1408, 63, undefined]),
        );
      },
    );

    isolated(
      import.meta.url,
      `${family}, ${socket} socket: a firewall of this host refuses, and the session goes on`,
      {
        netns: SOCKETS[socket],
        skip:
          family === "ipv6" && socket === "ping" ? "the kernel does not tell a ping socket of IPv6" : noNft,
      },
      async () => {
        const { near } = twoHosts();
        const protocol = family === "ipv4" ? "icmp" : "icmpv6";
        near.sh(`nft add table inet f; nft add chain inet f c '{ type filter hook output priority 0; }'
          nft add rule inet f c ${protocol} type echo-request counter drop`);
        const session = ping(FAR[family], { intervalMs: 2, socket, ...FOREVER });
        const [first, second] = only(await take(session, "error", 2), "error");
        for (const [i, error] of [first, second].entries()) {
          assert.deepEqual([error?.sequence, error?.origin, error?.type], [i + 1, "local", undefined]);
          assert.match(
            error?.text ?? "",
            /^local error: .*Operation not permitted \(EPERM\): a firewall rule of this host/,
          );
        }
        near.sh("nft delete table inet f");
        const [reply] = only(await take(session, "reply", 1), "reply");
        assert.ok((reply?.sequence ?? 0) > 2);
        session.stop();
      },
    );
  }

  isolated(
    import.meta.url,
    `${family}: errors of every type and code, from the host itself, with what they say beyond that`,
    { netns: SOCKETS.ping },
    async () => {
      const { far } = twoHosts();
      using responder = new Responder(far, family);
      for (const socket of ["raw", "ping"] as const) {
        const session = ping(FAR[family], { intervalMs: 60_000, socket, ...FOREVER });
        const first = session.next();
        const asked = await responder.asked();
        const quoted = quote(family, asked, FAR[family]);
        const rows = WORDS[family].filter((row) => socket === "raw" || row[4] !== null);
        for (const [i, [type, code, info, text, unknown = text]] of rows.entries()) {
          const rest = new Uint8Array(4 + quoted.length);
          new DataView(rest.buffer).setUint32(0, info);
          rest.set(quoted, 4);
          await responder.send(icmpMessage(family, type, code, rest), asked);
          const { value } = await (i === 0 ? first : session.next());
          assert.ok(
            value?.kind === "error" && value.origin === "icmp",
            `${type}/${code}: ${JSON.stringify(value)}`,
          );
          assert.deepEqual(
            [value.type, value.code, value.text, value.from?.ip.toString(), value.sequence],
            [type, code, socket === "raw" ? text : unknown, FAR[family], 1],
          );
        }
        assert.equal(session.statistics().errors, rows.length);
        // A reply still counts.
        await responder.send(responder.reply(asked), asked);
        assert.equal((await session.next()).value?.kind, "reply");
        session.stop();
      }
    },
  );
}

/**
 * Type, code, the four bytes before the quote, the text; and the text on a ping socket, where the kernel does not tell these
 * bytes, or tells nothing at all.
 */
const WORDS: Record<
  "ipv4" | "ipv6",
  readonly (readonly [number, number, number, string, (string | null)?])[]
> = {
  ipv4: [
    [3, 0, 0, "Destination Net Unreachable"],
    [3, 1, 0, "Destination Host Unreachable"],
    [3, 2, 0, "Destination Protocol Unreachable"],
    [3, 3, 0, "Destination Port Unreachable"],
    [3, 4, 1400, "Frag needed and DF set (mtu = 1400)"],
    [3, 5, 0, "Source Route Failed"],
    [3, 6, 0, "Destination Net Unknown"],
    [3, 7, 0, "Destination Host Unknown"],
    [3, 8, 0, "Source Host Isolated"],
    [3, 9, 0, "Destination Net Prohibited"],
    [3, 10, 0, "Destination Host Prohibited"],
    [3, 11, 0, "Destination Net Unreachable for Type of Service"],
    [3, 12, 0, "Destination Host Unreachable for Type of Service"],
    [3, 13, 0, "Packet filtered"],
    [3, 14, 0, "Precedence Violation"],
    [3, 15, 0, "Precedence Cutoff"],
    [11, 0, 0, "Time to live exceeded"],
    [11, 1, 0, "Frag reassembly time exceeded", null],
    [12, 0, 20 << 24, "Parameter problem: pointer = 20", "Parameter problem"],
  ],
  ipv6: [
    [1, 0, 0, "Destination unreachable: No route"],
    [1, 1, 0, "Destination unreachable: Administratively prohibited"],
    [1, 2, 0, "Destination unreachable: Beyond scope of source address"],
    [1, 3, 0, "Destination unreachable: Address unreachable"],
    [1, 4, 0, "Destination unreachable: Port unreachable"],
    [1, 5, 0, "Destination unreachable: Source address failed ingress/egress policy"],
    [1, 6, 0, "Destination unreachable: Reject route to destination"],
    [1, 99, 0, "Destination unreachable: Unknown code 99"],
    [2, 0, 1280, "Packet too big: mtu=1280"],
    [3, 0, 0, "Time exceeded: Hop limit"],
    [3, 1, 0, "Time exceeded: Defragmentation failure"],
    [4, 0, 40, "Parameter problem: Wrong header field at 40", "Parameter problem: Wrong header field"],
    [4, 1, 6, "Parameter problem: Unknown header at 6", "Parameter problem: Unknown header"],
    [4, 2, 48, "Parameter problem: Unknown option at 48", "Parameter problem: Unknown option"],
  ],
};

isolated(
  import.meta.url,
  "IPv4, raw socket: redirects and source quenches are notices, and end nothing",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const session = ping(FAR.ipv4, { count: 1, endOnError: true, ...FOREVER });
    const events = all(session);
    const asked = await responder.asked();
    const quoted = quote("ipv4", asked, FAR.ipv4);
    for (const [type, code] of [
      [4, 0],
      [5, 0],
      [5, 1],
      [5, 2],
      [5, 3],
      [5, 9],
    ] as const) {
      const rest = Uint8Array.of(192, 0, 2, 77, ...quoted);
      await responder.send(icmpMessage("ipv4", type, code, rest), asked);
    }
    await responder.send(responder.reply(asked), asked);
    const next = "(New nexthop: 192.0.2.77)";
    assert.deepEqual(
      (await events).map((it) => (it.kind === "notice" ? it.text : it.kind)),
      [
        "Source Quench",
        `Redirect Network${next}`,
        `Redirect Host${next}`,
        `Redirect Type of Service and Network${next}`,
        `Redirect Type of Service and Host${next}`,
        `Redirect, Bad Code: 9${next}`,
        "reply",
      ],
    );
    assert.equal(session.statistics().errors, 0);
  },
);

isolated(
  import.meta.url,
  "endOnError: the first error ends the session, and those that come with it are told",
  { netns: SOCKETS.raw, skip: noNft },
  async () => {
    const { router } = routed();
    router.sh(`nft add table inet f; nft add chain inet f c '{ type filter hook forward priority 0; }'
    nft add rule inet f c ip daddr ${BEHIND.ipv4} reject with icmp type host-unreachable`);
    const session = ping(BEHIND.ipv4, { preload: 3, intervalMs: 1000, endOnError: true, ...FOREVER });
    const events = await all(session);
    assert.deepEqual(
      only(events, "error").map((it) => it.sequence),
      [1, 2, 3],
    );
  },
);
