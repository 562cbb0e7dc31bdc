/** What a family of generic netlink wants of the attributes of its requests: the policies that the kernel checks them by. */

import { type Words, words } from "../_words.ts";
import type { Message } from "../message.ts";
import type { POLICY } from "../netlink_error.ts";
import { CTRL } from "./_controller.ts";
import { genericMessage } from "./family.ts";

/** What of an attribute the kernel checks. */
export interface AttributeRule {
  readonly type: AttributeRuleType;
  readonly min?: bigint;
  readonly max?: bigint;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** The bits that may be set. */
  readonly mask?: bigint;
  /** Of the attributes within it. They may lead back to rules around it. */
  readonly nested?: AttributeRules;
}

/** By the attributes' types. An attribute without a rule is refused by the newer operations. */
export type AttributeRules = ReadonlyMap<number, AttributeRule>;

/** The rules for a request and for a dump; `undefined` where it cannot be asked so, or nothing is checked. */
export interface OperationRules {
  readonly do?: AttributeRules;
  readonly dump?: AttributeRules;
}

/** enum netlink_attribute_type, include/uapi/linux/netlink.h, v6.12 */
const NAMES = {
  invalid: 0,
  flag: 1,
  u8: 2,
  u16: 3,
  u32: 4,
  u64: 5,
  s8: 6,
  s16: 7,
  s32: 8,
  s64: 9,
  binary: 10,
  string: 11,
  nulString: 12,
  nested: 13,
  nestedArray: 14,
  bitfield32: 15,
  sint: 16,
  uint: 17,
} as const;
const TYPES: Words<keyof typeof NAMES> = words(NAMES, 0xffff_ffff);
export type AttributeRuleType = ReturnType<(typeof TYPES)["word"]>;

type Raw = NonNullable<ReturnType<(typeof POLICY)["decode"]>>;

/** Gathers the parts of a policy dump, one attribute in each, and puts them together. */
export class PolicyDump {
  readonly #policies = new Map<number, Map<number, Raw>>();
  readonly #operations = new Map<number, { readonly DO?: number; readonly DUMP?: number }>();

  /** @throws {WireError} */
  add(message: Message): void {
    const { bytes, start, end } = genericMessage(message);
    const { POLICY: policies, OP_POLICY: operations } = CTRL.decode(bytes, start, end);
    for (const [command, indices] of operations ?? []) this.#operations.set(command, indices);
    for (const [index, attributes] of policies ?? []) {
      const known = this.#policies.get(index) ?? new Map<number, Raw>();
      for (const [type, raw] of attributes) known.set(type, raw);
      this.#policies.set(index, known);
    }
  }

  rules(): ReadonlyMap<number, OperationRules> {
    const tables = new Map(
      [...this.#policies.keys()].map((index) => [index, new Map<number, AttributeRule>()]),
    );
    for (const [index, attributes] of this.#policies) {
      for (const [type, raw] of attributes) tables.get(index)?.set(type, ruleOf(raw, tables));
    }
    const at = (index: number | undefined): AttributeRules | undefined =>
      index === undefined ? undefined : tables.get(index);
    return new Map(
      [...this.#operations].map(([command, indices]) => {
        const [forDo, forDump] = [at(indices.DO), at(indices.DUMP)];
        return [command, { ...(forDo && { do: forDo }), ...(forDump && { dump: forDump }) }];
      }),
    );
  }
}

function ruleOf(raw: Raw, tables: ReadonlyMap<number, AttributeRules>): AttributeRule {
  const min = raw.MIN_VALUE_U ?? raw.MIN_VALUE_S;
  const max = raw.MAX_VALUE_U ?? raw.MAX_VALUE_S;
  const mask = raw.MASK ?? (raw.BITFIELD32_MASK === undefined ? undefined : BigInt(raw.BITFIELD32_MASK));
  const nested = raw.POLICY_IDX === undefined ? undefined : tables.get(raw.POLICY_IDX);
  return {
    type: TYPES.word(raw.TYPE ?? 0),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(raw.MIN_LENGTH !== undefined && { minLength: raw.MIN_LENGTH }),
    ...(raw.MAX_LENGTH !== undefined && { maxLength: raw.MAX_LENGTH }),
    ...(mask !== undefined && { mask }),
    ...(nested !== undefined && { nested }),
  };
}
