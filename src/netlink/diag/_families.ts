/** What the families that are not IP have in common: headers, requests, and an error that names what the kernel lacks. */
import { WireError } from "../../bytes/index.ts";
import { errno, type SkMemInfo, sk_meminfo } from "../../sys/index.ts";
import type { Words } from "../_words.ts";
import { type AttributeType, structure } from "../attribute_types.ts";
import { get32 } from "../attributes.ts";
import type { Message } from "../message.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { DumpOptions, NetlinkRequest, NetlinkSocket } from "../netlink_socket.ts";

/** A part of the kernel that tells of the sockets of a family. */
export interface DiagModule {
  /** As lsmod(8) has it. */
  readonly name: string;
  readonly config: string;
}

/** *_DIAG_MEMINFO */
export const memory: AttributeType<SkMemInfo> = structure(sk_meminfo);

/** Of an attribute that the kernel only ever sends. */
export function readOnly(_value: unknown, where: string): never {
  throw new TypeError(`${where}: only the kernel sends this`);
}

/** A struct of 32-bit fields, that may have more at its end in a later kernel. */
export function words32<const Name extends string>(
  ...names: Name[]
): AttributeType<{ readonly [N in Name]: number }> {
  return {
    decode(bytes, start, end) {
      if (end - start < 4 * names.length) return undefined;
      const values = {} as Record<Name, number>;
      for (const [index, name] of names.entries()) values[name] = get32(bytes, start + 4 * index);
      return values;
    },
    encode: readOnly,
  };
}

/** Checks that a message is of a family, and has its header. @throws {WireError} `TRUNCATED`, `BAD_VALUE` */
export function checkHeader(
  name: string,
  family: number,
  length: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (end - start < length) {
    throw new WireError(
      "TRUNCATED",
      name,
      end,
      `expected a ${name}_msg of ${length} bytes, got ${end - start}`,
    );
  }
  if (bytes[start] !== family) {
    throw new WireError("BAD_VALUE", name, start, `expected family ${family}, got ${bytes[start]}`);
  }
}

/** A socket's cookie, which no other has as long as the kernel runs. */
export function cookieAt(bytes: Uint8Array, at: number): bigint {
  return BigInt(get32(bytes, at)) | (BigInt(get32(bytes, at + 4)) << 32n);
}

/** The bits of a request for the attributes that are wanted. @throws {TypeError} */
export function wantedBits<W extends string>(
  rows: Readonly<Record<W, number>>,
  wanted: readonly W[] | undefined,
): number {
  if (wanted !== undefined && !Array.isArray(wanted)) {
    throw new TypeError(`with: expected an array, got ${String(wanted)}`);
  }
  let bits = 0;
  const names: readonly W[] = wanted ?? (Object.keys(rows) as W[]);
  for (const name of names) {
    if (!Object.hasOwn(rows, name)) {
      throw new TypeError(`with: expected ${Object.keys(rows).join(", ")}, got ${String(name)}`);
    }
    bits |= rows[name];
  }
  return bits;
}

/** The numbers of types; `undefined` for all. @throws {TypeError | RangeError} */
export function wantedTypes<W extends string>(
  types: Words<W>,
  wanted: readonly W[] | undefined,
): number[] | undefined {
  if (wanted !== undefined && !Array.isArray(wanted)) {
    throw new TypeError(`types: expected an array, got ${String(wanted)}`);
  }
  return wanted?.map((type) => types.number(type, "types"));
}

/** Asks for the sockets of a family. @throws {NetlinkError} `ENOENT` where the kernel lacks the module */
export async function dumpFamily<T>(
  socket: NetlinkSocket,
  request: NetlinkRequest,
  take: (message: Message) => T | undefined,
  options: DumpOptions,
  module: DiagModule,
): Promise<T[]> {
  try {
    return await socket.dump(request, take, options);
  } catch (error) {
    throw lacking(error, module) ?? error;
  }
}

/** The error of a kernel that does not know the family: ENOENT, and EINVAL before Linux 3.3. */
function lacking(error: unknown, { name, config }: DiagModule): NetlinkError | undefined {
  if (!(error instanceof NetlinkError) || (error.errno !== errno.ENOENT && error.errno !== errno.EINVAL)) {
    return undefined;
  }
  const hint = `this kernel has no module ${name} (${config}), or may not load it`;
  return new NetlinkError(error.errno, error.syscall, error.extendedAck, hint, error.address);
}
