/** Raw sockets as /proc/net/raw tells of them, for kernels without raw_diag. man 5 proc */
import { readFileSync } from "node:fs";
import { decodeInetSocket, type InetSocket } from "../../netlink/diag/index.ts";

const FILES = [
  ["/proc/net/raw", 2],
  ["/proc/net/raw6", 10],
] as const;

/** `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode` */
const LINE =
  /^\s*\d+: ([\dA-F]+):([\dA-F]{4}) ([\dA-F]+):([\dA-F]{4}) ([\dA-F]{2}) ([\dA-F]+):([\dA-F]+) \S+ \S+ +(\d+) +\d+ +(\d+) /;

/** `sizeof(struct inet_diag_msg)`, linux/inet_diag.h; and where its fields are */
const SIZE = 72;
const AT = { sport: 4, dport: 6, src: 8, dst: 24, rqueue: 56, wqueue: 60, uid: 64, inode: 68 } as const;

/** Those of a family, or of both. */
export function rawOfProc(family: "ipv4" | "ipv6" | undefined): InetSocket[] {
  return FILES.filter(([, number]) => family === undefined || (family === "ipv4") === (number === 2)).flatMap(
    ([file, number]) =>
      textOf(file)
        .split("\n")
        .flatMap((line) => socketOf(line, number) ?? []),
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // a kernel without this family
  }
}

/** What raw_diag would say. */
function socketOf(line: string, family: number): InetSocket | undefined {
  const fields = LINE.exec(line)?.slice(1) as string[] | undefined;
  if (fields === undefined) return undefined;
  const [src, sport, dst, dport, state, wqueue, rqueue, uid, inode] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const view = new DataView(new ArrayBuffer(SIZE));
  view.setUint8(0, family);
  view.setUint8(1, Number.parseInt(state, 16));
  view.setUint16(AT.sport, Number.parseInt(sport, 16));
  view.setUint16(AT.dport, Number.parseInt(dport, 16));
  putAddress(view, AT.src, src);
  putAddress(view, AT.dst, dst);
  view.setUint32(AT.rqueue, Number.parseInt(rqueue, 16), true);
  view.setUint32(AT.wqueue, Number.parseInt(wqueue, 16), true);
  view.setUint32(AT.uid, Number(uid), true);
  view.setUint32(AT.inode, Number(inode), true);
  return decodeInetSocket(new Uint8Array(view.buffer), "raw");
}

/** Words in the machine's byte order, as the kernel prints them: ours is little. */
function putAddress(view: DataView, at: number, hex: string): void {
  for (let word = 0; word * 8 < hex.length; word++) {
    view.setUint32(at + word * 4, Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16), true);
  }
}
