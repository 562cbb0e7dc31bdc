/** TCP probes by a raw socket: single SYNs, whose answers no program on either side sees. */
import { SocketAddr } from "../ip/index.ts";
import { applySetting, RawSocket, SO, SysError, type WouldBlock } from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { decodeTcp, encodeTcp, type TcpOption, WireError } from "../wire/index.ts";
import {
  type Channel,
  type ChannelOptions,
  type Hear,
  heardError,
  type Outgoing,
  type TooLong,
} from "./_trace_channel.ts";
import { IP_HEADER, traceSettings } from "./_trace_options.ts";
import { ProbeSocket, type QueuedError, type ReceivedData } from "./_trace_socket.ts";

/** A probe on its way. */
interface Syn {
  readonly id: number;
  readonly port: number;
  readonly sequenceNumber: number;
  /** Holds the port, so that it is nobody else's; the kernel resets what is answered to it, since nobody listens. */
  readonly reservation: C.Source;
}

const random32 = (): number => Math.floor(Math.random() * 2 ** 32);
const u16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
const u32 = (bytes: Uint8Array, at: number): number => u16(bytes, at) * 65536 + u16(bytes, at + 2);

// linux/bpf_common.h: class, size and mode put together.
const LDX_MSH = 0xb1; // X = 4 * (byte & 0xf): the length of an IPv4 header
const LDX_IMM = 0x01;
const LDH_IND = 0x48;
const LDB_IND = 0x50;
const JEQ = 0x15;
const JSET = 0x45;
const RET = 0x06;

/** Of all TCP segments, those from the port that have SYN or RST set. */
function answerFilter(port: number, withHeader: boolean): Uint8Array {
  const rows: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
    [withHeader ? LDX_MSH : LDX_IMM, 0, 0, 0],
    [LDH_IND, 0, 0, 0],
    [JEQ, 0, 3, port],
    [LDB_IND, 0, 0, 13],
    [JSET, 0, 1, 0x06],
    [RET, 0, 0, 0xffff_ffff],
    [RET, 0, 0, 0],
  ];
  const bytes = new Uint8Array(rows.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of rows.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}

export class SynChannel implements Channel {
  readonly socket = "raw";
  readonly #options: ChannelOptions;
  readonly #hear: Hear;
  readonly #socket: ProbeSocket;
  /** By this side's port. */
  readonly #syns = new Map<number, Syn>();

  /** @throws {SysError} `EPERM` without CAP_NET_RAW */
  constructor(options: ChannelOptions, hear: Hear) {
    this.#options = options;
    this.#hear = hear;
    const { settings, route, family } = options;
    using socket = RawSocket.open("tcp", {
      family,
      localAddr: this.#localAddr,
      device: settings.device,
      filter: answerFilter(settings.port, family === "ipv4"),
      options: traceSettings(settings, family),
    });
    socket.connect(route.target);
    this.#socket = new ProbeSocket(socket.intoFd(), family, route.target);
    this.#socket.hearErrors((error) => this.#error(error));
    this.#socket.hearData((received) => this.#data(received));
  }

  get #localAddr(): SocketAddr {
    const { target, localIp } = this.#options.route;
    const zone = localIp.version === 6 && localIp.isUnicastLinkLocal ? target.zone : undefined;
    return SocketAddr.of(localIp, 0, { zone });
  }

  /** A port of this host that is nobody else's. */
  #reserve(): { readonly reservation: C.Source; readonly port: number } {
    const { family, settings } = this.#options;
    const type = C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
    const fd = C.check(C.socket(family === "ipv4" ? C.AF_INET : C.AF_INET6, type, 0), "socket");
    const reservation = new C.Source(fd, "port");
    try {
      if (settings.device !== undefined) applySetting(fd, SO.BINDTODEVICE.to(settings.device));
      C.check(C.bind(fd, C.encodeSockaddr(this.#localAddr)), "bind");
      const own = C.getsockname(fd);
      if (typeof own === "number") throw new SysError(own, "getsockname");
      return { reservation, port: C.decodeSockaddr(own)?.port as number };
    } catch (error) {
      reservation.close();
      throw error;
    }
  }

  #segment(srcPort: number, sequenceNumber: number): Uint8Array {
    const { settings, route, family } = this.#options;
    // As this host's own connections have them.
    const options: readonly TcpOption[] = [
      { name: "mss", value: family === "ipv4" ? 1460 : 1440 },
      { name: "sackPermitted" },
      { name: "timestamps", value: random32(), echoReply: 0 },
      { name: "windowScale", shift: 7 },
    ];
    const fields = { srcPort, dstPort: settings.port, sequenceNumber, syn: true, window: 64240, options };
    return encodeTcp(fields, { src: route.localIp, dst: route.target.ip });
  }

  send({ id, ttl }: Outgoing): number | WouldBlock | TooLong {
    const { reservation, port } = this.#reserve();
    const sequenceNumber = random32();
    try {
      const sent = this.#socket.send(this.#segment(port, sequenceNumber), ttl);
      if (typeof sent === "number") this.#syns.set(port, { id, port, sequenceNumber, reservation });
      else reservation.close();
      return sent;
    } catch (error) {
      reservation.close();
      throw error;
    }
  }

  #error(error: QueuedError): void {
    const { settings, family } = this.#options;
    const { data } = error; // from the TCP header on, of which there are 8 bytes at least
    if (data.length < 8 || u16(data, 2) !== settings.port) return;
    const syn = this.#syns.get(u16(data, 0));
    if (syn === undefined || u32(data, 4) !== syn.sequenceNumber) return;
    this.#hear(heardError(syn.id, family, error, IP_HEADER[family]));
  }

  #data({ from, data, ancillary }: ReceivedData): void {
    const { settings, family, route } = this.#options;
    const start = family === "ipv4" ? ((data[0] ?? 0) & 0x0f) * 4 : 0;
    try {
      const segment = decodeTcp(data, start);
      const syn = this.#syns.get(segment.dstPort);
      if (syn === undefined || segment.srcPort !== settings.port || !segment.ack) return;
      if (segment.acknowledgmentNumber !== (syn.sequenceNumber + 1) % 2 ** 32) return;
      if (from === undefined || from.ip.compare(route.target.ip) !== 0) return;
      const { ttl, timestampNs } = ancillary;
      const sender = SocketAddr.of(from.ip, 0, { zone: from.zone });
      this.#hear({ id: syn.id, reply: segment.rst ? "reset" : "synAck", from: sender, ttl, timestampNs });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }

  forget(id: number): void {
    for (const syn of this.#syns.values()) if (syn.id === id) this.#release(syn);
  }

  #release({ port, reservation }: Syn): void {
    this.#syns.delete(port);
    reservation.close();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    for (const syn of [...this.#syns.values()]) this.#release(syn);
  }
}
