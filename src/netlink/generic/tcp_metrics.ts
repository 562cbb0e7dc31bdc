/** TcpMetrics: what the kernel remembers of earlier TCP connections to a host. man 8 ip-tcp_metrics */
import type { IpAddr } from "../../ip/index.ts";
import { errno, type WaitOptions } from "../../sys/index.ts";
import { addrOf } from "../_values.ts";
import { attributeTable } from "../attribute_table.ts";
import { binary, ip, s32, u16, u32, u64 } from "../attribute_types.ts";
import type { Attribute } from "../attributes.ts";
import { NetlinkError } from "../netlink_error.ts";
import type { DumpOptions, NetlinkOptions } from "../netlink_socket.ts";
import type { GenericMessage } from "./family.ts";
import { type GenericRequest, GenericSocket } from "./generic_socket.ts";

/** What is remembered of one host. */
export interface TcpMetric {
  readonly destination: IpAddr;
  readonly source?: IpAddr;
  /** How long ago it was written last. */
  readonly ageSeconds: number;
  /** Smoothed round trip time, and how much it varies. */
  readonly rttUs?: number;
  readonly rttVarianceUs?: number;
  /** In segments. */
  readonly slowStartThreshold?: number;
  /** In segments. */
  readonly congestionWindow?: number;
  readonly reordering?: number;
  readonly fastOpen?: TcpMetricFastOpen;
  /** The peer's last timestamp, of kernels before 4.10, and how old it is. */
  readonly timeWait?: { readonly timestamp: number; readonly ageSeconds: number };
  readonly unknown?: readonly Attribute[];
}

/** RFC 7413. */
export interface TcpMetricFastOpen {
  readonly mss?: number;
  readonly synDrops?: number;
  /** How long ago a SYN with data was lost last. */
  readonly synDropAgeSeconds?: number;
  readonly cookie?: Uint8Array;
}

const FAMILY = "tcp_metrics";
const [CMD_GET, CMD_DEL] = [1, 2];

/** TCP_METRIC_… counted from 1: include/uapi/linux/tcp_metrics.h, v6.12 */
const VALUES = attributeTable("TCP_METRIC_", {
  RTT: [1, u32],
  RTTVAR: [2, u32],
  SSTHRESH: [3, u32],
  CWND: [4, u32],
  REORDERING: [5, u32],
  RTT_US: [6, u32],
  RTTVAR_US: [7, u32],
});

const TABLE = attributeTable(
  "TCP_METRICS_ATTR_",
  {
    ADDR_IPV4: [1, ip],
    ADDR_IPV6: [2, ip],
    AGE: [3, u64],
    TW_TSVAL: [4, u32],
    TW_TS_STAMP: [5, s32],
    VALS: [6, VALUES],
    FOPEN_MSS: [7, u16],
    FOPEN_SYN_DROPS: [8, u16],
    FOPEN_SYN_DROP_TS: [9, u64],
    FOPEN_COOKIE: [10, binary],
    SADDR_IPV4: [11, ip],
    SADDR_IPV6: [12, ip],
  },
  13,
);

const seconds = (ms: bigint): number => Number(ms) / 1000;

/** @returns `undefined` for what has no address @throws {WireError} */
export function decodeTcpMetric({ bytes, start, end }: GenericMessage): TcpMetric | undefined {
  const a = TABLE.decode(bytes, start, end);
  const destination = a.ADDR_IPV4 ?? a.ADDR_IPV6;
  if (destination === undefined) return undefined;
  const source = a.SADDR_IPV4 ?? a.SADDR_IPV6;
  const { RTT, RTTVAR, SSTHRESH, CWND, REORDERING, RTT_US, RTTVAR_US } = a.VALS ?? {};
  // In eighths and quarters; kernels before 3.15 only know milliseconds.
  const rtt = RTT_US ?? (RTT === undefined ? undefined : RTT * 1000);
  const variance = RTTVAR_US ?? (RTTVAR === undefined ? undefined : RTTVAR * 1000);
  const { FOPEN_MSS: mss, FOPEN_SYN_DROPS: drops, FOPEN_SYN_DROP_TS: age, FOPEN_COOKIE: cookie } = a;
  const fastOpen = {
    ...(mss !== undefined && { mss }),
    ...(drops !== undefined && { synDrops: drops }),
    ...(age !== undefined && { synDropAgeSeconds: seconds(age) }),
    ...(cookie !== undefined && { cookie }),
  };
  return {
    destination,
    ...(source !== undefined && { source }),
    ageSeconds: seconds(a.AGE ?? 0n),
    ...(rtt !== undefined && { rttUs: Math.floor(rtt / 8) }),
    ...(variance !== undefined && { rttVarianceUs: Math.floor(variance / 4) }),
    ...(SSTHRESH !== undefined && { slowStartThreshold: SSTHRESH }),
    ...(CWND !== undefined && { congestionWindow: CWND }),
    ...(REORDERING !== undefined && { reordering: REORDERING }),
    ...(Object.keys(fastOpen).length > 0 && { fastOpen }),
    ...(a.TW_TSVAL !== undefined && {
      timeWait: { timestamp: a.TW_TSVAL, ageSeconds: a.TW_TS_STAMP ?? 0 },
    }),
    ...(a.unknown !== undefined && { unknown: a.unknown }),
  };
}

export interface TcpMetricOptions extends WaitOptions {
  /** Only what connections from this address have left. */
  readonly source?: IpAddr | string | undefined;
}

/** What is remembered in the network namespace that the socket was opened in. */
export class TcpMetrics implements Disposable {
  /** For requests that are not here. */
  readonly generic: GenericSocket;

  private constructor(generic: GenericSocket) {
    this.generic = generic;
  }

  /** @throws {SysError} */
  static open(options?: NetlinkOptions): TcpMetrics {
    return new TcpMetrics(GenericSocket.open(options));
  }

  /** All of them, in the kernel's order. @throws {NetlinkError} */
  list(options?: DumpOptions): Promise<TcpMetric[]> {
    const request = { command: CMD_GET, name: "TCP_METRICS_CMD_GET" };
    return this.generic.dump(FAMILY, request, decodeTcpMetric, options);
  }

  /** What is remembered of a host. @throws {NetlinkError} `ESRCH` where nothing is */
  async get(destination: IpAddr | string, options: TcpMetricOptions = {}): Promise<TcpMetric> {
    const { name, ...request } = this.#about("TCP_METRICS_CMD_GET", CMD_GET, destination, options);
    let found: TcpMetric | undefined;
    const take = (message: GenericMessage): void => {
      found ??= decodeTcpMetric(message);
    };
    await this.generic.request(FAMILY, { name, ...request }, take, options);
    if (found === undefined) throw new NetlinkError(errno.ESRCH, name, {}, "no answer", request.subject);
    return found;
  }

  /** Forgets a host. @throws {NetlinkError} `ESRCH` where nothing is remembered of it, `EPERM` */
  async delete(destination: IpAddr | string, options: TcpMetricOptions = {}): Promise<void> {
    const request = this.#about("TCP_METRICS_CMD_DEL", CMD_DEL, destination, options);
    await this.generic.request(FAMILY, request, undefined, options);
  }

  /** Forgets all. @throws {NetlinkError} `EPERM` */
  async flush(options?: WaitOptions): Promise<void> {
    await this.generic.request(FAMILY, { command: CMD_DEL, name: "TCP_METRICS_CMD_DEL" }, undefined, options);
  }

  #about(
    name: string,
    command: number,
    to: IpAddr | string,
    { source }: TcpMetricOptions,
  ): GenericRequest & { readonly name: string } {
    const destination = addrOf(to, "destination");
    const from = source === undefined ? undefined : addrOf(source, "source");
    const attributes = TABLE.encode({
      [`ADDR_IPV${destination.version}`]: destination,
      ...(from && { [`SADDR_IPV${from.version}`]: from }),
    });
    return { command, attributes, name, subject: `${destination}` };
  }

  /** Closes the channel; what waits rejects with `ECANCELED`. */
  close(): void {
    this.generic.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
