/** Byte order, integers of a fixed width, C structs and unions, their declarations in C, and hexadecimal text. @module */
export type { Aggregate } from "./_aggregate.ts";
export { cTypeOf } from "./_c_spelling.ts";
export type { StructDefinition } from "./_definition.ts";
export type { AnyFieldType, FieldType, InputOf, LiveOf, ValueOf } from "./_field_type.ts";
export type { StructOptions } from "./_layout.ts";
export type { StructField } from "./_slots.ts";
export { viewBytes } from "./_views.ts";
export { type ArrayType, ArrayView, array } from "./arrays.ts";
export { type BitField, type BitType, bits, type UnnamedBits, unnamedBits } from "./bits.ts";
export { be64toh, htobe64, htonl, htons, nativeEndian, ntohl, ntohs } from "./byte_order.ts";
export {
  type CDeclarations,
  type CParseOptions,
  type ParsedStruct,
  type ParsedUnion,
  parseDeclarations,
  parseStruct,
} from "./c_declarations.ts";
export { CSyntaxError } from "./c_error.ts";
export { internetChecksum, onesComplementSum } from "./checksum.ts";
export { concatBytes } from "./concat.ts";
export { type EnumType, enumeration } from "./enums.ts";
export { be, byteArray, cString, le, type OrderedType } from "./fields.ts";
export { fromHex, type HexDumpOptions, hexDump, toHex } from "./hex.ts";
export {
  type BigIntType,
  type IntegerType,
  i8,
  i16,
  i32,
  i64,
  i128,
  type NumberType,
  u8,
  u16,
  u32,
  u64,
  u128,
} from "./integers.ts";
export {
  type Adjusted,
  type Anonymous,
  aligned,
  anonymous,
  type Member,
  type PlainMember,
  packed,
} from "./members.ts";
export { type BoolType, bool, type FloatType, f32, f64, pointer } from "./scalars.ts";
export { type Struct, type StructInput, type StructValue, type StructView, struct } from "./struct.ts";
export { type Union, union } from "./union.ts";
export { WireError, type WireErrorCode } from "./wire_error.ts";
