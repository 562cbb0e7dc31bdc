/** UnixDatagram, blocking: datagrams on this host, in order and without loss. */
import {
  type AncillaryRequest,
  bindUnix,
  encodeUnixRequest,
  namedPeer,
  type OptionSetting,
  type OwnedFd,
  SO,
  type SocketFile,
  type SocketFileOptions,
  toUnixAddr,
  type UnixTarget,
  unixError,
  unixPeerBytes,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { DatagramSocket } from "./_datagram.ts";
import { openSocket } from "./_socket.ts";
import { sendBySlices } from "./_wait.ts";
import { unixPair } from "./unix_stream.ts";

export interface UnixDatagramOptions extends SocketFileOptions {
  /** What is set before bind, as `SO.PASSCRED.to(true)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

/**
 * A local datagram socket. Nothing is lost or reordered: where the receiver's queue is full (net.unix.max_dgram_qlen
 * datagrams), sending blocks the thread.
 */
export class UnixDatagram extends DatagramSocket<C.UnixAddr> {
  /** As long as the sender's buffer allows. */
  protected override readonly unbounded: boolean = true;
  readonly #file: SocketFile | undefined;

  private constructor(source: C.Source, file?: SocketFile) {
    super(source);
    this.#file = file;
  }

  static #open(options: UnixDatagramOptions, address: C.UnixAddr | undefined): UnixDatagram {
    let file: SocketFile | undefined;
    const source = openSocket("UnixDatagram", C.AF_UNIX, C.SOCK_DGRAM, options.options ?? [], (fd) => {
      if (address !== undefined) file = bindUnix(fd, address, options);
    });
    return new UnixDatagram(source, file);
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
    const [one, other] = unixPair(C.SOCK_DGRAM).map((fd) => {
      const socket = new UnixDatagram(new C.Source(fd, "UnixDatagram"));
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
    const make = (own: number): UnixDatagram => new UnixDatagram(new C.Source(own, "UnixDatagram"));
    const socket = UnixDatagram.adopt(fd, [C.AF_UNIX], C.SOCK_DGRAM, "a local datagram socket", make);
    const peer = C.getpeername(socket.source.fd);
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
    if (address.kind === "unnamed") this.forgetLocalAddr(); // to be asked for again
    return address;
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
  protected override setPeer(bytes: Uint8Array | undefined): void {
    super.setPeer(bytes);
    this.source.peer = bytes === undefined ? undefined : namedPeer(bytes);
  }

  /** @internal */
  protected override encodePeer(peer: UnixTarget): Uint8Array {
    return unixPeerBytes(peer);
  }

  /** @internal */
  protected override encodeRequest(request: AncillaryRequest): Uint8Array | undefined {
    return encodeUnixRequest(request);
  }

  /** @internal The kernel tells a connected socket of room in its peer's queue, and nobody else. */
  protected override sendUntil(
    fd: number,
    deadline: number,
    peerBytes: Uint8Array | undefined,
    call: (flags: number) => number,
  ): number {
    if (peerBytes === undefined) return super.sendUntil(fd, deadline, peerBytes, call);
    return sendBySlices(fd, deadline, () => call(0));
  }

  /** @internal What a peer that has connected elsewhere leaves behind does not concern others. */
  protected override mayBeReported(number: number, peerBytes: Uint8Array | undefined): boolean {
    return number === -C.errno.ECONNRESET && (peerBytes !== undefined || !this.connected);
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
    const named = peer?.kind === "unnamed" ? undefined : peer;
    if (number === -C.errno.EMSGSIZE) {
      const hint = `the datagram has ${bytes.length} bytes, more than the send buffer (SO.SNDBUF: ${this.getOption(SO.SNDBUF)}) allows`;
      return new C.SysError(number, syscall, { address: named?.toString(), hint });
    }
    const error = unixError(number, syscall, named);
    // With its peer's end the connection is gone too.
    if (peerBytes === undefined && C.getpeername(this.source.fd) === -C.errno.ENOTCONN)
      this.setPeer(undefined);
    return error;
  }
}
