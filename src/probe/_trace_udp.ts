/** UDP probes: each by a socket of its own, so that the kernel itself knows which one is answered. */
import { SocketAddr } from "../ip/index.ts";
import { SO, SysError, UdpSocket, type WouldBlock } from "../socket/index.ts";
import { errno } from "../sys/index.ts";
import {
  type Channel,
  type ChannelOptions,
  filler,
  type Hear,
  heardError,
  type Outgoing,
  TooLong,
} from "./_trace_channel.ts";
import { IP_HEADER, traceSettings } from "./_trace_options.ts";
import { ProbeSocket } from "./_trace_socket.ts";

const UDP_HEADER = 8;

/** The port of a probe; they start again at 1 behind the last one. */
export function portOf(first: number, id: number): number {
  return ((first - 1 + id) % 0xffff) + 1;
}

export class UdpChannel implements Channel {
  readonly socket = "udp";
  readonly #options: ChannelOptions;
  readonly #hear: Hear;
  readonly #open = new Map<number, ProbeSocket>();

  constructor(options: ChannelOptions, hear: Hear) {
    this.#options = options;
    this.#hear = hear;
  }

  #connect(id: number): ProbeSocket {
    const { settings, route, family } = this.#options;
    const { target, localIp } = route;
    const { device } = settings;
    const zone = localIp.version === 6 && localIp.isUnicastLinkLocal ? target.zone : undefined;
    using socket = UdpSocket.bind(SocketAddr.of(localIp, 0, { zone }), {
      ipv6Only: true,
      options: [
        ...(device === undefined ? [] : [SO.BINDTODEVICE.to(device)]),
        ...traceSettings(settings, family),
      ],
    });
    const port = settings.fixedPort ? settings.port : portOf(settings.port, id);
    socket.connect(SocketAddr.of(target.ip, port, { zone: target.zone }));
    return new ProbeSocket(socket.intoFd(), family, target);
  }

  send({ id, ttl, packetBytes }: Outgoing): number | WouldBlock | TooLong {
    const { family, route } = this.#options;
    const socket = this.#connect(id);
    const stripped = IP_HEADER[family] + UDP_HEADER;
    socket.hearErrors((error) => this.#hear(heardError(id, family, error, stripped)));
    socket.hearData(({ from, ancillary }) => {
      const { ttl, timestampNs } = ancillary;
      const sender = SocketAddr.of((from ?? route.target).ip, 0, { zone: route.target.zone });
      this.#hear({ id, reply: "datagram", from: sender, ttl, timestampNs });
    });
    try {
      const sent = socket.send(filler(packetBytes - stripped), ttl);
      if (typeof sent === "symbol") socket.close();
      else this.#open.set(id, socket);
      return sent;
    } catch (error) {
      const { localMtu } = socket;
      socket.close();
      if (!(error instanceof SysError) || error.errno !== errno.EMSGSIZE || localMtu === undefined)
        throw error;
      return new TooLong(localMtu);
    }
  }

  forget(id: number): void {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#open.values()) socket.close();
    this.#open.clear();
  }
}
