/** Patterns of names, as ip(8) takes them. */

/** A pattern of glob(7), `*`, `?` and `[…]`, as fnmatch(3) reads it. */
export function glob(pattern: string): (text: string) => boolean {
  const source = pattern.replace(/\\(.)|\[(!|\^)?(\]?[^\]]*)\]|[\s\S]/g, (all, quoted, not, set) => {
    if (quoted !== undefined) return literally(quoted);
    if (set !== undefined) return `[${not ? "^" : ""}${set.replace(/[\\\]^]/g, "\\$&")}]`;
    return all === "*" ? "[^]*" : all === "?" ? "[^]" : literally(all);
  });
  const expression = new RegExp(`^${source}$`, "u");
  return (text) => expression.test(text);
}

function literally(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, "\\$&");
}
