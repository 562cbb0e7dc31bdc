/** errno's numbers, names and texts against Python, which asks libc, and against the C headers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { errno, errnoName, errnoText } from "../../src/sys/errno.ts";
import { needsPython, runPython } from "../ip/_python.ts";
import { needsGcc, preprocess } from "./_gcc.ts";

/** The second names of a number, which {@link errnoName} never gives. */
const ALIASES = { EWOULDBLOCK: "EAGAIN", EDEADLOCK: "EDEADLK", ENOTSUP: "EOPNOTSUPP" } as const;

test("errno has every name of <errno.h> with its number, and no other", needsGcc, () => {
  const macros = preprocess("#include <errno.h>\n", "-dM");
  const values = new Map(
    [...macros.matchAll(/^#define (E[A-Z0-9]+) (\w+)$/gm)].map((match) => [match[1], match[2]] as const),
  );
  const number = (name: string): number => {
    const value = values.get(name) ?? "";
    return /^\d+$/.test(value) ? Number(value) : number(value);
  };
  const theirs = Object.fromEntries([...values.keys()].map((name) => [name, number(name as string)]));
  assert.ok(Object.keys(theirs).length > 130);
  assert.deepEqual({ ...errno }, theirs);
});

test("every number from 1 to 200 has Python's name and libc's text", needsPython, () => {
  const numbers = Array.from({ length: 200 }, (_, i) => i + 1);
  const script = "import errno, os\nresult = [[errno.errorcode.get(n), os.strerror(n)] for n in data]";
  const theirs = runPython(script, numbers) as [string | null, string][];
  for (const [i, number] of numbers.entries()) {
    const [name, text] = theirs[i] as [string | null, string];
    const canonical = name !== null && name in ALIASES ? ALIASES[name as keyof typeof ALIASES] : name;
    assert.equal(errnoText(number), text, `text of ${number}`);
    // Python leaves out some names; the headers' test has them all.
    if (canonical !== null) assert.equal(errnoName(number), canonical, `name of ${number}`);
  }
});

test("a name leads to its number and back", () => {
  for (const [name, number] of Object.entries(errno)) {
    assert.equal(errnoName(number), ALIASES[name as keyof typeof ALIASES] ?? name);
  }
  for (const [alias, name] of Object.entries(ALIASES)) {
    assert.equal(errno[alias as keyof typeof errno], errno[name]);
  }
});

test("the table cannot be changed", () => {
  assert.throws(() => Object.assign(errno, { EPERM: 2 }), TypeError);
  assert.equal(errno.EPERM, 1);
});

for (const number of [0, 41, 58, 134, 512, 4095, -1, -111, Number.NaN, 0.5, 2 ** 32 + 1]) {
  test(`errno ${number} has no name`, () => {
    assert.equal(errnoName(number), undefined);
    assert.equal(errnoText(number), `Unknown error ${number}`);
  });
}
