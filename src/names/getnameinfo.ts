/** Socket addresses back to names and services, as libc's getnameinfo(3) gives them. */
import type { SocketAddr } from "../ip/index.ts";
import * as C from "../sys/index.ts";
import { cancellable, flagBits } from "./_call.ts";
import { ResolveError } from "./resolve_error.ts";

/** Each is one of getnameinfo's NI_ flags. */
export interface NameFlags {
  /** NI_NUMERICHOST: the address as text, with its zone; no name is looked up. */
  readonly numericHost?: boolean | undefined;
  /** NI_NUMERICSERV: the port as text. */
  readonly numericService?: boolean | undefined;
  /** NI_NAMEREQD: an address without a name is an error, `EAI_NONAME`. */
  readonly nameRequired?: boolean | undefined;
  /** NI_NOFQDN: the bare host name for hosts of the own domain. */
  readonly noFqdn?: boolean | undefined;
  /** NI_DGRAM: the service's name for UDP, where it differs from TCP's. */
  readonly datagram?: boolean | undefined;
}

const FLAGS = {
  numericHost: C.NI_NUMERICHOST,
  numericService: C.NI_NUMERICSERV,
  nameRequired: C.NI_NAMEREQD,
  noFqdn: C.NI_NOFQDN,
  datagram: C.NI_DGRAM,
} as const;

/**
 * @returns the host's name, or its address as text where it has none, and the service's name, or the port as text
 * @throws {ResolveError} with getnameinfo's code
 * @throws the signal's reason, or {@link TimeoutError}
 * @see man 3 getnameinfo
 */
export async function getnameinfo(
  address: SocketAddr,
  flags: NameFlags = {},
  options?: C.WaitOptions,
): Promise<{ readonly host: string; readonly service: string }> {
  const bytes = C.encodeSockaddr(address);
  return cancellable(
    "getnameinfo",
    address.toString(),
    options,
    (done) => C.getnameinfo(bytes, flagBits(FLAGS, flags), done),
    (error, errno) => new ResolveError(error, address.toString(), undefined, { errno }),
  );
}
