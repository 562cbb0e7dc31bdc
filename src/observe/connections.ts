/** Connections from ends: the two ends of one that is within this machine are joined. */
import type { EndSample } from "./end_sample.ts";
import type { Sample } from "./sample.ts";

/** A connection, of which one or both ends are on this machine. */
export interface Connection {
  /** Of its near end: the same in every sample. */
  readonly id: string;
  /** Where both ends are here, the one that has connected, as far as its port tells: it is the higher one. */
  readonly near: EndSample;
  /** The other end, where that is here and is observed too. */
  readonly far?: EndSample | undefined;
}

/** The connections of a sample, in the order of their ends. */
export function connectionsOf({ ends }: Pick<Sample, "ends">): Connection[] {
  const byId = new Map(ends.map((end) => [end.id, end]));
  return ends.flatMap((end): Connection[] => {
    const other = end.pairedWith === undefined ? undefined : byId.get(end.pairedWith);
    if (other === undefined) return [{ id: end.id, near: end }];
    // Each pair stands there twice, and is told once.
    return isNear(end, other) ? [{ id: end.id, near: end, far: other }] : [];
  });
}

function isNear(end: EndSample, other: EndSample): boolean {
  const [port, otherPort] = [portOf(end.local), portOf(other.local)];
  return port === otherPort ? end.id < other.id : port > otherPort;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
