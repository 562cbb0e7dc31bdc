/** `windsock addr flush`: the addresses that the words of ip-address(8) select are deleted. */
import { NetlinkError } from "../../netlink/index.ts";
import { type Address, type Family, RouteSocket } from "../../netlink/route/index.ts";
import { UsageError } from "../_command.ts";
import { readAddressWords } from "./addr_select.ts";
import { ask, prefixOf, Refusal } from "./change_words.ts";

/** As often a table is read again, until nothing is left to be deleted. */
const ROUNDS = 10;

export async function flushAddresses(given: readonly string[], family: Family | undefined): Promise<void> {
  if (given.length === 0) throw new UsageError("Flush requires arguments.");
  using net = RouteSocket.open({ receiveBufferBytes: 1 << 20 });
  const { family: of, device, has, links } = await readAddressWords(given, family, net);
  const there = new Map(links(await net.links.list()).map((link) => [link.index, link]));
  const wanted = (address: Address): boolean => {
    const link = there.get(address.device);
    return link !== undefined && has(address, link);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await net.addresses.list({ family: of, device })).filter(wanted);
    if (found.length === 0) return;
    for (const address of found) {
      const { address: addr, prefixLength, peer, device: on } = address;
      const prefix = prefixOf({ addr, length: prefixLength, family: undefined, sized: true }, address.family);
      await ask(() => gone(() => net.addresses.delete({ device: on, address: prefix, peer })));
    }
  }
  throw new Refusal(`*** Flush remains incomplete after ${ROUNDS} rounds. ***`);
}

/** What went with an address before it, as its secondaries, is not missed. */
async function gone(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    const code = error instanceof NetlinkError ? error.code : undefined;
    if (code !== "EADDRNOTAVAIL" && code !== "ENODEV") throw error;
  }
}
