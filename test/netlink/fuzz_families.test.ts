/** The decoders of generic netlink's families and of sock_diag's sockets on bytes that were never sent. */
import {
  decodeInetSocket,
  decodeNetlinkSocket,
  decodePacketSocket,
  decodeUnixSocket,
  type InetProtocol,
} from "../../src/netlink/diag/index.ts";
import { CTRL } from "../../src/netlink/generic/_controller.ts";
import { CHANNELS, LINKINFO, LINKSTATE } from "../../src/netlink/generic/_ethtool_tables.ts";
import {
  decodeChannels,
  decodeFeatures,
  decodeLinkInfo,
  decodeLinkModes,
  decodeLinkState,
} from "../../src/netlink/generic/ethtool_device.ts";
import { decodeFamily, type GenericMessage, genericMessage } from "../../src/netlink/generic/family.ts";
import { PolicyDump } from "../../src/netlink/generic/policy.ts";
import { decodeTcpMetric } from "../../src/netlink/generic/tcp_metrics.ts";
import type { Message } from "../../src/netlink/index.ts";
import { fuzzRows, type Target } from "./_fuzz.ts";
import { collect } from "./_samples.ts";

const HEADER = { type: 0, flags: 0, sequence: 1, portId: 0 };
const plain =
  (decode: (message: Message) => unknown): Target["decode"] =>
  (bytes, start, end) =>
    decode({ ...HEADER, bytes, start, end });
const generic = (decode: (message: GenericMessage) => unknown): Target["decode"] =>
  plain((message) => decode(genericMessage(message)));
const NAMES = { features: new Map([[1, "one"]]), linkModes: new Map<number, string>() };

function policy(message: Message): unknown {
  const dump = new PolicyDump();
  dump.add(message);
  // Rules may lead back to themselves: only the outermost are looked at.
  return [...dump.rules()].map(([command, rules]) => [command, rules.do?.size, rules.dump?.size]);
}

/** Everything that is read of it later is read at once. */
const inet =
  (protocol: InetProtocol): Target["decode"] =>
  (bytes, start, end) =>
    decodeInetSocket(bytes, protocol, start, end).toJSON();

fuzzRows(collect(), [
  ["families", 150_000, 4, plain(decodeFamily), CTRL],
  ["policies", 250_000, 4, plain(policy), CTRL],
  ["tcpMetrics", 250_000, 4, generic(decodeTcpMetric)],
  ["linkInfo", 150_000, 4, generic(decodeLinkInfo), LINKINFO],
  ["linkModes", 150_000, 4, generic((it) => decodeLinkModes(it, NAMES))],
  ["linkStates", 150_000, 4, generic(decodeLinkState), LINKSTATE],
  ["features", 50_000, 4, generic((it) => decodeFeatures(it, NAMES))],
  ["channels", 150_000, 4, generic(decodeChannels), CHANNELS],
  ["tcp", 150_000, 72, inet("tcp")],
  ["udp", 150_000, 72, inet("udp")],
  ["unix", 150_000, 16, (bytes, start, end) => decodeUnixSocket(bytes, start, end)],
  ["packet", 150_000, 16, (bytes, start, end) => decodePacketSocket(bytes, start, end)],
  ["netlink", 150_000, 28, (bytes, start, end) => decodeNetlinkSocket(bytes, start, end)],
]);
