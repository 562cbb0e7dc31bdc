/** `windsock layout`: where its declaration comes from, the facts of --json, and those against gcc. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { needsGcc, runC } from "../sys/_gcc.ts";
import { windsock } from "./_cli.ts";
import { MY_DATA } from "./_drawings.ts";

interface Field {
  readonly name: string;
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly bits?: { readonly offset: number; readonly width: number };
  readonly fields?: readonly Field[];
}

interface Facts {
  readonly name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: readonly Field[];
}

async function json(args: string[]): Promise<Facts> {
  const { code, stdout, stderr } = await windsock(["layout", "--json", ...args]);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout.toString());
}

describe("--json", () => {
  test("the struct of the chapter", async () => {
    assert.deepEqual(await json([MY_DATA]), {
      name: "MyData",
      size: 12,
      align: 4,
      packed: false,
      fields: [
        { name: "p1", type: "int8_t", offset: 0, size: 1 },
        { name: "p2", type: "int16_t", offset: 2, size: 2 },
        { name: "p3", type: "int32_t", offset: 4, size: 4 },
        { name: "p4", type: "int8_t", offset: 8, size: 1 },
      ],
      padding: [
        { offset: 1, size: 1 },
        { offset: 9, size: 3 },
      ],
    });
  });

  test("packed, with values", async () => {
    const facts = await json(["--packed", "--values", '{"p2": 258}', MY_DATA]);
    assert.deepEqual(facts, {
      name: "MyData",
      size: 8,
      align: 1,
      packed: true,
      fields: [
        { name: "p1", type: "int8_t", offset: 0, size: 1 },
        { name: "p2", type: "int16_t", offset: 1, size: 2 },
        { name: "p3", type: "int32_t", offset: 3, size: 4 },
        { name: "p4", type: "int8_t", offset: 7, size: 1 },
      ],
      padding: [],
      bytes: { little: "0002010000000000", big: "0001020000000000" },
    });
  });

  for (const [args, packed, size] of [
    [["--natural"], false, 12],
    [["--pack", "2"], 2, 10],
    [["--packed", "--pack", "2"], 2, 10],
    [["--packed", "--pack", "1"], 1, 8],
  ] as const) {
    test(args.join(" "), async () => {
      const facts = (await json([...args, MY_DATA])) as unknown as Record<string, unknown>;
      assert.deepEqual([facts.packed, facts.size], [packed, size]);
    });
  }

  test("as it is declared, unless told", async () => {
    assert.equal((await json([`#pragma pack(2)\n${MY_DATA}`])).size, 10);
    assert.equal((await json([MY_DATA.replace("};", "} __attribute__((packed));")])).size, 8);
  });

  test("bit fields, structs, unions and arrays of them", async () => {
    const text = `struct s { struct p { uint8_t x; uint16_t y; } a[2][3]; uint32_t low : 3, : 2, high : 12;
      union u { float f; void *p; } u; enum color { RED } color; char name[4]; int64_t rest[]; };`;
    const p = {
      fields: [
        { name: "x", type: "uint8_t", offset: 0, size: 1 },
        { name: "y", type: "uint16_t", offset: 2, size: 2 },
      ],
      padding: [{ offset: 1, size: 1 }],
    };
    const u = {
      fields: [
        { name: "f", type: "float", offset: 0, size: 4 },
        { name: "p", type: "void *", offset: 0, size: 8 },
      ],
      padding: [],
    };
    assert.deepEqual((await json([text])).fields, [
      { name: "a", type: "struct p[2][3]", offset: 0, size: 24, ...p },
      { name: "low", type: "uint32_t", offset: 24, size: 1, bits: { offset: 0, width: 3 } },
      { name: "high", type: "uint32_t", offset: 24, size: 3, bits: { offset: 5, width: 12 } },
      { name: "u", type: "union u", offset: 32, size: 8, ...u },
      { name: "color", type: "enum color", offset: 40, size: 4 },
      { name: "name", type: "char[4]", offset: 44, size: 4 },
      { name: "rest", type: "int64_t[]", offset: 48, size: 0 },
    ]);
  });

  test("a whole number keeps its digits", async () => {
    const text = "struct s { uint64_t a; int64_t b; };";
    const facts = await json(["--values", '{"a": 18446744073709551615, "b": -9007199254740993}', text]);
    assert.deepEqual((facts as unknown as { bytes: unknown }).bytes, {
      little: "ffffffffffffffffffffffffffffdfff",
      big: "ffffffffffffffffffdfffffffffffff",
    });
  });

  test("--abi: a bit field without a name aligns the struct on arm64", async () => {
    const text = "struct s { char a; int : 3; char b; };";
    assert.equal((await json(["--abi", "x86-64", text])).align, 1);
    assert.equal((await json(["--abi", "arm64", text])).align, 4);
  });
});

/** Structs whose facts are compared with what gcc says of them; the last one of each text is asked for. */
const FOR_GCC: Readonly<Record<string, string>> = {
  MyData: MY_DATA,
  tight:
    "struct __attribute__((packed)) tight { uint8_t a; uint64_t b; struct { uint16_t c; uint32_t d; } e; };",
  pragma:
    "#pragma pack(push, 2)\nstruct pragma { char a; double b; long long c[3]; char d; };\n#pragma pack(pop)",
  nested:
    "struct in { char x; struct { short y; long z; } q[2]; }; struct nested { char h; struct in a[3]; struct in b; };",
  unions:
    "union num { int i; double d; char s[9]; }; struct unions { char tag; union num n; union { short k; long l; }; };",
  aligned: "struct aligned { char a; int b __attribute__((aligned(16))); char c; _Alignas(8) char d; };",
  pointers: "struct pointers { char a; void *p; int (*f)(void); char *names[3]; const char b; };",
  enums:
    "enum color { RED, GREEN = 70000 }; struct enums { char a; enum color c; _Bool b; wchar_t w; size_t n; };",
};

test("offsets and sizes are gcc's, those of nested fields too", needsGcc, async () => {
  /** Every place in a struct that offsetof can name, as the C expression behind the dot. */
  const places = (fields: readonly Field[], path = "", from = 0): [string, number, number][] =>
    fields.flatMap(({ name, type, offset, size, fields: inner }) => {
      const dimensions = type.match(/\[\d+\]/g) ?? [];
      const first = `${path}${name}${inner ? dimensions.map(() => "[0]").join("") : ""}`;
      return [
        [`${path}${name}`, from + offset, size] as [string, number, number],
        ...(inner ? places(inner, `${first}.`, from + offset) : []),
      ];
    });
  const names = Object.keys(FOR_GCC);
  const facts = await Promise.all(names.map((name) => json([FOR_GCC[name] as string])));
  const found = facts.map((one) => [
    `${one.name} ${one.size} ${one.align}`,
    ...places(one.fields).map(([path, offset, size]) => `${one.name}.${path} ${offset} ${size}`),
  ]);
  const lines = runC(`
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
${Object.values(FOR_GCC).join("\n")}
int main(void) {
${facts
  .flatMap((one) => [
    `printf("${one.name} %zu %zu\\n", sizeof(struct ${one.name}), _Alignof(struct ${one.name}));`,
    ...places(one.fields).map(
      ([path]) =>
        `printf("${one.name}.${path} %zu %zu\\n", offsetof(struct ${one.name}, ${path}), sizeof(((struct ${one.name} *)0)->${path}));`,
    ),
  ])
  .join("\n")}
  return 0;
}`);
  assert.deepEqual(found.flat(), lines);
  assert.deepEqual(
    facts.map((one) => one.name),
    names,
  );
});

describe("where the declaration comes from", () => {
  const sameAs = async (args: string[], input: string): Promise<void> => {
    const [one, other] = await Promise.all([
      windsock(["layout", ...args], { input }),
      windsock(["layout", MY_DATA]),
    ]);
    assert.deepEqual([one.code, one.stderr, one.stdout.toString()], [0, "", other.stdout.toString()]);
  };

  test("standard input", () => sameAs(["-"], MY_DATA));
  test("--file -", () => sameAs(["--file", "-"], MY_DATA));
  test("a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "windsock-layout-"));
    try {
      writeFileSync(join(folder, "a.h"), `#include <stdint.h>\n/* c */ ${MY_DATA}`);
      await sameAs(["-f", join(folder, "a.h")], "");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const SEVERAL =
    "struct one { char a; }; union two { char a; int b; }; typedef struct { long c; } three; struct last { int d; };";
  for (const [name, size] of [
    ["one", 1],
    ["two", 4],
    ["three", 8],
    ["last", 4],
    [undefined, 4],
  ] as const) {
    test(`--name ${name ?? "not given: the last"}`, async () => {
      const args = name === undefined ? [] : ["--name", name];
      const facts = await json([...args, SEVERAL]);
      assert.deepEqual([facts.name, facts.size], [name ?? "last", size]);
    });
  }
});
