/** UnixDatagram: datagrams on this host, in order and without loss, which files can be passed with. */
import * as C from "../sys/index.ts";
import { DatagramSocket } from "./_datagram.ts";
import { Retry } from "./_retry.ts";
import { adoptFd, openSocket } from "./_socket.ts";
import {
  encodeUnixRequest,
  namedPeer,
  toUnixAddr,
  type UnixTarget,
  unixError,
  unixPair,
  unixPeerBytes,
  unsentError,
} from "./_unix.ts";
import { bindUnix, type SocketFile, type SocketFileOptions } from "./_unix_file.ts";
import type { AncillaryRequest } from "./ancillary.ts";
import type { OptionSetting } from "./options.ts";
import type { OwnedFd } from "./owned_fd.ts";

export interface UnixDatagramOptions extends SocketFileOptions {
  /** What is set before bind, as `SO.PASSCRED.to(true)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/** What waits for room in one receiver's queue. */
interface Lane {
  readonly half: C.Half;
  readonly retry: Retry;
}

const keyOf = (peerBytes: Uint8Array): string => Buffer.from(peerBytes).toString("latin1");

/**
 * A local datagram socket. Nothing is lost or reordered: where the receiver's queue is full (net.unix.max_dgram_qlen
 * datagrams), sending waits, and holds up nothing that goes to others.
 */
export class UnixDatagram extends DatagramSocket<C.UnixAddr> {
  readonly #file: SocketFile | undefined;
  /**
   * The kernel tells a connected socket of room in its peer's queue, and nobody else: who waits for that tries again by
   * and by, in a queue of its own for each receiver.
   */
  readonly #lanes = new Map<string, Lane>();

  private constructor(source: C.Source, file?: SocketFile) {
    super(source);
    this.#file = file;
  }

  static #open(options: UnixDatagramOptions, address: C.UnixAddr | undefined): UnixDatagram {
    let file: SocketFile | undefined;
    const fd = openSocket(C.AF_UNIX, C.SOCK_DGRAM, options.options ?? [], (fd) => {
      if (address !== undefined) file = bindUnix(fd, address, options);
    });
    return new UnixDatagram(new C.Source(fd, "UnixDatagram"), file);
  }

  /**
   * Binds to an address, by which others reach this socket.
   * @param address a path, `"@name"` for an abstract address, or a UnixAddr; without one, the kernel chooses an abstract
   * name
   * @throws {SysError} `EADDRINUSE` (see `unlinkStale`), `EACCES`, `ENOENT` …
   * @throws {RangeError} a path that is too long for a socket address
   * @see man 7 unix, "Autobind feature"
   */
  static override bind(
    address: UnixTarget = C.UnixAddr.UNNAMED,
    options: UnixDatagramOptions = {},
  ): UnixDatagram {
    return UnixDatagram.#open(options, toUnixAddr(address));
  }

  /** A socket without an address: it sends, and nobody can answer. */
  static unbound(options: Pick<UnixDatagramOptions, "options"> = {}): UnixDatagram {
    return UnixDatagram.#open(options, undefined);
  }

  /** Two sockets that are connected to each other, and have no addresses. @see man 2 socketpair */
  static pair(): [UnixDatagram, UnixDatagram] {
    const [one, other] = unixPair(C.SOCK_DGRAM, "UnixDatagram").map((source) => {
      const socket = new UnixDatagram(source);
      socket.setPeer(C.encodeSockaddrUn(C.UnixAddr.UNNAMED));
      return socket;
    });
    return [one as UnixDatagram, other as UnixDatagram];
  }

  /**
   * Takes over a local datagram socket from elsewhere. Closing it is this object's from now on; its file stays.
   * @throws {TypeError} where it is no such socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UnixDatagram {
    const number = adoptFd(fd, [C.AF_UNIX], C.SOCK_DGRAM, "a local datagram socket");
    const socket = new UnixDatagram(new C.Source(number, "UnixDatagram"));
    const peer = C.getpeername(number);
    if (typeof peer !== "number") socket.setPeer(peer);
    return socket;
  }

  /**
   * Connects, or connects anew: `send` goes there, and nothing is received from anybody else. What an earlier
   * peer has sent and nobody has received is dropped.
   * @throws {SysError} `ENOENT`, `ECONNREFUSED`, `EACCES`, `EPROTOTYPE`, `EPERM` (the peer is connected to another one)
   * @see man 2 connect
   */
  connect(peer: UnixTarget): void {
    const bytes = unixPeerBytes(peer);
    const result = C.connect(this.source.open("connect"), bytes);
    if (result < 0) throw unixError(result, "connect", toUnixAddr(peer));
    this.setPeer(bytes);
  }

  /** Undoes {@link connect}: the socket receives from everybody again. @see man 2 connect, AF_UNSPEC */
  disconnect(): void {
    C.check(C.connect(this.source.open("connect"), new Uint8Array(2)), "connect");
    this.setPeer(undefined);
  }

  /**
   * The address of this side. The kernel gives a socket without one an abstract name when it sends while SO.PASSCRED is set.
   * @throws {SysError} `EBADF` on a closed socket
   */
  override get localAddr(): C.UnixAddr {
    const address = super.localAddr;
    if (address.kind === "unnamed") this.localBytes = undefined; // to be asked for again
    return address;
  }

  /** @internal */
  protected override setPeer(bytes: Uint8Array | undefined): void {
    super.setPeer(bytes);
    this.source.peer = bytes === undefined ? undefined : namedPeer(bytes);
  }

  /**
   * Closes the socket, and removes the file that bind has made, unless `unlinkOnClose` is false or another file has
   * taken its place. What it has sent can still be received. A second close does nothing.
   */
  override close(): void {
    if (!this.closed) this.#file?.remove();
    super.close();
  }

  /** @internal */
  protected override encodePeer(peer: UnixTarget): Uint8Array {
    return unixPeerBytes(peer);
  }

  /** @internal */
  protected override encodeRequest(request: AncillaryRequest): Uint8Array | undefined {
    return encodeUnixRequest(request);
  }

  /** @internal */
  protected override checkSingle(): void {}

  /** @internal */
  protected override runSend(
    peerBytes: Uint8Array | undefined,
    syscall: string,
    attempt: () => number | C.WouldBlock,
    options: C.WaitOptions | undefined,
  ): Promise<number> {
    if (peerBytes === undefined) return super.runSend(peerBytes, syscall, attempt, options);
    const key = keyOf(peerBytes);
    const lane = this.#lanes.get(key) ?? this.#newLane();
    const { half, retry } = lane;
    const again = (): number | C.WouldBlock => {
      const result = attempt();
      if (result === C.WOULD_BLOCK) retry.later();
      return result;
    };
    const sent = this.source.run(half, syscall, this, again, options);
    if (half.first === undefined) return sent; // it did not have to wait
    this.#lanes.set(key, lane);
    return sent.finally(() => {
      if (half.first === undefined && this.#lanes.get(key) === lane) this.#lanes.delete(key);
    });
  }

  #newLane(): Lane {
    const half = new C.Half();
    return { half, retry: new Retry(this.source, half) };
  }

  /** @internal */
  protected override sendWaits(peerBytes: Uint8Array | undefined): boolean {
    return peerBytes === undefined
      ? super.sendWaits(peerBytes)
      : this.#lanes.get(keyOf(peerBytes))?.half.first !== undefined;
  }

  /** @internal What a peer that has connected elsewhere leaves behind does not concern others. */
  protected override mayBeReported(number: number, peerBytes: Uint8Array | undefined): boolean {
    return number === -C.errno.ECONNRESET && (peerBytes !== undefined || !this.connected);
  }

  /** @internal Local datagrams may be as long as the sender's buffer: SIOCINQ tells the length of the next one. */
  protected override scratchBytes(): number {
    return Math.max(C.ioctlInt(this.source.fd, C.SIOCINQ), super.scratchBytes());
  }

  /** @internal */
  protected override sendError(
    number: number,
    syscall: string,
    bytes: Uint8Array,
    peerBytes: Uint8Array | undefined,
  ): Error {
    const to = peerBytes ?? this.peerBytes;
    const peer = to === undefined ? undefined : (C.decodeAddress(to) as C.UnixAddr);
    const error = unsentError(this.source, number, syscall, bytes, peer);
    // With its peer's end the connection is gone too.
    if (peerBytes === undefined && C.getpeername(this.source.fd) === -C.errno.ENOTCONN)
      this.setPeer(undefined);
    return error;
  }
}
