/** `windsock sockets`: its flags, its filters, what it says where something is wrong, and a reader that goes away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertOneLine, inNamespace, missing, noNamespaces, shell, windsock } from "./_cli.ts";
import { noNetwork } from "./_network.ts";
import { inBed } from "./_sockets_bed.ts";

const WRONG: readonly [args: string[], says: RegExp][] = [
  [["-A", "nonsense"], /-A: expected all, inet, tcp.*got nonsense/],
  [["-A", "tcp,!"], /-A: expected/],
  [["-f", "ipx"], /-f: expected inet, inet6, unix, link, netlink, got ipx/],
  [["-4", "-6"], /-4 and -6 exclude each other/],
  [["-K", "-E"], /-K and -E exclude each other/],
  [["-tK"], /-K: expected a filter of what to end/],
  [["-E", "-x"], /-E: expected TCP or UDP/],
  [["-q"], /unknown option '-q'/],
  [["-Z"], /unknown option '-Z'/],
  [["-f"], /argument missing/],
  [["state", "asleep"], /filter: expected a state \(all, connected, established.*got "asleep", at column 7/],
  [["state"], /filter: expected a state, got the end/],
  [["exclude", "all"], /filter: no state is left/],
  [["-A", "tcp,!tcp"], /-A: no table is left/],
  [
    ["dport", "=", ":nosuchservice"],
    /filter: expected a port or a service, got "nosuchservice", at column 9/,
  ],
  [["dport", "=", ":65536"], /65535/],
  [["dst", "10.0.0.0/33"], /filter: expected an address .*"10.0.0.0\/33", at column 5/],
  [["(", "sport", "=", ":22"], /filter: this \( has no \), at column 1/],
  [["sport", "=", ":22", ")"], /filter: this \) has no \(, at column 13/],
  [["sport"], /filter: expected a port, got the end/],
  [["colour", "=", "blue"], /filter: expected src, dst, sport.*got "colour", at column 1/],
  [["not"], /filter: expected a test, got the end/],
  [["dev", "nosuchdevice0"], /nosuchdevice0/],
];

for (const [args, says] of WRONG) {
  test(`refused: sockets ${args.join(" ")}`, async () => {
    const result = await windsock(["sockets", ...args]);
    assertOneLine(result, result.code === 1 ? 1 : 2, says);
    assert.equal(result.code, args[0] === "dev" ? 1 : 2);
  });
}

/** Flags and filters whose lines have to be those of ss(8), but for spaces: of sockets that change nothing by themselves. */
const SAME: readonly string[] = [
  "-ta state listening",
  "-tan state close-wait",
  "-tan state bucket exclude syn-recv",
  "-l",
  "-tuln",
  "-tanl",
  "-tlna",
  "-4 -at sport = :9000",
  "-6 -atn state established",
  "-nue -a",
  "-xa -e src *abstract*",
  "-xam",
  "-wan",
  "-wa",
  "-0a",
  "-0aneb",
  "-Manim",
  "-A tcp,udp -ln",
  "-A all,!tcp,!netlink,!packet,!unix -an",
  "-A u_str,unix_dgram -an",
  "-tn dport = :9000",
  "-tn sport >= :9000 and sport lt 9010",
  "-tna exclude established ( dport = :9100 or dport = :9101 )",
  "-tn ( dport = :9100 or dport = :9101 ) and not dst [::1]",
  "-tn exclude listening dst 127.0.0.0/8",
  "-tn dst 127.0.0.0/8 and src [::ffff:127.0.0.1]",
  "-tn src [::1]:9000",
  "-tne fwmark = 0x10/0xf0",
  "-tan autobound",
  "-tan dev lo",
  "-tan --tos",
  "-uan --inet-sockopt",
  "-uan dev lo",
  "-x",
];

/** Lines but for spaces, without what goes on by itself: timers, how much a packet socket has heard, and who asks. */
function still(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .map((line) =>
      line
        .replace(/timer:\([^)]*\)| dev:\d+\/\d+/, "")
        .replace(/^(p_\w+\s+UNCONN\s+)\d+/, "$1-")
        .replace(/^UNCONN\s+\d+(\s+\d+\s+\S+:\S+\s+\*\s)/, "UNCONN -$1")
        .trim()
        .replaceAll(/\s+/g, " "),
    )
    .filter((line) => line !== "" && !/^nl .* (?:tcpdiag:(?!kernel)|4:[1-9])/.test(line))
    .sort();
}

test("the lines of ss for many flags and filters", { skip: noNetwork("ss") }, async () => {
  const quoted = (flags: string): string =>
    flags
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ");
  const said = await inBed(
    12,
    SAME.flatMap((flags) => [
      `ulimit -n 20000; ss -OH ${quoted(flags)}`,
      `"$NODE" "$CLI" sockets -OH ${quoted(flags)}`,
    ]),
  );
  let shown = 0;
  const wrong: string[] = [];
  for (const [at, flags] of SAME.entries()) {
    const [theirs, ours] = [said[2 * at], said[2 * at + 1]];
    assert.equal(ours?.stderr, "", flags);
    const [a, b] = [still(theirs?.stdout), still(ours?.stdout)];
    shown += b.length;
    for (const line of a) if (!b.includes(line)) wrong.push(`${flags}: only ss: ${line}`);
    for (const line of b) if (!a.includes(line)) wrong.push(`${flags}: only ours: ${line}`);
    assert.equal(a.length, b.length, flags);
  }
  assert.deepEqual(wrong.slice(0, 20), []);
  assert.ok(shown > 1000, `${shown} lines`);
});

const NOT_HERE = noNamespaces() || missing("ss");

test("-s: ss's counts", { skip: NOT_HERE }, async () => {
  using program = inNamespace('ss -s; echo ===; "$NODE" "$CLI" sockets -s; "$NODE" "$CLI" sockets -s --json');
  const { stdout, stderr } = await program.ended;
  assert.equal(stderr, "");
  const [theirs, rest = ""] = stdout.toString().split("===\n");
  const [ours, json] = rest.split('{\n  "total"');
  // These are counted for the whole machine, and go on changing.
  const open = (text: string | undefined): string | undefined =>
    text?.replaceAll(/(Total: |TCP: +|closed |orphaned )\d+/g, "$1-");
  assert.equal(open(ours), open(theirs));
  assert.equal(JSON.parse(`{"total"${json}`).tcp.established, 0);
});

test("--json: an array, without a flag everything, with one what it chooses; nothing is an empty array", async () => {
  const [all, some, none] = await Promise.all([
    windsock(["sockets", "--json", "-x"]),
    windsock(["sockets", "--json", "-xm"]),
    windsock(["sockets", "--json", "-x", "src", "/no/such/name"]),
  ]);
  assert.deepEqual([all.code, some.code, none.code], [0, 0, 0]);
  assert.equal(none.stdout.toString(), "[]\n");
  const [first] = JSON.parse(all.stdout.toString());
  for (const name of ["family", "type", "state", "inode", "memory", "shutdown", "processes"]) {
    assert.ok(name in first, name);
  }
  const [other] = JSON.parse(some.stdout.toString());
  assert.ok("memory" in other && !("processes" in other));
});

test("numbers of 64 bits stand with all their digits", { skip: noNetwork() }, async () => {
  const [said] = await inBed(1, ['"$NODE" "$CLI" sockets --json -ti']);
  assert.match(said?.stdout ?? "", /"tcpi_max_pacing_rate":18446744073709551615,/);
});

test("a reader that goes away ends it quietly", { skip: noNetwork() }, async () => {
  const [said] = await inBed(30, [
    '"$NODE" "$CLI" sockets -ta --json -i | head -c 100 > /dev/null; echo "$PIPESTATUS"',
  ]);
  assert.deepEqual([said?.stdout, said?.stderr], ["1\n", ""]);
});

test("-p: a process's name cannot command the terminal", { skip: noNamespaces() }, async () => {
  const script = `exec -a x python3 - <<'END'
import ctypes, os, socket, subprocess
one = socket.socket(); one.bind(("127.0.0.1", 0)); one.listen()
ctypes.CDLL(None).prctl(15, b"a\\x1b[31m\\n\\x07\\"b", 0, 0, 0)
print(subprocess.run([os.environ["NODE"], os.environ["CLI"], "sockets", "-tlnpH"], capture_output=True, text=True).stdout)
print(subprocess.run([os.environ["NODE"], os.environ["CLI"], "sockets", "-tlnp", "--json"], capture_output=True, text=True).stdout)
END`;
  using program = inNamespace(script);
  const { stdout, stderr } = await program.ended;
  const [line = "", ...json] = stdout.toString().split("\n");
  assert.match(line, /users:\(\("a\\x1b\[31m\\x0a\\x07"b",pid=\d+,fd=3\)\)$/, stderr);
  const [socket] = JSON.parse(json.join("\n"));
  assert.equal(socket.processes[0].command, 'a\u001b[31m\n\u0007"b');
  assert.ok(!json.join("\n").includes("\u001b"), "JSON escapes it");
});

const noUnprivileged = noNamespaces() || missing("setpriv");

/** A listener at port 9100, that ends with the script. */
const LISTENING = `trap 'kill $(jobs -p) 2> /dev/null' EXIT
  mkfifo /mnt/in; exec 9<> /mnt/in # an input that does not end
  "$NODE" "$CLI" listen 127.0.0.1 9100 < /mnt/in > /dev/null 2>&1 &
  until ss -tlnH | grep -q :9100; do sleep 0.02; done`;

test("without privilege: dumps work, and -K says what is missing", { skip: noUnprivileged }, async () => {
  const nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups "$NODE" "$CLI"';
  using program = inNamespace(`${LISTENING}
    ${nobody} sockets -tlnp -H
    ${nobody} sockets -tlnK sport = :9100
    echo "code $?"`);
  const { stdout, lines } = await program.ended;
  assert.match(stdout.toString(), /^LISTEN 0 +\d+ +127\.0\.0\.1:9100 +0\.0\.0\.0:\*\ncode 1\n$/);
  const [owners = "", kill = "", ...more] = lines;
  assert.match(
    owners,
    /^windsock sockets: \d+ process(?:es)? could not be looked into: \w+ sockets stand without/,
  );
  assert.match(kill, /^windsock sockets: .*CAP_NET_ADMIN/);
  assert.deepEqual(more, []);
});

test("-K ends connections and shows them; -E sees them end", { skip: NOT_HERE }, async () => {
  using program = inNamespace(`${LISTENING}
    "$NODE" "$CLI" sockets -E -tnHO < /dev/null > /mnt/ended 2>&1 & watch=$!
    until awk '$2 == 4 && $4 != "00000000" { heard = 1 } END { exit !heard }' /proc/net/netlink; do sleep 0.02; done
    "$NODE" "$CLI" connect 127.0.0.1 9100 < /mnt/in > /dev/null 2>&1 & client=$!
    until ss -tnH dport = :9100 | grep -q .; do sleep 0.02; done
    "$NODE" "$CLI" sockets -KtnHO dport = :9100 | tr -s ' ' | cut -d' ' -f1,5
    wait $client; echo "client $?"
    until grep -q 9100 /mnt/ended; do sleep 0.02; done
    kill -INT $watch; wait $watch; echo "watch $?"
    grep -c :9100 /mnt/ended`);
  const { stdout, stderr } = await program.ended;
  const [killed, client, watch, seen] = stdout.toString().split("\n");
  assert.match(killed ?? "", /^\S+ 127\.0\.0\.1:9100$/, stderr);
  assert.deepEqual([client, watch], ["client 1", "watch 0"]);
  assert.ok(Number(seen) >= 1);
});

test("-r: names of addresses; -n leaves ports as numbers", { skip: NOT_HERE }, async () => {
  const hosts = "127.0.0.1 here.example\n";
  using program = inNamespace(`${LISTENING}\n"$NODE" "$CLI" sockets -tlnrH`, { hosts });
  const { stdout } = await program.ended;
  assert.match(stdout.toString(), /^LISTEN +0 +\d+ +here\.example:9100 +0\.0\.0\.0:\*\n$/);
});

test("-r: of an IPv4-mapped address the name of the IPv4 one, as ss", { skip: NOT_HERE }, async () => {
  const hosts = "127.0.0.1 here.example\n";
  const listen = 'require("node:net").createServer().listen(9101, "::ffff:127.0.0.1")';
  using program = inNamespace(
    `${LISTENING}
    "$NODE" -e '${listen}' &
    until ss -tlnH | grep -q :9101; do sleep 0.02; done
    "$NODE" "$CLI" sockets -tlrH6; ss -tlrH6`,
    { hosts },
  );
  const { stdout } = await program.ended;
  const [ours, theirs] = stdout.toString().replace(/ +/g, " ").split("\n");
  assert.equal(ours?.trim(), theirs?.trim());
  assert.match(ours ?? "", / here\.example:/);
});

test("a terminal has colours; NO_COLOR has none", { skip: missing("script") || NOT_HERE }, async () => {
  const run = 'script -qec "$NODE $CLI sockets -tlan" /dev/null < /dev/null';
  using program = inNamespace(`${LISTENING}\nexport TERM=xterm; ${run}; echo ===; NO_COLOR=1 ${run}`);
  const { stdout } = await program.ended;
  const [coloured = "", plain = ""] = stdout.toString().split("===");
  assert.ok(coloured.includes("\u001b[36mLISTEN\u001b[0m"), coloured);
  assert.ok(plain.includes("LISTEN") && !plain.includes("\u001b"), plain);
});

test("piped: no colours", async () => {
  using program = shell('"$NODE" "$CLI" sockets -x | cat');
  const { stdout } = await program.ended;
  assert.ok(!stdout.includes("\u001b"));
});
