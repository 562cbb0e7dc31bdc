/** What the page makes of the numbers: directions, rates, buffers, stretches of waiting, lines, rows, ranges, texts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { WebTable } from "../../src/cli/web/table.ts";
import { WAIT_REASONS } from "../../src/observe/index.ts";
import { tickText } from "../../src/viewer/axis.ts";
import { allowanceOf, receiveBufferOf, sendBufferOf } from "../../src/viewer/buffers.ts";
import { flowAt, grownAt, isOutwards, rateAt } from "../../src/viewer/flow.ts";
import {
  bytesText,
  clockText,
  countText,
  microsText,
  millisText,
  plural,
  rateText,
} from "../../src/viewer/format.ts";
import { linesOf, PLOTS, SEQUENCE } from "../../src/viewer/plot_lines.ts";
import { lookOf, REASON_LOOKS } from "../../src/viewer/reasons.ts";
import { Rows, SORTS } from "../../src/viewer/rows.ts";
import { sharesOf, stretchesOf } from "../../src/viewer/stretches.ts";
import { Viewport } from "../../src/viewer/viewport.ts";
import { sampleOf, single } from "../cli/_samples.ts";
import { trackOf } from "./_batches.ts";

test("texts: numbers with their units", () => {
  const rows: readonly (readonly [string, string])[] = [
    [bytesText(undefined), "–"],
    [bytesText(Number.NaN), "–"],
    [bytesText(0), "0 B"],
    [bytesText(999), "999 B"],
    [bytesText(1000), "0.98 KiB"],
    [bytesText(65_536), "64.0 KiB"],
    [bytesText(-2048), "-2.00 KiB"],
    [bytesText(2 ** 52), "4.00 PiB"],
    [rateText(undefined), "–"],
    [rateText(1536), "1.50 KiB/s"],
    [microsText(40), "40 µs"],
    [microsText(1250), "1.25 ms"],
    [microsText(3e6), "3.0 s"],
    [millisText(120_000), "2 min"],
    [countText(12_345), "12,345"],
    [plural(1, "segment"), "1 segment"],
    [plural(0, "segment"), "0 segments"],
    [clockText(0), "0:00"],
    [clockText(62.46, 1), "1:02.5"],
    [clockText(59.96, 1), "1:00.0"],
    [clockText(3602), "1:00:02"],
    [clockText(-14), "−0:14"],
    [tickText("bytes", 65_536), "64 KiB"],
    [tickText("bytes", 1536), "1.5 KiB"],
    [tickText("µs", 2000), "2 ms"],
    [tickText("segments", 0), "0"],
  ];
  for (const [text, wanted] of rows) assert.equal(text, wanted);
});

test("the direction that has carried more, and the other one", () => {
  const track = trackOf([{ ms: 1, sender: { writtenBytes: 10 }, receiver: { writtenBytes: 20 } }]);
  assert.equal(isOutwards(track, 0), false);
  const flow = flowAt(track, 0, false);
  assert.deepEqual(
    [flow.from, flow.to, flow.sender?.id, flow.receiver?.id],
    ["127.0.0.1:2000", "127.0.0.1:40000", "12", "11"],
  );
  const alone = trackOf([{ ms: 1, ends: [single("11", { writtenBytes: 5, receivedBytes: 90 })] }]);
  assert.equal(isOutwards(alone, 0), false, "what it received tells where the other end is not here");
  const inwards = flowAt(alone, 0, false);
  assert.deepEqual([inwards.sender, inwards.receiver?.id], [undefined, "11"]);
  assert.equal(isOutwards(trackOf([]), -1), true);
  const ended = trackOf([
    { ms: 1, sender: { writtenBytes: 10 }, receiver: { writtenBytes: 20 } },
    { ms: 2, ends: [] },
  ]);
  assert.equal(isOutwards(ended, 1), false, "the end of it turns nothing round");
  const busy = (sent: number, got: number, before: boolean): boolean =>
    isOutwards(
      trackOf([{ ms: 1, sender: { writtenBytes: sent }, receiver: { writtenBytes: got } }]),
      0,
      before,
    );
  assert.deepEqual([busy(10, 20, true), busy(10, 21, true)], [true, false], "where both are busy it stays");
  assert.deepEqual([busy(20, 10, false), busy(21, 10, false)], [false, true]);
  assert.deepEqual([busy(0, 0, true), busy(0, 0, false)], [true, false]);
});

test("rates are over the last second, and unknown where that is", () => {
  const track = trackOf(
    [0, 500, 1000, 1500, 2000].map((ms) => ({ ms, sender: { writtenBytes: ms < 1500 ? 0 : ms } })),
  );
  assert.equal(rateAt(track, "11", "writtenBytes", 0), undefined);
  assert.equal(rateAt(track, "11", "writtenBytes", 4), 2000);
  assert.equal(rateAt(track, "11", "pacingBytesPerSecond", 4), undefined);
  assert.equal(grownAt(track, "11", "writtenBytes", 3), 1500);
  assert.equal(grownAt(track, "11", "writtenBytes", 0), 0);
});

test("the parts of each buffer add up to it, whatever the kernel says", () => {
  const rows = [
    { inFlightBytes: 100, notSentBytes: 50, sendMemoryBytes: 200, sendMemoryTotalBytes: 1000 },
    { inFlightBytes: 100, notSentBytes: 50, sendMemoryBytes: 20, sendMemoryTotalBytes: 30 }, // sampled a moment apart
    { inFlightBytes: 0, notSentBytes: 0, sendMemoryBytes: 0, sendMemoryTotalBytes: 0 },
    { inFlightBytes: 100, notSentBytes: 50, sendMemoryBytes: undefined, sendMemoryTotalBytes: undefined },
  ];
  for (const sender of rows) {
    const flow = flowAt(trackOf([{ ms: 1, sender }]), 0, true);
    const { totalBytes, inFlightBytes, notSentBytes, overheadBytes, freeBytes } =
      sendBufferOf(flow) ?? assert.fail();
    assert.deepEqual([inFlightBytes, notSentBytes], [sender.inFlightBytes, sender.notSentBytes]);
    assert.equal(inFlightBytes + notSentBytes + overheadBytes + freeBytes, totalBytes);
    assert.ok(overheadBytes >= 0 && freeBytes >= 0);
  }
  const receiver = {
    receiveQueueBytes: 300,
    receiveMemoryBytes: 700,
    receiveMemoryTotalBytes: 1000,
    windowAdvertisedBytes: 200,
  };
  const flow = flowAt(trackOf([{ ms: 1, receiver }]), 0, true);
  assert.deepEqual(receiveBufferOf(flow), {
    notReadBytes: 300,
    overheadBytes: 400,
    freeBytes: 300,
    windowBytes: 200,
    totalBytes: 1000,
  });
});

test("a window of 0 is drawn against the greatest that there was", () => {
  const track = trackOf([
    { ms: 1, sender: { windowSeenBytes: 5000, inFlightBytes: 2000 } },
    { ms: 2, sender: { windowSeenBytes: 0, inFlightBytes: 100, congestionWindowBytes: 14_600 } },
  ]);
  assert.deepEqual(allowanceOf(flowAt(track, 1, true), track), {
    windowBytes: 0,
    usedBytes: 0,
    leftBytes: 0,
    congestionWindowBytes: 14_600,
    scaleBytes: 5000,
  });
  assert.equal(allowanceOf(flowAt(track, 0, true), track)?.leftBytes, 3000);
});

test("the band: a stretch for each reason, none where it was not there, and shares that add up", () => {
  const reasons = [
    "application",
    "application",
    "receiver-window",
    undefined,
    "send-buffer",
    "send-buffer",
  ] as const;
  const track = trackOf(
    reasons.map((waiting, index) => ({
      ms: index * 1000,
      ...(waiting ? { sender: { waiting } } : { ends: [] }),
    })),
  );
  assert.deepEqual(stretchesOf(track, "11", 0, 5), [
    { reason: "application", from: 0, to: 2 },
    { reason: "receiver-window", from: 2, to: 3 },
    { reason: "send-buffer", from: 4, to: 5 },
  ]);
  assert.deepEqual(
    stretchesOf(track, "11", 1.5, 2.5).map(({ from, to }) => [from, to]),
    [
      [1.5, 2],
      [2, 2.5],
    ],
  );
  assert.deepEqual(sharesOf(stretchesOf(track, "11", 0, 5)), [
    { reason: "application", share: 0.5 },
    { reason: "receiver-window", share: 0.25 },
    { reason: "send-buffer", share: 0.25 },
  ]);
  assert.deepEqual(sharesOf(stretchesOf(track, undefined, 0, 5)), []);
});

test("every reason has a word and a colour, and one that is unknown its own name", () => {
  assert.deepEqual(Object.keys(REASON_LOOKS).sort(), [...WAIT_REASONS].sort());
  assert.equal(lookOf("of-a-later-version").label, "of-a-later-version");
});

test("lines: the sequence space from the quantities, and gaps where they are not known", () => {
  const track = trackOf([
    {
      ms: 1000,
      sender: { writtenBytes: 500, ackedBytes: 200, inFlightBytes: 100, windowSeenBytes: 50 },
      receiver: { readBytes: 150 },
    },
    { ms: 2000, sender: { writtenBytes: 600, windowSeenBytes: 50 }, receiver: { readBytes: 160 } },
  ]);
  const ends = { senderId: "11", receiverId: "12" };
  const { xs, ys } = linesOf(track, SEQUENCE, ends, 0, 10);
  const named = Object.fromEntries(SEQUENCE.lines.map(({ name }, index) => [name, ys[index]]));
  assert.deepEqual(xs, [1, 2]);
  assert.deepEqual(named, {
    windowEdge: [250, null],
    written: [500, 600],
    sent: [300, null],
    acked: [200, null],
    read: [150, 160],
  });
  const relative = linesOf(track, SEQUENCE, ends, 0, 10, () => 200);
  assert.deepEqual(
    relative.ys.map(([first]) => first),
    [50, 300, 100, 0, -50],
  );
  for (const look of PLOTS)
    for (const { ys: all } of [linesOf(track, look, { senderId: undefined, receiverId: undefined }, 0, 10)]) {
      assert.ok(
        all.flat().every((value) => value === null),
        look.id,
      );
    }
});

test("lines of many samples are as many points as a screen has columns", () => {
  const track = trackOf(Array.from({ length: 8000 }, (_, ms) => ({ ms })));
  const { xs } = linesOf(track, SEQUENCE, { senderId: "11", receiverId: "12" }, 0, 8);
  assert.ok(xs.length <= 2401 && xs.at(-1) === 7.999, `${xs.length}`);
});

test("rows: rates from what has changed, ended ones at the end, search and every order", () => {
  const table = new WebTable();
  const rows = new Rows();
  const update = (ms: number, ids: readonly string[], written: (id: string) => number): void => {
    rows.update(
      table.update(
        sampleOf(
          ms,
          ids.map((id) => single(id, { writtenBytes: written(id), rttUs: Number(id) })),
        ),
      ),
    );
  };
  update(1000, ["1", "2", "3"], () => 0);
  update(2000, ["1", "2", "3"], (id) => (id === "2" ? 500 : 0));
  assert.equal(rows.get("2")?.rate, 500);
  assert.deepEqual(
    rows.list("", "activity", true).map(({ id }) => id),
    ["2", "1", "3"],
  );
  update(3000, ["1", "2", "3"], (id) => (id === "2" ? 500 : 0));
  assert.equal(
    rows.list("", "activity", true).find(({ id }) => id === "2")?.rate,
    0,
    "what is not told again rests",
  );
  table.note(sampleOf(3500, [], [{ id: "1", local: "", peer: "", because: "gone" }]));
  update(4000, ["2", "3"], () => 500);
  assert.deepEqual(
    rows.list("", "address", false).map(({ id, ended }) => [id, ended]),
    [
      ["2", undefined],
      ["3", undefined],
      ["1", "gone"],
    ],
  );
  assert.deepEqual(
    rows.list("192.0.2.1:3 ESTAB", "address", false).map(({ id }) => id),
    ["3"],
  );
  assert.deepEqual(rows.list("nonsense", "address", false), []);
  for (const sort of SORTS) {
    const up = rows.list("", sort, false).map(({ id }) => id);
    assert.deepEqual(new Set(up), new Set(["1", "2", "3"]), sort);
  }
  assert.deepEqual(
    rows.list("", "rtt", true).map(({ id }) => id),
    ["3", "2", "1"],
  );
  rows.update(table.whole());
  assert.deepEqual([rows.size, rows.endedSize], [2, 1]);
  rows.update({ elapsedMs: 10, whole: true, rows: [], gone: [], before: [] });
  assert.deepEqual([rows.size, rows.get("2")?.ended], [0, "unobserved"]);
});

test("of those that have ended the last fifty are kept", () => {
  const table = new WebTable();
  const rows = new Rows();
  for (let id = 1; id <= 200; id++) rows.update(table.update(sampleOf(id, [single(`${id}`)])));
  assert.deepEqual(
    [rows.size, rows.endedSize, rows.get("149")?.id, rows.get("150")?.id],
    [1, 50, undefined, "150"],
  );
});

test("the range: grows, then moves with the newest; held while paused; zoomed about a moment; back to now", () => {
  const view = new Viewport();
  const track = trackOf([5000, 6000].map((ms) => ({ ms })));
  assert.deepEqual(view.range(track), { from: 5, to: 15 }, "at first ten seconds");
  const longer = trackOf(Array.from({ length: 101 }, (_, index) => ({ ms: index * 1000 })));
  assert.deepEqual(view.range(longer), { from: 70, to: 100 });
  view.pause(longer);
  assert.deepEqual([view.paused, view.live, view.index(longer)], [true, false, 100]);
  view.step(longer, -50);
  assert.equal(view.index(longer), 50);
  const moved = view.range(longer);
  assert.ok(
    moved.from < 50 && moved.to > 50 && Math.abs(moved.to - moved.from - 30) < 1e-9,
    JSON.stringify(moved),
  );
  view.show(longer, 40, 60);
  view.zoom(longer, 0.5, 45);
  assert.deepEqual(view.range(longer), { from: 42.5, to: 52.5 });
  view.zoom(longer, 1e-9, 45);
  const { from, to } = view.range(longer);
  assert.ok(to - from >= 0.04);
  view.zoom(longer, 1e9);
  view.whole(longer);
  assert.deepEqual(view.range(longer), { from: -2, to: 100 });
  view.step(longer, -1e9);
  assert.equal(view.index(longer), 0);
  view.step(longer, 1e9);
  assert.equal(view.index(longer), 100);
  view.now();
  assert.deepEqual([view.paused, view.live, view.range(longer)], [false, true, { from: 70, to: 100 }]);
  view.pan(longer, -0.5);
  assert.deepEqual([view.live, view.range(longer)], [false, { from: 55, to: 85 }]);
  view.pan(longer, 1);
  assert.equal(view.live, true, "at the newest it moves again");
  for (const action of ["pause", "in", "out", "whole"] as const) new Viewport()[action](trackOf([]));
  assert.equal(new Viewport().index(trackOf([])), -1);
});
