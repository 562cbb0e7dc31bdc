/** Packet sockets beside tcpdump, tshark and scapy: what they see of ours, and what we see of theirs. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MacAddr, type PacketSocket, type RingPacket } from "../../src/index.ts";
import { isolated, until } from "../socket/_helpers.ts";
import {
  EXPERIMENT,
  frame,
  link,
  noScapy,
  noTcpdump,
  noTshark,
  numbered,
  onlyType,
  scapyPython,
} from "../socket/_packet.ts";

const NETNS = "ip link set lo up";

/** The packets of a classic pcap file in the byte order of the host. */
function pcapPackets(path: string): Uint8Array[] {
  const bytes = new Uint8Array(readFileSync(path));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packets: Uint8Array[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at + 8, true);
    if (at + 16 + length > bytes.length) break;
    packets.push(bytes.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return packets;
}

async function saying(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  }
  await until(() => {
    if (child.exitCode !== null) throw new Error(`it ended: ${text}`);
    return pattern.test(text);
  });
}

isolated(
  import.meta.url,
  "tcpdump and tshark see the frames that we send, byte for byte",
  { skip: noTcpdump || noTshark, netns: NETNS },
  async () => {
    const { openNear, far, ...wire } = link();
    const folder = mkdtempSync(join(tmpdir(), "windsock-packets-"));
    try {
      const file = join(folder, "seen.pcap");
      const filter = `ether proto ${EXPERIMENT}`;
      const tcpdump = far.in(() =>
        spawn("tcpdump", ["-i", "far0", "-U", "--immediate-mode", "-Z", "root", "-w", file, filter], {
          stdio: ["ignore", "pipe", "pipe"],
        }),
      );
      await saying(tcpdump, /listening on far0/);
      using near = openNear();
      const sent = Array.from({ length: 20 }, (_, i) => wire.frame(i, { length: 46 + i * 70 }));
      for (const one of sent) await near.send(one);
      await until(() => pcapPackets(file).length >= sent.length);
      tcpdump.kill("SIGINT");
      await once(tcpdump, "close");
      assert.deepEqual(
        pcapPackets(file),
        sent.map((one) => new Uint8Array(one)),
      );
      const fields = ["-e", "eth.src", "-e", "eth.dst", "-e", "eth.type", "-e", "frame.len"];
      const { stdout } = spawnSync("tshark", ["-r", file, "-T", "fields", ...fields], { encoding: "utf8" });
      const lines = sent.map((one) => [wire.nearMac, wire.farMac, "0x88b5", one.length].join("\t"));
      assert.deepEqual(stdout.trim().split("\n"), lines);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

/** Sends what the test asks for, and tells of what it hears, as hexadecimal lines. */
const SCAPY = `
import sys
from scapy.all import Ether, Dot1Q, IP, UDP, Raw, sendp, AsyncSniffer, raw
sniffer = AsyncSniffer(iface="far0", filter="ether proto 0x88b5", store=False,
                       prn=lambda p: print("heard", raw(p).hex(), flush=True))
sniffer.start()
import time
while not getattr(sniffer, "running", False) or not hasattr(sniffer, "stop_cb"): time.sleep(0.01)
print("ready", flush=True)
for line in sys.stdin:
    made = eval(line)
    print("made", raw(made).hex(), flush=True)
    sendp(made, iface="far0", verbose=False)
`;

isolated(
  import.meta.url,
  "scapy's frames come to us as it made them, singly and by the ring; it hears ours",
  { skip: noScapy, netns: NETNS },
  async () => {
    const { openNear, far, nearMac, farMac, ...wire } = link();
    const scapy = far.in(() =>
      spawn(scapyPython as string, ["-c", SCAPY], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    const lines: string[] = [];
    let rest = "";
    scapy.stdout.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() as string;
      lines.push(...parts);
    });
    const next = async (word: string): Promise<string> => {
      const find = (): number => lines.findIndex((line) => line.startsWith(`${word}`));
      await until(() => find() >= 0);
      return (lines.splice(find(), 1)[0] as string).slice(word.length + 1);
    };
    try {
      await next("ready");
      const filter = onlyType(0x88b6);
      using plain = openNear({ filter, ancillary: ["packet"] });
      using ringed = openNear({ filter, ring: { blockBytes: 65536, blockCount: 4, retireTimeoutMs: 1 } });
      const to = `Ether(src="${farMac}", dst="${nearMac}"`;
      const made: [python: string, tagged: boolean][] = [
        [`${to}, type=0x88b6) / Raw(bytes(range(200)))`, false],
        [`Ether(src="${farMac}", dst="ff:ff:ff:ff:ff:ff", type=0x88b6) / Raw(b"x" * 46)`, false],
        [`${to}) / Dot1Q(vlan=123, prio=6, id=1, type=0x88b6) / Raw(b"tagged" * 10)`, true],
      ];
      for (const [python, tagged] of made) {
        scapy.stdin.write(`${python}\n`);
        const whole = Uint8Array.from(Buffer.from(await next("made"), "hex"));
        const expected = tagged ? Buffer.concat([whole.subarray(0, 12), whole.subarray(16)]) : whole;
        const vlan = tagged ? { id: 123, priority: 6, dropEligible: true, protocol: 0x8100 } : undefined;
        const { data, ancillary, peer } = await plain.recvMsg();
        assert.deepEqual(data, Uint8Array.from(expected));
        assert.deepEqual(ancillary.packet?.vlan, vlan);
        assert.deepEqual(peer.mac, MacAddr.parse(farMac.toString()));
        using block = await (ringed.ring as NonNullable<PacketSocket["ring"]>).next();
        const [packet] = [...block] as [RingPacket];
        assert.deepEqual(packet.data, data);
        assert.deepEqual(packet.vlan, vlan);
      }
      using near = openNear();
      const ours = frame(farMac, nearMac, EXPERIMENT, numbered(77, 100));
      await near.send(ours);
      assert.equal(await next("heard"), Buffer.from(ours).toString("hex"));
      void wire;
    } finally {
      scapy.stdin.end();
      scapy.kill("SIGKILL");
    }
  },
);
