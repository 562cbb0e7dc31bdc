// What headers cost with Windsock: `wire_windsock.mjs CALLS`.
import { fromHex } from "../../dist/bytes/index.js";
import { Ipv4Addr } from "../../dist/ip/index.js";
import { decodeIpv4, decodeTcp, encodeIpv4, encodeTcp } from "../../dist/wire/index.js";
import { report, waitForGo } from "./_control.mjs";
import { cost } from "./_passes.mjs";
import { packets } from "./_wire.mjs";

const calls = Number(process.argv[2]) & ~1;
const all = packets(256, fromHex);
const [src, dst] = [Ipv4Addr.parse("10.0.0.1"), Ipv4Addr.parse("10.0.0.2")];
const between = { src, dst };
const data = new TextEncoder().encode("hello");
let seen = 0;
let last;

function decode(turn) {
  const bytes = all[turn & 255];
  const ip = decodeIpv4(bytes);
  return [ip, decodeTcp(bytes, ip.offset + ip.headerLength, ip.end)];
}

await waitForGo();
report({
  decode: cost(calls, (turn) => {
    last = decode(turn);
  }),
  read: cost(calls, (turn) => {
    const [ip, tcp] = decode(turn);
    seen += ip.src.toU32() + ip.dst.toU32() + tcp.srcPort + tcp.dstPort + tcp.sequenceNumber;
    if (tcp.syn || !tcp.ack || tcp.fin || tcp.rst) throw new Error("other flags were sent");
  }),
  all: cost(calls / 4, (turn) => {
    const [ip, tcp] = decode(turn);
    last = [ip.toObject(), tcp.toObject()];
  }),
  encode: cost(calls / 4, (turn) => {
    const options = [{ name: "nop" }, { name: "nop" }, { name: "timestamps", value: turn, echoReply: 2 }];
    const tcp = {
      srcPort: 2000,
      dstPort: 80,
      sequenceNumber: turn,
      acknowledgmentNumber: 2,
      ack: true,
      psh: true,
      window: 4095,
      options,
      payload: data,
    };
    const payload = encodeTcp(tcp, between);
    last = encodeIpv4({ src, dst, protocolNumber: 6, identification: 7238, payload });
  }),
});
if (!(seen > 0) || last === undefined) throw new Error("nothing was read");
