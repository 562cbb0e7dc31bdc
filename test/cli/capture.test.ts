/** `windsock capture` on devices of a namespace of its own, and of files: against tcpdump and tshark. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fromHex } from "../../src/bytes/index.ts";
import { PcapngWriter, PcapWriter } from "../../src/wire/index.ts";
import { assertOneLine, type Ended, inNamespace, missing, noNamespaces, windsock } from "./_cli.ts";

const folder = mkdtempSync(join(tmpdir(), "windsock-capture-"));
after(() => rmSync(folder, { recursive: true }));

const namespaces = noNamespaces();
const skip = { skip: namespaces || missing("ping", "setpriv") };
const withTcpdump = { skip: namespaces || missing("ping", "tcpdump") };
const withTshark = { skip: namespaces || missing("ping", "tshark") };

const lines = (result: Ended): string[] => result.stdout.toString().split("\n").slice(0, -1);
/** What a line says after the time of day. */
const said = (line: string): string => line.replace(/^\d\d:\d\d:\d\d\.\d{6} /, "");

/** Starts capturing, awaits that it does, runs a script, and ends by Ctrl-C. What it printed is in /mnt/out and /mnt/err. */
function capturing(args: string, script: string): string {
  return `
    "$NODE" "$CLI" capture ${args} >/mnt/out 2>/mnt/err & capture=$!
    until grep -q "link type" /mnt/err; do
      kill -0 $capture || { cat /mnt/err >&2; exit 9; }
      sleep 0.02
    done
    ${script}
    # Everything that was sent is in the ring by now; the block is handed over after 50 ms at the latest.
    for _ in $(seq 100); do [ "$(wc -l </mnt/out)" -ge "\${WANT:-0}" ] && break; sleep 0.05; done
    kill -INT $capture; wait $capture; code=$?`;
}

test("lines are tcpdump's, a filter is in force, and the end is told", withTcpdump, async () => {
  const script = `
    tcpdump -i lo -nn -S -c 8 -w /mnt/theirs icmp 2>/mnt/tcpdump & tcpdump=$!
    trap 'kill $tcpdump 2>/dev/null' EXIT
    until grep -q listening /mnt/tcpdump; do sleep 0.02; done
    WANT=8 ${capturing("-i lo icmp", "ping -c 4 -i 0.01 127.0.0.1 >/dev/null; ping -c 1 ::1 >/dev/null")}
    wait $tcpdump
    tcpdump -nn -S -r /mnt/theirs 2>/dev/null | sed 's/^/theirs /'
    cat /mnt/out; cat /mnt/err >&2; exit $code`;
  using program = inNamespace(script);
  const result = await program.ended;
  assert.equal(result.code, 0, result.stderr);
  const all = lines(result);
  const theirs = all.filter((line) => line.startsWith("theirs ")).map((line) => said(line.slice(7)));
  const ours = all.filter((line) => !line.startsWith("theirs ")).map(said);
  assert.equal(ours.length, 8);
  assert.deepEqual(ours, theirs);
  assert.deepEqual(result.lines.slice(-3), [
    "8 packets captured",
    "8 packets received by filter",
    "0 packets dropped by kernel",
  ]);
});

test("-w writes what tshark reads: packets, interface, filter, counts", withTshark, async () => {
  const path = join(folder, "written.pcapng");
  const script = `${capturing(`-i lo -w ${path} -s 60 icmp`, "ping -c 3 -i 0.01 127.0.0.1 >/dev/null; sleep 0.3")}
    cat /mnt/err >&2; exit $code`;
  using program = inNamespace(script);
  const result = await program.ended;
  assert.equal(result.code, 0, result.stderr);
  assert.ok(result.lines.includes("6 packets captured"), result.stderr);
  const args = ["-r", path, "-T", "fields"];
  for (const field of ["icmp.seq", "frame.cap_len", "frame.len", "frame.interface_name"])
    args.push("-e", field);
  const read = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  assert.deepEqual(
    read.trimEnd().split("\n"),
    [1, 1, 2, 2, 3, 3].map((sequence) => `${sequence}\t60\t98\tlo`),
  );
  assert.ok(readFileSync(path).includes("icmp"));
  const again = await windsock(["capture", "-r", path, "-c", "2"]);
  assert.deepEqual(
    lines(again).map((line) => said(line).replace(/id \d+/, "id N")),
    ["request", "reply"].map((what) => `IP 127.0.0.1 > 127.0.0.1: ICMP echo ${what}, id N, seq 1, length 64`),
  );
});

test("-i any tells device and direction, and the filter is the kernel's", withTcpdump, async () => {
  const traffic = "ping -c 1 127.0.0.1 >/dev/null; ping -c 1 -W 1 192.0.2.9 >/dev/null; true";
  const script = `WANT=3 ${capturing("-i any icmp", traffic)}
    cat /mnt/out; cat /mnt/err >&2; exit $code`;
  using program = inNamespace(script);
  const result = await program.ended;
  const shown = lines(result).map((line) => said(line).replace(/id \d+/, "id N"));
  // The veth's other end is here as well, and sees what goes out.
  assert.deepEqual(
    shown.filter((line) => !line.startsWith("d1")),
    [
      "lo    In  IP 127.0.0.1 > 127.0.0.1: ICMP echo request, id N, seq 1, length 64",
      "lo    In  IP 127.0.0.1 > 127.0.0.1: ICMP echo reply, id N, seq 1, length 64",
      "d0    Out IP 192.0.2.1 > 192.0.2.9: ICMP echo request, id N, seq 1, length 64",
    ],
    result.stderr,
  );
});

test("-c ends by itself, --json is an object a line, --tree shows every field", skip, async () => {
  const script = `
    (until [ "$(wc -l </proc/net/packet)" -gt 1 ]; do sleep 0.02; done; ping -c 5 -i 0.01 127.0.0.1 >/dev/null) &
    "$NODE" "$CLI" capture -i lo -c 2 --json icmp
    (until [ "$(wc -l </proc/net/packet)" -gt 1 ]; do sleep 0.02; done; ping -c 5 -i 0.01 127.0.0.1 >/dev/null) &
    "$NODE" "$CLI" capture -i lo -c 1 --tree -x icmp`;
  using program = inNamespace(script);
  const result = await program.ended;
  assert.equal(result.code, 0, result.stderr);
  const [first, second, ...tree] = lines(result);
  for (const [line, type] of [
    [first, "echoRequest"],
    [second, "echoReply"],
  ] as const) {
    const { timestamp, direction, lengthBytes, capturedBytes, layers } = JSON.parse(line as string);
    assert.match(timestamp, /^\d{10}\.\d{9}$/);
    assert.deepEqual([direction, lengthBytes, capturedBytes], ["inbound", 98, 98]);
    assert.deepEqual(
      layers.map((layer: object) => Object.keys(layer)[0]),
      ["ethernet", "ipv4", "icmp"],
    );
    assert.equal(layers[2].icmp.type, type);
  }
  const text = tree.join("\n");
  assert.match(text, /^ {4}0016 {2}40 +Time to Live +64$/m);
  assert.match(text, /^ {2}00000000 {2}00 00 00 00 00 00 00 00 {2}00 00 00 00 08 00 45 00/m);
});

test("without privilege one line says what is missing", skip, async () => {
  const script = `setpriv --reuid 65534 --regid 65534 --clear-groups "$NODE" "$CLI" capture -i lo`;
  using program = inNamespace(script);
  assertOneLine(await program.ended, 1, /CAP_NET_RAW/);
});

const FRAME = fromHex(
  "020000000002020000000001080045000020000100004011 66ca0a0000010a0000020fa00035000c 000061626364".replaceAll(
    " ",
    "",
  ),
);

test("a file is read from standard input, filtered, cut and written again", async () => {
  const writer = new PcapngWriter();
  const { bytes } = writer.interface({ linkType: "ethernet", snapLength: 0, name: "eth7" });
  const packets = [1n, 2n, 3n].map((second) =>
    writer.packet({ timestampNs: second * 1_000_000_000n, data: FRAME }),
  );
  const file = Buffer.concat([new PcapngWriter().section(), bytes, ...packets]);
  const shown = await windsock(["capture", "-r", "-", "udp", "dst", "port", "53"], { input: file });
  assert.deepEqual(lines(shown).map(said), Array(3).fill("IP 10.0.0.1.4000 > 10.0.0.2.53: UDP, length 4"));
  assert.deepEqual(lines(await windsock(["capture", "-r", "-", "tcp"], { input: file })), []);
  const path = join(folder, "again.pcap");
  const written = await windsock(["capture", "-r", "-", "-w", path, "-s", "20", "-c", "2"], { input: file });
  assert.equal(written.code, 0, written.stderr);
  const header = new PcapWriter({ linkType: "ethernet", snapLength: 0 });
  const cut = [1n, 2n].map((second) =>
    header.packet(second * 1_000_000_000n, FRAME.subarray(0, 20), FRAME.length),
  );
  assert.deepEqual(readFileSync(path), Buffer.concat([header.header(), ...cut]));
});

test("a file that is cut shows what there is, and one that is none is refused", async () => {
  const writer = new PcapWriter({ linkType: "ethernet" });
  const file = Buffer.concat([
    writer.header(),
    writer.packet(0n, FRAME),
    writer.packet(0n, FRAME).subarray(0, 30),
  ]);
  const cut = await windsock(["capture", "-r", "-"], { input: file });
  assert.equal(lines(cut).length, 1);
  assertOneLine({ ...cut, stdout: Buffer.alloc(0) }, 1, /-: capture file: expected the rest of a packet/);
  assertOneLine(
    await windsock(["capture", "-r", "-"], { input: "hello world" }),
    1,
    /expected a pcapng or pcap file/,
  );
  assertOneLine(await windsock(["capture", "-r", join(folder, "none")]), 1, /ENOENT/);
});

test("--program is tcpdump's -d", { skip: missing("tcpdump") }, async () => {
  writeFileSync(
    join(folder, "empty.pcap"),
    new PcapWriter({ linkType: "ethernet", resolution: "us" }).header(),
  );
  const filter = ["udp", "port", "53"];
  const result = await windsock(["capture", "-i", "lo", "--program", ...filter]);
  const theirs = spawnSync("tcpdump", ["-d", "-r", "-", ...filter], {
    input: readFileSync(join(folder, "empty.pcap")),
    encoding: "utf8",
  });
  const last = (text: string): string | undefined => text.trimEnd().split("\n").at(-1)?.slice(6);
  assert.equal(last(result.stdout.toString()), last(theirs.stdout));
});

const REFUSED: readonly [args: readonly string[], says: RegExp][] = [
  [["-i", "nonesuch0"], /-i nonesuch0: expected any, or one of .*lo/],
  [["-i", "../lo"], /-i \.\.\/lo: expected any/],
  [["-i", "lo", "tcp", "prt", "80"], /filter: .*column 5.*did you mean "port"/],
  [["-i", "lo", "-w", "x", "--json"], /-w writes to a file and prints nothing/],
  [["-r", "x", "--program"], /--program is for a device/],
];

for (const [args, says] of REFUSED) {
  test(`refused: ${args.join(" ")}`, async () => {
    assertOneLine(await windsock(["capture", ...args]), 2, says);
  });
}
