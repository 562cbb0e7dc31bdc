/** Which checksums of a packet are right. */
import type { Layer } from "./_layers.ts";
import { verifyIcmp } from "./icmp.ts";
import { verifyIcmpv6 } from "./icmpv6.ts";
import { type Ipv4Packet, verifyIpv4 } from "./ipv4.ts";
import type { Ipv6Packet } from "./ipv6.ts";
import { verifyTcp } from "./tcp.ts";
import { verifyUdp } from "./udp.ts";

/** What became of a layer's checksum. */
export interface Checksum {
  readonly layer: Layer;
  /** `"absent"` where the sender made none; `"unknown"` where not all that it covers is at hand. */
  readonly state: "right" | "wrong" | "absent" | "unknown";
}

/** @param cut whether the packet was longer on the wire */
export function checksumsOf(layers: readonly Layer[], cut: boolean): readonly Checksum[] {
  const found: Checksum[] = [];
  let ip: Ipv4Packet | Ipv6Packet | undefined;
  for (const layer of layers) {
    if (layer.protocol === "ipv4") found.push({ layer, state: verifyIpv4(layer) ? "right" : "wrong" });
    if (layer.protocol === "ipv4" || layer.protocol === "ipv6") ip = layer;
    else if (HAVE_ONE.has(layer.protocol)) found.push({ layer, state: stateOf(layer, ip, cut) });
  }
  return found;
}

const HAVE_ONE: ReadonlySet<string> = new Set(["tcp", "udp", "icmp", "icmpv6"]);

function stateOf(layer: Layer, ip: Ipv4Packet | Ipv6Packet | undefined, cut: boolean): Checksum["state"] {
  if (layer.protocol === "udp" && layer.checksum === 0) return "absent";
  if (!ip || ip.moreFragments || ip.fragmentOffset > 0 || isCut(ip, cut)) return "unknown";
  return verify(layer, ip) ? "right" : "wrong";
}

function verify(layer: Layer, ip: Ipv4Packet | Ipv6Packet): boolean | undefined {
  switch (layer.protocol) {
    case "tcp":
      return verifyTcp(layer, ip.between);
    case "udp":
      return verifyUdp(layer, ip.between);
    case "icmp":
      return verifyIcmp(layer);
    case "icmpv6":
      return verifyIcmpv6(layer, ip.between);
    default:
      return undefined;
  }
}

/** Whether less of an IP packet is at hand than there was. */
function isCut(ip: Ipv4Packet | Ipv6Packet, cut: boolean): boolean {
  if (ip.protocol === "ipv6") return ip.wireEnd() > ip.end;
  // Without a Total Length, it went to the end of what was sent.
  return ip.totalLength === 0 ? cut : ip.offset + ip.totalLength > ip.end;
}
