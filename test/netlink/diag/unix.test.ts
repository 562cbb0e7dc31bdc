/** Local sockets of unix_diag, against what made them, /proc/net/unix and ss. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DiagSocket,
  decodeUnixSocket,
  type UnixListOptions,
  type UnixSocketInfo,
} from "../../../src/netlink/diag/index.ts";
import * as C from "../../../src/sys/index.ts";
import { missing } from "../../cli/_cli.ts";
import { isolated, test } from "../../socket/_helpers.ts";
import { attribute, FakeKernel, int32, join as joined } from "../_fake_kernel.ts";
import {
  asNobody,
  assertHardened,
  byInode,
  cookieOf,
  Fds,
  inodeOf,
  notRoot,
  procNet,
  refuseAll,
  skmem,
  ss,
} from "./_families.ts";

const [STREAM, DGRAM, SEQPACKET] = [C.SOCK_STREAM, C.SOCK_DGRAM, C.SOCK_SEQPACKET];
const { UnixAddr } = C;

function bind(fd: number, address: C.UnixAddr): void {
  C.check(C.bind(fd, C.encodeSockaddrUn(address)), "bind");
}

function connect(fd: number, address: C.UnixAddr): void {
  C.check(C.connect(fd, C.encodeSockaddrUn(address)), "connect");
}

/** Sockets in every state that there is, under names that are hard to tell. */
function zoo(fds: Fds, folder: string) {
  const at = UnixAddr.path(join(folder, "a socket"));
  const listener = fds.open(C.AF_UNIX, STREAM);
  bind(listener, at);
  C.check(C.listen(listener, 7), "listen");
  const clients = [0, 1, 2].map(() => {
    const client = fds.open(C.AF_UNIX, STREAM);
    connect(client, at);
    return client;
  }) as [number, number, number];
  const accepted = fds.keep(C.check(C.accept4(listener, C.SOCK_CLOEXEC), "accept4"));

  const odd = UnixAddr.abstract(Uint8Array.from([0, 27, 0x5b, 10, 255, 0]));
  const packets = fds.open(C.AF_UNIX, SEQPACKET);
  bind(packets, odd);
  C.check(C.listen(packets, 0), "listen");

  const automatic = fds.open(C.AF_UNIX, DGRAM);
  C.check(C.bind(automatic, Uint8Array.of(C.AF_UNIX, 0)), "bind");
  const sender = fds.open(C.AF_UNIX, DGRAM);
  connect(sender, C.UnixAddr.fromSunPath((C.getsockname(automatic) as Uint8Array).subarray(2)));
  C.check(C.send(sender, new Uint8Array(100), 0), "send");
  C.check(C.send(sender, new Uint8Array(50), 0), "send");

  // Fills sun_path: no room for the NUL at the end.
  const full = UnixAddr.path("x".repeat(107));
  const long = fds.open(C.AF_UNIX, DGRAM);
  bind(long, full);
  unlinkSync("x".repeat(107));

  const [left, right] = fds.pair(STREAM);
  C.check(C.send(left, new Uint8Array(1000), 0), "send");
  C.check(C.shutdown(right, C.SHUT_WR), "shutdown");
  const [alone, other] = fds.pair(SEQPACKET);
  fds.close(other);
  return { at, listener, clients, accepted, odd, packets, automatic, sender, full, long, left, right, alone };
}

function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "unix-diag-"));
  process.chdir(folder);
  return body(folder).finally(() => rmSync(folder, { recursive: true }));
}

isolated(import.meta.url, "every field, in every state", { netns: "" }, () =>
  inFolder(async (folder) => {
    using fds = new Fds();
    const made = zoo(fds, folder);
    using diag = DiagSocket.open();
    const all = await diag.unix();
    const of = (fd: number): UnixSocketInfo => byInode(all, fd);

    const listener = of(made.listener);
    const { ino } = statSync(join(folder, "a socket"));
    const { memory, file, ...rest } = listener;
    assert.deepEqual(rest, {
      family: "unix",
      type: "stream",
      state: "listening",
      inode: inodeOf(made.listener),
      cookie: cookieOf(made.listener),
      localAddr: made.at,
      pending: [inodeOf(made.clients[1]), inodeOf(made.clients[2])],
      receiveQueue: 2,
      sendQueue: 7,
      shutdown: { read: false, write: false },
      userId: process.getuid?.(),
    });
    assert.equal(file?.inode, ino);
    const { dev } = statSync(join(folder, "a socket"), { bigint: true });
    const major = Number(((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn));
    assert.deepEqual(file?.device, { major, minor: Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n)) });
    assert.ok((memory?.rcvbuf ?? 0) > 1000 && memory?.drops === 0);

    assert.equal(of(made.accepted).state, "established");
    assert.ok(of(made.accepted).localAddr?.equals(made.at));
    assert.equal(of(made.accepted).peerInode, inodeOf(made.clients[0]));
    assert.equal(of(made.clients[0]).peerInode, inodeOf(made.accepted));
    assert.equal(of(made.clients[0]).localAddr, UnixAddr.UNNAMED);
    assert.equal(of(made.clients[0]).file, undefined);
    assert.equal(of(made.clients[1]).peerInode, 0n); // of the connection that nobody has accepted

    assert.equal(of(made.packets).type, "seqpacket");
    assert.ok(of(made.packets).localAddr?.equals(made.odd));
    assert.deepEqual(of(made.packets).pending, []);
    assert.equal(of(made.automatic).state, "established"); // though only the other one is connected
    assert.equal(of(made.automatic).peerInode, undefined);
    assert.equal(of(made.long).state, "closed");
    assert.match(String(of(made.automatic).localAddr), /^@[0-9a-f]{5}$/);
    assert.equal(of(made.automatic).receiveQueue, 100); // of the first one
    assert.equal(of(made.sender).state, "established");
    assert.equal(of(made.sender).type, "datagram");
    assert.equal(of(made.sender).peerInode, inodeOf(made.automatic));
    assert.ok((of(made.sender).sendQueue ?? 0) > 150);
    assert.ok(of(made.long).localAddr?.equals(made.full));
    assert.ok((of(made.long).file?.inode ?? 0) > 0); // though it is removed

    assert.equal(of(made.right).receiveQueue, 1000);
    assert.deepEqual(of(made.right).shutdown, { read: false, write: true });
    assert.deepEqual(of(made.left).shutdown, { read: true, write: false });
    assert.ok((of(made.left).memory?.wmem_alloc ?? 0) >= 1000);
    assert.deepEqual(of(made.alone).shutdown, { read: true, write: true });
    assert.equal(of(made.alone).peerInode, 0n); // it is closed
    assert.ok(all.every((one) => one.unknown === undefined));

    for (const one of all) assert.deepEqual(await diag.findUnix(one.inode), one);
    assert.equal(await diag.findUnix(0xffff_fff0), undefined);
  }),
);

isolated(import.meta.url, "only what was asked for", { netns: "" }, () =>
  inFolder(async (folder) => {
    using fds = new Fds();
    const made = zoo(fds, folder);
    using diag = DiagSocket.open();
    const all = await diag.unix();
    const { shutdown, ...bare } = byInode(await diag.unix({ with: [] }), made.listener);
    assert.deepEqual(Object.keys(bare), ["family", "type", "state", "inode", "cookie"]);
    const keys = {
      localAddr: ["localAddr"],
      file: ["file"],
      peerInode: [],
      pending: ["pending"],
      queues: ["receiveQueue", "sendQueue"],
      memory: ["memory"],
      userId: ["userId"],
    } as const;
    for (const [name, fields] of Object.entries(keys) as [keyof typeof keys, readonly string[]][]) {
      const told = byInode(await diag.unix({ with: [name] }), made.listener);
      assert.deepEqual(Object.keys(told).sort(), [...Object.keys(bare), "shutdown", ...fields].sort(), name);
      assert.deepEqual(await diag.findUnix(told.inode, { with: [name] }), told);
    }
    const count = async (options: Parameters<typeof diag.unix>[0]): Promise<number> =>
      (await diag.unix(options)).length;
    const states = ["established", "listening", "closed"] as const;
    for (const state of states) {
      const some = all.filter((one) => one.state === state);
      assert.ok(some.length > 0);
      assert.deepEqual(await diag.unix({ states: [state] }), some);
    }
    assert.equal(await count({ states }), all.length);
    assert.equal(await count({ states: [] }), 0);
    for (const type of ["stream", "datagram", "seqpacket"] as const) {
      assert.equal(await count({ types: [type] }), all.filter((one) => one.type === type).length);
    }
    await assert.rejects(diag.unix({ states: ["open" as "closed"] }), TypeError);
    await assert.rejects(diag.unix({ types: ["raw" as "stream"] }), TypeError);
    await assert.rejects(diag.unix({ with: ["toString" as "file"] }), TypeError);
    await assert.rejects(diag.unix({ with: "file" as unknown as [] }), TypeError);
    for (const inode of [0, -1, 1.5, 2 ** 32, 1n << 64n])
      await assert.rejects(diag.findUnix(inode), RangeError);
  }),
);

const noSs = missing("ss");

isolated(import.meta.url, "as ss and /proc/net/unix have it", { netns: "", skip: noSs }, () =>
  inFolder(async (folder) => {
    using fds = new Fds();
    const made = zoo(fds, folder);
    using diag = DiagSocket.open();
    const all = await diag.unix();

    const NETID = { stream: "u_str", datagram: "u_dgr", seqpacket: "u_seq" } as const;
    const STATE = { established: "ESTAB", listening: "LISTEN", closed: "UNCONN" } as const;
    const name = (address: C.UnixAddr | undefined): string => {
      if (address === undefined || address.kind === "unnamed") return "*";
      const bytes = address.pathBytes ?? Uint8Array.from([0, ...(address.name as Uint8Array)]);
      return Buffer.from(bytes.map((byte) => byte || 0x40)).toString("latin1");
    };
    const lines = all.map((one) => {
      const { type, state, inode, peerInode = 0n, receiveQueue, sendQueue, shutdown, file, pending } = one;
      // ss takes the kernel's dev_t as stat(2)'s.
      const device = file && (file.device.major << 20) | file.device.minor;
      const dev =
        device === undefined
          ? ""
          : `dev:${(device >>> 8) & 0xfff}/${(device & 0xff) | ((device >>> 12) & 0xfff00)}`;
      return [
        NETID[type as keyof typeof NETID],
        STATE[state as keyof typeof STATE],
        `${receiveQueue}`,
        `${sendQueue}`,
        `${name(one.localAddr)} ${inode}`,
        `* ${peerInode}`,
        skmem(one.memory),
        `${shutdown?.read ? "-" : "<"}-${shutdown?.write ? "-" : ">"}`,
        ...(file === undefined ? [] : [`ino:${file.inode} ${dev}`]),
        ...(pending === undefined ? [] : ["peers:", ...pending.map(String)]),
      ].join(" ");
    });
    // One name has a line feed in it.
    const squeeze = (text: string): string => text.replace(/[ \n]+/g, " ").trim();
    const theirs = squeeze(
      ss("-xaem")
        .join("\n")
        .replace(/(?<=.)\n(?=u_)/g, "\0"),
    ).split("\0");
    // The pipes to ss itself are sockets too.
    const ours = theirs.map(squeeze).filter((line) => all.some(({ inode }) => line.includes(` ${inode} * `)));
    assert.deepEqual(ours.sort(), lines.map(squeeze).sort());

    const proc = procNet("unix").filter(([, , , , , , inode]) => inode !== undefined);
    assert.equal(proc.length, all.length + 2); // connections that wait to be accepted have no inode
    for (const one of all) {
      const line = proc.find((words) => words[6] === `${one.inode}`);
      const [, , , flags, type, , , ...path] = line ?? [];
      assert.equal(
        { stream: 1, datagram: 2, seqpacket: 5 }[one.type as "stream"],
        Number.parseInt(type ?? "", 16),
      );
      assert.equal(one.state === "listening", flags === "00010000");
      if (one.localAddr?.kind !== "abstract") {
        assert.equal(path.join(" ") || "*", name(one.localAddr));
      }
    }
    assert.ok(proc.some((words) => words[6] === `${inodeOf(made.listener)}`));
  }),
);

isolated(
  import.meta.url,
  "2,000 wait for a listener, and no socket is lost by that",
  { netns: "" },
  async () => {
    using fds = new Fds();
    const at = UnixAddr.abstract("busy");
    const listener = fds.open(C.AF_UNIX, STREAM);
    bind(listener, at);
    C.check(C.listen(listener, 4096), "listen");
    const [idle] = fds.pair(STREAM);
    const inodes = Array.from({ length: 2000 }, () => {
      const client = fds.open(C.AF_UNIX, STREAM);
      connect(client, at);
      return inodeOf(client);
    });
    // What comes first on a new channel has less room than what follows.
    const options: UnixListOptions[] = [
      {},
      { states: ["listening"] },
      { states: ["listening"], with: ["pending"] },
    ];
    for (const option of options) {
      using diag = DiagSocket.open();
      const all = await diag.unix(option);
      assert.deepEqual(byInode(all, listener).pending, inodes);
      assert.equal(all.length, option.states === undefined ? 2003 : 1);
      if (option.states === undefined) byInode(all, idle);
    }
    using diag = DiagSocket.open();
    await assert.rejects(diag.findUnix(inodeOf(listener)), { code: "EMSGSIZE" });
    assert.equal((await diag.findUnix(inodeOf(listener), { with: ["queues"] }))?.receiveQueue, 2000);
  },
);

isolated(import.meta.url, "without any privilege", { netns: "", skip: notRoot }, () =>
  inFolder(async (folder) => {
    using fds = new Fds();
    const made = zoo(fds, folder);
    using _root = asNobody();
    using diag = DiagSocket.open();
    const listener = byInode(await diag.unix(), made.listener);
    assert.equal(listener.pending?.length, 2);
    assert.equal(listener.userId, 0);
    assert.ok(listener.file !== undefined && listener.memory !== undefined);
    assert.deepEqual(await diag.findUnix(listener.inode), listener);
  }),
);

test("a kernel without unix_diag is told from one that does not have the socket", async () => {
  using kernel = new FakeKernel();
  const diag = DiagSocket.over(kernel.socket);
  const lacking = {
    name: "SysError",
    code: "ENOENT",
    message: /unix: .* no module unix_diag \(CONFIG_UNIX_DIAG\)/,
  };
  refuseAll(kernel);
  await assert.rejects(diag.unix(), lacking);
  await assert.rejects(diag.findUnix(5n), lacking);
});

const header = joined(Uint8Array.of(1, 1, 10, 0), int32(77), int32(5), int32(1));

test("an older kernel's, and a later one's", () => {
  assert.deepEqual(decodeUnixSocket(header), {
    family: "unix",
    type: "stream",
    state: "listening",
    inode: 77n,
    cookie: (1n << 32n) | 5n,
    localAddr: UnixAddr.UNNAMED,
  });
  const more = joined(
    header,
    attribute(0, Uint8Array.of(0, 65)),
    attribute(1, int32(9)), // cut
    attribute(4, joined(int32(1), int32(2), int32(3))),
    attribute(5, new Uint8Array(32).fill(1)), // before SK_MEMINFO_DROPS
    attribute(99, Uint8Array.of(1)),
  );
  const { localAddr, receiveQueue, sendQueue, memory, file, unknown } = decodeUnixSocket(more);
  assert.equal(String(localAddr), "@A");
  assert.deepEqual([receiveQueue, sendQueue, file], [1, 2, undefined]);
  assert.deepEqual([memory?.backlog, memory?.drops], [0x0101_0101, undefined]);
  assert.deepEqual(
    unknown?.map(({ type }) => type),
    [1, 99],
  );
  const disk = decodeUnixSocket(joined(header, attribute(1, joined(int32(9), int32((8 << 20) | 300))))).file;
  assert.deepEqual(disk, { inode: 9, device: { major: 8, minor: 300 } });
  const strange = header.slice();
  strange.set([77, 200], 1);
  const { type, state } = decodeUnixSocket(strange);
  assert.deepEqual([type, state], [77, 200]);
});

test("wrong bits and lengths", async () => {
  const [a, b] = [new Fds(), new Fds()];
  using _a = a;
  using _b = b;
  const listener = a.open(C.AF_UNIX, STREAM);
  C.check(C.bind(listener, Uint8Array.of(C.AF_UNIX, 0)), "bind");
  C.check(C.listen(listener, 9), "listen");
  b.pair(SEQPACKET);
  using diag = DiagSocket.open();
  const payload = new Uint8Array(24);
  payload.set([1]);
  payload.fill(255, 4, 8);
  payload.set([0x7f], 12);
  const samples = await diag.netlink.dump({ type: 20, payload }, ({ bytes, start, end }) =>
    bytes.slice(start, end),
  );
  assertHardened(samples.slice(0, 100), decodeUnixSocket);
  assert.throws(() => decodeUnixSocket(new Uint8Array(16).fill(2)), { name: "WireError", code: "BAD_VALUE" });
  assert.throws(() => decodeUnixSocket(header.slice(0, 15)), { name: "WireError", code: "TRUNCATED" });
});
