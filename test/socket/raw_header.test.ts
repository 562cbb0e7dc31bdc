/** RawSocket and headers: packets with an IP header of one's own as another program sees them, checksums that the kernel writes, sizes. */
import assert from "node:assert/strict";
import {
  DatagramTooLargeError,
  IP,
  IPV6,
  RawSocket,
  SysError,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import * as sys from "../../src/sys/index.ts";
import { isolated, noIpv6, noPython, sysError, utf8 } from "./_helpers.ts";
import {
  EXPERIMENT,
  FAMILIES,
  fdOf,
  internetChecksum,
  ipv4Packet,
  ipv6Packet,
  pseudoHeader,
  readU16,
  u16,
  Witness,
} from "./_raw.ts";
import { twoHosts } from "./_wires.ts";

const UP = "ip link set lo up";

/** An IPv4 packet as it should arrive: with its length and its checksum. */
function filled(
  packet: Uint8Array,
  changes: readonly (readonly [at: number, bytes: Iterable<number>])[] = [],
): Uint8Array {
  const wanted = packet.slice();
  for (const [at, bytes] of changes) wanted.set([...bytes], at);
  wanted.set(u16(packet.length), 2);
  wanted.set([0, 0], 10);
  wanted.set(u16(internetChecksum(wanted.subarray(0, ((packet[0] as number) & 15) * 4))), 10);
  return wanted;
}

isolated(
  import.meta.url,
  "ipv4: packets arrive as they were made, with length and checksum written by the kernel, and what was 0 filled in",
  { netns: UP, skip: noPython },
  async () => {
    const { far } = twoHosts();
    const witness = await Witness.start(far, "far0", "ipv4", 9);
    using raw = RawSocket.open("raw");
    using experiment = RawSocket.open(EXPERIMENT, { headerIncluded: true });
    assert.ok(raw.headerIncluded && experiment.headerIncluded);
    const payload = utf8("a payload of some bytes");
    const destination = "192.0.2.2";
    const spoofed = ipv4Packet(
      { source: "203.0.113.9", destination, ttl: 7, tos: 0xb9, id: 0x1234, flags: 0x4000 },
      payload,
    );
    const options = ipv4Packet({ source: "192.0.2.77", destination, id: 1, options: [1, 1, 1, 0] }, payload);
    const elsewhere = ipv4Packet(
      { source: "192.0.2.1", destination: "198.51.100.77", id: 2, ttl: 1 },
      payload,
    );
    const anonymous = ipv4Packet({ destination, id: 3 }, payload);
    const fragment = ipv4Packet({ source: "192.0.2.1", destination, id: 4, flags: 0x2003 }, utf8("12345678"));
    const anonymousId = ipv4Packet({ source: "192.0.2.1", destination }, payload);
    const sent = [spoofed, options, elsewhere, anonymous, fragment];
    for (const [i, packet] of sent.entries()) {
      const socket = i % 2 === 0 ? raw : experiment;
      const before = packet.slice();
      assert.equal(await socket.sendTo(packet, destination), packet.length);
      assert.deepEqual(packet, before, "what is sent is not changed");
    }
    for (let i = 0; i < 3; i++) await raw.sendTo(anonymousId, destination);
    experiment.connect(destination);
    await experiment.sendMsg([spoofed.subarray(0, 11), spoofed.subarray(11)]);

    const arrived = await witness.packets();
    assert.deepEqual(arrived[0], filled(spoofed));
    assert.deepEqual(arrived[1], filled(options));
    assert.deepEqual(arrived[2], filled(elsewhere));
    assert.deepEqual(arrived[3], filled(anonymous, [[12, [192, 0, 2, 1]]]));
    assert.deepEqual(arrived[4], filled(fragment));
    const ids = arrived.slice(5, 8).map((packet) => readU16(packet, 4));
    assert.ok(
      ids.some((id) => id !== 0),
      `an id of 0 is the kernel's to choose: ${ids}`,
    );
    for (const [i, id] of ids.entries())
      assert.deepEqual(arrived[5 + i], filled(anonymousId, [[4, u16(id)]]));
    assert.deepEqual(arrived[8], filled(spoofed));
  },
);

isolated(
  import.meta.url,
  "ipv4: a header with options is longer, and payloadOf knows it",
  { netns: UP },
  async () => {
    const options = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 0); // no-operation, RFC 791 §3.1
    using sender = RawSocket.open(EXPERIMENT, { options: [IP.OPTIONS.to(options)] });
    using receiver = RawSocket.open(EXPERIMENT);
    await sender.sendTo(utf8("behind it"), "127.0.0.1");
    const { data } = await receiver.recvFrom({ timeoutMs: 5000 });
    assert.deepEqual(data.subarray(20, 28), options);
    assert.deepEqual(receiver.payloadOf(data), utf8("behind it"));
    const odd: [Uint8Array, Uint8Array][] = [
      [new Uint8Array(0), new Uint8Array(0)],
      [Uint8Array.of(0x4f), new Uint8Array(0)],
      [Uint8Array.of(0x40, 1), Uint8Array.of(0x40, 1)],
    ];
    for (const [bytes, payload] of odd) assert.deepEqual(receiver.payloadOf(bytes), payload);
  },
);

isolated(
  import.meta.url,
  "ipv6: packets arrive as they were made, and nothing is filled in",
  { netns: UP, skip: noIpv6 || noPython },
  async () => {
    const { far } = twoHosts();
    const witness = await Witness.start(far, "far0", "ipv6", 4);
    using raw = RawSocket.open("raw", { family: "ipv6" });
    using experiment = RawSocket.open(EXPERIMENT, { family: "ipv6", headerIncluded: true });
    const payload = utf8("a payload of some bytes");
    const destination = "2001:db8::2";
    const packets = [
      ipv6Packet({ source: "2001:db8:77::1", destination, hopLimit: 9, first: 0x6b91_2345 }, payload),
      ipv6Packet({ source: "::", destination }, payload),
      ipv6Packet({ source: "2001:db8::1", destination, length: 5 }, payload),
      ipv6Packet({ source: "2001:db8::1", destination: "2001:db8:88::8" }, payload),
    ];
    for (const [i, packet] of packets.entries()) await (i % 2 ? raw : experiment).sendTo(packet, destination);
    assert.deepEqual(await witness.packets(), packets);
  },
);

for (const { family, lo, skip } of FAMILIES) {
  const packet = (): Uint8Array =>
    family === "ipv4"
      ? ipv4Packet({ destination: lo }, utf8("x"))
      : ipv6Packet({ source: lo, destination: lo }, utf8("x"));

  isolated(
    import.meta.url,
    `${family}: a header that cannot be one is EINVAL, says why, and is not sent`,
    { netns: UP, skip },
    async () => {
      using sender = RawSocket.open(EXPERIMENT, { family, headerIncluded: true });
      using receiver = RawSocket.open(EXPERIMENT, { family });
      const least = family === "ipv4" ? 20 : 40;
      const first = (byte: number): Uint8Array => {
        const bytes = packet();
        bytes[0] = byte;
        return bytes;
      };
      const rows: [Uint8Array, RegExp][] = [
        [new Uint8Array(0), new RegExp(`header of at least ${least} bytes, got a packet of 0`)],
        [packet().subarray(0, 1), /got a packet of 1/],
        [packet().subarray(0, least - 1), new RegExp(`got a packet of ${least - 1}`)],
      ];
      if (family === "ipv4") {
        rows.push([first(0x40), /the header says that it has 0 bytes; it has at least 20/]);
        rows.push([first(0x44), /the header says that it has 16 bytes; it has at least 20/]);
        rows.push([first(0x46), /the header says that it has 24 bytes, and the packet has 21/]);
        rows.push([first(0x4f), /the header says that it has 60 bytes, and the packet has 21/]);
      }
      for (const [bytes, message] of rows) {
        const half = bytes.length >> 1;
        for (const call of [
          () => sender.sendTo(bytes, lo),
          async () => sender.trySendTo(bytes, lo),
          () => sender.sendMsg(bytes, { peer: lo }),
          () => sender.sendMsg([bytes.subarray(0, half), bytes.subarray(half)], { peer: lo }),
          () => sender.send(bytes),
        ]) {
          await assert.rejects(call, (error) => {
            sysError("EINVAL", "send")(error);
            assert.match((error as Error).message, message);
            return true;
          });
        }
        // The kernel says the same, without a reason.
        assert.equal(
          sys.sendto(fdOf(sender), bytes, 0, sys.encodeSockaddr(receiver.localAddr)),
          -sys.errno.EINVAL,
        );
      }
      await sender.sendTo(packet(), lo);
      assert.deepEqual(receiver.payloadOf((await receiver.recvFrom({ timeoutMs: 5000 })).data), utf8("x"));
      assert.equal(receiver.tryRecvFrom(), WOULD_BLOCK);
      // Without the option it is a payload like any other.
      sender.setOption(family === "ipv4" ? IP.HDRINCL : IPV6.HDRINCL, false);
      assert.equal(sender.headerIncluded, false);
      await sender.sendTo(new Uint8Array(0), lo);
      assert.equal(receiver.payloadOf((await receiver.recvFrom({ timeoutMs: 5000 })).data).length, 0);
      using adopted = RawSocket.fromFd(RawSocket.open(EXPERIMENT, { family, headerIncluded: true }).intoFd());
      assert.ok(adopted.headerIncluded);
    },
  );

  isolated(
    import.meta.url,
    `${family}: what is too large is refused with how much fits, and that much goes`,
    { netns: UP, skip },
    async () => {
      const { far } = twoHosts();
      const peer = family === "ipv4" ? "192.0.2.2" : "2001:db8::2";
      const header = family === "ipv4" ? 20 : 40;
      using receiver = far.in(() => RawSocket.open(EXPERIMENT, { family }));
      using plain = RawSocket.open(EXPERIMENT, { family, icmpErrors: true });
      const uncut = (family === "ipv4" ? IP : IPV6).MTU_DISCOVER.to("do");
      using whole = RawSocket.open(EXPERIMENT, { family, options: [uncut] });
      using made = RawSocket.open(EXPERIMENT, { family, headerIncluded: true });
      const rows: [RawSocket, maxBytes: number][] = [
        [plain, family === "ipv4" ? 65_515 : 65_535], // in fragments
        [whole, 1500 - header],
        [made, 1500],
      ];
      for (const [socket, maxBytes] of rows) {
        const bytes = (length: number): Uint8Array => {
          const all = new Uint8Array(length);
          if (socket !== made) return all;
          all.set(
            family === "ipv4"
              ? ipv4Packet({ destination: peer }, utf8(""))
              : ipv6Packet({ source: "2001:db8::1", destination: peer, length: length - 40 }, utf8("")),
          );
          return all;
        };
        for (const length of [maxBytes + 1, 70_000]) {
          await assert.rejects(socket.sendTo(bytes(length), peer), (error) => {
            assert.ok(error instanceof DatagramTooLargeError, String(error));
            assert.deepEqual([error.maxBytes, error.address], [maxBytes, peer]);
            return true;
          });
        }
        assert.equal(await socket.sendTo(bytes(maxBytes), peer), maxBytes);
        const { data } = await receiver.recvFrom({ timeoutMs: 5000 });
        assert.equal(receiver.payloadOf(data).length, socket === made ? maxBytes - header : maxBytes);
      }
      // Told twice at most: the call that fails is not made again.
      let told = 0;
      while (plain.tryRecvError() !== WOULD_BLOCK) told++;
      assert.ok(told <= 2, `${told} reports`);
      if (family === "ipv4") {
        await assert.rejects(made.sendTo(new Uint8Array(5), peer), SysError);
      }
    },
  );
}

isolated(
  import.meta.url,
  "checksumOffset: the kernel writes the checksum, and drops what comes with a wrong one",
  { netns: UP, skip: noIpv6 },
  async () => {
    using any = RawSocket.open(EXPERIMENT, { family: "ipv6" });
    using checking = RawSocket.open(EXPERIMENT, { family: "ipv6", checksumOffset: 4 });
    assert.equal(checking.getOption(IPV6.CHECKSUM), 4);
    const message = utf8("....\0\0 of an odd length: ");
    const sum = (bytes: Uint8Array): number =>
      internetChecksum(pseudoHeader("::1", "::1", bytes.length, EXPERIMENT), bytes);
    for (const bytes of [message, message.subarray(0, 6), message.subarray(0, 9)]) {
      await checking.sendTo(bytes, "::1");
      const { data } = await checking.recvFrom({ timeoutMs: 5000 });
      const wanted = bytes.slice();
      wanted.set(u16(sum(bytes) || 0xffff), 4);
      assert.deepEqual(data, wanted);
      assert.equal(sum(data), 0);
      assert.deepEqual((await any.recvFrom()).data, wanted);
    }
    const right = message.slice();
    right.set(u16(sum(message)), 4);
    const wrong = right.slice();
    wrong[8] = (wrong[8] as number) ^ 1;
    for (const bytes of [wrong, message, right]) await any.sendTo(bytes, "::1");
    assert.deepEqual((await checking.recvFrom({ timeoutMs: 5000 })).data, right);
    assert.equal(checking.tryRecvFrom(), WOULD_BLOCK);
    // Too short for a checksum there: the kernel does not send it.
    await assert.rejects(checking.sendTo(new Uint8Array(5), "::1"), sysError("EINVAL"));
    assert.throws(
      () => RawSocket.open(EXPERIMENT, { family: "ipv6", checksumOffset: 3 }),
      sysError("EINVAL", "setsockopt"),
    );
  },
);

isolated(
  import.meta.url,
  "UDP by hand, with the kernel's checksum, reaches a UDP socket; with a wrong one it does not",
  { netns: UP, skip: noIpv6 },
  async () => {
    using receiver = UdpSocket.bind("[::1]:0");
    using raw = RawSocket.open("udp", { family: "ipv6", checksumOffset: 6 });
    using plain = RawSocket.open("udp", { family: "ipv6" });
    const datagram = Uint8Array.of(
      ...u16(4242),
      ...u16(receiver.localAddr.port),
      ...u16(8 + 5),
      0,
      0,
      ...utf8("hello"),
    );
    const wrong = datagram.slice();
    wrong[6] = 0x12;
    await plain.sendTo(wrong, "::1");
    await raw.sendTo(datagram, "::1");
    const { data, peer } = await receiver.recvFrom({ timeoutMs: 5000 });
    assert.deepEqual(data, utf8("hello"));
    assert.equal(peer.port, 4242);
    assert.equal(receiver.tryRecvFrom(), WOULD_BLOCK);
  },
);
