/** The kernel structs of src/sys/structs.ts against gcc and the C headers, and tcp_info against the running kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type StructField, toHex } from "../../src/bytes/index.ts";
import * as C from "../../src/sys/index.ts";
import * as structs from "../../src/sys/structs.ts";
import { includes, needsGcc, preprocess, runC } from "./_gcc.ts";
import { tcpPair } from "./_sockets.ts";

interface AnyStruct {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: readonly StructField[];
  encode(values: never): Uint8Array;
}

const isStruct = (value: unknown): value is AnyStruct =>
  typeof value === "object" && value !== null && "fields" in value && "offsetOf" in value;
const ALL = Object.values(structs as Record<string, unknown>).filter(isStruct);

/** Laid out by C's own rules: sizeof, alignof and every offsetof are compared. The others have a test of their own. */
const NOT_IN_C = ["rest"]; // what is left of a union
const SPECIAL = ["epoll_event", "sk_meminfo", "tcp_info"];
const LIBC = [
  "sys/socket.h",
  "netinet/in.h",
  "sys/un.h",
  "netdb.h",
  "poll.h",
  "net/if.h",
  "sys/epoll.h",
  "sys/uio.h",
  "sys/time.h",
  "time.h",
  "linux/errqueue.h",
  "linux/filter.h",
  "linux/if_packet.h",
];
const KERNEL = ["linux/tcp.h", "linux/sock_diag.h"];

const main = (headers: readonly string[], body: string): string =>
  `#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\n${includes(headers)}\nint main(void) {\n${body}\nreturn 0;\n}\n`;

test("every struct has C's size, alignment and offsets", needsGcc, () => {
  const plain = ALL.filter(({ name }) => !SPECIAL.includes(name));
  assert.ok(plain.length >= 6);
  const named = (s: AnyStruct): StructField[] =>
    s.fields.filter((field) => !field.name.startsWith("_") && !NOT_IN_C.includes(field.name));
  const questions = plain.flatMap((s) => [
    `printf("${s.name} %zu %zu\\n", sizeof(struct ${s.name}), _Alignof(struct ${s.name}));`,
    ...named(s).map(
      ({ name }) =>
        `printf("${s.name}.${name} %zu %zu\\n", offsetof(struct ${s.name}, ${name}), sizeof(((struct ${s.name} *)0)->${name}));`,
    ),
  ]);
  const answers = plain.flatMap((s) => [
    `${s.name} ${s.size} ${s.align}`,
    ...named(s).map(({ name, offset, size }) => `${s.name}.${name} ${offset} ${size}`),
  ]);
  assert.deepEqual(answers, runC(main(LIBC, questions.join("\n"))));
});

test("room for an address of any family is C's sockaddr_storage", needsGcc, () => {
  const lines = runC(main(LIBC, `printf("%zu\\n", sizeof(struct sockaddr_storage));`));
  assert.deepEqual(lines, [String(structs.SOCKADDR_STORAGE_LEN)]);
});

test("epoll_event is packed where C packs it, with data.u64 as slot and generation", needsGcc, () => {
  const lines = runC(
    main(
      LIBC,
      `struct epoll_event e; memset(&e, 0, sizeof e); e.events = 0x01020304; e.data.u64 = 0x1112131415161718;
       printf("%zu\\n", sizeof e);
       for (size_t i = 0; i < sizeof e; i++) printf("%02x", ((unsigned char *)&e)[i]);`,
    ),
  );
  const { epoll_event } = structs;
  const ours = epoll_event.encode({ events: 0x01020304, slot: 0x15161718, generation: 0x11121314 });
  assert.deepEqual([String(epoll_event.size), toHex(ours)], lines);
});

test(
  "what a ring's blocks and packets begin with lies where C has it, in the members of its unions",
  needsGcc,
  () => {
    const { tpacket_block_desc, tpacket3_hdr } = structs;
    const member = (struct: string, union: string, name: string): string =>
      `offsetof(struct ${struct}, ${name.startsWith("_") ? union + name.slice(1).replace(/^ts_(first|last)_(sec|nsec)$/, "ts_$1_pkt.ts_$2") : name})`;
    const inC = [
      ...tpacket_block_desc.fields.map(({ name }) => member("tpacket_block_desc", "hdr.bh1.", name)),
      ...tpacket3_hdr.fields.map(({ name }) => member("tpacket3_hdr", "hv1.", name)),
    ];
    const lines = runC(main(LIBC, inC.map((it) => `printf("%zu\\n", ${it});`).join("\n")));
    const ours = [...tpacket_block_desc.fields, ...tpacket3_hdr.fields].map(({ offset }) => String(offset));
    assert.deepEqual(ours, lines);
  },
);

test("sk_meminfo has the order of the kernel's SK_MEMINFO_ indices", needsGcc, () => {
  const { sk_meminfo } = structs;
  const indices = sk_meminfo.fields.map(({ name }) => `SK_MEMINFO_${name.toUpperCase()}`);
  const lines = runC(
    main(KERNEL, [...indices, "SK_MEMINFO_VARS"].map((name) => `printf("%d\\n", ${name} * 4);`).join("\n")),
  );
  assert.deepEqual(
    [...sk_meminfo.fields.map(({ offset }) => String(offset)), String(sk_meminfo.size)],
    lines,
  );
});

test("tcp_info begins with all the fields of the installed linux/tcp.h, in their places", needsGcc, () => {
  const text = preprocess("#include <linux/tcp.h>\n");
  const body = /struct tcp_info \{([^}]*)\}/.exec(text)?.[1] ?? "";
  const declared = [...body.matchAll(/(\w+)\s*(?::\s*\d+)?\s*[,;]/g)].map((match) => match[1] as string);
  const { tcp_info } = structs;
  const ours = tcp_info.fields.slice(0, declared.length);
  assert.ok(declared.length > 50);
  assert.deepEqual(
    ours.map(({ name }) => name),
    declared,
  );
  const lines = runC(
    main(
      KERNEL,
      ours
        .map(({ name, bits }) =>
          bits
            ? `{ static struct tcp_info v; unsigned char *p = (void *)&v; v.${name} = ~0; size_t i = 0; while (!p[i]) i++;
               printf("${name} %zu %02x\\n", i, p[i]); }`
            : `printf("${name} %zu %zu\\n", offsetof(struct tcp_info, ${name}), sizeof(((struct tcp_info *)0)->${name}));`,
        )
        .join("\n"),
    ),
  );
  const mask = (offset: number, width: number): string =>
    (((1 << width) - 1) << offset).toString(16).padStart(2, "0");
  assert.deepEqual(
    ours.map(({ name, offset, size, bits }) =>
      bits ? `${name} ${offset} ${mask(bits.offset, bits.width)}` : `${name} ${offset} ${size}`,
    ),
    lines,
  );
});

test("the running kernel's TCP_INFO holds every field that is decoded from it, with values that make sense", () => {
  const [client, server] = tcpPair();
  try {
    const payload = new Uint8Array(1000);
    assert.equal(C.send(client, payload, 0), 1000);
    for (let got = 0; got < 1000; ) got += C.check(C.recv(server, payload, 0), "recv");
    const room = new Uint8Array(4096).fill(0xff);
    const length = C.check(C.getsockopt(server, C.IPPROTO_TCP, C.TCP_INFO, room), "getsockopt");
    const info = C.tcp_info.decodePrefix(room.subarray(0, length));
    for (const { name, offset, size } of C.tcp_info.fields) {
      assert.equal(name in info, offset + size <= length, `${name} of ${length} bytes`);
    }
    assert.equal(info.tcpi_state, 1); // TCP_ESTABLISHED
    assert.ok((info.tcpi_snd_mss ?? 0) > 0);
    assert.ok((info.tcpi_rcv_mss ?? 0) > 0);
    assert.equal(info.tcpi_bytes_received, 1000n);
    assert.equal(info.tcpi_retransmits, 0);
    assert.ok((info.tcpi_segs_in ?? 0) >= 2);
  } finally {
    C.close(client);
    C.close(server);
  }
});

test("every prefix of tcp_info decodes to the fields that are whole in it", () => {
  const bytes = new Uint8Array(C.tcp_info.size).fill(1);
  for (let length = 0; length <= bytes.length; length++) {
    const info = C.tcp_info.decodePrefix(bytes.subarray(0, length));
    const whole = C.tcp_info.fields.filter(({ offset, size }) => offset + size <= length);
    assert.deepEqual(
      Object.keys(info),
      whole.map(({ name }) => name),
    );
  }
});

test("the running kernel's SO_MEMINFO is no shorter than sk_meminfo, and agrees with SO_RCVBUF", () => {
  const [client, server] = tcpPair();
  try {
    const room = new Uint8Array(256);
    const length = C.check(C.getsockopt(client, C.SOL_SOCKET, C.SO_MEMINFO, room), "getsockopt");
    assert.ok(length >= C.sk_meminfo.size, `${length} bytes`);
    const memory = C.sk_meminfo.decodePrefix(room);
    assert.equal(memory.rcvbuf, C.getsockoptInt(client, C.SOL_SOCKET, C.SO_RCVBUF));
    assert.equal(memory.sndbuf, C.getsockoptInt(client, C.SOL_SOCKET, C.SO_SNDBUF));
  } finally {
    C.close(client);
    C.close(server);
  }
});
