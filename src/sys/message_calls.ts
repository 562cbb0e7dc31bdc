/** sendmsg, recvmsg, sendmmsg and recvmmsg of whole messages, each gathered from or scattered over many buffers. */
import { addressOf, libc, negativeErrno } from "./ffi.ts";
import { checkFd } from "./io_calls.ts";
import { iovec, mmsghdr, msghdr } from "./structs.ts";

const c_sendmsg = libc<(fd: number, message: Uint8Array, flags: number) => number>(
  "int sendmsg(int, const void *, int)",
);
const c_recvmsg = libc<(fd: number, message: Uint8Array, flags: number) => number>(
  "int recvmsg(int, void *, int)",
);
const c_sendmmsg = libc<(fd: number, messages: Uint8Array, count: number, flags: number) => number>(
  "int sendmmsg(int, void *, unsigned int, int)",
);
const c_recvmmsg = libc<
  (fd: number, messages: Uint8Array, count: number, flags: number, timeout: Uint8Array | null) => number
>("int recvmmsg(int, void *, unsigned int, int, void *)");

/** One message: what its `struct msghdr` points to. A call fills in the numbers. */
export interface Message {
  /** The address that it goes to, or room for the one that it comes from; none with `undefined`. */
  readonly name: Uint8Array | undefined;
  readonly data: readonly Uint8Array[];
  /** The control data, or room for it; none with `undefined`. */
  readonly control: Uint8Array | undefined;
  /** How many bytes the address has that has come; more than `name.length` where it was cut. */
  namelen: number;
  /** How many bytes of `control` have come. */
  controllen: number;
  /** MSG_TRUNC, MSG_CTRUNC … of what has come. */
  flags: number;
  /** How many bytes were sent or have come, where the call moves several messages. */
  length: number;
}

/** A message that is still to be sent or received. */
export function message(
  data: readonly Uint8Array[],
  name: Uint8Array | undefined,
  control: Uint8Array | undefined,
): Message {
  return { data, name, control, namelen: 0, controllen: 0, flags: 0, length: 0 };
}

const TWO_32 = 2 ** 32;
const [NAME, NAMELEN] = [msghdr.offsetOf("msg_name"), msghdr.offsetOf("msg_namelen")];
const [IOV, IOVLEN] = [msghdr.offsetOf("msg_iov"), msghdr.offsetOf("msg_iovlen")];
const [CONTROL, CONTROLLEN] = [msghdr.offsetOf("msg_control"), msghdr.offsetOf("msg_controllen")];
const [FLAGS, LEN] = [msghdr.offsetOf("msg_flags"), mmsghdr.offsetOf("msg_len")];

/** What the headers of the call under way point to: maybe nothing else keeps it alive until the call is back. */
const held: (readonly Message[])[] = [];

/** The headers of the messages in a row, and the vectors that they point to behind them. */
function layOut(messages: readonly Message[]): DataView {
  const vectors = messages.reduce((sum, { data }) => sum + data.length, 0);
  const headers = new Uint8Array(new ArrayBuffer(messages.length * mmsghdr.size + vectors * iovec.size));
  const view = new DataView(headers.buffer);
  const setLong = (at: number, value: number): void => {
    view.setUint32(at, value % TWO_32, true);
    view.setUint32(at + 4, Math.floor(value / TWO_32), true);
  };
  const base = addressOf(headers);
  let vector = messages.length * mmsghdr.size;
  messages.forEach(({ name, data, control }, i) => {
    const at = i * mmsghdr.size;
    if (name !== undefined) setLong(at + NAME, addressOf(name));
    view.setUint32(at + NAMELEN, name?.length ?? 0, true);
    setLong(at + IOV, base + vector);
    setLong(at + IOVLEN, data.length);
    for (const part of data) {
      setLong(vector, addressOf(part));
      setLong(vector + iovec.offsetOf("iov_len"), part.length);
      vector += iovec.size;
    }
    if (control !== undefined) setLong(at + CONTROL, addressOf(control));
    setLong(at + CONTROLLEN, control?.length ?? 0);
  });
  held.push(messages);
  return view;
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer);

/** Ends a call: what it has filled in goes to its messages. */
function takeBack(view: DataView, messages: readonly Message[], count: number): void {
  held.pop();
  for (let i = 0; i < count; i++) {
    const one = messages[i] as Message;
    const at = i * mmsghdr.size;
    one.namelen = view.getUint32(at + NAMELEN, true);
    one.controllen = view.getUint32(at + CONTROLLEN, true);
    one.flags = view.getInt32(at + FLAGS, true);
    one.length = view.getUint32(at + LEN, true);
  }
}

/**
 * `ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)`
 * @returns bytes that the kernel took, or `-errno`
 * @see man 2 sendmsg
 */
export function sendmsg(fd: number, one: Message, flags: number): number {
  checkFd(fd);
  const view = layOut([one]);
  const sent = c_sendmsg(fd, bytesOf(view), flags);
  const result = sent < 0 ? negativeErrno() : sent;
  held.pop();
  return result;
}

/**
 * `ssize_t recvmsg(int fd, struct msghdr *msg, int flags)`
 * @returns bytes received, 0 at the end of a stream, with MSG_TRUNC how long the datagram was, or `-errno`
 * @see man 2 recvmsg
 */
export function recvmsg(fd: number, one: Message, flags: number): number {
  checkFd(fd);
  const view = layOut([one]);
  const got = c_recvmsg(fd, bytesOf(view), flags);
  const result = got < 0 ? negativeErrno() : got;
  takeBack(view, [one], got < 0 ? 0 : 1);
  return result;
}

/**
 * `int sendmmsg(int fd, struct mmsghdr *msgvec, unsigned int vlen, int flags)`
 * @returns how many were sent, at least one, or `-errno` of the first
 * @see man 2 sendmmsg
 */
export function sendmmsg(fd: number, messages: readonly Message[], flags: number): number {
  checkFd(fd);
  const view = layOut(messages);
  const sent = c_sendmmsg(fd, bytesOf(view), messages.length, flags);
  const result = sent < 0 ? negativeErrno() : sent;
  takeBack(view, messages, Math.max(sent, 0));
  return result;
}

/**
 * `int recvmmsg(int fd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout)`
 * @param timeout a `struct timespec`; the kernel looks at it between two messages only
 * @returns how many came, at least one, or `-errno`
 * @see man 2 recvmmsg
 */
export function recvmmsg(
  fd: number,
  messages: readonly Message[],
  flags: number,
  timeout: Uint8Array | null,
): number {
  checkFd(fd);
  const view = layOut(messages);
  const got = c_recvmmsg(fd, bytesOf(view), messages.length, flags, timeout);
  const result = got < 0 ? negativeErrno() : got;
  takeBack(view, messages, Math.max(got, 0));
  return result;
}
