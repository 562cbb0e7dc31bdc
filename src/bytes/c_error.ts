/** The error of reading C declarations: where it is, what was expected and what came. */

const EXCERPT = 100;

/** Text that is not a C declaration as {@link parseDeclarations} takes them. The message begins with `line 2, column 7: `. */
export class CSyntaxError extends SyntaxError {
  override readonly name = "CSyntaxError";
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 code units of JavaScript. */
  readonly column: number;
  /** What is wrong, without the place. */
  readonly reason: string;
  /** The line, cut if it is long, and below it a caret under the place. */
  readonly excerpt: string;

  /** @param offset where in `text` it is */
  constructor(text: string, offset: number, reason: string) {
    const start = text.lastIndexOf("\n", offset - 1) + 1;
    const newline = text.indexOf("\n", offset);
    const end = newline < 0 ? text.length : newline;
    let line = 1;
    for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
    const column = offset - start + 1;
    super(`line ${line}, column ${column}: ${reason}`);
    this.line = line;
    this.column = column;
    this.reason = reason;
    const from = Math.max(start, offset - EXCERPT / 2);
    const shown = text.slice(from, Math.min(end, from + EXCERPT)).replace(/\r$/, "");
    this.excerpt = `${shown}\n${text.slice(from, offset).replace(/[^\t]/g, " ")}^`;
  }
}
