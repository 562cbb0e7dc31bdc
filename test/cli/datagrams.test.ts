/** `connect -u` and `listen -u`: datagrams at the command line, with each other, with nc and with Python. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { assertOneLine, missing, noIpv6, Program, start, startListen, windsock } from "./_cli.ts";

/** `windsock listen -u`, and where it is. */
const listenUdp = (args: readonly string[], options?: Parameters<typeof start>[1]) =>
  startListen(["-u", ...args], options);

test("connect -u sends the message as one datagram and prints the first answer", async () => {
  using server = await listenUdp(["-k", "--echo", "127.0.0.1", "0"]);
  for (const message of ["hello", "", "grüß dich\n", "x".repeat(9000)]) {
    const { code, stdout, stderr } = await windsock([
      "connect",
      "-u",
      "127.0.0.1",
      `${server.port}`,
      message,
    ]);
    assert.deepEqual([code, stdout.toString(), stderr], [0, message, ""]);
  }
});

test("connect -u over IPv6", { skip: noIpv6 }, async () => {
  using server = await listenUdp(["-k", "--echo", "::1", "0"]);
  const { code, stdout } = await windsock(["connect", "-u", "-6", "::1", `${server.port}`, "six"]);
  assert.deepEqual([code, stdout.toString()], [0, "six"]);
});

test("connect -u to a closed port says that it is refused", async () => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  assertOneLine(
    await windsock(["connect", "-u", "127.0.0.1", `${port}`, "x"]),
    1,
    /ECONNREFUSED.*nothing has that port/,
  );
});

test("connect -u -w gives up where no answer comes", async () => {
  const silent = createSocket("udp4").bind(0, "127.0.0.1");
  await once(silent, "listening");
  const args = ["connect", "-u", "-w", "0.2", "127.0.0.1", `${silent.address().port}`, "x"];
  assertOneLine(await windsock(args), 1, /not done within 200 ms/);
  silent.close();
});

test("without a message, every piece of standard input is a datagram, and answers are printed till it is silent", async () => {
  using server = await listenUdp(["-k", "--echo", "127.0.0.1", "0"]);
  const input = "a line\n".repeat(10_000); // 70 000 bytes: five datagrams
  const { code, stdout } = await windsock(["connect", "-u", "127.0.0.1", `${server.port}`], { input });
  assert.equal(code, 0);
  assert.equal(stdout.toString(), input);
});

test("listen -u talks to whoever comes first, both ways", async () => {
  using server = await listenUdp(["-w", "1", "127.0.0.1", "0"], { input: "open" });
  const peer = createSocket("udp4");
  peer.send("first", server.port, "127.0.0.1");
  await server.printedMatch(/first/);
  await server.saysOnStderr(/datagrams from 127\.0\.0\.1:/);
  server.stdin.write("an answer");
  const [answer] = await once(peer, "message");
  assert.equal(String(answer), "an answer");
  const stranger = createSocket("udp4"); // is not heard any more
  await new Promise<void>((resolve) => stranger.send("stranger", server.port, "127.0.0.1", () => resolve()));
  peer.send(" second", server.port, "127.0.0.1");
  await server.printedMatch(/^first second$/);
  server.stdin.end();
  peer.close();
  stranger.close();
  const { code, stdout } = await server.ended;
  assert.deepEqual([code, stdout.toString()], [0, "first second"]);
});

test("listen -u -k prints what anybody sends", async () => {
  using server = await listenUdp(["-k", "127.0.0.1", "0"]);
  for (const text of ["one ", "two ", "three "]) {
    const peer = createSocket("udp4");
    peer.send(text, server.port, "127.0.0.1");
    await server.printedMatch(new RegExp(text));
    peer.close();
  }
});

test("with nc -u, both ways", { skip: missing("nc") }, async () => {
  using server = await listenUdp(["-k", "--echo", "127.0.0.1", "0"]);
  using nc = new Program("nc", ["-u", "-w", "1", "127.0.0.1", `${server.port}`], { input: "to nc and back" });
  assert.equal((await nc.ended).stdout.toString(), "to nc and back");

  const probe = createSocket("udp4").bind(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  using listening = new Program("nc", ["-u", "-l", "127.0.0.1", `${port}`], { input: "open" });
  let heard = false;
  const seen = listening.printedMatch(/hello/).then(() => {
    heard = true;
  });
  while (!heard) {
    // It may not be there yet: then it is refused, and asked again.
    const asking = start(["connect", "-u", "-w", "0.3", "127.0.0.1", `${port}`, "hello"]);
    await Promise.race([seen, asking.ended]);
  }
});

test("what does not go together is bad usage", async () => {
  const table: [string[], RegExp][] = [
    [["connect", "-u", "localhost"], /a host and a service/],
    [["connect", "-u", "--explain", "localhost", "1", "x"], /-u does not go with/],
    [["connect", "-u", "--all", "localhost", "1", "x"], /-u does not go with/],
    [["connect", "-U", "-4", "/tmp/x"], /-U does not go with/],
    [["connect", "-U", "--explain", "/tmp/x"], /-U does not go with/],
    [["connect", "-U", "/tmp/x", "message", "more"], /a path and at most a message/],
    [["listen", "-U", "/tmp/x", "2000"], /only a path/],
    [["listen", "-U", "-6", "/tmp/x"], /-U does not go with/],
    [["listen", "-u", "localhost:2000"], /a host and a port apart/],
    [["connect", "-U", "x".repeat(200)], /at most 107 bytes/],
  ];
  for (const [args, pattern] of table) assertOneLine(await windsock(args), 2, pattern);
});
