/** A socket as a line of ss(8): its columns, and what stands behind them. */
import type {
  InetSocket,
  NetlinkSocketInfo,
  PacketSocketInfo,
  SocketOwners,
  SocketTimer,
  TcpState,
  UnixSocketInfo,
} from "../../netlink/diag/index.ts";
import {
  cgroupText,
  deviceText,
  linkProtocolText,
  netlinkProtocolText,
  protocolText,
  safe,
  serviceText,
} from "./names.ts";
import { untilText } from "./numbers.ts";
import { packetDetails } from "./packet.ts";
import { mptcpText, tcpText, upperText } from "./tcp.ts";

export type AnySocket = InetSocket | UnixSocketInfo | PacketSocketInfo | NetlinkSocketInfo;

/** What is told of each socket. */
export interface Show {
  readonly numeric: boolean;
  /** -o */
  readonly options: boolean;
  readonly extended: boolean;
  readonly memory: boolean;
  readonly info: boolean;
  readonly bpf: boolean;
  readonly tos: boolean;
  readonly cgroup: boolean;
  readonly inetOptions: boolean;
  readonly oneLine: boolean;
  /** -p */
  readonly owners: SocketOwners | undefined;
  /** A process, by its number, by what it calls itself. */
  readonly commandOf: (pid: number) => string | undefined;
  /** -r: the names of addresses that have one. */
  readonly hosts: ReadonlyMap<string, string> | undefined;
}

/** The columns of a line. */
export interface Columns {
  readonly netid: string;
  readonly state: string;
  readonly receiveQueue: string;
  readonly sendQueue: string;
  /** With the sign between it and the port. */
  readonly local: string;
  readonly localPort: string;
  readonly peer: string;
  readonly peerPort: string;
}

const STATES: Readonly<Record<TcpState, string>> = {
  established: "ESTAB",
  "syn-sent": "SYN-SENT",
  "syn-recv": "SYN-RECV",
  "fin-wait-1": "FIN-WAIT-1",
  "fin-wait-2": "FIN-WAIT-2",
  "time-wait": "TIME-WAIT",
  closed: "UNCONN",
  "close-wait": "CLOSE-WAIT",
  "last-ack": "LAST-ACK",
  listening: "LISTEN",
  closing: "CLOSING",
  "new-syn-recv": "SYN-RECV",
  "bound-inactive": "UNCONN",
};

export function stateText(state: TcpState | number): string {
  return typeof state === "number" ? `${state}` : STATES[state];
}

export function columnsOf(socket: AnySocket, show: Show): Columns {
  switch (socket.family) {
    case "unix":
      return unixColumns(socket);
    case "packet":
      return packetColumns(socket, show);
    case "netlink":
      return netlinkColumns(socket, show);
    default:
      return inetColumns(socket, show);
  }
}

/** Everything behind the columns; it begins with a space, where there is anything. */
export function detailsOf(socket: AnySocket, show: Show): string {
  switch (socket.family) {
    case "unix":
      return unixDetails(socket, show);
    case "packet":
      return `${ownersText(socket.inode, show)}${
        show.extended ? identityText(socket.userId ?? 0, socket.inode, socket.cookie) : ""
      }${packetDetails(socket, show)}${show.memory ? memoryText(socket.memory) : ""}`;
    case "netlink":
      return netlinkDetails(socket, show);
    default:
      return inetDetails(socket, show);
  }
}

function inetColumns(socket: InetSocket, show: Show): Columns {
  const { protocol, device, state, v6Only } = socket;
  return {
    netid: protocol,
    state: stateText(state),
    receiveQueue: `${socket.receiveQueue}`,
    sendQueue: `${socket.sendQueue}`,
    local: `${hostText(socket.localAddr.ip, v6Only === true, show)}${device === 0 ? "" : `%${deviceText(device)}`}:`,
    localPort: portText(socket.localPort, protocol, show.numeric),
    peer: `${hostText(socket.peerAddr.ip, v6Only === true, show)}:`,
    peerPort: portText(socket.peerPort, protocol, show.numeric),
  };
}

function portText(port: number, protocol: InetSocket["protocol"], numeric: boolean): string {
  if (port === 0) return "*";
  if (numeric) return `${port}`;
  if (protocol === "raw") return protocolText(port);
  return serviceText(port, protocol === "udp" || protocol === "udplite" ? "udp" : "tcp");
}

/** All addresses of both families are `*`; those of IPv6 alone `[::]`. */
function hostText(ip: InetSocket["localAddr"]["ip"], v6Only: boolean, { hosts }: Show): string {
  const text = ip.toString();
  if (ip.version === 4) return hosts?.get(text) ?? text;
  if (text === "::" && !v6Only) return "*";
  return hosts?.get(text) ?? `[${mixed(text)}]`;
}

/** IPv4-compatible addresses as inet_ntop(3) writes them: `::192.0.2.1`. */
function mixed(text: string): string {
  const [, high, low] = /^::([\da-f]{1,4}):([\da-f]{1,4})$/.exec(text) ?? [];
  if (high === undefined || low === undefined) return text;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return `::${a >> 8}.${a & 0xff}.${b >> 8}.${b & 0xff}`;
}

function inetDetails(socket: InetSocket, show: Show): string {
  const oneLine = show.oneLine ? "" : "\n\t";
  let text = ownersText(socket.inode, show);
  if (show.options) text += timerText(socket.timer);
  if (show.extended) text += inetExtended(socket);
  if (show.tos) {
    const { tos, trafficClass, classId } = socket;
    // As C's %#x: 0 has no 0x.
    if (tos !== undefined) text += ` tos:${sharp(tos)}`;
    if (trafficClass !== undefined) text += ` tclass:${sharp(trafficClass)}`;
    if (classId !== undefined) text += ` class_id:${sharp(classId)}`;
  }
  if (show.cgroup && socket.cgroup !== undefined) text += ` cgroup:${cgroupText(socket.cgroup)}`;
  if (show.inetOptions) {
    const { options } = socket;
    if (options !== undefined) {
      text += `${oneLine || " "}inet-sockopt: (${options.map((one) => ` ${FLAG_WORDS[one]}`).join("")})`;
    }
  }
  const { info, mptcp } = socket;
  let more = show.memory || (show.info && socket.protocol !== "udp") ? memoryText(socket.memory) : "";
  if (show.info) {
    if (info !== undefined) more += tcpText(socket, info, show.options, show.numeric);
    if (mptcp !== undefined) more += mptcpText(mptcp);
  }
  if ((show.info || show.memory) && socket.protocol === "tcp") more += upperText(socket);
  return more === "" ? text : `${text}${oneLine}${more}`;
}

const sharp = (number: number): string => (number === 0 ? "0" : `0x${number.toString(16)}`);

const FLAG_WORDS: Readonly<Record<NonNullable<InetSocket["options"]>[number], string>> = {
  recvErr: "recverr",
  isConnection: "is_icsk",
  freeBind: "freebind",
  hdrIncl: "hdrincl",
  multicastLoop: "mc_loop",
  transparent: "transparent",
  multicastAll: "mc_all",
  noDefrag: "nodefrag",
  bindAddressNoPort: "bind_addr_no_port",
  recvErrRfc4884: "recverr_rfc4884",
  deferConnect: "defer_connect",
};

function identityText(userId: number, inode: bigint, cookie: bigint): string {
  return `${userId === 0 ? "" : ` uid:${userId}`} ino:${inode} sk:${cookie.toString(16)}`;
}

function inetExtended(socket: InetSocket): string {
  const { mark, cgroup, v6Only } = socket;
  return (
    identityText(socket.userId, socket.inode, socket.cookie) +
    (mark ? ` fwmark:0x${mark.toString(16)}` : "") +
    (cgroup ? ` cgroup:${cgroupText(cgroup)}` : "") +
    (v6Only === undefined ? "" : ` v6only:${Number(v6Only)}`) +
    shutdownText(socket.shutdown)
  );
}

/** `<->`: what comes in, and what goes out. */
function shutdownText(shutdown: { readonly read: boolean; readonly write: boolean } | undefined): string {
  return shutdown === undefined ? "" : ` ${shutdown.read ? "-" : "<"}-${shutdown.write ? "-" : ">"}`;
}

function timerText(timer: SocketTimer | undefined): string {
  if (timer === undefined) return "";
  const kind = typeof timer.kind === "number" ? "unknown" : timer.kind;
  return ` timer:(${kind},${untilText(timer.expiresMs)},${timer.retransmits})`;
}

export function memoryText(memory: UnixSocketInfo["memory"]): string {
  if (memory === undefined) return "";
  const { rmem_alloc, rcvbuf, wmem_alloc, sndbuf, fwd_alloc, wmem_queued, optmem, backlog, drops } = memory;
  return (
    ` skmem:(r${rmem_alloc},rb${rcvbuf},t${wmem_alloc},tb${sndbuf},f${fwd_alloc},w${wmem_queued},o${optmem}` +
    `${backlog === undefined ? "" : `,bl${backlog}`}${drops === undefined ? "" : `,d${drops}`})`
  );
}

/** Who was found last stands first, as in ss(8). */
function ownersText(inode: bigint, { owners }: Show): string {
  const all = inode === 0n ? undefined : owners?.get(inode);
  if (all === undefined) return "";
  let text = "";
  for (const { command, pid, fd } of all) {
    text = `("${safe(command)}",pid=${pid},fd=${fd})${text === "" ? "" : ","}${text}`;
  }
  return ` users:(${text})`;
}

const UNIX_NETIDS: Readonly<Record<string, string>> = {
  stream: "u_str",
  seqpacket: "u_seq",
  datagram: "u_dgr",
};

/** The name as ss(8) has it: every NUL of an abstract one is an @. */
export function unixName({ localAddr }: UnixSocketInfo): string | undefined {
  if (localAddr === undefined || localAddr.kind === "unnamed") return undefined;
  if (localAddr.path !== undefined) return localAddr.path;
  return `@${new TextDecoder().decode(localAddr.name).replaceAll("\0", "@")}`;
}

function unixColumns(socket: UnixSocketInfo): Columns {
  const name = unixName(socket);
  return {
    netid: UNIX_NETIDS[socket.type] ?? "u_dgr",
    state: stateText(socket.state),
    receiveQueue: `${socket.receiveQueue ?? 0}`,
    sendQueue: `${socket.sendQueue ?? 0}`,
    local: `${name === undefined ? "*" : safe(name)} `,
    localPort: `${socket.inode}`,
    peer: "* ",
    peerPort: `${socket.peerInode ?? 0}`,
  };
}

function unixDetails(socket: UnixSocketInfo, show: Show): string {
  const { file, pending } = socket;
  let text = ownersText(socket.inode, show);
  if (show.memory) text += memoryText(socket.memory);
  if (show.extended) {
    text += shutdownText(socket.shutdown);
    if (file !== undefined) text += ` ino:${file.inode} dev:${file.device.major}/${file.device.minor}`;
    if (pending !== undefined) text += ` peers:${pending.map((inode) => ` ${inode}`).join("")}`;
  }
  return text;
}

function packetColumns({ type, protocol, device = 0, memory }: PacketSocketInfo, show: Show): Columns {
  return {
    netid: type === "raw" ? "p_raw" : "p_dgr",
    state: "UNCONN",
    receiveQueue: `${memory?.rmem_alloc ?? 0}`,
    sendQueue: "0",
    local: `${linkProtocolText(protocol, show.numeric)}:`,
    localPort: device === 0 ? "*" : deviceText(device),
    peer: "*",
    peerPort: "",
  };
}

function netlinkColumns(socket: NetlinkSocketInfo, show: Show): Columns {
  const connected = socket.state === "connected";
  return {
    netid: "nl",
    state: "UNCONN",
    receiveQueue: `${socket.memory?.rmem_alloc ?? 0}`,
    sendQueue: `${socket.memory?.wmem_alloc ?? 0}`,
    local: `${netlinkProtocolText(socket.protocol, show.numeric)}:`,
    localPort: portIdText(socket.portId, show),
    peer: connected ? `${socket.peerGroups | 0}:` : "*",
    peerPort: connected ? `${socket.peerPortId | 0}` : "",
  };
}

/** The port of a netlink socket is its process, where it is one; the kernel's own choice is negative, as C prints it. */
function portIdText(portId: number, show: Show): string {
  const number = portId | 0;
  if (number === -1) return "*";
  if (show.numeric) return `${number}`;
  if (number === 0) return "kernel";
  const command = number > 0 ? show.commandOf(number) : undefined;
  return command === undefined ? `${number}` : `${safe(command)}/${number}`;
}

function netlinkDetails(socket: NetlinkSocketInfo, show: Show): string {
  let text = "";
  if (show.extended) {
    let bits = 0;
    for (const group of socket.groups ?? []) if (group <= 32) bits |= 1 << (group - 1);
    // ss(8) has read these two from /proc, which it does no longer.
    text += ` sk=0 cb=0 groups=0x${(bits >>> 0).toString(16).padStart(8, "0")}`;
  }
  if (show.memory) text += `\t${memoryText(socket.memory)}`;
  return text;
}
