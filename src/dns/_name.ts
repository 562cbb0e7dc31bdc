/** Domain names: as text, as bytes of a message, and the names under which addresses are looked up backwards. */
import type { IpAddr } from "../ip/index.ts";

/** Bytes that are no DNS message. Whoever receives them goes on waiting. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

const MAX_LABEL = 63; // RFC 1035 §2.3.4
const MAX_NAME = 255; // likewise, in bytes of a message: each label with its length, and the root's zero
const MAX_TEXT = MAX_NAME - 2; // without the first length and the zero
const MAX_JUMPS = MAX_NAME >> 1; // no name has more labels, and a pointer stands before a label

/** Why a name cannot be asked for, or `undefined` where it can. `"."` is the root. */
export function nameFault(text: string): string | undefined {
  if (text === "") return "it is empty";
  if (!/^[\x20-\x7e]*$/.test(text)) return "it has characters outside of printable ASCII";
  if (text.includes("\\")) return "a name with a backslash cannot be asked for";
  if (text === ".") return undefined;
  const name = text.replace(/\.$/, "");
  const labels = name.split(".");
  if (labels.includes("")) return "it has an empty label";
  const long = labels.find((label) => label.length > MAX_LABEL);
  if (long !== undefined)
    return `a label has at most ${MAX_LABEL} characters, and one here has ${long.length}`;
  return name.length > MAX_TEXT ? `it has ${name.length} characters, and at most ${MAX_TEXT} fit` : undefined;
}

/** How many bytes a name takes that {@link nameFault} finds nothing wrong with. */
export function nameBytes(name: string): number {
  return name === "." ? 1 : name.length + 2;
}

/** Whether two names are the same: RFC 4343, upper and lower case of ASCII do not differ. */
export function sameName(a: string, b: string): boolean {
  return foldCase(a) === foldCase(b);
}

/** A name with its ASCII letters in lower case, and no others. */
export function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * Reads a name from a message. Pointers lead backwards only, and the name has an end (RFC 1035 §4.1.4): whatever the
 * bytes, no more than 255 of them are read.
 * @returns the name without its last dot, `"."` for the root, with dots in labels, backslashes and what is not
 * printable escaped as RFC 1035 §5.1 has it; and where the next field begins
 * @throws {MalformedError}
 */
export function readName(message: Uint8Array, offset: number): { name: string; next: number } {
  let name = "";
  let length = 0;
  let next: number | undefined;
  let start = offset;
  for (let at = offset, jumps = 0; ; ) {
    const head = message[at];
    if (head === undefined) throw new MalformedError("a name runs past the end");
    if (head === 0) return { name: name === "" ? "." : name, next: next ?? at + 1 };
    if (head >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) throw new MalformedError("a name runs past the end");
      const target = ((head & 0x3f) << 8) | low;
      if (target >= start || ++jumps > MAX_JUMPS) throw new MalformedError("a name does not lead backwards");
      next ??= at + 2;
      start = target;
      at = target;
      continue;
    }
    if (head > MAX_LABEL) throw new MalformedError("a label is neither text nor a pointer");
    const end = at + 1 + head;
    length += head + 1;
    if (end > message.length) throw new MalformedError("a name runs past the end");
    if (length + 1 > MAX_NAME) throw new MalformedError(`a name has more than ${MAX_NAME} bytes`);
    if (name !== "") name += ".";
    for (let i = at + 1; i < end; i++) name += CHARACTERS[message[i] as number];
    at = end;
  }
}

/** What stands for each byte of a label. */
const CHARACTERS: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  if (char === "." || char === "\\") return `\\${char}`;
  return byte > 0x20 && byte < 0x7f ? char : `\\${String(byte).padStart(3, "0")}`;
});

/** The name under which an address is looked up backwards: RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(ip: IpAddr): string {
  if (ip.version === 4) return `${[...ip.octets].reverse().join(".")}.in-addr.arpa`;
  const digits = [...ip.toBytes()].flatMap((byte) => [byte >> 4, byte & 15]).reverse();
  return `${digits.map((digit) => digit.toString(16)).join(".")}.ip6.arpa`;
}
