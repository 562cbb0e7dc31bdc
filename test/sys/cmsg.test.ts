/** Control messages, cmsg(3): the buffer as C lays it out, and decoding of whatever may be in one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../src/bytes/index.ts";
import { CMSG_SPACE, type ControlMessage, decodeControl, encodeControl } from "../../src/sys/cmsg.ts";
import { needsGcc, runC } from "./_gcc.ts";

/** A seeded generator (mulberry32): integers from 0 to `limit - 1`. */
function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

function randomMessages(below: (limit: number) => number, count: number): ControlMessage[] {
  return Array.from({ length: count }, () => ({
    level: below(300) - 20,
    type: below(2) ? below(100) : below(2 ** 31) - 2 ** 30,
    data: Uint8Array.from({ length: below(40) }, () => below(256)),
  }));
}

test("CMSG_SPACE is C's", needsGcc, () => {
  const lengths = [0, 1, 2, 4, 7, 8, 9, 12, 16, 20, 28, 1012];
  const lines = lengths.map((n) => `printf("%zu\\n", CMSG_SPACE(${n}));`);
  const answers = runC(
    `#include <stdio.h>\n#include <sys/socket.h>\nint main(void) { ${lines.join("\n")} return 0; }`,
  );
  assert.deepEqual(
    lengths.map((n) => `${CMSG_SPACE(n)}`),
    answers,
  );
});

test("several messages lie as CMSG_FIRSTHDR and CMSG_NXTHDR put and find them", needsGcc, () => {
  const below = random(1);
  for (const count of [1, 2, 3, 7]) {
    const messages = randomMessages(below, count);
    const bytes = encodeControl(messages);
    const puts = messages.map(({ level, type, data }, i) => {
      const values = [...data].join(",");
      return `
        h = ${i === 0 ? "CMSG_FIRSTHDR(&m)" : "CMSG_NXTHDR(&m, h)"};
        h->cmsg_level = ${level}; h->cmsg_type = ${type}; h->cmsg_len = CMSG_LEN(${data.length});
        { unsigned char d[] = {${values || 0}}; memcpy(CMSG_DATA(h), d, ${data.length}); }`;
    });
    const [hex] = runC(`
      #include <stdio.h>
      #include <string.h>
      #include <sys/socket.h>
      static _Alignas(16) unsigned char buffer[${bytes.length}];
      int main(void) {
        struct msghdr m = { .msg_control = buffer, .msg_controllen = sizeof buffer };
        struct cmsghdr *h;
        ${puts.join("\n")}
        for (size_t i = 0; i < sizeof buffer; i++) printf("%02x", buffer[i]);
        return 0;
      }`);
    assert.equal(toHex(bytes), hex);
  }
});

test("decode of encode is the identity; its data are views", () => {
  const below = random(2);
  for (let i = 0; i < 2000; i++) {
    const messages = randomMessages(below, below(6));
    const bytes = encodeControl(messages);
    const decoded = decodeControl(bytes);
    assert.deepEqual(decoded, messages);
    for (const { data } of decoded) assert.equal(data.buffer, bytes.buffer);
  }
  assert.deepEqual(decodeControl(new Uint8Array()), []);
  assert.deepEqual(encodeControl([]), new Uint8Array());
});

test("a view in the middle of a larger buffer is decoded from where it begins", () => {
  const messages = randomMessages(random(3), 3);
  const bytes = encodeControl(messages);
  const around = new Uint8Array(bytes.length + 64).fill(0xff);
  around.set(bytes, 24);
  assert.deepEqual(decodeControl(around.subarray(24, 24 + bytes.length)), messages);
});

test("cut at every length: the messages that are whole, and never anything else", () => {
  const messages = randomMessages(random(4), 5);
  const bytes = encodeControl(messages);
  const ends: number[] = [];
  let offset = 0;
  for (const { data } of messages) {
    ends.push(offset + 16 + data.length); // the padding behind the last may be missing
    offset += CMSG_SPACE(data.length);
  }
  for (let length = 0; length <= bytes.length; length++) {
    const whole = ends.filter((end) => end <= length).length;
    assert.deepEqual(decodeControl(bytes.subarray(0, length)), messages.slice(0, whole), `${length} bytes`);
  }
});

test("a header whose length is impossible ends it", () => {
  const rows: [length: number, upper: number][] = [
    [0, 0],
    [15, 0],
    [33, 0],
    [0xffffffff, 0],
    [0x80000000, 0],
    [0xfffffff8, 0],
  ];
  for (const [length, upper] of rows) {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, length, true);
    view.setUint32(4, upper, true);
    assert.deepEqual(decodeControl(bytes), [], `${length}`);
  }
  // musl has a 32-bit length and padding, which need not be zero.
  const padded = encodeControl([{ level: 1, type: 2, data: Uint8Array.of(3) }]);
  padded.fill(0xab, 4, 8);
  assert.deepEqual(decodeControl(padded), [{ level: 1, type: 2, data: Uint8Array.of(3) }]);
});

test("random bytes never throw, never hang, and give nothing from outside", () => {
  const below = random(5);
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: below(120) }, () => (below(3) ? 0 : below(64)));
    let total = 0;
    for (const { data } of decodeControl(bytes)) {
      total += 16 + data.length;
      assert.ok(data.byteOffset + data.length <= bytes.length);
    }
    assert.ok(total <= bytes.length);
  }
});
