/** The assembler: the programs of the kernel's documentation, every form of every instruction, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble, FilterError, FilterProgram } from "../../src/filter/index.ts";

/** Programs of Documentation/networking/filter.rst, with what bpf_asm makes of them. */
const DOCUMENTED: Readonly<Record<string, readonly [string, string]>> = {
  "ARP packets": [
    `ldh [12]
     jne #0x806, drop
     ret #-1
     drop: ret #0`,
    "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0",
  ],
  "IPv4 TCP packets": [
    `ldh [12]
     jne #0x800, drop
     ldb [23]
     jneq #6, drop
     ret #-1
     drop: ret #0`,
    "6,40 0 0 12,21 0 3 2048,48 0 0 23,21 0 1 6,6 0 0 4294967295,6 0 0 0",
  ],
  "icmp random packet sampling, 1 in 4": [
    `ldh [12]
     jne #0x800, drop
     ldb [23]
     jneq #1, drop
     # get a random uint32 number
     ld rand
     mod #4
     jneq #1, drop
     ret #-1
     drop: ret #0`.replace(/^ +#/m, "#"),
    "9,40 0 0 12,21 0 6 2048,48 0 0 23,21 0 4 1,32 0 0 4294963256,148 0 0 4,21 0 1 1,6 0 0 4294967295,6 0 0 0",
  ],
  "(Accelerated) VLAN w/ id 10": [
    `ld vlan_tci
     jneq #10, drop
     ret #-1
     drop: ret #0`,
    "4,32 0 0 4294963244,21 0 1 10,6 0 0 4294967295,6 0 0 0",
  ],
  "SECCOMP filter example": [
    `ld [4]                  /* offsetof(struct seccomp_data, arch) */
     jne #0xc000003e, bad    /* AUDIT_ARCH_X86_64 */
     ld [0]                  /* offsetof(struct seccomp_data, nr) */
     jeq #15, good           /* __NR_rt_sigreturn */
     jeq #231, good          /* __NR_exit_group */
     bad: ret #0             /* SECCOMP_RET_KILL_THREAD */
     good: ret #0x7fff0000   /* SECCOMP_RET_ALLOW */`,
    "7,32 0 0 4,21 0 3 3221225534,32 0 0 0,21 2 0 15,21 1 0 231,6 0 0 0,6 0 0 2147418112",
  ],
};

for (const [name, [text, decimal]] of Object.entries(DOCUMENTED)) {
  test(`filter.rst: ${name}`, () => {
    const program = assemble(text);
    assert.equal(program.toDecimal().replaceAll("\n", ","), decimal);
    assert.deepEqual(FilterProgram.parseDecimal(decimal).instructions, program.instructions);
  });
}

/** One instruction, and its code and constant. */
const INSTRUCTIONS: Readonly<Record<string, readonly [code: number, k: number]>> = {
  "ld [0]": [0x20, 0],
  "ldh [12]": [0x28, 12],
  "ldb [0x17]": [0x30, 23],
  "LDB [23]": [0x30, 23],
  "ld [x + 14]": [0x40, 14],
  "ldh [x+14]": [0x48, 14],
  "ldb [%x + 0]": [0x50, 0],
  "ldb [x - 2]": [0x50, 0xffff_fffe],
  "ldb [x + -2]": [0x50, 0xffff_fffe],
  "ldb [x]": [0x50, 0],
  "ld #5": [0x00, 5],
  "ld #-1": [0x00, 0xffff_ffff],
  "ldi #5": [0x00, 5],
  "ldi 0b101": [0x00, 5],
  "ld #017": [0x00, 15],
  "ld len": [0x80, 0],
  "ld #len": [0x80, 0],
  "ld #pktlen": [0x80, 0],
  "ld proto": [0x20, 0xffff_f000],
  "ldh #proto": [0x28, 0xffff_f000],
  "ldb [vlanp]": [0x30, 0xffff_f030],
  "ld vlan_avail": [0x20, 0xffff_f030],
  "ldh [type]": [0x28, 0xffff_f004],
  "ld xor_x": [0x20, 0xffff_f028],
  "ldx #9": [0x01, 9],
  "ldxi 9": [0x01, 9],
  "ldx len": [0x81, 0],
  "ldx 4*([14]&0xf)": [0xb1, 14],
  "ldxb 4 * ( [ 14 ] & 15 )": [0xb1, 14],
  "st M[3]": [0x02, 3],
  "stx m[15]": [0x03, 15],
  "add #4": [0x04, 4],
  "add x": [0x0c, 0],
  "add %x": [0x0c, 0],
  "sub #4": [0x14, 4],
  "mul x": [0x2c, 0],
  "div #2": [0x34, 2],
  "mod #2": [0x94, 2],
  "or #0xf0": [0x44, 0xf0],
  "and x": [0x5c, 0],
  "lsh #31": [0x64, 31],
  "rsh x": [0x7c, 0],
  "xor #1": [0xa4, 1],
  neg: [0x84, 0],
  tax: [0x07, 0],
  txa: [0x87, 0],
  "ret a": [0x16, 0],
  "ret %a": [0x16, 0],
  "ret #7": [0x06, 7],
};

for (const [text, [code, k]] of Object.entries(INSTRUCTIONS)) {
  test(text, () => {
    const program = assemble(`${text}\nret #0`);
    assert.deepEqual(program.instructions[0], { code, jt: 0, jf: 0, k });
  });
}

test("loads from memory", () => {
  const program = assemble("st M[1] ; a comment\n ld M[1]\n ldx M[1]\n /* and\n another */ ret a");
  assert.deepEqual(
    program.instructions.map(({ code, k }) => [code, k]),
    [
      [0x02, 1],
      [0x60, 1],
      [0x61, 1],
      [0x16, 0],
    ],
  );
});

/** A jump over the first of two instructions, to `far`; its code, jt and jf. */
const JUMPS: Readonly<Record<string, readonly [code: number, jt: number, jf: number]>> = {
  "jeq #1, far": [0x15, 1, 0],
  "jeq #1, near, far": [0x15, 0, 1],
  "jeq x, far": [0x1d, 1, 0],
  "jeq %x, far, near": [0x1d, 1, 0],
  "jne #1, far": [0x15, 0, 1],
  "jneq x, far": [0x1d, 0, 1],
  "jgt #1, far": [0x25, 1, 0],
  "jle #1, far": [0x25, 0, 1],
  "jge #1, far, near": [0x35, 1, 0],
  "jlt x, far": [0x3d, 0, 1],
  "jset #1, far": [0x45, 1, 0],
  "jset #0x1 jt 2 jf 1": [0x45, 1, 0],
  "jne #1 jt far jf near": [0x15, 0, 1],
};

for (const [text, [code, jt, jf]] of Object.entries(JUMPS)) {
  test(text, () => {
    const {
      code: made,
      jt: yes,
      jf: no,
    } = assemble(`${text}\nnear: ret #1\nfar: ret #0`).instructions[0] ?? {};
    assert.deepEqual([made, yes, no], [code, jt, jf]);
  });
}

test("jumps without a condition, to a label and to a number", () => {
  assert.equal(assemble("jmp far\nret #1\nfar: ret #0").instructions[0]?.k, 1);
  assert.equal(assemble("(000) ja 2\n(001) ret #1\n(002) ret #0").instructions[0]?.k, 1);
});

test("more than eight instructions in tcpdump's form: their numbers are decimal", () => {
  const text = Array.from(
    { length: 12 },
    (_, i) => `(${String(i).padStart(3, "0")}) ${i < 11 ? "tax" : "ret #0"}`,
  );
  assert.equal(assemble(text.join("\n")).length, 12);
});

/** Programs that are none, with what the error says and where. */
const REFUSED: Readonly<Record<string, readonly [RegExp, number | undefined]>> = {
  "": [/at least one instruction/, undefined],
  "ldq [0]\nret #0": [/"ldq" is no instruction, line 1, column 1; did you mean "ld"/, 0],
  "constructor\nret #0": [/"constructor" is no instruction/, 0],
  "ld __proto__\nret #0": [/"__proto__" does not belong here/, 3],
  "ret x": [/takes no ret x/, 0],
  tax: [/no RET/, 0],
  "ret #0\nld M[16]\nret #0": [/M\[16\]/, 7],
  "ld M[0]\nret a": [/may not have been written/, 0],
  "div #0\nret a": [/divides by zero/, 0],
  "lsh #32\nret a": [/shifts by 32/, 0],
  "jeq #1, nowhere\nret #0": [/no instruction has the label "nowhere"/, 8],
  "jeq #1, dorp\ndrop: ret #0": [/did you mean "drop"/, 8],
  "back: tax\njmp back\nret #0": [/jumps back to 0/, 14],
  "jeq #1 jt 1 jf 7\nret #0": [/7 is behind the last instruction/, 15],
  "twice: tax\ntwice: ret #0": [/stands here twice/, 11],
  "(001) ret #0": [/this is instruction 0/, 1],
  "ld #0x100000000\nret a": [/no number of 32 bits/, 4],
  "ld #09\nret a": [/no number of 32 bits/, 4],
  "ldx 5*([14]&0xf)\nret a": [/4\*\(\[k\]&0xf\)/, 4],
  "ld [0": [/ends too early.*expected "]"/, 5],
  "ldb [-4000]\nret a": [/keeps nothing/, 0],
  é: [/"é" means nothing here/, 0],
  "/* never closed": [/"\/" means nothing here/, 0],
};

for (const [text, [message, position]] of Object.entries(REFUSED)) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => assemble(text),
      (error) => error instanceof FilterError && message.test(error.message) && error.position === position,
    );
  });
}

test("a jump over more than 255 instructions says so", () => {
  const text = `jeq #1, far\n${"tax\n".repeat(256)}far: ret #0`;
  assert.throws(() => assemble(text), /jumps over 256 instructions, more than 255/);
  assert.equal(assemble(text.replace("tax\n", "")).instructions[0]?.jt, 255);
});

test("decimal form: what is no program", () => {
  for (const text of [
    "",
    "0",
    "1",
    "1 6 0 0",
    "2 6 0 0 0",
    "1 6 0 0 0 0",
    "1 6 0 0 x",
    "1 6 0 0 -1",
    "1 6 0 0 1e3",
  ]) {
    assert.throws(() => FilterProgram.parseDecimal(text), FilterError, text);
  }
});
