/** The npm package dns-packet, loaded at the first query, and what is used of it. */
import type { Packet } from "dns-packet";

/** Reads the data of one type of record; `bytes` tells how much the last call has read. */
interface DataDecoder {
  /** @param offset where the two bytes of the data's length stand */
  decode: ((message: Buffer, offset: number) => unknown) & { bytes: number };
}

export interface Codec {
  encode(packet: Packet): Buffer;
  /** The decoder of a type; of an unknown one that of bare bytes. The package exports it, but has no type for it. */
  record(type: string): DataDecoder;
}

let codec: Promise<Codec> | undefined;

/** Not at import: whoever needs no DNS client does not pay for it. */
export function loadCodec(): Promise<Codec> {
  codec ??= import("dns-packet").then((module) => module.default as unknown as Codec);
  return codec;
}
