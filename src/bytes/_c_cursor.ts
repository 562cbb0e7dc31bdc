/** Walks along the tokens of C text, and says what was expected where another one stands. */
import { called } from "./_c_lexer.ts";
import type { ParsedToken } from "./_c_preprocessor.ts";
import { CSyntaxError } from "./c_error.ts";

export class Cursor {
  readonly #text: string;
  readonly #tokens: readonly ParsedToken[];
  #at = 0;

  /** @param tokens the last one is the end */
  constructor(text: string, tokens: readonly ParsedToken[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  peek(ahead = 0): ParsedToken {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as ParsedToken;
  }

  next(): ParsedToken {
    const token = this.peek();
    if (token.kind !== "end") this.#at++;
    return token;
  }

  /** Whether the next token is this sign or word. */
  is(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === "sign" || token.kind === "word");
  }

  /** Takes the next token if it is this sign or word. */
  take(text: string): ParsedToken | undefined {
    return this.is(text) ? this.next() : undefined;
  }

  /** @throws {CSyntaxError} if the next token is another one */
  need(text: string, after = ""): ParsedToken {
    if (this.is(text)) return this.next();
    return this.expected(`"${text}"${after && ` after ${after}`}`);
  }

  /** @throws {CSyntaxError} always */
  fail(token: { readonly at: number }, reason: string): never {
    throw new CSyntaxError(this.#text, token.at, reason);
  }

  /** @throws {CSyntaxError} always */
  expected(what: string): never {
    return this.fail(this.peek(), `expected ${what}, got ${called(this.peek())}`);
  }

  /**
   * Skips `( … )`, `{ … }` or `[ … ]`, whose first sign comes next, with all that nests in it.
   * @throws {CSyntaxError} if it does not end
   */
  skipBraced(): void {
    const first = this.peek();
    const open: string[] = [];
    do {
      const token = this.next();
      if (token.kind === "end")
        this.fail(first, `expected the end of what ${first.text} opens, got the end of the text`);
      if (token.kind !== "sign") continue;
      const closes = { "(": ")", "{": "}", "[": "]" }[token.text];
      if (closes) open.push(closes);
      else if (token.text === open.at(-1)) open.pop();
      else if (")}]".includes(token.text)) this.fail(token, `expected "${open.at(-1)}", got "${token.text}"`);
    } while (open.length > 0);
  }
}
