/** sendmsg, recvmsg, sendmmsg, recvmmsg: messages of many buffers, with addresses and control data. */
import * as C from "../sys/index.ts";
import {
  bytes,
  fillable,
  fillableArray,
  int,
  isBytes,
  type pointer,
  show,
  socklen,
  whole,
} from "./_check.ts";
import { answer, fail } from "./errno.ts";
import {
  type AddressRoom,
  addressRoom,
  type const_sockaddr,
  encodeAddress,
  type sockaddr,
} from "./sockaddr.ts";

const { EBADF } = C.errno;

/** `struct cmsghdr` with its data, man 3 cmsg. */
export interface cmsghdr {
  /** SOL_SOCKET, IPPROTO_IP … */
  cmsg_level: number;
  /** SCM_RIGHTS, IP_PKTINFO … */
  cmsg_type: number;
  /** Of SCM_RIGHTS the fds, as ints: those that have been received are the receiver's to close. Of the others bytes. */
  cmsg_data: Uint8Array | Int32Array;
}

/** `struct msghdr`, man 2 sendmsg and man 2 recvmsg. */
export interface msghdr {
  /** Where the message goes to; or what is filled with where it comes from. */
  msg_name?: sockaddr | const_sockaddr | null;
  /** By default the length of the address; after recvmsg, how long it is. */
  msg_namelen?: number;
  /** The buffers that it is gathered from, or scattered over, one after the other. */
  msg_iov?: readonly Uint8Array[];
  /** Control messages, or the bytes of them. recvmsg fills it, for as many bytes as `msg_controllen` says. */
  msg_control?: cmsghdr[] | Uint8Array | null;
  /** How many bytes of control data there is room for, see {@link CMSG_SPACE}; after recvmsg, how many have come. */
  msg_controllen?: number;
  /** Only after recvmsg: MSG_TRUNC, MSG_CTRUNC … */
  msg_flags?: number;
}

/** `struct mmsghdr`, man 2 sendmmsg. */
export interface mmsghdr {
  msg_hdr: msghdr;
  /** After the call: how many bytes this message has had. */
  msg_len?: number;
}

/** `size_t CMSG_SPACE(size_t length)`: the room that a control message with so many bytes of data takes, man 3 cmsg. */
export function CMSG_SPACE(length: number): number {
  return C.CMSG_SPACE(socklen("length", length));
}

/** `size_t CMSG_LEN(size_t length)`: the same without the padding behind it. */
export function CMSG_LEN(length: number): number {
  return C.CMSG_SPACE(0) + socklen("length", length);
}

function object<T extends object>(name: string, value: T): T {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(`${name}: expected an object, got ${show(value)}`);
}

function buffers(iov: readonly Uint8Array[] | undefined): Uint8Array[] {
  if (iov !== undefined && !Array.isArray(iov)) {
    throw new TypeError(`msg_iov: expected an array of Uint8Arrays, got ${show(iov)}`);
  }
  return Array.from(iov ?? [], (part, i) => bytes(`msg_iov[${i}]`, part as Uint8Array));
}

function encodeMessage({ cmsg_level, cmsg_type, cmsg_data }: cmsghdr, i: number): C.ControlMessage {
  const name = `msg_control[${i}]`;
  const level = int(`${name}.cmsg_level`, cmsg_level);
  const type = int(`${name}.cmsg_type`, cmsg_type);
  const isInts = cmsg_data instanceof Int32Array;
  if (!isInts && !isBytes(cmsg_data)) {
    throw new TypeError(`${name}.cmsg_data: expected a Uint8Array or an Int32Array, got ${show(cmsg_data)}`);
  }
  const data = Uint8Array.from(
    isInts
      ? new Uint8Array(cmsg_data.buffer, cmsg_data.byteOffset, cmsg_data.byteLength)
      : bytes(name, cmsg_data),
  );
  if (level === C.SOL_SOCKET && type === C.SCM_RIGHTS) checkRights(`${name}.cmsg_data`, data);
  return { level, type, data };
}

function checkRights(name: string, data: Uint8Array): void {
  if (data.length % 4 !== 0)
    throw new TypeError(`${name}: expected fds of 4 bytes each, got ${data.length} bytes`);
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += 4) {
    const fd = view.getInt32(at, true);
    if (fd < 0) throw new TypeError(`${name}: expected fds, which are not negative, got ${fd}`);
  }
}

/** What a message to be sent is for the kernel. */
function outgoing(msg: msghdr): C.Message {
  const { msg_name, msg_namelen, msg_iov, msg_control, msg_controllen } = object("msg", msg);
  const parts = buffers(msg_iov);
  const name = msg_name ? encodeAddress("msg_name", msg_name as const_sockaddr, msg_namelen) : undefined;
  let control: Uint8Array | undefined;
  if (isBytes(msg_control)) control = bytes("msg_control", msg_control, msg_controllen);
  else if (Array.isArray(msg_control)) control = C.encodeControl(msg_control.map(encodeMessage));
  else if (msg_control !== undefined && msg_control !== null) {
    throw new TypeError(`msg_control: expected an array or a Uint8Array, got ${show(msg_control)}`);
  }
  return C.message(parts, name, control);
}

/** A message to be received: what the kernel fills, and how it is handed on to the caller's. */
class Incoming {
  readonly message: C.Message;
  readonly #msg: msghdr;
  readonly #room: AddressRoom | undefined;

  constructor(msg: msghdr) {
    this.#msg = fillable("msg", msg, ["msg_namelen", "msg_control", "msg_controllen", "msg_flags"]);
    const { msg_name, msg_namelen, msg_iov, msg_control, msg_controllen } = msg;
    const parts = buffers(msg_iov);
    const length: pointer<number> | undefined =
      msg_namelen === undefined ? undefined : { value: msg_namelen };
    this.#room = addressRoom("msg_name", msg_name as sockaddr | null | undefined, length);
    const name = this.#room && new Uint8Array(Math.min(this.#room.size, C.SOCKADDR_STORAGE_LEN));
    this.message = C.message(parts, name, controlRoom(msg_control, msg_controllen));
  }

  fill(): void {
    const { name, namelen, control, controllen, flags } = this.message;
    const msg = this.#msg;
    if (name !== undefined && this.#room !== undefined) {
      const address = new Uint8Array(Math.max(namelen, 0));
      address.set(name.subarray(0, address.length));
      this.#room.fill(address);
    }
    msg.msg_namelen = namelen;
    msg.msg_flags = flags;
    msg.msg_controllen = controllen;
    if (!Array.isArray(msg.msg_control) || control === undefined) return;
    const messages = C.decodeControl(control.subarray(0, controllen)).map(decodeMessage);
    msg.msg_control.splice(0, msg.msg_control.length, ...messages);
  }
}

function controlRoom(
  control: cmsghdr[] | Uint8Array | null | undefined,
  controllen: number | undefined,
): Uint8Array | undefined {
  if (control === undefined || control === null) return undefined;
  if (isBytes(control)) return bytes("msg_control", control, controllen);
  fillableArray("msg_control", control, 0, control.length);
  if (controllen === undefined) {
    throw new TypeError(
      "msg_controllen: expected how many bytes of control data there is room for, got none",
    );
  }
  return new Uint8Array(Math.min(socklen("msg_controllen", controllen), MOST_CONTROL));
}

/** More control data than this does not come: it is longer than 253 fds and every other message together. */
const MOST_CONTROL = 1 << 16;

function decodeMessage({ level, type, data }: C.ControlMessage): cmsghdr {
  const own = data.slice();
  const isRights = level === C.SOL_SOCKET && type === C.SCM_RIGHTS;
  const cmsg_data = isRights ? new Int32Array(own.buffer, 0, own.length >> 2) : own;
  return { cmsg_level: level, cmsg_type: type, cmsg_data };
}

/**
 * `ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)`
 * @returns how many bytes were taken, or -1
 * @see man 2 sendmsg
 */
export function sendmsg(sockfd: number, msg: msghdr, flags: number): number {
  const [fd, bits, message] = [int("sockfd", sockfd), int("flags", flags), outgoing(msg)];
  return fd < 0 ? fail(EBADF) : answer(C.sendmsg(fd, message, bits));
}

/**
 * `ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)`
 * @returns how many bytes came, 0 at the end of a stream, or -1. `msg` then has the sender's address, the flags and the
 * control data, whose fds are the caller's to close.
 * @see man 2 recvmsg
 */
export function recvmsg(sockfd: number, msg: msghdr, flags: number): number {
  const [fd, bits, incoming] = [int("sockfd", sockfd), int("flags", flags), new Incoming(msg)];
  if (fd < 0) return fail(EBADF);
  const count = C.recvmsg(fd, incoming.message, bits);
  if (count >= 0) incoming.fill();
  return answer(count);
}

function vector(msgvec: readonly mmsghdr[], vlen: number | undefined): mmsghdr[] {
  if (!Array.isArray(msgvec)) throw new TypeError(`msgvec: expected an array, got ${show(msgvec)}`);
  const count = vlen === undefined ? msgvec.length : whole("vlen", vlen, 0, msgvec.length);
  return Array.from(msgvec.slice(0, count), (one: mmsghdr) => fillable("msgvec", one, ["msg_len"]));
}

/**
 * `int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags)`
 * @param vlen by default all of `msgvec`
 * @returns how many messages were sent, or -1 where the first was not
 * @see man 2 sendmmsg
 */
export function sendmmsg(sockfd: number, msgvec: mmsghdr[], vlen?: number, flags = 0): number {
  const [fd, bits, wanted] = [int("sockfd", sockfd), int("flags", flags), vector(msgvec, vlen)];
  const messages = wanted.map(({ msg_hdr }) => outgoing(msg_hdr));
  if (fd < 0) return fail(EBADF);
  const count = C.sendmmsg(fd, messages, bits);
  for (let i = 0; i < count; i++) (wanted[i] as mmsghdr).msg_len = (messages[i] as C.Message).length;
  return answer(count);
}

function encodeTime(timeout: { tv_sec: number; tv_nsec: number }): Uint8Array {
  const { tv_sec, tv_nsec } = fillable("timeout", timeout, ["tv_sec", "tv_nsec"]);
  return C.timespec.encode({ tv_sec, tv_nsec });
}

/**
 * `int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout)`
 * @param vlen by default all of `msgvec`
 * @param timeout looked at after each message only (man 2 recvmmsg, "BUGS"); Linux sets it to the time that was left
 * @returns how many messages came, or -1
 * @see man 2 recvmmsg
 */
export function recvmmsg(
  sockfd: number,
  msgvec: mmsghdr[],
  vlen?: number,
  flags = 0,
  timeout: { tv_sec: number; tv_nsec: number } | null = null,
): number {
  const [fd, bits, wanted] = [int("sockfd", sockfd), int("flags", flags), vector(msgvec, vlen)];
  const time = timeout && encodeTime(timeout);
  const incoming = wanted.map(({ msg_hdr }) => new Incoming(msg_hdr));
  if (fd < 0) return fail(EBADF);
  const messages = incoming.map(({ message }) => message);
  const count = C.recvmmsg(fd, messages, bits, time);
  for (let i = 0; i < count; i++) {
    (incoming[i] as Incoming).fill();
    (wanted[i] as mmsghdr).msg_len = (messages[i] as C.Message).length;
  }
  if (timeout !== null && time !== null && count >= 0) {
    const left = C.timespec.decode(time);
    Object.assign(timeout, { tv_sec: Number(left.tv_sec), tv_nsec: Number(left.tv_nsec) });
  }
  return answer(count);
}
