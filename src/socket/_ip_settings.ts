/** What a datagram socket of IP can be asked to tell beside each datagram, as settings of its options. */
import { IP, IPV6, type OptionSetting, SO } from "./options.ts";

/** What a socket can be asked to tell beside each datagram; see {@link Ancillary}. */
export type AncillaryKind = "destination" | "ttl" | "tos" | "timestamp" | "drops";

/** Whose options a socket has: an IPv6 socket of UDP may receive IPv4 too. */
export type IpFamilies = "ipv4" | "ipv6" | "both";

function settingsFor(kind: AncillaryKind, families: IpFamilies): OptionSetting[] {
  const of = (ipv4: OptionSetting, ipv6: OptionSetting): OptionSetting[] => [
    ...(families === "ipv6" ? [] : [ipv4]),
    ...(families === "ipv4" ? [] : [ipv6]),
  ];
  switch (kind) {
    case "destination":
      return of(IP.PKTINFO.to(true), IPV6.RECVPKTINFO.to(true));
    case "ttl":
      return of(IP.RECVTTL.to(true), IPV6.RECVHOPLIMIT.to(true));
    case "tos":
      return of(IP.RECVTOS.to(true), IPV6.RECVTCLASS.to(true));
    case "timestamp":
      return [SO.TIMESTAMPNS.to(true)];
    case "drops":
      return [SO.RXQ_OVFL.to(true)];
    default:
      throw new TypeError(
        `ancillary: expected "destination", "ttl", "tos", "timestamp" or "drops", got ${String(kind)}`,
      );
  }
}

/** @throws {TypeError} */
export function ancillarySettings(kinds: unknown, families: IpFamilies): OptionSetting[] {
  if (!Array.isArray(kinds)) throw new TypeError("ancillary: expected an array of what is to be told");
  return kinds.flatMap((kind: AncillaryKind) => settingsFor(kind, families));
}
