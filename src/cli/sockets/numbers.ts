/** Numbers as ss(8) prints them: C's `%g`, rates, and times that run down. */

/**
 * `%.{digits}g` of printf(3).
 * @see man 3 printf
 */
export function general(value: number, digits = 6): string {
  // Most are whole and short.
  if (Number.isInteger(value) && Math.abs(value) < 10 ** digits) return `${value}`;
  const rounded = significant(value, digits);
  const exponent = Number(rounded.slice(rounded.indexOf("e") + 1));
  if (exponent >= -4 && exponent < digits) return `${Number(rounded)}`;
  const [mantissa = ""] = rounded.split("e");
  const sign = exponent < 0 ? "-" : "+";
  return `${Number(mantissa)}e${sign}${`${Math.abs(exponent)}`.padStart(2, "0")}`;
}

/** As `toExponential`, but what lies halfway goes to the even digit, as C has it, not away from zero. */
function significant(value: number, digits: number): string {
  const rounded = value.toExponential(digits - 1);
  const exact = value.toExponential(40); // no double that matters here has more digits
  const [mantissa = "", exponent] = exact.split("e");
  const rest = mantissa.slice(mantissa.indexOf(".") + digits);
  const last = Number(mantissa.replace(".", "")[mantissa.startsWith("-") ? digits : digits - 1]);
  if (/^50*$/.test(rest) && last % 2 === 0) {
    return `${mantissa.slice(0, mantissa.length - rest.length)}e${exponent}`;
  }
  return rounded;
}

/** Microseconds as milliseconds, `%g`. */
export function milliseconds(microseconds: number): string {
  // So many digits are all there are.
  return microseconds < 1_000_000 ? `${microseconds / 1000}` : general(microseconds / 1000);
}

/** `%.0f`: exact, and to the even number from halfway. */
export function whole(value: number): string {
  if (Number.isSafeInteger(value)) return `${value}`;
  const floor = Math.floor(value);
  const up = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 !== 0);
  const rounded = up ? floor + 1 : floor;
  return rounded < Number.MAX_SAFE_INTEGER ? `${rounded}` : `${BigInt(rounded)}`;
}

/** `%.1f` */
export function tenths(value: number): string {
  // Only a quarter is halfway between two tenths, and toFixed takes that up.
  const quarter = Number.isInteger(value * 4 - 1) && (value * 4 - 1) % 4 === 0;
  return (quarter ? value - 0.05 : value).toFixed(1);
}

/** Bits per second: all digits, or three of them and a letter. */
export function rate(bitsPerSecond: number, numeric: boolean): string {
  if (numeric) return whole(bitsPerSecond);
  for (const [unit, letter] of RATES) {
    if (bitsPerSecond >= unit) return `${general(bitsPerSecond / unit, 3)}${letter}`;
  }
  return general(bitsPerSecond);
}

const RATES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** `1.204ms` (which is 1.204 seconds), `59sec`, `1min30sec`, `110min`; nothing for 0. */
export function untilText(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = minutes > 9 ? 0 : Math.floor(milliseconds / 1000) % 60;
  const rest = minutes > 0 || seconds > 9 ? 0 : milliseconds % 1000;
  const minutesText = minutes > 0 ? `${minutes}min` : "";
  const secondsText = seconds > 0 ? `${seconds}${rest > 0 ? "." : "sec"}` : "";
  return `${minutesText}${secondsText}${rest > 0 ? `${`${rest}`.padStart(3, "0")}ms` : ""}`;
}
