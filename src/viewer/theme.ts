/** Light and dark: as the system has it, until the reader chooses; and whether things may move. */

export type Theme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class ThemeSwitch {
  readonly #button: HTMLButtonElement;
  readonly #changed: () => void;
  #chosen: Theme | undefined;

  constructor(button: HTMLButtonElement, changed: () => void) {
    this.#button = button;
    this.#changed = changed;
    button.addEventListener("click", () => this.toggle());
    dark.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  get theme(): Theme {
    return this.#chosen ?? (dark.matches ? "dark" : "light");
  }

  toggle(): void {
    this.#chosen = this.theme === "dark" ? "light" : "dark";
    this.#apply();
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.theme;
    this.#button.setAttribute("aria-label", this.theme === "dark" ? "Light colours (m)" : "Dark colours (m)");
    this.#changed();
  }
}

/** Whether the reader has asked for less motion. */
export function isStill(): boolean {
  return still.matches;
}
