/** What the raw socket tests share: ICMP messages and IP headers by hand, and a witness that is not ours. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Ipv4Addr, Ipv6Addr, type PingSocket, type RawSocket } from "../../src/index.ts";
import { noIpv6 } from "./_helpers.ts";
import type { Host } from "./_wires.ts";

/** Of each family: its loopback address, the protocol and the types of ICMP (RFC 792, RFC 4443). */
export const FAMILIES = [
  {
    family: "ipv4",
    lo: "127.0.0.1",
    icmp: "icmp",
    request: 8,
    reply: 0,
    exceeded: 11,
    unreachable: 3,
    origin: "icmp",
    skip: false as string | false,
  },
  {
    family: "ipv6",
    lo: "::1",
    icmp: "icmpv6",
    request: 128,
    reply: 129,
    exceeded: 3,
    unreachable: 1,
    origin: "icmpv6",
    skip: noIpv6,
  },
] as const;

/** For experiments, RFC 3692: nobody else sends it, and this host does not know it. */
export const EXPERIMENT = 253;

/** A namespace with a loopback, in which everybody may open ping sockets. */
export const PINGABLE = 'ip link set lo up; echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range';

/** Gives a host another address of the networks of {@link twoHosts}. */
export function addAddress(host: Host, address: string, device: string): void {
  const ipv6 = address.includes(":");
  host.sh(`ip addr add ${address}/${ipv6 ? "64" : "24"} dev ${device} ${ipv6 ? "nodad" : ""}`);
  // An IPv6 address gets its route, without which what is sent to it is dropped, from the kernel a moment later.
  const route = `ip -6 route show table local dev ${device} | grep -q "local ${address} "`;
  if (ipv6) host.sh(`for i in $(seq 1000); do if ${route}; then exit 0; fi; done; exit 1`);
}

/** For `test(name, { skip }, …)`. */
export function needs(program: string, ...args: string[]): string | false {
  return spawnSync(program, args).status === 0 ? false : `needs ${program}`;
}

/** The sum of RFC 1071, slowly. */
export function internetChecksum(...parts: Uint8Array[]): number {
  const bytes = parts.flatMap((part) => [...part, ...(part.length % 2 ? [0] : [])]);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] as number) * 256 + (bytes[i + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export const u16 = (value: number): [number, number] => [(value >> 8) & 0xff, value & 0xff];
export const readU16 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) * 256 + (bytes[at + 1] as number);

/** The pseudo header of IPv6, RFC 8200 §8.1. */
export function pseudoHeader(
  source: string,
  destination: string,
  length: number,
  protocol: number,
): Uint8Array {
  const addresses = [source, destination].flatMap((it) => [...Ipv6Addr.parse(it).toBytes()]);
  return Uint8Array.of(...addresses, 0, 0, ...u16(length), 0, 0, 0, protocol);
}

/** An echo request; over IPv6 the kernel writes its checksum. */
export function echo(
  family: "ipv4" | "ipv6",
  identifier: number,
  sequence: number,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array {
  const type = family === "ipv4" ? 8 : 128;
  const message = Uint8Array.of(type, 0, 0, 0, ...u16(identifier), ...u16(sequence), ...payload);
  if (family === "ipv4") message.set(u16(internetChecksum(message)), 2);
  return message;
}

export interface Ipv4Fields {
  readonly source?: string;
  readonly destination: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  readonly flags?: number;
  readonly options?: readonly number[];
}

/** An IPv4 packet whose length and checksum are wrong, for the kernel to fill in. */
export function ipv4Packet(fields: Ipv4Fields, payload: Uint8Array): Uint8Array {
  const { source = "0.0.0.0", destination, protocol = EXPERIMENT, ttl = 64, tos = 0 } = fields;
  const { id = 0, flags = 0, options = [] } = fields;
  return Uint8Array.of(
    0x40 | (5 + options.length / 4),
    tos,
    ...u16(0xdead),
    ...u16(id),
    ...u16(flags),
    ttl,
    protocol,
    ...u16(0xbeef),
    ...Ipv4Addr.parse(source).toBytes(),
    ...Ipv4Addr.parse(destination).toBytes(),
    ...options,
    ...payload,
  );
}

/** An IPv6 packet, RFC 8200 §3. */
export function ipv6Packet(
  fields: { source: string; destination: string; hopLimit?: number; length?: number; first?: number },
  payload: Uint8Array,
): Uint8Array {
  const { source, destination, hopLimit = 64, length = payload.length, first = 0x6000_0000 } = fields;
  return Uint8Array.of(
    ...u16(first >>> 16),
    ...u16(first & 0xffff),
    ...u16(length),
    EXPERIMENT,
    hopLimit,
    ...Ipv6Addr.parse(source).toBytes(),
    ...Ipv6Addr.parse(destination).toBytes(),
    ...payload,
  );
}

const WITNESS = `
import socket, sys
device, ethertype, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
s.bind((device, ethertype))
print("ready", flush=True)
while count:
    frame, address = s.recvfrom(65536)
    packet = frame[14:]
    if address[2] == 4 or packet[9 if ethertype == 0x800 else 6] != ${EXPERIMENT}: continue
    print(packet.hex(), flush=True)
    count -= 1
`;

/** Packets of {@link EXPERIMENT} as they come in by a device, seen by Python; without what pads an Ethernet frame. */
export class Witness {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, "close");
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() as string;
      this.#lines.push(...lines);
    });
  }

  static async start(host: Host, device: string, family: "ipv4" | "ipv6", count: number): Promise<Witness> {
    const args = ["-c", WITNESS, device, String(family === "ipv4" ? 0x800 : 0x86dd), String(count)];
    const child = host.in(() => spawn("python3", args, { stdio: ["ignore", "pipe", "inherit"] }));
    const witness = new Witness(child);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return witness;
  }

  /** All packets, once they have come. */
  async packets(): Promise<Uint8Array[]> {
    await this.#ended;
    return this.#lines
      .filter((line) => line !== "ready")
      .map((line) => new Uint8Array(Buffer.from(line, "hex")));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** The fd behind a socket, for what only a system call tells. */
export function fdOf(socket: RawSocket | PingSocket): number {
  return (socket as unknown as { source: { fd: number } }).source.fd;
}

/** `BPF_STMT` and `BPF_JUMP` of linux/filter.h as bytes. */
export function program(...instructions: [code: number, jt: number, jf: number, k: number][]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}

/** Takes ICMP messages of one sequence number only. On IPv4 sockets the packet begins with the IP header, on others it does not. */
export function sequenceFilter(withHeader: boolean, sequence: number): Uint8Array {
  return withHeader
    ? program([0xb1, 0, 0, 0], [0x48, 0, 0, 6], [0x15, 0, 1, sequence], [6, 0, 0, 0xffff], [6, 0, 0, 0])
    : program([0x28, 0, 0, 6], [0x15, 0, 1, sequence], [6, 0, 0, 0xffff], [6, 0, 0, 0]);
}
