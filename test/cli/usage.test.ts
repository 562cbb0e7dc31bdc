/** Help, version, and what the command line makes of wrong words: exit code 2 and one line. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertOneLine, ROOT, windsock } from "./_cli.ts";

const COMMANDS = [
  "connect",
  "listen",
  "resolve",
  "ip",
  "port",
  "layout",
  "decode",
  "encode",
  "capture",
  "ping",
  "trace",
  "sockets",
  "watch",
  "demo",
];

test("--version prints the version of package.json", async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const flag of ["--version", "-V"]) {
    const { code, stdout, stderr } = await windsock([flag]);
    assert.deepEqual([code, stdout.toString(), stderr], [0, `${version}\n`, ""]);
  }
});

test("--help names every command and the exit codes", async () => {
  const { code, stdout, stderr } = await windsock(["--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const command of COMMANDS) assert.match(stdout.toString(), new RegExp(`^ {2}${command} `, "m"));
  assert.match(stdout.toString(), /Exit codes: 0 .* 1 .* 2 /);
});

for (const command of COMMANDS) {
  test(`${command} --help has examples of itself`, async () => {
    const { code, stdout, stderr } = await windsock([command, "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const [usage, examples] = stdout.toString().split("\nExamples:\n");
    assert.match(usage ?? "", new RegExp(`^Usage: windsock ${command} `));
    assert.match(examples ?? "", new RegExp(`\\bwindsock ${command} `));
    assert.deepEqual((await windsock(["help", command])).stdout.toString(), stdout.toString());
  });
}

test("without a command: the help on standard error, exit code 2", async () => {
  const { code, stdout, stderr } = await windsock([]);
  assert.deepEqual([code, stdout.toString()], [2, ""]);
  assert.match(stderr, /^Usage: windsock /);
});

const WRONG: readonly [args: string[], says: RegExp][] = [
  [["frobnicate"], /frobnicate/],
  [["--frobnicate"], /frobnicate/],
  [["connect"], /host/],
  [["connect", "localhost"], /service/],
  [["connect", "localhost", "80", "hello", "you"], /argument/],
  [["connect", "--frobnicate", "localhost", "80"], /frobnicate/],
  [["connect", "-4", "-6", "localhost", "80"], /-4.*-6/],
  [["connect", "-w", "soon", "localhost", "80"], /soon/],
  [["connect", "-w", "-1", "localhost", "80"], /-1/],
  [["connect", "-w", "0", "localhost", "80"], /seconds/],
  [["connect", "-w", "1e3", "localhost", "80"], /1e3/],
  [["connect", "-w", "", "localhost", "80"], /seconds/],
  [["connect", "-w", "Infinity", "localhost", "80"], /Infinity/],
  [["connect", "-w"], /-w/],
  [["connect", "localhost", "99999"], /65535.*99999/],
  [["connect", "127.0.0.1", "99999"], /65535.*99999/],
  [["connect", "::1", "65536"], /65535.*65536/],
  [["connect", "localhost", "--", "-1"], /65535.*-1/],
  [["connect", "127.0.0.1", "--", "-1"], /65535.*-1/],
  [["connect", "localhost", "1e3"], /65535.*1e3/],
  [["connect", "127.0.0.1", "1e3"], /65535.*1e3/],
  [["connect", "127.0.0.1", "080"], /65535.*080/],
  [["connect", "127.0.0.1", "80.0"], /65535.*80\.0/],
  [["listen"], /host|port/],
  [["listen", "99999"], /65535.*99999/],
  [["listen", "localhost", "65536"], /65535.*65536/],
  [["listen", "127.0.0.1", "65536"], /65535.*65536/],
  [["listen", "--", "-1"], /65535.*-1/],
  [["listen", "1e3"], /65535.*1e3/],
  [["listen", "-4", "-6", "0"], /-4.*-6/],
  [["listen", "-4", "-6", "localhost", "0"], /-4.*-6/],
  [["listen", "-w", "soon", "0"], /soon/],
  [["listen", "localhost", "0", "x"], /argument/],
  [["resolve"], /name/],
  [["resolve", "localhost", "99999"], /65535.*99999/],
  [["resolve", "localhost", "1e3"], /65535.*1e3/],
  [["resolve", "-4", "-6", "localhost"], /-4.*-6/],
  [["resolve", "-w", "0", "localhost"], /seconds/],
  [["ip"], /text/],
  [["port"], /port/],
  [["port", "22", "80"], /argument/],
  [["port", "65536"], /65535/],
  [["port", "99999"], /65535/],
  [["port", "--", "-1"], /-1/],
  [["port", "1e3"], /1e3/],
  [["port", "022"], /leading zero/],
  [["port", "22.5"], /22\.5/],
];

for (const [args, says] of WRONG) {
  test(`bad usage: windsock ${args.join(" ")}`, async () => {
    assertOneLine(await windsock(args), 2, says);
  });
}
