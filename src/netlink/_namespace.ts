/** Network namespaces of sockets: a socket stays in the one that it was opened in, wherever its thread goes. */
import * as C from "../sys/index.ts";
import { capabilityHint } from "./_capability.ts";

/**
 * Calls `make` in the network namespace of a socket, for what the kernel puts into that of the thread. Where the thread
 * is there already, which is as good as always, nothing is moved.
 * @throws {SysError} `EPERM` where the thread may not go there, or not come back: it is not moved then
 */
export function inNamespaceOf<T>(fd: number, make: () => T): T {
  const here = C.socket(C.AF_UNIX, C.SOCK_DGRAM | C.SOCK_CLOEXEC, 0);
  if (here < 0) return make(); // no more fds, most likely: it fails by itself
  try {
    if (sameNamespace(fd, here)) return make();
    return moved(fd, here, make);
  } finally {
    C.close(here);
  }
}

function moved<T>(fd: number, here: number, make: () => T): T {
  const to = openNamespace(fd);
  try {
    const from = openNamespace(here);
    try {
      enter(from); // who may not go to where it is could not come back
      enter(to);
      try {
        return make();
      } finally {
        enter(from);
      }
    } finally {
      C.close(from);
    }
  } finally {
    C.close(to);
  }
}

/** By their cookies, for which nobody needs a privilege. Kernels before 5.14 have none: there the thread's is taken. */
function sameNamespace(a: number, b: number): boolean {
  const [one, other] = [cookieOf(a), cookieOf(b)];
  return one === undefined || other === undefined || one === other;
}

function cookieOf(fd: number): bigint | undefined {
  const bytes = new Uint8Array(8);
  const length = C.getsockopt(fd, C.SOL_SOCKET, C.SO_NETNS_COOKIE, bytes);
  return length === bytes.length ? new DataView(bytes.buffer).getBigUint64(0, true) : undefined;
}

function openNamespace(fd: number): number {
  return C.check(C.ioctl(fd, C.SIOCGSKNS, new Uint8Array(4)), "ioctl(SIOCGSKNS)", {
    hint: `this thread is in another network namespace than the socket; ${capabilityHint("network")}`,
  });
}

function enter(namespace: number): void {
  C.check(C.setns(namespace, C.CLONE_NEWNET), "setns", {
    hint: "this thread is in another network namespace than the socket; to go there and back needs CAP_SYS_ADMIN in both",
  });
}
