/** examples/packet-watch.ts: it prints what passes the device, and how much that was. */
import assert from "node:assert/strict";
import { UdpSocket } from "../../src/index.ts";
import { Program } from "../cli/_cli.ts";
import { isolated } from "./_helpers.ts";

const WATCH = ["--import", "tsx", "examples/packet-watch.ts", "lo"];

isolated(
  import.meta.url,
  "packet-watch.ts prints the packets of loopback",
  { netns: "ip link set lo up" },
  async () => {
    using udp = UdpSocket.bind("127.0.0.1:0");
    {
      using watch = new Program(process.execPath, [...WATCH, "4"]);
      await watch.printedMatch(/^watching lo\n/);
      for (let i = 0; i < 2; i++) await udp.sendTo(new Uint8Array(100 + i), udp.localAddr);
      const { code, stdout, stderr } = await watch.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      const mac = "00:00:00:00:00:00";
      const line = (bytes: number, type: string): string =>
        `[0-9:.]{12} ${mac} > ${mac} 0x0800 ${bytes} bytes \\(${type}\\)`;
      const lines = [
        "watching lo",
        line(142, "outgoing"),
        line(142, "host"),
        line(143, "outgoing"),
        line(143, "host"),
      ];
      assert.match(stdout.toString(), new RegExp(`^${lines.join("\n")}\n4 packets, 0 of them dropped\n$`));
    }
    using watch = new Program(process.execPath, WATCH);
    await watch.printedMatch(/^watching lo\n/);
    await udp.sendTo(new Uint8Array(5), udp.localAddr);
    await watch.printedMatch(/\(host\)\n/);
    watch.child.kill("SIGINT");
    const { code, stdout, stderr } = await watch.ended;
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout.toString(), /\n2 packets, 0 of them dropped\n$/);
  },
);
