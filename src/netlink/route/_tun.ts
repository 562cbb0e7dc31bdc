/** TUN and TAP links, which are made by ioctl(2) on /dev/net/tun: include/uapi/linux/if_tun.h, v6.12. */
import { closeSync, openSync } from "node:fs";
import { check, errno, ioctl, SysError } from "../../sys/index.ts";
import { capabilityHint } from "../_capability.ts";

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;

const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_TUN_EXCL = 0x8000;

const IFNAMSIZ = 16;
const IFREQ_LEN = 40;

/** What of a TUN link can be told when it is made. */
export interface TunData {
  /** 1 is TUN, for IP packets; 2 is TAP, for Ethernet frames. */
  readonly type: number;
  readonly pi?: number | undefined;
  readonly vnetHdr?: number | undefined;
  readonly multiQueue?: number | undefined;
}

/** Makes a link that stays when nobody has it open, in the network namespace of this thread. @throws {SysError} `EBUSY`, `EPERM` */
export function addTun(name: string | undefined, data: TunData): void {
  if (data.type !== 1 && data.type !== 2)
    throw new TypeError(`type: expected 1 (tun) or 2 (tap), got ${data.type}`);
  const bytes = new TextEncoder().encode(name ?? "");
  if (bytes.length >= IFNAMSIZ || bytes.includes(0)) {
    throw new RangeError(`name: expected at most ${IFNAMSIZ - 1} bytes, got ${JSON.stringify(name)}`);
  }
  const request = new Uint8Array(IFREQ_LEN);
  request.set(bytes);
  let flags = data.type | IFF_TUN_EXCL;
  if (!data.pi) flags |= IFF_NO_PI;
  if (data.vnetHdr) flags |= IFF_VNET_HDR;
  if (data.multiQueue) flags |= IFF_MULTI_QUEUE;
  new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
  const fd = openDevice();
  try {
    const result = ioctl(fd, TUNSETIFF, request);
    const hint = result === -errno.EPERM ? capabilityHint("network") : undefined;
    check(result, "ioctl(TUNSETIFF)", { address: name, hint });
    // Its argument is a number: any but 0 makes the link stay, and so does an address.
    check(ioctl(fd, TUNSETPERSIST, request), "ioctl(TUNSETPERSIST)", { address: name });
  } finally {
    closeSync(fd);
  }
}

function openDevice(): number {
  try {
    return openSync("/dev/net/tun", "r+");
  } catch (error) {
    const { errno: number = -errno.ENOENT } = error as NodeJS.ErrnoException;
    const denied = -number === errno.EACCES || -number === errno.EPERM;
    const hint = denied ? `its mode forbids it, and beside that ${capabilityHint("network")}` : undefined;
    throw new SysError(number, "open", { address: "/dev/net/tun", hint, cause: error });
  }
}
