/** A decoded packet as JSON: its headers, what is to be said of their checksums, and what was not decoded. */
import { fieldsToJson, type Layer, type Packet } from "../wire/index.ts";

/** What becomes of a checksum, as a sentence. */
export const CHECKSUM_SAYS = {
  right: "right",
  wrong: "wrong",
  absent: "the sender made none",
  unknown: "not to be judged: not all that it covers is here",
} as const;

export type ChecksumState = keyof typeof CHECKSUM_SAYS;

/** The headers, outermost first, and behind them what has no header: "windsock encode" takes it back. */
export function packetJson(packet: Packet): object[] {
  const states = new Map(packet.checksums().map(({ layer, state }) => [layer, state]));
  const last = packet.layers.at(-1);
  const { error } = packet;
  return [
    ...packet.layers.map((layer) => layerJson(layer, states.get(layer), layer === last)),
    ...(last === undefined ? [{ payload: fieldsToJson(packet.payload) }] : []),
    ...(packet.trailer.length > 0 ? [{ trailer: fieldsToJson(packet.trailer) }] : []),
    ...(error ? [{ error: { code: error.code, protocol: error.protocol, offset: error.offset } }] : []),
  ];
}

/** What carries another header is told by that one, and so has no payload here. */
export function layerJson(layer: Layer, state: ChecksumState | undefined, innermost: boolean): object {
  const fields = layer.toObject() as unknown as Record<string, unknown>;
  const { payload: _, ...others } = fields;
  const shown = fieldsToJson(innermost ? fields : others);
  return { [layer.protocol]: shown, ...(state && { checksum: state }) };
}
