/** What can be captured on: a device and what its packets begin with, or all of them together. */
import { readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { LinkTypeName } from "../../wire/index.ts";
import { UsageError } from "../_command.ts";

/** ARPHRD_ values of linux/if_arp.h. */
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ARPHRD_NONE = 0xfffe;
const ARPHRD_RAWIP = 519;
const SYS = "/sys/class/net";

/** Where packets come from. */
export interface CaptureDevice {
  readonly name: string;
  /** `undefined` for all of them. */
  readonly device: string | undefined;
  /** What packets begin with: as the device has it, or a cooked header that this program makes. */
  readonly linkType: "ethernet" | "ip" | "linux-sll2";
  /** The kernel leaves the link header out. */
  readonly cooked: boolean;
  /** The loopback device, on which every packet would come twice. */
  readonly loopback: boolean;
}

function typeOf(name: string): number | undefined {
  try {
    return Number(readFileSync(`${SYS}/${name}/type`, "utf8"));
  } catch {
    return undefined;
  }
}

/** The devices of this host, and what is to be known of each. */
export function devices(): readonly string[] {
  return readdirSync(SYS)
    .filter((name) => typeOf(name) !== undefined)
    .sort();
}

/** The first device with an address that is not the loopback's. */
function defaultDevice(): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some(({ internal }) => !internal)) return name;
  }
  return "lo";
}

/** @throws {UsageError} where there is no such device */
export function captureDevice(name: string | undefined): CaptureDevice {
  const chosen = name ?? defaultDevice();
  if (chosen === "any") {
    return { name: "any", device: undefined, linkType: "linux-sll2", cooked: true, loopback: false };
  }
  const type = /^[^/]+$/.test(chosen) && chosen !== "." && chosen !== ".." ? typeOf(chosen) : undefined;
  if (type === undefined) {
    throw new UsageError(`-i ${chosen}: expected any, or one of ${devices().join(", ")}`);
  }
  const loopback = type === ARPHRD_LOOPBACK;
  const own = { name: chosen, device: chosen, loopback };
  if (type === ARPHRD_ETHER || loopback) return { ...own, linkType: "ethernet", cooked: false };
  if (type === ARPHRD_NONE || type === ARPHRD_RAWIP) return { ...own, linkType: "ip", cooked: false };
  return { ...own, linkType: "linux-sll2", cooked: true }; // of another kind: as all together
}

/** What a filter's compiler calls a link type. */
export function filterLink(
  linkType: LinkTypeName,
): "ethernet" | "raw" | "linux-sll" | "linux-sll2" | undefined {
  if (linkType === "ethernet" || linkType === "linux-sll" || linkType === "linux-sll2") return linkType;
  return linkType === "ip" || linkType === "ipv4" || linkType === "ipv6" ? "raw" : undefined;
}
