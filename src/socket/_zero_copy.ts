/** MSG_ZEROCOPY: the kernel sends from the caller's memory, and tells on the error queue when it has done with it. */
import * as C from "../sys/index.ts";
import { readErrorQueue } from "./_error_queue.ts";

/** How a zero-copy write went. */
export interface ZeroCopyResult {
  /** Whether the kernel copied after all, as it does on loopback and where the device cannot do without. */
  readonly copied: boolean;
}

/** The zero-copy sends of one socket. The kernel numbers them from 0, modulo 2^32, each call that took a byte. */
export class ZeroCopy {
  readonly #source: C.Source;
  #next = 0;
  /** What the kernel still reads from. */
  readonly #pending = new Map<number, Uint8Array>();
  #anyCopied = false;

  /** @throws {SysError} where this kernel or socket does not have it */
  constructor(source: C.Source) {
    this.#source = source;
    const on = new Uint8Array(new Int32Array([1]).buffer);
    const result = C.setsockopt(source.open("setsockopt"), C.SOL_SOCKET, C.SO_ZEROCOPY, on);
    C.check(result, "setsockopt", { address: "SO_ZEROCOPY" });
  }

  /**
   * One send, with a copy where the kernel holds as much for its sender as it may (net.core.optmem_max, RLIMIT_MEMLOCK).
   * @returns how many bytes the kernel took, and the number of the send, `undefined` for a copy; or {@link WOULD_BLOCK}
   */
  send(bytes: Uint8Array): { readonly count: number; readonly id: number | undefined } | C.WouldBlock {
    for (let flags = C.MSG_NOSIGNAL | C.MSG_ZEROCOPY; ; ) {
      const count = C.send(this.#source.fd, bytes, flags);
      if (count === -C.errno.EAGAIN) return C.WOULD_BLOCK;
      if (count === -C.errno.ENOBUFS && flags & C.MSG_ZEROCOPY) {
        flags = C.MSG_NOSIGNAL;
      } else if (count >= 0) {
        return { count, id: flags & C.MSG_ZEROCOPY ? this.#begun(bytes) : undefined };
      } else if (count !== -C.errno.EINTR) throw this.#source.error(count, "send");
    }
  }

  /** The kernel reads from these bytes from now on: they must not be collected, and their memory given to somebody else. */
  #begun(bytes: Uint8Array): number {
    const id = this.#next;
    this.#next = (id + 1) >>> 0;
    this.#pending.set(id, bytes);
    return id;
  }

  /** Waits until the kernel has done with the given sends. */
  async finished(ids: readonly number[], owner: object, options: C.WaitOptions): Promise<ZeroCopyResult> {
    const attempt = (): true | C.WouldBlock => {
      this.#takeCompletions();
      return ids.some((id) => this.#pending.has(id)) ? C.WOULD_BLOCK : true;
    };
    await this.#source.run("errors", "recvmsg", owner, attempt, options);
    return { copied: this.#anyCopied };
  }

  #takeCompletions(): void {
    const { fd } = this.#source;
    for (let entry = readErrorQueue(fd); entry !== undefined; entry = readErrorQueue(fd)) {
      const { ee_origin, ee_code, ee_info, ee_data } = entry.fields;
      if (ee_origin !== C.SO_EE_ORIGIN_ZEROCOPY) continue;
      this.#anyCopied = (ee_code & C.SO_EE_CODE_ZEROCOPY_COPIED) !== 0;
      const last = (ee_data + 1) >>> 0;
      for (let id = ee_info; id !== last; id = (id + 1) >>> 0) this.#pending.delete(id);
    }
  }
}
