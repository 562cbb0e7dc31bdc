/** What is missing where the kernel answers EPERM: which capability, and in which user namespace. */
import { readFileSync } from "node:fs";

/**
 * Where CAP_NET_ADMIN is wanted: in the user namespace that owns the network namespace, or in the initial one, which
 * is the machine's.
 */
export type Privilege = "network" | "initial";

const CAP_NET_ADMIN = 12n;

/** A sentence for whoever was refused. */
export function capabilityHint(privilege: Privilege): string {
  const where =
    privilege === "network"
      ? "the user namespace that owns the network namespace"
      : "the initial user namespace";
  const wanted = `this needs the capability CAP_NET_ADMIN in ${where}`;
  if (!hasCapability(CAP_NET_ADMIN)) return `${wanted} (run as root)`;
  if (!inInitialUserNamespace()) {
    const remedy =
      privilege === "network" ? "; unshare -Urn makes a network namespace that belongs to it" : "";
    return `${wanted}, and this process has it only in a user namespace of its own${remedy}`;
  }
  return `${wanted}, which this process has; the socket may have been opened without it`;
}

/** Whether this thread has a capability in its own user namespace; not where it cannot be told. */
function hasCapability(number: bigint): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readProc("/proc/thread-self/status"))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> number) & 1n) === 1n;
}

/** Only there all users are mapped, each to itself. @see man 7 user_namespaces */
function inInitialUserNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readProc("/proc/self/uid_map"));
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a system without /proc
  }
}
