/** What comes to ping and is no reply, another's, damaged, cut, or from somebody else. */
import assert from "node:assert/strict";
import { RawSocket, WOULD_BLOCK } from "../../src/index.ts";
import { echoFilter } from "../../src/probe/_echo_filter.ts";
import { parseEcho } from "../../src/probe/_echo_message.ts";
import { ping } from "../../src/probe/index.ts";
import { isolated, random, test, turns } from "../socket/_helpers.ts";
import { addAddress, u16 } from "../socket/_raw.ts";
import { twoHosts } from "../socket/_wires.ts";
import {
  type Asked,
  all,
  FAMILIES,
  FAR,
  type Family,
  FOREVER,
  icmpMessage,
  only,
  quote,
  Responder,
  SOCKETS,
} from "./_peers.ts";

const ERRORS = { ipv4: [3, 4, 5, 11, 12], ipv6: [1, 2, 3, 4] } as const;
const REPLY = { ipv4: 0, ipv6: 129 } as const;

/** Messages that are no answer to this request, though some look like one. */
function strangers(family: Family, socket: "ping" | "raw", asked: Asked, responder: Responder): Uint8Array[] {
  const identifier = (asked.message[4] as number) * 256 + (asked.message[5] as number);
  const quoted = quote(family, asked, FAR[family]);
  const header = family === "ipv4" ? 20 : 40;
  const protocol = family === "ipv4" ? 9 : 6;
  const change = (...changes: readonly [at: number, value: number][]): Uint8Array => {
    const copy = quoted.slice();
    for (const [at, value] of changes) copy[at] = value;
    return copy;
  };
  const error = (quote: Uint8Array): Uint8Array =>
    icmpMessage(family, ERRORS[family][0], 1, Uint8Array.of(0, 0, 0, 0, ...quote));
  const request = family === "ipv4" ? 8 : 128;
  return [
    responder.reply(asked, { identifier: identifier ^ 1 }),
    responder.reply(asked, { identifier: ((identifier & 0xff) << 8) | (identifier >> 8) }),
    responder.reply(asked, { sequence: 2 }), // was never sent
    responder.reply(asked, { sequence: 0 }),
    responder.reply(asked, { sequence: 0xffff }),
    icmpMessage(family, request, 0, Uint8Array.of(...u16(identifier), 0, 1)), // what the kernel may loop back
    icmpMessage(family, REPLY[family], 0, Uint8Array.of()), // 4 bytes
    icmpMessage(family, REPLY[family], 0, Uint8Array.of(...u16(identifier), 0)), // 7 bytes
    error(Uint8Array.of()),
    error(quoted.subarray(0, header)),
    error(quoted.subarray(0, header + 7)),
    error(change([header + 4, (identifier >> 8) ^ 0xff])),
    error(change([header, request ^ 1])),
    error(change([protocol, 17])),
    error(change([header - 1, 77])), // was sent to another host
    error(change([header + 6, 0x77])), // a sequence number that was not
    icmpMessage(family, 200, 0, Uint8Array.of(...u16(identifier), 0, 1, 0, 0)),
    // The kernel takes IPv6 of any version for a ping socket's.
    ...(socket === "ping" && family === "ipv6" ? [] : [0x10, 0x40].map((first) => error(change([0, first])))),
    icmpMessage(
      family,
      family === "ipv4" ? 14 : 130,
      0,
      Uint8Array.of(...u16(identifier), 0, 1, ...new Uint8Array(16)),
    ),
  ];
}

for (const family of FAMILIES) {
  for (const socket of ["ping", "raw"] as const) {
    isolated(
      import.meta.url,
      `${family}, ${socket} socket: what is no answer to this session's request is not told`,
      { netns: SOCKETS[socket] },
      async () => {
        const { far } = twoHosts();
        using responder = new Responder(far, family);
        const session = ping(FAR[family], { count: 1, socket, ...FOREVER });
        const events = all(session);
        const asked = await responder.asked();
        for (const message of strangers(family, socket, asked, responder))
          await responder.send(message, asked);
        const next = random(family === "ipv4" ? 4 : 6);
        const types = [REPLY[family], ...ERRORS[family]];
        for (let i = 0; i < 500; i++) {
          const rest = Uint8Array.from({ length: next(80) }, () => next(256));
          await responder.send(
            icmpMessage(family, types[next(types.length)] as number, next(17), rest),
            asked,
          );
        }
        await responder.send(responder.reply(asked), asked);
        assert.deepEqual(
          (await events).map((it) => it.kind),
          ["reply"],
        );
        const { received, duplicates, errors, corrupted } = session.statistics();
        assert.deepEqual([received, duplicates, errors, corrupted], [1, 0, 0, 0]);
      },
    );

    isolated(
      import.meta.url,
      `${family}, ${socket} socket: replies that are damaged, cut, too long, doubled, or from elsewhere say so`,
      { netns: SOCKETS[socket] },
      async () => {
        const { far } = twoHosts();
        const other = family === "ipv4" ? "192.0.2.3" : "2001:db8::3";
        addAddress(far, other, "far0");
        using responder = new Responder(far, family);
        const session = ping(FAR[family], { intervalMs: 60_000, socket, sizeBytes: 60, ...FOREVER });
        const first = session.next();
        const asked = await responder.asked();
        const sent = asked.message.slice(8);
        const flipped = (at: number): Uint8Array => sent.map((byte, i) => (i === at ? byte ^ 0x21 : byte));
        const payloads = [...[0, 9, 15, 16, 59].map(flipped), sent.subarray(0, 59), sent.subarray(0, 0)];
        for (const payload of [...payloads, Uint8Array.of(...sent, 1, 2, 3)]) {
          await responder.send(responder.reply(asked, { payload }), asked, FAR[family]);
        }
        await responder.send(responder.reply(asked), asked, other);
        const replies = [await first];
        while (replies.length < 9) replies.push(await session.next());
        const told = only(
          replies.flatMap(({ value }) => (value === undefined ? [] : [value])),
          "reply",
        );
        for (const [i, at] of [0, 9, 15, 16, 59].entries()) {
          assert.deepEqual(told[i]?.damage, {
            offset: at,
            expected: sent[at],
            actual: (sent[at] as number) ^ 0x21,
            payload: flipped(at),
          });
          assert.deepEqual([told[i]?.truncated, told[i]?.duplicate], [false, i > 0]);
        }
        assert.deepEqual(
          told
            .slice(5)
            .map((it) => [
              it.truncated,
              it.lengthBytes,
              it.damage,
              it.differentAddress,
              it.from.ip.toString(),
            ]),
          [
            [true, 67, undefined, false, FAR[family]],
            [true, 8, undefined, false, FAR[family]],
            [false, 71, undefined, false, FAR[family]],
            [false, 68, undefined, true, other],
          ],
        );
        session.stop();
        assert.deepEqual([session.statistics().received, session.statistics().duplicates], [1, 8]);
      },
    );
  }

  isolated(
    import.meta.url,
    `${family}: of what a raw socket would hear, the kernel hands over one identifier's replies and errors`,
    { netns: SOCKETS.raw },
    async () => {
      const { near, far } = twoHosts();
      using responder = new Responder(far, family);
      using sender = RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6");
      using hears = RawSocket.open(sender.protocol, {
        family,
        icmpTypes: [REPLY[family], ...ERRORS[family]],
        filter: echoFilter(family, 0x1234),
      });
      const ask = async (identifier: number): Promise<Asked> => {
        const message = icmpMessage(
          family,
          family === "ipv4" ? 8 : 128,
          0,
          Uint8Array.of(...u16(identifier), 0, 1, 9, 9, 9, 9),
        );
        await sender.sendTo(message, FAR[family]);
        return responder.asked();
      };
      for (const identifier of [0x1234, 0x3412, 0x1235, 0, 0xffff]) {
        const asked = await ask(identifier);
        const quoted = quote(family, asked, FAR[family]);
        const messages = [
          ...strangers(family, "raw", asked, responder).slice(3),
          responder.reply(asked),
          ...ERRORS[family].map((type) => icmpMessage(family, type, 0, Uint8Array.of(0, 0, 0, 0, ...quoted))),
        ];
        for (const message of messages) await responder.send(message, asked);
        if (identifier !== 0x1234) continue;
        const kinds: unknown[] = [];
        while (kinds.length < 1 + ERRORS[family].length) {
          const { data } = await hears.recvFrom();
          const parsed = parseEcho(family, hears.payloadOf(data as Uint8Array));
          assert.ok(parsed === undefined || parsed.identifier === identifier);
          const known =
            parsed?.kind === "reply"
              ? parsed.sequence === 1
              : parsed?.destination.toString() === FAR[family] && parsed.sequence === 1;
          if (known) kinds.push(parsed?.kind === "error" ? parsed.type : parsed?.kind);
        }
        assert.deepEqual(kinds, ["reply", ...ERRORS[family]]);
      }
      // Nothing is there of the others: what is sent now is the next thing.
      await responder.send(responder.reply(await ask(0x1234), { sequence: 99 }), await ask(0x1234));
      const { data } = await hears.recvFrom();
      assert.equal(hears.payloadOf(data as Uint8Array)[7] as number, 99);
      await turns(2);
      assert.equal(hears.tryRecvFrom(), WOULD_BLOCK);
      assert.ok(near);
    },
  );
}

isolated(
  import.meta.url,
  "IPv4, raw socket: a reply with a wrong checksum is told, and counts as corrupted",
  { netns: SOCKETS.raw },
  async () => {
    const { far } = twoHosts();
    using responder = new Responder(far, "ipv4");
    const session = ping(FAR.ipv4, { count: 1, ...FOREVER });
    const events = all(session);
    const asked = await responder.asked();
    await responder.send(responder.reply(asked, { checksum: 0xdead }), asked);
    await responder.send(responder.reply(asked), asked);
    assert.deepEqual(
      only(await events, "reply").map((it) => [it.intact, it.duplicate]),
      [
        [false, false],
        [true, false],
      ],
    );
    const { received, corrupted, duplicates, loss } = session.statistics();
    assert.deepEqual([received, corrupted, duplicates, loss], [1, 1, 0, 0]);
  },
);

test("100 000 random and mutated messages: nothing is thrown, and nothing is taken for an answer but what is one", () => {
  const next = random(99);
  const request = Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 7);
  const ipv4 = Uint8Array.of(0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, ...request);
  const ipv6 = Uint8Array.of(
    0x60,
    0,
    0,
    0,
    0,
    8,
    58,
    64,
    ...new Uint8Array(32).fill(1),
    128,
    ...request.slice(1),
  );
  const seeds = {
    ipv4: [
      Uint8Array.of(3, 1, 0, 0, 0, 0, 0, 0, ...ipv4),
      Uint8Array.of(0, 0, 0, 0, 0x12, 0x34, 0, 7, 1, 2, 3),
    ],
    ipv6: [
      Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0, ...ipv6),
      Uint8Array.of(129, 0, 0, 0, 0x12, 0x34, 0, 7, 1, 2, 3),
    ],
  };
  let parsed = 0;
  for (const family of FAMILIES) {
    for (const seed of seeds[family]) assert.equal(parseEcho(family, seed)?.sequence, 7);
    for (let i = 0; i < 50_000; i++) {
      const bytes = (seeds[family][next(2)] as Uint8Array).slice(0, 1 + next(70));
      for (let flips = next(5); flips > 0; flips--) bytes[next(bytes.length)] = next(256);
      const message = parseEcho(family, bytes);
      if (message === undefined) continue;
      parsed++;
      assert.ok(bytes.length >= 8);
      assert.ok(message.kind === "reply" || bytes.length >= 8 + (family === "ipv4" ? 28 : 48));
    }
  }
  assert.ok(parsed > 1000);
});
