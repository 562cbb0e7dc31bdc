/** Writes docs/options.md from the rows of src/socket/_options_*.ts and the comments above them: `npx tsx scripts/generate-options.ts` */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ICMP, ICMPV6, IP, IPV6, type OptionNotes, PACKET, SO, TCP, UDP } from "../src/socket/options.ts";

/** What the page needs of a row. */
interface Row extends OptionNotes {
  readonly values?: string;
  readonly to?: unknown;
  readonly decode?: unknown;
}

interface Table {
  readonly key: string;
  readonly rows: Readonly<Record<string, Row>>;
  readonly source: string;
  readonly title: string;
}

const TABLES: readonly Table[] = [
  { key: "SO", rows: SO, source: "_options_so.ts", title: "every socket, man 7 socket and man 7 unix" },
  { key: "TCP", rows: TCP, source: "_options_tcp.ts", title: "TCP sockets, man 7 tcp" },
  { key: "UDP", rows: UDP, source: "_options_udp.ts", title: "UDP sockets, man 7 udp" },
  {
    key: "IP",
    rows: IP,
    source: "_options_ip.ts",
    title: "IPv4 sockets, and IPv6 sockets for the IPv4 that they carry, man 7 ip",
  },
  { key: "IPV6", rows: IPV6, source: "_options_ipv6.ts", title: "IPv6 sockets, man 7 ipv6 and RFC 3542" },
  { key: "ICMP", rows: ICMP, source: "_options_icmp.ts", title: "raw ICMP sockets, man 7 raw" },
  {
    key: "ICMPV6",
    rows: ICMPV6,
    source: "_options_icmpv6.ts",
    title: "raw ICMPv6 sockets, RFC 3542 §3.2 (`ICMP6_FILTER`)",
  },
  { key: "PACKET", rows: PACKET, source: "_options_packet.ts", title: "packet sockets, man 7 packet" },
];

/** Options of these levels that have no row, by C name, where a `*` stands for any ending, and why. */
export const NO_ROW: readonly (readonly [names: string, why: string])[] = [
  [
    "SO_ATTACH_FILTER SO_GET_FILTER SO_DETACH_FILTER SO_ATTACH_BPF SO_DETACH_BPF SO_ATTACH_REUSEPORT_CBPF SO_ATTACH_REUSEPORT_EBPF SO_DETACH_REUSEPORT_BPF",
    "they take programs, not values",
  ],
  [
    "IP_ADD_* IP_DROP_* IP_BLOCK_SOURCE IP_UNBLOCK_SOURCE IP_MSFILTER IPV6_ADD_MEMBERSHIP IPV6_DROP_MEMBERSHIP IPV6_JOIN_GROUP IPV6_LEAVE_GROUP MCAST_*",
    "methods of `UdpSocket`: `joinMulticast`, `leaveMulticast`",
  ],
  [
    "PACKET_ADD_MEMBERSHIP PACKET_DROP_MEMBERSHIP PACKET_RX_RING PACKET_FANOUT_DATA",
    "methods and options of `PacketSocket`: `addMembership`, `dropMembership`, `openRing`, `fanout`",
  ],
  ["PACKET_TX_RING", "a ring for sending: `PacketSocket.sendMany` sends many packets by one call"],
  ["PACKET_HDRLEN", "it asks about a version of the ring by the value that the answer is written over"],
  ["SO_PEERPIDFD", "it gives an open file, which somebody would have to own"],
  ["SO_DEVMEM_* TCP_ZEROCOPY_RECEIVE", "they give memory of devices or pages of the page table"],
  ["TCP_MD5SIG* TCP_AO_*", "keys of signed segments, which routers speak with each other"],
  [
    "TCP_REPAIR* TCP_QUEUE_SEQ",
    "they take a connection apart and put it together again, for checkpoints of processes",
  ],
  ["IP_IPSEC_POLICY IP_XFRM_POLICY IPV6_IPSEC_POLICY IPV6_XFRM_POLICY", "policies of IPsec"],
  [
    "IP_PKTOPTIONS IPV6_PKTINFO IPV6_HOPLIMIT IPV6_2292*",
    "they are for single messages, whose ancillary data has them, or are their older form",
  ],
  [
    "SO_CNX_ADVICE IPV6_ADDRFORM IPV6_FLOWLABEL_MGR IPV6_JOIN_ANYCAST IPV6_LEAVE_ANYCAST",
    "acts rather than values",
  ],
  [
    "SO_PEERNAME SO_*_OLD SO_*_NEW IP_RECVRETOPTS IP_ORIGDSTADDR IPV6_ORIGDSTADDR",
    "other names or forms of what has a row or, as the peer's name, a property",
  ],
  [
    "PACKET_RECV_OUTPUT PACKET_TX_TIMESTAMP SO_BSDCOMPAT SO_SECURITY_* TCP_THIN_DUPACK TCP_COOKIE_TRANSACTIONS IPV6_AUTHHDR IPV6_NEXTHOP IPV6_USE_MIN_MTU",
    "they do nothing on Linux, or no more",
  ],
];

/** The comments above the rows of a source text, each on one line. @throws where a row has none */
export function comments(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, comment, key] of text.matchAll(
    /^ {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n {2}([A-Z0-9_]+): (?:ro|rw|wo)\(/gm,
  )) {
    found.set(
      key as string,
      (comment as string)
        .replace(/^\s*\*/gm, "")
        .replace(/\s+/g, " ")
        .trim(),
    );
  }
  for (const [, key] of text.matchAll(/^ {2}([A-Z0-9_]+): (?:ro|rw|wo)\(/gm)) {
    if (!found.has(key as string)) throw new Error(`${key} has no comment`);
  }
  return found;
}

/** A cell of a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

const code = (text: string): string => `\`${text}\``;

/** Where it works, and what cannot be done with it. */
function notes({ since, needs, on, to, decode }: Row): string {
  return [
    to === undefined ? "read only" : "",
    decode === undefined ? "write only" : "",
    on === undefined ? "" : on.join(", "),
    since === undefined ? "" : `Linux ${since}`,
    needs ?? "",
  ]
    .filter((it) => it !== "")
    .join("; ");
}

function table({ key, rows, source, title }: Table): string {
  const text = readFileSync(new URL(`../src/socket/${source}`, import.meta.url), "utf8");
  const texts = comments(text);
  const lines = Object.entries(rows).map(([name, row]) => {
    const what = texts.get(name);
    if (what === undefined) throw new Error(`${source} has no row ${name}`);
    const values = (row.values ?? "").replace(/"[a-z0-9-]+"/g, code);
    return `| ${code(name)} | ${cell(values)} | ${cell(what)} | ${notes(row)} |`;
  });
  return `## \`${key}\`: ${title}

| \`${key}.\` | Value | What it is | Notes |
|---|---|---|---|
${lines.join("\n")}
`;
}

/** What docs/options.md has to be. */
export function page(): string {
  const without = NO_ROW.map(([names, why]) => `| ${names.split(" ").map(code).join(" ")} | ${cell(why)} |`);
  return `# Socket options

<!-- Written by scripts/generate-options.ts from src/socket/_options_*.ts. -->

\`\`\`ts
import { IP, SO, TCP, TcpStream } from "windsock";

await using stream = await TcpStream.connect("example.org:80", {
  options: [SO.RCVBUF.to(65_536), IP.MTU_DISCOVER.to("do")],      // set before the handshake
});
stream.setOption(TCP.NODELAY, true);                              // typed by the option: a number does not compile
stream.setOption(SO.TIMESTAMPING, ["software", "rx-software"]);   // flags are arrays of names
stream.getOption(SO.LINGER);                                      // undefined, since it is off at first
\`\`\`

- \`getOption\` asks the kernel each time, and \`setOption\` tells it at once; nothing is kept in between. \`.to(value)\` makes a
  setting for the \`options\` of connect, listen and bind.
- A value of the wrong type is a \`TypeError\`, one out of range a \`RangeError\`, both before any system call. What the kernel
  refuses is a \`SysError\` with the option's name: \`ENOPROTOOPT\` or \`EOPNOTSUPP\` where this kernel or this kind of socket does
  not have it, \`EPERM\` where a capability is missing.
- A choice is a name, and several are an array of names: the constant's in C, without its prefix, in lower case, with \`-\` for
  \`_\`. Where this version knows no name, it is the kernel's number, which is taken, too. Address families and socket types
  have the names that the rest of the library gives them.
- What is off or without limit is \`undefined\`, where 0 is something else. Units are in the table. An interface is given by
  name or by index, and read as an index, since the kernel says no more.
- A flag that "tells" something with each datagram adds to the ancillary data that \`recvMsg\` gives; what has no
  field of its own there is in \`others\`.

The notes say which rows are only read or only written, the kinds of socket that an option is for where those are fewer than
the heading says, the first Linux that has it where that is later than 4.18, and the capability that it takes to set it.

${TABLES.map(table).join("\n")}
## Without a row

| Options | Why |
|---|---|
${without.join("\n")}

Other levels, such as those of netlink sockets, of IPsec, TLS, MPTCP, SCTP and DCCP, are not here either.
`;
}

const PAGE = new URL("../docs/options.md", import.meta.url);
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = page();
  writeFileSync(PAGE, text);
  console.log(`${text.match(/^\| `[A-Z0-9_]+` \|/gm)?.length} options`);
}
