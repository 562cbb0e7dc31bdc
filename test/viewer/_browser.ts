/** The page in Chromium: built from its sources, opened, and what goes wrong in it noted. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Page,
} from "playwright-core";

const ROOT = new URL("../..", import.meta.url).pathname;
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const CHROMIUM = [process.env.CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));

/** Why tests with a browser are left out; undefined where there is one. */
export const NO_BROWSER: string | undefined =
  CHROMIUM === undefined ? "no Chromium here (Debian's package is called chromium)" : undefined;

export function launch(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error(NO_BROWSER);
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--enable-precise-memory-info"],
  });
}

/** The page as it ships. */
export function builtPage(): string {
  const folder = mkdtempSync(join(tmpdir(), "windsock-page-"));
  try {
    execFileSync(process.execPath, [join(ROOT, "scripts/build-viewer.mjs"), join(folder, "page.html")], {
      cwd: ROOT,
    });
    return readFileSync(join(folder, "page.html"), "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Opened extends AsyncDisposable {
  readonly page: Page;
  readonly cdp: CDPSession;
  /** Errors, warnings, and what the policy has refused. */
  readonly complaints: string[];
  /** All that it has asked for. */
  readonly requests: string[];
}

export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  // tsx puts calls of it into the functions that are run in the page.
  await page.addInitScript({ content: "globalThis.__name = (of) => of" });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  await page.goto(url);
  const cdp = await context.newCDPSession(page);
  return { page, cdp, complaints, requests, [Symbol.asyncDispose]: () => context.close() };
}

/** What an element has in its `data-…` attributes. */
export function dataOf(page: Page, id: string): Promise<Record<string, string | undefined>> {
  return page.evaluate((name) => ({ ...document.getElementById(name)?.dataset }), id);
}

/** Waits until an element's `data-…` attribute, or its text, is as wanted. */
export async function untilText(page: Page, id: string, pattern: RegExp): Promise<string> {
  const found = await page.waitForFunction(
    ([name, source]) => {
      const text = document.getElementById(name)?.textContent ?? "";
      return new RegExp(source).test(text) ? { text } : undefined;
    },
    [id, pattern.source] as const,
    { polling: 20 },
  );
  return (await found.jsonValue())?.text ?? "";
}
