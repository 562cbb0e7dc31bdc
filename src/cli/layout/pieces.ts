/** A struct taken apart: one piece for each scalar, bit field and run of padding, however deeply structs and arrays nest. */
import type { AnyFieldType, ArrayType, StructField } from "../../bytes/index.ts";
import { bitsOf, choicesOf, roundDown, roundUp, sharedPlaces } from "./places.ts";

/** Any struct or union, where only its layout matters. */
export interface AnyStruct extends AnyFieldType {
  readonly kind: "struct" | "union";
  readonly packed: boolean | number;
  readonly fields: readonly StructField[];
  readonly padding: readonly { readonly offset: number; readonly size: number }[];
}

/** What lies in a run of bits that are the same thing. Bits count from the start of the outermost struct. */
export interface Piece {
  readonly kind: "field" | "union" | "padding";
  /** `p.x`, `a[0]`; empty for padding. */
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Which member of the outermost struct it is of, from 0. -1: padding between them. */
  readonly member: number;
  /** Whether it is a bit field, or bits that none uses. */
  readonly bits: boolean;
  /** A bit field of a struct that is big-endian everywhere: its bits count from the high end of a byte. */
  readonly highestFirst?: true;
}

/** Bytes that are not drawn; whole rows. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

/** A place that several things share: a union on the way. They are drawn by themselves. */
export interface UnionAt {
  /** Empty if it has no name. */
  readonly label: string;
  /** What the names of its members are joined to. */
  readonly path: string;
  /** In bytes. */
  readonly at: number;
  readonly size: number;
  /** What can be there; fields of one choice lie beside each other. `at` is added to their offsets. */
  readonly choices: readonly (readonly StructField[])[];
  readonly start: number;
  readonly member: number;
}

export interface Pieces {
  /** In order, without holes and without overlaps, except where `gaps` are. */
  readonly pieces: readonly Piece[];
  /** In order. Pieces may reach into a gap. */
  readonly gaps: readonly Gap[];
  readonly unions: readonly UnionAt[];
  /** Members without a size, such as C's flexible arrays. */
  readonly empty: readonly { readonly label: string; readonly at: number }[];
}

/** Bytes in a row of a figure. */
export const ROW = 4;
/** A longer run of one thing is cut in its middle. */
const LONG = 64;
/** What is shown of a long run at least, before and after the cut. */
const HEAD = 16;
const TAIL = 8;

export const isStruct = (type: AnyFieldType): type is AnyStruct => "fields" in type;
export const isArray = (type: AnyFieldType): type is ArrayType<unknown, never> => "element" in type;

/** Joins a member's name to the path of what it is in. An anonymous member has no name of its own. */
export function join(path: string, name: string): string {
  if (path === "" || name === "") return path || name;
  return `${path}.${name}`;
}

/** What an array's elements are in the end, however many dimensions it has. */
export function innermost(type: AnyFieldType): AnyFieldType {
  return isArray(type) ? innermost(type.element as AnyFieldType) : type;
}

class Collector {
  readonly pieces: Piece[] = [];
  readonly gaps: Gap[] = [];
  readonly unions: UnionAt[] = [];
  readonly empty: { label: string; at: number }[] = [];

  /** Leaves out the middle of a long run. What `about` says goes with the rows that are left out. */
  cut(from: number, to: number, head: number, tail: number, about: (gap: Gap) => string): Gap | undefined {
    if (to - from <= LONG) return undefined;
    const cut = { from: roundUp(from + head, ROW), to: roundDown(to - tail, ROW), label: "" };
    if (cut.to - cut.from < 3 * ROW) return undefined;
    const gap = { ...cut, label: about(cut) };
    this.gaps.push(gap);
    return gap;
  }

  visit(type: AnyFieldType, at: number, label: string, member: number): void {
    if (type.size === 0) {
      this.empty.push({ label, at });
    } else if (isStruct(type) && type.kind === "union") {
      this.union({
        label,
        path: label,
        at,
        size: type.size,
        start: at,
        member,
        choices: choicesOf(type.fields),
      });
    } else if (isStruct(type)) {
      this.struct(type, at, label, member);
    } else if (isArray(type)) {
      this.array(type, at, label, member);
    } else {
      this.leaf("field", label, at, type.size, member);
    }
  }

  leaf(kind: "field" | "union", label: string, at: number, size: number, member: number): void {
    this.pieces.push({ kind, label, from: at * 8, to: (at + size) * 8, member, bits: false });
    this.cut(at, at + size, HEAD, TAIL, () => label || kind);
  }

  union(union: UnionAt): void {
    if (union.choices.length === 0) return;
    this.unions.push(union);
    this.leaf("union", union.label, union.at, union.size, union.member);
  }

  field(field: StructField, at: number, path: string, member: number): void {
    const label = join(path, field.name);
    if (!field.bits) {
      this.visit(field.type, at + field.offset, label, member);
      return;
    }
    const { from, to } = bitsOf(field);
    const highest = field.bits.highestFirst ? ({ highestFirst: true } as const) : {};
    this.pieces.push({
      kind: "field",
      label,
      from: at * 8 + from,
      to: at * 8 + to,
      member,
      bits: true,
      ...highest,
    });
  }

  struct(type: AnyStruct, at: number, path: string, member?: number): void {
    const places = sharedPlaces(type.fields);
    const inPlaces = new Map(places.flatMap((place) => place.fields.map((field) => [field, place])));
    for (const [index, field] of type.fields.entries()) {
      const place = inPlaces.get(field);
      const of = member ?? index;
      if (!place) this.field(field, at, path, of);
      else if (place.fields[0] === field) {
        this.union({
          label: "",
          path,
          at: at + place.from / 8,
          size: (place.to - place.from) / 8,
          start: at,
          member: of,
          choices: choicesOf(place.fields),
        });
      }
    }
    // Overlapping fields stand in another order in the definition than in memory.
    if (places.length > 0) this.pieces.sort((a, b) => a.from - b.from);
  }

  array(type: ArrayType<unknown, never>, at: number, label: string, member: number, hidden?: Gap): void {
    const element = type.element as AnyFieldType;
    const stride = element.size;
    let gap = hidden;
    if (gap === undefined) {
      const least = innermost(element).size;
      gap = this.cut(at, at + type.size, Math.max(HEAD, least), Math.max(TAIL, least), (cut) => {
        const first = Math.floor((cut.from - at) / stride);
        const last = Math.ceil((cut.to - at) / stride) - 1;
        return first === last ? `${label}[${first}]` : `${label}[${first}] … ${label}[${last}]`;
      });
    }
    const firstHidden = gap ? Math.max(0, Math.ceil((gap.from - at) / stride)) : type.length;
    const afterHidden = gap ? Math.max(firstHidden, Math.floor((gap.to - at) / stride)) : type.length;
    for (let i = 0; i < type.length; i++) {
      if (i === firstHidden) i = afterHidden;
      if (i >= type.length) return;
      const place = at + i * stride;
      const name = `${label}[${i}]`;
      if (isArray(element)) this.array(element, place, name, member, gap ?? NONE);
      else this.visit(element, place, name, member);
    }
  }

  /** Puts padding wherever nothing lies between the bits `from` and `to`. */
  filled(from: number, to: number): Pieces {
    const things = [
      ...this.pieces,
      ...this.gaps.map((gap) => ({ from: gap.from * 8, to: gap.to * 8, member: -1, gap: true })),
    ].sort((a, b) => a.from - b.from || a.to - b.to);
    const all: Piece[] = [];
    let end = from;
    let before = -1;
    for (const thing of [...things, { from: to, to, member: -1, gap: true }]) {
      if (thing.from > end) {
        // Padding within a member is that member's; the member on both sides tells.
        const member = before === thing.member ? before : -1;
        const bits = end % 8 !== 0 || thing.from % 8 !== 0;
        all.push({ kind: "padding", label: "", from: end, to: thing.from, member, bits });
        if (!bits) this.cut(end / 8, thing.from / 8, HEAD, TAIL, () => "padding");
      }
      end = Math.max(end, thing.to);
      before = thing.member;
      if (!("gap" in thing)) all.push(thing);
    }
    this.gaps.sort((a, b) => a.from - b.from);
    const { gaps, unions, empty } = this;
    return { pieces: all, gaps, unions, empty };
  }
}

/** For arrays within an array that is drawn whole: nothing of them is hidden. */
const NONE: Gap = { from: Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER, label: "" };

/** The pieces of a struct. */
export function piecesOfStruct(type: AnyStruct): Pieces {
  const collector = new Collector();
  collector.struct(type, 0, "");
  return collector.filled(0, type.size * 8);
}

/** The pieces of what can be in a shared place: what it does not use is padding. */
export function piecesOfChoice(union: UnionAt, fields: readonly StructField[]): Pieces {
  const collector = new Collector();
  for (const field of fields) collector.field(field, union.start, union.path, union.member);
  return collector.filled(union.at * 8, (union.at + union.size) * 8);
}

/** The pieces of a union by itself: it is one shared place. */
export function unionItself(type: AnyStruct): UnionAt {
  return {
    label: "",
    path: "",
    at: 0,
    size: type.size,
    start: 0,
    member: 0,
    choices: choicesOf(type.fields),
  };
}
