/** A connection over time as the page keeps it: the same numbers, in bounded memory, across servers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { QUANTITIES, type QuantityName, WAIT_REASONS } from "../../src/observe/index.ts";
import { Columns } from "../../src/viewer/columns.ts";
import { Track } from "../../src/viewer/track.ts";
import { Tracks } from "../../src/viewer/tracks.ts";
import { pair, single } from "../cli/_samples.ts";
import { batch, times, trackOf } from "./_batches.ts";

test("every quantity of both ends comes out as it went in, and what is not known stays so", () => {
  const names = Object.keys(QUANTITIES) as QuantityName[];
  const full = (base: number) => Object.fromEntries(names.map((name, index) => [name, base + index]));
  const track = trackOf([
    { ms: 100, sender: full(1), receiver: full(100) },
    { ms: 200, sender: { ...full(1000), rttUs: undefined }, receiver: full(100) },
  ]);
  assert.equal(track.length, 2);
  for (const [index, name] of names.entries()) {
    assert.equal(track.end("11", 0)?.get(name), 1 + index, name);
    assert.equal(track.end("12", 1)?.get(name), 100 + index, name);
    assert.equal(track.end("11", 1)?.get(name), name === "rttUs" ? undefined : 1000 + index, name);
  }
  const { state, waiting, local, peer } = track.end("11", 0) ?? {};
  assert.deepEqual(
    [state, waiting, local, peer],
    ["established", "receiver-window", "127.0.0.1:40000", "127.0.0.1:2000"],
  );
  assert.deepEqual(track.pair, { near: "11", far: "12" });
  assert.deepEqual(
    [track.end("11", 2), track.end("11", -1), track.end("99", 0)],
    [undefined, undefined, undefined],
  );
});

test("every reason, and states that only a later kernel has", () => {
  const track = trackOf(
    WAIT_REASONS.map((waiting, index) => ({ ms: index, sender: { waiting, state: 99 } })),
  );
  assert.deepEqual(
    WAIT_REASONS.map((_, index) => track.end("11", index)?.waiting),
    WAIT_REASONS,
  );
  assert.equal(track.end("11", 0)?.state, "99");
});

test("the sample at a moment is the last one that is not behind it", () => {
  const track = trackOf([100, 200, 350].map((ms) => ({ ms })));
  for (const [x, index] of [
    [0, 0],
    [0.1, 0],
    [0.199, 0],
    [0.2, 1],
    [0.3, 1],
    [9, 2],
  ] as const) {
    assert.equal(track.indexAt(x), index, String(x));
  }
  assert.equal(new Track("1", WAIT_REASONS).indexAt(1), -1);
});

test("when it is full, the older half loses every second moment, again and again", () => {
  const track = trackOf([], 64);
  for (let ms = 1; ms <= 10_000; ms++) {
    track.add(batch([{ ms, sender: { writtenBytes: ms * 10 } }]));
    assert.ok(track.length <= 64);
  }
  const kept = times(track);
  assert.deepEqual(
    kept.slice(-16),
    Array.from({ length: 16 }, (_, index) => (9985 + index) / 1000),
  );
  assert.ok((kept[0] ?? 10) < 0.1, "the beginning is still there");
  assert.deepEqual(
    [...kept].sort((a, b) => a - b),
    kept,
  );
  for (let index = 0; index < track.length; index++) {
    assert.equal(
      track.end("11", index)?.get("writtenBytes"),
      Math.round(track.x(index) * 10_000),
      "moments and numbers belong together",
    );
  }
});

test("a sample that is told twice is kept once, and a whole one replaces what this server told before", () => {
  const track = trackOf([{ ms: 100 }, { ms: 200 }]);
  track.add(batch([{ ms: 200 }, { ms: 300 }]));
  assert.deepEqual(times(track), [0.1, 0.2, 0.3]);
  track.begin("boot", WAIT_REASONS);
  track.add(batch([{ ms: 300, sender: { writtenBytes: 1 } }, { ms: 400 }], true));
  assert.deepEqual(times(track), [0.3, 0.4]);
  assert.equal(track.end("11", 0)?.get("writtenBytes"), 1);
});

test("another server's clock begins anew: its samples follow, as far behind as they were", () => {
  const track = trackOf([
    { ms: 5000, at: 1_000_000 },
    { ms: 6000, at: 1_001_000 },
  ]);
  track.begin("other", WAIT_REASONS);
  track.add(
    batch(
      [
        { ms: 10, at: 1_004_000 },
        { ms: 510, at: 1_004_500 },
      ],
      true,
    ),
  );
  assert.deepEqual(times(track), [5, 6, 9, 9.5]);
  assert.deepEqual([track.elapsedMs(2), track.at(2)], [10, 1_004_000]);
  track.begin("third", WAIT_REASONS);
  track.add(batch([{ ms: 10, at: 5 }], true)); // somebody has set the clock back
  const [last = 0, before = 0] = times(track).reverse();
  assert.ok(last > before);
  track.begin("third", WAIT_REASONS);
  track.add(
    batch(
      [
        { ms: 10, at: 5 },
        { ms: 20, at: 15 },
      ],
      true,
    ),
  );
  assert.equal(track.length, 6, "only what the third had told was replaced");
});

test("when it has gone, one moment says so, and the rest of the samples move nothing", () => {
  const track = trackOf([{ ms: 50, ends: [] }, { ms: 100 }, { ms: 200, ends: [] }, { ms: 300, ends: [] }]);
  assert.deepEqual(times(track), [0.1, 0.2]);
  assert.equal(track.end("11", 1), undefined);
  track.add(batch([{ ms: 400, ends: [] }]));
  assert.equal(track.length, 2);
});

test("an end that is left over is still known as the other end", () => {
  const [, far] = pair();
  assert.ok(far);
  const { pairedWith: _, ...alone } = far;
  const track = trackOf([{ ms: 100 }, { ms: 200, ends: [alone] }]);
  assert.deepEqual([track.pair.far, track.end("11", 1), track.end("12", 1)?.id], ["12", undefined, "12"]);
  const ended = { ...batch([]), ended: [{ id: "11", local: "", peer: "", because: "replaced" as const }] };
  track.add(ended);
  assert.deepEqual([track.endedBecause("11"), track.endedBecause("12")], ["replaced", undefined]);
});

test("samples that came too late, and those that were left out, are counted", () => {
  const track = trackOf([{ ms: 100 }]);
  track.add({ ...batch([{ ms: 200 }, { ms: 300 }]), missed: [3, 1], skipped: 7 });
  assert.deepEqual([track.missed, track.skipped], [4, 7]);
});

test("memory: eight thousand moments of two ends take a few megabytes, and six connections are kept", () => {
  const tracks = new Tracks();
  for (let connection = 1; connection <= 9; connection++) {
    const track = tracks.take(`${connection}`, WAIT_REASONS);
    track.begin("boot", WAIT_REASONS);
    track.add(batch([{ ms: 1, ends: [single("11")] }]));
  }
  const again = tracks.take("9", WAIT_REASONS);
  assert.equal(again.length, 1, "one of the last is kept");
  assert.equal(tracks.take("1", WAIT_REASONS).length, 0, "one of the first is not");
  const names = Object.keys(QUANTITIES);
  const track = trackOf([]);
  const fields = Object.fromEntries(names.map((name) => [name, 1]));
  track.add(batch(Array.from({ length: 9000 }, (_, ms) => ({ ms, sender: fields, receiver: fields }))));
  assert.ok(track.length <= 8192);
  assert.ok(track.sizeBytes < 12e6, `${track.sizeBytes} bytes`);
});

test("columns grow with what they have, and what was cut does not come back", () => {
  const columns = new Columns();
  columns.grow(300);
  columns.set("a", 299, 7);
  columns.set("a", 1, 3);
  columns.grow(2000);
  assert.deepEqual([columns.get("a", 299), columns.get("a", 1), columns.get("a", 1999)], [7, 3, Number.NaN]);
  columns.cut(2);
  columns.grow(300);
  assert.deepEqual(
    [columns.get("a", 299), columns.get("a", 1), columns.get("b", 1), columns.get("a", -1)],
    [Number.NaN, 3, Number.NaN, Number.NaN],
  );
});
