/** Random C structs as text, with values for them as an object and as C statements, from a seed. */

export interface RandomText {
  readonly name: string;
  /** The declaration; `attribute` stands after each `struct`. */
  declaration(attribute: string): string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Statements that store the values in a struct called `v`. */
  readonly statements: readonly string[];
}

/** A member: its declaration, and a new value with the statements that store it at a place. */
interface Member {
  declare(name: string): string;
  store(place: string): { readonly value: unknown; readonly statements: readonly string[] };
}

const WIDTHS = [8, 16, 32, 64] as const;

/** Makes `count` structs; later ones nest earlier ones, which must be declared before them. */
export function randomTexts(below: (n: number) => number, count: number): RandomText[] {
  const made: Member[] = [];

  const integer = (
    bits: number,
    width: number,
    signed: boolean,
  ): { value: bigint | number; text: string } => {
    let raw = 0n;
    for (let i = 0; i < 8; i++) raw = (raw << 8n) | BigInt(below(256));
    const value = signed ? BigInt.asIntN(width, raw) : BigInt.asUintN(width, raw);
    const text = `0x${BigInt.asUintN(64, value).toString(16)}ULL`;
    return { value: bits === 64 ? value : Number(value), text };
  };

  const scalar = (): Member => {
    const [bits, signed] = [WIDTHS[below(4)] as number, below(2) === 0];
    return {
      declare: (name) => `${signed ? "" : "u"}int${bits}_t ${name}`,
      store(place) {
        const { value, text } = integer(bits, bits, signed);
        return { value, statements: [`${place} = ${text};`] };
      },
    };
  };

  const bitField = (): Member => {
    const [bits, signed] = [WIDTHS[below(4)] as number, below(2) === 0];
    const width = 1 + below(bits);
    return {
      declare: (name) => `${signed ? "" : "u"}int${bits}_t ${name} : ${width}`,
      store(place) {
        const { value, text } = integer(bits, width, signed);
        return { value, statements: [`${place} = ${text};`] };
      },
    };
  };

  const float = (): Member => ({
    declare: (name) => `double ${name}`,
    store(place) {
      const value = (below(2 ** 20) - 2 ** 19) / 64;
      return { value, statements: [`${place} = ${value};`] };
    },
  });

  const arrayOf = (element: Member): Member => {
    const length = 1 + below(3);
    return {
      declare: (name) => element.declare(`${name}[${length}]`),
      store(place) {
        const stored = Array.from({ length }, (_, i) => element.store(`${place}[${i}]`));
        return {
          value: stored.map((one) => one.value),
          statements: stored.flatMap((one) => one.statements),
        };
      },
    };
  };

  const member = (): Member => {
    const kind = below(10);
    if (kind < 3) return scalar();
    if (kind < 6) return bitField();
    if (kind === 6) return float();
    if (kind === 7) return arrayOf(scalar());
    if (kind === 8) return arrayOf(arrayOf(scalar()));
    return made[below(made.length)] ?? scalar();
  };

  return Array.from({ length: count }, (_, index) => {
    const name = `s${index}`;
    const members = Array.from({ length: 1 + below(7) }, (_, i) => [`f${i}`, member()] as const);
    const packed = below(3) === 0 ? "__attribute__((packed)) " : "";
    const body = members.map(([field, one]) => `  ${one.declare(field)};\n`).join("");
    const store: Member["store"] = (place) => {
      const stored = members.map(([field, one]) => [field, one.store(`${place}.${field}`)] as const);
      return {
        value: Object.fromEntries(stored.map(([field, { value }]) => [field, value])),
        statements: stored.flatMap(([, { statements }]) => statements),
      };
    };
    made.push({ declare: (field) => `struct ${name} ${field}`, store });
    const { value, statements } = store("v");
    return {
      name,
      declaration: (attribute) => `struct ${attribute}${packed}${name} {\n${body}};\n`,
      values: value as Record<string, unknown>,
      statements,
    };
  });
}
