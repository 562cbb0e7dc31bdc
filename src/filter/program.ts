/** A program of classic BPF: checked once, then run, printed, or handed to the kernel as bytes. */
import { nativeEndian } from "../bytes/index.ts";
import { type Decoded, decode, execute } from "./_interpreter.ts";
import type { PacketMetadata } from "./_metadata.ts";
import { FilterError, show } from "./filter_error.ts";
import { checkInstructions, type FilterInstruction, instructionText } from "./instructions.ts";
import { BPF_MAXINSNS } from "./opcodes.ts";

/** `sizeof (struct sock_filter)` */
const INSTRUCTION_BYTES = 8;
const LITTLE = nativeEndian === "little";

/** A filter that the kernel accepts: immutable, and safe to run on any bytes. */
export class FilterProgram {
  /** What it does, one `struct sock_filter` after the other. */
  readonly instructions: readonly FilterInstruction[];
  readonly #decoded: Decoded;

  private constructor(instructions: readonly FilterInstruction[]) {
    this.instructions = Object.freeze(instructions.map((one) => Object.freeze({ ...one })));
    this.#decoded = decode(this.instructions);
  }

  /**
   * A program of these instructions.
   * @throws {FilterError} for what the kernel would not take: see {@link checkInstructions}
   */
  static of(instructions: readonly FilterInstruction[]): FilterProgram {
    if (!Array.isArray(instructions)) {
      throw new TypeError(`instructions must be an array, got ${show(instructions)}`);
    }
    const read = Array.from(instructions as readonly FilterInstruction[], (one, index) => {
      if (typeof one !== "object" || one === null) {
        throw new FilterError(`instruction ${index} must be an object, got ${show(one)}`, {
          position: index,
        });
      }
      const { code, jt, jf, k } = one;
      return { code, jt, jf, k };
    });
    checkInstructions(read);
    return new FilterProgram(read);
  }

  /**
   * Reads `struct sock_filter[]` in this machine's byte order, what {@link toBytes} writes.
   * @throws {FilterError}
   */
  static fromBytes(bytes: Uint8Array): FilterProgram {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`bytes must be a Uint8Array, got ${show(bytes)}`);
    const { length } = bytes;
    if (length % INSTRUCTION_BYTES !== 0) {
      throw new FilterError(`a program is a multiple of ${INSTRUCTION_BYTES} bytes long, got ${length}`);
    }
    if (length > BPF_MAXINSNS * INSTRUCTION_BYTES) {
      throw new FilterError(`a filter program has at most ${BPF_MAXINSNS} instructions, got ${length / 8}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const instructions: FilterInstruction[] = [];
    for (let at = 0; at < length; at += INSTRUCTION_BYTES) {
      instructions.push({
        code: view.getUint16(at, LITTLE),
        jt: view.getUint8(at + 2),
        jf: view.getUint8(at + 3),
        k: view.getUint32(at + 4, LITTLE),
      });
    }
    return FilterProgram.of(instructions);
  }

  /**
   * Reads what `tcpdump -ddd` and `bpf_asm` print: the number of instructions, then four decimal numbers for each,
   * `code jt jf k`, on lines or between commas.
   * @throws {FilterError}
   */
  static parseDecimal(text: string): FilterProgram {
    if (typeof text !== "string") throw new TypeError(`text must be a string, got ${show(text)}`);
    const numbers: number[] = [];
    for (const { 0: part, index } of text.matchAll(/[^\s,]+/g)) {
      if (!/^[0-9]{1,10}$/.test(part)) {
        throw new FilterError(`${show(part)} is not a decimal number`, {
          input: text,
          position: index,
          length: part.length,
        });
      }
      numbers.push(Number(part));
      if (numbers.length > 4 * BPF_MAXINSNS + 1) break;
    }
    const count = numbers[0] ?? 0;
    if (numbers.length - 1 !== 4 * count) {
      throw new FilterError(
        `the first number tells of ${count} instructions, which are ${4 * count} numbers; ${Math.max(0, numbers.length - 1)} follow`,
      );
    }
    const at = (index: number): number => numbers[index] as number;
    return FilterProgram.of(
      Array.from({ length: count }, (_, i) => {
        return { code: at(4 * i + 1), jt: at(4 * i + 2), jf: at(4 * i + 3), k: at(4 * i + 4) };
      }),
    );
  }

  /** How many instructions it has, 1 to 4096. */
  get length(): number {
    return this.instructions.length;
  }

  /** `struct sock_filter[]` in this machine's byte order: what `struct sock_fprog` of SO_ATTACH_FILTER points to. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    this.instructions.forEach(({ code, jt, jf, k }, index) => {
      const at = index * INSTRUCTION_BYTES;
      view.setUint16(at, code, LITTLE);
      view.setUint8(at + 2, jt);
      view.setUint8(at + 3, jf);
      view.setUint32(at + 4, k, LITTLE);
    });
    return bytes;
  }

  /**
   * Runs it on one packet, as the kernel would.
   * @param packet the bytes that were captured, from the header that the filter was compiled for
   * @param wireLength how long the packet was on the wire, which is what `len` means; the captured length where left out
   * @param metadata what ancillary loads read; a load of what is not given rejects the packet
   * @returns how many bytes to keep (which may be more than there are), 0 for a packet that is not wanted
   */
  run(packet: Uint8Array, wireLength: number = packet.length, metadata?: PacketMetadata): number {
    if (!(packet instanceof Uint8Array)) {
      throw new TypeError(`packet must be a Uint8Array, got ${show(packet)}`);
    }
    return execute(this.#decoded, packet, wireLength, metadata);
  }

  /** The program as `tcpdump -d` prints it, one instruction a line. */
  toString(): string {
    return this.instructions.map(instructionText).join("\n");
  }

  /** The program as `tcpdump -ddd` prints it. */
  toDecimal(): string {
    const lines = this.instructions.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`);
    return [this.length, ...lines].join("\n");
  }
}
