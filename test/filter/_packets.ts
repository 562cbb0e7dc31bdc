/** Random packets from a seed: all that the filters ask for, cut short at every place that matters, and garbage. */

import type { Random } from "./_random.ts";
import { HOSTS4, HOSTS6, MACS, PORTS } from "./_random_expressions.ts";

export type Link = "ethernet" | "raw" | "linux-sll" | "linux-sll2";

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const zeros = (length: number): number[] => new Array<number>(length).fill(0);
const random = (r: Random, length: number): number[] => [...r.bytes(length)];

/** A network-layer packet and its EtherType. */
interface Content {
  readonly type: number;
  readonly bytes: number[];
}

/** One packet; a third of them are cut short, most of those within their headers. */
export function randomPacket(r: Random, link: Link = "ethernet"): Uint8Array {
  if (r.integer(0, 24) === 0) return r.bytes(r.integer(0, 90));
  const bytes = frame(r, link, content(r));
  if (r.integer(0, 9) === 0)
    for (let i = r.integer(1, 4); i > 0; i--) bytes[r.integer(0, bytes.length - 1)] = r.next() & 0xff;
  const whole = Uint8Array.from(bytes);
  if (r.integer(0, 2) > 0) return whole;
  return whole.subarray(0, r.integer(0, Math.min(whole.length, r.pick([20, 40, 64, 90, 200]))));
}

function frame(r: Random, link: Link, { type, bytes }: Content): number[] {
  const mac = (): number[] =>
    r
      .pick([...MACS, "01:00:5e:00:00:05"])
      .split(":")
      .map((part) => Number.parseInt(part, 16));
  switch (link) {
    case "raw":
      return bytes;
    case "linux-sll":
      return [...u16(r.integer(0, 4)), ...u16(1), ...u16(6), ...mac(), 0, 0, ...u16(type), ...bytes];
    case "linux-sll2":
      return [
        ...u16(type),
        0,
        0,
        ...u32(r.integer(1, 4)),
        ...u16(1),
        r.integer(0, 4),
        6,
        ...mac(),
        0,
        0,
        ...bytes,
      ];
    case "ethernet":
      return [...mac(), ...mac(), ...encapsulated(r, { type, bytes })];
  }
}

/** What follows the addresses: a type, tags, labels, a PPPoE session, or 802.3 with its own headers. */
function encapsulated(r: Random, { type, bytes }: Content): number[] {
  const tag = (): number[] => [
    ...u16(r.pick([0x8100, 0x8100, 0x88a8, 0x9100])),
    ...u16((r.integer(0, 7) << 13) | r.pick([5, 100, 4095])),
  ];
  switch (r.integer(0, 15)) {
    case 0:
    case 1:
      return [...tag(), ...u16(type), ...bytes];
    case 2:
      return [...tag(), ...tag(), ...u16(type), ...bytes];
    case 3: {
      const label = (last: boolean): number[] =>
        u32(((r.pick([16, 100, 1024]) << 12) | (last ? 0x100 : 0) | 64) >>> 0);
      const labels = r.integer(0, 1) === 0 ? label(true) : [...label(false), ...label(true)];
      return [...u16(0x8847), ...labels, ...bytes];
    }
    case 4: {
      const ppp = type === 0x86dd ? 0x57 : type === 0x800 ? 0x21 : 0xc021;
      return [
        ...u16(0x8864),
        0x11,
        0,
        ...u16(r.pick([7, 8])),
        ...u16(bytes.length + 2),
        ...u16(ppp),
        ...bytes,
      ];
    }
    case 5: {
      const sap = r.pick([0x42, 0xe0, 0xf0, 0xfe, 0xff, 0xaa, 0x06]);
      const snap = [0, 0, 0, ...u16(r.pick([0x8137, 0x80f3, 0x809b, 0x800]))];
      const llc = [sap, sap, 3, ...(sap === 0xaa ? snap : [])];
      return [...u16(r.integer(3, 1500)), ...llc, ...random(r, 40)];
    }
    default:
      return [...u16(type), ...bytes];
  }
}

function content(r: Random): Content {
  switch (r.integer(0, 11)) {
    case 0:
      return { type: r.pick([0x806, 0x806, 0x8035]), bytes: arp(r) };
    case 1:
      return {
        type: r.pick([0x88cc, 0x8863, 0x6003, 0x8137, 0x80f3, 0x809b, 0x9000, 0x6004]),
        bytes: random(r, r.integer(0, 60)),
      };
    case 2:
    case 3:
    case 4:
    case 5:
      return { type: 0x86dd, bytes: ipv6(r) };
    default:
      return { type: 0x800, bytes: ipv4(r) };
  }
}

function address4(r: Random): number[] {
  return r.integer(0, 3) === 0 ? random(r, 4) : r.pick(HOSTS4).split(".").map(Number);
}

function address6(r: Random): number[] {
  const [head = "", tail = ""] = r.pick(HOSTS6).split("::");
  const groups = (text: string): number[] =>
    text.split(":").flatMap((part) => (part === "" ? [] : u16(Number.parseInt(part, 16))));
  const [front, back] = [groups(head), groups(tail)];
  return [...front, ...zeros(16 - front.length - back.length), ...back];
}

function arp(r: Random): number[] {
  const hardware = (): number[] => random(r, 6);
  return [
    ...u16(1),
    ...u16(0x800),
    6,
    4,
    ...u16(r.integer(1, 2)),
    ...hardware(),
    ...address4(r),
    ...hardware(),
    ...address4(r),
  ];
}

function ipv4(r: Random): number[] {
  const options = r.integer(0, 4) === 0 ? random(r, 4 * r.integer(1, 10)) : [];
  const [protocol, payload] = transport(r, [1, 2]);
  const fragment = r.pick([0, 0, 0, 0, 0x4000, 0x2000, 0x2001, 0x0001, 0x1fff]);
  const length = 20 + options.length + payload.length;
  const words = [0x40 | ((20 + options.length) / 4), 0, ...u16(length), ...u16(r.next()), ...u16(fragment)];
  return [
    ...words,
    r.pick([1, 4, 64, 255]),
    protocol,
    0,
    0,
    ...address4(r),
    ...address4(r),
    ...options,
    ...payload,
  ];
}

/** With no extension headers, or some, a fragment header among them. */
function ipv6(r: Random): number[] {
  const [last, payload] = transport(r, [58]);
  const headers: number[] = [];
  let first = last;
  for (let count = r.pick([0, 0, 0, 1, 1, 2]); count > 0; count--) {
    const kind = r.pick([0, 43, 44, 44, 60]);
    const rest = kind === 44 ? [0, ...u16(r.pick([0, 1, 0x100])), ...u32(r.next())] : [0, ...random(r, 6)];
    headers.unshift(first, ...rest);
    first = kind;
  }
  const length = headers.length + payload.length;
  return [0x60, 0, 0, 0, ...u16(length), first, 64, ...address6(r), ...address6(r), ...headers, ...payload];
}

/** A protocol's number and its packet. */
function transport(r: Random, icmp: readonly number[]): [number, number[]] {
  const ports = (): number[] => [...u16(r.pick([...PORTS, 40_000])), ...u16(r.pick([...PORTS, 40_001]))];
  const data = random(r, r.pick([0, 0, 4, 20, 60]));
  switch (r.integer(0, 8)) {
    case 0:
    case 1:
    case 2: {
      const options = r.integer(0, 2) === 0 ? random(r, 4 * r.integer(1, 10)) : [];
      const offset = ((20 + options.length) / 4) << 4;
      const text = r.integer(0, 3) === 0 ? [0x47, 0x45, 0x54, 0x20] : [];
      const flags = r.pick([2, 0x12, 0x10, 0x18, 0x11, 4, 0xc2]);
      return [
        6,
        [
          ...ports(),
          ...u32(r.next()),
          ...u32(r.next()),
          offset,
          flags,
          ...u16(512),
          ...zeros(4),
          ...options,
          ...text,
          ...data,
        ],
      ];
    }
    case 3:
    case 4:
    case 5:
      return [17, [...ports(), ...u16(8 + data.length), 0, 0, ...data]];
    case 6:
      return [132, [...ports(), ...u32(r.next()), ...zeros(4), ...data]];
    case 7:
      return [
        r.pick(icmp),
        [r.pick([0, 3, 8, 11, 128, 129, 134, 135, 136]), r.integer(0, 3), 0, 0, ...zeros(4), ...data],
      ];
    default:
      return [r.pick([50, 51, 47, 103, 112, 4, 41, 255]), data];
  }
}
