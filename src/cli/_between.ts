/** `--src` and `--dst`: the addresses that the checksums of tcp, udp and icmpv6 cover. */
import { IpAddr } from "../ip/index.ts";
import type { Between } from "../wire/index.ts";
import { UsageError } from "./_command.ts";

const COVERED: readonly string[] = ["tcp", "udp", "icmpv6"];

/** @throws {UsageError} for one without the other, for two families, and for a protocol that does without */
export function betweenOf(
  options: { readonly src?: string; readonly dst?: string },
  protocol: string,
): Between | undefined {
  const { src, dst } = options;
  if (src === undefined && dst === undefined) return undefined;
  if (src === undefined || dst === undefined) throw new UsageError("--src and --dst go together");
  if (!COVERED.includes(protocol)) {
    throw new UsageError(`--src and --dst are for tcp, udp and icmpv6; ${protocol} does without`);
  }
  const between = { src: IpAddr.parse(src), dst: IpAddr.parse(dst) };
  if (between.src.version === between.dst.version) return between;
  throw new UsageError(`--src and --dst: expected addresses of one family, got ${src} and ${dst}`);
}
