/** NetlinkSocket and NetlinkEvents against the real kernel: refusals, lost answers, strangers, and events that overrun. */
import assert from "node:assert/strict";
import {
  attributeTable,
  encodeMessage,
  type Message,
  NetlinkError,
  NetlinkEvents,
  NetlinkSocket,
  OVERRUN,
  text,
  u16,
  u32,
} from "../../src/netlink/index.ts";
import * as C from "../../src/sys/index.ts";
import { isolated, test } from "../socket/_helpers.ts";

const [RTM_NEWLINK, RTM_GETLINK] = [16, 18];
const LINK = attributeTable("IFLA_", { IFNAME: [3, text], MTU: [4, u32] });
const SHORT = attributeTable("IFLA_", { MTU: [4, u16] });

function ifinfomsg(index: number, attributes: Uint8Array = new Uint8Array()): Uint8Array {
  const payload = new Uint8Array(16 + attributes.length);
  new DataView(payload.buffer).setInt32(4, index, true);
  payload.set(attributes, 16);
  return payload;
}
const nameOf = ({ bytes, start, end }: Message): string | undefined =>
  LINK.decode(bytes, start + 16, end).IFNAME;
const links = (nl: NetlinkSocket, options?: C.WaitOptions): Promise<string[]> =>
  nl.dump({ type: RTM_GETLINK, payload: ifinfomsg(0), name: "RTM_GETLINK" }, nameOf, options);

/** sockaddr_nl of a port. */
function nlAddress(port: number): Uint8Array {
  const address = new Uint8Array(12);
  const view = new DataView(address.buffer);
  view.setUint16(0, 16, true);
  view.setUint32(4, port, true);
  return address;
}

test("dumps and requests of the real kernel", async () => {
  using nl = NetlinkSocket.open("route");
  assert.ok((await links(nl)).includes("lo"));
  const names: (string | undefined)[] = [];
  await nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, (it) => void names.push(nameOf(it)));
  assert.deepEqual(names, ["lo"]);
  const all = await Promise.all(Array.from({ length: 20 }, () => links(nl)));
  assert.ok(all.every((one) => one.includes("lo")));
});

test("what the kernel refuses, with its extended acknowledgement", async () => {
  using nl = NetlinkSocket.open("route");
  const get = (payload: Uint8Array): Promise<void> =>
    nl.request({ type: RTM_GETLINK, payload, name: "RTM_GETLINK", headerLength: 16 });
  await assert.rejects(get(ifinfomsg(2 ** 30)), { code: "ENODEV", syscall: "RTM_GETLINK", errno: 19 });
  // The strict check does not take an attribute that a get does not know of.
  await assert.rejects(get(ifinfomsg(1, SHORT.encode({ MTU: 1 }))), (error) => {
    assert.ok(error instanceof NetlinkError);
    const { message, ...rest } = error.extendedAck;
    assert.ok(message !== undefined && error.message.includes(message.replace(/\.$/, "")));
    assert.deepEqual(rest.attributePath, rest.offset === undefined ? undefined : [4]);
    return true;
  });
  assert.throws(() => NetlinkSocket.open(31), { code: "EPROTONOSUPPORT", syscall: "socket" });
});

test("protocols and buffers that are none", () => {
  for (const protocol of ["routes", 32, -1, 1.5, "toString"]) {
    assert.throws(() => NetlinkSocket.open(protocol as never), /protocol: expected one of route, sockDiag/);
  }
  assert.throws(() => NetlinkSocket.open("route", { receiveBufferBytes: 0 }), RangeError);
  assert.throws(() => NetlinkEvents.open("route", { groups: [99999] }), { code: "EINVAL" });
});

isolated(
  import.meta.url,
  "a dump that is cancelled half way leaves the next one whole",
  { netns: "true" },
  async () => {
    using nl = NetlinkSocket.open("route");
    for (let round = 0; round < 50; round++) {
      const cancel = new AbortController();
      const one = links(nl, { signal: cancel.signal });
      const reason = new Error("enough");
      if (round % 2 === 0) queueMicrotask(() => cancel.abort(reason));
      else cancel.abort(reason);
      await one.catch((error) => assert.equal(error, reason));
      assert.deepEqual(await links(nl), ["lo"]);
    }
  },
);

isolated(
  import.meta.url,
  "a thousand requests at once are answered, though their answers have no room together",
  { netns: "ip link add v0 type veth peer name v1" },
  async () => {
    using nl = NetlinkSocket.open("route", { receiveBufferBytes: 64 * 1024 });
    const names: (string | undefined)[] = [];
    const get = (): Promise<void> =>
      nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, (it) => void names.push(nameOf(it)));
    const wrong = (): Promise<unknown> =>
      nl.request({ type: RTM_GETLINK, payload: ifinfomsg(2 ** 30) }).catch((error: C.SysError) => error.code);
    const dumps = [links(nl), links(nl)];
    const ends = await Promise.all(
      Array.from({ length: 1000 }, (_, at) => (at % 10 === 0 ? wrong() : get())),
    );
    assert.deepEqual(
      names,
      Array.from({ length: 900 }, () => "lo"),
    );
    assert.equal(ends.filter((end) => end === "ENODEV").length, 100);
    for (const dump of dumps) assert.deepEqual((await dump).sort(), ["lo", "v0", "v1"]);
  },
);

isolated(
  import.meta.url,
  "answers that are lost for want of room are reported, and dumps are not lost",
  { netns: "for i in $(seq 60); do ip link add v$i type veth peer name w$i; done" },
  async () => {
    using nl = NetlinkSocket.open("route", { receiveBufferBytes: 4096 });
    const requests = Array.from({ length: 100 }, () =>
      nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }).then(
        () => "done",
        (error: C.SysError) => error.code,
      ),
    );
    const dump = links(nl);
    const ends = new Set(await Promise.all(requests));
    assert.ok(ends.has("ENOBUFS"), [...ends].join());
    assert.equal((await dump).length, 121);
    const names: (string | undefined)[] = [];
    await nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, (it) => void names.push(nameOf(it)));
    assert.deepEqual(names, ["lo"], "and it goes on");
  },
);

isolated(import.meta.url, "what another process sends is not heard", { netns: "true" }, async () => {
  using nl = NetlinkSocket.open("route");
  let port = 0;
  await nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, (it) => {
    port = it.portId;
  });
  assert.ok(port > 0);
  const stranger = C.check(C.socket(16, 3 | C.SOCK_CLOEXEC, 0), "socket");
  const answer = encodeMessage({ type: 2, flags: 0, sequence: 2 }, new Uint8Array(20));
  const wrong = Uint8Array.of(1, 2, 3);
  for (const bytes of [answer, wrong]) C.check(C.sendto(stranger, bytes, 0, nlAddress(port)), "sendto");
  // The second request has the sequence 2: the stranger's message would end it without an answer.
  let answers = 0;
  await nl.request({ type: RTM_GETLINK, payload: ifinfomsg(1) }, () => {
    answers++;
  });
  assert.equal(answers, 1);
  C.close(stranger);
});

isolated(
  import.meta.url,
  "events come in order, and one OVERRUN stands for those that found no room",
  { netns: "ip link add v0 type veth peer name v1" },
  async () => {
    using events = NetlinkEvents.open("route", { groups: [1], receiveBufferBytes: 4096 });
    using nl = NetlinkSocket.open("route");
    const mtu = (it: Message): number | undefined => {
      const { IFNAME, MTU } = LINK.decode(it.bytes, it.start + 16, it.end);
      return it.type === RTM_NEWLINK && IFNAME === "v0" ? MTU : undefined;
    };
    const set = (value: number): Promise<void> =>
      nl.request({
        type: RTM_NEWLINK,
        payload: ifinfomsg(C.if_nametoindex("v0"), LINK.encode({ MTU: value })),
      });
    const first = events.next(mtu);
    await set(1000);
    assert.deepEqual(new Set(await first), new Set([1000]));
    for (let value = 1001; value < 1100; value++) await set(value);
    const heard: (number | typeof OVERRUN)[] = [];
    while (!heard.includes(OVERRUN)) heard.push(...(await events.next(mtu)));
    await assert.rejects(
      (async () => {
        for (;;) heard.push(...(await events.next(mtu, { timeoutMs: 0 })));
      })(),
      { code: "TIMEOUT" },
    );
    assert.equal(heard.filter((one) => one === OVERRUN).length, 1);
    const numbers = heard.filter((one) => one !== OVERRUN);
    assert.ok(numbers.length < 99 && numbers.every((one, at) => at === 0 || one >= (numbers[at - 1] ?? 0)));
    await set(1234);
    assert.equal((await events.next(mtu)).at(-1), 1234, "and it goes on");
    const waiting = events.next(mtu);
    events.close();
    await assert.rejects(waiting, { code: "ECANCELED" });
    await assert.rejects(events.next(mtu), { code: "EBADF" });
  },
);

isolated(
  import.meta.url,
  "without privilege: tables are there to be read, and a change says what is missing",
  {
    netns: "ip link add v0 type veth peer name v1",
    shell: 'exec setpriv --reuid 65534 --clear-groups "$0" "$@"',
  },
  async () => {
    using nl = NetlinkSocket.open("route");
    assert.ok((await links(nl)).includes("v0"));
    const payload = ifinfomsg(1, LINK.encode({ MTU: 2000 }));
    await assert.rejects(nl.request({ type: RTM_NEWLINK, payload, name: "RTM_NEWLINK" }), (error) => {
      assert.ok(error instanceof NetlinkError);
      assert.equal(error.code, "EPERM");
      assert.match(error.message, /CAP_NET_ADMIN/);
      return true;
    });
  },
);
