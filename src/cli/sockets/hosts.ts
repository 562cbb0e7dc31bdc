/** `sockets -r`: the names of all addresses that are shown, looked up at once. */
import { SocketAddr } from "../../ip/index.ts";
import { getnameinfo } from "../../names/index.ts";
import { safe } from "./names.ts";
import type { AnySocket } from "./rows.ts";

/** A name server that does not answer holds up the whole table no longer than this. */
const WAIT_MS = 5000;

/** By the text of the address; what has no name, or none soon enough, is not there. */
export async function hostNames(sockets: readonly AnySocket[]): Promise<ReadonlyMap<string, string>> {
  const addresses = new Map<string, SocketAddr>();
  for (const socket of sockets) {
    if (!("localPort" in socket)) continue;
    for (const { ip } of [socket.localAddr, socket.peerAddr]) {
      const plain = (ip.version === 6 ? ip.toIpv4Mapped() : undefined) ?? ip; // as ss(8)
      if (!ip.isUnspecified) addresses.set(ip.toString(), SocketAddr.of(plain, 0));
    }
  }
  const names = new Map<string, string>();
  const signal = AbortSignal.timeout(WAIT_MS);
  const look = async ([text, address]: readonly [string, SocketAddr]): Promise<void> => {
    try {
      const { host } = await getnameinfo(address, { nameRequired: true }, { signal });
      names.set(text, safe(host));
    } catch {
      // it has none, or nobody says
    }
  };
  await Promise.all([...addresses].map(look));
  return names;
}
