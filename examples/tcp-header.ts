/**
 * Makes a TCP header, shows its bytes, and reads them back: once with the codec, once with a struct laid out as RFC 9293
 * §3.1 draws it. `tcp-header.ts [SRC-PORT] [DST-PORT]`
 */
import { bits, hexDump, struct, toHex, u8, u16, u32 } from "windsock/bytes";
import { decodeTcp, encodeTcp } from "windsock/wire";

const [srcPort = 8080, dstPort = 80] = process.argv.slice(2).map(Number);
const common = { srcPort, dstPort, sequenceNumber: 1000, acknowledgmentNumber: 2000, window: 4096 };

// The codec: lengths are its business, flags have names.
const bytes = encodeTcp({ ...common, syn: true, ack: true, checksum: 0xabcd });
console.log(hexDump(bytes).trimEnd());
const segment = decodeTcp(bytes);
console.log(String(segment));
for (const { label, text } of segment.tree().children ?? []) console.log(`  ${label}: ${text}`);

// The struct: every field in its place, in network byte order, and every flag a bit of its own.
const tcpHeader = struct(
  "tcp_header",
  {
    srcPort: u16,
    dstPort: u16,
    sequenceNumber: u32,
    acknowledgmentNumber: u32,
    dataOffset: bits(u8, 4), // in words of four bytes
    reserved: bits(u8, 3),
    ae: bits(u8, 1), // the ninth flag is the last bit of this byte
    cwr: bits(u8, 1),
    ece: bits(u8, 1),
    urg: bits(u8, 1),
    ack: bits(u8, 1),
    psh: bits(u8, 1),
    rst: bits(u8, 1),
    syn: bits(u8, 1),
    fin: bits(u8, 1),
    window: u16,
    checksum: u16,
    urgentPointer: u16,
  },
  { byteOrder: "big", packed: true },
);
const none = { reserved: 0, ae: 0, cwr: 0, ece: 0, urg: 0, psh: 0, rst: 0, fin: 0, urgentPointer: 0 };
const same = tcpHeader.encode({ ...none, ...common, dataOffset: 5, syn: 1, ack: 1, checksum: 0xabcd });
console.log(toHex(same) === toHex(bytes) ? "The struct makes the same bytes." : toHex(same));
console.log(tcpHeader.decode(bytes));
