/** Numbers over time, one array for each thing that is measured; what is not known is NaN. */

const FIRST_CAPACITY = 256;

export class Columns {
  readonly #columns = new Map<string, Float64Array>();
  #capacity = FIRST_CAPACITY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Makes room for so many, all of them unknown where they are new. */
  grow(length: number): void {
    if (length > this.#capacity) {
      while (this.#capacity < length) this.#capacity *= 2;
      for (const [name, values] of this.#columns) {
        const larger = new Float64Array(this.#capacity).fill(Number.NaN);
        larger.set(values.subarray(0, this.#length));
        this.#columns.set(name, larger);
      }
    }
    this.#length = length;
  }

  set(name: string, index: number, value: number): void {
    this.column(name)[index] = value;
  }

  /** To be written to as long as it does not grow. */
  column(name: string): Float64Array {
    let values = this.#columns.get(name);
    if (values === undefined) {
      values = new Float64Array(this.#capacity).fill(Number.NaN);
      this.#columns.set(name, values);
    }
    return values;
  }

  get(name: string, index: number): number {
    return index >= 0 && index < this.#length ? (this.#columns.get(name)?.[index] ?? Number.NaN) : Number.NaN;
  }

  /** Forgets what comes behind so many. */
  cut(length: number): void {
    for (const values of this.#columns.values()) values.fill(Number.NaN, length, this.#length);
    this.#length = Math.min(length, this.#length);
  }

  /** Keeps those at these places, which are in their order. */
  keep(places: Uint32Array): void {
    for (const values of this.#columns.values()) {
      for (let to = 0; to < places.length; to++) values[to] = values[places[to] as number] as number;
      values.fill(Number.NaN, places.length, this.#length);
    }
    this.#length = places.length;
  }

  /** How much memory the arrays take. */
  get sizeBytes(): number {
    return this.#columns.size * this.#capacity * Float64Array.BYTES_PER_ELEMENT;
  }
}
