/** Bytes as people paste them: plain hex digits, or the dumps of tcpdump, hexdump, xxd and Wireshark. */
import { fromHex } from "../bytes/index.ts";
import { UsageError } from "./_command.ts";

/** `0x0010:` of tcpdump, `00000010` of hexdump -C, `00000010:` of xxd, `0010` with two spaces of Wireshark. */
const ADDRESS = /^\s*(?:0x[0-9a-f]{4,}:\s|[0-9a-f]{6,}:?\s{1,2}|[0-9a-f]{4}:?\s{2,})/i;
/** The same bytes as text: between bars, or parted from the digits by two spaces. */
const ASCII_COLUMN = /\s{2}\|.*\|\s*$|(?<=\S)\s{2,}\S.*$/;

/**
 * Reads bytes from text: hex digits with spaces, colons or `0x` in between, or a dump of several lines.
 * @throws {UsageError} for anything else; it says where
 */
export function parseHex(text: string): Uint8Array {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const plain = (): string => text.replace(/(^|[\s,])0x/gi, "$1").replaceAll(",", " ");
  const digits = isDump(lines) ? lines.map(digitsOf).join(" ") : plain();
  try {
    return fromHex(digits);
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/^fromHex: /, "hex: "), { cause: error });
  }
}

/** Whether every line begins with an address, and each address is as far from the one before as it has bytes. */
function isDump(lines: readonly string[]): boolean {
  const addresses = lines.map((line) => ADDRESS.exec(line)?.[0] ?? /^[0-9a-f]{6,8}$/i.exec(line.trim())?.[0]);
  if (lines.length === 1) return addresses[0]?.includes(":") === true;
  return lines.slice(1).every((_, index) => {
    const [at, next] = [addresses[index], addresses[index + 1]];
    if (at === undefined || next === undefined) return false;
    const digits = digitsOf(lines[index] as string).replaceAll(/\s/g, "");
    return numberOf(next) - numberOf(at) === digits.length / 2;
  });
}

function numberOf(address: string): number {
  return Number.parseInt(address.trim().replace(/:$/, ""), 16);
}

/** The digits of a line of a dump. Its last line may be an address alone: hexdump ends so. */
function digitsOf(line: string): string {
  const rest = line.replace(ADDRESS, "");
  if (rest === line) return "";
  // hexdump -C parts its two groups by two spaces as well: they are joined before the text is cut off.
  const joined = rest.replace(/^((?:[0-9a-f]{2} ){7}[0-9a-f]{2}) {2}(?=[0-9a-f]{2}(?: |$))/i, "$1 ");
  return joined.replace(ASCII_COLUMN, "");
}
