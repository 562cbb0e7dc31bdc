/** Lightweight tunnels of routes as `ip -j -d` writes them. include/uapi/linux/lwtunnel.h, seg6_local.h, v6.12 */
import { Ipv6Addr } from "../../ip/index.ts";
import { attributeTable, be16, binary, ip, u8, u32 } from "../../netlink/index.ts";
import { clean, exact, type Json, type NameOf } from "./netlink_fields.ts";
import { tableName } from "./netlink_names.ts";

/** LWTUNNEL_ENCAP_… */
const TYPES = ["none", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"];

/** LWTUNNEL_IP_… and LWTUNNEL_IP6_…, which have the same numbers. */
const TUNNEL = attributeTable("LWTUNNEL_", {
  ID: [1, binary],
  DST: [2, ip],
  SRC: [3, ip],
  TTL: [4, u8],
  TOS: [5, u8],
  FLAGS: [6, be16],
});

/** MPLS_IPTUNNEL_… */
const MPLS = attributeTable("MPLS_IPTUNNEL_", { DST: [1, binary], TTL: [2, u8] });

/** SEG6_IPTUNNEL_… */
const SEG6 = attributeTable("SEG6_IPTUNNEL_", { SRH: [1, binary] });
const SEG6_MODES = ["inline", "encap", "l2encap", "encap.red", "l2encap.red"];

/** SEG6_LOCAL_… */
const LOCAL = attributeTable("SEG6_LOCAL_", {
  ACTION: [1, u32],
  SRH: [2, binary],
  TABLE: [3, u32],
  NH4: [4, ip],
  NH6: [5, ip],
  IIF: [6, u32],
  OIF: [7, u32],
  VRFTABLE: [9, u32],
});
const ACTIONS = [
  "End",
  "End.X",
  "End.T",
  "End.DX2",
  "End.DX6",
  "End.DX4",
  "End.DT6",
  "End.DT4",
  "End.B6",
  "End.B6.Encaps",
  "End.BM",
  "End.S",
  "End.AS",
  "End.AM",
  "End.BPF",
  "End.DT46",
];

export const NO_ENCAP: Json = {};

/** What a tunnel has of its own, under `encap` and its fields' names. Nothing where the kernel tells no type. */
export function encapJson(type: number | undefined, bytes: Uint8Array | undefined, nameOf: NameOf): Json {
  if (type === undefined || bytes === undefined) return NO_ENCAP;
  const encap = TYPES[type] ?? "unknown";
  try {
    return clean({ encap, ...fields(encap, bytes, nameOf) });
  } catch {
    return { encap }; // not what this tunnel has as we know it
  }
}

function fields(encap: string, bytes: Uint8Array, nameOf: NameOf): Json {
  const end = bytes.length;
  if (encap === "ip" || encap === "ip6") return tunnel(encap === "ip6", bytes);
  if (encap === "mpls") {
    const a = MPLS.decode(bytes, 0, end);
    return { dst: a.DST === undefined ? undefined : labels(a.DST), ttl: a.TTL };
  }
  if (encap === "seg6") {
    const srh = SEG6.decode(bytes, 0, end).SRH;
    if (srh === undefined) return {};
    const mode = new DataView(srh.buffer, srh.byteOffset).getInt32(0, true);
    return { mode: SEG6_MODES[mode] ?? "<unknown>", ...segments(srh.subarray(4)) };
  }
  return encap === "seg6local" ? seg6Local(bytes, nameOf) : {};
}

function tunnel(v6: boolean, bytes: Uint8Array): Json {
  const a = TUNNEL.decode(bytes, 0, bytes.length);
  const id = a.ID?.length === 8 ? new DataView(a.ID.buffer, a.ID.byteOffset).getBigUint64(0) : undefined;
  const flags = a.FLAGS ?? 0;
  return {
    id: id === undefined ? undefined : exact(id),
    src: a.SRC?.toString(),
    dst: a.DST?.toString(),
    [v6 ? "hoplimit" : "ttl"]: a.TTL,
    [v6 ? "tc" : "tos"]: a.TOS,
    // TUNNEL_…, include/uapi/linux/if_tunnel.h
    key: flags & 0x04 ? true : undefined,
    csum: flags & 0x01 ? true : undefined,
    seq: flags & 0x08 ? true : undefined,
  };
}

/** Labels of MPLS, RFC 3032 §2.1: 20 bits each, of which the last has the bit of the stack's end. */
function labels(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const list: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const entry = view.getUint32(at);
    list.push(entry >>> 12);
    if (entry & 0x100) break;
  }
  return list.join("/");
}

/** A segment routing header, RFC 8754 §2: the first segment stands last. */
function segments(srh: Uint8Array): Json {
  const last = srh[4] ?? 0;
  const segs = Array.from({ length: last + 1 }, (_, at) => {
    const start = 8 + 16 * (last - at);
    return start + 16 <= srh.length ? `${Ipv6Addr.fromBytes(srh.subarray(start, start + 16))}` : "";
  });
  return { segs: segs.filter((text) => text !== "") };
}

function seg6Local(bytes: Uint8Array, nameOf: NameOf): Json {
  const a = LOCAL.decode(bytes, 0, bytes.length);
  const device = (index: number | undefined): string | undefined =>
    index === undefined ? undefined : nameOf(index);
  return {
    action: a.ACTION === undefined ? undefined : (ACTIONS[a.ACTION - 1] ?? `${a.ACTION}`),
    srh: a.SRH === undefined ? undefined : segments(a.SRH),
    table: a.TABLE === undefined ? undefined : tableName(a.TABLE),
    vrftable: a.VRFTABLE === undefined ? undefined : tableName(a.VRFTABLE),
    nh4: a.NH4?.toString(),
    nh6: a.NH6?.toString(),
    iif: device(a.IIF),
    oif: device(a.OIF),
  };
}
