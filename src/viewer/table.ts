/** The table of connections: of any number of rows only those in sight are there. */
import { byId, make, setAttribute, setText } from "./dom.ts";
import { bytesText, countText, microsText, plural, rateText } from "./format.ts";
import { lookOf } from "./reasons.ts";
import type { ConnectionRow, Rows, Sort } from "./rows.ts";

const ROW_HEIGHT = 32;
/** Above and below what is in sight, so that scrolling shows no gap. */
const SPARE = 8;

interface TableColumn {
  readonly label: string;
  readonly sort: Sort;
  /** How much room it needs: those of 3 are left out first. */
  readonly weight: 1 | 2 | 3;
  readonly number?: boolean;
  readonly text: (row: ConnectionRow) => string;
}

const COLUMNS: readonly TableColumn[] = [
  { label: "connection", sort: "address", weight: 1, text: ({ local, peer }) => `${local} → ${peer}` },
  {
    label: "waits for",
    sort: "waiting",
    weight: 1,
    text: ({ waiting, farWaiting, ended }) => {
      if (ended !== undefined)
        return ended === "replaced" ? "ended, replaced" : ended === "gone" ? "ended" : "not observed";
      const other =
        farWaiting === "" || farWaiting === "nothing-to-send" ? "" : ` · ← ${lookOf(farWaiting).label}`;
      return waiting === "nothing-to-send" && other !== "" ? other.slice(3) : lookOf(waiting).label + other;
    },
  },
  {
    label: "rate",
    sort: "activity",
    weight: 2,
    number: true,
    text: ({ rate }) => (rate === 0 ? "" : rateText(rate)),
  },
  {
    label: "queues",
    sort: "queues",
    weight: 2,
    number: true,
    text: ({ sendQueueBytes, receiveQueueBytes }) => bytesText(sendQueueBytes + receiveQueueBytes),
  },
  {
    label: "rtt",
    sort: "rtt",
    weight: 3,
    number: true,
    text: ({ rttUs }) => (rttUs === 0 ? "–" : microsText(rttUs)),
  },
  {
    label: "retransmitted",
    sort: "retransmitted",
    weight: 3,
    number: true,
    text: ({ retransmittedSegments }) => countText(retransmittedSegments),
  },
  {
    label: "state",
    sort: "state",
    weight: 3,
    text: ({ state, farState }) => (farState === "" || farState === state ? state : `${state} / ${farState}`),
  },
  { label: "program", sort: "holders", weight: 3, text: ({ holders }) => holders },
];

export class Table {
  readonly #rows: Rows;
  readonly #choose: (id: string) => void;
  readonly #table = byId("table", HTMLTableElement);
  readonly #scroll = byId("table-scroll");
  readonly #body = byId("table-body");
  readonly #search = byId("search", HTMLInputElement);
  readonly #heads = new Map<Sort, HTMLElement>();
  #sort: Sort = "activity";
  #descending = true;
  #list: ConnectionRow[] = [];
  #chosen: string | undefined;
  /** The row that the keys are at. */
  #at: string | undefined;
  #dirty = true;

  constructor(rows: Rows, choose: (id: string) => void) {
    this.#rows = rows;
    this.#choose = choose;
    // It takes the focus and has a row that is selected, which makes a grid of a table.
    setAttribute(this.#table, "role", "grid");
    setAttribute(this.#table, "tabindex", 0);
    const head = byId("table-head");
    for (const { label, sort, weight, number } of COLUMNS) {
      const button = make("button", { type: "button", class: "wordy", title: `Sort by ${label}` }, label);
      const cell = make("th", { scope: "col", class: classOf(weight, number) }, button);
      button.addEventListener("click", () => this.#sortBy(sort));
      head.append(cell);
      this.#heads.set(sort, cell);
    }
    this.#scroll.addEventListener("scroll", () => this.#drawRows());
    new ResizeObserver(() => this.#drawRows()).observe(this.#scroll);
    this.#search.addEventListener("input", () => this.changed());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.#search.value = "";
        this.#table.focus();
        this.changed();
        event.preventDefault();
      } else if (event.key === "ArrowDown" || event.key === "Enter") {
        this.#table.focus();
        if (event.key === "Enter") this.#enter();
        event.preventDefault();
      }
    });
    this.#table.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("click", (event) => {
      const id = (event.target as Element).closest<HTMLElement>("tr[data-id]")?.dataset.id;
      if (id !== undefined) this.#choose(id);
    });
  }

  set chosen(id: string | undefined) {
    this.#chosen = id;
    this.#at = id;
    this.changed();
  }

  /** The first of the list: where nothing else was chosen. */
  get first(): ConnectionRow | undefined {
    this.#relist();
    return this.#list[0];
  }

  changed(): void {
    this.#dirty = true;
    if (!this.#visible) return;
    this.#relist();
    this.#drawRows();
  }

  get #visible(): boolean {
    return !byId("chooser-panel").hidden;
  }

  #relist(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#list = this.#rows.list(this.#search.value, this.#sort, this.#descending);
  }

  #sortBy(sort: Sort): void {
    this.#descending =
      sort === this.#sort ? !this.#descending : !["address", "state", "waiting", "holders"].includes(sort);
    this.#sort = sort;
    this.changed();
  }

  focusSearch(): void {
    this.#search.focus();
    this.#search.select();
  }

  focus(): void {
    this.#table.focus({ preventScroll: true });
  }

  /** Moves from row to row; the connection is shown at once, or by Enter from within the table. */
  select(by: number, show: boolean): void {
    this.#relist();
    const from = this.#list.findIndex(({ id }) => id === this.#at);
    const to = Math.max(0, Math.min(this.#list.length - 1, (from < 0 ? (by > 0 ? -1 : 0) : from) + by));
    const row = this.#list[to];
    if (row === undefined) return;
    this.#at = row.id;
    const [top, bottom] = [to * ROW_HEIGHT, (to + 1) * ROW_HEIGHT];
    const room = this.#scroll.clientHeight - ROW_HEIGHT;
    if (top < this.#scroll.scrollTop) this.#scroll.scrollTop = top;
    else if (bottom > this.#scroll.scrollTop + room) this.#scroll.scrollTop = bottom - room;
    this.#drawRows();
    if (show) this.#choose(row.id);
  }

  #enter(): void {
    this.#relist();
    const row = this.#list.find(({ id }) => id === this.#at) ?? this.#list[0];
    if (row !== undefined) this.#choose(row.id);
  }

  #key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.#scroll.clientHeight / ROW_HEIGHT) - 2);
    const moves: Readonly<Record<string, number>> = {
      ArrowUp: -1,
      ArrowDown: 1,
      PageUp: -page,
      PageDown: page,
      Home: -this.#list.length,
      End: this.#list.length,
    };
    const by = moves[event.key];
    if (event.target !== this.#table) return;
    if (by !== undefined) this.select(by, false);
    else if (event.key === "Enter") this.#enter();
    else return;
    event.preventDefault();
  }

  #drawRows(): void {
    if (!this.#visible) return;
    this.#relist();
    const list = this.#list;
    const { scrollTop, clientHeight } = this.#scroll;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - SPARE);
    const last = Math.min(list.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + SPARE);
    const shown = list.slice(first, last);
    this.#body.replaceChildren(
      spacer(first * ROW_HEIGHT),
      ...shown.map((row, index) => this.#row(row, first + index)),
      spacer((list.length - last) * ROW_HEIGHT),
    );
    setAttribute(this.#table, "aria-rowcount", list.length + 1);
    const active = shown.findIndex(({ id }) => id === this.#at);
    setAttribute(this.#table, "aria-activedescendant", active < 0 ? undefined : `row-${first + active}`);
    for (const [sort, head] of this.#heads) {
      setAttribute(
        head,
        "aria-sort",
        sort !== this.#sort ? undefined : this.#descending ? "descending" : "ascending",
      );
    }
    const ended = this.#rows.endedSize;
    const count =
      this.#search.value === "" ? plural(this.#rows.size, "connection") : `${countText(list.length)} found`;
    setText(byId("table-count"), ended === 0 ? count : `${count}, ${countText(ended)} ended`);
  }

  #row(row: ConnectionRow, index: number): HTMLElement {
    const chosen = row.id === this.#chosen;
    const line = make("tr", {
      id: `row-${index}`,
      "aria-rowindex": index + 2,
      "aria-selected": chosen ? "true" : "false",
      "data-id": row.id,
      "data-ended": row.ended,
      class: row.id === this.#at ? "at" : undefined,
    });
    for (const { weight, number, text } of COLUMNS) {
      const shown = text(row);
      line.append(make("td", { class: classOf(weight, number), title: shown }, shown));
    }
    return line;
  }
}

function classOf(weight: number, number: boolean | undefined): string {
  return number ? `weight-${weight} number` : `weight-${weight}`;
}

function spacer(height: number): HTMLElement {
  const cell = make("td", { colspan: COLUMNS.length });
  cell.style.height = `${height}px`;
  const row = make("tr", { class: "spacer", "aria-hidden": "true" }, cell);
  row.hidden = height === 0;
  return row;
}
