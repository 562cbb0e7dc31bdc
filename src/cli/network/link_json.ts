/** Links as `ip -j -d link` writes them: its fields, with its spelling. iproute2 6.1, ip/ipaddress.c */
import { type Link, type LinkStatistics, linkTypeNumber } from "../../netlink/route/index.ts";
import { infoData, portData } from "./link_kind_json.ts";
import { clean, type Json, lladdr, type NameOf } from "./netlink_fields.ts";
import { groupName, showsNumbers } from "./netlink_names.ts";
import type { LinkNames, View } from "./netlink_view.ts";

const GENERATION: Readonly<Record<string, string>> = { stablePrivacy: "stable_secret" };

/** @param whole as `ip link` has it, not `ip addr` */
export function linkJson(link: Link, view: View, whole: boolean): Json {
  const { names } = view;
  const { nameOf } = names;
  const generation = link.ipv6AddressGeneration;
  return clean({
    ifindex: link.index,
    ...lower(link, nameOf),
    ifname: link.name,
    flags: flags(link, names),
    mtu: link.mtu,
    qdisc: link.queueDiscipline,
    master: link.master === undefined ? undefined : nameOf(link.master),
    ...operState(link.state),
    ...(whole ? linkMode(link.mode) : {}),
    group: link.group === undefined ? undefined : groupName(link.group),
    txqlen: link.transmitQueueLength || undefined,
    ifalias: link.alias,
    link_type: typeof link.type === "number" || showsNumbers() ? `[${linkTypeNumber(link.type)}]` : link.type,
    address: lladdr(link.address),
    link_pointtopoint: link.flags.includes("POINTOPOINT") && link.broadcast ? true : undefined,
    broadcast: lladdr(link.broadcast),
    link_netnsid: link.linkNamespaceId,
    proto_down: link.protocolDown ? true : undefined,
    promiscuity: link.promiscuity,
    allmulti: link.allMulticast,
    min_mtu: link.minMtu,
    max_mtu: link.maxMtu,
    linkinfo: linkInfo(link, names),
    inet6_addr_gen_mode:
      whole && generation !== undefined ? (GENERATION[generation] ?? `${generation}`) : undefined,
    num_tx_queues: link.transmitQueues,
    num_rx_queues: link.receiveQueues,
    gso_max_size: link.gsoMaxSize,
    gso_max_segs: link.gsoMaxSegments,
    tso_max_size: link.tsoMaxSize,
    tso_max_segs: link.tsoMaxSegments,
    gro_max_size: link.groMaxSize,
    parentbus: link.parentBus,
    parentdev: link.parentDevice,
    altnames: link.alternativeNames,
    stats64: link.statistics === undefined ? undefined : statistics(link.statistics, link, view.stats),
  });
}

/** @param level 1 for `-s`, 2 for `-s -s` */
function statistics(s: LinkStatistics, link: Link, level: number): Json {
  const all = level > 1;
  return {
    rx: clean({
      bytes: s.rx.bytes,
      packets: s.rx.packets,
      errors: s.rx.errors,
      dropped: s.rx.dropped,
      over_errors: s.rxErrors.over,
      multicast: s.multicast,
      compressed: s.rxCompressed || undefined,
      length_errors: all ? s.rxErrors.length : undefined,
      crc_errors: all ? s.rxErrors.crc : undefined,
      frame_errors: all ? s.rxErrors.frame : undefined,
      fifo_errors: all ? s.rxErrors.fifo : undefined,
      missed_errors: all ? s.rxErrors.missed : undefined,
      nohandler: all ? s.rxNoHandler || undefined : undefined,
    }),
    tx: clean({
      bytes: s.tx.bytes,
      packets: s.tx.packets,
      errors: s.tx.errors,
      dropped: s.tx.dropped,
      carrier_errors: s.txErrors.carrier,
      collisions: s.collisions,
      compressed: s.txCompressed || undefined,
      aborted_errors: all ? s.txErrors.aborted : undefined,
      fifo_errors: all ? s.txErrors.fifo : undefined,
      window_errors: all ? s.txErrors.window : undefined,
      heartbeat_errors: all ? s.txErrors.heartbeat : undefined,
      carrier_changes: all ? link.carrierChanges : undefined,
    }),
  };
}

/** As `ip -br -j` has it. */
export function briefLinkJson(row: Json, whole: boolean): Json {
  const { link, link_index, ifname, operstate, address, flags } = row;
  return {
    ...(link !== undefined && { link }),
    ...clean({ link_index, ifname, operstate, ...(whole ? { address, flags } : {}) }),
  };
}

function lower(link: Link, nameOf: NameOf): Json {
  if (link.link === undefined) return {};
  if (link.linkNamespaceId !== undefined && link.link !== 0) return { link_index: link.link };
  return { link: link.link === 0 ? null : nameOf(link.link) };
}

function flags(link: Link, names: LinkNames): string[] {
  const { link: below = 0, linkNamespaceId } = link;
  const down = below !== 0 && linkNamespaceId === undefined && names.isDown(below);
  const silent = link.up && !link.flags.includes("RUNNING");
  const rest = link.flags.filter((flag) => flag !== "RUNNING");
  const words = rest.map((flag) => (typeof flag === "number" ? flag.toString(16) : flag));
  return [...(silent ? ["NO-CARRIER"] : []), ...words, ...(down ? ["M-DOWN"] : [])];
}

function operState(state: Link["state"]): Json {
  if (typeof state === "number") return { operstate_index: state };
  return { operstate: state?.toUpperCase() }; // NOTPRESENT, LOWERLAYERDOWN: without a mark between the words
}

function linkMode(mode: Link["mode"]): Json {
  return typeof mode === "number" ? { linkmode_index: mode } : { linkmode: mode?.toUpperCase() };
}

function linkInfo({ info, port }: Link, names: LinkNames): Json | undefined {
  if (info === undefined && port === undefined) return undefined;
  return clean({
    info_kind: info?.kind,
    info_data: info === undefined ? undefined : infoData(info, names.nameOf),
    info_slave_kind: port?.kind,
    info_slave_data: port === undefined ? undefined : portData(port),
  });
}
