/** The page and its readers: by keys alone, with little motion, on a phone, with a screen reader, in both themes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { WebServer } from "../../src/cli/web/server.ts";
import { pair, sampleOf, single } from "../cli/_samples.ts";
import { builtPage, dataOf, launch, NO_BROWSER, open, untilText } from "./_browser.ts";

const skip = NO_BROWSER ?? false;
let browser: Browser;
let server: WebServer;

const CAPTION = "A sentence on what to look at, which is long enough to need more than one line on a phone.";

before(async () => {
  if (skip) return;
  browser = await launch();
  server = await WebServer.open({ page: builtPage(), mode: "live", caption: () => CAPTION });
  for (let index = 1; index <= 100; index++) {
    const fields = {
      writtenBytes: index * 1000,
      ackedBytes: index * 900,
      notSentBytes: index * 60,
      inFlightBytes: index * 40,
      inFlightSegments: 3,
      sentSegments: index * 2,
      sendMemoryBytes: index * 120,
      sendMemoryTotalBytes: 20_000,
      congestionWindowBytes: 14_600,
      congestionWindowSegments: 10,
      retransmittedSegments: Math.floor(index / 10),
      waiting: index < 50 ? "application" : "receiver-window",
    } as const;
    const far = {
      receiveMemoryBytes: 9000,
      receiveMemoryTotalBytes: 20_000,
      windowAdvertisedBytes: 5000,
      holders: [{ pid: 1, command: "a-program-with-a-long-name" }],
    };
    server.push(sampleOf(index * 100, [...pair(fields, far), single("7"), single("8")]));
  }
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const shown = async (page: Page): Promise<number> => Number((await dataOf(page, "picture")).elapsedMs);
const untilShown = (page: Page, ms: number): Promise<unknown> =>
  page.waitForFunction(
    (wanted) => document.getElementById("picture")?.dataset.elapsedMs === String(wanted),
    ms,
  );
const range = async (page: Page): Promise<{ from: number; to: number }> => {
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
  const { from, to } = await dataOf(page, "plots");
  return { from: Number(from), to: Number(to) };
};

test("by keys: pause, step, jump, zoom, move, turn round, choose, search, theme, help", {
  skip,
}, async () => {
  await using opened = await open(browser, `${server.url}#11`);
  const { page, complaints } = opened;
  const press = (key: string): Promise<void> => page.keyboard.press(key);
  await untilShown(page, 10_000);
  await press(" ");
  await untilText(page, "status-text", /^paused$/);
  for (const [key, ms] of [
    ["ArrowLeft", 9900],
    [",", 9800],
    ["ArrowRight", 9900],
    [".", 10_000],
    ["PageUp", 8000],
    ["PageDown", 10_000],
    ["Home", 100],
    ["ArrowLeft", 100],
  ] as const) {
    await press(key);
    await untilShown(page, ms);
  }
  await untilText(page, "reason-text", /Waits for the program/);
  await press("End");
  await untilShown(page, 10_000);
  await untilText(page, "status-text", /^live$/);
  await untilText(page, "reason-text", /Waits for the receiver/);

  await press(" ");
  const before = await range(page);
  await press("+");
  const closer = await range(page);
  assert.ok(closer.to - closer.from < before.to - before.from);
  await press("-");
  await press("0");
  const all = await range(page);
  assert.ok(all.from <= 0.1 && all.to >= 10, JSON.stringify(all));
  await press("Shift+ArrowLeft");
  assert.ok((await range(page)).to < all.to);
  await press("Shift+ArrowRight");
  await press("End");

  assert.equal((await dataOf(page, "sender")).id, "11");
  await press("d");
  await page.waitForFunction(() => document.getElementById("sender")?.dataset.id === "12");
  await press("d");
  await page.waitForFunction(() => document.getElementById("sender")?.dataset.id === "11");
  await press("r");
  await page.waitForFunction(
    () => document.getElementById("relative")?.getAttribute("aria-pressed") === "true",
  );
  await press("r");

  await press("c");
  await page.waitForFunction(() => document.activeElement?.id === "table");
  await press("Home");
  await press("ArrowDown");
  await press("Enter");
  await page.waitForFunction(() => document.getElementById("picture")?.dataset.connection !== "11");
  await press("k");
  await press("k");
  await press("j");
  await press("/");
  await page.keyboard.type("40000 d?"); // keys that would do something elsewhere
  await untilText(page, "table-count", /^0 found/);
  await press("Escape");
  await untilText(page, "table-count", /^3 connections/);
  await press("c");
  await page.waitForFunction(() => document.getElementById("chooser-panel")?.hidden);

  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await press("m");
  assert.notEqual(await page.evaluate(() => document.documentElement.dataset.theme), theme);
  await press("?");
  assert.equal(await page.evaluate(() => document.querySelector("dialog")?.open), true);
  const keys = await page.locator("#keys-list kbd").allTextContents();
  assert.ok(keys.length >= 18);
  await press("Escape");
  assert.equal(await page.evaluate(() => document.querySelector("dialog")?.open), false);
  assert.deepEqual(complaints, []);
});

test("with Tab every control is reached, and Enter and space work it", { skip }, async () => {
  await using opened = await open(browser, `${server.url}#11`);
  const { page } = opened;
  await untilShown(page, 10_000);
  await page.click("#chooser");
  const reached = new Set<string>();
  const focused = (): Promise<string> =>
    page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || "");
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  for (let index = 0; index < 60; index++) {
    await page.keyboard.press("Tab");
    reached.add(await focused());
  }
  const controls = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button:not(:disabled), input, a[href], [tabindex='0']")]
      .filter((element) => element.checkVisibility())
      .map((element) => element.id || element.textContent || ""),
  );
  assert.deepEqual(
    controls.filter((name) => !reached.has(name)),
    [],
  );
  await page.focus("#pause");
  await page.keyboard.press("Enter");
  await untilText(page, "status-text", /^paused$/);
  await page.keyboard.press(" ");
  await untilText(page, "status-text", /^live$/);
});

test("by the pointer: drag zooms, the wheel zooms, a click pauses there, a double click shows all", {
  skip,
}, async () => {
  await using opened = await open(browser, `${server.url}#11`, { viewport: { width: 1280, height: 1600 } });
  const { page } = opened;
  await untilShown(page, 10_000);
  const box = await page.locator("#plot-sequence .u-over").boundingBox();
  assert.ok(box);
  const y = box.y + box.height / 2;
  const at = (share: number): number => box.x + box.width * share;
  const first = await range(page);
  await page.mouse.move(at(0.25), y);
  await page.mouse.down();
  await page.mouse.move(at(0.4), y, { steps: 4 });
  await page.mouse.move(at(0.5), y, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction(() => document.getElementById("plots")?.dataset.live === "no");
  const zoomed = await range(page);
  const span = first.to - first.from;
  assert.ok(Math.abs(zoomed.from - (first.from + span / 4)) < span / 50, JSON.stringify({ first, zoomed }));
  assert.ok(Math.abs(zoomed.to - (first.from + span / 2)) < span / 50, JSON.stringify({ first, zoomed }));
  const { scrollY } = await page.evaluate(() => ({ scrollY: window.scrollY }));
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -300);
  await page.keyboard.up("Control");
  await page.waitForFunction(
    (from) => Number(document.getElementById("plots")?.dataset.from) > from,
    zoomed.from,
  );
  assert.equal(await page.evaluate(() => window.scrollY), scrollY);
  await page.mouse.dblclick(at(0.5), y);
  await page.waitForFunction(() => Number(document.getElementById("plots")?.dataset.from) <= 0.1);
  await page.mouse.move(at(0.3), y);
  await page.mouse.click(at(0.3), y);
  const shownRange = await range(page);
  const clicked = (shownRange.from + 0.3 * (shownRange.to - shownRange.from)) * 1000;
  assert.ok(Math.abs((await shown(page)) - clicked) < 250, `${await shown(page)} for ${clicked}`);
  const sequence = await page
    .locator("#plot-sequence .legend b[data-name='written']")
    .getAttribute("data-value");
  assert.equal(Number(sequence), Number((await dataOf(page, "sender")).writtenBytes));
});

test("with little motion nothing travels and nothing slides", { skip }, async () => {
  await using opened = await open(browser, `${server.url}#11`, { reducedMotion: "reduce" });
  const { page } = opened;
  await untilShown(page, 10_000);
  const { moving, standing, segments } = await dataOf(page, "wire");
  assert.deepEqual([moving, standing, segments], ["0", "3", "2"], "what is in flight stands there");
  const sliding = await page.evaluate(
    () =>
      [...document.querySelectorAll("*")].filter((element) => {
        const { transitionDuration, animationName } = getComputedStyle(element);
        return transitionDuration !== "0s" || animationName !== "none";
      }).length,
  );
  assert.equal(sliding, 0);
});

for (const width of [320, 360, 390, 768, 1024, 1280, 2560]) {
  test(`at ${width} pixels nothing is wider than the screen`, { skip }, async () => {
    await using opened = await open(browser, `${server.url}#11`, { viewport: { width, height: 800 } });
    const { page } = opened;
    await untilShown(page, 10_000);
    await page.click("#chooser");
    const wide = await page.evaluate(() => {
      const { clientWidth, scrollWidth } = document.documentElement;
      const beyond = [...document.querySelectorAll<HTMLElement>("main *, header *")].filter((element) => {
        const { right, width: own } = element.getBoundingClientRect();
        return own > 1 && right > clientWidth + 0.5 && element.checkVisibility();
      });
      return { clientWidth, scrollWidth, beyond: beyond.map(({ outerHTML }) => outerHTML.slice(0, 100)) };
    });
    assert.deepEqual(wide, { clientWidth: width, scrollWidth: width, beyond: [] });
    // Nor is a text cut off that is not meant to be: names of programs in the table may be.
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("#picture *, header *, .plot-head *")]
        .filter(
          (element) =>
            element.children.length === 0 &&
            !element.closest("[aria-hidden]:not(#moment)") &&
            element.scrollWidth > element.clientWidth + 1,
        )
        .filter((element) => element.clientWidth > 1 && getComputedStyle(element).display !== "inline")
        .map(({ outerHTML }) => outerHTML),
    );
    assert.deepEqual(cut, []);
  });
}

test("every control and picture has a name, every list its items, every field its label", {
  skip,
}, async () => {
  await using opened = await open(browser, `${server.url}#11`);
  const { page, cdp } = opened;
  await untilShown(page, 10_000);
  await page.click("#chooser");
  await page.waitForSelector("#table-body tr[data-id]");
  const { nodes } = await cdp.send("Accessibility.getFullAXTree");
  const named = [
    "button",
    "textbox",
    "searchbox",
    "link",
    "image",
    "img",
    "dialog",
    "toolbar",
    "region",
    "grid",
    "table",
  ];
  const seen = new Map<string, number>();
  for (const { role, name, ignored } of nodes) {
    const kind = String(role?.value ?? "");
    if (ignored || !named.includes(kind)) continue;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    assert.ok(String(name?.value ?? "").trim() !== "", `a ${kind} has no name`);
  }
  for (const kind of ["button", "searchbox", "toolbar", "region"])
    assert.ok(seen.has(kind), `${kind}: ${[...seen].join()}`);
  const facts = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    headings: [...document.querySelectorAll("h1, h2, h3")].map(({ tagName }) => Number(tagName.slice(1))),
    doubled: [...document.querySelectorAll("[id]")]
      .map(({ id }) => id)
      .filter((id, index, all) => all.indexOf(id) !== index),
    bars: [...document.querySelectorAll(".bar-track")].map((bar) => bar.getAttribute("aria-label") ?? ""),
    rows: document.getElementById("table")?.getAttribute("aria-rowcount"),
    heads: [...document.querySelectorAll("th")].map((head) => head.scope),
    said: document.getElementById("reason-said")?.textContent,
    live: document.getElementById("reason-said")?.getAttribute("aria-live"),
    small: [...document.querySelectorAll<HTMLElement>("button")]
      .filter((button) => button.checkVisibility())
      .filter(
        (button) => button.getBoundingClientRect().height < 24 || button.getBoundingClientRect().width < 24,
      )
      .map(({ id }) => id),
  }));
  assert.equal(facts.lang, "en");
  assert.equal(facts.headings[0], 1);
  for (const [index, level] of facts.headings.entries()) {
    assert.ok(level <= (facts.headings[index - 1] ?? 0) + 1, `heading ${index} leaves out a level`);
  }
  assert.deepEqual([facts.doubled, facts.small], [[], []]);
  assert.match(facts.bars.join(" | "), /Send buffer, 19\.5 KiB: .*not sent 5\.86 KiB, in flight 3\.91 KiB/);
  assert.match(facts.bars.join(" | "), /Receive buffer, 19\.5 KiB: .*not read 3\.91 KiB, window 4\.88 KiB/);
  assert.deepEqual([facts.rows, new Set(facts.heads)], ["4", new Set(["col"])]);
  assert.match(facts.said ?? "", /Waits for the receiver/);
  assert.equal(facts.live, "polite");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`${colorScheme}: texts stand out by 4.5 to 1, shapes by 3 to 1`, { skip }, async () => {
    await using opened = await open(browser, `${server.url}#11`, { colorScheme });
    const { page } = opened;
    await untilShown(page, 10_000);
    await page.click("#chooser");
    await page.waitForSelector("#table-body tr[data-id]");
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
    const poor = await page.evaluate(() => {
      const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const rgba = (colour: string): number[] => {
        if (canvas === null) return [];
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
      };
      const luminance = (colour: string): number => {
        const [r = 0, g = 0, b = 0] = rgba(colour).map((value) => {
          const share = value / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (a: string, b: string): number => {
        const [x, y] = [luminance(a), luminance(b)];
        return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
      };
      const ground = (element: Element | null): string => {
        for (let at = element; at !== null; at = at.parentElement) {
          const { backgroundColor } = getComputedStyle(at);
          if (rgba(backgroundColor)[3] === 255) return backgroundColor;
        }
        return "white";
      };
      const found: string[] = [];
      let count = 0;
      for (const element of document.querySelectorAll<HTMLElement>("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
        if (!own || !element.checkVisibility() || element.matches(":disabled, script")) continue;
        count++;
        const ratio = contrast(getComputedStyle(element).color, ground(element));
        if (ratio < 4.5)
          found.push(`${element.id || element.className || element.tagName} ${ratio.toFixed(2)}`);
      }
      const style = getComputedStyle(document.documentElement);
      const property = (name: string): string => style.getPropertyValue(name).trim();
      const shapes = [
        "--in-flight",
        "--not-sent",
        "--not-read",
        "--window",
        "--acked",
        "--edge",
        "--focus",
        "--overhead",
      ];
      const reasons = [
        ..."idle program window congestion loss buffer small sending connecting closed".split(" "),
      ];
      for (const name of [...shapes, ...reasons.map((reason) => `--reason-${reason}`)]) {
        const ratio = contrast(property(name), property("--card"));
        if (ratio < 3) found.push(`${name} ${ratio.toFixed(2)}`);
      }
      for (const reason of reasons) {
        const ratio = contrast(property("--on-reason"), property(`--reason-${reason}`));
        if (ratio < 4.5) found.push(`on ${reason} ${ratio.toFixed(2)}`);
      }
      return { found, count };
    });
    assert.ok(poor.count > 60, `${poor.count} texts`);
    assert.deepEqual(poor.found, []);
  });
}
