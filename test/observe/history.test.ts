/** History: the newest at the full rate, the older the sparser, in bounded memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blankEnd } from "../../src/observe/_draft.ts";
import { type EndSample, History, type Sample } from "../../src/observe/index.ts";
import { random } from "../socket/_helpers.ts";

const end = (id: number): EndSample => blankEnd(`${id}`, `127.0.0.1:${id}`, "127.0.0.1:1");
const ENDS = [1, 2, 3, 4].map(end);

function sampleAt(index: number, ends: readonly EndSample[] = ENDS, ended: readonly number[] = []): Sample {
  const told = ended.map((id) => ({
    id: `${id}`,
    local: "127.0.0.1:9",
    peer: "127.0.0.1:1",
    because: "gone" as const,
  }));
  return { at: 1000 + index * 100, elapsedMs: index * 100, missed: 0, ends, ended: told };
}

const held = ({ samples }: History): number =>
  samples.reduce((sum, { ends, ended }) => sum + 1 + ends.length + ended.length, 0);

test("100 000 samples: hours at 10 a second, in the memory of minutes", () => {
  const maxEnds = 10_000;
  const history = new History({ maxEnds });
  assert.deepEqual([history.latest, history.samples], [undefined, []]);
  const begun = performance.now();
  for (let i = 0; i < 100_000; i++) {
    history.add(sampleAt(i));
    if (i % 977 === 0) assert.ok(held(history) <= maxEnds, `${i}`);
  }
  assert.ok(performance.now() - begun < 10_000);
  const { samples } = history;
  assert.ok(samples.length > maxEnds / 5 / 2, `${samples.length} of at most ${maxEnds / 5}`);
  assert.equal(samples.at(0)?.elapsedMs, 0, "the first is there");
  assert.equal(history.latest?.elapsedMs, 9_999_900, "and so is the last");
  const gaps = samples.slice(1).map(({ elapsedMs }, i) => elapsedMs - (samples[i]?.elapsedMs ?? 0));
  assert.ok(
    gaps.every((gap) => gap > 0),
    "in their order",
  );
  assert.ok(
    gaps.slice(-samples.length / 4).every((gap) => gap === 100),
    "the newest at the full rate",
  );
  const average = (list: readonly number[]): number => list.reduce((sum, gap) => sum + gap, 0) / list.length;
  const quarter = Math.floor(gaps.length / 4);
  const quarters = [0, 1, 2, 3].map((i) => average(gaps.slice(i * quarter, (i + 1) * quarter)));
  for (let i = 1; i < 4; i++)
    assert.ok((quarters[i] as number) <= (quarters[i - 1] as number), quarters.join());
});

for (const every of [1, 2, 3])
  test(`connections that come and go by the thousand, ends in one of ${every} samples: nothing piles up, and who was seen is told`, () => {
    const maxEnds = 5000;
    const history = new History({ maxEnds });
    const pick = random(9);
    let alive: number[] = [];
    let next = 1;
    for (let i = 0; i < 5000; i++) {
      const ended = i % every === 0 ? alive.filter(() => pick(3) === 0) : [];
      alive = alive.filter((id) => !ended.includes(id));
      for (let count = pick(20); count > 0; count--) alive.push(next++);
      history.add(sampleAt(i, alive.map(end), ended));
    }
    assert.ok(held(history) <= maxEnds);
    const { samples } = history;
    assert.ok(samples.length > 30, `${samples.length}`);
    // Who is in a sample is in the next one, or is told to have ended there.
    for (const [index, { ends }] of samples.entries()) {
      const after = samples[index + 1];
      if (after === undefined) break;
      const there = new Set([...after.ends, ...after.ended].map(({ id }) => id));
      for (const { id } of ends) assert.ok(there.has(id), `${id} of sample ${index}`);
      const before = new Set(ends.map(({ id }) => id));
      for (const { id } of after.ended) assert.ok(before.has(id), `${id} was never seen`);
    }
  });

test("samples that are larger than all room: the first and the newest are kept", () => {
  const history = new History({ maxEnds: 10 });
  const large = Array.from({ length: 1000 }, (_, i) => end(i));
  for (let i = 0; i < 10; i++) history.add(sampleAt(i, large));
  assert.deepEqual(
    history.samples.map(({ elapsedMs }) => elapsedMs),
    [0, 900],
  );
  for (let i = 10; i < 30; i++) history.add(sampleAt(i, []));
  assert.equal(history.latest?.elapsedMs, 2900);
  assert.ok(history.samples.length >= 2 && held(history) <= 1001 + 21);
  for (const maxEnds of [0, -1, 1.5, Number.NaN]) assert.throws(() => new History({ maxEnds }), RangeError);
});
