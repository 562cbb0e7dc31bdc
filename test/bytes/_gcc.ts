/** What gcc makes of structs, read out of an object file: nothing is run, so a cross compiler will do. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = ["-std=gnu11", "-O0", "-w", "-Wno-packed-bitfield-compat"];

/** A compiler by the prefix of its programs: `aarch64-linux-gnu-`, or none. */
export class Gcc {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The reason to skip a test, or false. */
  get missing(): string | false {
    for (const program of ["gcc", "objcopy"]) {
      if (spawnSync(`${this.#prefix}${program}`, ["--version"]).status !== 0)
        return `${this.#prefix}${program} is not installed`;
    }
    return false;
  }

  /** Whether it takes the text without an error. */
  takes(text: string): boolean {
    const done = spawnSync(`${this.#prefix}gcc`, [...FLAGS, "-fsyntax-only", "-x", "c", "-"], {
      input: text,
    });
    return done.status === 0;
  }

  /**
   * Compiles C text, and gives the objects that it defines with the macro `SHOWN`, one after the other.
   * @param sizes in bytes, of each object
   */
  objects(text: string, sizes: readonly number[]): Uint8Array[] {
    const folder = mkdtempSync(join(tmpdir(), "gcc-"));
    try {
      const [source, object, binary] = ["a.c", "a.o", "a.bin"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(
        source,
        `#define SHOWN __attribute__((section(".shown"), aligned(64), used)) const\n${text}`,
      );
      const flags = [...FLAGS, "-c", "-ffreestanding", "-fno-toplevel-reorder"];
      execFileSync(`${this.#prefix}gcc`, [...flags, "-o", object, source], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      execFileSync(`${this.#prefix}objcopy`, ["-O", "binary", "--only-section=.shown", object, binary]);
      const all = new Uint8Array(readFileSync(binary));
      let at = 0;
      return sizes.map((size) => {
        at = Math.ceil(at / 64) * 64;
        const one = all.subarray(at, at + size);
        at += size;
        return one;
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

export const PRELUDE = `
#include <stddef.h>
#include <stdint.h>
typedef uint16_t __be16, __le16;
typedef uint32_t __be32, __le32;
typedef uint64_t __be64, __le64;
`;
