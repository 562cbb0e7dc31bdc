/** The decoders of links, addresses, routes, neighbours and rules on bytes that were never sent. */
import type { Message } from "../../src/netlink/index.ts";
import { decodeLink } from "../../src/netlink/route/_link_codec.ts";
import { LINK } from "../../src/netlink/route/_link_tables.ts";
import { decodeRoute } from "../../src/netlink/route/_route_codec.ts";
import { ROUTE } from "../../src/netlink/route/_route_tables.ts";
import { decodeAddress } from "../../src/netlink/route/address.ts";
import { decodeNeighbor } from "../../src/netlink/route/neighbor.ts";
import { decodeRule } from "../../src/netlink/route/rule.ts";
import { fuzzRows, type Target } from "./_fuzz.ts";
import { collect } from "./_samples.ts";

const HEADER = { type: 0, flags: 0, sequence: 1, portId: 0 };
const plain =
  (decode: (message: Message) => unknown): Target["decode"] =>
  (bytes, start, end) =>
    decode({ ...HEADER, bytes, start, end });

/** All but what links have and nobody can set. */
const SETTABLE: NonNullable<Target["table"]> = {
  decode(bytes, start, end) {
    const { STATS, MAP, ...rest } = LINK.decode(bytes, start, end);
    return rest;
  },
  encode: LINK.encode,
};

fuzzRows(collect(), [
  ["links", 150_000, 16, plain((it) => decodeLink(it, true)), SETTABLE],
  ["addresses", 700_000, 8, plain(decodeAddress)],
  ["routes", 600_000, 12, plain(decodeRoute), ROUTE],
  ["neighbors", 600_000, 12, plain(decodeNeighbor)],
  ["rules", 600_000, 12, plain(decodeRule)],
]);
