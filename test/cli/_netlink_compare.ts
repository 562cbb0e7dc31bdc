/** Rows of ours beside those of ip(8), when what is read goes on changing meanwhile. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";

export type Json = Readonly<Record<string, unknown>>;

/** ip(8) before 6.3 does not know who made an address. */
const OLD_IP = /^ip utility, iproute2-(?:[1-5]\.|6\.[0-2]\b)/.test(
  spawnSync("ip", ["-V"], { encoding: "utf8" }).stdout ?? "",
);

/** What ours has and ip(8) has not, with the reason: all that is left out of a comparison. */
export const LEFT_OUT: readonly { readonly noun: string; readonly field: string; readonly reason: string }[] =
  OLD_IP
    ? [{ noun: "addr", field: "protocol", reason: "this ip(8) does not know IFA_PROTO; 6.3 and later do" }]
    : [];

export function withoutLeftOut(noun: string, rows: readonly Json[]): Json[] {
  const fields = LEFT_OUT.filter((it) => it.noun === noun).map((it) => it.field);
  const info = (row: Json): Json =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !fields.includes(name)));
  return rows.map((row) =>
    Array.isArray(row.addr_info) ? { ...row, addr_info: row.addr_info.map((it) => info(it as Json)) } : row,
  );
}

/** Fields that count by themselves, down and up: ours stands between ip's before and ip's after. */
const DOWN = new Set([
  "expires",
  "valid_life_time",
  "preferred_life_time",
  "hello_timer",
  "gc_timer",
  "tcn_timer",
  "topology_change_timer",
  "hold_timer",
  "message_age_timer",
  "forward_delay_timer",
]);
const UP = new Set(["used", "confirmed", "updated", "age"]);

/**
 * What ip(8) tells as JSON. Of a route with a tunnel it writes some names twice, for the tunnel and for the route: those of
 * the tunnel are called `encap_…` here, as ours are.
 */
export function ipJson(args: readonly string[]): Json[] {
  const text = execFileSync("ip", ["-j", ...args], { encoding: "utf8", maxBuffer: 1e9 }).trim();
  return parseIpJson(text);
}

export function parseIpJson(text: string): Json[] {
  if (text.trim() === "") return [];
  const rows: Json[] = JSON.parse(text.replace(TUNNEL, apart), together);
  // Links and addresses that are not wanted leave empty objects.
  const full = (list: readonly Json[]): Json[] => list.filter((row) => Object.keys(row).length > 0);
  return full(rows).map((row) =>
    Array.isArray(row.addr_info) ? { ...row, addr_info: full(row.addr_info) } : row,
  );
}

const VALUE = String.raw`(?:"[^"]*"|-?[\d.]+|true|\[[^\]]*\]|\{"segs":\[[^\]]*\]\})`;
const NAMES =
  "id|src|dst|ttl|tos|hoplimit|tc|mode|segs|action|srh|table|vrftable|nh4|nh6|iif|oif|key|csum|seq";
/** A tunnel's type, and its fields, which stand right behind it. */
const TUNNEL = new RegExp(`("encap":"[^"]*")((?:,"(?:${NAMES})":${VALUE})*)`, "g");

function apart(_all: string, type: string, fields: string): string {
  const seen = new Set<string>();
  const renamed = fields.replace(new RegExp(`,"(${NAMES})":(${VALUE})`, "g"), (field, name, value) => {
    if (seen.has(name)) return field; // the route's own, which has no other field between
    seen.add(name);
    return `,"encap_${name}":${value}`;
  });
  return type + renamed;
}

/** A field of a tunnel that the route has not has its own name. */
function together(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("encap" in value)) return value;
  const entries = Object.entries(value).map(([name, it]) => {
    const own = name.replace(/^encap_/, "");
    return [own in value ? name : own, it];
  });
  return Object.fromEntries(entries);
}

/** "same", "moved" where ip's own two readings differ, or what differs. */
export function difference(
  before: unknown,
  ours: unknown,
  after: unknown,
  path = "",
): "same" | "moved" | string {
  const name = path.replace(/.*[.\]]/, "");
  if (typeof before === "number" && typeof after === "number" && (DOWN.has(name) || UP.has(name))) {
    const [low, high] = DOWN.has(name) ? [after, before] : [before, after];
    if (low > high) return "moved"; // it began anew meanwhile
    return typeof ours === "number" && ours >= low && ours <= high
      ? "same"
      : `${path}: ${low} … ${high}, ours ${ours}`;
  }
  if (typeof before !== "object" || before === null || typeof after !== "object" || after === null) {
    if (before !== after) return "moved";
    return Object.is(ours, before)
      ? "same"
      : `${path}: ${JSON.stringify(before)}, ours ${JSON.stringify(ours)}`;
  }
  if (typeof ours !== "object" || ours === null)
    return `${path}: ${JSON.stringify(before)}, ours ${JSON.stringify(ours)}`;
  const of = (value: object): Json => value as Json;
  const names = [...new Set([before, ours, after].flatMap(Object.keys))];
  let worst: string = "same";
  for (const key of names) {
    const below = Array.isArray(before) ? `${path}[${key}]` : `${path}.${key}`;
    const found = difference(of(before)[key], of(ours)[key], of(after)[key], below);
    if (found === "moved") return "moved";
    if (worst === "same") worst = found;
  }
  return worst;
}

const TRIES = 40;

/**
 * Reads ip's, ours and ip's again until ip's are the same but for what counts by itself, and ours then has to be the same
 * field by field, entry by entry.
 */
export async function assertSame(
  what: string,
  theirs: () => readonly Json[],
  ours: () => readonly Json[] | Promise<readonly Json[]>,
): Promise<number> {
  for (let tries = 1; ; tries++) {
    const before = theirs();
    const mine = JSON.parse(JSON.stringify(await ours())) as Json[];
    const found = difference(before, mine, theirs());
    if (found === "same") return mine.length;
    if (found !== "moved") {
      const at = Number(/^\[(\d+)\]/.exec(found)?.[1] ?? 0);
      assert.fail(
        `${what}: ${found}\ntheirs: ${JSON.stringify(before[at])}\nours:   ${JSON.stringify(mine[at])}`,
      );
    }
    if (tries === TRIES) assert.fail(`${what}: ip's own readings never were the same`);
  }
}

/** A colour, what is painted, spaces behind it that ip(8) paints too, and the end of the colour. */
const ESCAPE = String.fromCharCode(27);
const PAINTED = new RegExp(`${ESCAPE}\\[([\\d;]+)m([^${ESCAPE}]*?)(\\s*)${ESCAPE}\\[0m`, "g");

/** Lines without the spaces of a layout, without what counts by itself, and with colours that end where a word ends. */
export function plain(text: string): string[] {
  const still = text
    .replace(PAINTED, (_, code, word, space) => (word === "" ? space : `\x1b[${code}m${word}\x1b[0m${space}`))
    .replace(/\b\d+sec\b/g, "Nsec")
    .replace(/_timer +[\d.]+/g, "_timer N")
    .replace(/used \d+\/\d+\/\d+/g, "used N ");
  return still
    .split("\n")
    .map((line) =>
      line
        .replace(/\s+/g, " ")
        .replace(/ ?\\ ?/g, "\\")
        .trim(),
    )
    .filter((line) => line !== "");
}

/** Text without what is {@link LEFT_OUT}. */
export function withoutMaker(text: string): string {
  return LEFT_OUT.length === 0 ? text : text.replace(/ proto kernel_\w+/g, "");
}
