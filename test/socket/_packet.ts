/** What the packet tests share: Ethernet frames, hosts with their MAC addresses, and what else captures here. */
import { spawnSync } from "node:child_process";
import { type LinkAddr, MacAddr, type PacketOptions, PacketSocket } from "../../src/index.ts";
import { noNamespaces } from "./_helpers.ts";
import { type Host, twoHosts } from "./_wires.ts";

/** IEEE 802.1 local experimental Ethertypes: nobody else sends them. */
export const EXPERIMENT = 0x88b5;
export const OTHER_EXPERIMENT = 0x88b6;

/** `ldh [12]; jeq #type, 0, 1; ret #262144; ret #0`: only frames of this EtherType. */
export function onlyType(type: number, keep = 262144): Uint8Array {
  const instructions: [code: number, jt: number, jf: number, k: number][] = [
    [0x28, 0, 0, 12],
    [0x15, 0, 1, type],
    [0x06, 0, 0, keep],
    [0x06, 0, 0, 0],
  ];
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of instructions.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}

/** An Ethernet frame. */
export function frame(
  to: MacAddr | string,
  from: MacAddr | string,
  type: number,
  payload: Uint8Array,
): Uint8Array {
  const mac = (it: MacAddr | string): Uint8Array =>
    (typeof it === "string" ? MacAddr.parse(it) : it).toBytes();
  const bytes = new Uint8Array(14 + payload.length);
  bytes.set(mac(to), 0);
  bytes.set(mac(from), 6);
  new DataView(bytes.buffer).setUint16(12, type, false);
  bytes.set(payload, 14);
  return bytes;
}

/** The number of a test frame, in the first 4 bytes of its payload. */
export function numbered(number: number, length = 46): Uint8Array {
  const payload = new Uint8Array(length);
  new DataView(payload.buffer).setUint32(0, number, false);
  return payload;
}

export const numberOf = (data: Uint8Array, at = 14): number =>
  new DataView(data.buffer, data.byteOffset, data.length).getUint32(at, false);

export interface Link {
  readonly near: Host;
  readonly far: Host;
  readonly nearMac: MacAddr;
  readonly farMac: MacAddr;
  readonly nearIndex: number;
  readonly farIndex: number;
  /** A frame from near to far with a number in it. */
  frame(number: number, options?: { to?: string; length?: number; type?: number }): Uint8Array;
  /** A socket at near0, or at far0. */
  openNear(options?: PacketOptions): PacketSocket;
  openFar(options?: PacketOptions): PacketSocket;
}

/** Two hosts with a wire between them, for `isolated` cases. */
export function link(mtu?: number): Link {
  const { near, far } = twoHosts(mtu);
  const own = (host: Host, device: string): LinkAddr =>
    host.in(() => {
      using socket = PacketSocket.open({ device, protocol: 0 });
      return socket.localAddr;
    });
  const [a, b] = [own(near, "near0"), own(far, "far0")];
  const [nearMac, farMac] = [a.mac as MacAddr, b.mac as MacAddr];
  return {
    near,
    far,
    nearMac,
    farMac,
    nearIndex: a.index,
    farIndex: b.index,
    frame: (number, { to = farMac.toString(), length, type = EXPERIMENT } = {}) =>
      frame(to, nearMac, type, numbered(number, length)),
    openNear: (options) => near.in(() => PacketSocket.open({ device: "near0", ...options })),
    openFar: (options) => far.in(() => PacketSocket.open({ device: "far0", ...options })),
  };
}

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** A Python that can import scapy, or why there is none. */
export const scapyPython = ["python3", "/usr/bin/python3"].find((it) => works(it, "-c", "import scapy.all"));
export const noScapy: string | false =
  noNamespaces || (scapyPython === undefined && "needs a Python that has scapy");
export const noTcpdump: string | false = noNamespaces || (!works("tcpdump", "--version") && "needs tcpdump");
export const noTshark: string | false = noNamespaces || (!works("tshark", "--version") && "needs tshark");
