/** The examples on netlink, each in a namespace where what it says is known. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { Program } from "../cli/_cli.ts";
import { isolated } from "../socket/_helpers.ts";

const example = (name: string, ...args: string[]): Program =>
  new Program(process.execPath, ["--import", "tsx", `examples/${name}`, ...args]);

const ip = (words: string): void => void execFileSync("ip", words.split(" "));

isolated(
  import.meta.url,
  "which-route.ts says which way a packet goes, and which entry says so",
  {
    netns: `ip link set lo up
      ip link add near type veth peer name far
      ip link set far up; ip link set near up
      ip address add 192.0.2.1/24 dev near
      ip route add 198.51.100.0/24 via 192.0.2.9 proto static
      ip route add prohibit 203.0.113.0/24`,
  },
  async () => {
    const cases = [
      // As long as there are only the usual rules, the kernel keeps the tables local and main as one.
      [
        "127.0.0.1",
        /^127\.0\.0\.1: directly, out of lo \(unknown\), as 127\.0\.0\.1\ntable 25[45], made by kernel: 127\.0\.0\.1\/32\n$/,
      ],
      ["192.0.2.7", "directly, out of near (up), as 192.0.2.1\ntable 254, made by kernel: 192.0.2.0/24\n"],
      [
        "198.51.100.3",
        "by way of 192.0.2.9, out of near (up), as 192.0.2.1\ntable 254, made by static: 198.51.100.0/24\n",
      ],
    ] as const;
    const told = cases.map(async ([address, said]) => {
      const { code, stdout, stderr } = await example("which-route.ts", address).ended;
      assert.deepEqual([code, stderr], [0, ""]);
      if (typeof said === "string") assert.equal(stdout.toString(), `${address}: ${said}`);
      else assert.match(stdout.toString(), said);
    });
    const refused = await example("which-route.ts", "203.0.113.1").ended;
    assert.deepEqual([refused.code, refused.stdout.toString()], [1, ""]);
    assert.match(refused.stderr, /^203\.0\.113\.1: RTM_GETROUTE: .*\(EACCES\)/);
    await Promise.all(told);
  },
);

isolated(
  import.meta.url,
  "watch-addresses.ts prints addresses, and those that come and go",
  {
    netns: `ip link set lo up
      ip link add near type veth peer name far
      ip address add 192.0.2.1/24 dev near`,
  },
  async () => {
    using watch = example("watch-addresses.ts");
    await watch.printedMatch(/^= near 192\.0\.2\.1\/24\n/m);
    ip("address add 192.0.2.2/25 dev far");
    await watch.printedMatch(/^\+ far 192\.0\.2\.2\/25\n/m);
    ip("address change 192.0.2.2/25 dev far preferred_lft 100 valid_lft 200");
    await watch.printedMatch(/^~ far 192\.0\.2\.2\/25\n/m);
    ip("address delete 192.0.2.2/25 dev far");
    await watch.printedMatch(/^- far 192\.0\.2\.2\/25\n/m);
    // A link that is renamed, and one that was not there when the program began.
    ip("link set near name nearby");
    ip("address add 192.0.2.3/32 dev nearby");
    await watch.printedMatch(/^\+ nearby 192\.0\.2\.3\/32\n/m);
    ip("link add later type veth peer name latest");
    ip("address add 192.0.2.4/32 dev later");
    const all = await watch.printedMatch(/^\+ later 192\.0\.2\.4\/32\n/m);
    assert.match(all, /^= lo 127\.0\.0\.1\/8\n/);
    assert.equal(watch.stderrSoFar, "");
  },
);

isolated(
  import.meta.url,
  "who-is-connected.ts prints the peers of a port, and whose their connections are",
  { netns: "ip link set lo up" },
  async () => {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const peers: string[] = [];
    const sockets = [];
    for (const text of ["", "hello"]) {
      const client = connect(port, "127.0.0.1");
      const [accepted] = await once(server, "connection");
      sockets.push(client, accepted);
      if (client.connecting) await once(client, "connect");
      if (text !== "") await new Promise((resolve) => client.write(text, resolve));
      peers.push(`127.0.0.1:${client.localPort}`);
    }
    const { code, stdout, stderr } = await example("who-is-connected.ts", String(port)).ended;
    for (const socket of sockets) socket.destroy();
    server.close();
    assert.deepEqual([code, stderr], [0, ""]);
    const lines = stdout.toString().split("\n").sort().slice(1);
    const patterns = peers.map((peer, at) => {
      const unread = [0, 5][at];
      return new RegExp(
        `^${peer} to ".+" \\(pid ${process.pid}\\): round trip \\d+\\.\\d{3} ms, ${unread} B unread$`,
      );
    });
    assert.equal(lines.length, 2, stdout.toString());
    for (const pattern of patterns)
      assert.ok(
        lines.some((line) => pattern.test(line)),
        `${pattern}\n${stdout}`,
      );
  },
);
