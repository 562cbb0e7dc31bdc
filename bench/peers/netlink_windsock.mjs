// What listing costs on Windsock: `netlink_windsock.mjs KIND COUNT ROUNDS`, in a namespace that holds so many.
import { join } from "node:path";
import { RouteSocket } from "../../dist/netlink/route/index.js";
import { report, waitForGo } from "./_control.mjs";
import { THEIRS, timed, wholes } from "./_netlink.mjs";

const [, , kind, count, roundsText] = process.argv;
const rounds = Number(roundsText);
const MAIN = join(import.meta.dirname, "../../dist/cli/main.js");

const COMMANDS = {
  routes: ["route", "show", "--json"],
  neighbors: ["neigh", "show", "--json"],
  sockets: ["sockets", "-tinma"],
};

function expectAll(list) {
  if (list.length < Number(count)) throw new Error(`${list.length} instead of ${count}`);
  return list;
}

async function tables() {
  const net = RouteSocket.open();
  const calls = {
    routes: () => net.routes.list({ family: "ipv4", table: "main" }),
    neighbors: () => net.neighbors.list(),
  };
  const { first, warm } = await timed(async () => expectAll(await calls[kind]()), rounds);
  net.close();
  return { first, call: warm };
}

/** Four-tuple, state and queues; or all that there is to tell. */
async function sockets() {
  const { DiagSocket } = await import("../../dist/netlink/diag/index.js");
  const diag = DiagSocket.open();
  let seen = 0;
  const lazily = await timed(async () => {
    for (const it of expectAll(await diag.tcp())) {
      const { localAddr, peerAddr } = it;
      seen += localAddr.port + peerAddr.port + it.state.length + it.receiveQueue + it.sendQueue;
    }
  }, rounds);
  const whole = await timed(async () => {
    for (const it of expectAll(await diag.tcp())) seen += it.toJSON().info.tcpi_state;
  }, rounds);
  if (!(seen > 0)) throw new Error("nothing was read");
  diag.close();
  return { first: lazily.first, call: lazily.warm, all: whole.warm };
}

await waitForGo();
const library = kind === "sockets" ? await sockets() : await tables();
const [, ours, node] = wholes(
  [THEIRS[kind], [process.execPath, MAIN, ...COMMANDS[kind]], [process.execPath, "-e", "0"]],
  rounds,
);
report({
  ...library,
  command: ours.ms,
  behind: ours.behindMs,
  node: node.ms,
  memory: ours.mib,
  nodeMemory: node.mib,
});
