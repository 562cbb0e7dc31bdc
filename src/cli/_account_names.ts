/** Names of users and groups, as getpwuid(3) and getgrgid(3) read them from their files. */
import { readFileSync } from "node:fs";

const cache = new Map<string, ReadonlyMap<number, string>>();

function namesIn(file: "passwd" | "group"): ReadonlyMap<number, string> {
  const known = cache.get(file);
  if (known !== undefined) return known;
  const names = new Map<number, string>();
  try {
    for (const line of readFileSync(`/etc/${file}`, "utf8").split("\n")) {
      const [name, , id] = line.split(":");
      if (name && id && !names.has(Number(id))) names.set(Number(id), name);
    }
  } catch {
    // Numbers stay numbers.
  }
  cache.set(file, names);
  return names;
}

/** The name of a user or group; its number where it has none. */
export function accountName(file: "passwd" | "group", id: number): string | number {
  return namesIn(file).get(id) ?? id;
}
