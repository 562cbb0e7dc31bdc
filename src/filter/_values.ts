/** Value numbering: which registers hold the same value, which ones a constant, and what that makes of a statement. */
import { NOP, type Statement } from "./_blocks.ts";
import { FilterError } from "./filter_error.ts";
import * as op from "./opcodes.ts";

/** What holds a value: the words of memory, then the accumulator and the index register. */
export const A = op.BPF_MEMWORDS;
export const X = op.BPF_MEMWORDS + 1;
export const PLACES = op.BPF_MEMWORDS + 2;
/** The number of a value of which nothing is known. */
export const UNKNOWN = 0;

/** The places that a statement reads, as bits. */
export function placesRead({ code, k }: Statement): number {
  if (code === NOP) return 0;
  switch (op.classOf(code)) {
    case op.BPF_LD:
    case op.BPF_LDX:
      return op.modeOf(code) === op.BPF_IND ? 1 << X : op.modeOf(code) === op.BPF_MEM ? 1 << k : 0;
    case op.BPF_ST:
      return 1 << A;
    case op.BPF_STX:
      return 1 << X;
    case op.BPF_JMP:
    case op.BPF_ALU:
      return op.usesX(code) ? (1 << A) | (1 << X) : 1 << A;
    case op.BPF_MISC:
      return (code & 0xf8) === op.BPF_TXA ? 1 << X : 1 << A;
    default:
      return 0; // RET of a constant
  }
}

/** The place that a statement writes; undefined for none. */
export function placeWritten({ code, k }: Statement): number | undefined {
  if (code === NOP) return undefined;
  switch (op.classOf(code)) {
    case op.BPF_LD:
    case op.BPF_ALU:
      return A;
    case op.BPF_LDX:
      return X;
    case op.BPF_ST:
    case op.BPF_STX:
      return k;
    case op.BPF_MISC:
      return (code & 0xf8) === op.BPF_TAX ? X : A;
    default:
      return undefined;
  }
}

/** Gives numbers to values, so that equal numbers are equal values whatever the packet. */
export class Values {
  private readonly numbers = new Map<string, number>();
  private readonly constants = new Map<number, number>();
  private last = UNKNOWN;
  /** Called for what a further pass may build upon. */
  private readonly changed: () => void;

  constructor(changed: () => void) {
    this.changed = changed;
  }

  clear(): void {
    this.numbers.clear();
    this.constants.clear();
    this.last = UNKNOWN;
  }

  /** The value of an operation on values or constants. */
  number(code: number, first: number, second: number): number {
    const key = `${code},${first},${second}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, ++this.last);
    return this.last;
  }

  /** The value of a constant. */
  ofConstant(k: number): number {
    const value = this.number(op.BPF_LD | op.BPF_IMM, k, 0);
    this.constants.set(value, k);
    return value;
  }

  /** The constant that a value is. */
  constant(value: number): number | undefined {
    return this.constants.get(value);
  }

  /**
   * Follows what a statement does to the values in `places`.
   * @param rewrite whether the statement may be replaced by a simpler one, or struck out
   */
  follow(one: Statement, places: Int32Array, rewrite: boolean): void {
    const { code, k } = one;
    if (code === NOP) return;
    switch (op.classOf(code)) {
      case op.BPF_LD:
      case op.BPF_LDX:
        this.followLoad(one, places, rewrite);
        break;
      case op.BPF_ST:
        assign(one, places, k, places[A] as number, rewrite);
        break;
      case op.BPF_STX:
        assign(one, places, k, places[X] as number, rewrite);
        break;
      case op.BPF_MISC:
        if ((code & 0xf8) === op.BPF_TXA) assign(one, places, A, places[X] as number, rewrite);
        else assign(one, places, X, places[A] as number, rewrite);
        break;
      case op.BPF_ALU:
        if (op.operationOf(code) === op.BPF_NEG) this.followNegation(one, places, rewrite);
        else if (op.usesX(code)) this.followWithX(one, places, rewrite);
        else this.followWithConstant(one, places, rewrite);
    }
  }

  private followLoad(one: Statement, places: Int32Array, rewrite: boolean): void {
    const target = op.classOf(one.code) === op.BPF_LD ? A : X;
    let value: number;
    switch (op.modeOf(one.code)) {
      case op.BPF_IMM:
        value = this.ofConstant(one.k);
        break;
      case op.BPF_LEN:
        value = this.number(one.code, 0, 0);
        break;
      case op.BPF_MEM: {
        value = places[one.k] as number;
        const constant = this.constant(value);
        if (rewrite && constant !== undefined) {
          this.replace(one, op.classOf(one.code) | op.BPF_IMM, constant);
          this.changed();
        }
        break;
      }
      case op.BPF_IND: {
        const index = places[X] as number;
        const constant = this.constant(index);
        if (rewrite && constant !== undefined) {
          this.replace(one, op.BPF_LD | op.BPF_ABS | op.sizeOf(one.code), (one.k + constant) >>> 0);
          this.changed();
          value = this.number(one.code, one.k, 0);
        } else value = this.number(one.code, one.k, index);
        break;
      }
      default: // from a place in the packet that does not depend on X
        value = this.number(one.code, one.k, 0);
    }
    assign(one, places, target, value, rewrite);
  }

  private followNegation(one: Statement, places: Int32Array, rewrite: boolean): void {
    const constant = this.constant(places[A] as number);
    if (rewrite && constant !== undefined) {
      this.replace(one, op.BPF_LD | op.BPF_IMM, -constant >>> 0);
      places[A] = this.ofConstant(one.k);
    } else places[A] = this.number(one.code, places[A] as number, 0);
  }

  private followWithConstant(one: Statement, places: Int32Array, rewrite: boolean): void {
    const operation = op.operationOf(one.code);
    const a = places[A] as number;
    if (rewrite && one.k === 0) {
      switch (operation) {
        case op.BPF_ADD:
        case op.BPF_LSH:
        case op.BPF_RSH:
        case op.BPF_OR:
        case op.BPF_XOR:
          one.code = NOP;
          return;
        case op.BPF_MUL:
        case op.BPF_AND:
          one.code = op.BPF_LD | op.BPF_IMM;
          places[A] = this.ofConstant(0);
          return;
        case op.BPF_DIV:
        case op.BPF_MOD:
          throw new FilterError("the expression divides by zero");
      }
    }
    const constant = this.constant(a);
    if (rewrite && constant !== undefined) places[A] = this.fold(one, operation, constant, one.k);
    else places[A] = this.number(one.code, a, this.ofConstant(one.k));
  }

  private followWithX(one: Statement, places: Int32Array, rewrite: boolean): void {
    const operation = op.operationOf(one.code);
    const [a, x] = [places[A] as number, places[X] as number];
    const [left, right] = [this.constant(a), this.constant(x)];
    if (rewrite && right !== undefined) {
      if (left !== undefined) {
        places[A] = this.fold(one, operation, left, right);
        return;
      }
      if ((operation === op.BPF_LSH || operation === op.BPF_RSH) && right > 31) {
        throw new FilterError("the expression shifts by more than 31 bits");
      }
      this.replace(one, op.BPF_ALU | op.BPF_K | operation, right);
      this.changed();
      places[A] = this.number(one.code, a, x);
      return;
    }
    if (rewrite && left === 0 && operation !== op.BPF_SUB) {
      if (operation === op.BPF_ADD || operation === op.BPF_OR || operation === op.BPF_XOR) {
        one.code = op.BPF_MISC | op.BPF_TXA;
        assign(one, places, A, x, rewrite);
      } else {
        this.replace(one, op.BPF_LD | op.BPF_IMM, 0);
        assign(one, places, A, this.ofConstant(0), rewrite);
      }
      return;
    }
    places[A] = this.number(one.code, a, x);
  }

  /** Replaces an operation on two constants by its result. @returns the result's value */
  private fold(one: Statement, operation: number, a: number, b: number): number {
    if (b === 0 && (operation === op.BPF_DIV || operation === op.BPF_MOD)) {
      throw new FilterError("the expression divides by zero");
    }
    this.replace(one, op.BPF_LD | op.BPF_IMM, calculate(operation, a, b) >>> 0);
    this.changed();
    return this.ofConstant(one.k);
  }

  private replace(one: Statement, code: number, k: number): void {
    one.code = code;
    one.k = k;
  }
}

/** A place gets a value; the statement that gives it what it has already is struck out. */
function assign(one: Statement, places: Int32Array, place: number, value: number, rewrite: boolean): void {
  if (rewrite && value !== UNKNOWN && places[place] === value) one.code = NOP;
  else places[place] = value;
}

function calculate(operation: number, a: number, b: number): number {
  switch (operation) {
    case op.BPF_ADD:
      return a + b;
    case op.BPF_SUB:
      return a - b;
    case op.BPF_MUL:
      return Math.imul(a, b);
    case op.BPF_DIV:
      return Math.floor(a / b);
    case op.BPF_MOD:
      return a % b;
    case op.BPF_AND:
      return a & b;
    case op.BPF_OR:
      return a | b;
    case op.BPF_XOR:
      return a ^ b;
    case op.BPF_LSH:
      return b < 32 ? a << b : 0;
    default:
      return b < 32 ? a >>> b : 0;
  }
}
