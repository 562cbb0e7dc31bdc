/** The band: how long a sender waited for what. */
import type { WaitReason } from "../observe/index.ts";
import type { Track } from "./track.ts";

export interface Stretch {
  readonly reason: WaitReason;
  readonly from: number;
  readonly to: number;
}

/** The stretches between two moments, each from the sample in which its reason is first seen to the next stretch's. */
export function stretchesOf(track: Track, id: string | undefined, from: number, to: number): Stretch[] {
  const stretches: { reason: WaitReason; from: number; to: number }[] = [];
  let open: { reason: WaitReason; from: number; to: number } | undefined;
  for (let index = Math.max(0, track.indexAt(from)); index < track.length; index++) {
    const x = track.x(index);
    if (open !== undefined) open.to = x;
    if (x > to) break;
    const reason = track.waiting(id, index);
    if (reason === open?.reason) continue;
    open = reason === undefined ? undefined : { reason, from: x, to: x };
    if (open !== undefined) stretches.push(open);
  }
  return stretches
    .map((stretch) => ({ ...stretch, from: Math.max(from, stretch.from), to: Math.min(to, stretch.to) }))
    .filter((stretch) => stretch.to >= stretch.from);
}

/** Which share of the time each reason has, the greatest first. */
export function sharesOf(
  stretches: readonly Stretch[],
): { readonly reason: WaitReason; readonly share: number }[] {
  const seconds = new Map<WaitReason, number>();
  for (const { reason, from, to } of stretches) seconds.set(reason, (seconds.get(reason) ?? 0) + to - from);
  const total = [...seconds.values()].reduce((sum, one) => sum + one, 0);
  return [...seconds]
    .map(([reason, one]) => ({ reason, share: total === 0 ? 0 : one / total }))
    .sort((a, b) => b.share - a.share);
}
