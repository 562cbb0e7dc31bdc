/** The numbers and structs of windsock/posix against the C headers, and that none is left out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as layouts from "../../src/posix/_layouts.ts";
import * as P from "../../src/posix/index.ts";
import * as sys from "../../src/sys/index.ts";
import { includes, needsGcc, runC } from "../sys/_gcc.ts";

/** Some of libc's and the kernel's headers cannot be included together: each set is a program of its own. */
const LIBC = [
  "sys/types.h",
  "arpa/inet.h",
  "errno.h",
  "fcntl.h",
  "linux/sockios.h",
  "net/if.h",
  "netdb.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "netinet/udp.h",
  "poll.h",
  "sys/ioctl.h",
  "sys/select.h",
  "sys/socket.h",
  "sys/uio.h",
  "sys/un.h",
  "unistd.h",
];
const KERNEL = [
  "time.h",
  "asm/socket.h",
  "linux/in.h",
  "linux/in6.h",
  "linux/tcp.h",
  "linux/udp.h",
  "linux/errqueue.h",
  "linux/icmp.h",
];

const CONSTANTS = Object.entries(P).filter(
  (entry): entry is [string, number] => typeof entry[1] === "number" && entry[0] !== "errno",
);

function ask(headers: readonly string[]): Map<string, number> {
  const rows = CONSTANTS.map(
    ([name]) => `#ifdef ${name}\n  printf("${name} %lld\\n", (long long)(${name}));\n#endif`,
  );
  const lines = runC(
    `#include <stdio.h>\n${includes(headers)}\nint main(void) {\n${rows.join("\n")}\nreturn 0;\n}`,
  );
  return new Map(
    lines.map((line) => {
      const [name, value] = line.split(" ");
      return [name as string, Number(value)];
    }),
  );
}

test("every constant has the value of the C headers", needsGcc, () => {
  const answers = new Map([...ask(KERNEL), ...ask(LIBC)]);
  for (const [name, value] of CONSTANTS) {
    const expected = answers.get(name);
    if (expected !== undefined) assert.equal(value, expected, name);
  }
  // What the headers here are too old for, test/sys/constants.test.ts knows by name.
  const known = CONSTANTS.filter(([name]) => !(name in sys) && !answers.has(name));
  assert.deepEqual(known, [], "these are in none of the headers");
  assert.ok(answers.size > 350, `${answers.size} constants were compared`);
});

test("every errno that sys has is here under its name", () => {
  const ours = Object.fromEntries(CONSTANTS.filter(([name]) => name in sys.errno));
  assert.deepEqual(ours, { ...sys.errno });
});

test("every constant of the sockets that sys gives is here", () => {
  const prefixes =
    /^((AF|SOCK|SOL|IPPROTO|SHUT|MSG|SCM|SO|IP|IPV6|MCAST|TCP|UDP|F|FD|O|AI|EAI|NI)_|POLL|SIOC)[A-Z]/;
  const missing = Object.entries(sys)
    .filter(([name, value]) => typeof value === "number" && prefixes.test(name) && !(name in P))
    .map(([name]) => name);
  assert.deepEqual(missing, [], "add these to src/posix/index.ts");
});

test("no number stands in src/posix/constants.ts that sys has too", async () => {
  const own = Object.keys(await import("../../src/posix/constants.ts"));
  assert.deepEqual(
    own.filter((name) => name in sys),
    [],
    "take these out of src/posix/constants.ts, and export those of sys",
  );
});

const STRUCTS = {
  in_addr: layouts.in_addr_layout,
  in6_addr: layouts.in6_addr_layout,
  sockaddr_in: layouts.sockaddr_in_layout,
  sockaddr_in6: layouts.sockaddr_in6_layout,
  sockaddr_un: layouts.sockaddr_un_layout,
  sockaddr_storage: layouts.sockaddr_storage_layout,
  ip_mreq: P.ip_mreq,
  ip_mreqn: P.ip_mreqn,
  ip_mreq_source: P.ip_mreq_source,
  ipv6_mreq: P.ipv6_mreq,
  in_pktinfo: P.in_pktinfo,
  in6_pktinfo: P.in6_pktinfo,
};

test("every struct is laid out as in the C headers", needsGcc, () => {
  const wanted: string[] = [];
  const lines: string[] = [];
  for (const [name, layout] of Object.entries(STRUCTS)) {
    wanted.push(`printf("%zu %zu\\n", sizeof(struct ${name}), _Alignof(struct ${name}));`);
    lines.push(`${layout.size} ${layout.align}`);
    for (const field of layout.fields) {
      if (field.name === "ss_data") continue; // its names in C are each libc's own
      wanted.push(
        `printf("%zu %zu\\n", offsetof(struct ${name}, ${field.name}), sizeof(((struct ${name} *)0)->${field.name}));`,
      );
      lines.push(`${field.offset} ${field.size}`);
    }
  }
  const program = `#include <stdio.h>\n#include <stddef.h>\n${includes(LIBC)}\nint main(void) {\n${wanted.join("\n")}\nreturn 0;\n}`;
  assert.deepEqual(runC(program), lines);
});

test("an ifreq and a fd_set have the size that ioctl and select take them for", needsGcc, () => {
  assert.deepEqual(
    runC(
      `#include <stdio.h>\n${includes(LIBC)}\nint main(void) { printf("%zu\\n%zu\\n%zu\\n", sizeof(struct ifreq), sizeof(fd_set), CMSG_LEN(5)); }`,
    ),
    ["40", String(P.fd_set().fds_bits.length), String(P.CMSG_LEN(5))],
  );
});
