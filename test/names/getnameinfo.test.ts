/** getnameinfo against Python's, which asks the same libc, with each flag. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { SocketAddr } from "../../src/ip/index.ts";
import { getnameinfo, type NameFlags, ResolveError } from "../../src/names/index.ts";
import { SysError } from "../../src/sys/index.ts";
import { needsPython } from "../ip/_python.ts";
import { type Answer, answer, type NameQuestion } from "./_ask.ts";
import { inNamespace, needsNamespace } from "./_namespace.ts";
import { PYTHON, type PythonAnswer, title } from "./_python_names.ts";

const HOSTS = `
127.0.0.1 localhost
::1 localhost ip6-localhost
192.0.2.10 four.test alias.test
2001:db8::10 six.test
192.0.2.20 host.own.domain host
fe80::1 linklocal.test
255.255.255.255 broadcasthost
`;

const ADDRESSES: readonly (readonly [ip: string, port: number])[] = [
  ["127.0.0.1", 80],
  ["127.0.0.1", 0],
  ["127.0.0.1", 65535],
  ["127.0.0.2", 22],
  ["::1", 443],
  ["192.0.2.10", 53],
  ["192.0.2.20", 25],
  ["192.0.2.99", 512], // exec for TCP, biff for UDP
  ["192.0.2.99", 514], // shell for TCP, syslog for UDP
  ["2001:db8::10", 69], // tftp, for UDP only
  ["2001:db8::99", 1],
  ["fe80::1%lo", 80],
  ["fe80::2%1", 80],
  ["fe80::1%99", 80],
  ["fe80::1", 80],
  ["::", 123],
  ["0.0.0.0", 123],
  ["::ffff:192.0.2.10", 80],
  ["255.255.255.255", 9],
  ["ff02::1%lo", 5353],
];

const NUMERIC_HOST: readonly NameFlags[] = [
  { numericHost: true },
  { numericHost: true, numericService: true },
  { numericHost: true, datagram: true },
  { numericHost: true, numericService: true, datagram: true },
  { numericHost: true, noFqdn: true },
  { numericHost: true, nameRequired: true },
];

const NAMED: readonly NameFlags[] = [
  {},
  { numericService: true },
  { datagram: true },
  { noFqdn: true },
  { nameRequired: true },
  { nameRequired: true, numericService: true },
  { noFqdn: true, datagram: true, nameRequired: true },
];

const questions = (flags: readonly NameFlags[]): NameQuestion[] =>
  flags.flatMap((each) =>
    ADDRESSES.map(([ip, port]) => ({ call: "getnameinfo", ip, port, flags: each }) as const),
  );

function compare(
  asked: readonly NameQuestion[],
  ours: readonly Answer[],
  theirs: readonly PythonAnswer[],
): void {
  const wrong = asked.flatMap((question, i) => {
    const { value, error } = ours[i] as Answer;
    const mine = error === undefined ? { value } : { code: error.code };
    try {
      assert.deepEqual(mine, theirs[i]);
      return [];
    } catch {
      return [`${title(question)}\n  ours   ${JSON.stringify(mine)}\n  Python ${JSON.stringify(theirs[i])}`];
    }
  });
  assert.deepEqual(wrong, []);
  assert.ok(theirs.filter(({ value }) => value !== undefined).length > asked.length / 2);
}

const inProcess = questions(NUMERIC_HOST);

test(`${inProcess.length} addresses as text: the same as Python's`, needsPython, async () => {
  const input = JSON.stringify(inProcess);
  const { stdout, stderr } = spawnSync("python3", ["-c", PYTHON], { input, encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  compare(inProcess, await answer(inProcess), JSON.parse(stdout) as PythonAnswer[]);
});

const both = { skip: needsNamespace.skip || needsPython.skip };
const all = questions([...NAMED, ...NUMERIC_HOST]);

test(
  `${all.length} addresses to names of a hosts file, with each flag: the same as Python's`,
  both,
  async () => {
    const script = `cat > "$FOLDER/in"; python3 -c "$PYTHON" < "$FOLDER/in"; $NODE_TS test/names/_ask.ts < "$FOLDER/in"`;
    const { stdout, stderr } = await inNamespace(script, { hosts: HOSTS }, JSON.stringify(all), { PYTHON });
    const [theirs, ours] = stdout.trim().split("\n");
    assert.ok(theirs !== undefined && ours !== undefined, stderr);
    compare(all, JSON.parse(ours) as Answer[], JSON.parse(theirs) as PythonAnswer[]);
  },
);

test("an address without a name, where one is required, is EAI_NONAME", needsNamespace, async () => {
  const asked = [{ call: "getnameinfo", ip: "192.0.2.99", port: 80, flags: { nameRequired: true } }];
  const { stdout, stderr } = await inNamespace("$NODE_TS test/names/_ask.ts", {}, JSON.stringify(asked));
  const [got] = JSON.parse(stdout || "[]") as Answer[];
  assert.equal(got?.error?.name, "ResolveError", stderr);
  assert.equal(got?.error?.code, "EAI_NONAME");
  assert.match(got?.error?.message ?? "", /192\.0\.2\.99:80/);
});

test("a zone that is no interface is refused before libc is asked", async () => {
  const address = SocketAddr.parse("[fe80::1%nosuch0]:80");
  await assert.rejects(getnameinfo(address, { numericHost: true }), (error) => {
    assert.ok(error instanceof SysError);
    assert.equal(error.code, "ENODEV");
    return true;
  });
});

test("a signal that is aborted already, and a bad timeout, reject before anything is begun", async () => {
  const address = SocketAddr.parse("127.0.0.1:80");
  const signal = AbortSignal.abort("too late");
  await assert.rejects(
    getnameinfo(address, { numericHost: true }, { signal }),
    (reason) => reason === "too late",
  );
  await assert.rejects(getnameinfo(address, { numericHost: true }, { timeoutMs: -1 }), RangeError);
});

test("numericHost with nameRequired contradict each other, and libc says which wins", async () => {
  const address = SocketAddr.parse("127.0.0.1:80");
  await assert.rejects(getnameinfo(address, { numericHost: true, nameRequired: true }), (error) => {
    assert.ok(error instanceof ResolveError);
    assert.match(error.code, /^EAI_(NONAME|BADFLAGS)$/);
    return true;
  });
});
