/** The order in which the addresses of a host are tried. */

/**
 * RFC 8305 §4: the families take turns, beginning with that of the first entry; the order within each, which is that
 * of RFC 6724, stays.
 */
export function interleaveFamilies<T extends { readonly family: unknown }>(entries: readonly T[]): T[] {
  const first = entries[0]?.family;
  const queues = [
    entries.filter((entry) => entry.family === first),
    entries.filter((entry) => entry.family !== first),
  ];
  const longest = Math.max(...queues.map((queue) => queue.length));
  return Array.from({ length: longest }, (_, i) => queues.flatMap((queue) => queue[i] ?? [])).flat();
}
