/** Decoded headers as lines: where each field stands, its bits or bytes, its name and its value. */
import { toHex } from "../bytes/index.ts";
import type { TreeNode } from "../wire/index.ts";

const MOST_BYTES = 8;
const BYTES_WIDTH = MOST_BYTES * 3 - 1;

/** The lines of a tree, the deeper ones indented. */
export function treeLines(bytes: Uint8Array, nodes: readonly TreeNode[], depth = 0): string[] {
  return nodes.flatMap((node) => {
    const children = node.children ?? [];
    const inner = treeLines(bytes, children, depth + 1);
    return [depth === 0 ? title(node) : line(bytes, node, depth, children.length > 0), ...inner];
  });
}

function title(node: TreeNode): string {
  const text = node.text === "" ? "" : `: ${node.text}`;
  return `${node.label}${text}`;
}

function line(bytes: Uint8Array, node: TreeNode, depth: number, group: boolean): string {
  const indent = "  ".repeat(depth);
  const place = node.offset.toString(16).padStart(4, "0");
  if (node.name === "line") return `${indent}${place}  ${node.text}`; // of a hex dump
  const shown = group ? "" : node.bits ? bitPattern(bytes, node) : byteText(bytes, node);
  const label = node.label.padEnd(Math.max(0, 24 - 2 * (depth - 1)));
  return `${indent}${place}  ${shown.padEnd(BYTES_WIDTH)}  ${label}  ${node.text}`.trimEnd();
}

function byteText(bytes: Uint8Array, { offset, lengthBytes }: TreeNode): string {
  const all = bytes.subarray(offset, offset + lengthBytes);
  const most = all.length > MOST_BYTES ? MOST_BYTES - 1 : MOST_BYTES;
  return `${toHex(all.subarray(0, most), " ")}${all.length > most ? " …" : ""}`;
}

/** The field's bits within its bytes: `0100....`, `...0 0000 0000 0000`. */
function bitPattern(bytes: Uint8Array, { offset, lengthBytes, bits }: TreeNode): string {
  const { offset: first, width } = bits as { offset: number; width: number };
  let pattern = "";
  for (let bit = 0; bit < lengthBytes * 8; bit++) {
    const byte = bytes[offset + (bit >> 3)] ?? 0;
    const inside = bit >= first && bit < first + width;
    pattern += inside ? String((byte >> (7 - (bit & 7))) & 1) : ".";
    if (bit % 8 === 7 && bit + 1 < lengthBytes * 8) pattern += " ";
  }
  return pattern.length <= BYTES_WIDTH ? pattern : `${pattern.slice(0, BYTES_WIDTH - 2)} …`;
}
