/** docs/layouts.md does what it says: its snippets print what stands below them. */
import { test } from "node:test";
import { assertSnippets } from "../_snippets.ts";

test("the snippets print what the text below them says", () => assertSnippets("layouts.md", 5));
