/** DNS messages: writing a query, telling whether an answer belongs to it, and reading the answer. */
import type { Codec } from "./_codec.ts";
import { foldCase, MalformedError, nameBytes, readName } from "./_name.ts";
import { type DnsRecord, readRecord } from "./records.ts";

// RFC 1035 §4.1.1, RFC 2535 §6.1: byte offsets, and the bits of the second field
const ID = 0;
const FLAGS = 2;
const QDCOUNT = 4;
const ANCOUNT = 6;
const NSCOUNT = 8;
const ARCOUNT = 10;
const HEADER_LEN = 12;
const QR = 0x8000;
const OPCODE = 0x7800;
const AA = 0x0400;
const TC = 0x0200;
const RD = 0x0100;
const RA = 0x0080;
const AD = 0x0020;
const CD = 0x0010;
const RCODE = 0x000f;

const CLASS_IN = 1;
const TYPE_OPT = 41; // RFC 6891 §6.1.1
const OPTION_EDE = 15; // RFC 8914
const MAX_TTL = 0x7fffffff; // RFC 2181 §8: more than that counts as 0
/** RFC 8467 §4.1 */
const PADDING_BLOCK = 128;
/** An OPT record without options, and the head of the padding option (RFC 7830). */
const OPT_LEN = 11;
const OPTION_HEAD_LEN = 4;

/** IANA's names of the response codes; those without a name are `RCODE` and the number. */
const RCODES: readonly string[] = [
  "NOERROR",
  "FORMERR",
  "SERVFAIL",
  "NXDOMAIN",
  "NOTIMP",
  "REFUSED",
  "YXDOMAIN",
  "YXRRSET",
  "NXRRSET",
  "NOTAUTH",
  "NOTZONE",
];
const BADVERS = 16;

/** Codes with which servers answer that have not looked at the question, and some of them leave it out. */
const NO_QUESTION_NEEDED = new Set(["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"]);

export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? (rcode === BADVERS ? "BADVERS" : `RCODE${rcode}`);
}

/** The bits of a header. */
export interface DnsFlags {
  /** AA: the server is one of the zone's own. */
  readonly authoritative: boolean;
  /** TC: the answer did not fit. */
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** AD: the server says that it has verified the answer by DNSSEC. */
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
}

/** RFC 8914: why the server answers as it does. */
export interface ExtendedError {
  /** IANA's "Extended DNS Error Codes", such as 6, "DNSSEC Bogus". */
  readonly code: number;
  readonly text: string;
}

export interface Message {
  readonly rcode: string;
  readonly flags: DnsFlags;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly extendedErrors: readonly ExtendedError[];
}

/** What goes into a query. */
export interface QueryFields {
  readonly id: number;
  /** One that `nameFault` finds nothing wrong with, without its last dot. */
  readonly name: string;
  readonly type: number;
  /** The largest answer over UDP that is taken, by EDNS; 0 for a query without EDNS. */
  readonly ednsBytes: number;
  /** Asks for the AD bit of the answer, RFC 6840 §5.7. */
  readonly trustAd: boolean;
  /** Fills the query up, so that its length tells less of the name where the bytes are encrypted. */
  readonly padded: boolean;
}

/** The bytes of a query, and where its question ends. */
export interface Query {
  readonly bytes: Uint8Array;
  readonly questionEnd: number;
  readonly edns: boolean;
}

export function encodeQuery(codec: Codec, fields: QueryFields): Query {
  const { id, name, type, ednsBytes, trustAd, padded } = fields;
  const questionEnd = HEADER_LEN + nameBytes(name) + 4;
  const edns = ednsBytes > 0;
  const bare = questionEnd + OPT_LEN + OPTION_HEAD_LEN;
  const options = padded ? [{ code: 12 as const, length: -bare & (PADDING_BLOCK - 1) }] : [];
  const opt = {
    type: "OPT" as const,
    name: ".",
    udpPayloadSize: ednsBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options,
  };
  const bytes = codec.encode({
    type: "query",
    id,
    flags: RD | (trustAd ? AD : 0),
    questions: [{ name, type: `UNKNOWN_${type}` as "A" }], // as dns-packet names a type by its number
    additionals: edns ? [opt] : [],
  });
  return { bytes: new Uint8Array(bytes), questionEnd, edns };
}

const u16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/**
 * Whether bytes are the answer to a query: RFC 5452 §9.1, of which the addresses are the connected socket's business.
 * @param exactCase whether the name must come back with the upper and lower case that it was sent with
 * @returns why they are not, or `undefined` where they are
 */
export function mismatch(query: Query, answer: Uint8Array, exactCase: boolean): string | undefined {
  if (answer.length < HEADER_LEN) return "shorter than a header";
  if (u16(answer, ID) !== u16(query.bytes, ID)) return "another id";
  const flags = u16(answer, FLAGS);
  if ((flags & QR) === 0) return "a query";
  if ((flags & OPCODE) !== 0) return "another opcode";
  const questions = u16(answer, QDCOUNT);
  if (questions === 0 && NO_QUESTION_NEEDED.has(rcodeName(flags & RCODE))) return undefined;
  if (questions !== 1 || answer.length < query.questionEnd) return "another question";
  // A question is the first name of its message, so it has no pointers: the bytes can be compared.
  for (let i = HEADER_LEN; i < query.questionEnd; i++) {
    const [sent, got] = [query.bytes[i] as number, answer[i] as number];
    if (sent === got) continue;
    // Lengths of labels are below the letters, and the type and the class stand behind the name.
    const inName = i < query.questionEnd - 4;
    if (exactCase || !inName || lower(sent) !== lower(got)) return "another question";
  }
  return undefined;
}

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

/** Whether a message says that not all of it fitted. */
export function isTruncated(message: Uint8Array): boolean {
  return (u16(message, FLAGS) & TC) !== 0;
}

/**
 * Reads an answer. Records of other classes than IN are left out.
 * @throws {MalformedError} nothing else, whatever the bytes
 */
export function decodeMessage(codec: Codec, bytes: Uint8Array): Message {
  if (bytes.length < HEADER_LEN) throw new MalformedError("shorter than a header");
  const flags = u16(bytes, FLAGS);
  let at = HEADER_LEN;
  for (let i = u16(bytes, QDCOUNT); i > 0; i--) {
    at = readName(bytes, at).next + 4;
    if (at > bytes.length) throw new MalformedError("a question runs past the end");
  }
  let rcode = flags & RCODE;
  const extendedErrors: ExtendedError[] = [];
  const section = (count: number): DnsRecord[] => {
    const records: DnsRecord[] = [];
    for (let i = 0; i < count; i++) {
      const { name, next } = readName(bytes, at);
      const start = next + 10; // type, class, TTL, length: RFC 1035 §4.1.3
      if (start > bytes.length) throw new MalformedError("a record runs past the end");
      const end = start + u16(bytes, next + 8);
      if (end > bytes.length) throw new MalformedError("the data of a record runs past the end");
      const type = u16(bytes, next);
      at = end;
      if (type === TYPE_OPT) {
        rcode |= (bytes[next + 4] as number) << 4; // the upper bits, RFC 6891 §6.1.3
        extendedErrors.push(...readExtendedErrors(bytes.subarray(start, end)));
        continue;
      }
      if (u16(bytes, next + 2) !== CLASS_IN) continue;
      const ttl = u16(bytes, next + 4) * 0x10000 + u16(bytes, next + 6);
      const head = { name, type, ttl: ttl > MAX_TTL ? 0 : ttl };
      records.push(readRecord(codec, bytes, head, start, end));
    }
    return records;
  };
  const answers = section(u16(bytes, ANCOUNT));
  const authorities = section(u16(bytes, NSCOUNT));
  const additionals = section(u16(bytes, ARCOUNT));
  return {
    rcode: rcodeName(rcode),
    flags: {
      authoritative: (flags & AA) !== 0,
      truncated: (flags & TC) !== 0,
      recursionDesired: (flags & RD) !== 0,
      recursionAvailable: (flags & RA) !== 0,
      authenticData: (flags & AD) !== 0,
      checkingDisabled: (flags & CD) !== 0,
    },
    answers,
    authorities,
    additionals,
    extendedErrors,
  };
}

/** The options of an OPT record that tell why; RFC 6891 §6.1.2, RFC 8914 §2. */
function readExtendedErrors(options: Uint8Array): ExtendedError[] {
  const errors: ExtendedError[] = [];
  for (let at = 0; at < options.length; ) {
    if (at + OPTION_HEAD_LEN > options.length) throw new MalformedError("an option runs past the end");
    const start = at + OPTION_HEAD_LEN;
    const end = start + u16(options, at + 2);
    if (end > options.length) throw new MalformedError("an option runs past the end");
    if (u16(options, at) === OPTION_EDE && end - start >= 2) {
      const text = new TextDecoder().decode(options.subarray(start + 2, end)).replace(/\0$/, "");
      errors.push({ code: u16(options, start), text });
    }
    at = end;
  }
  return errors;
}

/**
 * Follows the aliases of an answer, beginning with the name that was asked for. A circle of them ends where it began.
 * @returns the records of a type at the end of the chain, and the name there
 */
export function followAliases<R extends DnsRecord>(
  answers: readonly DnsRecord[],
  name: string,
  type: R["type"],
): { readonly name: string; readonly records: readonly R[] } {
  const aliases = new Map<string, string>();
  const found = new Map<string, R[]>();
  for (const record of answers) {
    const owner = foldCase(record.name);
    if (record.type === "CNAME" && !aliases.has(owner)) aliases.set(owner, record.target);
    if (record.type !== type) continue;
    const list = found.get(owner);
    if (list === undefined) found.set(owner, [record as R]);
    else list.push(record as R);
  }
  const seen = new Set<string>();
  let end = name;
  for (let key = foldCase(end); !seen.has(key); key = foldCase(end)) {
    seen.add(key);
    const target = aliases.get(key);
    if (type === "CNAME" || found.has(key) || target === undefined) {
      return { name: end, records: found.get(key) ?? [] };
    }
    end = target;
  }
  return { name: end, records: [] };
}
