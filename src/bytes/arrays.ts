/** `element[length]` of C: as a JavaScript array, or as a live view of the elements. */
import { checkNumber, unfit } from "./_check.ts";
import type { FieldType, LiveOf } from "./_field_type.ts";
import { replace } from "./_views.ts";

/** `element[length]` of C, as a JavaScript array. */
export interface ArrayType<Value, Input = Value, Live = Value>
  extends FieldType<readonly Value[], readonly Input[]> {
  readonly element: FieldType<Value, Input>;
  readonly length: number;
  /** The array with the order of its numbers fixed; it is missing where the elements have no order. */
  ordered(littleEndian: boolean): ArrayType<Value, Input, Live>;
  live(view: DataView, at: number, where: string): ArrayView<Value, Input, Live>;
}

/** What lies under a view, for one that is to be copied. */
interface Source {
  readonly type: { readonly element: object; readonly length: number; readonly size: number };
  readonly view: DataView;
  readonly at: number;
}

let sourceOf: (of: ArrayView<unknown, never, unknown>) => Source;

/** The elements of an array in a live view of a struct: each is read, or written, when it is asked for. */
export class ArrayView<Value, Input = Value, Live = Value> implements Iterable<Live> {
  readonly #type: ArrayType<Value, Input, Live>;
  readonly #view: DataView;
  readonly #at: number;
  readonly #where: string;

  /** Struct views make it. */
  constructor(type: ArrayType<Value, Input, Live>, view: DataView, at: number, where: string) {
    this.#type = type;
    this.#view = view;
    this.#at = at;
    this.#where = where;
  }

  static {
    sourceOf = (of) => ({ type: of.#type, view: of.#view, at: of.#at });
  }

  get length(): number {
    return this.#type.length;
  }

  #place(index: number): number {
    const { length, element } = this.#type;
    if (Number.isInteger(index) && index >= 0 && index < length) return this.#at + index * element.size;
    const expected = length === 0 ? "no index, since it is empty" : `an index 0 … ${length - 1}`;
    throw unfit(this.#where, expected, index, typeof index !== "number");
  }

  /**
   * The element at `index`: a view if it is a struct, a union or an array, a Uint8Array on the same memory if it is bytes.
   * @throws {TypeError | RangeError} unless `index` is an integer 0 … `length - 1`
   */
  at(index: number): Live {
    const { element } = this.#type;
    const at = this.#place(index);
    return (
      element.live ? element.live(this.#view, at, `${this.#where}[${index}]`) : element.read(this.#view, at)
    ) as Live;
  }

  /**
   * Replaces the element at `index`, whole.
   * @throws {TypeError | RangeError} for another index, or a value that does not fit: then nothing is written
   */
  set(index: number, value: Input | Live): void {
    const { element } = this.#type;
    const at = this.#place(index);
    const where = `${this.#where}[${index}]`;
    replace(this.#view, at, element.size, (scratch) => element.write(scratch, 0, value as Input, where));
  }

  /**
   * Replaces all elements.
   * @throws {TypeError | RangeError} unless there are `length` values that fit: else nothing is written
   */
  assign(values: readonly Input[] | ArrayView<Value, Input, Live>): void {
    const type = this.#type;
    replace(this.#view, this.#at, type.size, (scratch) =>
      type.write(scratch, 0, values as readonly Input[], this.#where),
    );
  }

  /** The values, as decoding the struct gives them. */
  toArray(): readonly Value[] {
    return this.#type.read(this.#view, this.#at);
  }

  *[Symbol.iterator](): Generator<Live, void, undefined> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return this.toArray();
  }
}

/** C writes the outer length first: three of `u8[2]` are `u8[3][2]`. */
function arrayName(element: string, length: number): string {
  const at = element.indexOf("[");
  return at < 0 ? `${element}[${length}]` : `${element.slice(0, at)}[${length}]${element.slice(at)}`;
}

/**
 * `element[length]`: a new array of exactly `length` values, and of exactly as many to be written.
 * @param length from 0, which is C's flexible array member: it aligns and takes no room
 * @throws {TypeError | RangeError} if `length` is not an integer from 0
 */
export function array<Value, Input, Type extends FieldType<Value, Input> = FieldType<Value, Input>>(
  element: FieldType<Value, Input> & Type,
  length: number,
): ArrayType<Value, Input, LiveOf<Type>> {
  checkNumber("array: length", length, 0, Number.MAX_SAFE_INTEGER);
  const stride = element.size;
  const { ordered } = element;
  const type: ArrayType<Value, Input, LiveOf<Type>> = Object.freeze<ArrayType<Value, Input, LiveOf<Type>>>({
    name: arrayName(element.name, length),
    size: stride * length,
    align: element.align,
    element,
    length,
    read(view, at) {
      const values: Value[] = [];
      for (let i = 0; i < length; i++) values.push(element.read(view, at + i * stride));
      return values;
    },
    write(view, at, given: unknown, where) {
      let values = given;
      if (given instanceof ArrayView) {
        const from = sourceOf(given);
        if (from.type.element === element && from.type.length === length) {
          const bytes = new Uint8Array(from.view.buffer, from.view.byteOffset + from.at, stride * length);
          new Uint8Array(view.buffer, view.byteOffset + at, bytes.length).set(bytes);
          return;
        }
        values = given.toArray();
      }
      if (!Array.isArray(values) || values.length !== length) {
        throw unfit(where, `an array of ${length}`, values, !Array.isArray(values));
      }
      for (let i = 0; i < length; i++) {
        element.write(view, at + i * stride, values[i] as Input, `${where}[${i}]`);
      }
    },
    live: (view, at, where) => new ArrayView<Value, Input, LiveOf<Type>>(type, view, at, where),
    ...(ordered && {
      ordered: (littleEndian: boolean) => array<Value, Input>(ordered(littleEndian), length),
    }),
  } as ArrayType<Value, Input, LiveOf<Type>>);
  return type;
}
