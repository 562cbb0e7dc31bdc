/** Random structs with random values, each with its C declaration and C assignments, from a seed. */
import {
  array,
  be,
  bits,
  byteArray,
  cString,
  type FieldType,
  type IntegerType,
  i8,
  i16,
  i32,
  i64,
  i128,
  le,
  type Struct,
  type StructDefinition,
  type StructOptions,
  struct,
  u8,
  u16,
  u32,
  u64,
  u128,
  unnamedBits,
} from "../../src/bytes/index.ts";

/** A member in both languages. */
interface Member {
  readonly type: StructDefinition[string];
  /** `uint32_t name[3]` */
  declare(name: string): string;
  value(): unknown;
  /** C statements that store the value. */
  assign(place: string, value: unknown): string[];
}

export interface RandomStruct {
  readonly struct: Struct<StructDefinition>;
  readonly declaration: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** C statements that store `values` in the struct called `v`. */
  readonly assignments: readonly string[];
}

type Integer = IntegerType<number | bigint>;
const integers = [u8, u16, u32, u64, u128, i8, i16, i32, i64, i128] as unknown as Integer[];
const bitTypes = integers.filter((type) => type.size <= 8);

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

/** Makes `count` structs; later ones nest earlier ones. The same seed makes the same structs. */
export function randomStructs(seed: number, count: number, abi: "x86-64" | "arm64"): RandomStruct[] {
  let state = seed;
  /** mulberry32, as an integer 0 … n - 1. */
  const below = (n: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const made: { readonly random: RandomStruct; readonly member: Member }[] = [];

  /** Random bits of a width, as a value of the type: the extremes are as likely as the rest together. */
  const integerValue = (type: Integer, width: number): number | bigint => {
    let raw = 0n;
    for (let i = 0; i < 16; i++) raw = (raw << 8n) | BigInt(below(256));
    if (below(4) === 0) raw = pick([0n, 1n, (1n << BigInt(width - 1)) - 1n, 1n << BigInt(width - 1), -1n]);
    const value = type.signed ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
    return type.size > 4 ? value : Number(value);
  };

  const integer = (type: Integer): Member => {
    const bits = type.size * 8;
    const swapped = bits > 8 && below(4) === 0;
    const unit = swapped ? be(type) : below(8) === 0 ? le(type) : type; // the machines are little-endian
    return {
      type: unit,
      declare: (name) => `${cType(type)} ${name}`,
      value: () => integerValue(type, bits),
      assign(place, value) {
        const plain = literal(value as number | bigint);
        return [`${place} = ${swapped ? `__builtin_bswap${bits}(${plain})` : plain};`];
      },
    };
  };

  const bytes = (length: number): Member => ({
    type: byteArray(length),
    declare: (name) => `uint8_t ${name}[${length}]`,
    value: () => Uint8Array.from({ length }, () => below(256)),
    assign: (place, value) => [...(value as Uint8Array)].map((byte, i) => `${place}[${i}] = ${byte};`),
  });

  const text = (length: number): Member => ({
    type: cString(length),
    declare: (name) => `char ${name}[${length}]`,
    value: () =>
      pick(["", "a", "lo", "eth0", "é", "Größe", "😀"].filter((one) => Buffer.byteLength(one) <= length)),
    assign: (place, value) =>
      [...Buffer.from(value as string)].map((byte, i) => `${place}[${i}] = (char)${byte};`),
  });

  const arrayOf = (element: Member, length: number): Member => ({
    type: array(element.type as FieldType<unknown>, length),
    declare: (name) => element.declare(`${name}[${length}]`),
    value: () => Array.from({ length }, () => element.value()),
    assign: (place, values) =>
      (values as unknown[]).flatMap((value, i) => element.assign(`${place}[${i}]`, value)),
  });

  const bitField = (): Member => {
    const type = pick(bitTypes);
    const width = 1 + below(type.size * 8);
    return {
      type: bits(type, width),
      declare: (name) => `${cType(type)} ${name} : ${width}`,
      value: () => integerValue(type, width),
      assign: (place, value) => [`${place} = ${literal(value as number | bigint)};`],
    };
  };

  const unnamed = (): Member => {
    const type = pick(bitTypes);
    const width = below(2) === 0 ? 0 : below(type.size * 8 + 1);
    return {
      type: unnamedBits(type as unknown as typeof u8, width),
      declare: () => `${cType(type)} : ${width}`,
      value: () => undefined,
      assign: () => [],
    };
  };

  const nested = (): Member => (made.length === 0 ? integer(pick(integers)) : pick(made).member);

  const member = (bitsLikely: boolean): Member => {
    const kind = below(bitsLikely ? 20 : 10);
    if (kind >= 18) return unnamed();
    if (kind >= 10) return bitField();
    if (kind < 5) return integer(pick(integers));
    if (kind === 5) return arrayOf(below(3) === 0 ? nested() : integer(pick(integers)), below(4));
    if (kind === 6) return arrayOf(arrayOf(integer(pick(integers)), 1 + below(2)), 1 + below(2));
    if (kind === 7) return bytes(below(9));
    if (kind === 8) return text(1 + below(8));
    return nested();
  };

  const options = (): StructOptions => {
    const packed = pick<NonNullable<StructOptions["packed"]>>([
      false,
      false,
      false,
      true,
      true,
      1,
      2,
      4,
      8,
      16,
    ]);
    return { packed, abi, ...(below(5) === 0 ? { align: 2 ** below(6) } : {}) };
  };

  for (let i = 0; i < count; i++) {
    const name = `s${i}`;
    const bitsLikely = below(2) === 0;
    const members = Array.from({ length: 1 + below(8) }, () => member(bitsLikely));
    const { packed, ...rest } = options();
    const definition = Object.fromEntries(members.map((one, at) => [`f${at}`, one.type]));
    const declared = struct(name, definition, { ...rest, ...(packed === undefined ? {} : { packed }) });
    const attributes = [
      packed === true ? ["packed"] : [],
      rest.align ? [`aligned(${rest.align})`] : [],
    ].flat();
    const attribute = attributes.length > 0 ? `__attribute__((${attributes.join(", ")})) ` : "";
    const body = members.map((one, at) => `  ${one.declare(`f${at}`)};\n`).join("");
    const plain = `struct ${attribute}${name} {\n${body}};\n`;
    const value = (): Record<string, unknown> =>
      Object.fromEntries(
        declared.fields.map((field) => [field.name, members[Number(field.name.slice(1))]?.value()]),
      );
    const assign = (place: string, values: unknown): string[] =>
      Object.entries(values as Record<string, unknown>).flatMap(
        ([field, one]) => members[Number(field.slice(1))]?.assign(`${place}.${field}`, one) ?? [],
      );
    const values = value();
    made.push({
      random: {
        struct: declared,
        declaration:
          typeof packed === "number" ? `#pragma pack(push, ${packed})\n${plain}#pragma pack(pop)\n` : plain,
        values,
        assignments: assign("v", values),
      },
      member: { type: declared, declare: (field) => `struct ${name} ${field}`, value, assign },
    });
  }
  return made.map(({ random }) => random);
}
