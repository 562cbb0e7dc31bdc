/** A file of the system that is read again when it has changed. */
import { readFileSync, statSync } from "node:fs";

/** What a file says, read when it is asked for, and again only once the file is another. */
export class WatchedFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #seen: string | undefined;
  #value: T | undefined;

  /** @param parse is given an empty text where there is no file, or none that can be read */
  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
  }

  get value(): T {
    const stamp = this.#stamp();
    if (this.#value === undefined || stamp !== this.#seen) {
      this.#value = this.#parse(this.#read());
      this.#seen = stamp;
    }
    return this.#value;
  }

  #stamp(): string {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = statSync(this.#path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
    } catch {
      return "";
    }
  }

  #read(): string {
    try {
      return readFileSync(this.#path, "utf8");
    } catch {
      return "";
    }
  }
}
