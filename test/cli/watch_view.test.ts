/** What `windsock watch` shows, and what keys do to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { brushFor, widthOf } from "../../src/cli/watch/draw.ts";
import { WatchLines } from "../../src/cli/watch/lines.ts";
import { WatchView } from "../../src/cli/watch/view.ts";
import type { EndSample } from "../../src/observe/index.ts";
import { pair, sampleOf, single } from "./_samples.ts";

const BRUSH = brushFor({ NO_COLOR: "1", LANG: "C.UTF-8" });

function view(options: { focus?: boolean; caption?: () => string } = {}): WatchView & { text(): string } {
  const made = new WatchView({ brush: BRUSH, ...options });
  return Object.assign(made, { text: () => made.lines(100, 40).join("\n") });
}

test("a connection whose ends are both here is one line, with what its sender waits for", () => {
  const shown = view();
  shown.add(sampleOf(0, pair({ notSentBytes: 3000, inFlightBytes: 1000, waitingMs: 1500 })));
  assert.match(shown.text(), /1 connection /);
  const line = shown.lines(100, 40).find((one) => one.startsWith(">"));
  assert.match(line ?? "", /^> 127\.0\.0\.1:40000 → :2000 /);
  assert.match(line ?? "", /3\.91 KiB +0\.98 KiB +0\.98 KiB +3\.91 KiB +50 µs +- rcv window 1\.5 s/);
});

test("rates are what was acknowledged within the last second", () => {
  const shown = view();
  for (let at = 0; at <= 3000; at += 100) shown.add(sampleOf(at, pair({ ackedBytes: at * 1024 })));
  assert.match(shown.text(), /1000 KiB\/s|0\.98 MiB\/s/);
});

test("one connection in full: buffers, window, what is waited for, and how it was", () => {
  const shown = view();
  shown.add(sampleOf(0, pair({ notSentBytes: 3000, sendMemoryTotalBytes: 4000, waitingMs: 1500 })));
  shown.key("enter");
  const text = shown.text();
  assert.match(text, /127\.0\.0\.1:40000 → 127\.0\.0\.1:2000 {3}established → established/);
  assert.match(text, /send buffer +\[▒{20,}·+\]/);
  assert.match(text, /receive buffer +\[█+\]/);
  assert.match(text, /2\.93 KiB not sent/);
  assert.match(text, /Waits for the receiver: .*\(seen for 1\.5 s\)/);
  shown.key("d");
  assert.match(shown.text(), /127\.0\.0\.1:2000 → 127\.0\.0\.1:40000/);
  shown.key("escape");
  assert.match(shown.text(), /CONNECTION/);
});

test("a peer that is not seen is not said to be anywhere", () => {
  const shown = view();
  shown.add(sampleOf(0, [single("7")]));
  shown.key("enter");
  assert.match(shown.text(), /elsewhere, or not watched; its window has room for 0\.98 KiB/);
  shown.key("d");
  assert.match(shown.text(), /198\.51\.100\.1:443 → 192\.0\.2\.1:7 +elsewhere/);
});

test("paused, it stays at its moment while samples come; left and right step, End goes on", () => {
  const shown = view({ focus: true });
  for (let at = 0; at < 50; at++) shown.add(sampleOf(at * 100, pair({ writtenBytes: at })));
  shown.key("space");
  for (let at = 50; at < 60; at++) shown.add(sampleOf(at * 100, pair({ writtenBytes: at })));
  assert.match(shown.text(), /paused/);
  assert.match(shown.text(), /writes {2}49 B/);
  shown.key("left");
  shown.key("left");
  assert.match(shown.text(), /writes {2}47 B/);
  shown.key("right");
  assert.match(shown.text(), /writes {2}48 B/);
  shown.key("home");
  assert.match(shown.text(), /writes {2}0 B/);
  shown.key("left");
  shown.key("pageup");
  assert.match(shown.text(), /writes {2}0 B/);
  shown.key("end");
  assert.match(shown.text(), /writes {2}59 B/);
  assert.doesNotMatch(shown.text(), /paused/);
});

test("up and down select, and stop at the ends; what is selected stays so while others come and go", () => {
  const shown = view();
  shown.add(
    sampleOf(
      0,
      ["21", "22", "23"].map((id) => single(id)),
    ),
  );
  const selected = (): string | undefined => shown.lines(100, 40).find((line) => line.startsWith(">"));
  assert.match(selected() ?? "", /:21 /);
  shown.key("up");
  assert.match(selected() ?? "", /:21 /);
  shown.key("down");
  shown.key("j");
  shown.key("down");
  assert.match(selected() ?? "", /:23 /);
  shown.add(
    sampleOf(
      100,
      ["20", "21", "23", "24"].map((id) => single(id)),
    ),
  );
  assert.match(selected() ?? "", /:23 /);
});

test("a table of thousands shows those around the selected one", () => {
  const shown = view();
  const ends = Array.from({ length: 5000 }, (_, at) => single(`${10_000 + at}`));
  shown.add(sampleOf(0, ends));
  for (let i = 0; i < 100; i++) shown.key("down");
  const lines = shown.lines(80, 24);
  assert.equal(lines.length, 24);
  assert.ok(lines.some((line) => line.startsWith("> 192.0.2.1:10100")));
});

test("a connection that has ended can be looked at in the past", () => {
  const shown = view();
  shown.add(sampleOf(0, [single("7", { writtenBytes: 77 })]));
  shown.key("enter");
  shown.add(sampleOf(100, [], [{ id: "7", local: "a", peer: "b", because: "gone" }]));
  assert.match(shown.text(), /no longer there\. Step back/);
  shown.key("left");
  assert.match(shown.text(), /writes {2}77 B/);
});

test("followed, the next connection takes the place of the one that has ended", () => {
  const shown = view({ focus: true });
  shown.add(sampleOf(0, [single("7")]));
  assert.match(shown.text(), /192\.0\.2\.1:7 /);
  shown.add(sampleOf(100, [single("8")]));
  assert.match(shown.text(), /192\.0\.2\.1:8 /);
});

test("a caption is wrapped, and nothing is wider or longer than the terminal", () => {
  const caption = "Look at the window, which closes while the reader does not read. ".repeat(3);
  const shown = view({ caption: () => caption });
  shown.add(sampleOf(0, pair({ holders: [{ pid: 1, command: "\x1b[2Jevil\n你好" }] })));
  for (const mode of ["", "enter", "?", "escape"]) {
    if (mode !== "") shown.key(mode);
    for (const [columns, rows] of [
      [1, 1],
      [10, 3],
      [20, 5],
      [40, 10],
      [80, 24],
      [200, 60],
    ] as const) {
      const lines = shown.lines(columns, rows);
      assert.ok(lines.length <= rows);
      for (const line of lines)
        assert.ok(widthOf(line) <= columns && !/\p{Cc}/u.test(line), `${columns}: ${line}`);
    }
  }
});

test("q and Ctrl-C end it, other keys do not", () => {
  const shown = view();
  assert.deepEqual(
    ["x", "enter", "q", "ctrl-c", "\x1b[1;5A"].map((key) => shown.key(key)),
    [false, false, true, true, false],
  );
});

test("lines: one for each connection that has changed, and one for its end", () => {
  const lines = new WatchLines();
  assert.equal(lines.next(sampleOf(0, pair())).length, 1);
  assert.deepEqual(lines.next(sampleOf(100, pair({ waitingMs: 100 }))), []);
  const [line] = lines.next(sampleOf(200, pair({ writtenBytes: 6000 })));
  assert.match(
    line ?? "",
    /^00:00:00\.200 {2}127\.0\.0\.1:40000 > 127\.0\.0\.1:2000 .*written 5\.86 KiB .*queue 3\.91 KiB/,
  );
  const ended = [
    { id: "11", local: "a", peer: "b", because: "gone" },
    { id: "12", local: "b", peer: "a", because: "gone" },
  ] as const;
  assert.deepEqual(lines.next(sampleOf(300, [], ended)), ["00:00:00.300  a > b  gone"]);
});

test("the keys are shown instead of what was there, and then that again", () => {
  const shown = view();
  shown.add(sampleOf(0, pair()));
  for (const [key, text] of [
    ["?", /Home, End/],
    ["?", /CONNECTION/],
    ["enter", /send buffer/],
    ["?", /Home, End/],
    ["?", /send buffer/],
  ] as const) {
    shown.key(key);
    assert.match(shown.text(), text);
  }
});

test("both directions busy: what is shown does not turn round with each sample, but when the other carries far more", () => {
  const shown = view();
  const lines = new WatchLines();
  let to = "";
  const towards = (sent: number, got: number, at: number): string => {
    const sample = sampleOf(at, pair({ writtenBytes: sent }, { writtenBytes: got }));
    shown.add(sample);
    const [line] = lines.next(sample);
    // What has not changed has no line.
    to = /127\.0\.0\.1:(\d+) > /.exec(line ?? "")?.[1] ?? to;
    assert.match(shown.text(), new RegExp(`^> 127\\.0\\.0\\.1:${to} → `, "m"));
    shown.key("enter");
    assert.match(shown.text(), new RegExp(`^127\\.0\\.0\\.1:${to} → `, "m"));
    shown.key("escape");
    return to;
  };
  assert.deepEqual(
    [
      towards(0, 0, 0),
      towards(1000, 1200, 100),
      towards(3000, 2500, 200),
      towards(3000, 6001, 300),
      towards(9000, 6001, 400),
      towards(13_000, 6001, 500),
    ],
    ["40000", "40000", "40000", "2000", "2000", "40000"],
  );
});

test("what was left out is told; before the first sample nothing is said of connections", () => {
  const shown = view();
  assert.match(shown.text(), /No sample yet/);
  shown.add({ ...sampleOf(0, []), missed: 3 });
  assert.match(shown.text(), /missed 3/);
  assert.match(shown.text(), /No connections/);
  shown.add(sampleOf(100, []));
  assert.doesNotMatch(shown.text(), /missed/);
});

test("a terminal without UTF-8 gets none", () => {
  const ascii = new WatchView({ brush: brushFor({ NO_COLOR: "1", LANG: "C" }), caption: () => "café…" });
  ascii.add(sampleOf(0, pair({ holders: [{ pid: 1, command: "你好" }] })));
  for (const key of ["", "enter", "?"]) {
    ascii.key(key);
    for (const line of ascii.lines(40, 24)) assert.match(line, /^[ -~]*$/);
  }
});

test("narrow terminals have fewer columns, and always what is waited for", () => {
  const shown = view();
  shown.add(sampleOf(0, pair({ waitingMs: 12_300 })));
  for (const columns of [40, 54, 60, 66, 76, 80, 90, 100, 150, 200]) {
    const lines = shown.lines(columns, 24).join("\n");
    assert.match(lines, /rcv window 12\.3 s/, `${columns}`);
    assert.match(lines, /WAITS FOR/, `${columns}`);
  }
});

test("a recording may have moments that no calendar has", () => {
  const shown = view();
  const sample = { ...sampleOf(0, pair()), at: 9e15 };
  shown.add(sample);
  assert.match(shown.text(), /^windsock watch {2}- /);
  assert.match(new WatchLines().next(sample)[0] ?? "", /^- {2}127/);
});

test("lines: another reason to wait is a change, how long it lasts is none", () => {
  const lines = new WatchLines();
  const next = (waiting: EndSample["waiting"], waitingMs: number): number =>
    lines.next(sampleOf(waitingMs, pair({ waiting, waitingMs }))).length;
  assert.deepEqual(
    [next("application", 0), next("application", 100), next("send-buffer", 200), next("send-buffer", 300)],
    [1, 0, 1, 0],
  );
});

test("lines: what goes on waiting is told again after a second, two, four, and what is idle is not", () => {
  const told = (waiting: EndSample["waiting"]): number[] => {
    const lines = new WatchLines();
    const seconds = Array.from({ length: 20 }, (_, second) => second);
    return seconds.filter(
      (second) => lines.next(sampleOf(second, pair({ waiting, waitingMs: second * 1000 }))).length > 0,
    );
  };
  assert.deepEqual(told("receiver-window"), [0, 1, 2, 4, 8, 16]);
  assert.deepEqual(told("nothing-to-send"), [0]);
});
