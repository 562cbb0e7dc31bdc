/** Every constant of src/sys/constants.ts against the C headers, by programs generated from its exports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as constants from "../../src/sys/constants.ts";
import { includes, needsGcc, runC } from "./_gcc.ts";

const ALL = Object.entries(constants) as [string, unknown][];

/** Some of libc's and the kernel's headers cannot be included together: each set is a program of its own. */
const HEADERS = {
  libc: [
    "sys/types.h",
    "sys/socket.h",
    "sys/un.h",
    "netinet/in.h",
    "netinet/ip.h",
    "netinet/tcp.h",
    "netinet/udp.h",
    "net/if.h",
    "net/ethernet.h",
    "netdb.h",
    "poll.h",
    "sys/epoll.h",
    "sys/eventfd.h",
    "sys/ioctl.h",
    "sys/mman.h",
    "fcntl.h",
    "sched.h",
    "linux/sockios.h",
  ],
  kernel: [
    "asm/socket.h",
    "linux/in.h",
    "linux/in6.h",
    "linux/tcp.h",
    "linux/udp.h",
    "linux/if.h",
    "linux/if_ether.h",
    "linux/if_packet.h",
    "linux/if_tun.h",
    "linux/icmp.h",
    "linux/icmpv6.h",
    "linux/errqueue.h",
    "linux/net_tstamp.h",
    "linux/netlink.h",
    "linux/rtnetlink.h",
    "linux/sock_diag.h",
    "linux/filter.h",
    "linux/sockios.h",
    "linux/netfilter_ipv4.h",
    "linux/netfilter_ipv6/ip6_tables.h",
    "linux/un.h",
    "asm/ioctls.h",
  ],
} as const;

/** Younger than the headers of the distributions that are still in use: checked where the headers have them. */
const YOUNG: readonly string[] = [
  "IP_LOCAL_PORT_RANGE", // Linux 6.3
  "IP_PROTOCOL", // Linux 6.4
  "PACKET_FANOUT_FLAG_IGNORE_OUTGOING", // Linux 6.2
  "PACKET_VNET_HDR_SZ", // Linux 6.4
  "TP_STATUS_GSO_TCP", // Linux 6.4
  "IPV6_FLOWINFO_SEND", // in linux/in6.h, where it is under #if __UAPI_DEF_IPV6_OPTIONS; libc has it not
  "SCM_PIDFD", // Linux 6.5, of which glibc tells since 2.39
  "SO_PASSPIDFD", // Linux 6.5
  "SO_PEERPIDFD", // Linux 6.5
  "SO_PASSRIGHTS", // Linux 6.16
  "SO_RCVPRIORITY", // Linux 6.14
  "SO_DEVMEM_LINEAR", // Linux 6.12
  "SO_INQ", // Linux 6.17
  "TCP_IS_MPTCP", // Linux 6.10
  "TCP_RTO_MAX_MS", // Linux 6.15
  "TCP_RTO_MIN_US", // Linux 6.15
  "TCP_DELACK_MAX_US", // Linux 6.15
];

function ask(headers: readonly string[]): Map<string, number> {
  const lines = runC(`
#include <stdio.h>
${includes(headers)}
int main(void) {
${ALL.map(([name]) => `#ifdef ${name}\n  printf("${name} %lld\\n", (long long)(${name}));\n#endif`).join("\n")}
  return 0;
}
`);
  return new Map(
    lines.map((line) => {
      const [name, value] = line.split(" ");
      return [name as string, Number(value)];
    }),
  );
}

test("every export is a whole number", () => {
  assert.ok(ALL.length > 100);
  for (const [name, value] of ALL) assert.ok(Number.isSafeInteger(value), `${name} is ${value}`);
});

test("every constant has the value of the C headers", needsGcc, () => {
  const answers = Object.values(HEADERS).map(ask);
  const ours = Object.fromEntries(ALL);
  for (const answer of answers) {
    const subset = Object.fromEntries([...answer.keys()].map((name) => [name, ours[name]]));
    assert.deepEqual(subset, Object.fromEntries(answer));
  }
  const unknown = ALL.map(([name]) => name).filter((name) => answers.every((answer) => !answer.has(name)));
  assert.deepEqual(
    unknown.filter((name) => !YOUNG.includes(name)),
    [],
    "these are in none of the headers",
  );
});
