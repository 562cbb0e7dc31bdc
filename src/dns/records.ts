/** The types of record that are read field by field, and the reading of their data. */
import type {
  CaaData,
  DnskeyData,
  DsData,
  HInfoData,
  MxData,
  NaptrData,
  SoaData,
  SrvData,
  TlsaData,
} from "dns-packet";
import { Ipv4Addr, Ipv6Addr } from "../ip/index.ts";
import type { Codec } from "./_codec.ts";
import { MalformedError, readName } from "./_name.ts";

/** The fields of each type, under the names of its RFC. Names come without their last dot, the root is `"."`. */
export interface DnsRecordData {
  /** RFC 1035 §3.4.1 */
  readonly A: { readonly address: Ipv4Addr };
  /** RFC 3596 */
  readonly AAAA: { readonly address: Ipv6Addr };
  readonly CNAME: { readonly target: string };
  /** RFC 6672 */
  readonly DNAME: { readonly target: string };
  readonly NS: { readonly target: string };
  readonly PTR: { readonly target: string };
  /** RFC 1035 §3.3.9: the lowest preference is tried first. */
  readonly MX: { readonly preference: number; readonly exchange: string };
  /** RFC 1035 §3.3.14. `text` is all strings in one, read as UTF-8, which is how SPF and DKIM take them. */
  readonly TXT: { readonly strings: readonly Uint8Array[]; readonly text: string };
  /** RFC 2782: the lowest priority is tried first; `"."` as the target means that the service is not there. */
  readonly SRV: {
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  };
  /** RFC 1035 §3.3.13; the last four in seconds. */
  readonly SOA: {
    readonly mname: string;
    readonly rname: string;
    readonly serial: number;
    readonly refresh: number;
    readonly retry: number;
    readonly expire: number;
    readonly minimum: number;
  };
  /** RFC 8659 */
  readonly CAA: { readonly flags: number; readonly tag: string; readonly value: string };
  /** RFC 3403 §4 */
  readonly NAPTR: {
    readonly order: number;
    readonly preference: number;
    readonly flags: string;
    readonly services: string;
    readonly regexp: string;
    readonly replacement: string;
  };
  readonly HINFO: { readonly cpu: string; readonly os: string };
  /** RFC 4255 §3.1 */
  readonly SSHFP: { readonly algorithm: number; readonly hash: number; readonly fingerprint: Uint8Array };
  /** RFC 6698 §2.1 */
  readonly TLSA: {
    readonly usage: number;
    readonly selector: number;
    readonly matchingType: number;
    readonly certificate: Uint8Array;
  };
  /** RFC 4034 §5.1 */
  readonly DS: {
    readonly keyTag: number;
    readonly algorithm: number;
    readonly digestType: number;
    readonly digest: Uint8Array;
  };
  /** RFC 4034 §2.1 */
  readonly DNSKEY: { readonly flags: number; readonly algorithm: number; readonly key: Uint8Array };
}

export type KnownType = keyof DnsRecordData;
/** A type that is not read field by field, by its number: RFC 3597 §5. */
export type OtherType = `TYPE${number}`;
/** What can be asked for; `"ANY"` is whatever the server cares to tell (RFC 8482). */
export type DnsRecordType = KnownType | OtherType | "ANY";

interface RecordOf<T extends string> {
  /** Whose record it is. */
  readonly name: string;
  readonly type: T;
  /** How many seconds it may be kept. */
  readonly ttl: number;
}

/** One record of class IN. */
export type DnsRecord<T extends DnsRecordType = "ANY"> = T extends KnownType
  ? RecordOf<T> & DnsRecordData[T]
  : T extends "ANY"
    ? { [K in KnownType]: RecordOf<K> & DnsRecordData[K] }[KnownType] | OtherRecord
    : OtherRecord;

/** A record whose data is not read. */
export type OtherRecord = RecordOf<OtherType> & { readonly data: Uint8Array };

/** The data of one record: a part of a message, since names in it may point to what stands before. */
class Data {
  readonly #codec: Codec;
  /** The message up to the end of the data: nothing reads further. */
  readonly #message: Buffer;
  readonly #start: number;

  /** @param start where the data begins, behind the two bytes of its length */
  constructor(codec: Codec, message: Uint8Array, start: number, end: number) {
    this.#codec = codec;
    this.#message = Buffer.from(message.buffer, message.byteOffset, end);
    this.#start = start;
  }

  /** A copy of the bytes. */
  bytes(from = 0): Uint8Array {
    return new Uint8Array(this.#message.subarray(this.#start + from));
  }

  get length(): number {
    return this.#message.length - this.#start;
  }

  /** Exactly so many bytes, as address records have. */
  exactly(length: number): Uint8Array {
    if (this.length !== length) throw new MalformedError(`${this.length} bytes of data instead of ${length}`);
    return this.bytes();
  }

  /**
   * The data as dns-packet reads it. It does not mind the data's length everywhere, and may throw anything or read
   * past the end; what it has not read exactly to its end is refused.
   */
  fields<T>(type: string): T {
    const decoder = this.#codec.record(type);
    let fields: unknown;
    try {
      fields = decoder.decode(this.#message, this.#start - 2);
    } catch (cause) {
      throw new MalformedError(`data of type ${type}`, { cause });
    }
    if (decoder.decode.bytes !== this.length + 2) {
      throw new MalformedError(`data of type ${type} does not have the length that it says`);
    }
    return fields as T;
  }

  /** The name that begins at `at`, and where the next field does. dns-packet takes a dot in a label for a separator. */
  name(at: number): { name: string; next: number } {
    const { name, next } = readName(this.#message, this.#start + at);
    return { name, next: next - this.#start };
  }

  /** The name from `at` to the end. */
  lastName(at = 0): string {
    const { name, next } = this.name(at);
    if (next !== this.length) throw new MalformedError("data goes on behind its name");
    return name;
  }

  /** Where the field behind so many character strings begins (RFC 1035 §3.3). */
  behindStrings(at: number, count: number): number {
    let next = at;
    for (let i = 0; i < count; i++) next += 1 + (this.#message[this.#start + next] ?? 0);
    return next;
  }
}

interface Row<T> {
  /** IANA's number of the type. */
  readonly number: number;
  readonly read: (data: Data) => T;
}

const target = (data: Data): { target: string } => ({ target: data.lastName() });

const ROWS: { readonly [T in KnownType]: Row<DnsRecordData[T]> } = {
  A: { number: 1, read: (data) => ({ address: Ipv4Addr.fromBytes(data.exactly(4)) }) },
  AAAA: { number: 28, read: (data) => ({ address: Ipv6Addr.fromBytes(data.exactly(16)) }) },
  CNAME: { number: 5, read: target },
  DNAME: { number: 39, read: target },
  NS: { number: 2, read: target },
  PTR: { number: 12, read: target },
  MX: {
    number: 15,
    read(data) {
      const { preference = 0 } = data.fields<MxData>("MX");
      return { preference, exchange: data.lastName(2) };
    },
  },
  TXT: {
    number: 16,
    read(data) {
      const strings = data.fields<Buffer[]>("TXT").map((bytes) => new Uint8Array(bytes));
      return { strings, text: new TextDecoder().decode(Buffer.concat(strings)) };
    },
  },
  SRV: {
    number: 33,
    read(data) {
      const { priority = 0, weight = 0, port } = data.fields<SrvData>("SRV");
      return { priority, weight, port, target: data.lastName(6) };
    },
  },
  SOA: {
    number: 6,
    read(data) {
      const fields = data.fields<SoaData>("SOA");
      const { serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 } = fields;
      const { name: mname, next } = data.name(0);
      return { mname, rname: data.name(next).name, serial, refresh, retry, expire, minimum };
    },
  },
  CAA: {
    number: 257,
    read(data) {
      const { flags = 0, tag, value } = data.fields<CaaData>("CAA");
      if (data.behindStrings(1, 1) > data.length) throw new MalformedError("a tag runs past the end");
      return { flags, tag, value };
    },
  },
  NAPTR: {
    number: 35,
    read(data) {
      const { order, preference, flags, services, regexp } = data.fields<NaptrData>("NAPTR");
      const replacement = data.lastName(data.behindStrings(4, 3));
      return { order, preference, flags, services, regexp, replacement };
    },
  },
  HINFO: {
    number: 13,
    read(data) {
      const { cpu, os } = data.fields<HInfoData>("HINFO");
      return { cpu, os };
    },
  },
  SSHFP: {
    number: 44,
    read(data) {
      // dns-packet knows the length of two kinds of hash only.
      const [algorithm, hash] = data.bytes();
      if (algorithm === undefined || hash === undefined) throw new MalformedError("data of type SSHFP");
      return { algorithm, hash, fingerprint: data.bytes(2) };
    },
  },
  TLSA: {
    number: 52,
    read(data) {
      const { usage, selector, matchingType } = data.fields<TlsaData>("TLSA");
      return { usage, selector, matchingType, certificate: data.bytes(3) };
    },
  },
  DS: {
    number: 43,
    read(data) {
      const { keyTag, algorithm, digestType } = data.fields<DsData>("DS");
      return { keyTag, algorithm, digestType, digest: data.bytes(4) };
    },
  },
  DNSKEY: {
    number: 48,
    read(data) {
      const { flags, algorithm } = data.fields<DnskeyData>("DNSKEY");
      return { flags, algorithm, key: data.bytes(4) };
    },
  },
};

/** The types that are read field by field. */
export const KNOWN_TYPES = Object.keys(ROWS) as readonly KnownType[];

const ANY = 255; // RFC 1035 §3.2.3
/** No questions: OPT is a part of every message, and the others are transfers and signatures of messages. */
const NOT_ASKED = new Set([0, 41, 249, 250, 251, 252]);
const TYPES_BY_NUMBER = new Map<number, KnownType>(KNOWN_TYPES.map((type) => [ROWS[type].number, type]));

/**
 * @returns IANA's number of a type, which may be one that is not read
 * @throws {TypeError} for what is no type, or none to be asked for
 */
export function typeNumber(type: string): number {
  const number = Object.hasOwn(ROWS, type)
    ? ROWS[type as KnownType].number
    : type === "ANY"
      ? ANY
      : /^TYPE(0|[1-9]\d{0,4})$/.test(String(type))
        ? Number(type.slice(4))
        : Number.NaN;
  if (number <= 0xffff && !NOT_ASKED.has(number)) return number;
  throw new TypeError(`type: expected ${KNOWN_TYPES.join(", ")}, ANY or such as TYPE65, got ${String(type)}`);
}

/** The type of a number; those that are not read field by field are `TYPE` and the number. */
export function typeName(number: number): KnownType | OtherType {
  return TYPES_BY_NUMBER.get(number) ?? `TYPE${number}`;
}

/**
 * Reads one record.
 * @param start where its data begins
 * @throws {MalformedError} nothing else, whatever the bytes
 */
export function readRecord(
  codec: Codec,
  message: Uint8Array,
  head: { readonly name: string; readonly type: number; readonly ttl: number },
  start: number,
  end: number,
): DnsRecord {
  const data = new Data(codec, message, start, end);
  const type = TYPES_BY_NUMBER.get(head.type);
  const { name, ttl } = head;
  if (type === undefined) return { name, type: `TYPE${head.type}`, ttl, data: data.bytes() };
  return { name, type, ttl, ...ROWS[type].read(data) } as DnsRecord;
}
