/** Code for arithmetic on the packet's bytes: each value is made in a word of memory of its own. */
import { and, type Condition, not, type Statement, statement, testBlock } from "./_blocks.ts";
import type { Generator, Size } from "./_generator.ts";
import { isFirstFragment, isProtocol } from "./_network.ts";
import type { Arithmetic, Operator, Relation } from "./_syntax.ts";
import type { Protocol } from "./_words.ts";
import * as op from "./opcodes.ts";

/** Statements that leave a value in a word of memory, and what has to be asked before they may run. */
interface Computed {
  readonly statements: Statement[];
  readonly register: number;
  readonly guard: Condition | undefined;
}

const OPERATIONS: Readonly<Record<Operator, number>> = {
  "+": op.BPF_ADD,
  "-": op.BPF_SUB,
  "*": op.BPF_MUL,
  "/": op.BPF_DIV,
  "%": op.BPF_MOD,
  "&": op.BPF_AND,
  "|": op.BPF_OR,
  "^": op.BPF_XOR,
  "<<": op.BPF_LSH,
  ">>": op.BPF_RSH,
};

const loadA = (register: number): Statement => statement(op.BPF_LD | op.BPF_MEM, register);
const loadX = (register: number): Statement => statement(op.BPF_LDX | op.BPF_MEM, register);
const store = (register: number): Statement => statement(op.BPF_ST, register);

/** Whether a relation holds between two values. */
export function isRelation(g: Generator, relation: Relation, left: Arithmetic, right: Arithmetic): Condition {
  const a = compute(g, left);
  const b = compute(g, right);
  const statements = [...a.statements, ...b.statements, loadX(b.register), loadA(a.register)];
  let test: Condition;
  if (relation === "=" || relation === "!=") {
    // A difference is compared with 0, so that the optimiser can turn it into a comparison with a constant.
    test = testBlock([...statements, statement(op.BPF_ALU | op.BPF_SUB | op.BPF_X)], op.BPF_JEQ, 0);
  } else {
    test = g.compareWithX(statements, relation === ">" || relation === "<=" ? op.BPF_JGT : op.BPF_JGE);
  }
  if (relation === "!=" || relation === "<" || relation === "<=") test = not(test);
  g.free(a.register);
  g.free(b.register);
  const guard = both(a.guard, b.guard);
  return guard ? and(guard, test) : test;
}

function compute(g: Generator, expression: Arithmetic): Computed {
  switch (expression.type) {
    case "number": {
      const register = g.allocate();
      const load = statement(op.BPF_LD | op.BPF_IMM, expression.value);
      return { statements: [load, store(register)], register, guard: undefined };
    }
    case "length": {
      const register = g.allocate();
      const load = statement(op.BPF_LD | op.BPF_W | op.BPF_LEN);
      return { statements: [load, store(register)], register, guard: undefined };
    }
    case "negate": {
      const { statements, register, guard } = compute(g, expression.of);
      const negate = [loadA(register), statement(op.BPF_ALU | op.BPF_NEG), store(register)];
      return { statements: [...statements, ...negate], register, guard };
    }
    case "binary": {
      const left = compute(g, expression.left);
      const right = compute(g, expression.right);
      g.token = expression.token;
      checkConstant(g, expression.operator, expression.right);
      const operation = statement(op.BPF_ALU | op.BPF_X | OPERATIONS[expression.operator]);
      g.free(left.register);
      g.free(right.register);
      const register = g.allocate();
      const tail = [loadX(right.register), loadA(left.register), operation, store(register)];
      // libpcap forgets what the right operand has to be asked for; its programs are the measure here.
      return { statements: [...left.statements, ...right.statements, ...tail], register, guard: left.guard };
    }
    case "load":
      return load(g, expression);
  }
}

function checkConstant(g: Generator, operator: Operator, right: Arithmetic): void {
  if (right.type !== "number") return;
  if ((operator === "/" || operator === "%") && right.value === 0) g.fail("a division by zero");
  if ((operator === "<<" || operator === ">>") && right.value > 31) g.fail("a shift by more than 31 bits");
}

const SIZES: ReadonlyMap<number, Size> = new Map([
  [1, op.BPF_B],
  [2, op.BPF_H],
  [4, op.BPF_W],
]);

function load(g: Generator, expression: Arithmetic & { type: "load" }): Computed {
  const offset = compute(g, expression.offset);
  g.token = expression.token;
  const register = g.allocate();
  g.free(offset.register);
  const size = SIZES.get(expression.size);
  if (size === undefined)
    return g.fail(`${expression.size} bytes cannot be loaded`, { expected: "1, 2 or 4" });
  const { statements, guard } = loadBytes(g, expression.protocol, offset, size);
  return { statements: [...offset.statements, ...statements, store(register)], register, guard };
}

function loadBytes(
  g: Generator,
  protocol: Protocol,
  offset: Computed,
  size: Size,
): { statements: Statement[]; guard: Condition | undefined } {
  const network = g.payload.constant + g.networkOffset;
  /** With what X holds at first added to the offset where `variable` is not empty. */
  const indirect = (variable: Statement[], constant: number): Statement[] => [
    ...(variable.length === 0
      ? [loadX(offset.register)]
      : [
          ...variable,
          loadA(offset.register),
          statement(op.BPF_ALU | op.BPF_ADD | op.BPF_X),
          statement(op.BPF_MISC | op.BPF_TAX),
        ]),
    statement(op.BPF_LD | op.BPF_IND | size, constant),
  ];
  switch (protocol) {
    case "link":
      return {
        statements: indirect(g.variablePart(g.linkHeader), g.linkHeader.constant),
        guard: offset.guard,
      };
    case "ip":
    case "ip6":
    case "arp":
    case "rarp":
    case "atalk":
    case "decnet":
    case "sca":
    case "lat":
    case "moprc":
    case "mopdl": {
      const statements = indirect(g.variablePart(g.payload), network);
      return { statements, guard: both(offset.guard, isProtocol(g, protocol)) };
    }
    case "tcp":
    case "udp":
    case "sctp":
    case "icmp":
    case "igmp":
    case "igrp":
    case "pim":
    case "vrrp":
    case "carp": {
      const statements = indirect(g.ipv4HeaderLength(), network);
      const first = and(isProtocol(g, protocol), isFirstFragment(g));
      return { statements, guard: and(isProtocol(g, "ip"), both(offset.guard, first) as Condition) };
    }
    case "icmp6": {
      const ip6 = both(offset.guard, isProtocol(g, "ip6")) as Condition;
      const guard = and(ip6, g.equals("network", 6, op.BPF_B, 58));
      return { statements: indirect(g.variablePart(g.payload), network + 40), guard };
    }
    default:
      return g.fail(`the bytes of "${protocol}" cannot be looked at`, {
        expected: "ether, ip, ip6, tcp, udp, icmp …",
      });
  }
}

function both(first: Condition | undefined, second: Condition | undefined): Condition | undefined {
  return first && second ? and(first, second) : (first ?? second);
}
