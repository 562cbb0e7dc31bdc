/** LinkAddr: its parts, its text, and the kernel's bytes of it both ways. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { MacAddr } from "../../src/ip/index.ts";
import { decodeAddress, encodeAddress, encodeSockaddrLl, LinkAddr } from "../../src/sys/index.ts";

const MAC = "02:00:00:00:00:01";

test("an address has its parts, and is not to be changed", () => {
  const addr = LinkAddr.of({
    index: 3,
    protocol: 0x0800,
    hardwareType: 1,
    packetType: "outgoing",
    address: MAC,
  });
  assert.deepEqual(
    [addr.index, addr.protocol, addr.hardwareType, addr.packetType],
    [3, 0x0800, 1, "outgoing"],
  );
  assert.equal(addr.mac?.toString(), MAC);
  addr.address.fill(9);
  assert.deepEqual(addr.address, Uint8Array.of(2, 0, 0, 0, 0, 1), "a copy");
  assert.throws(() => {
    (addr as { index: number }).index = 4;
  }, TypeError);
  const source = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const copied = LinkAddr.of({ address: source });
  source.fill(9);
  assert.deepEqual(copied.address, addr.address);
  const none = LinkAddr.of({});
  assert.deepEqual([none.index, none.protocol, none.packetType, none.mac], [0, 0, "host", undefined]);
  assert.deepEqual(none.address, new Uint8Array());
});

test("the text names what is there", () => {
  const rows: [fields: Parameters<typeof LinkAddr.of>[0], text: string][] = [
    [{}, "*"],
    [{ index: 2 }, "*%2"],
    [{ address: MAC }, MAC],
    [{ address: MacAddr.parse(MAC), index: 7 }, `${MAC}%7`],
    [{ index: 2, protocol: 3 }, "*%2 0x0003"],
    [{ address: Uint8Array.of(10, 0, 0, 1), index: 2, protocol: 0x86dd }, "0a:00:00:01%2 0x86dd"],
  ];
  for (const [fields, text] of rows) {
    assert.equal(LinkAddr.of(fields).toString(), text);
    assert.equal(JSON.stringify(LinkAddr.of(fields)), JSON.stringify(text));
  }
  assert.equal(inspect(LinkAddr.of({ index: 2, packetType: "otherhost" })), "LinkAddr(*%2 otherhost)");
});

test("equal are those whose every part is", () => {
  const fields = { index: 3, protocol: 0x0800, hardwareType: 1, packetType: "host", address: MAC } as const;
  const addr = LinkAddr.of(fields);
  assert.ok(addr.equals(LinkAddr.of(fields)));
  const others = [
    { index: 4 },
    { protocol: 0x0806 },
    { hardwareType: 2 },
    { packetType: "broadcast" as const },
    { address: "02:00:00:00:00:02" },
    { address: Uint8Array.of(2, 0, 0, 0, 0) },
  ];
  for (const other of others)
    assert.ok(!addr.equals(LinkAddr.of({ ...fields, ...other })), JSON.stringify(other));
  assert.ok(!addr.equals(undefined as never));
});

test("a struct sockaddr_ll, both ways, with addresses of every length", () => {
  const addr = LinkAddr.of({
    index: 0x01020304,
    protocol: 0x0806,
    hardwareType: 772,
    packetType: "multicast",
    address: MAC,
  });
  const bytes = Uint8Array.of(17, 0, 8, 6, 4, 3, 2, 1, 4, 3, 2, 6, 2, 0, 0, 0, 0, 1, 0, 0); // packet(7)
  assert.deepEqual(encodeSockaddrLl(addr), bytes);
  assert.deepEqual(encodeAddress(addr), bytes);
  assert.deepEqual(decodeAddress(bytes), addr);
  for (let length = 0; length <= 32; length++) {
    const long = LinkAddr.of({ address: new Uint8Array(length).fill(length), index: 1, packetType: 77 });
    const encoded = encodeSockaddrLl(long);
    assert.equal(encoded.length, Math.max(20, 12 + length));
    assert.ok((decodeAddress(encoded) as LinkAddr).equals(long));
    const inside = new Uint8Array(encoded.length + 7).fill(255);
    inside.set(encoded, 3);
    assert.ok((decodeAddress(inside.subarray(3, 3 + encoded.length)) as LinkAddr).equals(long));
  }
  const lying = bytes.slice();
  lying[11] = 200; // sll_halen
  assert.equal((decodeAddress(lying) as LinkAddr).address.length, 8);
  for (let length = 2; length < 12; length++)
    assert.equal(decodeAddress(bytes.subarray(0, length)), undefined);
});

test("what is no address is refused", () => {
  const rows: [fields: object, error: string, message: RegExp][] = [
    [{ index: -1 }, "RangeError", /index: expected a whole number from 0 to 2147483647, got -1/],
    [{ index: "eth0" }, "TypeError", /index: .*got eth0/],
    [{ protocol: 65536 }, "RangeError", /protocol/],
    [{ hardwareType: Number.NaN }, "RangeError", /hardwareType/],
    [{ packetType: "me" }, "TypeError", /packetType: expected one of host, broadcast.*got me/],
    [{ packetType: 256 }, "RangeError", /packetType/],
    [{ address: "02:00" }, "AddressError", /02:00/],
    [{ address: new Uint8Array(33) }, "RangeError", /at most 32 bytes, got 33/],
    [{ address: 5 }, "TypeError", /address: expected a MacAddr, its text or bytes, got number/],
  ];
  for (const [fields, name, message] of rows) {
    assert.throws(() => LinkAddr.of(fields), { name, message }, JSON.stringify(fields));
  }
  assert.throws(() => LinkAddr.of(null as never), TypeError);
});
