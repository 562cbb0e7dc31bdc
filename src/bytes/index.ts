/** Byte order, integers of a fixed width, C struct layouts and hexadecimal text. @module */
export type { AnyFieldType, FieldType, InputOf, ValueOf } from "./_field_type.ts";
export type { StructOptions } from "./_layout.ts";
export { type BitField, bits, type UnnamedBits, unnamedBits } from "./bits.ts";
export { be64toh, htobe64, htonl, htons, nativeEndian, ntohl, ntohs } from "./byte_order.ts";
export { internetChecksum, onesComplementSum } from "./checksum.ts";
export { type ArrayType, array, be, byteArray, cString, le } from "./fields.ts";
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
  type Struct,
  type StructDefinition,
  type StructField,
  type StructInput,
  type StructValue,
  struct,
} from "./struct.ts";
