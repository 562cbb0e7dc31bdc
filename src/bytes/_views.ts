/** Live views of structs: for each struct one class, whose getters and setters read and write the bytes. */
import type { FieldType } from "./_field_type.ts";
import { NO_CODE, readPrimitive, writePrimitive } from "./_primitive.ts";
import type { Slot } from "./_slots.ts";

let viewOf: (of: LiveView) => DataView;
let atOf: (of: LiveView) => number;
let whereOf: (of: LiveView) => string;

/** Where a struct lies. Its fields are accessors of the classes that {@link viewClass} makes. */
export class LiveView {
  readonly #view: DataView;
  readonly #at: number;
  /** What an error calls this place. */
  readonly #where: string;

  constructor(view: DataView, at: number, where: string) {
    this.#view = view;
    this.#at = at;
    this.#where = where;
  }

  static {
    viewOf = (of) => of.#view;
    atOf = (of) => of.#at;
    whereOf = (of) => of.#where;
  }
}

/** How Node's console.log and util.inspect ask an object for what to show. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

const sizes = new WeakMap<object, number>();

/**
 * The bytes that a live view of a struct or union lies on, not a copy.
 * @throws {TypeError} for anything else
 */
export function viewBytes(view: object): Uint8Array {
  if (view instanceof LiveView) return bytesOfView(view);
  throw new TypeError("viewBytes: expected a live view of a struct or union");
}

export function bytesOfView(of: LiveView): Uint8Array {
  const view = viewOf(of);
  return new Uint8Array(
    view.buffer,
    view.byteOffset + atOf(of),
    sizes.get(Object.getPrototypeOf(of) as object) ?? 0,
  );
}

/**
 * Replaces a value of several bytes at once: other bytes stay as they are, and all do if the value does not fit.
 */
export function replace(view: DataView, at: number, size: number, write: (scratch: DataView) => void): void {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  new Uint8Array(view.buffer, view.byteOffset + at, size).set(bytes);
}

function accessorOf(slot: Slot): PropertyDescriptor & ThisType<LiveView> {
  const { name, code, little, offset, size, bits } = slot;
  const type = slot.type as FieldType<unknown>;
  const where = (of: LiveView): string => `${whereOf(of)}.${name}`;
  if (code !== NO_CODE) {
    return {
      get() {
        return readPrimitive(code, viewOf(this), atOf(this) + offset, little);
      },
      set(value: unknown) {
        if (writePrimitive(code, viewOf(this), atOf(this) + offset, value, little)) return;
        type.write(viewOf(this), atOf(this) + offset, value, where(this)); // it converts, or says what is wrong
      },
    };
  }
  if (bits) {
    return {
      get() {
        return slot.read(viewOf(this), atOf(this));
      },
      set(value: unknown) {
        slot.write(viewOf(this), atOf(this), value, where(this));
      },
    };
  }
  const { live } = type;
  return {
    get() {
      const at = atOf(this) + offset;
      return live ? live(viewOf(this), at, where(this)) : type.read(viewOf(this), at);
    },
    set(value: unknown) {
      const path = where(this);
      replace(viewOf(this), atOf(this) + offset, size, (scratch) => type.write(scratch, 0, value, path));
    },
  };
}

/** The class of the live views of one struct. */
export function viewClass(
  name: string,
  size: number,
  slots: readonly Slot[],
  read: (view: DataView, at: number) => unknown,
): new (
  view: DataView,
  at: number,
  where: string,
) => LiveView {
  const View = class extends LiveView {
    [INSPECT](): unknown {
      return read(viewOf(this), atOf(this));
    }
  };
  Object.defineProperty(View, "name", { value: name });
  for (const slot of slots) {
    Object.defineProperty(View.prototype, slot.name, {
      ...accessorOf(slot),
      enumerable: true,
      configurable: true,
    });
  }
  sizes.set(View.prototype, size);
  return View;
}
