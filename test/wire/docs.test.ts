/** docs/wire.md does what it says. */
import { test } from "node:test";
import { assertSnippets } from "../_snippets.ts";

test("the snippets print what the text below them says", () => {
  assertSnippets("wire.md", 3);
});
