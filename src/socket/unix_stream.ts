/** UnixStream: a connection on this host, over a path, an abstract name or a socketpair, which files can be passed over. */
import * as C from "../sys/index.ts";
import { checkBytes, detached } from "./_bytes.ts";
import { ANCILLARY_BYTES, checkAncillaryBytes, message } from "./_message.ts";
import { addressOf } from "./_socket.ts";
import { type BufferState, StreamSocket } from "./_stream.ts";
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
  unixError,
  unixPair,
} from "./_unix.ts";
import { type Ancillary, type AncillaryRequest, type Credentials, decodeAncillary } from "./ancillary.ts";
import type { OwnedFd } from "./owned_fd.ts";

export interface UnixSendOptions extends C.WaitOptions {
  /** Open files and credentials that go with the first byte. */
  readonly ancillary?: AncillaryRequest | undefined;
}

export interface UnixReceiveOptions extends C.WaitOptions {
  /** Where the bytes go; room for 64 KiB by default. */
  readonly buffer?: Uint8Array | undefined;
  /** Room for ancillary data, in bytes; 4096 by default, which is enough for whatever the kernel gives. */
  readonly ancillaryBytes?: number | undefined;
}

/** Bytes of a stream with what came beside them. */
export interface StreamMessage {
  /** What came: in a new array, or a view of the caller's buffer. Empty at the end of the stream. */
  readonly data: Uint8Array<ArrayBufferLike>;
  readonly ancillary: Ancillary;
  /** Whether there was too little room for the ancillary data: the rest is lost, and files in it are closed. */
  readonly ancillaryTruncated: boolean;
  /** Whether the peer has closed its side. */
  readonly end: boolean;
}

const scratch = new Uint8Array(new ArrayBuffer(64 * 1024));

/** A connected local stream socket. */
export class UnixStream extends StreamSocket<C.UnixAddr> {
  readonly #peerBytes: Uint8Array;
  #peerAddr: C.UnixAddr | undefined;

  /** @internal Takes ownership of a connected, non-blocking fd. */
  static fromConnected(fd: number, peerBytes: Uint8Array): UnixStream {
    return new UnixStream(new C.Source(fd, "UnixStream"), peerBytes);
  }

  private constructor(source: C.Source, peerBytes: Uint8Array) {
    super(source);
    this.#peerBytes = peerBytes;
    source.peer = namedPeer(peerBytes);
    source.shortMeansEmpty = false; // a read stops short behind files that were passed, and there may be more
  }

  /**
   * Connects to a socket that listens. Where its backlog is full it tries again until there is room.
   * @param target a path, `"@name"` for an abstract address, or a UnixAddr
   * @throws {SysError} `ENOENT`, `ECONNREFUSED` (nobody listens, or the file is left over), `EACCES`, `EPROTOTYPE`
   * @throws {RangeError} a path that is too long for a socket address
   * @throws {TimeoutError} or the signal's reason; everything is closed then
   * @see man 7 unix
   */
  static async connect(target: UnixTarget, options: UnixConnectOptions = {}): Promise<UnixStream> {
    const source = await connectUnix(C.SOCK_STREAM, target, options, "UnixStream");
    return new UnixStream(source, source.peer as Uint8Array);
  }

  /** Two streams that are connected to each other, and have no addresses. @see man 2 socketpair */
  static pair(): [UnixStream, UnixStream] {
    const [one, other] = unixPair(C.SOCK_STREAM, "UnixStream");
    return [new UnixStream(one, new Uint8Array()), new UnixStream(other, new Uint8Array())];
  }

  /**
   * Takes over a connected local stream socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no such socket; the fd stays the caller's then
   * @throws {SysError} `ENOTCONN` where it is not connected; `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UnixStream {
    const adopted = adoptConnected(fd, C.SOCK_STREAM, "a local stream socket");
    return UnixStream.fromConnected(adopted.fd, adopted.peerBytes);
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
   * How full the kernel's buffers are, at this moment. What was sent is in the peer's queue at once: `send.queued` and
   * `send.inFlight` are what the peer has not read yet, with the kernel's bookkeeping, and `send.unsent` is 0.
   */
  override buffers(): BufferState {
    const fd = this.source.open("ioctl");
    const queued = C.check(C.ioctlInt(fd, C.SIOCOUTQ), "ioctl");
    return {
      send: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_SNDBUF), "getsockopt"),
        queued,
        unsent: 0,
        inFlight: queued,
      },
      receive: {
        size: C.check(C.getsockoptInt(fd, C.SOL_SOCKET, C.SO_RCVBUF), "getsockopt"),
        queued: C.check(C.ioctlInt(fd, C.SIOCINQ), "ioctl") + this.givenBackBytes,
      },
    };
  }

  /**
   * Gives bytes to the kernel, with open files or credentials that go with the first of them. The files have to stay
   * open until it has ended; the peer gets its own, and these stay this process's.
   * @returns how many bytes the kernel took; where they are fewer than `bytes.length`, the ancillary data has gone
   * nevertheless, and {@link writeAll} sends the rest
   * @throws {TypeError} for ancillary data that is malformed, or has no byte to go with
   * @throws {SysError} as {@link write}; `EBADF` for a file that is not open, `EPERM` for the credentials of others,
   * `ETOOMANYREFS`
   * @throws the signal's reason, or {@link TimeoutError}; nothing has been sent then
   * @see man 2 sendmsg; man 7 unix, SCM_RIGHTS
   */
  sendMsg(bytes: Uint8Array, options: UnixSendOptions = {}): Promise<number> {
    try {
      checkBytes("bytes", bytes);
      const { ancillary } = options;
      let control = encodeUnixRequest(ancillary);
      if (control !== undefined && bytes.length === 0) {
        throw new TypeError("bytes: expected at least 1, which the ancillary data goes with, got none");
      }
      const total = bytes.length;
      const attempt = (): number | C.WouldBlock => {
        if (bytes.length !== total) throw detached("bytes");
        // A file that was closed while the call waited must not stand for the one that has its number by now.
        if (ancillary?.fds !== undefined) control = encodeUnixRequest(ancillary);
        const count = sendMessage(this.source.fd, bytes, control);
        if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
        if (count < 0) throw this.#sendError(count);
        this.countWritten(count);
        return count;
      };
      return this.source.run("write", "sendmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #sendError(number: number): C.SysError {
    return unixError(number, "sendmsg", this.peerAddr.kind === "unnamed" ? undefined : this.peerAddr);
  }

  /**
   * Reads what is there, and waits where nothing is: at most the bytes up to the next ones that files came with.
   * Files among it are the caller's, to be closed. {@link read} and its relatives close files that come with their bytes.
   * @throws {RangeError} for an empty buffer
   * @throws {SysError} `ECONNRESET` …
   * @throws the signal's reason, or {@link TimeoutError}; nothing has been taken from the stream then
   * @see man 2 recvmsg
   */
  recvMsg(options: UnixReceiveOptions = {}): Promise<StreamMessage> {
    try {
      const { buffer, ancillaryBytes = ANCILLARY_BYTES } = options;
      if (buffer !== undefined) checkBytes("buffer", buffer);
      if (buffer?.length === 0) throw new RangeError("buffer: expected room for at least 1 byte");
      checkAncillaryBytes(ancillaryBytes);
      const room = buffer?.length ?? 0;
      const attempt = (): StreamMessage | C.WouldBlock => {
        if (buffer !== undefined && buffer.length !== room) throw detached("buffer");
        return this.#receiveMessage(buffer ?? scratch, ancillaryBytes);
      };
      return this.source.run("read", "recvmsg", this, attempt, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #receiveMessage(target: Uint8Array, ancillaryBytes: number): StreamMessage | C.WouldBlock {
    const data = (count: number): Uint8Array =>
      target === scratch ? target.slice(0, count) : target.subarray(0, count);
    const back = this.takeGivenBack(target);
    if (back > 0) return { data: data(back), ancillary: {}, ancillaryTruncated: false, end: false };
    const count = receiveMessage(this.source.fd, target, ancillaryBytes, 0);
    if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
    if (count < 0) throw this.source.error(count, "recvmsg", adviceOnReset(count));
    const ancillary = decodeAncillary(message.control(0));
    this.countRead(count);
    const ancillaryTruncated = (message.flags(0) & C.MSG_CTRUNC) !== 0;
    return { data: data(count), ancillary, ancillaryTruncated, end: count === 0 };
  }
}
