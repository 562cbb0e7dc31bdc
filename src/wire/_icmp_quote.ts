/** The packet that an ICMP error quotes, and the extensions behind it, RFC 4884 §3–5. */
import { concatBytes } from "../bytes/index.ts";
import { bytesOrNone } from "./_encode.ts";
import {
  extensionsNode,
  hasExtensions,
  readExtensions,
  verifyExtensions,
  writeExtensions,
} from "./_icmp_extensions.ts";
import { bytesNode, type Tail, untold } from "./_message.ts";

/** Extensions stand behind as many bytes, or more; those of routers from before RFC 4884 behind just as many (§5.5). */
const LEAST_QUOTED = 128;

/** Just the packet, up to the end. */
export const QUOTED: Tail = {
  read: (bytes, start, end) => ({ quoted: bytes.subarray(start, end) }),
  write: (fields, where) => bytesOrNone(`${where}.quoted`, fields.quoted),
  nodes: (bytes, start, end) => [bytesNode("quoted", "Quoted packet", bytes, start, end)],
};

/**
 * The packet, and extensions where there are any.
 * @param lengthAt the place of the field `length`, from the message's start
 * @param unit what this field counts in, in bytes
 */
export function quotedWithExtensions(lengthAt: number, unit: 4 | 8): Tail {
  /** Where the packet ends. */
  const split = (bytes: Uint8Array, start: number, end: number, base: number): number => {
    const length = (bytes[base + lengthAt] as number) * unit;
    const behind = start + (length || LEAST_QUOTED);
    if (!hasExtensions(bytes, behind, end)) return end;
    return length > 0 || verifyExtensions(bytes, behind, end) ? behind : end;
  };
  return {
    read(bytes, start, end, base) {
      const behind = split(bytes, start, end, base);
      const quoted = bytes.subarray(start, behind);
      return behind === end ? { quoted } : { quoted, extensions: readExtensions(bytes, behind, end) };
    },
    write(fields, where, told) {
      const quoted = bytesOrNone(`${where}.quoted`, fields.quoted);
      if (untold(fields, "extensions")) return quoted;
      const extensions = writeExtensions(fields.extensions, `${where}.extensions`);
      if (!untold(fields, "length")) return concatBytes([quoted, extensions]);
      const padded = Math.max(LEAST_QUOTED, Math.ceil(quoted.length / unit) * unit);
      if (padded / unit > 0xff) {
        throw new RangeError(`${where}.quoted: expected at most ${0xff * unit} bytes, got ${quoted.length}`);
      }
      told[lengthAt] = padded / unit;
      return concatBytes([quoted, new Uint8Array(padded - quoted.length), extensions]);
    },
    nodes(bytes, start, end, base) {
      const behind = split(bytes, start, end, base);
      const quoted = bytesNode("quoted", "Quoted packet", bytes, start, behind);
      return behind === end ? [quoted] : [quoted, extensionsNode(bytes, behind, end)];
    },
  };
}
