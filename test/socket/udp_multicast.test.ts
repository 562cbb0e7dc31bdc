/** Multicast of both families: any-source and source-specific, by interface, loop, hops; what is refused and why. */
import assert from "node:assert/strict";
import {
  IP,
  IPV6,
  IpAddr,
  type MulticastOptions,
  SO,
  SocketAddr,
  SysError,
  UdpSocket,
  WOULD_BLOCK,
} from "../../src/index.ts";
import { fdCount } from "../_fds.ts";
import { isolated, noIpv6, sysError, test, textOf, utf8 } from "./_helpers.ts";
import { udpPair } from "./_udp.ts";
import { Host, routed, twoHosts, wire } from "./_wires.ts";

const UP = "ip link set lo up";
/** The next text that comes. */
const next = async (socket: UdpSocket): Promise<string> =>
  textOf((await socket.recvFrom({ timeoutMs: 5000 })).data);

/** Index of an interface in a namespace. */
const indexIn = (host: Host, name: string): number =>
  Number(host.sh(`ip -o link show ${name}`).split(":")[0]);

/**
 * That a datagram does not come: the group's text, and then one that is sent to the socket itself, which overtakes
 * nothing on the one wire that there is.
 */
async function misses(
  socket: UdpSocket,
  send: () => Promise<unknown>,
  sender: UdpSocket,
  own: string,
): Promise<void> {
  await send();
  await sender.sendTo(utf8("own"), `${own}:${socket.localAddr.port}`);
  assert.equal(await next(socket), "own");
  assert.equal(socket.tryRecvFrom(), WOULD_BLOCK);
}

interface Kind {
  readonly family: "IPv4" | "IPv6";
  readonly any: string;
  readonly group: string;
  readonly other: string;
  /** The far host, and two senders there. */
  readonly far: string;
  readonly sources: readonly [string, string];
  readonly own: string;
}

const KINDS: readonly Kind[] = [
  {
    family: "IPv4",
    any: "0.0.0.0",
    group: "232.1.2.3",
    other: "239.4.5.6",
    far: "192.0.2.2",
    sources: ["192.0.2.2", "192.0.2.22"],
    own: "192.0.2.1",
  },
  {
    family: "IPv6",
    any: "[::]",
    group: "ff35::1234",
    other: "ff15::5678",
    far: "2001:db8::2",
    sources: ["2001:db8::2", "2001:db8::22"],
    own: "[2001:db8::1]",
  },
];

const bracket = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** A wire with two addresses of either family at its far end, and a socket there for each. */
function stage(kind: Kind): { near: Host; far: Host; senders: readonly [UdpSocket, UdpSocket] } {
  const { near, far } = twoHosts();
  far.sh("ip addr add 192.0.2.22/24 dev far0; ip addr add 2001:db8::22/64 dev far0 nodad");
  const sender = (source: string): UdpSocket =>
    far.in(() => {
      const option = kind.family === "IPv4" ? IP.MULTICAST_IF.to("far0") : IPV6.MULTICAST_IF.to("far0");
      return UdpSocket.bind(`${bracket(source)}:0`, { options: [option] });
    });
  return { near, far, senders: [sender(kind.sources[0]), sender(kind.sources[1])] };
}

for (const kind of KINDS) {
  const { family, any, group, other, sources, own } = kind;
  const skip = family === "IPv6" ? noIpv6 : false;
  const all = family === "IPv4" ? IP.MULTICAST_ALL : IPV6.MULTICAST_ALL;

  isolated(
    import.meta.url,
    `${family}: join and leave a group, by the interface's name, its index, and the route`,
    { skip, netns: UP },
    async () => {
      const { near, senders } = stage(kind);
      const [sender] = senders;
      near.sh(
        family === "IPv4"
          ? "ip route add 224.0.0.0/4 dev near0"
          : "ip -6 route add table local multicast ff00::/8 dev near0 metric 1",
      );
      const index = indexIn(near, "near0");
      using socket = UdpSocket.bind(`${any}:6000`);
      const to = `${bracket(group)}:6000`;
      const forms: [IpAddr | string, MulticastOptions | undefined][] = [
        [group, { interface: "near0" }],
        [IpAddr.parse(group), { interface: index }],
        [group, {}],
        [group, undefined],
      ];
      for (const [which, options] of forms) {
        await misses(socket, () => sender.sendTo(utf8("before"), to), sender, own);
        socket.joinMulticast(which, options);
        await sender.sendTo(utf8("joined"), to);
        assert.equal(await next(socket), "joined");
        assert.throws(
          () => socket.joinMulticast(which, options),
          (error) => {
            sysError("EADDRINUSE", "setsockopt")(error);
            assert.equal((error as SysError).address, group);
            assert.match((error as Error).message, /joined this group on this interface already/);
            return true;
          },
        );
        socket.leaveMulticast(which, options);
        await misses(socket, () => sender.sendTo(utf8("after"), to), sender, own);
        assert.throws(
          () => socket.leaveMulticast(which, options),
          (error) => {
            sysError("EADDRNOTAVAIL", "setsockopt")(error);
            assert.match((error as Error).message, /has not joined this group/);
            return true;
          },
        );
      }
      for (const one of senders) one.close();
    },
  );

  isolated(
    import.meta.url,
    `${family}: source-specific: only the senders that were joined are heard`,
    { skip, netns: UP },
    async () => {
      const { senders } = stage(kind);
      const [first, second] = senders;
      using socket = UdpSocket.bind(`${any}:6000`);
      const to = `${bracket(group)}:6000`;
      const at = { interface: "near0" };
      socket.joinMulticast(group, { ...at, source: sources[0] });
      await misses(socket, () => second.sendTo(utf8("second"), to), second, own);
      await first.sendTo(utf8("first"), to);
      assert.equal(await next(socket), "first");
      assert.throws(() => socket.joinMulticast(group, { ...at, source: sources[0] }), SysError, "twice");
      assert.throws(() => socket.joinMulticast(group, at), SysError, "both ways");
      socket.joinMulticast(group, { ...at, source: IpAddr.parse(sources[1]) });
      await second.sendTo(utf8("second"), to);
      assert.equal(await next(socket), "second");
      socket.leaveMulticast(group, { ...at, source: sources[0] });
      await misses(socket, () => first.sendTo(utf8("first"), to), first, own);
      assert.throws(
        () => socket.leaveMulticast(group, { ...at, source: sources[0] }),
        sysError("EADDRNOTAVAIL"),
      );
      await second.sendTo(utf8("still"), to);
      assert.equal(await next(socket), "still");
      for (const one of senders) one.close();
    },
  );

  isolated(
    import.meta.url,
    `${family}: any-source without some: blocked senders are not heard until they are unblocked`,
    { skip, netns: UP },
    async () => {
      const { senders } = stage(kind);
      const [first, second] = senders;
      using socket = UdpSocket.bind(`${any}:6000`);
      const to = `${bracket(other)}:6000`;
      const at = { interface: "near0" };
      socket.joinMulticast(other, at);
      for (const sender of senders) {
        await sender.sendTo(utf8("heard"), to);
        assert.equal(await next(socket), "heard");
      }
      socket.blockSource(other, { ...at, source: sources[0] });
      await misses(socket, () => first.sendTo(utf8("blocked"), to), first, own);
      await second.sendTo(utf8("second"), to);
      assert.equal(await next(socket), "second");
      assert.throws(() => socket.blockSource(other, { ...at, source: sources[0] }), SysError, "twice");
      socket.unblockSource(other, { ...at, source: sources[0] });
      await first.sendTo(utf8("first"), to);
      assert.equal(await next(socket), "first");
      assert.throws(() => socket.unblockSource(other, { ...at, source: sources[0] }), SysError, "twice");
      for (const one of senders) one.close();
    },
  );

  isolated(
    import.meta.url,
    `${family}: two wires: a group is joined on one of them, and sent on the one that is named`,
    { skip, netns: UP },
    async () => {
      const { near, senders } = stage(kind);
      const third = Host.create();
      wire(
        { host: near, name: "near1", addresses: ["198.51.100.1/24", "2001:db8:1::1/64"] },
        { host: third, name: "third0", addresses: ["198.51.100.2/24", "2001:db8:1::2/64"] },
      );
      const [first] = senders;
      const interfaceOption = family === "IPv4" ? IP.MULTICAST_IF : IPV6.MULTICAST_IF;
      const far = third.in(() =>
        UdpSocket.bind(`${any}:6000`, { options: [interfaceOption.to("third0"), all.to(false)] }),
      );
      const to = `${bracket(other)}:6000`;
      // Of IPv6 a socket that has joined a group hears it on every interface where any socket has.
      const alone = (name: string): UdpSocket =>
        UdpSocket.bind(`${any}:6000`, {
          reuseAddr: true,
          options: family === "IPv4" ? [all.to(false)] : [SO.BINDTODEVICE.to(name)],
        });
      using one = alone("near0");
      using two = alone("near1");
      one.joinMulticast(other, { interface: "near0" });
      two.joinMulticast(other, { interface: "near1" });
      await first.sendTo(utf8("on the first"), to);
      assert.equal(await next(one), "on the first");
      await far.sendTo(utf8("on the second"), to);
      assert.equal(await next(two), "on the second");
      assert.equal(one.tryRecvFrom(), WOULD_BLOCK);
      assert.equal(two.tryRecvFrom(), WOULD_BLOCK);
      // And out: by the option, by what goes beside the datagram, and by the zone of the address.
      third.in(() => far.joinMulticast(other, { interface: "third0" }));
      using sender = UdpSocket.bind(`${any}:0`);
      for (const value of ["near1", indexIn(near, "near1")]) {
        sender.setOption(interfaceOption, value);
        await sender.sendTo(utf8("by option"), to);
        assert.equal(await next(far), "by option");
        sender.setOption(interfaceOption, "near0");
        await sender.sendMsg(utf8("beside"), { peer: to, ancillary: { interface: value } });
        assert.equal(await next(far), "beside");
      }
      if (family === "IPv6") {
        third.in(() => far.joinMulticast("ff12::9", { interface: "third0" }));
        sender.setOption(IPV6.MULTICAST_IF, 0);
        await sender.sendTo(utf8("by zone"), SocketAddr.of("ff12::9", 6000, { zone: "near1" }));
        assert.equal(await next(far), "by zone");
      }
      far.close();
      for (const it of senders) it.close();
    },
  );

  isolated(
    import.meta.url,
    `${family}: loop: the sockets of this host hear it, or do not`,
    { skip, netns: UP },
    async () => {
      const { senders } = stage(kind);
      const [interfaceOption, loop] =
        family === "IPv4" ? [IP.MULTICAST_IF, IP.MULTICAST_LOOP] : [IPV6.MULTICAST_IF, IPV6.MULTICAST_LOOP];
      using socket = UdpSocket.bind(`${any}:6000`);
      using sender = UdpSocket.bind(`${any}:0`, { options: [interfaceOption.to("near0")] });
      socket.joinMulticast(other, { interface: "near0" });
      const to = `${bracket(other)}:6000`;
      assert.equal(sender.getOption(loop), true);
      await sender.sendTo(utf8("looped"), to);
      const { data, peer } = await socket.recvFrom({ timeoutMs: 5000 });
      assert.equal(textOf(data), "looped");
      assert.equal(peer.port, sender.localAddr.port);
      sender.setOption(loop, false);
      await misses(socket, () => sender.sendTo(utf8("unheard"), to), sender, own);
      sender.setOption(loop, true);
      await sender.sendTo(utf8("again"), to);
      assert.equal(await next(socket), "again");
      for (const it of senders) it.close();
    },
  );

  isolated(
    import.meta.url,
    `${family}: hops: 1 at first, by option, and 0 stays within this host`,
    { skip, netns: UP },
    async () => {
      const { senders, far } = stage(kind);
      const hops = family === "IPv4" ? IP.MULTICAST_TTL : IPV6.MULTICAST_HOPS;
      const interfaceOption = family === "IPv4" ? IP.MULTICAST_IF : IPV6.MULTICAST_IF;
      using receiver = far.in(() => UdpSocket.bind(`${any}:6000`, { ancillary: ["ttl", "destination"] }));
      far.in(() => receiver.joinMulticast(other, { interface: "far0" }));
      using local = UdpSocket.bind(`${any}:6000`);
      local.joinMulticast(other, { interface: "near0" });
      using sender = UdpSocket.bind(`${any}:0`, { options: [interfaceOption.to("near0")] });
      const to = `${bracket(other)}:6000`;
      const ttl = async (): Promise<number | undefined> => {
        const { ancillary } = await receiver.recvMsg({ timeoutMs: 5000 });
        assert.equal(ancillary.destination?.ip.toString(), other);
        return ancillary.ttl;
      };
      await sender.sendTo(utf8("x"), to);
      assert.equal(await ttl(), 1);
      for (const count of [2, 17, 255]) {
        sender.setOption(hops, count);
        await sender.sendTo(utf8("x"), to);
        assert.equal(await ttl(), count);
      }
      await sender.sendMsg(utf8("x"), { peer: to, ancillary: { ttl: 9 } });
      assert.equal(await ttl(), 9);
      while (local.tryRecvFrom() !== WOULD_BLOCK) {} // what was looped so far
      sender.setOption(hops, 0);
      await sender.sendTo(utf8("stays"), to);
      assert.equal(await next(local), "stays");
      sender.setOption(hops, 3);
      await sender.sendTo(utf8("x"), to);
      assert.equal(await ttl(), 3, "and nothing before it");
      for (const it of senders) it.close();
    },
  );
}

isolated(
  import.meta.url,
  "a dual-stack socket joins groups of both families",
  { skip: noIpv6, netns: UP },
  async () => {
    const { far } = twoHosts();
    using both = UdpSocket.bind(6000);
    both.joinMulticast("239.4.5.6", { interface: "near0" });
    both.joinMulticast("ff15::5678", { interface: "near0" });
    using four = far.in(() => UdpSocket.bind("192.0.2.2:0", { options: [IP.MULTICAST_IF.to("far0")] }));
    using six = far.in(() => UdpSocket.bind("[2001:db8::2]:0", { options: [IPV6.MULTICAST_IF.to("far0")] }));
    await four.sendTo(utf8("four"), "239.4.5.6:6000");
    assert.equal(await next(both), "four");
    await six.sendTo(utf8("six"), "[ff15::5678]:6000");
    assert.equal(await next(both), "six");
    both.leaveMulticast("239.4.5.6", { interface: "near0" });
    both.leaveMulticast("ff15::5678");
    assert.throws(() => both.leaveMulticast("ff15::5678"), sysError("EADDRNOTAVAIL"));
  },
);

isolated(
  import.meta.url,
  "several sockets of one port each get a copy of a group's datagrams",
  { netns: UP },
  async () => {
    const { far } = twoHosts();
    const sockets = Array.from({ length: 5 }, () => UdpSocket.bind("0.0.0.0:6000", { reuseAddr: true }));
    for (const socket of sockets) socket.joinMulticast("239.4.5.6", { interface: "near0" });
    using sender = far.in(() => UdpSocket.bind("192.0.2.2:0", { options: [IP.MULTICAST_IF.to("far0")] }));
    await sender.sendTo(utf8("copies"), "239.4.5.6:6000");
    for (const socket of sockets) assert.equal(await next(socket), "copies");
    for (const socket of sockets) socket.close();
  },
);

isolated(
  import.meta.url,
  "a group that no route leads to is an error that says what to do",
  { netns: UP },
  async () => {
    routed(); // there is a default route, by which groups of IPv4 go
    using socket = UdpSocket.bind("0.0.0.0:0");
    socket.joinMulticast("239.4.5.6");
    const alone = Host.create();
    using lonely = alone.in(() => UdpSocket.bind("0.0.0.0:0"));
    assert.throws(
      () => alone.in(() => lonely.joinMulticast("239.4.5.6")),
      (error) => {
        sysError("ENODEV", "setsockopt")(error);
        assert.match((error as Error).message, /name one, or add a route for 224\.0\.0\.0\/4/);
        return true;
      },
    );
  },
);

test("what is no group, no interface or no source is refused, by name", async (t) => {
  using pair = udpPair();
  const socket = pair.a;
  const no = (value: unknown): never => value as never;
  const source = "192.0.2.1";
  const rows: [name: string, call: () => unknown, expected: { name: string; message: RegExp }][] = [
    [
      "unicast",
      () => socket.joinMulticast("192.0.2.1"),
      { name: "TypeError", message: /group.*192\.0\.2\.1/ },
    ],
    ["broadcast", () => socket.joinMulticast("255.255.255.255"), { name: "TypeError", message: /group/ }],
    ["unspecified", () => socket.leaveMulticast("::"), { name: "TypeError", message: /group/ }],
    ["a name", () => socket.joinMulticast("all-hosts"), { name: "AddressError", message: /all-hosts/ }],
    ["with a port", () => socket.joinMulticast("224.0.0.1:5"), { name: "AddressError", message: /224/ }],
    ["a number", () => socket.joinMulticast(no(5)), { name: "TypeError", message: /group.*5/ }],
    ["nothing", () => socket.joinMulticast(no(undefined)), { name: "TypeError", message: /group/ }],
    [
      "an unknown interface",
      () => socket.joinMulticast("239.1.1.1", { interface: "nope9" }),
      { name: "SysError", message: /nope9/ },
    ],
    [
      "an empty interface",
      () => socket.joinMulticast("239.1.1.1", { interface: "" }),
      { name: "RangeError", message: /^interface: .*name/ },
    ],
    [
      "interface -1",
      () => socket.joinMulticast("239.1.1.1", { interface: -1 }),
      { name: "RangeError", message: /interface.*-1/ },
    ],
    [
      "interface 1.5",
      () => socket.joinMulticast("239.1.1.1", { interface: 1.5 }),
      { name: "RangeError", message: /interface/ },
    ],
    [
      "interface null",
      () => socket.joinMulticast("239.1.1.1", { interface: no(null) }),
      { name: "TypeError", message: /interface/ },
    ],
    [
      "interface 99999",
      () => socket.joinMulticast("239.1.1.1", { interface: 99_999 }),
      { name: "SysError", message: /ENODEV/ },
    ],
    [
      "a source of IPv6",
      () => socket.joinMulticast("239.1.1.1", { source: "::1" }),
      { name: "TypeError", message: /source.*IPv4/ },
    ],
    [
      "a source of IPv4",
      () => socket.joinMulticast("ff15::1", { source }),
      { name: "TypeError", message: /source.*IPv6/ },
    ],
    [
      "a source that is none",
      () => socket.joinMulticast("239.1.1.1", { source: "x" }),
      { name: "AddressError", message: /x/ },
    ],
    [
      "a source null",
      () => socket.joinMulticast("239.1.1.1", { source: no(null) }),
      { name: "TypeError", message: /source/ },
    ],
    ["block nobody", () => socket.blockSource("239.1.1.1", no({})), { name: "TypeError", message: /source/ }],
    [
      "unblock nobody",
      () => socket.unblockSource("239.1.1.1", no({})),
      { name: "TypeError", message: /source/ },
    ],
    [
      "block in no group",
      () => socket.blockSource("239.1.1.1", { source, interface: "lo" }),
      { name: "SysError", message: /E/ },
    ],
    [
      "IPv6 on an IPv4 socket",
      () => socket.joinMulticast("ff15::1", { interface: "lo" }),
      { name: "SysError", message: /different families/ },
    ],
  ];
  const fds = fdCount();
  for (const [name, call, expected] of rows) {
    await t.test(name, () => {
      assert.throws(call, expected);
    });
  }
  assert.equal(fdCount(), fds);
});
