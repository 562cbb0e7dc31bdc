// What headers cost with the npm package pcap, whose decoders are JavaScript: `wire_pcap.mjs CALLS`.
import { createRequire } from "node:module";
import { report, waitForGo } from "./_control.mjs";
import { cost } from "./_passes.mjs";
import { packets } from "./_wire.mjs";

const require = createRequire(new URL("../out/npm/", import.meta.url));
const IPv4 = require("pcap/decode/ipv4");

const calls = Number(process.argv[2]) & ~1;
const all = packets(256, (hex) => Buffer.from(hex, "hex"));
let seen = 0;
let last;

await waitForGo();
const decode = cost(calls, (turn) => {
  last = new IPv4().decode(all[turn & 255], 0);
});
report({
  decode,
  read: cost(calls, (turn) => {
    const ip = new IPv4().decode(all[turn & 255], 0);
    const tcp = ip.payload;
    seen += ip.saddr.addr[3] + ip.daddr.addr[3] + tcp.sport + tcp.dport + tcp.seqno;
    if (tcp.flags.syn || !tcp.flags.ack || tcp.flags.fin || tcp.flags.rst) throw new Error("other flags");
  }),
  all: decode, // it reads all of them in any case
});
if (!(seen > 0) || last === undefined) throw new Error("nothing was read");
