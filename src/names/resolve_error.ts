/** ResolveError: a name, service or address that could not be resolved. */
import * as C from "../sys/index.ts";

const CODES = {
  EAI_BADFLAGS: C.EAI_BADFLAGS,
  EAI_NONAME: C.EAI_NONAME,
  EAI_AGAIN: C.EAI_AGAIN,
  EAI_FAIL: C.EAI_FAIL,
  EAI_NODATA: C.EAI_NODATA,
  EAI_FAMILY: C.EAI_FAMILY,
  EAI_SOCKTYPE: C.EAI_SOCKTYPE,
  EAI_SERVICE: C.EAI_SERVICE,
  EAI_ADDRFAMILY: C.EAI_ADDRFAMILY,
  EAI_MEMORY: C.EAI_MEMORY,
  EAI_SYSTEM: C.EAI_SYSTEM,
  EAI_OVERFLOW: C.EAI_OVERFLOW,
} as const;

/** The names of getaddrinfo(3)'s errors. */
export type ResolveErrorCode = keyof typeof CODES;

const NAMES = new Map<number, ResolveErrorCode>(
  Object.entries(CODES).map(([name, number]) => [number, name as ResolveErrorCode]),
);

const HINTS: Partial<Record<ResolveErrorCode, string>> = {
  EAI_NONAME: "no such host is known; check the spelling",
  EAI_AGAIN: "the name server gave no answer for now; check the network and /etc/resolv.conf",
  EAI_FAIL: "the name server refused or failed",
  EAI_NODATA: "the name exists, but has no address of the kind asked for",
  EAI_ADDRFAMILY: "the name exists, but has no address of the family asked for",
  EAI_SERVICE:
    "no such service is known for this kind of socket (see /etc/services); a port number from 0 to 65535 works too",
};

/** Resolving failed. `message` is one line: what was resolved, libc's text, the code, and what to do about it. */
export class ResolveError extends Error {
  override readonly name = "ResolveError";
  /** Such as `"EAI_NONAME"`; a number that we have no name for stays a number, as `"EAI_-105"`. */
  readonly code: ResolveErrorCode | `EAI_${number}`;
  readonly host: string | undefined;
  readonly service: string | undefined;

  /** @param errno counts where `error` is EAI_SYSTEM, and is kept as the cause */
  constructor(
    error: number,
    host: string | undefined,
    service: string | undefined,
    details: { errno?: number; hint?: string } = {},
  ) {
    const code = NAMES.get(error) ?? (`EAI_${error}` as const);
    const cause =
      error === C.EAI_SYSTEM && details.errno ? new C.SysError(details.errno, "getaddrinfo") : undefined;
    const asked = service === "0" ? undefined : service; // port 0 stands for none
    const what = [host, asked].filter((part) => part !== undefined).map((part) => abbreviate(part));
    const hint = cause?.message ?? details.hint ?? HINTS[code as ResolveErrorCode];
    super(
      `resolve ${what.join(" ")}: ${C.gai_strerror(error)} (${code})${hint === undefined ? "" : `: ${hint}`}`,
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.host = host;
    this.service = service;
  }
}

/** Text from outside, for one line of a message: escaped, and cut where it is long. */
function abbreviate(text: string): string {
  const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // JSON leaves DEL, the C1 controls, line separators and the marks that change the direction of text as they are.
  const printable = JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
  return printable.length <= 80 ? printable : `${printable.slice(0, 60)}… (${text.length} characters)`;
}
