/** ProbeSocket: a connected socket that probes go out by, and what comes to it: answers, and ICMP errors from its error queue. */
import type { SocketAddr } from "../ip/index.ts";
import type { Family } from "../names/index.ts";
import {
  type Ancillary,
  applySetting,
  decodeAncillary,
  message,
  type OptionSetting,
  type OwnedFd,
  type QueueEntry,
  REPORTED,
  REPORTED_TRIES,
  readErrorQueue,
  WOULD_BLOCK,
  type WouldBlock,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { extensionSetting, hopLimit } from "./_trace_options.ts";

/** An ICMP error in an error queue. */
export interface QueuedError {
  /** Who sent it. */
  readonly from: SocketAddr;
  readonly type: number;
  readonly code: number;
  /** The largest packet that would have passed, where it says so. */
  readonly mtu: number;
  /** `ee_data`. */
  readonly told: number;
  /** The packet that it quotes, as the kind of socket has it, and extensions. */
  readonly data: Uint8Array;
  readonly ancillary: Ancillary;
}

/** What came to a socket. */
export interface ReceivedData {
  readonly from: SocketAddr | undefined;
  /** The beginning, of at most {@link ROOM} bytes. */
  readonly data: Uint8Array;
  readonly ancillary: Ancillary;
}

const ROOM = 2048;
const CONTROL_ROOM = 256;
const scratch = new Uint8Array(new ArrayBuffer(ROOM));

const ORIGINS: readonly number[] = [C.SO_EE_ORIGIN_ICMP, C.SO_EE_ORIGIN_ICMP6];

/** Takes over an open, non-blocking socket, which is connected to the target, or is going to be. */
export class ProbeSocket implements Disposable {
  readonly #source: C.Source;
  readonly #family: Family;
  readonly #target: SocketAddr;
  #localMtu: number | undefined;
  #hearError: ((error: QueuedError) => void) | undefined;

  constructor(fd: OwnedFd | number, family: Family, target: SocketAddr) {
    this.#target = target;
    this.#source = new C.Source(typeof fd === "number" ? fd : fd.release(), "probe socket");
    this.#family = family;
    C.closeWhenForgotten(this, this.#source);
    this.#setIfKnown(extensionSetting(family));
  }

  get fd(): number {
    return this.#source.open("fd");
  }

  get closed(): boolean {
    return this.#source.closed;
  }

  /** What a packet may have, as this host says that has just refused to send a longer one. */
  get localMtu(): number | undefined {
    return this.#localMtu;
  }

  set(setting: OptionSetting): void {
    applySetting(this.fd, setting);
  }

  #setIfKnown(setting: OptionSetting): void {
    try {
      this.set(setting);
    } catch (error) {
      if (!(error instanceof C.SysError) || error.errno !== C.errno.ENOPROTOOPT) throw error;
    }
  }

  /**
   * Sends one probe.
   * @returns just before it went, as performance.now() counts; or {@link WOULD_BLOCK}
   * @throws {SysError} `EMSGSIZE`, `EPERM` …
   */
  send(bytes: Uint8Array, ttl: number): number | WouldBlock {
    this.set(hopLimit(this.#family, ttl));
    for (let tries = 0; ; tries++) {
      const sentMs = performance.now();
      const count = C.send(this.fd, bytes, C.MSG_NOSIGNAL);
      if (count >= 0) return sentMs;
      if (count === -C.errno.EINTR) continue;
      if (count === -C.errno.EAGAIN || count === -C.errno.ENOBUFS) return WOULD_BLOCK;
      // What ICMP reports of an earlier probe fails the next call, once.
      const own = count === -C.errno.EMSGSIZE ? this.#isTooLong() : !REPORTED.includes(-count);
      if (own || tries >= REPORTED_TRIES) throw this.#source.error(count, "send");
    }
  }

  /** Whether it is this host that does not send a probe; what others report meanwhile is told later. */
  #isTooLong(): boolean {
    this.#localMtu = undefined;
    const others: QueuedError[] = [];
    this.takeErrors((error) => others.push(error));
    if (others.length > 0) {
      setImmediate(() => {
        for (const error of others) this.#hearError?.(error);
      });
    }
    return this.#localMtu !== undefined;
  }

  /** Tells every ICMP error that comes until this is closed. */
  hearErrors(hear: (error: QueuedError) => void): void {
    this.#hearError = hear;
    this.#until("errors", () => this.takeErrors(hear));
  }

  /** Tells the ICMP errors that are there. */
  takeErrors(hear: (error: QueuedError) => void): void {
    while (!this.closed) {
      const entry = readErrorQueue(this.fd);
      if (entry === undefined) return;
      C.getsockoptInt(this.fd, C.SOL_SOCKET, C.SO_ERROR); // the kernel makes the next entry's error pending
      this.#take(entry, hear);
    }
  }

  #take({ fields, offender, peer, data, control }: QueueEntry, hear: (error: QueuedError) => void): void {
    const { ee_errno, ee_origin, ee_type: type, ee_code: code, ee_info: mtu, ee_data: told } = fields;
    if (ee_origin === C.SO_EE_ORIGIN_LOCAL && ee_errno === C.errno.EMSGSIZE && mtu > 0) this.#localMtu = mtu;
    if (!ORIGINS.includes(ee_origin) || offender === undefined) return;
    // The kernel hands a ping socket the errors of packets to whomever.
    if (peer === undefined || peer.ip.compare(this.#target.ip) !== 0) return;
    hear({ from: offender, type, code, mtu, told, data, ancillary: decodeAncillary(control) });
  }

  /** Tells all that comes until this is closed. */
  hearData(hear: (received: ReceivedData) => void): void {
    this.#until("read", () => {
      for (let failures = 0; !this.closed && failures < REPORTED_TRIES; ) {
        message.setData(0, C.addressOf(scratch), scratch.length);
        message.expect(0, CONTROL_ROOM);
        const count = message.recvmsg(this.fd, C.MSG_TRUNC);
        if (count === -C.errno.EAGAIN) return;
        if (count < 0) {
          failures++; // what ICMP reports is given once, and stands in the error queue
          continue;
        }
        const name = message.name(0);
        const from = name.length >= 16 ? C.decodeSockaddr(name) : undefined;
        const data = scratch.slice(0, Math.min(count, ROOM));
        hear({ from, data, ancillary: decodeAncillary(message.control(0)) });
      }
    });
  }

  #until(direction: "read" | "errors", take: () => void): void {
    const attempt = (): WouldBlock => {
      take();
      return WOULD_BLOCK;
    };
    // It ends with the socket only, and what is not closed by us does not end by itself.
    this.#source.run(direction, "recvmsg", this, attempt).catch(() => {});
  }

  /** Waits until a connect has ended. @returns 0, or why it failed, or `undefined` where the socket was closed meanwhile */
  connected(): Promise<number | undefined> {
    const attempt = (): number | WouldBlock => {
      if (C.pollNow(this.fd, C.POLLOUT) === 0) return WOULD_BLOCK;
      return C.getsockoptInt(this.fd, C.SOL_SOCKET, C.SO_ERROR);
    };
    return this.#source.run("write", "connect", this, attempt).catch(() => undefined);
  }

  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
