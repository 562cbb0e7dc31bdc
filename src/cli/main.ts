#!/usr/bin/env node
/** The command line: `windsock COMMAND`. Each command stands in a file of its own. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { EXIT } from "./_command.ts";
import { addConnect } from "./connect.ts";
import { addIp } from "./ip.ts";
import { addListen } from "./listen.ts";
import { addPort } from "./port.ts";
import { addResolve } from "./resolve.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const program = new Command("windsock")
  .description(
    "Berkeley sockets at the command line: connect, listen, resolve, and what addresses and ports are.",
  )
  .version(version)
  .configureHelp({
    sortSubcommands: true,
    subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
  })
  .addHelpText("after", "\nExit codes: 0 done, 1 the network or the kernel said no, 2 bad usage.")
  .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : EXIT.usage));

for (const add of [addConnect, addListen, addResolve, addIp, addPort]) add(program);
for (const command of program.commands) command.copyInheritedSettings(program);

await program.parseAsync();
