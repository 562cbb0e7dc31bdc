/** `windsock layout`: the memory of a C struct, drawn. */
import { readFileSync, writeFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { CSyntaxError } from "../bytes/index.ts";
import { EXIT, note, print, run, toJson, UsageError } from "./_command.ts";
import { paint } from "./layout/canvas.ts";
import { layoutFacts, typeName } from "./layout/json.ts";
import { figureOf } from "./layout/model.ts";
import type { AnyStruct } from "./layout/pieces.ts";
import { type Abi, chosenStruct, type Packing } from "./layout/source.ts";
import { drawSvg } from "./layout/svg.ts";
import { drawText } from "./layout/text.ts";
import { bytesOfValues, hexTable, parseExact } from "./layout/values.ts";
import type { ByteOrder, BytesOf } from "./layout/words.ts";

interface Options {
  readonly file?: string;
  readonly name?: string;
  readonly natural?: true;
  readonly packed?: true;
  readonly pack?: number;
  readonly abi: Abi;
  readonly values?: string;
  readonly byteOrder?: ByteOrder | "both";
  readonly svg?: string;
  readonly json?: true;
  readonly width?: number;
}

const EXAMPLES = `
Draws four bytes a row, as RFCs draw headers, with what C puts between the fields shaded: as C lays the struct out by
itself (natural), and with __attribute__((packed)) on all structs of the text. Knows the types of C, <stdint.h>, POSIX and
the kernel, arrays, bit fields, unions, enums, typedefs, #pragma pack, and the attributes packed and aligned. Of long
arrays and long padding the middle is left out, and a mark says so.

--json prints {name, size, align, packed, fields, padding} of the layout that C makes of the declaration as it stands, or
of the one that --natural, --packed or --pack asks for. A field is {name, type, offset, size}; a bit field also has bits:
{offset, width}, which count from the low end of the byte at its offset. A field that is a struct, a union or an array of
them has fields and padding too, with offsets from its own start (of each element). With --values there is also bytes:
{little, big}, as hexadecimal text.

Examples:
  windsock layout 'struct MyData { int8_t p1; int16_t p2; int32_t p3; int8_t p4; };'
  windsock layout --values '{"p1": 1, "p2": 258, "p3": -2}' 'struct MyData { int8_t p1; int16_t p2; int32_t p3; };'
  windsock layout 'struct flags { uint8_t version : 4, ihl : 4; uint16_t df : 1, length : 13; };'
  windsock layout -f packet.h --name header --svg header.svg
  cpp -P net.h | windsock layout --json --packed -`;

export function addLayout(program: Command): void {
  program
    .command("layout")
    .description("the memory of a C struct, drawn: its fields, its padding, and the bytes of its values")
    .argument(
      "[declaration]",
      "a C declaration such as 'struct s { int a; char b; };', or - for standard input",
    )
    .option("-f, --file <file>", "read the declaration from a file")
    .option("-n, --name <name>", "which struct, union or typedef, if there are several: the last unless told")
    .option("--natural", "only as C lays it out by itself")
    .option("--packed", "only packed")
    .option("--pack <n>", "pack as #pragma pack(n) does, n being 1, 2, 4, 8 or 16", parsePack)
    .addOption(new Option("--abi <abi>", "whose rules hold").choices(["x86-64", "arm64"]).default("x86-64"))
    .option(
      "-v, --values <json>",
      "show the bytes of these values, such as '{\"a\": 1}'; the others are zero",
    )
    .addOption(
      new Option("--byte-order <order>", "of the machine that has the values").choices([
        "little",
        "big",
        "both",
      ]),
    )
    .option("--svg <file>", "write the drawing as an SVG file, - being standard output")
    .option("--json", "the layout as one object")
    .option(
      "--width <columns>",
      "how wide the drawing may be: that of the terminal unless told, or 80",
      parseWidth,
    )
    .addHelpText("after", EXAMPLES)
    .action((declaration: string | undefined, options: Options) =>
      run("layout", () => layout(declaration, options)),
    );
}

function parsePack(text: string): number {
  if (!["1", "2", "4", "8", "16"].includes(text))
    throw new InvalidArgumentError("Expected 1, 2, 4, 8 or 16.");
  return Number(text);
}

function parseWidth(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError("Expected a number of columns.");
  return Number(text);
}

async function layout(declaration: string | undefined, options: Options): Promise<number> {
  if (options.json && options.svg === "-") throw new UsageError("--json and --svg - exclude each other");
  if (options.natural && (options.packed || options.pack !== undefined)) {
    throw new UsageError("--natural excludes --packed and --pack");
  }
  const text = await sourceText(declaration, options.file);
  try {
    return await draw(text, options);
  } catch (error) {
    if (!(error instanceof CSyntaxError)) throw error;
    note(`windsock layout: ${error.message}`);
    note(error.excerpt.replace(/[^\P{Cc}\n\t]/gu, "\ufffd").replace(/^/gm, "  "));
    return EXIT.usage;
  }
}

/** The declaration, from wherever it is. */
async function sourceText(declaration: string | undefined, file: string | undefined): Promise<string> {
  if (declaration !== undefined && file !== undefined) {
    throw new UsageError("a declaration and --file exclude each other");
  }
  const from = file ?? (declaration === "-" ? "-" : undefined);
  if (from === undefined) {
    if (declaration === undefined)
      throw new UsageError("expected a C declaration, --file FILE, or - for standard input");
    return declaration;
  }
  if (from !== "-") return readFileSync(from, "utf8");
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** A layout of the struct, drawn or not. */
interface Form {
  readonly type: AnyStruct;
  readonly form: string;
  readonly bytes: BytesOf;
}

async function draw(text: string, options: Options): Promise<number> {
  const values = options.values === undefined ? undefined : parseExact(options.values);
  const orders = ordersOf(options.byteOrder ?? (values === undefined ? "little" : "both"));
  const make = (packing: Packing): Form => {
    const type = chosenStruct(text, { abi: options.abi, name: options.name, packing });
    return {
      type,
      form: nameOf(type),
      bytes: values === undefined ? {} : bytesOfValues(type, values, orders),
    };
  };
  if (options.json) {
    const { type, bytes } = make(factsPacking(options));
    await print(`${toJson(layoutFacts(type, bytes))}\n`);
    if (options.svg === undefined) return EXIT.done;
  }
  const forms = packingsOf(options, () => make("declared").type.packed).map(make);
  const [first] = forms as [Form, Form?];
  const drawn = forms.map(({ type, form, bytes }) => ({ figure: figureOf(type, form), bytes }));
  const title = `${typeName(first.type)} on ${options.abi}`;
  const hex = hexTable(forms);
  if (options.svg !== undefined) {
    const svg = drawSvg(title, drawn, { orders, hex });
    if (options.svg === "-") await print(svg);
    else writeFileSync(options.svg, svg);
    return EXIT.done;
  }
  const width = options.width ?? (process.stdout.columns || 80);
  await print(paint(drawText(title, drawn, { width, orders, hex }), colours()));
  return EXIT.done;
}

function ordersOf(order: ByteOrder | "both"): ByteOrder[] {
  return order === "both" ? ["little", "big"] : [order];
}

/** The layout whose facts are told: as it is declared, unless another one is asked for. */
function factsPacking({ natural, packed, pack }: Options): Packing {
  if (natural) return "natural";
  return (pack as 1 | 2 | 4 | 8 | 16 | undefined) ?? (packed ? "packed" : "declared");
}

/** The layouts that are drawn: what C would do by itself, beside what the text, or an option, packs. */
function packingsOf({ natural, packed, pack }: Options, declared: () => boolean | number): Packing[] {
  if (natural) return ["natural"];
  const asked = pack as 1 | 2 | 4 | 8 | 16 | undefined;
  if (packed) return [asked ?? "packed"];
  return ["natural", asked ?? (typeof declared() === "number" ? "declared" : "packed")];
}

/** What a layout is called. */
function nameOf({ packed }: AnyStruct): string {
  if (typeof packed === "number") return `#pragma pack(${packed})`;
  return packed ? "packed" : "natural";
}

/** Whether standard output may have colours. @see https://no-color.org */
function colours(): boolean {
  return process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
}
