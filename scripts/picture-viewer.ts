/** Makes the pictures of the page in docs/pictures: `windsock demo --web` in light and dark, wide and narrow. Wants Chromium. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Browser, chromium } from "playwright-core";

const CLI = new URL("../dist/cli/main.js", import.meta.url).pathname;
const PICTURES = process.argv[2] ?? new URL("../docs/pictures", import.meta.url).pathname;
const SIZES = { wide: { width: 1280, height: 1190 }, narrow: { width: 390, height: 1480 } };
/** When it is worth a picture: the receiver's window has been shut for so long, and the send buffer fills. */
const WAITS_MS = 2500;

async function take(browser: Browser, scheme: "light" | "dark", size: keyof typeof SIZES): Promise<void> {
  const demo = spawn(process.execPath, [CLI, "demo", "paused", "--web"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [url] = (await once(createInterface(demo.stdout), "line")) as [string];
    const page = await browser.newPage({ colorScheme: scheme, viewport: SIZES[size] });
    await page.goto(url);
    await page.waitForFunction(
      (least) => {
        const { waiting, waitingMs } = document.getElementById("sender")?.dataset ?? {};
        return waiting === "receiver-window" && Number(waitingMs) >= least;
      },
      WAITS_MS,
      { polling: 50 },
    );
    await page.screenshot({ path: `${PICTURES}/watch-${scheme}-${size}.png` });
    await page.close();
  } finally {
    demo.kill();
  }
}

mkdirSync(PICTURES, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  for (const scheme of ["light", "dark"] as const) {
    for (const size of ["wide", "narrow"] as const) await take(browser, scheme, size);
  }
} finally {
  await browser.close();
}
