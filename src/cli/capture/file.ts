/** Where captured packets are written: a pcapng or pcap file, in large pieces. */
import { closeSync, openSync, writevSync } from "node:fs";
import { arch, release, type } from "node:os";
import { type LinkTypeName, PACKET_HEAD_LEN, PcapngWriter, PcapWriter } from "../../wire/index.ts";
import { print } from "../_command.ts";

/** A packet on its way to the file. */
export interface FilePacket {
  readonly timestampNs: bigint | readonly [seconds: number, nanoseconds: number];
  readonly data: Uint8Array;
  readonly lengthBytes: number;
  readonly direction?: "inbound" | "outbound" | undefined;
}

export interface FileOptions {
  readonly linkType: LinkTypeName;
  readonly snapLength: number;
  readonly device: string;
  readonly filter: string;
}

const PIECE_BYTES = 1024 * 1024;
/** From so many bytes on, data are written from where they are: copying them would cost more than a further entry. */
const LARGE_BYTES = 2048;
/** IOV_MAX of Linux. */
const MAX_VECTORS = 1024;

/**
 * `-` is standard output. A name that ends with `.pcap` is of the classic format.
 *
 * To a file everything is written at once, before the packets' memory is given back: there is nothing else to do meanwhile, and
 * what is captured waits in the ring.
 */
export class CaptureFile {
  /** `undefined`: standard output. */
  readonly #fd: number | undefined;
  readonly #ng: PcapngWriter | undefined;
  readonly #classic: PcapWriter | undefined;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  /** Of the piece: how much is used, and from where on it is not among the vectors yet. */
  #used = 0;
  #from = 0;
  #vectors: Uint8Array[] = [];

  private constructor(fd: number | undefined, path: string, options: FileOptions) {
    const { linkType, snapLength, device, filter } = options;
    this.#fd = fd;
    if (path.endsWith(".pcap")) {
      this.#classic = new PcapWriter({ linkType, snapLength });
      this.#append(this.#classic.header());
    } else {
      this.#ng = new PcapngWriter();
      const os = `${type()} ${release()}`;
      this.#append(this.#ng.section({ hardware: arch(), os, application: "windsock capture" }));
      const described = { linkType, snapLength, name: device, ...(filter !== "" && { filter }) };
      this.#append(this.#ng.interface(described).bytes);
    }
  }

  /** @throws what `open` says of the path */
  static create(path: string, options: FileOptions): CaptureFile {
    return new CaptureFile(path === "-" ? undefined : openSync(path, "w"), path, options);
  }

  #append(bytes: Uint8Array): void {
    this.#piece.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Adds a packet. Its bytes must stay until the next {@link flush}. @returns a promise where there is to be waited */
  add(packet: FilePacket): Promise<void> | undefined {
    if (this.#put(packet)) return undefined;
    const flushed = this.flush();
    if (flushed !== undefined) return flushed.then(() => this.#putAlone(packet));
    this.#putAlone(packet);
    return undefined;
  }

  #putAlone(packet: FilePacket): void {
    if (this.#put(packet)) return;
    // More than a piece holds, and no file to write it to from where it is.
    const ng = this.#ng as PcapngWriter;
    this.#vectors.push(ng.packet(packet));
  }

  /** @returns false where there is no room */
  #put(packet: FilePacket): boolean {
    if (this.#ng === undefined) return this.#putClassic(packet);
    if (packet.data.length < LARGE_BYTES || this.#fd === undefined) {
      const length = this.#ng.packetInto(this.#piece, this.#used, packet);
      this.#used += length;
      return length > 0;
    }
    if (this.#vectors.length > MAX_VECTORS - 3) return false;
    const length = this.#ng.packetFrameInto(this.#piece, this.#used, packet);
    if (length === 0) return false;
    const head = this.#used + PACKET_HEAD_LEN;
    this.#vectors.push(this.#piece.subarray(this.#from, head), packet.data);
    this.#from = head;
    this.#used += length;
    return true;
  }

  #putClassic({ timestampNs: time, data, lengthBytes }: FilePacket): boolean {
    const timestampNs = typeof time === "bigint" ? time : BigInt(time[0]) * 1_000_000_000n + BigInt(time[1]);
    const record = (this.#classic as PcapWriter).packet(timestampNs, data, lengthBytes);
    if (this.#used + record.length > this.#piece.length) return false;
    this.#append(record);
    return true;
  }

  /** Writes what there is. @returns a promise where there is to be waited for */
  flush(): Promise<void> | undefined {
    if (this.#used > this.#from) this.#vectors.push(this.#piece.subarray(this.#from, this.#used));
    const vectors = this.#vectors;
    this.#vectors = [];
    this.#used = 0;
    this.#from = 0;
    if (vectors.length === 0) return undefined;
    if (this.#fd === undefined) return print(Buffer.concat(vectors));
    writeAll(this.#fd, vectors);
    return undefined;
  }

  /** Ends the file with what the device has counted. */
  async close(counts: { received: bigint; dropped: bigint }, timestampNs: bigint): Promise<void> {
    await this.flush();
    if (this.#ng !== undefined) this.#append(this.#ng.statistics(0, { timestampNs, ...counts }));
    await this.flush();
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** A disk that is full takes a part, and then nothing: that is an error of the next call. */
function writeAll(fd: number, vectors: readonly Uint8Array[]): void {
  let rest = vectors;
  while (rest.length > 0) {
    let written = writevSync(fd, rest);
    let at = 0;
    while (at < rest.length && written >= (rest[at] as Uint8Array).length) {
      written -= (rest[at] as Uint8Array).length;
      at++;
    }
    const [first, ...others] = rest.slice(at);
    rest =
      first === undefined ? [] : written === 0 ? [first, ...others] : [first.subarray(written), ...others];
  }
}
