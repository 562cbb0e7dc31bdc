/** The assembler: the language of the kernel's bpf_asm, and what `tcpdump -d` prints. */
import { type AssemblerToken, tokenizeAssembly } from "./_assembler_tokens.ts";
import { ANCILLARY, JUMPS, LOADS, MNEMONICS, OPERATIONS } from "./_assembler_words.ts";
import { FilterError, nearest, quote, show } from "./filter_error.ts";
import type { FilterInstruction } from "./instructions.ts";
import * as op from "./opcodes.ts";
import { FilterProgram } from "./program.ts";

/** An instruction whose jumps may still be names. */
interface Draft {
  readonly code: number;
  readonly k: number;
  readonly token: AssemblerToken;
  readonly yes?: Target;
  readonly no?: Target;
  /** Of an unconditional jump. */
  readonly always?: Target;
}
/** A label, or the number of an instruction. */
type Target = AssemblerToken;

/**
 * Reads a program in the language of bpf_asm (Documentation/networking/filter.rst), or as `tcpdump -d` prints it, which
 * is what {@link FilterProgram.toString} gives.
 * @throws {FilterError} with the place in the text; for what the kernel would not take, with the instruction
 */
export function assemble(text: string): FilterProgram {
  if (typeof text !== "string") throw new TypeError(`text must be a string, got ${show(text)}`);
  return new Assembler(text).assemble();
}

class Assembler {
  private readonly text: string;
  private readonly tokens: readonly AssemblerToken[];
  private readonly drafts: Draft[] = [];
  private readonly labels = new Map<string, number>();
  private index = 0;

  constructor(text: string) {
    this.text = text;
    this.tokens = tokenizeAssembly(text);
  }

  assemble(): FilterProgram {
    while (this.token.kind !== "end") {
      this.readPrefix();
      if (this.drafts.length >= op.BPF_MAXINSNS) this.fail(`more than ${op.BPF_MAXINSNS} instructions`);
      this.drafts.push(this.readInstruction());
    }
    const instructions = this.drafts.map((draft, at) => this.resolve(draft, at));
    try {
      return FilterProgram.of(instructions);
    } catch (error) {
      const { position } = error as FilterError;
      const draft = position === undefined ? undefined : this.drafts[position];
      if (!(error instanceof FilterError) || draft === undefined) throw error;
      return this.fail(error.message, draft.token);
    }
  }

  private get token(): AssemblerToken {
    return this.tokens[this.index] as AssemblerToken;
  }

  private next(): AssemblerToken {
    const { token } = this;
    if (token.kind !== "end") this.index++;
    return token;
  }

  private is(text: string): boolean {
    return this.token.kind !== "number" && this.token.text === text;
  }

  private take(text: string): boolean {
    if (!this.is(text)) return false;
    this.next();
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.unexpected(JSON.stringify(text));
  }

  private fail(
    message: string,
    token: AssemblerToken = this.token,
    details: { expected?: string; suggestion?: string } = {},
  ): never {
    const { position, length } = token;
    throw new FilterError(message, { input: this.text, position, length, ...details });
  }

  private unexpected(expected: string): never {
    const { token } = this;
    const message =
      token.kind === "end" ? "the program ends too early" : `${quote(token.written)} does not belong here`;
    return this.fail(message, token, { expected });
  }

  private number(): number {
    const { kind, value, written } = this.token;
    if (kind !== "number") return this.unexpected("a number");
    if (Number.isNaN(value)) return this.fail(`${quote(written)} is no number of 32 bits`);
    return this.next().value;
  }

  /** `label:` of bpf_asm, `(000)` of tcpdump. */
  private readPrefix(): void {
    const { token } = this;
    const after = this.tokens[this.index + 1];
    if (token.kind === "word" && after?.text === ":" && after.kind === "sign") {
      if (this.labels.has(token.text)) this.fail(`the label ${quote(token.written)} stands here twice`);
      this.labels.set(token.text, this.drafts.length);
      this.index += 2;
    } else if (this.take("(")) {
      const written = this.token;
      const { kind, written: digits } = this.next();
      if (kind !== "number" || Number(digits) !== this.drafts.length) {
        this.fail(`this is instruction ${this.drafts.length}, not ${quote(written.written)}`, written);
      }
      this.expect(")");
    }
  }

  private readInstruction(): Draft {
    const token = this.next();
    const name = token.kind === "word" ? token.text : "";
    const plain = (code: number, k = 0): Draft => ({ code, k, token });
    const load = LOADS.get(name);
    if (load !== undefined) return this.readLoad(token, load);
    const jump = JUMPS.get(name);
    if (jump !== undefined) return this.readJump(token, jump.operation, jump.reversed === true);
    const operation = OPERATIONS.get(name);
    if (operation !== undefined) {
      if (this.takeRegister("x")) return plain(op.BPF_ALU | operation | op.BPF_X);
      this.expect("#");
      return plain(op.BPF_ALU | operation | op.BPF_K, this.number());
    }
    switch (name) {
      case "ldi":
        this.take("#");
        return plain(op.BPF_LD | op.BPF_IMM, this.number());
      case "ldxi":
        this.take("#");
        return plain(op.BPF_LDX | op.BPF_IMM, this.number());
      case "ldx":
      case "ldxb":
        return this.readLoadX(token);
      case "st":
        return plain(op.BPF_ST, this.memory());
      case "stx":
        return plain(op.BPF_STX, this.memory());
      case "jmp":
      case "ja":
        return { ...plain(op.BPF_JMP | op.BPF_JA), always: this.target() };
      case "neg":
        return plain(op.BPF_ALU | op.BPF_NEG);
      case "tax":
        return plain(op.BPF_MISC | op.BPF_TAX);
      case "txa":
        return plain(op.BPF_MISC | op.BPF_TXA);
      case "ret":
        if (this.take("#")) return plain(op.BPF_RET | op.BPF_K, this.number());
        if (this.takeRegister("x"))
          return this.fail("the kernel takes no ret x", token, { expected: "ret a" });
        this.takeRegister("a"); // tcpdump leaves it out
        return plain(op.BPF_RET | op.BPF_A);
      default: {
        const suggestion = nearest(token.text, MNEMONICS);
        const message =
          token.kind === "end" ? "the program ends too early" : `${quote(token.written)} is no instruction`;
        return this.fail(message, token, suggestion === undefined ? {} : { suggestion });
      }
    }
  }

  /** A register, with bpf_asm's optional `%`. It is one also where a label of that name follows. */
  private takeRegister(name: "a" | "x"): boolean {
    const percent = this.is("%") ? 1 : 0;
    const token = this.tokens[this.index + percent];
    const isLabel = percent === 0 && this.tokens[this.index + 1]?.text === ":";
    if (token?.kind !== "word" || token.text !== name || isLabel) return false;
    this.index += percent + 1;
    return true;
  }

  private memory(): number {
    this.expect("m");
    this.expect("[");
    const k = this.number();
    this.expect("]");
    return k;
  }

  /** A constant, the length, ancillary data, memory, or bytes of the packet. */
  private readLoad(token: AssemblerToken, size: number): Draft {
    const absolute = (k: number): Draft => ({ code: op.BPF_LD | size | op.BPF_ABS, k, token });
    const isWord = size === op.BPF_W;
    const hash = this.take("#");
    if (isWord && hash && this.token.kind === "number") {
      return { code: op.BPF_LD | op.BPF_IMM, k: this.number(), token };
    }
    if (isWord && this.takeLength()) return { code: op.BPF_LD | op.BPF_W | op.BPF_LEN, k: 0, token };
    const ancillary = this.takeAncillary();
    if (ancillary !== undefined) return absolute(ancillary);
    if (hash)
      return this.unexpected(isWord ? "a number, len, or ancillary data such as proto" : "ancillary data");
    if (isWord && this.is("m")) return { code: op.BPF_LD | op.BPF_MEM, k: this.memory(), token };
    this.expect("[");
    const named = this.takeAncillary();
    if (named !== undefined) {
      this.expect("]");
      return absolute(named);
    }
    if (!this.takeRegister("x")) {
      const k = this.number();
      this.expect("]");
      return absolute(k);
    }
    const k = this.is("]") ? 0 : this.offset();
    this.expect("]");
    return { code: op.BPF_LD | size | op.BPF_IND, k, token };
  }

  /** `+ 14`, `+14`, `- 2`. */
  private offset(): number {
    if (this.token.kind === "number" && /^[-+]/.test(this.token.written)) return this.number();
    const minus = this.take("-");
    if (!minus) this.expect("+");
    const k = this.number();
    return minus ? -k >>> 0 : k;
  }

  private takeLength(): boolean {
    return this.take("len") || this.take("pktlen");
  }

  private takeAncillary(): number | undefined {
    const { kind, text } = this.token;
    const offset = kind === "word" ? ANCILLARY.get(text) : undefined;
    if (offset === undefined || this.tokens[this.index + 1]?.text === ":") return undefined;
    this.next();
    return op.SKF_AD_OFF + offset;
  }

  private readLoadX(token: AssemblerToken): Draft {
    const hash = this.take("#");
    if (this.takeLength()) return { code: op.BPF_LDX | op.BPF_W | op.BPF_LEN, k: 0, token };
    if (hash) return { code: op.BPF_LDX | op.BPF_IMM, k: this.number(), token };
    if (this.is("m")) return { code: op.BPF_LDX | op.BPF_MEM, k: this.memory(), token };
    const start = this.token;
    const factor = this.number();
    this.expect("*");
    this.expect("(");
    this.expect("[");
    const k = this.number();
    this.expect("]");
    this.expect("&");
    const mask = this.number();
    this.expect(")");
    if (factor !== 4 || mask !== 0xf) this.fail("X is loaded from the packet as 4*([k]&0xf) only", start);
    return { code: op.BPF_LDX | op.BPF_B | op.BPF_MSH, k, token };
  }

  private readJump(token: AssemblerToken, operation: number, reversed: boolean): Draft {
    let code = op.BPF_JMP | operation | op.BPF_X;
    let k = 0;
    if (!this.takeRegister("x")) {
      this.expect("#");
      k = this.number();
      code = op.BPF_JMP | operation | op.BPF_K;
    }
    if (this.take("jt")) {
      const first = this.target();
      this.expect("jf");
      const second = this.target();
      return reversed
        ? { code, k, token, yes: second, no: first }
        : { code, k, token, yes: first, no: second };
    }
    this.expect(",");
    const first = this.target();
    if (reversed) return { code, k, token, no: first };
    return this.take(",")
      ? { code, k, token, yes: first, no: this.target() }
      : { code, k, token, yes: first };
  }

  private target(): Target {
    const { kind } = this.token;
    return kind === "word" || kind === "number"
      ? this.next()
      : this.unexpected("a label or the number of an instruction");
  }

  private resolve({ code, k, yes, no, always }: Draft, at: number): FilterInstruction {
    const skip = (target: Target | undefined, most: number): number => {
      if (target === undefined) return 0;
      const to = target.kind === "number" ? Number(target.written) : this.labels.get(target.text);
      if (to === undefined) {
        const suggestion = nearest(target.text, this.labels.keys());
        return this.fail(`no instruction has the label ${quote(target.written)}`, target, {
          ...(suggestion !== undefined && { suggestion }),
        });
      }
      const way = to - at - 1;
      if (way < 0) this.fail(`instruction ${at} jumps back to ${to}`, target);
      if (to >= this.drafts.length) this.fail(`${to} is behind the last instruction`, target);
      if (way > most)
        this.fail(`instruction ${at} jumps over ${way} instructions, more than ${most}`, target);
      return way;
    };
    if (always !== undefined) return { code, jt: 0, jf: 0, k: skip(always, op.BPF_MAXINSNS) };
    return { code, jt: skip(yes, 255), jf: skip(no, 255), k };
  }
}
