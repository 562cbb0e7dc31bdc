/** Seeded random texts: addresses, nearly addresses, and rubbish in the alphabet of addresses. */

/** A small generator with a seed (mulberry32), so that a failure can be repeated. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  u32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return this.u32() % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** An array of `length` things. */
  times<T>(length: number, make: (index: number) => T): T[] {
    return Array.from({ length }, (_, i) => make(i));
  }
}

const ALPHABET = [..."0123456789abcdefABCDEFxX:.%/- +"];
const TOKENS = [
  "0",
  "00",
  "1",
  "01",
  "9",
  "255",
  "256",
  "0x7f",
  "1.2.3.4",
  "ffff",
  "fffff",
  "::",
  ":",
  ":",
  ".",
  "a",
];
const STRANGE = [
  "\0",
  "\t",
  "\n",
  "\r",
  "\v",
  "\u00a0",
  "\u2003",
  "١",
  "５",
  "१",
  "²",
  "é",
  "😀",
  "%",
  "[",
  "]",
  "_",
  "g",
  "G",
];

export function ipv4Text(random: Random): string {
  return random
    .times(4, () => (random.below(4) === 0 ? random.pick([0, 1, 10, 127, 255]) : random.below(256)))
    .join(".");
}

/** A valid IPv6 text in any of its forms: either case, padded groups, `::` anywhere, an IPv4 address at its end. */
export function ipv6Text(random: Random): string {
  const group = (): string => {
    const text = (random.below(3) === 0 ? 0 : random.below(0x10000) >>> random.below(16)).toString(16);
    const padded = random.below(4) === 0 ? text.padStart(1 + random.below(4), "0") : text;
    return random.below(3) === 0 ? padded.toUpperCase() : padded;
  };
  const dotted = random.below(4) === 0;
  const places = dotted ? 6 : 8;
  const tail = dotted ? [ipv4Text(random)] : [];
  if (random.below(3) === 0) return [...random.times(places, group), ...tail].join(":");
  const count = random.below(places);
  const before = random.below(count + 1);
  return `${random.times(before, group).join(":")}::${[...random.times(count - before, group), ...tail].join(":")}`;
}

/** Changes one character, or two, or a few. */
function mutate(random: Random, text: string): string {
  let chars = [...text];
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(chars.length + 1);
    const char = random.pick(random.below(8) === 0 ? STRANGE : ALPHABET);
    const kind = random.below(5);
    if (kind === 0) chars.splice(at, 1);
    else if (kind === 1) chars.splice(at, 0, char);
    else if (kind === 2) chars.splice(at, 1, char);
    else if (kind === 3) chars.splice(at, 0, ...chars.slice(at, at + 1 + random.below(4)));
    else chars = [...chars.slice(at), ...chars.slice(0, at)];
  }
  return chars.join("");
}

/** One text of any sort. */
export function anyText(random: Random): string {
  const address = random.below(2) === 0 ? ipv4Text(random) : ipv6Text(random);
  switch (random.below(10)) {
    case 0:
    case 1:
      return address;
    case 2:
    case 3:
    case 4:
      return mutate(random, address);
    case 5:
      return random.times(random.below(20), () => random.pick(ALPHABET)).join("");
    case 6:
    case 7:
      return random
        .times(1 + random.below(12), () => random.pick(TOKENS))
        .join(random.pick(["", "", ":", "."]));
    case 8:
      return random.pick([
        `${address}%${random.pick(["eth0", "3", "", "0", "a b", "lo%", "a/b", "1"])}`,
        `${random.pick([" ", "\n", "\0", "+"])}${address}`,
        `${address}${random.pick([" ", "\n", "\0", "\0.1", " x", "/24", "%", ".", ":", "::"])}`,
      ]);
    default:
      return random.pick([
        address.replace(/[0-9]/, () => random.pick(STRANGE)),
        address.repeat(1 + random.below(30)),
        random.pick(ALPHABET).repeat(random.below(300)),
        STRANGE.map(() => random.pick(STRANGE)).join(""),
      ]);
  }
}
