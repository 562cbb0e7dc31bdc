/** Numbers for people, with their units. */

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const UNKNOWN = "–";

/** `"64.0 KiB"`; a dash for what is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined || Number.isNaN(bytes)) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < SIZES.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : fixed(value)} ${SIZES[unit]}`;
}

/** Three digits, or all that stand before the point. */
function fixed(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

/** `"1.20 MiB/s"` */
export function rateText(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined ? UNKNOWN : `${bytesText(Math.max(0, bytesPerSecond))}/s`;
}

/** `"40 µs"`, `"1.25 ms"`, `"3.0 s"` */
export function microsText(us: number | undefined): string {
  if (us === undefined || Number.isNaN(us)) return UNKNOWN;
  return us < 1000 ? `${Math.round(us)} µs` : millisText(us / 1000);
}

/** `"1.25 ms"`, `"3.0 s"`, `"2 min"` */
export function millisText(ms: number): string {
  if (ms < 1000) return `${ms < 100 ? fixed(ms) : Math.round(ms)} ms`;
  return ms < 100_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `"12,345"` */
export function countText(count: number | undefined): string {
  return count === undefined || Number.isNaN(count) ? UNKNOWN : Math.round(count).toLocaleString("en-US");
}

/** `"1 segment"`, `"12 segments"` */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** `"1:02"`, `"1:02.5"`, `"1:00:02"`: since the observer began. */
export function clockText(seconds: number, digits = 0): string {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.abs(seconds);
  const rounded = Number(whole.toFixed(digits));
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor((rounded % 3600) / 60)];
  const rest = (rounded % 60).toFixed(digits).padStart(digits > 0 ? 3 + digits : 2, "0");
  return hours > 0
    ? `${sign}${hours}:${String(minutes).padStart(2, "0")}:${rest}`
    : `${sign}${minutes}:${rest}`;
}

/** `"14:03:22.1"` in the time of this machine. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, "0");
  const tenth = Math.floor(date.getMilliseconds() / 100);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${tenth}`;
}
