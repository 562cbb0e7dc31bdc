/** The chapter's struct, natural and packed: where its fields lie, and a view that changes its bytes. `struct-layout.ts [DECLARATION]` */
import { hexDump, type ParsedStruct, type ParsedUnion, parseStruct } from "windsock/bytes";

const [declaration = "struct MyData { int8_t p1; int16_t p2; int32_t p3; };"] = process.argv.slice(2);

function describe(layout: ParsedStruct | ParsedUnion, title: string): void {
  console.log(`${layout.name}, ${title}: ${layout.size} bytes, aligned to ${layout.align}`);
  for (const { name, type, offset, size, bits } of layout.fields) {
    console.log(`  ${type.name} ${name}: ${bits ? `${bits.width} bits` : `${size} byte(s)`} at ${offset}`);
  }
  for (const { offset, size } of layout.padding) console.log(`  ${size} byte(s) of padding at ${offset}`);
}

const natural = parseStruct(declaration);
describe(natural, "natural");
describe(parseStruct(declaration, { packed: true }), "packed");

// A live view: assigning to a field writes the bytes.
const bytes = new Uint8Array(natural.size);
const view = natural.view(bytes);
for (const [index, { name, type }] of natural.fields.entries()) {
  if (/^[iu](8|16|32)$/.test(type.name)) view[name] = index + 1;
}
console.log(hexDump(bytes));
