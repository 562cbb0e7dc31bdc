/** Drawings of `windsock layout` as they stand: what is asked for, and every character of the answer. */

/** The struct of the chapter. */
export const MY_DATA = "struct MyData { int8_t p1; int16_t p2; int32_t p3; int8_t p4; };";
const FLAGS =
  "struct flags { uint8_t version : 4, ihl : 4; uint8_t : 2, ecn : 2; uint16_t df : 1, more : 1, offset : 13; };";
const SHAPE =
  "struct point { int8_t x; int16_t y; }; struct shape { uint8_t kind; struct point p[2]; union { float radius; uint16_t sides; } u; char name[6]; };";
const LONG = "struct long_one { uint8_t head; uint32_t data[300]; uint64_t last; uint8_t rest[]; };";
const NAMES = "struct names { uint8_t a_name_that_is_too_long; uint8_t A; uint8_t another_one_of_these; };";
const EMPTY = "struct empty {};";

/** Each begins with a newline, which is not of the drawing. */
export const DRAWINGS: readonly [name: string, declaration: string, args: string[], drawing: string][] = [
  [
    "the struct of the chapter, natural and packed side by side",
    MY_DATA,
    [],
    `
struct MyData on x86-64

    natural                                 packed
       +0      +1      +2      +3              +0      +1      +2      +3
    ┌───────┬───────┬───────────────┐       ┌───────┬───────────────┬───────┐
  0 │  p1   │░░░░░░░│      p2       │     0 │  p1   │      p2       │  p3…  │
    ├───────┴───────┴───────────────┤       ├───────┴───────────────┼───────┤
  4 │       ┊      p3       ┊       │     4 │       ┊  …p3  ┊       │  p4   │
    ├───────┬───────────────────────┤       └───────────────────────┴───────┘
  8 │  p4   │░░░░░░░░░░░░░░░░░░░░░░░│       8 bytes, aligned to 1
    └───────┴───────────────────────┘       no padding
    12 bytes, aligned to 4
    4 bytes of padding

Packed saves 4 bytes of 12 (33 %).
It costs alignment: p2 (aligned to 2) is at 1, p3 (4) at 3.
Shaded: padding, of no field.
`,
  ],
  [
    "one below the other where there is no room",
    MY_DATA,
    ["--width", "40"],
    `
struct MyData on x86-64

    natural
       +0      +1      +2      +3
    ┌───────┬───────┬───────────────┐
  0 │  p1   │░░░░░░░│      p2       │
    ├───────┴───────┴───────────────┤
  4 │       ┊      p3       ┊       │
    ├───────┬───────────────────────┤
  8 │  p4   │░░░░░░░░░░░░░░░░░░░░░░░│
    └───────┴───────────────────────┘
    12 bytes, aligned to 4
    4 bytes of padding

    packed
       +0      +1      +2      +3
    ┌───────┬───────────────┬───────┐
  0 │  p1   │      p2       │  p3…  │
    ├───────┴───────────────┼───────┤
  4 │       ┊  …p3  ┊       │  p4   │
    └───────────────────────┴───────┘
    8 bytes, aligned to 1
    no padding

Packed saves 4 bytes of 12 (33 %).
It costs alignment: p2 (aligned to 2) is
at 1, p3 (4) at 3.
Shaded: padding, of no field.
`,
  ],
  [
    "values in both byte orders",
    MY_DATA,
    ["--values", '{"p1": -1, "p2": 515, "p3": 67438087}'],
    `
struct MyData on x86-64

    natural                                 packed
       +0      +1      +2      +3              +0      +1      +2      +3
    ┌───────┬───────┬───────────────┐       ┌───────┬───────────────┬───────┐
  0 │  p1   │░░░░░░░│      p2       │     0 │  p1   │      p2       │  p3…  │
 LE │  ff   │░░00░░░│  03   ┊  02   │    LE │  ff   │  03   ┊  02   │  07   │
 BE │  ff   │░░00░░░│  02   ┊  03   │    BE │  ff   │  02   ┊  03   │  04   │
    ├───────┴───────┴───────────────┤       ├───────┴───────────────┼───────┤
  4 │       ┊      p3       ┊       │     4 │       ┊  …p3  ┊       │  p4   │
 LE │  07   ┊  06   ┊  05   ┊  04   │    LE │  06   ┊  05   ┊  04   │  00   │
 BE │  04   ┊  05   ┊  06   ┊  07   │    BE │  05   ┊  06   ┊  07   │  00   │
    ├───────┬───────────────────────┤       └───────────────────────┴───────┘
  8 │  p4   │░░░░░░░░░░░░░░░░░░░░░░░│       8 bytes, aligned to 1
 LE │  00   │░░00░░░░░░00░░░░░░00░░░│       no padding
 BE │  00   │░░00░░░░░░00░░░░░░00░░░│
    └───────┴───────────────────────┘
    12 bytes, aligned to 4
    4 bytes of padding

natural, little-endian:  ff 00 03 02 07 06 05 04 00 00 00 00
natural, big-endian:     ff 00 02 03 04 05 06 07 00 00 00 00
packed, little-endian:   ff 03 02 07 06 05 04 00
packed, big-endian:      ff 02 03 04 05 06 07 00

Packed saves 4 bytes of 12 (33 %).
It costs alignment: p2 (aligned to 2) is at 1, p3 (4) at 3.
Shaded: padding, of no field.
LE: the bytes on little-endian machines, such as x86-64 and arm64.
BE: the bytes on big-endian machines, as in network byte order.
`,
  ],
  [
    "values in one byte order, packed only",
    MY_DATA,
    ["--packed", "--byte-order", "big", "--values", '{"p1": 1, "p2": 515, "p3": 67438087, "p4": 8}'],
    `
struct MyData on x86-64

    packed
       +0      +1      +2      +3
    ┌───────┬───────────────┬───────┐
  0 │  p1   │      p2       │  p3…  │
 BE │  01   │  02   ┊  03   │  04   │
    ├───────┴───────────────┼───────┤
  4 │       ┊  …p3  ┊       │  p4   │
 BE │  05   ┊  06   ┊  07   │  08   │
    └───────────────────────┴───────┘
    8 bytes, aligned to 1
    no padding

packed, big-endian:  01 02 03 04 05 06 07 08

BE: the bytes on big-endian machines, as in network byte order.
`,
  ],
  [
    "#pragma pack(2)",
    MY_DATA,
    ["--pack", "2"],
    `
struct MyData on x86-64

    natural                                 #pragma pack(2)
       +0      +1      +2      +3              +0      +1      +2      +3
    ┌───────┬───────┬───────────────┐       ┌───────┬───────┬───────────────┐
  0 │  p1   │░░░░░░░│      p2       │     0 │  p1   │░░░░░░░│      p2       │
    ├───────┴───────┴───────────────┤       ├───────┴───────┴───────────────┤
  4 │       ┊      p3       ┊       │     4 │       ┊      p3       ┊       │
    ├───────┬───────────────────────┤       ├───────┬───────┬───────────────┘
  8 │  p4   │░░░░░░░░░░░░░░░░░░░░░░░│     8 │  p4   │░░░░░░░│
    └───────┴───────────────────────┘       └───────┴───────┘
    12 bytes, aligned to 4                  10 bytes, aligned to 2
    4 bytes of padding                      2 bytes of padding

#pragma pack(2) saves 2 bytes of 12 (17 %).
It costs alignment: that of the whole, 4, is 2.
Shaded: padding, of no field.
`,
  ],
  [
    "bit fields, bit by bit",
    FLAGS,
    [],
    `
struct flags on x86-64

    natural
           +0              +1              +2              +3
     0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
    ┌───────┬───────┬───┬───┬─┬─┬───┬─────────────────────────┬─────┐
  0 │version│  ihl  │░░░│ecn│A│B│░░░│         offset          │░░░░░│
    └───────┴───────┴───┴───┴─┴─┴───┴─────────────────────────┴─────┘
    4 bytes, aligned to 2
    no padding, 7 bits unused

    packed
           +0              +1              +2              +3
     0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
    ┌───────┬───────┬───┬───┬─┬─┬─────────────────────────┬─────────┐
  0 │version│  ihl  │░░░│ecn│A│B│   ┊     offset    ┊     │░░░░░░░░░│
    └───────┴───────┴───┴───┴─┴─┴─────────────────────────┴─────────┘
    4 bytes, aligned to 1
    no padding, 7 bits unused

A = df  B = more
Packed saves no bytes.
It costs alignment: that of the whole, 2, is 1.
Shaded: padding, of no field.
Bit 0 stands at the left of its byte: it is the low bit (0x01) on little-endian
machines.
`,
  ],
  [
    "bit fields side by side, with values",
    FLAGS,
    ["--width", "160", "--values", '{"version": 4, "ihl": 5, "df": 1, "offset": 4097}'],
    `
struct flags on x86-64

    natural                                                                 packed
           +0              +1              +2              +3                      +0              +1              +2              +3
     0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7         0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
    ┌───────┬───────┬───┬───┬─┬─┬───┬─────────────────────────┬─────┐       ┌───────┬───────┬───┬───┬─┬─┬─────────────────────────┬─────────┐
  0 │version│  ihl  │░░░│ecn│A│B│░░░│         offset          │░░░░░│     0 │version│  ihl  │░░░│ecn│A│B│   ┊     offset    ┊     │░░░░░░░░░│
 LE │0 0 1 0│1 0 1 0│0░0│0 0│1│0│0░0│1 0 0 0 0 0 0 0┊0 0 0 0 1│0░0░0│    LE │0 0 1 0│1 0 1 0│0░0│0 0│1│0│1 0┊0 0 0 0 0 0 0 0┊0 0 1│0░0░0░0░0│
 BE │0 1 0 0│0 1 0 1│0░0│0 0│1│0│0░0│1 0 0 0 0 0 0 0┊0 0 0 0 1│0░0░0│    BE │0 1 0 0│0 1 0 1│0░0│0 0│1│0│1 0┊0 0 0 0 0 0 0 0┊0 0 1│0░0░0░0░0│
    └───────┴───────┴───┴───┴─┴─┴───┴─────────────────────────┴─────┘       └───────┴───────┴───┴───┴─┴─┴─────────────────────────┴─────────┘
    4 bytes, aligned to 2                                                   4 bytes, aligned to 1
    no padding, 7 bits unused                                               no padding, 7 bits unused

natural, little-endian:  54 10 01 10
natural, big-endian:     45 08 80 08
packed, little-endian:   54 50 00 04
packed, big-endian:      45 0a 00 20

A = df  B = more
Packed saves no bytes.
It costs alignment: that of the whole, 2, is 1.
Shaded: padding, of no field.
LE: the bytes on little-endian machines, such as x86-64 and arm64.
BE: the bytes on big-endian machines, as in network byte order.
Bit 0 stands at the left of its byte: it is the low bit (0x01) on little-endian machines, the high bit (0x80) on big-endian machines.
`,
  ],
  [
    "structs in arrays, and a union",
    SHAPE,
    ["--natural"],
    `
struct shape on x86-64

    natural
       +0      +1      +2      +3
    ┌───────┬───────┬───────┬───────┐
  0 │ kind  │░░░░░░░│p[0].x │░░░░░░░│
    ├───────┴───────┼───────┼───────┤
  4 │    p[0].y     │p[1].x │░░░░░░░│
    ├───────────────┼───────┴───────┤
  8 │    p[1].y     │░░░░░░░░░░░░░░░│
    ├───────────────┴───────────────┤
 12 │       ┊    union u    ┊       │
    ├───────────────────────────────┤
 16 │       ┊     name…     ┊       │
    ├───────────────┬───────────────┤
 20 │     …name     │░░░░░░░░░░░░░░░│
    └───────────────┴───────────────┘
    24 bytes, aligned to 4
    7 bytes of padding

    either u.radius
       +0      +1      +2      +3
    ┌───────────────────────────────┐
 12 │       ┊   u.radius    ┊       │
    └───────────────────────────────┘

    or u.sides
       +0      +1      +2      +3
    ┌───────────────┬───────────────┐
 12 │    u.sides    │░░░░░░░░░░░░░░░│
    └───────────────┴───────────────┘

Shaded: padding, of no field.
`,
  ],
  [
    "a long array, and a flexible one",
    LONG,
    ["--packed"],
    `
struct long_one on x86-64

     packed
          +0         +1         +2         +3
     ┌──────────┬────────────────────────────────┐
   0 │   head   │          ┊ data[0]… ┊          │
     ├──────────┼────────────────────────────────┤
   4 │ …data[0] │          ┊ data[1]… ┊          │
     ├──────────┼────────────────────────────────┤
   8 │ …data[1] │          ┊ data[2]… ┊          │
     ├──────────┼────────────────────────────────┤
  12 │ …data[2] │          ┊ data[3]… ┊          │
     ├──────────┼────────────────────────────────┤
  16 │ …data[3] │          ┊ data[4]… ┊          │
     └──────────┴────────────────────────────────┘
   ⋮ ⋮      data[4] … data[297], 1172 bytes      ⋮
     ┌──────────┬────────────────────────────────┐
1192 │…data[297]│           data[298]…           │
     ├──────────┼────────────────────────────────┤
1196 │…data[298]│           data[299]…           │
     ├──────────┼────────────────────────────────┤
1200 │…data[299]│          ┊  last…   ┊          │
     ├──────────┴────────────────────────────────┤
1204 │          ┊       …last…        ┊          │
     ├──────────┬────────────────────────────────┘
1208 │  …last   │
     └──────────┘
     1209 bytes, aligned to 1
     no padding

⋮ stands for bytes that are not drawn.
rest takes no room, at 1209.
`,
  ],
  [
    "a name without room",
    NAMES,
    ["--natural"],
    `
struct names on x86-64

    natural
       +0      +1      +2      +3
    ┌───────┬───────┬───────┐
  0 │   B   │   A   │   C   │
    └───────┴───────┴───────┘
    3 bytes, aligned to 1
    no padding

B = a_name_that_is_too_long  C = another_one_of_these
`,
  ],
  [
    "no fields",
    EMPTY,
    [],
    `
struct empty on x86-64

    natural                     packed
    0 bytes, aligned to 1       0 bytes, aligned to 1
    no padding                  no padding

Packed: the same.
`,
  ],
];
