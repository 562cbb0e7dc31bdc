/** How long does a program wait for 10,000 neighbours? @module */
import { listing } from "./_netlink.ts";

export const netlinkNeighbors = listing({
  name: "netlink-neighbors",
  title: "10,000 neighbours as objects; `ip -j neigh` read and parsed",
  kind: "neighbors",
  tool: "ip",
});
