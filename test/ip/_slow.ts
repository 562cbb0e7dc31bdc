/** A second, slow address parser that follows the grammar of RFC 3986 §3.2.2 letter by letter. */

const DEC_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])";
const IPV4 = `(?:${DEC_OCTET}\\.${DEC_OCTET}\\.${DEC_OCTET}\\.${DEC_OCTET})`;
const H16 = "(?:[0-9A-Fa-f]{1,4})";
const LS32 = `(?:${H16}:${H16}|${IPV4})`;
const IPV6 = [
  `(?:${H16}:){6}${LS32}`,
  `::(?:${H16}:){5}${LS32}`,
  `(?:${H16})?::(?:${H16}:){4}${LS32}`,
  `(?:(?:${H16}:){0,1}${H16})?::(?:${H16}:){3}${LS32}`,
  `(?:(?:${H16}:){0,2}${H16})?::(?:${H16}:){2}${LS32}`,
  `(?:(?:${H16}:){0,3}${H16})?::${H16}:${LS32}`,
  `(?:(?:${H16}:){0,4}${H16})?::${LS32}`,
  `(?:(?:${H16}:){0,5}${H16})?::${H16}`,
  `(?:(?:${H16}:){0,6}${H16})?::`,
].join("|");

const ipv4Grammar = new RegExp(`^${IPV4}$`);
const ipv6Grammar = new RegExp(`^(?:${IPV6})$`);

export function slowIpv4(text: string): number[] | undefined {
  return ipv4Grammar.test(text) && !text.endsWith("\n") ? text.split(".").map(Number) : undefined;
}

export function slowIpv6(text: string): number[] | undefined {
  if (!ipv6Grammar.test(text) || text.endsWith("\n")) return undefined;
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  const [a, b, c, d] = (dotted ?? "").split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
  const plain = dotted === undefined ? text : text.replace(dotted, `${a}${b}:${c}${d}`);
  const [head = "", tail] = plain.split("::");
  const groups = (half: string): string[] => (half === "" ? [] : half.split(":"));
  const zeros = 8 - groups(head).length - groups(tail ?? "").length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => "0"), ...groups(tail ?? "")];
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}
