/** Lines of sockets under one another, in columns, as ss(8) prints them. */
import { print } from "../_command.ts";
import { type AnySocket, type Columns, columnsOf, detailsOf, type Show } from "./rows.ts";

export interface Layout {
  readonly header: boolean;
  /** Left out where all are of one table. */
  readonly netid: boolean;
  /** Left out where all are in one state. */
  readonly state: boolean;
  /** Of the terminal; `undefined` where there is none. */
  readonly screen: number | undefined;
  readonly colour: boolean;
}

const HEADER: Columns = {
  netid: "Netid",
  state: "State",
  receiveQueue: "Recv-Q",
  sendQueue: "Send-Q",
  local: "Local Address:",
  localPort: "Port",
  peer: "Peer Address:",
  peerPort: "Port",
};
const LAST = "Process";

const NAMES = Object.keys(HEADER) as readonly (keyof Columns)[];
const RIGHT: ReadonlySet<keyof Columns> = new Set(["local", "peer"]);
/** What stands before these is part of them. */
const JOINED: ReadonlySet<keyof Columns> = new Set(["localPort", "peerPort"]);
/** ss(8) gives them as much room at least. */
const QUEUE_WIDTH = 6;

/** So much text is put together before it is written. */
const PIECE_CHARS = 1 << 16;

/** Prints all, after their widths are known. */
export async function printTable(sockets: readonly AnySocket[], show: Show, layout: Layout): Promise<void> {
  const names = NAMES.filter(
    (name) => (name !== "netid" || layout.netid) && (name !== "state" || layout.state),
  );
  const widths = widthsOf(names, layout.header ? [HEADER] : []);
  for (const socket of sockets) widen(names, widths, columnsOf(socket, show));
  if (layout.screen !== undefined) spread(names, widths, layout.screen);
  let piece = layout.header ? headerLine(names, widths, layout.colour) : "";
  for (const socket of sockets) {
    piece += socketLine(names, widths, columnsOf(socket, show), detailsOf(socket, show), layout);
    if (piece.length >= PIECE_CHARS) {
      await print(piece);
      piece = "";
    }
  }
  if (piece !== "") await print(piece);
}

type Widths = Record<keyof Columns, number>;

function widthsOf(names: readonly (keyof Columns)[], lines: readonly Columns[]): Widths {
  const widths = Object.fromEntries(NAMES.map((name) => [name, 0])) as Widths;
  widths.receiveQueue = QUEUE_WIDTH;
  widths.sendQueue = QUEUE_WIDTH;
  for (const line of lines) widen(names, widths, line);
  return widths;
}

function widen(names: readonly (keyof Columns)[], widths: Widths, line: Columns): void {
  for (const name of names) if (line[name].length > widths[name]) widths[name] = line[name].length;
}

/** Gives the room that is left on the screen to all columns alike. */
function spread(names: readonly (keyof Columns)[], widths: Widths, screen: number): void {
  const used = names.reduce((sum, name) => sum + widths[name] + (JOINED.has(name) ? 0 : 1), LAST.length);
  const most = Math.max(0, Math.floor((screen - used) / (names.length + 1)));
  for (const name of names) widths[name] += Math.min(most, WIDEST);
}

/** More room between two columns leads the eye astray. */
const WIDEST = 4;

function fixed(names: readonly (keyof Columns)[], widths: Widths, line: Columns, mark?: Mark): string {
  let text = "";
  for (const name of names) {
    if (text !== "" && !JOINED.has(name)) text += " ";
    const value = line[name];
    const shown = mark === undefined ? value : mark(name, value);
    const pad = " ".repeat(Math.max(0, widths[name] - value.length));
    text += RIGHT.has(name) ? pad + shown : shown + pad;
  }
  return text;
}

type Mark = (name: keyof Columns, value: string) => string;

const BOLD = "\x1b[1m";
const GREEN = "\x1b[32m";
const CYAN = "\x1b[36m";
const YELLOW = "\x1b[33m";
const PLAIN = "\x1b[0m";
const STATE_COLOURS: Readonly<Record<string, string>> = { ESTAB: GREEN, LISTEN: CYAN, UNCONN: "" };

const coloured: Mark = (name, value) => {
  const colour = name === "state" ? (STATE_COLOURS[value] ?? YELLOW) : "";
  return colour === "" ? value : `${colour}${value}${PLAIN}`;
};

function headerLine(names: readonly (keyof Columns)[], widths: Widths, colour: boolean): string {
  const text = `${fixed(names, widths, HEADER)} ${LAST}`;
  return colour ? `${BOLD}${text}${PLAIN}\n` : `${text}\n`;
}

function socketLine(
  names: readonly (keyof Columns)[],
  widths: Widths,
  line: Columns,
  details: string,
  { colour, screen }: Layout,
): string {
  const text = fixed(names, widths, line, colour ? coloured : undefined);
  if (details === "") return `${text.trimEnd()}\n`;
  if (screen === undefined) return `${text}${details}\n`;
  // What does not fit stands on lines of its own, under what it belongs to.
  const length = fixed(names, widths, line).length + (details.split("\n", 1)[0] as string).length;
  return length <= screen || details.startsWith("\n")
    ? `${text}${details}\n`
    : `${text.trimEnd()}\n\t${details.trimStart()}\n`;
}

/** Lines as they come, under each other as far as that can be known before. */
export class Stream {
  readonly #names: readonly (keyof Columns)[];
  readonly #widths: Widths;
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#names = NAMES.filter(
      (name) => (name !== "netid" || layout.netid) && (name !== "state" || layout.state),
    );
    this.#widths = {
      ...widthsOf(this.#names, [HEADER]),
      state: 10,
      local: 24,
      peer: 24,
      localPort: 5,
      peerPort: 5,
    };
    this.#layout = layout;
  }

  async header(): Promise<void> {
    if (this.#layout.header) await print(headerLine(this.#names, this.#widths, this.#layout.colour));
  }

  async line(socket: AnySocket, show: Show): Promise<void> {
    const columns = columnsOf(socket, show);
    await print(socketLine(this.#names, this.#widths, columns, detailsOf(socket, show), this.#layout));
  }
}
