/** The example of windsock/observe, run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TcpListener, TcpStream } from "../../src/index.ts";
import { Program } from "../cli/_cli.ts";

test("why-it-waits.ts tells of a reader that does not read, and of the end", async () => {
  using listener = TcpListener.bind("127.0.0.1:0");
  using client = await TcpStream.connect(listener.localAddr);
  using server = await listener.accept();
  const way = `${client.localAddr} -> ${listener.localAddr}: `;
  const port = String(listener.localAddr.port);
  using program = new Program(process.execPath, ["--import", "tsx", "examples/why-it-waits.ts", port]);
  const says = async (text: string): Promise<void> => {
    await program.printedMatch(new RegExp(`^${(way + text).replaceAll(".", "\\.")}`, "m"));
  };
  await says("Nothing to send: all that was written is acknowledged.");
  const writing = client.writeAll(new Uint8Array(20_000_000));
  await says("Waits for the receiver: its window has no room for the next segment.");
  const arrived = server.readToEnd();
  await writing;
  client.close();
  assert.equal((await arrived).length, 20_000_000);
  server.close();
  await program.printedMatch(/: (?:gone|Nothing more can be sent\.)/);
  program.child.kill();
  assert.deepEqual((await program.ended).stderr, "");
});
