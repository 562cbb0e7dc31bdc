/** Which connection is shown: its name, and the panel with all of them. */
import { byId, setAttribute, setData, setText } from "./dom.ts";
import { plural } from "./format.ts";
import type { Rows } from "./rows.ts";
import { Table } from "./table.ts";

export class Chooser {
  readonly #rows: Rows;
  readonly #table: Table;
  readonly #panel = byId("chooser-panel");

  /** @param choose hears which one a person has chosen */
  constructor(rows: Rows, choose: (id: string) => void) {
    this.#rows = rows;
    this.#table = new Table(rows, choose);
  }

  /** The one that is shown. */
  set chosen(id: string) {
    this.#table.chosen = id;
  }

  /** The id of the first in the table. */
  get first(): string | undefined {
    return this.#table.first?.id;
  }

  /** The rows are others. */
  changed(): void {
    this.#table.changed();
  }

  open(open: boolean): void {
    this.#panel.hidden = !open;
    setAttribute(byId("chooser"), "aria-expanded", open ? "true" : "false");
    if (open) this.#table.changed();
  }

  toggle(): void {
    const open = this.#panel.hidden !== false;
    this.open(open);
    if (open) this.#table.focus();
  }

  search(): void {
    this.open(true);
    this.#table.focusSearch();
  }

  /** Shows the next one or the one before. */
  selectBy(by: number): void {
    this.#table.select(by, true);
  }

  draw(chosen: string, from: string, to: string): void {
    setText(
      byId("chooser-name"),
      chosen === "" ? "No connection yet" : from === "" ? "…" : `${from} → ${to}`,
    );
    const { size, endedSize } = this.#rows;
    setText(byId("chooser-count"), plural(size, "connection"));
    setData(byId("connections"), { count: size, ended: endedSize, chosen });
  }
}
