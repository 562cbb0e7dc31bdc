/** What ss(8) tells of packet sockets with -e and -b: flags, rings, fanout, and their program. */
import type {
  PacketFanout,
  PacketRingLayout,
  PacketSocketFlag,
  PacketSocketInfo,
} from "../../netlink/diag/index.ts";

interface Wishes {
  readonly extended: boolean;
  readonly bpf: boolean;
  readonly oneLine: boolean;
}

const FLAG_WORDS: Readonly<Record<PacketSocketFlag, string>> = {
  running: "running",
  auxData: " auxdata",
  origDev: " origdev",
  vnetHdr: " vnethdr",
  loss: " loss",
};

const FANOUT_WORDS: Readonly<Record<string, string>> = {
  hash: "hash",
  lb: "lb",
  cpu: "cpu",
  rollover: "roll",
  rnd: "random",
  qm: "qm",
  cbpf: "0x6",
  ebpf: "0x7",
};

export function packetDetails(socket: PacketSocketInfo, { extended, bpf, oneLine }: Wishes): string {
  const { version, flags, receiveRing, sendRing, fanout, filter } = socket;
  const start = oneLine ? " " : "\n\t";
  let text = "";
  if (extended) {
    if (version !== undefined) {
      const number = typeof version === "number" ? version : Number(version.slice(1)) - 1;
      text += `${start}ver:${number} cpy_thresh:${socket.copyThreshold ?? 0} flags( ${flagsText(flags ?? [])} )`;
    }
    if (receiveRing !== undefined) text += `${start}ring_rx(${ringText(receiveRing)})`;
    if (sendRing !== undefined) text += `${start}ring_tx(${ringText(sendRing)})`;
    if (fanout !== undefined) text += `${start}fanout(${fanoutText(fanout)})`;
  }
  if (bpf && filter !== undefined && filter !== "hidden") {
    const steps = filter.map(
      ({ code, jt, jf, k }) => ` 0x${code.toString(16).padStart(2, "0")} ${jt} ${jf} ${k},`,
    );
    text += `${start}bpf filter (${filter.length}): ${steps.join("")}`;
  }
  return text;
}

function flagsText(flags: readonly (PacketSocketFlag | number)[]): string {
  if (flags.length === 0) return "0";
  return flags.map((flag) => (typeof flag === "number" ? "" : FLAG_WORDS[flag])).join("");
}

function ringText({
  blockBytes,
  blocks,
  frameBytes,
  frames,
  retireTimeoutMs,
  features,
}: PacketRingLayout): string {
  return (
    `blk_size:${blockBytes},blk_nr:${blocks},frm_size:${frameBytes},frm_nr:${frames},tmo:${retireTimeoutMs},` +
    `features:0x${features.toString(16)}`
  );
}

function fanoutText({ group, mode }: PacketFanout): string {
  return `id:${group},type:${FANOUT_WORDS[mode] ?? `0x${mode.toString(16)}`}`;
}
