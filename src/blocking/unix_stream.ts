/** UnixStream, blocking: a connection on this host, over a path, an abstract name or a socketpair. */
import {
  ANCILLARY_BYTES,
  type AncillaryRequest,
  addressOf,
  adviceOnReset,
  type BufferState,
  type Credentials,
  checkAncillaryBytes,
  checkBytes,
  decodeAncillary,
  encodeUnixRequest,
  fdNumber,
  message,
  namedPeer,
  type OptionSetting,
  type OwnedFd,
  peerCredentials,
  type StreamMessage,
  toUnixAddr,
  type UnixTarget,
  unixError,
  unixPeerBytes,
} from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { openSocket } from "./_socket.ts";
import { StreamSocket } from "./_stream.ts";
import { deadlineOf, sendBySlices, sliceCalls, type WaitOptions } from "./_wait.ts";

export interface UnixConnectOptions extends WaitOptions {
  /** What is set before connecting, as `SO.PASSCRED.to(true)`. */
  readonly options?: readonly OptionSetting[] | undefined;
}

export interface UnixSendOptions extends WaitOptions {
  /** Open files and credentials that go with the first byte. */
  readonly ancillary?: AncillaryRequest | undefined;
}

export interface UnixReceiveOptions extends WaitOptions {
  /** Where the bytes go; room for 64 KiB by default. */
  readonly buffer?: Uint8Array | undefined;
  /** Room for ancillary data, in bytes; 4096 by default, which is enough for whatever the kernel gives. */
  readonly ancillaryBytes?: number | undefined;
}

const scratch = new Uint8Array(new ArrayBuffer(64 * 1024));

/** A connected local stream socket. */
export class UnixStream extends StreamSocket<C.UnixAddr> {
  // The kernel takes the bytes in parts of about 32 KiB, and waits a slice for each.
  protected override readonly mostPerSend: number = 128 * 1024;
  readonly #peerBytes: Uint8Array;
  #peerAddr: C.UnixAddr | undefined;

  /** @internal Takes ownership of a connected, blocking fd. */
  static fromConnected(fd: number, peerBytes: Uint8Array): UnixStream {
    return new UnixStream(new C.Source(fd, "UnixStream"), peerBytes);
  }

  private constructor(source: C.Source, peerBytes: Uint8Array) {
    super(source);
    this.#peerBytes = peerBytes;
    source.peer = namedPeer(peerBytes);
  }

  /**
   * Connects to a socket that listens. Where its backlog is full the thread blocks until there is room.
   * @param target a path, `"@name"` for an abstract address, or a UnixAddr
   * @throws {SysError} `ENOENT`, `ECONNREFUSED` (nobody listens, or the file is left over), `EACCES`, `EPROTOTYPE`
   * @throws {RangeError} a path that is too long for a socket address
   * @throws {TimeoutError} everything is closed then
   * @see man 7 unix
   */
  static connect(target: UnixTarget, options: UnixConnectOptions = {}): UnixStream {
    const deadline = deadlineOf(options);
    const bytes = unixPeerBytes(target);
    const address = toUnixAddr(target);
    const source = openSocket("UnixStream", C.AF_UNIX, C.SOCK_STREAM, options.options ?? [], (fd) => {
      const result = sendBySlices(fd, deadline, () => C.connect(fd, bytes));
      if (result === 0) return;
      if (result === -C.errno.EAGAIN) {
        throw new C.TimeoutError("connect", options.timeoutMs ?? 0, address.toString());
      }
      throw unixError(result, "connect", address);
    });
    return new UnixStream(source, bytes);
  }

  /** Two streams that are connected to each other, and have no addresses. @see man 2 socketpair */
  static pair(): [UnixStream, UnixStream] {
    const [one, other] = unixPair(C.SOCK_STREAM);
    return [
      UnixStream.fromConnected(one, new Uint8Array()),
      UnixStream.fromConnected(other, new Uint8Array()),
    ];
  }

  /**
   * Takes over a connected local stream socket from elsewhere. Closing it is this object's from now on.
   * @throws {TypeError} where it is no such socket; the fd stays the caller's then
   * @throws {SysError} `ENOTCONN` where it is not connected; `EBADF`, `ENOTSOCK`
   */
  static fromFd(fd: number | OwnedFd): UnixStream {
    const number = fdNumber(fd);
    const peer = C.getpeername(number);
    if (typeof peer === "number") throw new C.SysError(peer, "getpeername", { address: `fd ${number}` });
    const make = (own: number): UnixStream => UnixStream.fromConnected(own, peer);
    return UnixStream.adopt(fd, [C.AF_UNIX], C.SOCK_STREAM, "a local stream socket", make);
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

  /** @internal */
  protected override adviceOn(number: number): string | undefined {
    return adviceOnReset(number);
  }

  /**
   * How full the kernel's buffers are, at this moment. What was sent is in the peer's queue at once: `send.queued` and
   * `send.inFlight` are what the peer has not read yet, with the kernel's bookkeeping, and `send.unsent` is 0.
   */
  override buffers(): BufferState {
    return this.bufferState(0);
  }

  /**
   * Gives bytes to the kernel, with open files or credentials that go with the first of them. The peer gets files of its
   * own, and these stay this process's.
   * @returns how many bytes the kernel took; where they are fewer than `bytes.length`, the ancillary data has gone
   * nevertheless, and {@link writeAll} sends the rest
   * @throws {TypeError} for ancillary data that is malformed, or has no byte to go with
   * @throws {SysError} as {@link write}; `EBADF` for a file that is not open, `EPERM` for the credentials of others,
   * `ETOOMANYREFS`
   * @throws {TimeoutError} nothing has been sent then
   * @see man 2 sendmsg; man 7 unix, SCM_RIGHTS
   */
  sendMsg(bytes: Uint8Array, options: UnixSendOptions = {}): number {
    checkBytes("bytes", bytes);
    const control = encodeUnixRequest(options.ancillary);
    if (control !== undefined && bytes.length === 0) {
      throw new TypeError("bytes: expected at least 1, which the ancillary data goes with, got none");
    }
    const deadline = deadlineOf(options);
    const fd = this.source.open("sendmsg");
    const part = bytes.subarray(0, this.mostPerSend);
    const count = this.sendBy(deadline, (flags) => {
      message.setData(0, C.addressOf(part), part.length);
      message.setName(0, undefined);
      message.setControl(0, control);
      return message.sendmsg(fd, C.MSG_NOSIGNAL | flags);
    });
    if (count === -C.errno.EAGAIN) throw this.timedOut("sendmsg", options);
    if (count < 0)
      throw unixError(count, "sendmsg", this.peerAddr.kind === "unnamed" ? undefined : this.peerAddr);
    return count;
  }

  /**
   * Reads what is there, and blocks the thread where nothing is: at most the bytes up to the next ones that files came
   * with. Files among it are the caller's, to be closed. {@link read} and its relatives close files that come with their
   * bytes.
   * @throws {RangeError} for an empty buffer
   * @throws {SysError} `ECONNRESET` …
   * @throws {TimeoutError} nothing has been taken from the stream then
   * @see man 2 recvmsg
   */
  recvMsg(options: UnixReceiveOptions = {}): StreamMessage {
    const { buffer, ancillaryBytes = ANCILLARY_BYTES } = options;
    if (buffer !== undefined) checkBytes("buffer", buffer);
    if (buffer?.length === 0) throw new RangeError("buffer: expected room for at least 1 byte");
    checkAncillaryBytes(ancillaryBytes);
    const deadline = deadlineOf(options);
    const fd = this.source.open("recvmsg");
    const target = buffer ?? scratch;
    const data = (count: number): Uint8Array =>
      buffer === undefined ? target.slice(0, count) : target.subarray(0, count);
    const back = this.takeGivenBack(target);
    if (back > 0) return { data: data(back), ancillary: {}, ancillaryTruncated: false, end: false };
    const count = this.receiveBy(deadline, (flags) => {
      message.setData(0, C.addressOf(target), target.length);
      message.expect(0, ancillaryBytes);
      return message.recvmsg(fd, C.MSG_CMSG_CLOEXEC | flags);
    });
    if (count === -C.errno.EAGAIN) throw this.timedOut("recvmsg", options);
    if (count < 0) throw this.source.error(count, "recvmsg", adviceOnReset(count));
    const ancillary = decodeAncillary(message.control(0));
    const ancillaryTruncated = (message.flags(0) & C.MSG_CTRUNC) !== 0;
    return { data: data(count), ancillary, ancillaryTruncated, end: count === 0 };
  }
}

/** The fds of two connected sockets. @throws {SysError} */
export function unixPair(type: number): [number, number] {
  const pair = C.socketpair(C.AF_UNIX, type | C.SOCK_CLOEXEC, 0);
  if (typeof pair === "number") throw new C.SysError(pair, "socketpair");
  for (const fd of pair) sliceCalls(fd);
  return pair;
}
