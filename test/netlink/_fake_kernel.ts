/** A kernel for tests: hears the requests of a NetlinkSocket over a socketpair, and answers as it is told to. */
import { type NetlinkOptions, NetlinkSocket } from "../../src/netlink/index.ts";
import * as C from "../../src/sys/index.ts";

export const [NOOP, ERROR, DONE] = [1, 2, 3];
export const [MULTI, DUMP_INTR, DUMP_FILTERED, CAPPED, ACK_TLVS] = [0x02, 0x10, 0x20, 0x100, 0x200];

/** A request as it came. */
export interface Heard {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

const SOCK_SEQPACKET = 5;

/** A message in bytes, written apart from the code that is tested. */
export function message(
  type: number,
  flags: number,
  sequence: number,
  payload: Uint8Array,
  portId = 0,
): Uint8Array {
  const whole = new Uint8Array((16 + payload.length + 3) & ~3);
  const view = new DataView(whole.buffer);
  view.setUint32(0, 16 + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, portId, true);
  whole.set(payload, 16);
  return whole;
}

/** An attribute in bytes. */
export function attribute(type: number, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array((4 + data.length + 3) & ~3);
  whole.set([4 + data.length, (4 + data.length) >> 8, type, type >> 8]);
  whole.set(data, 4);
  return whole;
}

export const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

export function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export class FakeKernel implements Disposable {
  /** The side that is tested. */
  readonly socket: NetlinkSocket;
  readonly #source: C.Source;

  constructor(options?: NetlinkOptions) {
    C.startReactor();
    const type = SOCK_SEQPACKET | C.SOCK_CLOEXEC | C.SOCK_NONBLOCK;
    const pair = C.socketpair(C.AF_UNIX, type, 0);
    if (typeof pair === "number") throw new C.SysError(pair, "socketpair");
    this.socket = NetlinkSocket.over(pair[0], options);
    this.#source = new C.Source(pair[1], "FakeKernel");
  }

  /** The next request. */
  hear(): Promise<Heard> {
    const buffer = new Uint8Array(65536);
    return this.#source.run("read", "recv", this, () => {
      const count = C.recv(this.#source.fd, buffer, 0);
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (count <= 0) throw new Error(`nobody asks any more (${count})`);
      const bytes = buffer.slice(0, count);
      const view = new DataView(bytes.buffer);
      const [type, flags] = [view.getUint16(4, true), view.getUint16(6, true)];
      return { type, flags, sequence: view.getUint32(8, true), bytes };
    });
  }

  /** One buffer with these messages. */
  say(...messages: Uint8Array[]): void {
    C.check(C.send(this.#source.fd, join(...messages), 0), "send");
  }

  /** A whole message of generic netlink to a request. */
  sayGeneric({ sequence, type }: Heard, command: number, attributes: Uint8Array, flags = 0): void {
    this.say(message(type, flags, sequence, join(Uint8Array.of(command, 1, 0, 0), attributes)));
  }

  /** Accepts a request, or refuses it. */
  acknowledge({ sequence, bytes }: Heard, errno = 0, told?: Uint8Array): void {
    const echoed = bytes.subarray(0, 16);
    const flags = CAPPED | (told === undefined ? 0 : ACK_TLVS);
    this.say(message(ERROR, flags, sequence, join(int32(-errno), echoed, told ?? new Uint8Array())));
  }

  /** Answers a dump: an array is a buffer of entries, each of a 32-bit number. */
  dump({ sequence, type }: Heard, buffers: readonly (readonly number[])[], flags = 0): void {
    for (const entries of buffers) {
      this.say(...entries.map((entry) => message(type, MULTI | flags, sequence, int32(entry))));
    }
    this.say(message(DONE, MULTI | flags, sequence, int32(0)));
  }

  [Symbol.dispose](): void {
    this.socket.close();
    this.#source.close();
  }
}
