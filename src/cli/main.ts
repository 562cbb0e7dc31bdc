#!/usr/bin/env node
/** The command line: `windsock COMMAND`. Each command stands in a file of its own. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { EXIT } from "./_command.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const program = new Command("windsock")
  .description(
    "Berkeley sockets at the command line: connections, names and addresses, packets and what is in them.",
  )
  .version(version)
  .configureHelp({
    sortSubcommands: true,
    subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
  })
  .addHelpText("after", "\nExit codes: 0 done, 1 the network or the kernel said no, 2 bad usage.")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : EXIT.usage));

/** Only the command that is asked for is loaded: all of them take as long to load as Node itself, and as long again. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  addr: async () => (await import("./addr.ts")).addAddr,
  capture: async () => (await import("./capture.ts")).addCapture,
  connect: async () => (await import("./connect.ts")).addConnect,
  decode: async () => (await import("./decode.ts")).addDecode,
  demo: async () => (await import("./demo.ts")).addDemo,
  encode: async () => (await import("./encode.ts")).addEncode,
  ip: async () => (await import("./ip.ts")).addIp,
  layout: async () => (await import("./layout.ts")).addLayout,
  link: async () => (await import("./link.ts")).addLink,
  listen: async () => (await import("./listen.ts")).addListen,
  monitor: async () => (await import("./monitor.ts")).addMonitor,
  neigh: async () => (await import("./neigh.ts")).addNeigh,
  ping: async () => (await import("./ping.ts")).addPing,
  port: async () => (await import("./port.ts")).addPort,
  resolve: async () => (await import("./resolve.ts")).addResolve,
  route: async () => (await import("./route.ts")).addRoute,
  rule: async () => (await import("./rule.ts")).addRule,
  sockets: async () => (await import("./sockets.ts")).addSockets,
  trace: async () => (await import("./trace.ts")).addTrace,
  watch: async () => (await import("./watch.ts")).addWatch,
};

const [, , asked = ""] = process.argv;
const wanted = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);
for (const name of wanted) {
  const add = await COMMANDS[name]?.();
  add?.(program);
}
for (const command of program.commands) command.copyInheritedSettings(program);

await program.parseAsync();
