/** Prints the addresses of this host, and then those that come and go, until it is interrupted. Needs no privilege. */
import { type Address, RouteSocket } from "windsock/netlink/route";

using net = RouteSocket.open();
const names = new Map<number, string>();
const say = (sign: string, { device, address, prefixLength }: Address): void =>
  console.log(`${sign} ${names.get(device) ?? device} ${address}/${prefixLength}`);

// It listens from here on, so that nothing is missed between the list and the first change.
const changes = await net.monitor({ groups: ["link", "address"] });
for (const { index, name } of await net.links.list()) names.set(index, name);
for (const address of await net.addresses.list()) say("=", address);

for await (const change of changes) {
  if ("link" in change) names.set(change.link.index, change.link.name);
  else if ("address" in change) say({ added: "+", removed: "-", changed: "~" }[change.event], change.address);
  else console.log(change.event); // "overrun": too many changes; what was missed follows, then "synchronized"
}
