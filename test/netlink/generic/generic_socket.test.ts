/** GenericSocket: families of this kernel against genl(8), and of a kernel that is played. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { WireError } from "../../../src/bytes/index.ts";
import { GenericSocket } from "../../../src/netlink/generic/index.ts";
import { attributeTable, NetlinkError, OVERRUN, text, u16, u32 } from "../../../src/netlink/index.ts";
import { isolated, test } from "../../socket/_helpers.ts";
import { attribute, FakeKernel, int32, join, message } from "../_fake_kernel.ts";

const GENL = spawnSync("genl", ["ctrl", "list"], { encoding: "utf8" });
const noGenl = GENL.status === 0 ? false : "needs genl of iproute2";

interface Listed {
  readonly id: number;
  readonly version: number;
  readonly headerSize: number;
  readonly maxAttribute: number;
  /** It shows capabilities only of families whose version is 2 or more. */
  readonly operations: [command: number, capabilities: number | undefined][];
  readonly groups: [name: string, id: number][];
}

/** What genl tells of one family. */
function listed(block: string): Listed {
  const [, id, version, headerSize, maxAttribute] = (
    /ID: (\w+)\s+Version: (\w+)\s+header size: (\d+)\s+max attribs: (\d+)/.exec(block) as RegExpExecArray
  ).map(Number) as [number, number, number, number, number];
  const operations = [...block.matchAll(/#\d+:\s+ID-(\w+)\s*\n(?:\s*Capabilities \((\w+)\))?/g)];
  const groups = [...block.matchAll(/#\d+:\s+ID-(\w+)\s+name: (\S+)/g)];
  return {
    id,
    version,
    headerSize,
    maxAttribute,
    operations: operations.map((it) => [Number(it[1]), it[2] === undefined ? undefined : Number(it[2])]),
    groups: groups.map((it) => [it[2] as string, Number(it[1])]),
  };
}

const BITS = { adminPerm: 1, do: 2, dump: 4, hasPolicy: 8, unsAdminPerm: 16 };

test("every family, operation and group that genl lists", { skip: noGenl }, async () => {
  using generic = GenericSocket.open();
  const blocks = GENL.stdout.split(/^Name: /m).slice(1);
  const theirs = new Map(blocks.map((block) => [(block.split("\n")[0] as string).trim(), listed(block)]));
  const families = await generic.families();
  const ours = new Map(
    families.map(({ name, unknown, operations, groups, ...rest }) => {
      assert.equal(unknown, undefined);
      const bits = operations.map(({ command, flags }) => [
        command,
        rest.version < 2
          ? undefined
          : flags.reduce<number>((sum, flag) => sum + (typeof flag === "number" ? flag : BITS[flag]), 0),
      ]);
      return [name, { ...rest, operations: bits, groups: [...groups] }];
    }),
  );
  assert.ok(ours.size >= 1);
  assert.deepEqual(ours, theirs);
  for (const family of families) assert.deepEqual(await generic.family(family.name), family);
});

test("a family is asked for once; one that is not there, and names that cannot be", async () => {
  using generic = GenericSocket.open();
  const controller = await generic.family("nlctrl");
  assert.equal(await generic.family("nlctrl"), controller);
  assert.deepEqual([controller.id, controller.groups.get("notify")], [16, 16]);
  await assert.rejects(generic.family("windsock"), (error) => {
    assert.ok(error instanceof NetlinkError);
    assert.equal(error.code, "ENOENT");
    assert.match(error.message, /^CTRL_CMD_GETFAMILY windsock: .*no family of that name/);
    return true;
  });
  for (const name of ["", "x".repeat(16), "ä".repeat(8)])
    await assert.rejects(generic.family(name), RangeError);
  await assert.rejects(generic.family("a\0b"), RangeError);
  for (const none of [1, null, {}] as never[]) {
    for (const asked of [
      () => generic.family(none),
      () => generic.policies(none),
      () => generic.events(none),
      () => generic.request(none, { command: 3 }),
    ]) {
      await assert.rejects(asked, /^TypeError: family: expected a name/);
    }
  }
  await assert.rejects(generic.events("nlctrl", "notify" as never), /^TypeError: groups: /);
  for (const name of ["header", "attributes"]) {
    const wrong = generic.request("nlctrl", { command: 3, [name]: "x" });
    await assert.rejects(wrong, { name: "TypeError", message: `${name}: expected a Uint8Array, got x` });
  }
});

test("the rules that requests are checked by, and a request that breaks one", async () => {
  using generic = GenericSocket.open();
  const rules = await generic.policies("nlctrl");
  const [GETFAMILY, GETPOLICY] = [3, 10];
  // This kernel may have forgotten the number of an operation that is only dumped: it is 0 then (v6.2 and later).
  const only = rules.get(GETPOLICY) ?? rules.get(0);
  assert.deepEqual(rules.size, 2);
  assert.deepEqual(rules.get(GETFAMILY)?.do?.get(1), { type: "u16", min: 0n, max: 65535n });
  assert.deepEqual(rules.get(GETFAMILY)?.do?.get(2), { type: "nulString", maxLength: 15 });
  assert.ok(only?.dump?.has(1) && only.do === undefined);
  // Families without any: either the kernel says so, or it has none that is so.
  for (const family of await generic.families()) {
    await generic.policies(family).then(
      (told) => {
        const known = new Set([0, ...family.operations.map((it) => it.command)]);
        assert.ok([...told.keys()].every((command) => known.has(command)));
      },
      (error: NetlinkError) => assert.equal(error.code, "ENODATA"),
    );
  }
  const long = attribute(2, new TextEncoder().encode("a name that is too long\0"));
  const wrong = generic.request("nlctrl", { command: GETFAMILY, attributes: long, name: "TOO_LONG" });
  await assert.rejects(wrong, (error) => {
    assert.ok(error instanceof NetlinkError && error.syscall === "TOO_LONG");
    assert.deepEqual(error.extendedAck.attributePath, [2]);
    assert.deepEqual(error.extendedAck.policy, { TYPE: 12, MAX_LENGTH: 15 });
    return true;
  });
});

isolated(
  import.meta.url,
  "events of a family, by the names of its groups",
  { netns: "ip link add v0 type veth peer name v1" },
  async () => {
    using generic = GenericSocket.open();
    const controller = await generic.family("nlctrl");
    await assert.rejects(generic.events("nlctrl", ["notices"]), /groups: expected some of notify for nlctrl/);
    using events = await generic.events(controller, ["notify"]);
    assert.equal(events.family, controller);
    await assert.rejects(
      events.next(() => 1, { timeoutMs: 0 }),
      { code: "TIMEOUT" },
    );
    using none = await generic.events("ethtool", []);
    const waiting = none.next(() => assert.fail());
    spawnSync("ethtool", ["-K", "v0", "tso", "off"]);
    none.close();
    await assert.rejects(waiting, { code: "ECANCELED" });
    assert.equal(none.closed, true);
    using all = await generic.events("ethtool");
    using small = await generic.events("ethtool", undefined, { receiveBufferBytes: 4096 });
    const both = "ethtool -K v0 tx-udp-segmentation off; ethtool -K v0 tx-udp-segmentation on";
    spawnSync("sh", ["-c", `for i in $(seq 20); do ${both}; done`]);
    const FEATURES_NTF = 13;
    const heard: (number | typeof OVERRUN)[] = [];
    while (heard.length < 40) heard.push(...(await all.next(({ command }) => command)));
    assert.deepEqual(
      heard,
      Array.from({ length: 40 }, () => FEATURES_NTF),
    );
    const some: (number | typeof OVERRUN)[] = [];
    while (!some.includes(OVERRUN)) some.push(...(await small.next(({ command }) => command)));
    assert.ok(some.length < 40 && some.every((it) => it === OVERRUN || it === FEATURES_NTF));
  },
);

const ANSWER = attributeTable("TEST_", { NAME: [1, text], VALUE: [2, u32] });
const FAMILY = attributeTable("CTRL_ATTR_", {
  FAMILY_ID: [1, u16],
  FAMILY_NAME: [2, text],
  VERSION: [3, u32],
  HDRSIZE: [4, u32],
});
const family = (id: number, headerSize = 0): Uint8Array =>
  FAMILY.encode({ FAMILY_ID: id, FAMILY_NAME: "test", VERSION: 7, HDRSIZE: headerSize });

test("a family with a header of its own: requests, answers, dumps", async () => {
  using kernel = new FakeKernel();
  const generic = GenericSocket.over(kernel.socket);
  const values: unknown[] = [];
  const attributes = ANSWER.encode({ NAME: "x" });
  const request = { command: 5, attributes, header: Uint8Array.of(1, 2, 3, 4, 5, 6) };
  const asked = generic.request("test", request, ({ command, version, bytes, start, end }) => {
    values.push(command, version, ANSWER.decode(bytes, start + 8, end));
  });
  const find = await kernel.hear();
  assert.deepEqual([...find.bytes.subarray(16, 20)], [3, 2, 0, 0]);
  kernel.sayGeneric(find, 1, family(77, 6));
  kernel.acknowledge(find);
  const heard = await kernel.hear();
  assert.equal(heard.type, 77);
  assert.deepEqual([...heard.bytes.subarray(16, 28)], [5, 7, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0]);
  assert.deepEqual(heard.bytes.subarray(28), attributes);
  kernel.sayGeneric(heard, 9, join(new Uint8Array(8), ANSWER.encode({ VALUE: 4 })));
  kernel.acknowledge(heard);
  await asked;
  assert.deepEqual(values, [9, 1, { VALUE: 4 }]);
  await assert.rejects(generic.request("test", { command: 1, header: new Uint8Array(5) }), RangeError);
  for (const command of [-1, 256, 1.5])
    await assert.rejects(generic.request("test", { command }), RangeError);

  const dump = generic.dump("test", { command: 6 }, ({ command }) => (command === 8 ? undefined : command));
  const dumped = await kernel.hear();
  assert.deepEqual([...dumped.bytes.subarray(20)], [0, 0, 0, 0, 0, 0, 0, 0], "an empty header unless told");
  for (const command of [7, 8, 9]) kernel.sayGeneric(dumped, command, new Uint8Array(8), 2);
  kernel.say(message(3, 2, dumped.sequence, int32(0)));
  assert.deepEqual(await dump, [7, 9]);
});

test("a family that has got another number is looked up again; any other ENOENT is the family's", async () => {
  using kernel = new FakeKernel();
  const generic = GenericSocket.over(kernel.socket);
  const found = async (id: number): Promise<void> => {
    const find = await kernel.hear();
    kernel.sayGeneric(find, 1, family(id));
    kernel.acknowledge(find);
  };
  const first = generic.request("test", { command: 1 });
  await found(50);
  kernel.acknowledge(await kernel.hear());
  await first;
  const moved = generic.request("test", { command: 1 });
  kernel.acknowledge(await kernel.hear(), 2);
  await found(51);
  const again = await kernel.hear();
  assert.equal(again.type, 51);
  kernel.acknowledge(again);
  await moved;
  const absent = generic.request("test", { command: 1 });
  kernel.acknowledge(await kernel.hear(), 2);
  await found(51);
  await assert.rejects(absent, { code: "ENOENT", syscall: "test command 1" });
  const known = await generic.family("test");
  const direct = generic.request(known, { command: 1 });
  kernel.acknowledge(await kernel.hear(), 2);
  await assert.rejects(direct, { code: "ENOENT" });
});

test("answers that are too short, name no family, or do not come", async () => {
  using kernel = new FakeKernel();
  const generic = GenericSocket.over(kernel.socket);
  const short = generic.family("test");
  const one = await kernel.hear();
  kernel.say(message(one.type, 0, one.sequence, Uint8Array.of(1, 2, 3)));
  await assert.rejects(short, (error) => error instanceof WireError && error.code === "TRUNCATED");
  for (const answer of [undefined, FAMILY.encode({ FAMILY_ID: 5 }), new Uint8Array()]) {
    const nothing = generic.family("test");
    const heard = await kernel.hear();
    if (answer !== undefined) kernel.sayGeneric(heard, 1, answer);
    kernel.acknowledge(heard);
    await assert.rejects(nothing, { code: "ENOENT" });
  }
  assert.equal(generic.closed, false);
  generic.close();
  await assert.rejects(generic.family("test"), { code: "EBADF" });
});

test("rules come in parts, one attribute in each, and may lead back to themselves", async () => {
  using kernel = new FakeKernel();
  const generic = GenericSocket.over(kernel.socket);
  const known = { name: "test", id: 77, version: 1, headerSize: 0, maxAttribute: 0, operations: [] };
  const asked = generic.policies({ ...known, groups: new Map() });
  const heard = await kernel.hear();
  assert.deepEqual([heard.type, heard.bytes[16]], [16, 10]);
  const say = (attributes: Uint8Array): void => kernel.sayGeneric(heard, 10, attributes, 2);
  const nest = (type: number, ...parts: Uint8Array[]): Uint8Array => attribute(0x8000 | type, join(...parts));
  say(nest(9, nest(5, attribute(1, int32(0)), attribute(2, int32(1))), nest(6, attribute(1, int32(9)))));
  const NESTED = attribute(1, int32(13));
  say(nest(8, nest(0, nest(1, NESTED, attribute(8, int32(1)), attribute(9, int32(2))))));
  say(nest(8, nest(1, nest(1, NESTED, attribute(8, int32(0))))));
  const max = attribute(5, new Uint8Array(BigInt64Array.of(3n).buffer));
  say(nest(8, nest(1, nest(2, attribute(1, int32(4)), max, attribute(10, int32(6))))));
  say(new Uint8Array());
  kernel.say(message(3, 2, heard.sequence, int32(0)));
  const rules = await asked;
  assert.deepEqual([...rules.keys()], [5, 6]);
  const { do: forDo, dump: forDump } = rules.get(5) ?? {};
  assert.equal(forDo?.get(1)?.nested, forDump);
  assert.equal(forDump?.get(1)?.nested, forDo);
  assert.deepEqual(forDump?.get(2), { type: "u32", max: 3n, mask: 6n });
  assert.deepEqual(rules.get(6), {}, "a policy that was never told of");
});
