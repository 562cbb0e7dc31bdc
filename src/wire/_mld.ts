/** Multicast listener discovery: what follows the fixed fields of its messages, RFC 2710 §3 and RFC 3810 §5. */
import { concatBytes } from "../bytes/index.ts";
import type { Ipv6Addr } from "../ip/index.ts";
import { bytesOrNone, describe, flag, put16, uint } from "./_encode.ts";
import { bytesNode, ipv6Bytes, listOrNone, PAYLOAD, readIpv6Addr, type Tail, untold } from "./_message.ts";
import { type TreeNode, u16 } from "./_pdu.ts";
import type { Told } from "./_told.ts";

const ADDR_LEN = 16;

/** What a query of version 2 has behind the address, RFC 3810 §5.1. */
export interface MldQueryVersion2 {
  /** Must be 0. */
  readonly reserved?: number | undefined;
  /** S: routers are not to update their timers. */
  readonly suppress?: boolean | undefined;
  /** QRV: the querier's robustness variable, 0 … 7. */
  readonly robustness: number;
  /** QQIC: the querier's query interval in seconds; from 128 on a floating point number, §5.1.9. */
  readonly queryIntervalCode: number;
  /** As many as there are unless told. */
  readonly numberOfSources?: number | undefined;
  readonly sources: readonly Ipv6Addr[];
}

/** A record of a report, RFC 3810 §5.2. */
export interface MldRecord {
  /** 1 mode is include, 2 mode is exclude, 3 change to include, 4 change to exclude, 5 allow new sources, 6 block old ones. */
  readonly recordType: number;
  readonly multicastAddress: Ipv6Addr;
  readonly sources?: readonly Ipv6Addr[] | undefined;
  /** A multiple of four bytes. */
  readonly auxiliaryData?: Uint8Array | undefined;
}

const V2_LEN = 4;

/** Addresses from `start` on: `count`, or as many as there are. */
function readAddrs(bytes: Uint8Array, start: number, end: number, count: number): readonly Ipv6Addr[] {
  const there = Math.min(count, Math.floor((end - start) / ADDR_LEN));
  return Array.from({ length: there }, (_, index) => readIpv6Addr(bytes, start + index * ADDR_LEN));
}

function writeAddrs(where: string, value: unknown): readonly Uint8Array[] {
  return listOrNone(where, value).map((addr, index) => ipv6Bytes(`${where}[${index}]`, addr));
}

function readVersion2(bytes: Uint8Array, start: number, end: number): Told<MldQueryVersion2> {
  const first = bytes[start] as number;
  const numberOfSources = u16(bytes, start + 2);
  return {
    reserved: first >>> 4,
    suppress: (first & 8) !== 0,
    robustness: first & 7,
    queryIntervalCode: bytes[start + 1] as number,
    numberOfSources,
    sources: readAddrs(bytes, start + V2_LEN, end, numberOfSources),
  };
}

function writeVersion2(value: unknown, where: string): Uint8Array {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`${where}: expected an object, got ${describe(value)}`);
  }
  const { reserved, suppress, robustness, queryIntervalCode, numberOfSources, sources } =
    value as MldQueryVersion2;
  const addrs = writeAddrs(`${where}.sources`, sources);
  const head = new Uint8Array(V2_LEN);
  head[0] =
    (uint(`${where}.reserved`, reserved ?? 0, 4) << 4) |
    (flag(`${where}.suppress`, suppress) ? 8 : 0) |
    uint(`${where}.robustness`, robustness, 3);
  head[1] = uint(`${where}.queryIntervalCode`, queryIntervalCode, 8);
  put16(head, 2, uint(`${where}.numberOfSources`, numberOfSources ?? addrs.length, 16));
  return concatBytes([head, ...addrs]);
}

function version2Node(bytes: Uint8Array, start: number, end: number): TreeNode {
  const { suppress, robustness, queryIntervalCode, sources } = readVersion2(bytes, start, end);
  const from = sources.length > 0 ? `, sources ${sources.join(", ")}` : "";
  return {
    name: "version2",
    label: "Version 2",
    text: `suppress ${suppress}, robustness ${robustness}, query interval code ${queryIntervalCode}${from}`,
    offset: start,
    lengthBytes: V2_LEN + sources.length * ADDR_LEN,
  };
}

/** Of a query: what version 2 has, where it is there; and the rest. */
export const MLD_QUERY: Tail = {
  read(bytes, start, end) {
    if (end - start < V2_LEN) return { payload: bytes.subarray(start, end) };
    const version2 = readVersion2(bytes, start, end);
    const rest = start + V2_LEN + version2.sources.length * ADDR_LEN;
    return { version2, payload: bytes.subarray(rest, end) };
  },
  write(fields, where, told) {
    const payload = PAYLOAD.write(fields, where, told);
    if (untold(fields, "version2")) return payload;
    return concatBytes([writeVersion2(fields.version2, `${where}.version2`), payload]);
  },
  nodes(bytes, start, end) {
    const nodes = end - start < V2_LEN ? [] : [version2Node(bytes, start, end)];
    return withRest(nodes, bytes, start, end);
  },
};

/** The nodes, and one of what is behind the last of them. */
function withRest(
  nodes: readonly TreeNode[],
  bytes: Uint8Array,
  start: number,
  end: number,
): readonly TreeNode[] {
  const last = nodes.at(-1);
  const rest = last ? last.offset + last.lengthBytes : start;
  return rest === end ? nodes : [...nodes, bytesNode("payload", "Rest", bytes, rest, end)];
}

const RECORD_LEN = 20;
const RECORDS_AT = 6;

interface PlacedRecord {
  readonly record: MldRecord;
  readonly offset: number;
  readonly lengthBytes: number;
}

/** As many records as the header tells of, and are there in full. */
function placedRecords(bytes: Uint8Array, start: number, end: number, base: number): readonly PlacedRecord[] {
  const list: PlacedRecord[] = [];
  let at = start;
  for (let count = u16(bytes, base + RECORDS_AT); count > 0 && end - at >= RECORD_LEN; count--) {
    const sourceCount = u16(bytes, at + 2);
    const sourcesEnd = at + RECORD_LEN + sourceCount * ADDR_LEN;
    const recordEnd = sourcesEnd + (bytes[at + 1] as number) * 4;
    if (recordEnd > end) break;
    const record = {
      recordType: bytes[at] as number,
      multicastAddress: readIpv6Addr(bytes, at + 4),
      sources: readAddrs(bytes, at + RECORD_LEN, sourcesEnd, sourceCount),
      auxiliaryData: bytes.subarray(sourcesEnd, recordEnd),
    };
    list.push({ record, offset: at, lengthBytes: recordEnd - at });
    at = recordEnd;
  }
  return list;
}

function writeRecord(record: unknown, where: string): Uint8Array {
  const { recordType, multicastAddress, sources, auxiliaryData } = (record ?? {}) as MldRecord;
  const addrs = writeAddrs(`${where}.sources`, sources);
  const data = bytesOrNone(`${where}.auxiliaryData`, auxiliaryData);
  if (data.length % 4 !== 0 || data.length > 0xff * 4) {
    throw new RangeError(
      `${where}.auxiliaryData: expected a multiple of 4 up to 1020 bytes, got ${data.length}`,
    );
  }
  const head = new Uint8Array(RECORD_LEN);
  head[0] = uint(`${where}.recordType`, recordType, 8);
  head[1] = data.length / 4;
  put16(head, 2, uint(`${where}.sources: their number`, addrs.length, 16));
  head.set(ipv6Bytes(`${where}.multicastAddress`, multicastAddress), 4);
  return concatBytes([head, ...addrs, data]);
}

const RECORD_TYPES: Readonly<Record<number, string>> = {
  1: "mode is include",
  2: "mode is exclude",
  3: "change to include",
  4: "change to exclude",
  5: "allow new sources",
  6: "block old sources",
};

function recordText({ recordType, multicastAddress, sources = [] }: MldRecord): string {
  const type = RECORD_TYPES[recordType] ?? `type ${recordType}`;
  return `${multicastAddress}, ${type}${sources.length > 0 ? `: ${sources.join(", ")}` : ""}`;
}

/** Of a report of version 2: its records, and the rest. */
export const MLD_RECORDS: Tail = {
  read(bytes, start, end, base) {
    const placed = placedRecords(bytes, start, end, base);
    const last = placed.at(-1);
    const rest = last ? last.offset + last.lengthBytes : start;
    return { records: placed.map(({ record }) => record), payload: bytes.subarray(rest, end) };
  },
  write(fields, where, told) {
    const records = listOrNone(`${where}.records`, fields.records);
    if (untold(fields, "numberOfRecords")) {
      put16(told, RECORDS_AT, uint(`${where}.records: their number`, records.length, 16));
    }
    const parts = records.map((record, index) => writeRecord(record, `${where}.records[${index}]`));
    return concatBytes([...parts, PAYLOAD.write(fields, where, told)]);
  },
  nodes(bytes, start, end, base) {
    const placed = placedRecords(bytes, start, end, base);
    const nodes = placed.map(({ record, offset, lengthBytes }) => ({
      name: "record",
      label: "Multicast Address Record",
      text: recordText(record),
      offset,
      lengthBytes,
    }));
    return withRest(nodes, bytes, start, end);
  },
};
