/** Prints who is connected to a port of this host, how fast and to which process: `who-is-connected.ts PORT`. */
import { DiagSocket, socketOwners } from "windsock/netlink/diag";

const port = Number(process.argv[2]);
using diag = DiagSocket.open();
const sockets = await diag.tcp({
  states: ["established"],
  filter: { sport: { is: "=", port } }, // the kernel leaves out all others
  with: ["info"],
});
const owners = socketOwners(); // of other users' sockets only root is told
for (const { peerAddr, inode, receiveQueue, info } of sockets) {
  const [owner] = owners.get(inode) ?? [];
  const who = owner === undefined ? "?" : `${JSON.stringify(owner.command)} (pid ${owner.pid})`;
  const rtt = ((info?.tcpi_rtt ?? 0) / 1000).toFixed(3); // TCP_INFO, under the kernel's names
  console.log(`${peerAddr} to ${who}: round trip ${rtt} ms, ${receiveQueue} B unread`);
}
