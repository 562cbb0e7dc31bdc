/** Filters of internet sockets: ss's words, programs for the kernel, and both against ss and against a plain evaluation. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { IpPrefix, SocketAddr } from "../../../src/ip/index.ts";
import {
  DiagSocket,
  type InetSocket,
  parseSocketFilter,
  type SocketFilter,
  SocketFilterError,
  TCP_STATES,
} from "../../../src/netlink/diag/index.ts";
import * as C from "../../../src/sys/index.ts";
import { BED_NETNS, Bed } from "../../cli/_sockets_bed.ts";
import { isolated, noSs, random, test } from "../../socket/_helpers.ts";
import { asNobody, Fds } from "./_families.ts";
import { chooses, randomWords } from "./_inet_filter_words.ts";

const noNft = noSs || (spawnSync("nft", ["-v"]).status === 0 ? false : "needs nft");

/** ss never asks for sockets that are bound and nothing else. */
const STATES = TCP_STATES.filter((state) => state !== "bound-inactive");

const cookies = (sockets: readonly InetSocket[]): string[] =>
  sockets.map(({ cookie }) => cookie.toString(16)).sort();

/** The cookies of what ss shows. */
function ssCookies(flags: string, words: string): string[] {
  const args = [flags, ...words.split(" ").filter((word) => word !== "")];
  const { status, stdout, stderr } = spawnSync("ss", args, { encoding: "utf8" });
  assert.equal(status, 0, `${words}: ${stderr}`);
  return [...stdout.matchAll(/ sk:([0-9a-f]+)/g)].map((match) => match[1] as string).sort();
}

for (const [protocol, seed] of [
  ["tcp", 1],
  ["tcp", 2],
  ["tcp", 3],
  ["udp", 4],
] as const) {
  isolated(
    import.meta.url,
    `the ${protocol} sockets that ss finds with the same words, and that a plain evaluation chooses (${seed})`,
    { netns: BED_NETNS, skip: noNft },
    async () => {
      using bed = new Bed();
      bed.fill(24);
      using diag = DiagSocket.open();
      const next = random(20_261_123 + seed);
      const facts = {
        autobound: ({ state, localPort }: InetSocket) =>
          state !== "listening" && !(protocol === "udp" && localPort < 10_000),
        device: (name: string) => (name === "lo" ? 1 : Number(name)),
      };
      const list = (filter?: string): Promise<InetSocket[]> =>
        diag.inet(protocol, { states: STATES, with: [], filter });
      const all = await list();
      assert.ok(all.length >= (protocol === "tcp" ? 300 : 10), `${all.length} sockets`);
      const ports = [...new Set(all.flatMap((one) => [one.localPort, one.peerPort]))].filter(
        (port) => port !== 0,
      );
      let some = 0;
      for (let i = 0; i < 120; i++) {
        const odd = i % 4 === 3;
        const words = randomWords(next, ports, odd);
        const { filter } = parseSocketFilter(words, { protocol });
        assert.ok(filter !== undefined);
        const plain = cookies(all.filter((one) => chooses(filter, one, facts)));
        // What ended or began since the list was made does not count.
        const known = new Set(cookies(all));
        for (let settled = false; !settled; ) {
          const ours = cookies(await list(words));
          const theirs = odd ? ours : ssCookies(protocol === "tcp" ? "-Htane" : "-Huane", words);
          const still = new Set(cookies(await list()));
          settled = ours.every((one) => still.has(one)) && theirs.every((one) => still.has(one));
          if (!settled) continue;
          assert.deepEqual(ours, theirs, words);
          const old = ours.filter((one) => known.has(one));
          assert.deepEqual(
            old,
            plain.filter((one) => still.has(one)),
            words,
          );
          if (ours.length > 0 && ours.length < all.length) some++;
        }
      }
      assert.ok(some > 30, `${some} of 120 filters choose some sockets and not others`);
    },
  );
}

isolated(
  import.meta.url,
  "the states that ss means with its words",
  { netns: BED_NETNS, skip: noNft },
  async () => {
    using bed = new Bed();
    bed.fill(24);
    using diag = DiagSocket.open();
    const groups = [
      "all",
      "connected",
      "synchronized",
      "bucket",
      "big",
      "LISTENING",
      "unconnected",
      "close",
      "syn-rcv",
    ];
    const words = [...groups, ...STATES]
      .filter((word) => word !== "new-syn-recv")
      .map((word) => `state ${word}`);
    words.push(
      "state connected exclude syn-sent",
      "exclude listening",
      "state big excl established dport = :9000",
    );
    for (const word of words) {
      const list = async (): Promise<string[]> => cookies(await diag.tcp({ filter: word, states: STATES }));
      for (;;) {
        const [ours, theirs] = [await list(), ssCookies("-Htne", word)];
        if (String(ours) !== String(await list())) continue; // a connection has gone on meanwhile
        assert.deepEqual(ours, theirs, word);
        assert.ok(ours.length > 0 || /close|unconn/.test(word), word);
        break;
      }
    }
  },
);

isolated(
  import.meta.url,
  "programs that the kernel takes, up to the longest",
  { netns: "ip link set lo up" },
  async () => {
    using bed = new Fds();
    const fd = bed.open(C.AF_INET, C.SOCK_STREAM);
    C.check(C.bind(fd, C.encodeSockaddr(SocketAddr.parse("127.0.0.1:7777"))), "bind");
    C.check(C.listen(fd, 1), "listen");
    using diag = DiagSocket.open();
    const count = async (filter: SocketFilter | string): Promise<number> =>
      (await diag.tcp({ filter })).length;

    const here: SocketFilter = { sport: { is: "=", port: 7777 } };
    const away: SocketFilter = { sport: { is: "=", port: 1 } };
    const times = (n: number, filter: SocketFilter): SocketFilter[] =>
      Array.from({ length: n }, () => filter);
    assert.equal(await count({ or: [...times(4000, away), here] }), 1);
    assert.equal(await count({ and: [...times(4000, here), away] }), 0);
    assert.equal(await count({ not: { or: times(4000, away) } }), 1);
    for (const key of ["and", "or"] as const) {
      const filter = { [key]: times(6000, here) } as unknown as SocketFilter;
      await assert.rejects(count(filter), /^RangeError: filter: expected a program of at most \d+ bytes/);
    }
    let deep: SocketFilter = here;
    for (let i = 0; i < 400; i++) deep = { not: deep };
    assert.equal(await count(deep), 1);
    for (let i = 0; i < 200; i++) deep = { not: deep };
    await assert.rejects(count(deep), RangeError);

    // what chooses nothing, or everything
    assert.equal(await count({ and: [] }), 1);
    assert.equal(await count({ or: [] }), 0);
    assert.equal(await count({ not: { or: [] } }), 1);
    assert.equal(await count({ src: {} }), 1);
    assert.equal(await count({ src: { family: "unix", address: "*", port: undefined } }), 0);
    for (const [is, port, chosen] of [
      [">", 65535, 0],
      ["<", 0, 0],
      [">=", 0, 1],
      ["<=", 65535, 1],
      ["!=", 7777, 0],
      [">", 7776, 1],
      ["<", 7777, 0],
    ] as const) {
      assert.equal(await count({ sport: { is, port } }), chosen, `${is} ${port}`);
    }

    // interfaces and cgroups, by name and number
    assert.equal(await count("dev = 0"), 1);
    assert.equal(await count("dev = lo"), 0);
    assert.equal(await count({ not: { device: "lo" } }), 1);
    C.check(C.setsockopt(fd, C.SOL_SOCKET, C.SO_BINDTODEVICE, new TextEncoder().encode("lo")), "setsockopt");
    assert.equal(await count("dev lo"), 1);
    assert.equal(await count({ device: 1 }), 1);
    await assert.rejects(count("dev nosuch"), {
      code: "ENODEV",
      message: /no network interface named "nosuch"/,
    });
    await assert.rejects(count("cgroup no/such/group"), { code: "ENOENT", message: /no cgroup/ });
    const { cgroup } = (await diag.tcp())[0] as InetSocket;
    if (cgroup !== undefined) {
      assert.equal(await count({ cgroup }), 1);
      assert.equal(await count({ not: { cgroup } }), 0);
      assert.equal(await count({ cgroup: cgroup + 2n ** 40n }), 0);
    }
    assert.equal(await count("autobound"), 0);

    // a family limits everything
    assert.equal(await count("sport = inet::7777"), 1);
    assert.equal(await count("sport = inet6::7777"), 0);
    assert.equal((await diag.tcp({ filter: "src inet:127.0.0.1", family: "ipv6" })).length, 0);

    using _nobody = asNobody();
    using plain = DiagSocket.open();
    assert.equal((await plain.tcp({ filter: here })).length, 1);
    await assert.rejects(plain.tcp({ filter: { mark: 0 } }), { code: "EPERM", message: /CAP_NET_ADMIN/ });
  },
);

test("filters that are none", async () => {
  using diag = DiagSocket.open();
  for (const [filter, message] of [
    [null, /filter: expected an object, got null/],
    [[], /filter: expected an object with one test/],
    [{}, /expected an object with one test/],
    [{ src: {}, dst: {} }, /one test, got \{ src, dst \}/],
    [{ port: 1 }, /filter: expected and, or, not, src/],
    [{ and: {} }, /filter\.and: expected an array/],
    [{ or: [{ and: [{ sport: 1 }] }] }, /filter\.or\[0\]\.and\[0\]\.sport: expected \{ is, port \}/],
    [{ sport: { is: "~", port: 1 } }, /sport\.is: expected =, !=/],
    [{ sport: { is: "=", port: 65536 } }, /sport\.port: expected a port 0 … 65535, got 65536/],
    [{ sport: { is: "=", port: "http" } }, /expected a port/],
    [{ dst: { port: -1 } }, /dst\.port: expected a port/],
    [{ dst: { ip: "127.0.0.1" } }, /dst\.ip: expected an IpPrefix or an IpAddr/],
    [{ mark: 2 ** 32 }, /mark: expected an integer/],
    [{ mark: 1, mask: -1 }, /mask: expected an integer/],
    [{ device: 1.5 }, /device: expected an integer/],
    [{ cgroup: 1 }, /cgroup: expected a path, or a bigint/],
    [{ autobound: false }, /autobound: expected true/],
  ] as const) {
    await assert.rejects(
      diag.tcp({ filter: filter as never }),
      (error) => (error instanceof TypeError || error instanceof RangeError) && message.test(error.message),
      JSON.stringify(filter, (_key, value) => value),
    );
  }
});

const at = (text: string): IpPrefix => IpPrefix.parse(text);

test("ss's words", () => {
  const port = (side: "sport" | "dport", is: string, number: number): object => ({
    [side]: { is, port: number },
  });
  for (const [words, expected] of [
    ["", {}],
    ["dport = :443", { filter: port("dport", "=", 443) }],
    ["sport 0x50", { filter: port("sport", "=", 80) }],
    ["sport geq 010", { filter: port("sport", ">=", 8) }],
    ["dport != https", { filter: port("dport", "!=", 443) }],
    ["sport = :*", { filter: { and: [] } }],
    ["sport != *", { filter: { or: [] } }],
    ["src 10/8", { filter: { src: { ip: at("10.0.0.0/8") } } }],
    ["src = 10.1/255.255.0.0", { filter: { src: { ip: at("10.1.0.0/16") } } }],
    ["dst 10.1.2.3:80", { filter: { dst: { ip: at("10.1.2.3/32"), port: 80 } } }],
    ["dst 10.1.0.0/16:80", { filter: { dst: { ip: at("10.1.0.0/16"), port: 80 } } }],
    ["dst [2001:db8::/32]:80", { filter: { dst: { ip: at("2001:db8::/32"), port: 80 } } }],
    ["dst [2001:db8::]/32:80", { filter: { dst: { ip: at("2001:db8::/32"), port: 80 } } }],
    ["dst 2001:db8::/32", { filter: { dst: { ip: at("2001:db8::/32") } } }],
    ["dst ::1", { filter: { dst: { ip: at("::1/128") } } }],
    ["dst != any", { filter: { not: { dst: {} } } }],
    ["src *:22", { filter: { src: { port: 22 } } }],
    ["src :22", { filter: { src: { port: 22 } } }],
    ["src inet:*:22", { filter: { src: { port: 22 } }, family: "ipv4" }],
    ["dport = inet6::22", { filter: port("dport", "=", 22), family: "ipv6" }],
    ["src unix:/tmp/*", { filter: { src: { family: "unix", address: "/tmp/*", port: undefined } } }],
    ["dst link:ip:eth0", { filter: { dst: { family: "link", address: "ip", port: "eth0" } } }],
    ["src netlink:*:kernel", { filter: { src: { family: "netlink", address: undefined, port: "kernel" } } }],
    ["dev eth0", { filter: { device: "eth0" } }],
    ["dev != 3", { filter: { not: { device: "3" } } }],
    ["fwmark 0x10/0xff", { filter: { mark: 16, mask: 255 } }],
    ["fwmark ne 7", { filter: { not: { mark: 7 } } }],
    ["cgroup /sys/fs/cgroup/a\\ b", { filter: { cgroup: "/sys/fs/cgroup/a b" } }],
    ["not autobound", { filter: { not: { autobound: true } } }],
    ["! ! autobound", { filter: { not: { not: { autobound: true } } } }],
    ["state syn-sent", { states: ["syn-sent"] }],
    ["state established state LISTEN", { states: ["established", "listening"] }],
    ["state bucket sport 1", { states: ["syn-recv", "time-wait"], filter: port("sport", "=", 1) }],
    ["sport 1 or sport 2 or sport 3", { filter: { or: [1, 2, 3].map((n) => port("sport", "=", n)) } }],
    ["sport 1 && sport 2 sport 3", { filter: { and: [1, 2, 3].map((n) => port("sport", "=", n)) } }],
    [
      "sport 1 or sport 2 and sport 3",
      { filter: { and: [{ or: [port("sport", "=", 1), port("sport", "=", 2)] }, port("sport", "=", 3)] } },
    ],
    [
      "sport 1 or (sport 2 and sport 3)",
      { filter: { or: [port("sport", "=", 1), { and: [port("sport", "=", 2), port("sport", "=", 3)] }] } },
    ],
    ["not sport 1 sport 2", { filter: { and: [{ not: port("sport", "=", 1) }, port("sport", "=", 2)] } }],
  ] as const) {
    assert.deepEqual(parseSocketFilter(words), expected, words);
    assert.deepEqual(parseSocketFilter(words.split(" ")), expected, words);
  }
  const { filter } = parseSocketFilter("/tmp/x".replace(/^/, "src "), { family: "unix" });
  assert.deepEqual(filter, { src: { family: "unix", address: "/tmp/x", port: undefined } });
  assert.throws(() => parseSocketFilter("src ::1", { family: "ipv4" }), /expected an IPv4 address/);
});

test("words that are no filter, and where", () => {
  for (const [words, position, message] of [
    ["and", 0, /expected src, dst, .* got "and"/],
    ["sport", 5, /expected a port, got the end/],
    ["sport = :99999", 8, /expected a port 0 … 65535/],
    ["sport = :nosuchservice", 8, /expected a port or a service, got "nosuchservice"/],
    ["sport > :*", 8, /a port to compare with/],
    ["sport=:22", 0, /got "sport=:22"/],
    ["( sport 1", 0, /this \( has no \)/],
    ["sport 1 )", 8, /this \) has no \(/],
    ["()", 1, /expected a test, got \)/],
    ["sport 1 and and sport 2", 12, /got "and"/],
    ["sport 1 or", 10, /expected a test, got the end/],
    ["not", 3, /expected a test/],
    ["src > 1.2.3.4", 4, /expected = or !=/],
    ["src 1.2.3.256", 4, /expected an address \(names are not resolved\)/],
    ["src example.com", 4, /names are not resolved/],
    ["src 10/33", 4, /expected an address/],
    ["src 10.0.0.0/255.0.255.0", 4, /expected an address/],
    ["src [::1", 4, /its \[ has no \]/],
    ["fwmark x", 7, /expected a mark/],
    ["fwmark 0x100000000", 7, /expected a mark/],
    ["state foo", 6, /expected a state/],
    ["state", 5, /expected a state, got the end/],
    ["sport 1 state listening", 8, /got "state"/],
    ["( ".repeat(300), 402, /at most 200/],
  ] as const) {
    assert.throws(
      () => parseSocketFilter(words),
      (error) => {
        assert.ok(error instanceof SocketFilterError, words);
        assert.match(error.message, message);
        assert.equal(error.position, position, words);
        return true;
      },
    );
  }
  assert.throws(() => parseSocketFilter(7 as never), TypeError);
});
