/** docs/netlink.md does what it says: its snippets print what stands below them, each in a network namespace of its own. */
import { test } from "node:test";
import { assertSnippets } from "../_snippets.ts";
import { noNamespaces } from "../socket/_helpers.ts";

const NAMESPACE = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];

test("the snippets print what the text below them says", { skip: noNamespaces }, () =>
  assertSnippets("netlink.md", 6, NAMESPACE),
);
