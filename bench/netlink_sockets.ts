/** How long does a program wait for 10,000 TCP sockets with their TCP_INFO? @module */
import { listing } from "./_netlink.ts";

export const netlinkSockets = listing({
  name: "netlink-sockets",
  title: "10,000 TCP sockets with TCP_INFO: addresses, state, queues read; `ss -tinma` read",
  kind: "sockets",
  tool: "ss",
  more: [{ key: "all", label: "the same with every field of every socket, ms", digits: 1 }],
});
