/** UnixSeqpacket and its listener: local connections that keep the bounds of what is sent. */
import * as C from "../sys/index.ts";
import { checkBytes, detached } from "./_bytes.ts";
import {
  type Datagram,
  type ReceivedMessage,
  type ReceiveMessageOptions,
  type ReceiveOptions,
  receiveArguments,
} from "./_datagram.ts";
import type { AcceptOptions } from "./_listener.ts";
import { ANCILLARY_BYTES, checkAncillaryBytes, checkControl, message } from "./_message.ts";
import { addressOf, Socket } from "./_socket.ts";
import { type ShutdownHow, shutdownSource } from "./_stream.ts";
import {
  adoptConnected,
  adviceOnReset,
  connectUnix,
  encodeUnixRequest,
  namedPeer,
  peerCredentials,
  receiveMessage,
  sendMessage,
  type UnixConnectOptions,
  type UnixTarget,
  unixPair,
  unsentError,
} from "./_unix.ts";
import { type Credentials, decodeAncillary } from "./ancillary.ts";
import type { OwnedFd } from "./owned_fd.ts";
import { adoptListening, LocalListener, listenUnix, type UnixListenOptions } from "./unix_listener.ts";
import type { UnixSendOptions } from "./unix_stream.ts";

/** A record that was received: as a datagram, but of the one peer. */
export type Packet = Omit<Datagram, "peer">;

/** A record with what came beside it. */
export type PacketMessage = Omit<ReceivedMessage, "peer">;

/** What SO_TIMESTAMPNS takes of the room for ancillary data; it comes first. */
const STAMP_BYTES = C.CMSG_SPACE(C.timespec.size);
const SCRATCH_BYTES = 64 * 1024;
/** A larger one is not kept. */
const SCRATCH_LIMIT = 1024 * 1024;
let scratch = new Uint8Array(new ArrayBuffer(SCRATCH_BYTES));

/**
 * A connected local seqpacket socket: each send is one record, and each receive takes one.
 *
 * The kernel gives 0 bytes for a record of no bytes and for the end of the connection alike. To tell them apart the
 * socket has SO_TIMESTAMPNS set, for which every record comes with a time, and the end without.
 */
export class UnixSeqpacket extends Socket<C.UnixAddr> {
  readonly #peerBytes: Uint8Array;
  #peerAddr: C.UnixAddr | undefined;
  /** Whether SO_TIMESTAMPNS was set by us. */
  readonly #stamped: boolean;

  /** @internal Takes ownership of a connected, non-blocking fd. */
  static fromConnected(fd: number, peerBytes: Uint8Array): UnixSeqpacket {
    return new UnixSeqpacket(new C.Source(fd, "UnixSeqpacket"), peerBytes);
  }

  private constructor(source: C.Source, peerBytes: Uint8Array) {
    super(source);
    this.#peerBytes = peerBytes;
    source.peer = namedPeer(peerBytes);
    this.#stamped =
      C.getsockoptInt(source.fd, C.SOL_SOCKET, C.SO_TIMESTAMPNS) === 0 && stamp(source.fd, true) === 0;
  }

  /**
   * Connects to a socket that listens. Where its backlog is full it tries again until there is room.
   * @param target a path, `"@name"` for an abstract address, or a UnixAddr
   * @throws as `UnixStream.connect`
   * @see man 7 unix
   */
  static async connect(target: UnixTarget, options: UnixConnectOptions = {}): Promise<UnixSeqpacket> {
    const source = await connectUnix(C.SOCK_SEQPACKET, target, options, "UnixSeqpacket");
    return new UnixSeqpacket(source, source.peer as Uint8Array);
  }

  /** Two sockets that are connected to each other, and have no addresses. @see man 2 socketpair */
  static pair(): [UnixSeqpacket, UnixSeqpacket] {
    const [one, other] = unixPair(C.SOCK_SEQPACKET, "UnixSeqpacket");
    return [new UnixSeqpacket(one, new Uint8Array()), new UnixSeqpacket(other, new Uint8Array())];
  }

  /**
   * Takes over a connected local seqpacket socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no such socket; the fd stays the caller's then
   * @throws {SysError} `ENOTCONN` where it is not connected; `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UnixSeqpacket {
    const adopted = adoptConnected(fd, C.SOCK_SEQPACKET, "a local seqpacket socket");
    return UnixSeqpacket.fromConnected(adopted.fd, adopted.peerBytes);
  }

  /** Gives the fd away as it was: without the time of each record, unless it was asked for before. */
  override intoFd(): OwnedFd {
    if (this.#stamped && !this.closed) stamp(this.source.fd, false);
    return super.intoFd();
  }

  /** The address of the other side: what was connected to, or what a peer had bound; most peers are unnamed. */
  get peerAddr(): C.UnixAddr {
    this.#peerAddr ??= addressOf<C.UnixAddr>(this.#peerBytes, "getpeername");
    return this.#peerAddr;
  }

  /**
   * Who the peer was when it connected, or began to listen, or made the pair: that process may have passed its end on.
   * @throws {SysError} `EBADF` on a closed socket
   * @see man 7 unix, SO_PEERCRED
   */
  get peerCredentials(): Credentials {
    return peerCredentials(this.source);
  }

  protected override describe(): string {
    return `${this.localAddr} → ${this.peerAddr}`;
  }

  /**
   * Sends one record, and waits where the send buffer is full.
   * @returns how many bytes went, always all of them
   * @throws {SysError} `EPIPE`, `ECONNRESET`, `EMSGSIZE` (longer than SO.SNDBUF allows)
   * @throws the signal's reason, or {@link TimeoutError}; it has not been sent then
   * @see man 2 send
   */
  send(bytes: Uint8Array, options?: C.WaitOptions): Promise<number> {
    try {
      checkBytes("bytes", bytes);
      const total = bytes.length;
      const attempt = (): number | C.WouldBlock => {
        if (bytes.length !== total) throw detached("bytes");
        return this.#send(bytes);
      };
      return this.source.run("write", "send", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends one record now. @returns as {@link send}, or {@link WOULD_BLOCK} */
  trySend(bytes: Uint8Array): number | C.WouldBlock {
    checkBytes("bytes", bytes);
    this.source.open("send");
    return this.source.write.first !== undefined ? C.WOULD_BLOCK : this.#send(bytes);
  }

  #send(bytes: Uint8Array): number | C.WouldBlock {
    let count = C.send(this.source.fd, bytes, C.MSG_NOSIGNAL);
    while (count === -C.errno.EINTR) count = C.send(this.source.fd, bytes, C.MSG_NOSIGNAL);
    return count < 0 ? this.#unsent(count, "send", bytes) : count;
  }

  /** @returns for EAGAIN; @throws for every other error */
  #unsent(number: number, syscall: string, bytes: Uint8Array): C.WouldBlock {
    if (number === -C.errno.EAGAIN) return C.WOULD_BLOCK;
    throw unsentError(this.source, number, syscall, bytes, this.peerAddr);
  }

  /**
   * Sends one record with open files or credentials. The files have to stay open until it has ended; the peer gets its
   * own, and these stay this process's.
   * @returns how many bytes went, always all of them
   * @throws {TypeError} for ancillary data that is malformed
   * @throws {SysError} as {@link send}; `EBADF` for a file that is not open, `EPERM` for the credentials of others,
   * `ETOOMANYREFS`
   * @throws the signal's reason, or {@link TimeoutError}; it has not been sent then
   * @see man 2 sendmsg; man 7 unix, SCM_RIGHTS
   */
  sendMsg(bytes: Uint8Array, options: UnixSendOptions = {}): Promise<number> {
    try {
      checkBytes("bytes", bytes);
      const { ancillary } = options;
      let control = encodeUnixRequest(ancillary);
      checkControl(control);
      const total = bytes.length;
      const attempt = (): number | C.WouldBlock => {
        if (bytes.length !== total) throw detached("bytes");
        if (ancillary?.fds !== undefined) control = encodeUnixRequest(ancillary); // they may have been closed meanwhile
        const count = sendMessage(this.source.fd, bytes, control);
        return count < 0 ? this.#unsent(count, "sendmsg", bytes) : count;
      };
      return this.source.run("write", "sendmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives one record. Files that come with it are closed: see {@link recvMsg}.
   * @param buffer where it goes; without one it comes in a new array, whole
   * @returns `undefined` at the end of the connection: the peer has closed its side, and all records have been received
   * @throws {SysError} `ECONNRESET`: the peer has closed the connection without receiving all that was sent to it
   * @throws the signal's reason, or {@link TimeoutError}; no record has been taken then
   * @see man 2 recv
   */
  recv(options?: ReceiveOptions): Promise<Packet | undefined>;
  recv(buffer: Uint8Array | undefined, options?: ReceiveOptions): Promise<Packet | undefined>;
  recv(bufferOrOptions?: Uint8Array | ReceiveOptions, rest?: ReceiveOptions): Promise<Packet | undefined> {
    try {
      const [buffer, options] = receiveArguments(bufferOrOptions, rest);
      const attempt = this.#receiving(buffer, 0, options?.peek === true, plain);
      return this.source.run("read", "recvmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Receives one record now. @returns as {@link recv}, or {@link WOULD_BLOCK} */
  tryRecv(buffer?: Uint8Array): Packet | undefined | C.WouldBlock {
    if (buffer !== undefined) checkBytes("buffer", buffer);
    this.source.open("recvmsg");
    if (this.source.read.first !== undefined) return C.WOULD_BLOCK;
    return this.#receiving(buffer, 0, false, plain)();
  }

  /**
   * Receives one record with what came beside it. Files among it are the caller's, to be closed. `ancillary.timestampNs`
   * is the time of the call.
   * @returns as {@link recv}
   * @throws as {@link recv}
   * @see man 2 recvmsg
   */
  recvMsg(options: ReceiveMessageOptions = {}): Promise<PacketMessage | undefined> {
    try {
      const { buffer, peek = false, ancillaryBytes = ANCILLARY_BYTES } = options;
      if (buffer !== undefined) checkBytes("buffer", buffer);
      checkAncillaryBytes(ancillaryBytes);
      const attempt = this.#receiving(buffer, ancillaryBytes, peek, withAncillary);
      return this.source.run("read", "recvmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #receiving<T>(
    buffer: Uint8Array | undefined,
    ancillaryBytes: number,
    peek: boolean,
    result: (packet: Packet) => T,
  ): () => T | undefined | C.WouldBlock {
    const room = buffer?.length ?? 0;
    return () => {
      if (buffer !== undefined && buffer.length !== room) throw detached("buffer");
      const { fd } = this.source;
      const target = buffer ?? scratchFor(fd);
      const flags = C.MSG_TRUNC | (peek ? C.MSG_PEEK : 0);
      const lengthBytes = receiveMessage(fd, target, ancillaryBytes + STAMP_BYTES, flags);
      if (lengthBytes === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (lengthBytes < 0) throw this.source.error(lengthBytes, "recvmsg", adviceOnReset(lengthBytes));
      if (lengthBytes === 0 && message.control(0).length === 0 && this.#hasEnded()) return undefined;
      const count = Math.min(lengthBytes, target.length);
      return result({
        data: buffer === undefined ? target.slice(0, count) : target.subarray(0, count),
        truncated: lengthBytes > target.length,
        lengthBytes,
      });
    };
  }

  /** Without a time, because somebody has reset the option: nothing can follow once reading has ended. */
  #hasEnded(): boolean {
    return C.check(C.pollNow(this.source.fd, C.POLLRDHUP), "poll") !== 0;
  }

  /** Waits until a receive would not wait: a record, the end, or an error is there. @throws as {@link recv} */
  readable(options?: C.WaitOptions): Promise<void> {
    return this.#polling("read", C.POLLIN, options);
  }

  /** Waits until there is room for a record in the send buffer. @throws as {@link recv} */
  writable(options?: C.WaitOptions): Promise<void> {
    return this.#polling("write", C.POLLOUT, options);
  }

  #polling(direction: "read" | "write", events: number, options: C.WaitOptions | undefined): Promise<void> {
    const attempt = (): undefined | C.WouldBlock =>
      C.check(C.pollNow(this.source.fd, events), "poll") !== 0 ? undefined : C.WOULD_BLOCK;
    return this.source.run(direction, "poll", this, attempt, options);
  }

  /** Ends one half of the connection: after "write" the peer receives to the end, and can still answer. @see man 2 shutdown */
  shutdown(how: ShutdownHow): void {
    shutdownSource(this.source, how);
  }

  /** Record after record, each in a new array, to the end of the connection. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Packet, void, undefined> {
    for (let packet = await this.recv(); packet !== undefined; packet = await this.recv()) yield packet;
  }
}

/** @returns 0 or `-errno` */
function stamp(fd: number, on: boolean): number {
  return C.setsockopt(fd, C.SOL_SOCKET, C.SO_TIMESTAMPNS, Uint8Array.of(on ? 1 : 0, 0, 0, 0));
}

const plain = (packet: Packet): Packet => packet;

function withAncillary(packet: Packet): PacketMessage {
  const ancillary = decodeAncillary(message.control(0));
  return { ...packet, ancillary, ancillaryTruncated: (message.flags(0) & C.MSG_CTRUNC) !== 0 };
}

/** Room for the next record, whose length is at most that of all that wait (SIOCINQ). */
function scratchFor(fd: number): Uint8Array {
  const bytes = C.ioctlInt(fd, C.SIOCINQ);
  if (bytes <= scratch.length) return scratch;
  const larger = new Uint8Array(bytes);
  if (bytes <= SCRATCH_LIMIT) scratch = larger;
  return larger;
}

/** A socket that listens for local seqpacket connections. */
export class UnixSeqpacketListener extends LocalListener<UnixSeqpacket> {
  /**
   * Binds and listens.
   * @param address as `UnixListener.bind` takes it
   * @throws as `UnixListener.bind`
   * @see man 7 unix
   */
  static override bind(address: UnixTarget, options: UnixListenOptions = {}): UnixSeqpacketListener {
    const { source, file } = listenUnix(C.SOCK_SEQPACKET, address, options, "UnixSeqpacketListener");
    return new UnixSeqpacketListener(source, options.onPause, file);
  }

  /**
   * Takes over a listening local seqpacket socket from elsewhere. Closing it is this object's from now on; its file stays.
   * @throws {TypeError} where it is no listening local seqpacket socket; the fd stays the caller's then
   * @throws {SysError} `EBADF`, `ENOTSOCK`
   */
  static fromFd(
    fd: number | OwnedFd,
    options: { readonly onPause?: AcceptOptions["onPause"] } = {},
  ): UnixSeqpacketListener {
    const label = "UnixSeqpacketListener";
    const source = adoptListening(fd, C.SOCK_SEQPACKET, "a listening local seqpacket socket", label);
    return new UnixSeqpacketListener(source, options.onPause, undefined);
  }

  /** @internal */
  protected override accepted(fd: number, peerBytes: Uint8Array): UnixSeqpacket {
    return UnixSeqpacket.fromConnected(fd, peerBytes);
  }
}
