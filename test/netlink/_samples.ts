/** Messages of this kernel, for fuzzing: run as a program it writes them as JSON, from a namespace with a little of everything. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UdpSocket, UnixListener, UnixStream } from "../../src/index.ts";
import { GenericSocket } from "../../src/netlink/generic/index.ts";
import { encodeAttribute, type Message, NetlinkSocket } from "../../src/netlink/index.ts";
import * as C from "../../src/sys/index.ts";
import { noNamespaces, pair } from "../socket/_helpers.ts";

/** Payloads of messages, by what they are about. */
export type Samples = Readonly<Record<string, readonly Uint8Array[]>>;

const SETUP = `ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
  ip link add br0 type bridge; ip link set br0 up; ip link set v1 master br0; ip link add mac0 link v0 type macvlan
  ip link add vx0 type vxlan id 7 remote 192.0.2.9 dev v0 dstport 4789; ip link add ifb0 type ifb
  [ -e /dev/net/tun ] && ip tuntap add t0 mode tap
  ip link set v0 alias 'a wire'; ip link property add dev v0 altname a-rather-long-name
  ip addr add 192.0.2.1/24 brd + dev v0; ip addr add 198.51.100.1 peer 198.51.100.2 dev mac0
  ip -6 addr add 2001:db8::1/64 dev v0 nodad preferred_lft 100 valid_lft 200
  ip route add 10.0.0.0/8 nexthop via 192.0.2.2 weight 2 nexthop via 192.0.2.3
  ip route add 11.0.0.0/8 via inet6 2001:db8::9 dev v0 mtu 1300 rtt 20ms; ip route add unreachable 12.0.0.0/8 metric 9
  ip -6 route add 2001:db8:1::/48 via 2001:db8::2 expires 1000; ip -6 route append 2001:db8:1::/48 via 2001:db8::3
  ip rule add from 10.0.0.0/8 to 11.0.0.0/8 iif v0 fwmark 7/15 sport 1-5 dport 9 uidrange 0-5 table 88
  ip -6 rule add suppress_prefixlength 0 table 77 ipproto tcp
  ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev v0; ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:08 dev v0 router`;

/** Those of a namespace of their own, or where that cannot be made, of the machine's. */
export function collect(): Samples {
  const node = [process.execPath, "--import", "tsx", fileURLToPath(import.meta.url), "--write"];
  const command = noNamespaces ? node : ["unshare", "-n", "bash", "-c", `${SETUP}\nexec "$0" "$@"`, ...node];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(command[0] as string, command.slice(1), {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    env,
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  if (status !== 0) throw new Error(`no samples (${status}): ${stderr}`);
  const read = JSON.parse(stdout) as Record<string, string[]>;
  return Object.fromEntries(
    Object.entries(read).map(([what, list]) => [
      what,
      list.map((hex) => Uint8Array.from(Buffer.from(hex, "hex"))),
    ]),
  );
}

const copy = ({ bytes, start, end }: Message): string =>
  Buffer.from(bytes.subarray(start, end)).toString("hex");

async function ofRoutes(): Promise<Record<string, string[]>> {
  using nl = NetlinkSocket.open("route", { strict: false });
  const list = (type: number, length: number): Promise<string[]> =>
    nl.dump({ type, payload: new Uint8Array(length) }, copy);
  return {
    links: await list(18, 16),
    addresses: await list(22, 8),
    routes: await list(26, 12),
    neighbors: await list(30, 12),
    rules: await list(34, 12),
  };
}

async function ofFamilies(): Promise<Record<string, string[]>> {
  using generic = GenericSocket.open();
  const of = async (family: string, command: number, attributes?: Uint8Array): Promise<string[]> => {
    const list: string[] = [];
    const take = (message: Message): void => void list.push(copy({ ...message, start: message.start - 4 }));
    await generic.dump(family, { command, attributes }, take).catch(() => {}); // not in every kernel
    return list;
  };
  const policies = [];
  for (const { id } of await generic.families()) {
    policies.push(
      ...(await of("nlctrl", 10, encodeAttribute({ type: 1, data: Uint8Array.of(id, id >> 8) }))),
    );
  }
  const ethtool = async (command: number): Promise<string[]> => [
    ...(await of("ethtool", command)), // with the bits' names
    ...(await of("ethtool", command, Uint8Array.of(12, 0, 1, 0x80, 8, 0, 3, 0, 1, 0, 0, 0))),
  ];
  return {
    families: await of("nlctrl", 3),
    policies,
    tcpMetrics: await of("tcp_metrics", 1),
    linkInfo: await ethtool(2),
    linkModes: await ethtool(4),
    linkStates: await ethtool(6),
    features: await ethtool(11),
    channels: await ethtool(17),
  };
}

async function ofSockets(): Promise<Record<string, string[]>> {
  using diag = NetlinkSocket.open("sockDiag");
  const SOCK_DIAG_BY_FAMILY = 20;
  const of = (payload: Uint8Array): Promise<string[]> =>
    diag.dump({ type: SOCK_DIAG_BY_FAMILY, payload }, copy).catch(() => []);
  const inet = (family: number, protocol: number): Promise<string[]> => {
    const payload = new Uint8Array(56);
    payload.set([family, protocol, 0xff, 0, 0xff, 0xff, 0xff, 0xff]);
    return of(payload);
  };
  const other = (family: number, protocol: number, length: number): Promise<string[]> => {
    const payload = new Uint8Array(length);
    const show = family === 1 ? 12 : 8;
    payload.set([family, protocol]);
    payload.set([0xff, 0xff, 0xff, 0xff], 4);
    if (family !== 1) payload.fill(0, 4, 8);
    payload.set([0x3f, 0, 0, 0], show);
    return of(payload);
  };
  return {
    tcp: [...(await inet(2, 6)), ...(await inet(10, 6))],
    udp: [...(await inet(2, 17)), ...(await inet(10, 17))],
    unix: await other(1, 0, 24),
    packet: await other(17, 0, 20),
    netlink: await other(16, 255, 20),
  };
}

async function write(): Promise<void> {
  for (const at of ["127.0.0.1:0", "[::1]:0"]) {
    using gone = await pair({ at, to: at.slice(0, -2) }); // leaves metrics behind
    await gone.client.writeAll(new Uint8Array(1000));
    await gone.server.read(new Uint8Array(1000));
  }
  using one = await pair();
  await one.client.writeAll(new Uint8Array(1000));
  using closing = await pair();
  closing.client.shutdown("write");
  using udp = UdpSocket.bind("127.0.0.1:0");
  const name = `@windsock-${process.pid}`;
  using listener = UnixListener.bind(name);
  const [client, server] = await Promise.all([UnixStream.connect(name), listener.accept()]);
  const packet = C.socket(C.AF_PACKET, C.SOCK_RAW | C.SOCK_CLOEXEC, 0); // -EPERM where there is no privilege
  const samples = { ...(await ofRoutes()), ...(await ofFamilies()), ...(await ofSockets()) };
  process.stdout.write(JSON.stringify(samples));
  if (packet >= 0) C.close(packet);
  client.close();
  server.close();
  udp.close();
}

if (process.argv.includes("--write")) await write();
