/** How long does a program wait for 10,000 routes? @module */
import { listing } from "./_netlink.ts";

export const netlinkRoutes = listing({
  name: "netlink-routes",
  title: "10,000 routes as objects; `ip -j route` read and parsed",
  kind: "routes",
  tool: "ip",
});
