/** C declarations as headers have them, with what gcc makes of them. */

export interface CSample {
  readonly name: string;
  readonly text: string;
  /** `sizeof` and `_Alignof` of the last struct or union, on x86-64. */
  readonly size: number;
  readonly align: number;
  /** Its fields as `name@offset`, of a bit field `name@byte.bit:width`. */
  readonly fields: string;
}

const sample = (name: string, size: number, align: number, fields: string, text: string): CSample => ({
  name,
  text,
  size,
  align,
  fields,
});

export const C_SAMPLES: readonly CSample[] = [
  sample(
    "the chapter's struct",
    8,
    4,
    "p1@0 p2@2 p3@4",
    "struct MyData { int8_t p1; int16_t p2; int32_t p3; };",
  ),
  sample(
    "it, packed",
    7,
    1,
    "p1@0 p2@1 p3@3",
    "struct __attribute__((packed)) MyData { int8_t p1; int16_t p2; int32_t p3; };",
  ),
  sample(
    "packed after the body",
    7,
    1,
    "p1@0 p2@1 p3@3",
    "struct MyData { int8_t p1; int16_t p2; int32_t p3; } __attribute__((__packed__));",
  ),
  sample("the kernel's __packed", 5, 1, "a@0 b@1", "struct s { u8 a; __le32 b; } __packed;"),
  sample(
    "packed and aligned in one",
    8,
    4,
    "a@0 b@1",
    "struct __attribute__((packed, aligned(4))) s { char a; int b; };",
  ),
  sample(
    "of two alignments of a struct the last counts",
    4,
    4,
    "a@0",
    "struct __attribute__((aligned(16))) __attribute__((aligned(4))) s { int a; };",
  ),
  sample("aligned without a number", 16, 16, "a@0", "struct s { int a; } __attribute__((aligned));"),
  sample(
    "attributes of members",
    24,
    8,
    "a@0 b@1 c@8 d@16",
    "struct s { char a; int b __attribute__((packed)); __attribute__((aligned(8))) char c; char d __aligned(8); };",
  ),
  sample(
    "an attribute after a name is of that member",
    12,
    4,
    "a@0 b@4 c@5 d@8",
    "struct s { char a, b __attribute__((aligned(4))), c; int d; };",
  ),
  sample(
    "_Alignas",
    32,
    16,
    "a@0 b@16 c@24",
    "struct s { char a; _Alignas(16) int b; _Alignas(double) _Alignas(0) char c; };",
  ),
  sample(
    "several declarators",
    48,
    8,
    "a@0 b@8 c@16 d@40",
    "struct s { int a, *b, c[3][2]; long (*d)(int, char *); };",
  ),
  sample(
    "plain types in every spelling",
    64,
    8,
    "a@0 b@8 c@16 d@24 e@32 f@34 g@36 h@37 i@40 j@48 k@56",
    "struct s { unsigned long int a; long long unsigned b; int long c; long d; short unsigned int e; signed short f; signed char g; unsigned char h; unsigned i; double j; float k; };",
  ),
  sample(
    "128 bits and long double",
    64,
    16,
    "a@0 b@16 c@32 d@48",
    "struct s { __int128 a; unsigned __int128 b; char c; long double d; };",
  ),
  sample(
    "constant expressions",
    116,
    4,
    "a@0 b@16 c@32 d@40 e@44 f@76 g@92",
    `#define N 4
#define TWICE (N * 2)
enum { WIDTH = 1 << 4, NEXT };
struct s {
  char a[WIDTH], b[0x10], c[sizeof(int) + N], d[N > 3 ? N : 1], e[TWICE * 4], f[(NEXT - 1) | 020];
  int g[~0u == 4294967295 ? 6 : -1];
};`,
  ),
  sample(
    "bit fields, unnamed and of width 0",
    16,
    4,
    "a@0.0:3 b@0.3:5 c@4.0:7 d@8.4:4 e@12.0:1",
    "struct s { int a : 3, b : 5; unsigned : 0; uint8_t c : 7; unsigned : 0, : 4, d : 4; unsigned :0; _Bool e : 1; };",
  ),
  sample(
    "a char and a bool of one bit",
    2,
    1,
    "a@0.0:3 b@0.3:1 c@1",
    "struct s { char a : 3; bool b : 1; bool c; };",
  ),
  sample(
    "#pragma pack",
    32,
    8,
    "a@0 b@8 in@16",
    `#pragma pack(push, 1)
struct in { char a; long b; };
#pragma pack(push)
#pragma pack(4)
struct four { char a; long b; };
#pragma pack(pop)
#pragma pack(pop)
_Static_assert(sizeof(struct in) == 9, "one");
_Static_assert(sizeof(struct four) == 12, "four");
struct s { char a; long b; struct in in; };`,
  ),
  sample(
    "#pragma pack() and pack(0)",
    16,
    8,
    "a@0 b@8",
    "#pragma pack(1)\n#pragma pack()\nstruct s { char a; long b; };",
  ),
  sample(
    "anonymous members, nested",
    24,
    8,
    "kind@0 port@4 raw@4 x@8 y@12 both@8 tail@16",
    `struct s {
  int kind;
  union { __be16 port; unsigned char raw[2]; };
  union { struct { int x, y; }; long both; };
  char tail;
};`,
  ),
  sample(
    "a named struct within",
    14,
    2,
    "a@0 in@2 other@6",
    "struct s { char a; struct in { short x; char y; } in; struct in other[2]; };",
  ),
  sample(
    "a tag declared within stays known, and adds no member",
    4,
    4,
    "a@0",
    "struct s { struct t { int x; }; enum e { A }; struct t a; };",
  ),
  sample("a typedef without a tag", 4, 2, "a@0 b@2", "typedef struct { char a; short b; } s_t, *s_p;"),
  sample("a union", 16, 8, "a@0 b@0 c@0", "union u { char a; double b; char c[9]; };"),
  sample("a union of bit fields", 4, 4, "a@0 b@0.0:20", "union u { char a; unsigned b : 20; };"),
  sample("a flexible array", 4, 4, "n@0 data@4", "struct s { uint32_t n; uint16_t data[]; };"),
  sample("an array of length 0", 8, 8, "n@0 data@8", "struct s { char n; long data[0]; };"),
  sample("an empty struct", 0, 1, "", "struct s {};"),
  sample(
    "enums: int, long and packed",
    24,
    8,
    "a@0 b@4 c@8 d@16",
    `enum color { RED, GREEN = 5, BLUE, };
enum sign { MINUS = -1, PLUS = 1 };
enum wide { SMALL, LARGE = 1ULL << 40 };
enum __attribute__((packed)) tiny { ONE = 1, MOST = 255 };
struct s { enum color a; enum sign b; enum wide c; enum tiny d; };`,
  ),
  sample(
    "an enum typedef and C23's base",
    4,
    2,
    "a@0 b@2",
    "typedef enum : uint8_t { A, B } e8; enum e16 : unsigned short { C }; struct s { e8 a; enum e16 b; };",
  ),
  sample(
    "a typedef can raise and lower the alignment",
    24,
    8,
    "a@0 b@8 c@12 d@16 e@18",
    `typedef uint32_t a8 __attribute__((aligned(8)));
typedef uint32_t a2 __attribute__((aligned(2)));
struct s { uint8_t a; a8 b; a2 c; uint8_t d; a2 e; };`,
  ),
  sample(
    "qualifiers, storage and noise",
    24,
    8,
    "a@0 p@8 q@16",
    `extern int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline int twice(int x) { return 2 * x; }
static const int table[] = { 1, 2, { 3 } }, other = 4;
struct later;
struct s { const volatile unsigned int a; struct later *const restrict p; const struct s __user *q; };`,
  ),
  sample(
    "C's comments and a line that goes on",
    5,
    1,
    "a@0 b@1",
    "/* one\n two */ struct s { // three \\\n still three\n char a; /**/ char \\\n b[4]; };",
  ),
  sample(
    "conditions",
    4,
    4,
    "a@0.0:4 b@0.4:4 c@1",
    `#if defined(__BIG_ENDIAN_BITFIELD) && !defined __LITTLE_ENDIAN_BITFIELD
#error "big"
#endif
#ifdef __LITTLE_ENDIAN_BITFIELD
# define FIRST a
#elif 1
# error unreachable
#else
nonsense ( that is not read
#endif
#if __BYTE_ORDER == __LITTLE_ENDIAN && (UNKNOWN == 0 || 1 / 0)
struct s { unsigned FIRST : 4, b : 4; __be16 c __attribute__((packed)); };
#endif`,
  ),
  sample(
    "scalar_storage_order",
    8,
    4,
    "version@0.0:4 ihl@0.4:4 tos@1 len@2 id@4",
    `struct s { uint32_t version : 4, ihl : 4; uint8_t tos; uint16_t len; uint32_t id; }
  __attribute__((scalar_storage_order("big-endian")));`,
  ),
  sample(
    "structs of the system without their headers",
    56,
    8,
    "in@0 in6@4 tv@24 iov@40",
    "struct s { struct in_addr in; struct in6_addr in6; struct timeval tv; struct iovec iov; };",
  ),
  sample(
    "names of types as names of members",
    12,
    4,
    "u8@0 size_t@4 color@8",
    "typedef int color; struct s { uint8_t u8; int size_t; color color; };",
  ),
  sample(
    "a macro as an attribute and as a type",
    6,
    1,
    "a@0 b@2",
    "#define PACKED __attribute__((packed))\n#define WORD unsigned short\n#undef NOTHING\nstruct PACKED s { WORD a; int b; };",
  ),
  sample(
    "offsetof, _Alignof and casts",
    23,
    1,
    "a@0 b@4 c@12 d@20",
    `struct in { char x; long y; };
struct s { char a[(int)sizeof(short[2])], b[offsetof(struct in, y)], c[_Alignof(struct in)], d[(unsigned char)259]; };`,
  ),
];
