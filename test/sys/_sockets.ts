/** Real sockets without an address of the network, for tests of what works on any fd. */
import { AF_UNIX } from "../../src/sys/constants.ts";
import * as C from "../../src/sys/index.ts";

/** Connected pairs of non-blocking Unix stream sockets: what one writes is readable on the other in the same call. */
export function unixPairs(count: number): (readonly [ours: number, theirs: number])[] {
  const listener = C.check(C.socket(AF_UNIX, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
  try {
    // A name of no bytes has the kernel choose an abstract one: man 7 unix, "Autobind feature".
    C.check(C.bind(listener, Uint8Array.of(AF_UNIX, 0)), "bind");
    C.check(C.listen(listener, 8), "listen");
    const address = C.getsockname(listener);
    if (typeof address === "number") throw new C.SysError(address, "getsockname");
    return Array.from({ length: count }, () => {
      const type = C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC;
      const ours = C.check(C.socket(AF_UNIX, type, 0), "socket");
      C.check(C.connect(ours, address), "connect");
      const theirs = C.check(C.accept4(listener, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC), "accept4");
      return [ours, theirs] as const;
    });
  } finally {
    C.close(listener);
  }
}

/** One of them. */
export function unixPair(): readonly [ours: number, theirs: number] {
  return unixPairs(1)[0] as readonly [number, number];
}

/** A TCP connection over the loopback interface, both sides blocking, and the listener closed. */
export function tcpPair(): readonly [client: number, server: number] {
  const listener = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
  try {
    C.check(
      C.bind(listener, Uint8Array.of(C.AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
      "bind",
    );
    C.check(C.listen(listener, 8), "listen");
    const address = C.getsockname(listener);
    if (typeof address === "number") throw new C.SysError(address, "getsockname");
    const client = C.check(C.socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_CLOEXEC, 0), "socket");
    C.check(C.connect(client, address), "connect");
    return [client, C.check(C.accept4(listener, C.SOCK_CLOEXEC), "accept4")];
  } finally {
    C.close(listener);
  }
}
