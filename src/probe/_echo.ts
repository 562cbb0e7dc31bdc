/** EchoChannel: echo requests and what comes of them, over a ping socket where that is allowed, and a raw one else. */
import { readFileSync } from "node:fs";
import { internetChecksum } from "../bytes/index.ts";
import { type IpAddr, SocketAddr } from "../ip/index.ts";
import {
  type HostAddr,
  type HostSocketOptions,
  PingSocket,
  RawSocket,
  type SocketError,
  SysError,
  type WouldBlock,
} from "../socket/index.ts";
import { errno } from "../sys/index.ts";
import { echoFilter } from "./_echo_filter.ts";
import {
  ECHO_HEADER_LEN,
  ECHO_REPLY,
  ECHO_REQUEST,
  ERROR_TYPES,
  type Family,
  parseEcho,
} from "./_echo_message.ts";

export interface EchoOptions extends Omit<HostSocketOptions, "filter" | "icmpErrors" | "ancillary"> {
  readonly family: Family;
  /** 1 to 65535; one that is free by default. */
  readonly identifier?: number | undefined;
  /** A ping socket, or a raw one; by default whichever this process may open, in this order. */
  readonly socket?: "ping" | "raw" | undefined;
}

/** A reply to a request of this channel. */
export interface HeardReply {
  readonly kind: "reply";
  /** 16 bits. */
  readonly sequence: number;
  readonly from: SocketAddr;
  /** The time to live, or hop limit, that was left. */
  readonly ttl: number | undefined;
  readonly payload: Uint8Array;
  readonly intact: boolean;
  /** When the kernel received it, since 1970. */
  readonly timestampNs: bigint | undefined;
}

/** What ICMP reports of a request of this channel. */
export interface HeardError {
  readonly kind: "error";
  /** 16 bits. */
  readonly sequence: number;
  /** Where the request was sent to. */
  readonly destination: IpAddr | undefined;
  /** Without a zone where the kernel does not tell it. */
  readonly from: SocketAddr | undefined;
  readonly type: number;
  readonly code: number;
  /** An MTU, a pointer, the address of a router as a number; undefined where the kernel does not tell. */
  readonly info: number | undefined;
  readonly timestampNs: bigint | undefined;
}

export type Heard = HeardReply | HeardError;

const ANCILLARY = ["ttl", "timestamp"] as const;
const ANCILLARY_BYTES = 256;

/** A raw socket hears whatever has its identifier, so those of this thread differ. */
const taken = { ipv4: new Set<number>(), ipv6: new Set<number>() };

function freeIdentifier(family: Family): number {
  for (let tries = 0; tries < 1000; tries++) {
    const identifier = 1 + Math.floor(Math.random() * 0xffff);
    if (!taken[family].has(identifier)) return identifier;
  }
  throw new RangeError(`identifier: more than ${taken[family].size} are in use`);
}

function openRaw(options: EchoOptions, identifier: number): RawSocket {
  const { family } = options;
  return RawSocket.open(family === "ipv4" ? "icmp" : "icmpv6", {
    ...options,
    icmpTypes: [ECHO_REPLY[family], ...ERROR_TYPES[family]],
    ancillary: ANCILLARY,
    filter: echoFilter(family, identifier),
  });
}

/** Neither socket is this process's: why, in one line. */
function notAllowed(cause: SysError): SysError {
  let range = "";
  try {
    const [from, to] = readFileSync("/proc/sys/net/ipv4/ping_group_range", "utf8").trim().split(/\s+/);
    range = ` (now ${from} ${to})`;
  } catch {
    // not there without /proc
  }
  const hint =
    "an echo request needs the capability CAP_NET_RAW (run as root), or a group of this process in " +
    `net.ipv4.ping_group_range${range}`;
  return new SysError(cause.errno, "socket", { hint, cause });
}

/** The errors by which a kernel says that it has no ping sockets, or none for this process. */
const NO_PING: readonly number[] = [
  errno.EACCES,
  errno.EPERM,
  errno.EAFNOSUPPORT,
  errno.EPROTONOSUPPORT,
  errno.ESOCKTNOSUPPORT,
];

function isRefused(error: unknown, numbers: readonly number[]): error is SysError {
  return error instanceof SysError && error.syscall === "socket" && numbers.includes(error.errno);
}

/** Sends echo requests with an identifier of its own, and hears what comes of them. */
export class EchoChannel implements Disposable {
  readonly family: Family;
  readonly identifier: number;
  readonly kind: "ping" | "raw";
  readonly #socket: PingSocket | RawSocket;
  #message = new Uint8Array(ECHO_HEADER_LEN);

  private constructor(socket: PingSocket | RawSocket, identifier: number) {
    this.#socket = socket;
    this.family = socket.family;
    this.identifier = identifier;
    this.kind = socket instanceof PingSocket ? "ping" : "raw";
    if (this.kind === "raw") taken[this.family].add(identifier);
  }

  /**
   * Opens a channel; it hears what comes from now on.
   * @throws {SysError} `EPERM` or `EACCES` where this process may open neither kind of socket; `EADDRINUSE` for an
   * identifier that another ping socket has; `EADDRNOTAVAIL`, `ENODEV` …
   */
  static open(options: EchoOptions): EchoChannel {
    const { identifier, socket } = options;
    if (socket !== "raw") {
      try {
        const opened = PingSocket.open({ ...options, icmpErrors: true, ancillary: ANCILLARY });
        return new EchoChannel(opened, opened.identifier);
      } catch (error) {
        if (socket === "ping" || !isRefused(error, NO_PING)) throw error;
      }
    }
    const own = identifier ?? freeIdentifier(options.family);
    try {
      return new EchoChannel(openRaw(options, own), own);
    } catch (error) {
      throw isRefused(error, [errno.EPERM]) && socket === undefined ? notAllowed(error) : error;
    }
  }

  /** The address that it is bound to. */
  get localAddr(): SocketAddr {
    return this.#socket.localAddr;
  }

  get closed(): boolean {
    return this.#socket.closed;
  }

  /**
   * Sends an echo request.
   * @param sequence 16 bits
   * @returns just before it went, as performance.now() counts; or {@link WOULD_BLOCK}
   * @throws {SysError} `EMSGSIZE`, `ENETUNREACH` …
   */
  send(sequence: number, payload: Uint8Array, to: HostAddr): number | WouldBlock {
    const length = ECHO_HEADER_LEN + payload.length;
    if (this.#message.length !== length) this.#message = new Uint8Array(length);
    const message = this.#message;
    message[0] = ECHO_REQUEST[this.family];
    message[2] = message[3] = 0; // the kernel writes the checksum of a ping socket, and of ICMPv6
    message[4] = this.identifier >> 8;
    message[5] = this.identifier & 0xff;
    message[6] = sequence >> 8;
    message[7] = sequence & 0xff;
    message.set(payload, ECHO_HEADER_LEN);
    if (this.kind === "raw" && this.family === "ipv4") {
      const checksum = internetChecksum(message);
      message[2] = checksum >> 8;
      message[3] = checksum & 0xff;
    }
    const sentMs = performance.now();
    const result = this.#socket.trySendTo(message, to);
    return typeof result === "symbol" ? result : sentMs;
  }

  /** Tells all that comes until the channel is closed; or `fail`, where the socket fails for good. */
  listen(hear: (heard: Heard) => void, fail: (error: unknown) => void): void {
    const until = async (take: () => Promise<Heard | undefined>): Promise<void> => {
      try {
        for (;;) {
          const heard = await take();
          if (this.closed) return;
          if (heard !== undefined) hear(heard);
        }
      } catch (error) {
        if (!this.closed) fail(error);
      }
    };
    void until(() => this.#receive());
    if (this.#socket instanceof PingSocket) void until(() => this.#receiveError());
  }

  async #receive(): Promise<Heard | undefined> {
    const socket = this.#socket;
    const { data, peer, ancillary } = await socket.recvMsg({ ancillaryBytes: ANCILLARY_BYTES });
    const message = socket instanceof RawSocket ? socket.payloadOf(data as Uint8Array) : (data as Uint8Array);
    const parsed = parseEcho(this.family, message);
    if (parsed?.identifier !== this.identifier) return undefined;
    const { timestampNs } = ancillary;
    return parsed.kind === "error"
      ? { ...parsed, from: peer, timestampNs }
      : { ...parsed, from: peer, ttl: ancillary.ttl, timestampNs };
  }

  async #receiveError(): Promise<Heard | undefined> {
    const error: SocketError = await (this.#socket as PingSocket).recvError();
    const { origin, data, peer, offender, type, code, mtu } = error;
    // What this host finds itself, the call that sends has thrown already.
    if ((origin !== "icmp" && origin !== "icmpv6") || data.length < ECHO_HEADER_LEN) return undefined;
    return {
      kind: "error",
      sequence: ((data[6] as number) << 8) | (data[7] as number),
      destination: peer?.ip,
      from: offender === undefined ? undefined : SocketAddr.of(offender, 0),
      type,
      code,
      info: mtu,
      timestampNs: error.ancillary.timestampNs,
    };
  }

  close(): void {
    if (this.closed) return;
    if (this.kind === "raw") taken[this.family].delete(this.identifier);
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
