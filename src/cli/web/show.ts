/** Samples in a browser, until a signal or their end. */
import { readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import { note, print } from "../_command.ts";
import type { SampleSource } from "../watch/source.ts";
import { WebServer, type WebServerOptions } from "./server.ts";

/** Made from src/viewer by scripts/build-viewer.mjs; seen from dist/cli, which scripts/bundle-cli.mjs puts this file into. */
const PAGE = new URL("../viewer/page.html", import.meta.url);

/** So long at most samples that come as fast as they are read keep the pages waiting. */
const TURN_MS = 20;

export interface ShowOptions extends Pick<WebServerOptions, "mode" | "port" | "caption"> {
  /** Said when the samples are at their end, after which the pages are still served. */
  readonly endText?: string | undefined;
  /** Instead of it: said when the samples are at their end, and the server ends with them. */
  readonly overText?: string | undefined;
  /** Said when a signal ends it. */
  readonly byeText: string;
}

export class WebShow {
  readonly #server: WebServer;
  readonly #options: ShowOptions;
  readonly #ended: Promise<void>;
  #end: () => void = () => {};

  private constructor(server: WebServer, options: ShowOptions) {
    this.#server = server;
    this.#options = options;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (const signal of SIGNALS) process.on(signal, this.#end);
  }

  /** Serves the page, and prints where it is. @throws what `node:net` says, as `EADDRINUSE` */
  static async open(options: ShowOptions): Promise<WebShow> {
    const server = await WebServer.open({ ...options, page: await readFile(PAGE, "utf8") });
    const show = new WebShow(server, options);
    await print(`${server.url}\n`);
    if (process.stderr.isTTY) note(HINTS[options.mode]);
    return show;
  }

  /** @returns whether a page looks on now; false where it was ended before one came */
  untilPage(): Promise<boolean> {
    const first = this.#server.firstPage.then(() => true);
    return Promise.race([first, this.#ended.then(() => false)]);
  }

  /** Resolved once it was ended, by a signal or by the end of the samples. */
  async run(source: SampleSource): Promise<void> {
    const { endText, overText, byeText } = this.#options;
    let text = byeText;
    const shown = (async () => {
      let turned = performance.now();
      for await (const sample of source.samples) {
        this.#server.push(sample);
        if (performance.now() - turned < TURN_MS) continue;
        await turn();
        turned = performance.now();
      }
      if (endText === undefined) {
        text = overText ?? byeText;
        return;
      }
      this.#server.end(endText);
      await this.#ended;
    })();
    try {
      await Promise.race([shown, this.#ended]);
    } finally {
      source.close();
      await this.close(text);
    }
  }

  async close(text: string = this.#options.byeText): Promise<void> {
    for (const signal of SIGNALS) process.off(signal, this.#end);
    await this.#server.close(text);
  }
}

/** For a person who sees the address, not for a program that reads it. */
const HINTS: Readonly<Record<ShowOptions["mode"], string>> = {
  live: "Open this address in a browser. Ctrl-C ends it.",
  replay: "Open this address in a browser. Ctrl-C ends it.",
  demo: "Open this address in a browser: the demonstration begins then. Ctrl-C ends it.",
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
