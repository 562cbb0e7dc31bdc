/** Random structs and unions with random values, each with its C declaration and C initialisers, from a seed. */
import {
  aligned,
  anonymous,
  array,
  be,
  bits,
  bool,
  byteArray,
  cString,
  enumeration,
  type FieldType,
  f32,
  f64,
  type IntegerType,
  i8,
  i16,
  i32,
  i64,
  i128,
  le,
  type Member,
  packed,
  pointer,
  type Struct,
  type StructDefinition,
  type StructOptions,
  struct,
  type Union,
  u8,
  u16,
  u32,
  u64,
  u128,
  union,
  unnamedBits,
} from "../../src/bytes/index.ts";

export type AnyStruct = Struct<StructDefinition> | Union<StructDefinition>;
type Order = "little" | "big";
/** `.place = expression` of C. */
type Assignment = readonly [place: string, expression: string];

/** A member in both languages. */
interface RandomMember {
  readonly type: Member;
  /** `uint32_t name[3]`, with attributes behind it. */
  declare(name: string): string;
  value(): unknown;
  assign(place: string, value: unknown): Assignment[];
  /** Of anonymous ones: the names that it gives to the outer struct, and their values. */
  readonly inner?: Body;
}

/** Members under their names, and how they are declared, filled and assigned. */
interface Body {
  readonly definition: StructDefinition;
  readonly text: string;
  value(): Record<string, unknown>;
  assign(place: string, value: Record<string, unknown>): Assignment[];
}

export interface RandomStruct {
  readonly struct: AnyStruct;
  /** With the enums that it needs before it. */
  readonly declaration: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Designated initialisers that make `values`. */
  readonly assignments: readonly Assignment[];
}

type Integer = IntegerType<number | bigint>;
const integers = [u8, u16, u32, u64, u128, i8, i16, i32, i64, i128] as unknown as Integer[];
const bitTypes = integers.filter((type) => type.size <= 8);
const orderedTypes = [u16, u32, u64] as unknown as Integer[];

function cType({ name, signed, size }: Integer): string {
  if (size === 16) return signed ? "__int128" : "unsigned __int128";
  return `${signed ? "" : "u"}int${name.slice(1)}_t`;
}

/** Two's complement as an unsigned literal, so that C converts it and nothing overflows on the way. */
function literal(value: number | bigint): string {
  const raw = BigInt.asUintN(128, BigInt(value));
  const half = (part: bigint): string => `0x${BigInt.asUintN(64, part).toString(16)}ULL`;
  return raw >> 64n ? `((unsigned __int128)${half(raw >> 64n)} << 64 | ${half(raw)})` : half(raw);
}

/** mulberry32, as an integer 0 … n - 1. */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** Makes `count` structs and unions; later ones nest earlier ones. The same seed makes the same. */
export function randomStructs(seed: number, count: number, abi: "x86-64" | "arm64"): RandomStruct[] {
  const below = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const oneIn = (n: number): boolean => below(n) === 0;
  const made: RandomMember[] = [];
  let enums = "";
  let enumCount = 0;

  /** Random bits of a width, as a value of the type: the extremes are as likely as the rest together. */
  const integerValue = (type: Integer, width: number): number | bigint => {
    let raw = 0n;
    for (let i = 0; i < 16; i++) raw = (raw << 8n) | BigInt(below(256));
    if (oneIn(4)) raw = pick([0n, 1n, (1n << BigInt(width - 1)) - 1n, 1n << BigInt(width - 1), -1n]);
    const value = type.signed ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
    return type.size > 4 ? value : Number(value);
  };

  const plain = (
    type: FieldType<unknown, never>,
    c: string,
    value: () => unknown,
    expression: (value: unknown) => string,
  ): RandomMember => ({
    type,
    declare: (name) => `${c} ${name}`,
    value,
    assign: (place, one) => [[place, expression(one)]],
  });

  const integer = (from = integers): RandomMember => {
    const type = pick(from);
    return plain(
      type,
      cType(type),
      () => integerValue(type, type.size * 8),
      (value) => literal(value as number | bigint),
    );
  };

  /** `__be32`, which gcc takes as any integer: where the struct has another order, the value is swapped. */
  const ordered = (order: Order): RandomMember => {
    const type = pick(orderedTypes);
    const own = pick<Order>(["big", "little"]);
    const width = type.size * 8;
    return plain(
      own === "big" ? be(type) : le(type),
      `__${own === "big" ? "be" : "le"}${width}`,
      () => integerValue(type, width),
      (value) =>
        own === order
          ? literal(value as number | bigint)
          : `__builtin_bswap${width}(${literal(value as number | bigint)})`,
    );
  };

  const other = (order: Order): RandomMember => {
    const kind = below(5);
    if (kind === 0) {
      return plain(
        bool,
        "_Bool",
        () => oneIn(2),
        (value) => String(Number(value)),
      );
    }
    if (kind === 1) {
      // gcc 12 swaps pointers in static initialisers of big-endian structs, but not in code: here, no one can tell.
      return plain(
        pointer,
        "void *",
        () =>
          order === "big" ? 0x0101_0101_0101_0101n * BigInt(below(256)) : integerValue(u64 as never, 64),
        (value) => `(void *)${literal(value as bigint)}`,
      );
    }
    const floats = [0, 1.5, -2.25, 0.1, 1e30, -3e-20];
    if (kind === 2)
      return plain(
        f32,
        "float",
        () => Math.fround(pick(floats)),
        (value) => `(float)${value}`,
      );
    if (kind === 3)
      return plain(
        f64,
        "double",
        () => pick(floats),
        (value) => `(double)${value}`,
      );
    const type = makeEnum();
    return plain(
      type,
      `enum ${type.name}`,
      () => pick(Object.values(type.values)),
      (value) => `(enum ${type.name})${literal(value as number)}`,
    );
  };

  const makeEnum = () => {
    const name = `e${enumCount++}`;
    const values: Record<string, number> = { [`${name}_a`]: below(4), [`${name}_b`]: pick([7, 300, 70000]) };
    if (oneIn(2)) values[`${name}_c`] = pick([-1, -200, -40000]);
    const small = oneIn(3);
    const all = Object.values(values);
    const narrow = (all.some((one) => one < 0) ? [i8, i16, i32] : [u8, u16, u32]).find((type) =>
      all.every((one) => one >= type.min && one <= type.max),
    );
    const body = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
    enums += `enum ${small ? "__attribute__((packed)) " : ""}${name} { ${body.join(", ")} };\n`;
    return small ? enumeration(name, values, narrow) : enumeration(name, values);
  };

  const bytes = (length: number): RandomMember => ({
    type: byteArray(length),
    declare: (name) => `uint8_t ${name}[${length}]`,
    value: () => Uint8Array.from({ length }, () => below(256)),
    assign: (place, value) =>
      [...(value as Uint8Array)].map((byte, i) => [`${place}[${i}]`, String(byte)] as const),
  });

  const text = (length: number): RandomMember => ({
    type: cString(length),
    declare: (name) => `char ${name}[${length}]`,
    value: () =>
      pick(["", "a", "lo", "eth0", "é", "Größe", "😀"].filter((one) => Buffer.byteLength(one) <= length)),
    assign: (place, value) =>
      [...Buffer.from(value as string)].map((byte, i) => [`${place}[${i}]`, `(char)${byte}`] as const),
  });

  /** Of u8, C text makes byte arrays instead. */
  const elements = integers.filter((type) => type !== (u8 as unknown));

  const arrayOf = (element: RandomMember, length: number): RandomMember => ({
    type: array(element.type as FieldType<unknown>, length),
    declare: (name) => element.declare(`${name}[${length}]`),
    value: () => Array.from({ length }, () => element.value()),
    assign: (place, values) =>
      (values as unknown[]).flatMap((value, i) => element.assign(`${place}[${i}]`, value)),
  });

  const bitField = (): RandomMember => {
    if (oneIn(12)) {
      return {
        type: bits(bool, 1),
        declare: (name) => `_Bool ${name} : 1`,
        value: () => oneIn(2),
        assign: (place, value) => [[place, String(Number(value))]],
      };
    }
    const type = pick(bitTypes);
    const width = 1 + below(type.size * 8);
    return {
      type: bits(type, width),
      declare: (name) => `${cType(type)} ${name} : ${width}`,
      value: () => integerValue(type, width),
      assign: (place, value) => [[place, literal(value as number | bigint)]],
    };
  };

  const unnamed = (): RandomMember => {
    const type = pick(bitTypes);
    const width = oneIn(2) ? 0 : below(type.size * 8 + 1);
    return {
      type: unnamedBits(type as never, width),
      declare: () => `${cType(type)} : ${width}`,
      value: () => undefined,
      assign: () => [],
    };
  };

  const nested = (): RandomMember => (made.length === 0 ? integer() : pick(made));

  /** Attributes of a member's own. */
  const adjusted = (member: RandomMember): RandomMember => {
    const align = oneIn(2) ? 2 ** below(6) : 0;
    const isPacked = align === 0 || oneIn(2);
    const list = [isPacked ? ["packed"] : [], align > 0 ? [`aligned(${align})`] : []].flat();
    let type = isPacked ? packed(member.type) : member.type;
    if (align > 0) type = aligned(type, align);
    return {
      ...member,
      type,
      declare: (name) => `${member.declare(name)} __attribute__((${list.join(", ")}))`,
    };
  };

  type Pack = 0 | 1 | 2 | 4 | 8 | 16;
  /** `#pragma pack` and the attribute may both hold: the attribute is one of every member then. */
  const declare = (
    kind: "struct" | "union",
    name: string,
    definition: StructDefinition,
    pack: Pack,
    isPacked: boolean,
    options: StructOptions = {},
  ): AnyStruct => {
    const both = isPacked && pack !== 0;
    const members = Object.entries(definition).map(([key, one]) => [key, both ? packed(one) : one] as const);
    const make = kind === "struct" ? struct : union;
    return make(name, Object.fromEntries(members), { ...options, packed: pack || isPacked, abi });
  };

  const oneMember = (bitsLikely: boolean, order: Order, pack: Pack, depth: number): RandomMember => {
    const kind = below(bitsLikely ? 22 : 13);
    if (kind >= 21) return unnamed();
    if (kind >= 13) return bitField();
    if (kind < 4) return integer();
    if (kind === 4) return ordered(order);
    if (kind === 5) return other(order);
    if (kind === 6)
      return arrayOf(oneIn(3) ? nested() : oneIn(3) ? ordered(order) : integer(elements), below(4));
    if (kind === 7) return arrayOf(arrayOf(integer(elements), 1 + below(2)), 1 + below(2));
    if (kind === 8) return bytes(below(9));
    if (kind === 9) return text(1 + below(8));
    if (kind === 10 && depth < 2) return anonymousMember(pack, depth + 1);
    return nested();
  };

  let names = 0;
  /** Members with names of which no other struct has one, so that they can be flattened anywhere. */
  const body = (kind: "struct" | "union", size: number, order: Order, pack: Pack, depth: number): Body => {
    const bitsLikely = oneIn(2);
    const members = Array.from({ length: size }, () => {
      const one = oneMember(bitsLikely, order, pack, depth);
      return [`f${names++}`, oneIn(8) && !one.inner ? adjusted(one) : one] as const;
    });
    if (kind === "struct" && depth === 0 && size > 1 && oneIn(20)) {
      members.push([`f${names++}`, arrayOf(integer(elements), 0)]);
    }
    const named = members.filter(
      ([, { type }]) => !("named" in bare(type) && !(bare(type) as { named: boolean }).named),
    );
    return {
      definition: Object.fromEntries(members.map(([name, { type }]) => [name, type])),
      text: members.map(([name, one]) => `  ${one.declare(name)};\n`).join(""),
      value() {
        const given = kind === "union" ? (named.length > 0 ? [pick(named)] : []) : named;
        const values = given.map(([name, one]) => (one.inner ? one.inner.value() : { [name]: one.value() }));
        return Object.assign({}, ...values);
      },
      assign: (place, value) =>
        named.flatMap(([name, one]) => {
          if (one.inner) return one.inner.assign(place, value);
          return name in value ? one.assign(`${place}.${name}`, value[name]) : [];
        }),
    };
  };

  const bare = (type: Member): object => ("adjusts" in type ? type.adjusts : type);

  const anonymousMember = (pack: Pack, depth: number): RandomMember => {
    const kind = pick(["struct", "union"] as const);
    const isPacked = oneIn(3);
    const inner = body(kind, 1 + below(3), "little", pack, depth); // as gcc: the outer order is not the inner one's
    const declared = declare(kind, "anonymous", inner.definition, pack, isPacked);
    return {
      type: anonymous(declared as Struct<StructDefinition>),
      declare: () => `${kind} ${isPacked ? "__attribute__((packed)) " : ""}{\n${inner.text}}`,
      value: () => undefined,
      assign: () => [],
      inner,
    };
  };

  return Array.from({ length: count }, (_, i): RandomStruct => {
    const name = `s${i}`;
    const kind = oneIn(6) ? "union" : "struct";
    const pack = oneIn(2) ? 0 : pick<Pack>([1, 2, 4, 8, 16]);
    const isPacked = oneIn(pack === 0 ? 3 : 6);
    const align = oneIn(5) ? 2 ** below(6) : 0;
    const byteOrder = pick(["native", "native", "native", "little", "big", "big"] as const);
    enums = "";
    const inside = body(kind, 1 + below(8), byteOrder === "big" ? "big" : "little", pack, 0);
    const declared = declare(kind, name, inside.definition, pack, isPacked, {
      byteOrder,
      ...(align ? { align } : {}),
    });
    const attributes = [
      isPacked ? ["packed"] : [],
      align ? [`aligned(${align})`] : [],
      byteOrder === "native" ? [] : [`scalar_storage_order("${byteOrder}-endian")`],
    ].flat();
    const attribute = attributes.length > 0 ? ` __attribute__((${attributes.join(", ")}))` : "";
    const before = oneIn(2);
    const text = `${kind}${before ? attribute : ""} ${name} {\n${inside.text}}${before ? "" : attribute};\n`;
    const values = inside.value();
    if (declared.size < 2048) {
      made.push({
        type: declared as Struct<StructDefinition>,
        declare: (field) => `${kind} ${name} ${field}`,
        value: inside.value,
        assign: (place, value) => inside.assign(place, value as Record<string, unknown>),
      });
    }
    return {
      struct: declared,
      declaration: `${enums}${pack ? `#pragma pack(push, ${pack})\n${text}#pragma pack(pop)\n` : text}`,
      values,
      assignments: inside.assign("", values),
    };
  });
}
