/** Hostile input: every text is an expression or a FilterError, soon; every list of instructions runs or is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble, compileFilter, FilterError, FilterProgram } from "../../src/filter/index.ts";
import { EXPRESSIONS } from "./_expressions.ts";
import { randomPacket } from "./_packets.ts";
import { Random } from "./_random.ts";
import { randomExpression } from "./_random_expressions.ts";
import { brokenProgram, randomProgram } from "./_random_programs.ts";
import { forEachOf, noTcpdump, tcpdumpProgram } from "./_tcpdump.ts";

const SEED = Number(process.env.FILTER_SEED ?? 1);

const WORDS = (
  "host net port portrange src dst proto tcp udp ip ip6 and or not ( ) ! && || [ ] : = < > <= >= != + - * / % & | ^ << " +
  ">> 1 0 80 0x10 010 10.0.0.1 10.1 1.2.3 ::1 2001:db8::/32 / mask 255.0.0.0 len ether broadcast multicast vlan less " +
  "greater arp icmp [0] [0:2] tcp-syn tcpflags \\tcp 02:00:00:00:00:01 aabb.ccdd.eeff mpls , . 1-2 sctp pppoes gateway " +
  "inbound ifindex $1f \\ é \0 \ud800 constructor __proto__ toString"
).split(" ");

/** Tokens of an expression with one or two changed, or any tokens at all. */
function brokenExpression(random: Random): string {
  if (random.integer(0, 3) === 0)
    return Array.from({ length: random.integer(1, 8) }, () => random.pick(WORDS)).join(" ");
  const source = random.integer(0, 1) === 0 ? random.pick(EXPRESSIONS) : randomExpression(random, 1);
  const tokens = source.split(/(?<=[ ()[\]!=<>&|*/%^-])|(?=[ ()[\]!=<>&|*/%^-])/);
  for (let changes = random.integer(1, 2); changes > 0; changes--) {
    const at = random.integer(0, tokens.length);
    const word = random.integer(0, 1) === 0 ? ` ${random.pick(WORDS)} ` : random.pick(WORDS);
    tokens.splice(at, random.integer(0, 1), ...(random.integer(0, 2) === 0 ? [] : [word]));
  }
  return tokens.join("");
}

/** What `make` gives; undefined where it throws a FilterError. */
function attempt(text: string, make: () => FilterProgram): FilterProgram | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof FilterError)) throw new Error(JSON.stringify(text), { cause: error });
    assert.ok(error.message.length > 5 && error.message.length < 500, error.message);
    void error.excerpt;
    return undefined;
  }
}

test("20 000 broken expressions", () => {
  const random = new Random(SEED);
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const text = brokenExpression(random);
    if (attempt(text, () => compileFilter(text))) accepted++;
  }
  assert.ok(accepted > 500 && accepted < 19_000, String(accepted));
});

/** What this compiler refuses though tcpdump takes it: forms of addresses that are read in different ways elsewhere. */
const STRICTER = /is no address|parts of an IPv4 address|is no IPv4 address|names are not looked up/;

test("400 broken expressions: refused like tcpdump's, or the same program", { skip: noTcpdump }, async () => {
  const random = new Random(SEED + 1);
  const texts = Array.from({ length: 400 }, () => brokenExpression(random)).filter(
    // Names are looked up by tcpdump, and a NUL ends an argument.
    (text) => /^[ -~]*$/.test(text) && !/constructor|toString|proto__|\\/.test(text),
  );
  await forEachOf(texts, async (text) => {
    const theirs = await tcpdumpProgram(text, "ethernet");
    try {
      assert.equal(compileFilter(text).toString(), theirs, text);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      if (!STRICTER.test(error.message)) assert.equal(theirs, undefined, `${text}: ${error.message}`);
    }
  });
});

test("20 000 random texts, also for the assembler", () => {
  const random = new Random(SEED);
  const mnemonics =
    "ld ldh ldx ldxb st jeq jne jmp add ret tax M [ ] ( ) # x a % + - , : 1 0xff l1 jt jf len proto \n ;".split(
      " ",
    );
  for (let i = 0; i < 20_000; i++) {
    const text =
      i % 2 === 0
        ? String.fromCharCode(
            ...Array.from(
              { length: random.integer(0, 20) },
              () => random.next() & random.pick([0x7f, 0xff, 0xffff]),
            ),
          )
        : Array.from({ length: random.integer(1, 12) }, () => random.pick(mnemonics)).join(" ");
    attempt(text, () => compileFilter(text));
    attempt(text, () => assemble(text));
    attempt(text, () => FilterProgram.parseDecimal(text));
  }
});

test("100 000 runs of random programs: a number of 32 bits each", () => {
  const random = new Random(SEED);
  let ran = 0;
  for (let i = 0; i < 10_000; i++) {
    const instructions = i % 2 === 0 ? randomProgram(random) : brokenProgram(random);
    const program = attempt("instructions", () => FilterProgram.of(instructions));
    for (let j = 0; program && j < 20; j++, ran++) {
      const result = program.run(randomPacket(random), random.next(), {
        networkOffset: 14,
        linkOffset: random.next(),
      });
      assert.ok(Number.isInteger(result) && result >= 0 && result <= 0xffff_ffff);
    }
  }
  assert.ok(ran > 100_000 / 2, String(ran));
});

/** Texts that are as long or as deep as they may be. None may take long, or overflow a stack. */
const HOSTILE: Readonly<Record<string, string>> = {
  parentheses: "(".repeat(30_000),
  "balanced parentheses": `${"(".repeat(30_000)}tcp${")".repeat(30_000)}`,
  not: `${"not ".repeat(16_000)}tcp`,
  minus: `${"-".repeat(60_000)}1=1`,
  plus: `1${"+1".repeat(30_000)}=1`,
  "operators without precedence": `1${"^1".repeat(30_000)}=1`,
  brackets: "ip[".repeat(20_000),
  "vlan (((": `vlan ${"(".repeat(30_000)}`,
  "values in parentheses": `host ${"(".repeat(30_000)}`,
  zeros: `0x${"0".repeat(60_000)}`,
  colons: ":".repeat(60_000),
  "bytes and colons": "a:".repeat(30_000),
  dots: "1.".repeat(30_000),
  "one name": "a".repeat(65_000),
  blanks: `${" ".repeat(65_000)}tcp`,
  "10 000 questions": Array(9_000).fill("arp").join(" or "),
  "many ports": Array.from({ length: 5_000 }, (_, i) => `port ${i}`).join(" or "),
  "many relations": Array(4_000).fill("ip[0]=len").join(" or "),
  "many labels": Array(5_000).fill("mpls").join(" and "),
  "many sessions": Array(5_000).fill("pppoes").join(" and "),
  "too long": "tcp or ".repeat(10_000),
};

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`hostile: ${name}`, { timeout: 60_000 }, () => {
    attempt(name, () => compileFilter(text));
    attempt(name, () => assemble(text));
  });
}

test("hostile: an assembler text of a megabyte", { timeout: 60_000 }, () => {
  for (const piece of ["\n", "/*", "/**/", ";", "(", "tax\n", "l1: ", "#\n", "ld M[1] ", "-"]) {
    const text = piece.repeat(Math.floor(1_000_000 / piece.length));
    attempt(piece, () => assemble(text));
  }
});
