/** The types that C, POSIX and the kernel have names for, as LP64 Linux lays them out. */
import type { FieldType } from "./_field_type.ts";
import type { BitType } from "./bits.ts";
import { be, byteArray, le } from "./fields.ts";
import { i8, i16, i32, i64, i128, u8, u16, u32, u64, u128 } from "./integers.ts";
import { bool, f32, f64, pointer } from "./scalars.ts";

export type Abi = "x86-64" | "arm64";

/** Any type, once it is only passed on. */
export type AnyType = FieldType<unknown, unknown>;

/** A type of C that has a size. */
export interface CObject {
  readonly kind: "object";
  readonly type: AnyType;
  /** What a bit field of it is; undefined if it cannot have one. */
  readonly bits?: BitType<number | bigint | boolean, never>;
  /** Plain `char`, of which arrays are text. */
  readonly isChar?: boolean;
  /** How many values there are in it, and how deeply types nest: limits for hostile input. */
  readonly weight: number;
  readonly depth: number;
  /** `int a[]`. */
  readonly flexible?: boolean;
}

export type CType =
  | CObject
  | { readonly kind: "void" | "function" }
  | { readonly kind: "incomplete"; readonly tag: string };

export function object(type: unknown, more: Partial<CObject> = {}): CObject {
  return { kind: "object", type: type as AnyType, weight: 1, depth: 0, ...more };
}

/** An integer, `bool` or enumeration, which a bit field may be declared with. */
export function scalar(type: unknown): CObject {
  return object(type, { bits: type as NonNullable<CObject["bits"]> });
}

export const VOID: CType = { kind: "void" };
export const FUNCTION: CType = { kind: "function" };
export const POINTER: CObject = object(pointer);

const opaque = (size: number): CObject => object(byteArray(size, size));

/** The words of a plain type, sorted, and their type. `int` may be left out of most. */
function plainTypes(abi: Abi): Map<string, CType> {
  const char = { ...scalar(abi === "arm64" ? u8 : i8), isChar: true }; // AAPCS64: plain char is unsigned
  const types = new Map<string, CType>();
  const add = (type: CType, ...spellings: string[]): void => {
    for (const spelling of spellings) types.set(spelling.split(" ").sort().join(" "), type);
  };
  add(VOID, "void");
  add(char, "char");
  add(scalar(i8), "signed char");
  add(scalar(u8), "unsigned char");
  add(scalar(i16), "short", "short int", "signed short", "signed short int");
  add(scalar(u16), "unsigned short", "unsigned short int");
  add(scalar(i32), "int", "signed", "signed int");
  add(scalar(u32), "unsigned", "unsigned int");
  for (const long of ["long", "long long"]) {
    add(scalar(i64), long, `${long} int`, `signed ${long}`, `signed ${long} int`);
    add(scalar(u64), `unsigned ${long}`, `unsigned ${long} int`);
  }
  add(object(i128), "__int128", "signed __int128");
  add(object(u128), "unsigned __int128");
  add(object(f32), "float", "_Float32");
  add(object(f64), "double", "_Float64", "_Float32x");
  add(opaque(16), "long double", "_Float128", "__float128", "_Float64x");
  add(scalar(bool), "_Bool");
  return types;
}

/** Words that only ever are part of a plain type. */
export const PLAIN_WORDS: ReadonlySet<string> = new Set(
  "void char short int long signed unsigned float double _Bool __int128 _Float32 _Float64 _Float32x _Float64x _Float128 __float128".split(
    " ",
  ),
);

/** Names of `<stdint.h>`, POSIX, BSD and the kernel that stand for an integer in this machine's order. */
const NATIVE: readonly (readonly [unknown, string])[] = [
  [i8, "int8_t int_least8_t int_fast8_t s8 __s8"],
  [u8, "uint8_t uint_least8_t uint_fast8_t u_int8_t u_char uchar u8 __u8 cc_t"],
  [i16, "int16_t int_least16_t s16 __s16"],
  [
    u16,
    "uint16_t uint_least16_t u_int16_t u_short ushort u16 __u16 sa_family_t __kernel_sa_family_t char16_t Elf32_Half Elf64_Half",
  ],
  [i32, "int32_t int_least32_t s32 __s32 pid_t key_t clockid_t __kernel_pid_t __kernel_clockid_t"],
  [
    u32,
    "uint32_t uint_least32_t u_int32_t u_int uint u32 __u32 socklen_t uid_t gid_t id_t mode_t useconds_t char32_t " +
      "__kernel_uid_t __kernel_gid_t __kernel_mode_t __wsum __poll_t speed_t tcflag_t",
  ],
  [
    i64,
    "int64_t int_least64_t int_fast16_t int_fast32_t int_fast64_t s64 __s64 intptr_t intmax_t ptrdiff_t ssize_t off_t " +
      "off64_t loff_t quad_t time_t suseconds_t clock_t blkcnt_t __kernel_long_t __kernel_ssize_t __kernel_off_t " +
      "__kernel_loff_t __kernel_time_t __kernel_time64_t __kernel_suseconds_t __kernel_clock_t __time_t __suseconds_t",
  ],
  [
    u64,
    "uint64_t uint_least64_t uint_fast16_t uint_fast32_t uint_fast64_t u_int64_t u_long ulong u64 __u64 uintptr_t " +
      "uintmax_t size_t dev_t ino_t ino64_t rlim_t fsblkcnt_t fsfilcnt_t __kernel_ulong_t __kernel_size_t",
  ],
  [i128, "__int128_t s128 __s128"],
  [u128, "__uint128_t u128 __u128"],
  [bool, "bool"],
];

/** Names whose values stand in memory in one order, whatever the machine. */
const FIXED: readonly (readonly [typeof be, unknown, string])[] = [
  // POSIX stores ports and addresses in network order; the kernel's __sum16 is a checksum as it is sent.
  [be, u16, "__be16 be16 in_port_t __sum16"],
  [be, u32, "__be32 be32 in_addr_t"],
  [be, u64, "__be64 be64"],
  [le, u16, "__le16 le16"],
  [le, u32, "__le32 le32"],
  [le, u64, "__le64 le64"],
];

/** The type names that are there before anything is declared; a text may declare them again. */
function namedTypes(abi: Abi): Map<string, CType> {
  const types = new Map<string, CType>();
  for (const [type, names] of NATIVE) {
    const one = type === i128 || type === u128 ? object(type) : scalar(type);
    for (const name of names.split(" ")) types.set(name, one);
  }
  for (const [order, type, names] of FIXED) {
    const bits = type as NonNullable<CObject["bits"]>; // a bit field's bits lie where they lie
    for (const name of names.split(" ")) types.set(name, object(order(type as typeof u16), { bits }));
  }
  for (const name of ["caddr_t", "timer_t", "va_list", "__builtin_va_list"]) types.set(name, POINTER);
  types.set("wchar_t", scalar(abi === "arm64" ? u32 : i32));
  types.set("wint_t", scalar(u32));
  types.set("nlink_t", scalar(abi === "arm64" ? u32 : u64));
  types.set("blksize_t", scalar(abi === "arm64" ? i32 : i64));
  types.set("max_align_t", object(byteArray(32, 16)));
  const aligned8 = (type: unknown, bits: unknown): CObject => ({
    ...scalar(bits),
    type: type as AnyType, // its alignment is 8 anyway
  });
  types.set("__aligned_u64", scalar(u64));
  types.set("__aligned_s64", scalar(i64));
  types.set("__aligned_be64", aligned8(be(u64), u64));
  types.set("__aligned_le64", aligned8(le(u64), u64));
  return types;
}

export interface Builtins {
  readonly plain: ReadonlyMap<string, CType>;
  readonly named: ReadonlyMap<string, CType>;
}

const made = new Map<Abi, Builtins>();

export function builtins(abi: Abi): Builtins {
  const known = made.get(abi) ?? { plain: plainTypes(abi), named: namedTypes(abi) };
  made.set(abi, known);
  return known;
}

/** Structs that other structs are made of everywhere, from <netinet/in.h>, <sys/socket.h> and <time.h>. */
export const SYSTEM_STRUCTS: Readonly<Record<string, string>> = {
  in_addr: "struct in_addr { in_addr_t s_addr; };",
  in6_addr: "struct in6_addr { union { uint8_t s6_addr[16]; __be16 s6_addr16[8]; __be32 s6_addr32[4]; }; };",
  sockaddr: "struct sockaddr { sa_family_t sa_family; char sa_data[14]; };",
  timeval: "struct timeval { time_t tv_sec; suseconds_t tv_usec; };",
  timespec: "struct timespec { time_t tv_sec; long tv_nsec; };",
  iovec: "struct iovec { void *iov_base; size_t iov_len; };",
};

/** Macros that are there before anything is defined: of gcc, of <endian.h>, and the kernel's shorthands of attributes. */
export function predefinedMacros(abi: Abi): Readonly<Record<string, string>> {
  return {
    [abi === "arm64" ? "__aarch64__" : "__x86_64__"]: "1",
    __LP64__: "1",
    __linux__: "1",
    __GNUC__: "12",
    __STDC__: "1",
    __STDC_VERSION__: "201710L",
    __ORDER_LITTLE_ENDIAN__: "1234",
    __ORDER_BIG_ENDIAN__: "4321",
    __BYTE_ORDER__: "1234",
    __LITTLE_ENDIAN: "1234",
    __BIG_ENDIAN: "4321",
    __BYTE_ORDER: "1234",
    LITTLE_ENDIAN: "1234",
    BIG_ENDIAN: "4321",
    BYTE_ORDER: "1234",
    __LITTLE_ENDIAN_BITFIELD: "",
    __packed: "__attribute__((packed))",
    __user: "",
    __kernel: "",
    __iomem: "",
    __rcu: "",
    __force: "",
    __bitwise: "",
    __percpu: "",
  };
}

/** Constants that are there unless they are declared. */
export const SYSTEM_CONSTANTS: ReadonlyMap<string, bigint> = new Map([
  ["CHAR_BIT", 8n],
  ["ETH_ALEN", 6n],
  ["IFNAMSIZ", 16n],
  ["IF_NAMESIZE", 16n],
]);
