/** TCP probes without privilege: connections with a small hop limit, which are reset where they come about. */
import { SocketAddr } from "../ip/index.ts";
import { type OptionSetting, readOption, SO, SysError, TCP } from "../socket/index.ts";
import * as C from "../sys/index.ts";
import { type Channel, type ChannelOptions, type Hear, heardError, type Outgoing } from "./_trace_channel.ts";
import { hopLimit, IP_HEADER, traceSettings } from "./_trace_options.ts";
import { ProbeSocket, type QueuedError } from "./_trace_socket.ts";

export class ConnectChannel implements Channel {
  readonly socket = "connect";
  readonly #options: ChannelOptions;
  readonly #hear: Hear;
  readonly #open = new Map<number, ProbeSocket>();

  constructor(options: ChannelOptions, hear: Hear) {
    this.#options = options;
    this.#hear = hear;
  }

  #settings(): OptionSetting[] {
    const { settings, family } = this.#options;
    const { device } = settings;
    const bound = device === undefined ? [] : [SO.BINDTODEVICE.to(device)];
    // Closing resets; and a SYN is sent again once, where the kernel cannot be told to leave it.
    return [...bound, ...traceSettings(settings, family), SO.LINGER.to(0), TCP.SYNCNT.to(1)];
  }

  send({ id, ttl }: Outgoing): number {
    const { settings, route, family } = this.#options;
    const { target, localIp } = route;
    C.startReactor();
    const type = C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
    const fd = C.check(C.socket(family === "ipv4" ? C.AF_INET : C.AF_INET6, type, 0), "socket");
    const socket = new ProbeSocket(fd, family, target);
    try {
      for (const setting of [...this.#settings(), hopLimit(family, ttl)]) socket.set(setting);
      const zone = localIp.version === 6 && localIp.isUnicastLinkLocal ? target.zone : undefined;
      const address = SocketAddr.of(target.ip, settings.port, { zone: target.zone });
      C.check(C.bind(fd, C.encodeSockaddr(SocketAddr.of(localIp, 0, { zone }))), "bind");
      const sentMs = performance.now();
      const begun = C.connect(fd, C.encodeSockaddr(address));
      // Where the answer is near, it may be there within the call.
      const early = begun < 0 && begun !== -C.errno.EINPROGRESS && begun !== -C.errno.EINTR;
      const errors: QueuedError[] = [];
      if (early) socket.takeErrors((error) => errors.push(error));
      if (early && errors.length === 0 && begun !== -C.errno.ECONNREFUSED) {
        throw new SysError(begun, "connect", { address: address.toString() });
      }
      this.#open.set(id, socket);
      const ended = early ? Promise.resolve(-begun) : socket.connected();
      void ended.then((error) => {
        if (error !== undefined && !socket.closed) this.#ended(id, socket, error, errors);
      });
      return sentMs;
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  #ended(id: number, socket: ProbeSocket, error: number, errors: QueuedError[]): void {
    const { family, route } = this.#options;
    const info = readOption(socket.fd, TCP.INFO);
    // A SYN that was repeated: nobody knows which one was answered.
    const unknown = (info.tcpi_total_retrans ?? 0) > 0 ? null : undefined;
    if (error === 0) {
      const kernels = (info.tcpi_rtt ?? 0) / 1000;
      this.#hear({ id, reply: "synAck", from: route.target, rttMs: unknown ?? (kernels || undefined) });
      return;
    }
    socket.takeErrors((one) => errors.push(one));
    const [first] = errors;
    if (first !== undefined) {
      this.#hear({ ...heardError(id, family, first, IP_HEADER[family]), rttMs: unknown });
    } else if (error === C.errno.ECONNREFUSED || error === C.errno.ECONNRESET) {
      this.#hear({ id, reply: "reset", from: route.target, rttMs: unknown });
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
