/** ICMP echo probes: all by one socket, a ping socket where that is allowed and a raw one else, told apart by their numbers. */
import { internetChecksum } from "../bytes/index.ts";
import { SocketAddr } from "../ip/index.ts";
import { type HostSocketOptions, PingSocket, RawSocket, SysError, type WouldBlock } from "../socket/index.ts";
import { errno } from "../sys/index.ts";
import { echoFilter } from "./_echo_filter.ts";
import { ECHO_HEADER_LEN, ECHO_REPLY, ECHO_REQUEST } from "./_echo_message.ts";
import {
  type Channel,
  type ChannelOptions,
  filler,
  type Hear,
  heardError,
  type Outgoing,
  TooLong,
} from "./_trace_channel.ts";
import { IP_HEADER, traceSettings } from "./_trace_options.ts";
import { ProbeSocket, type QueuedError, type ReceivedData } from "./_trace_socket.ts";

const u16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/** A raw socket hears what has its identifier, so those of this thread differ. */
const taken = new Set<number>();

function freeIdentifier(): number {
  for (;;) {
    const identifier = 1 + Math.floor(Math.random() * 0xffff);
    if (!taken.has(identifier)) return identifier;
  }
}

/** The errors by which a kernel says that it has no ping sockets, or none for this process. */
const NO_PING: readonly number[] = [
  errno.EACCES,
  errno.EPERM,
  errno.EAFNOSUPPORT,
  errno.EPROTONOSUPPORT,
  errno.ESOCKTNOSUPPORT,
];

const isRefused = (error: unknown, numbers: readonly number[]): error is SysError =>
  error instanceof SysError && error.syscall === "socket" && numbers.includes(error.errno);

interface Opened {
  readonly socket: PingSocket | RawSocket;
  readonly identifier: number;
}

function open({ settings, route, family }: ChannelOptions): Opened {
  const { target, localIp } = route;
  const { device } = settings;
  const zone = localIp.version === 6 && localIp.isUnicastLinkLocal ? target.zone : undefined;
  const localAddr = SocketAddr.of(localIp, 0, { zone });
  const options: HostSocketOptions = { family, localAddr, device, options: traceSettings(settings, family) };
  let refused: SysError | undefined;
  if (settings.socket !== "raw") {
    try {
      const socket = PingSocket.open(options);
      return { socket, identifier: socket.identifier };
    } catch (error) {
      if (settings.socket === "ping" || !isRefused(error, NO_PING)) throw error;
      refused = error;
    }
  }
  const identifier = freeIdentifier();
  const filter = echoFilter(family, identifier);
  const icmpTypes = [ECHO_REPLY[family]]; // errors come by the error queue
  try {
    return {
      socket: RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6", { ...options, icmpTypes, filter }),
      identifier,
    };
  } catch (error) {
    throw refused !== undefined && isRefused(error, [errno.EPERM]) ? refused : error; // it names both ways
  }
}

export class IcmpChannel implements Channel {
  readonly socket: "ping" | "raw";
  readonly #options: ChannelOptions;
  readonly #hear: Hear;
  readonly #identifier: number;
  readonly #socket: ProbeSocket;
  /** The probes that are on their way, by their sequence numbers. */
  readonly #ids = new Map<number, number>();

  constructor(options: ChannelOptions, hear: Hear) {
    const { socket, identifier } = open(options);
    this.socket = socket instanceof PingSocket ? "ping" : "raw";
    this.#options = options;
    this.#hear = hear;
    this.#identifier = identifier;
    if (this.socket === "raw") taken.add(identifier);
    try {
      socket.connect(options.route.target);
      this.#socket = new ProbeSocket(socket.intoFd(), options.family, options.route.target);
    } catch (error) {
      socket.close();
      taken.delete(identifier);
      throw error;
    }
    this.#socket.hearErrors((error) => this.#error(error));
    this.#socket.hearData((received) => this.#data(received));
  }

  #sequence(id: number): number {
    return (this.#options.settings.port + id) & 0xffff;
  }

  #message(id: number, packetBytes: number): Uint8Array {
    const { family } = this.#options;
    const length = packetBytes - IP_HEADER[family];
    const message = new Uint8Array(length);
    const sequence = this.#sequence(id);
    message[0] = ECHO_REQUEST[family];
    message[4] = this.#identifier >> 8;
    message[5] = this.#identifier & 0xff;
    message[6] = sequence >> 8;
    message[7] = sequence & 0xff;
    message.set(filler(length - ECHO_HEADER_LEN), ECHO_HEADER_LEN);
    if (this.socket === "raw" && family === "ipv4") {
      const checksum = internetChecksum(message);
      message[2] = checksum >> 8;
      message[3] = checksum & 0xff;
    }
    return message;
  }

  send({ id, ttl, packetBytes }: Outgoing): number | WouldBlock | TooLong {
    try {
      const sent = this.#socket.send(this.#message(id, packetBytes), ttl);
      if (typeof sent === "number") this.#ids.set(this.#sequence(id), id);
      return sent;
    } catch (error) {
      if (!(error instanceof SysError) || error.errno !== errno.EMSGSIZE) throw error;
      const { localMtu } = this.#socket;
      if (localMtu === undefined) throw error;
      return new TooLong(localMtu);
    }
  }

  /** The probe that an echo message is, or answers. */
  #idOf(message: Uint8Array, type: number): number | undefined {
    if (message.length < ECHO_HEADER_LEN || message[0] !== type) return undefined;
    return u16(message, 4) === this.#identifier ? this.#ids.get(u16(message, 6)) : undefined;
  }

  #error(error: QueuedError): void {
    const { family } = this.#options;
    const id = this.#idOf(error.data, ECHO_REQUEST[family]);
    if (id !== undefined) this.#hear(heardError(id, family, error, IP_HEADER[family]));
  }

  #data({ from, data, ancillary }: ReceivedData): void {
    const { family, route } = this.#options;
    const behind = this.socket === "raw" && family === "ipv4" ? ((data[0] ?? 0) & 0x0f) * 4 : 0;
    const id = this.#idOf(data.subarray(behind), ECHO_REPLY[family]);
    if (id === undefined || from === undefined || from.ip.compare(route.target.ip) !== 0) return;
    const { ttl, timestampNs } = ancillary;
    const sender = SocketAddr.of(from.ip, 0, { zone: from.zone });
    this.#hear({ id, reply: "echoReply", from: sender, ttl, timestampNs });
  }

  forget(id: number): void {
    const sequence = this.#sequence(id);
    if (this.#ids.get(sequence) === id) this.#ids.delete(sequence);
  }

  [Symbol.dispose](): void {
    if (this.socket === "raw") taken.delete(this.#identifier);
    this.#socket.close();
    this.#ids.clear();
  }
}
