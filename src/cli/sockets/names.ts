/** Names for the numbers of sockets: services, protocols, interfaces, cgroups; and texts without control characters. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { if_indextoname } from "../../sys/index.ts";

/** A name as it may be printed: what a terminal would obey is written as `\x1b`. */
export function safe(text: string): string {
  return /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text)
    ? text.replace(
        /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
        (char) => `\\x${(char.codePointAt(0) as number).toString(16).padStart(2, "0")}`,
      )
    : text;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // not there, or not for us: numbers stay numbers
  }
}

let services: ReadonlyMap<string, string> | undefined;
let ephemeral: readonly [first: number, last: number] | undefined;

/** Services by `port/protocol`: the first line of /etc/services counts, as for getservbyport(3). */
function readServices(): Map<string, string> {
  const map = new Map<string, string>();
  for (const [, name = "", key = ""] of read("/etc/services").matchAll(
    /^[ \t]*([^\s#]+)[ \t]+(\d+\/\w+)/gm,
  )) {
    if (!map.has(key)) map.set(key, name);
  }
  return map;
}

/** A port's service. Ports that the kernel gives to clients have none: what is registered there says nothing. */
export function serviceText(port: number, protocol: "tcp" | "udp"): string {
  ephemeral ??= (/^(\d+)\s+(\d+)/
    .exec(read("/proc/sys/net/ipv4/ip_local_port_range"))
    ?.slice(1)
    .map(Number) as [number, number] | undefined) ?? [1024, 4999];
  if (port >= ephemeral[0] && port <= ephemeral[1]) return `${port}`;
  services ??= readServices();
  return safe(services.get(`${port}/${protocol}`) ?? `${port}`);
}

/** Whether the kernel chooses this port by itself. */
export function isEphemeral(port: number): boolean {
  serviceText(port, "tcp");
  const [first, last] = ephemeral as readonly [number, number];
  return port >= first && port <= last;
}

let protocols: ReadonlyMap<number, string> | undefined;

/** A protocol above IP, by /etc/protocols. */
export function protocolText(number: number): string {
  if (protocols === undefined) {
    const map = new Map<number, string>();
    for (const [, name = "", digits] of read("/etc/protocols").matchAll(/^([^\s#]+)[ \t]+(\d+)/gm)) {
      if (!map.has(Number(digits))) map.set(Number(digits), name);
    }
    protocols = map;
  }
  return safe(protocols.get(number) ?? `ipproto-${number}`);
}

const devices = new Map<number, string | undefined>();

/** An interface's name; `undefined` where it is gone. */
export function deviceName(index: number): string | undefined {
  if (!devices.has(index)) devices.set(index, if_indextoname(index));
  return devices.get(index);
}

export function deviceText(index: number): string {
  return safe(deviceName(index) ?? `if${index}`);
}

let cgroupRoot: string | undefined | false;
const cgroups = new Map<bigint, string>();

/** Where cgroups (v2) are mounted. */
function findCgroupRoot(): string | false {
  const [, root] = / (\/\S*) cgroup2 /.exec(read("/proc/mounts")) ?? [];
  return (
    root?.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8))) ?? false
  );
}

/** A cgroup's path below the mount, as `/user.slice`; its number where it is not to be seen, as in another container. */
export function cgroupText(id: bigint): string {
  return safe(cgroupPath(id) ?? `unreachable:${id.toString(16)}`);
}

export function cgroupPath(id: bigint): string | undefined {
  if (cgroupRoot === undefined) {
    cgroupRoot = findCgroupRoot();
    if (cgroupRoot !== false) rememberCgroups(cgroupRoot, "");
  }
  return cgroups.get(id);
}

/** A cgroup's number is the inode of its folder. */
function rememberCgroups(root: string, path: string): void {
  try {
    cgroups.set(statSync(`${root}${path}`, { bigint: true }).ino, path === "" ? "/" : path);
    for (const entry of readdirSync(`${root}${path}`, { withFileTypes: true })) {
      if (entry.isDirectory()) rememberCgroups(root, `${path}/${entry.name}`);
    }
  } catch {
    // gone meanwhile
  }
}

/** EtherTypes and Linux's own numbers below 0x600, as ss(8) names them. linux/if_ether.h */
const LINK_PROTOCOLS = new Map(
  (
    "1 802_3,2 ax25,4 802_2,5 snap,6 ddcmp,7 wan_ppp,8 ppp_mp,9 localtalk,c can,10 ppptalk,11 tr_802_2,15 mobitex," +
    "16 control,17 irda,18 econet,60 loop,200 pup,201 pupat,800 ip,805 x25,806 arp,8ff bpq,a00 ieeepup,a01 ieeepupat," +
    "6000 dec,6001 dna_dl,6002 dna_rc,6003 dna_rt,6004 lat,6005 diag,6006 cust,6007 sca,6558 teb,8035 rarp,809b atalk," +
    "80f3 aarp,8100 802.1Q,8137 ipx,86dd ipv6,8847 mpls_uc,8848 mpls_mc,884c atmmpoa,8863 ppp_disc,8864 ppp_ses," +
    "8884 atmfate,8892 profinet,88a2 aoe,88a4 ethercat,88a8 802.1ad,88ca tipc,88cc LLDP"
  )
    .split(",")
    .map((row) => [Number.parseInt(row, 16), row.slice(row.indexOf(" ") + 1)] as const),
);
const ETH_P_ALL = 3;

export function linkProtocolText(number: number, numeric: boolean): string {
  if (number === ETH_P_ALL) return "*";
  return (numeric ? undefined : LINK_PROTOCOLS.get(number)) ?? `[${number}]`;
}

export function linkProtocolNumber(name: string): number | undefined {
  const lower = name.toLowerCase();
  const [number] = [...LINK_PROTOCOLS].find(([, one]) => one.toLowerCase() === lower) ?? [];
  return number ?? (/^(0x[\da-f]+|\d+)$/i.test(name) ? Number(name) : undefined);
}

/** The library's words for parts of the kernel, by their numbers. linux/netlink.h */
const NETLINK_WORDS = (
  "route unused usersock firewall sockDiag nflog xfrm selinux iscsi audit fibLookup connector netfilter ip6Fw dnrtmsg " +
  "kobjectUevent generic - scsiTransport ecryptfs rdma crypto smc"
).split(" ");

let netlinkNames: ReadonlyMap<number, string> | undefined;

export function netlinkNumber(protocol: string | number): number {
  return typeof protocol === "number" ? protocol : NETLINK_WORDS.indexOf(protocol);
}

/** As /etc/iproute2/nl_protos names it. */
export function netlinkProtocolText(protocol: string | number, numeric: boolean): string {
  const number = netlinkNumber(protocol);
  if (numeric) return `${number}`;
  netlinkNames ??= new Map(
    ["/usr/share/iproute2/nl_protos", "/etc/iproute2/nl_protos"].flatMap((file) =>
      [...read(file).matchAll(/^\s*(0x[\da-f]+|\d+)[ \t]+([^\s#]+)/gim)].map(
        ([, digits, name]) => [Number(digits), name as string] as const,
      ),
    ),
  );
  return safe(netlinkNames.get(number) ?? `${number}`);
}
