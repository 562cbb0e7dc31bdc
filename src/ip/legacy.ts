/** The old, loose reading of IPv4 addresses: what `inet_aton` takes for one. */
import { checkString } from "./_check.ts";
import { Ipv4Addr } from "./addr.ts";

/** Number of `strtoul(…, 0)` at the start of a text: hex with 0x, octal with 0, else decimal. */
const NUMBER = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;

/**
 * Reads an IPv4 address as glibc's `inet_aton` does, or gives undefined.
 *
 * **Dangerous.** It takes one to four numbers, each decimal, octal (leading `0`) or hexadecimal (`0x`), the last of
 * which fills all the bytes that are left: `127.1`, `0x7f000001`, `0177.0.0.1` and `2130706433` are all 127.0.0.1, and
 * `010.0.0.1` is 8.0.0.1. After a whitespace character anything may follow: `127.0.0.1 example.org` is an address. A
 * check on the text (an allow list, a log, a proxy rule) that reads it in any other way can be deceived. Use
 * {@link Ipv4Addr.parse} for everything but compatibility with programs that call `inet_aton`.
 * @see man 3 inet_aton; glibc resolv/inet_addr.c
 */
export function inetAton(text: string): Ipv4Addr | undefined {
  checkString("text", text);
  const numbers: number[] = [];
  let rest = text;
  for (;;) {
    const digits = NUMBER.exec(rest)?.[0];
    if (digits === undefined) return undefined;
    rest = rest.slice(digits.length);
    const octal = /^0[0-7]/.test(digits);
    numbers.push(octal ? Number.parseInt(digits, 8) : Number(digits));
    if (!rest.startsWith(".")) break;
    if (numbers.length === 4) return undefined;
    rest = rest.slice(1);
  }
  // A NUL would end the text for C, and is no character of an address for anybody else.
  if (!/^(?:$|[ \t\n\v\f\r])/.test(rest) || text.includes("\0")) return undefined;
  const last = numbers.pop() as number;
  if (numbers.some((number) => number > 0xff) || last >= 2 ** (8 * (4 - numbers.length))) return undefined;
  return Ipv4Addr.fromU32(numbers.reduce((sum, number, i) => sum + number * 2 ** (24 - 8 * i), last));
}
