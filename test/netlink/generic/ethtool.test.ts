/** Ethtool against ethtool(8) and sysfs, on links of several kinds; what is changed, by either, the other shows. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fromHex, toHex } from "../../../src/bytes/index.ts";
import {
  bitset,
  type EthernetLinkModes,
  Ethtool,
  type EthtoolEvent,
} from "../../../src/netlink/generic/index.ts";
import { NetlinkError } from "../../../src/netlink/index.ts";
import { isolated, test } from "../../socket/_helpers.ts";
import { attribute, FakeKernel, int32, join } from "../_fake_kernel.ts";

const noEthtool = spawnSync("ethtool", ["--version"]).status === 0 ? false : "needs ethtool";
const TUN = existsSync("/dev/net/tun");
const LINKS = `ip link set lo up; ip link add v0 numrxqueues 2 numtxqueues 2 type veth peer name v1; ip link set v0 up
  ip link set v1 up; ip link add br0 type bridge; ip link add w0 type veth peer name w1; ip link add mac0 link v0 type macvlan
  ${TUN ? "ip tuntap add t0 mode tap; ethtool -s t0 speed 100 duplex half" : ""}`;
const NAMES = ["v0", "v1", "w0", "br0", "mac0", ...(TUN ? ["t0"] : [])];

/** What `ethtool <options> <device>` shows, by the words before the colons; the second of two with a name gets a `*`. */
function shown(...args: string[]): Map<string, string> {
  const { stdout } = spawnSync("ethtool", args, { encoding: "utf8" });
  const rows = new Map<string, string>();
  for (const [, key, value] of stdout.matchAll(/^\s*([^:\n]+):[ \t]*(.*)$/gm)) {
    rows.set(rows.has(key as string) ? `${key}*` : (key as string), (value as string).trim());
  }
  return rows;
}

const PORTS = { twistedPair: "Twisted Pair", other: "Other" } as Record<string, string>;
const DUPLEX = { half: "Half", full: "Full", unknown: "Unknown! (255)" } as Record<string, string>;

isolated(
  import.meta.url,
  "link state, speed, port, channels: as ethtool shows them, and sysfs",
  { skip: noEthtool, netns: LINKS },
  async () => {
    using ethtool = Ethtool.open();
    const sysfs = (name: string, file: string): string =>
      spawnSync(
        "unshare",
        ["-m", "sh", "-c", `mount -t sysfs none /sys && cat /sys/class/net/${name}/${file}`],
        {
          encoding: "utf8",
        },
      ).stdout.trim();
    for (const name of NAMES) {
      const theirs = shown(name);
      const state = await ethtool.linkState(name);
      assert.equal(state.linkDetected ? "yes" : "no", theirs.get("Link detected"), name);
      const modes = await ethtool.linkModes(name);
      assert.equal(
        modes.speedMbps === undefined ? "Unknown!" : `${modes.speedMbps}Mb/s`,
        theirs.get("Speed"),
        name,
      );
      assert.equal(DUPLEX[modes.duplex ?? ""], theirs.get("Duplex"), name);
      assert.equal(modes.autonegotiation ? "on" : "off", theirs.get("Auto-negotiation"), name);
      assert.deepEqual([modes.supported, modes.advertised], [[], []], name);
      const info = await ethtool.linkInfo(state.device);
      assert.deepEqual(
        [PORTS[info.port ?? ""], `${info.phyAddress}`, info.transceiver, info.mdix],
        [theirs.get("Port"), theirs.get("PHYAD"), theirs.get("Transceiver"), "unknown"],
        name,
      );
      for (const it of [state, modes, info]) assert.equal(it.unknown, undefined, name);
      if (name === "v0" || name === "v1") {
        const read = ["speed", "duplex", "carrier"].map((file) => sysfs(name, file));
        assert.deepEqual(read, [`${modes.speedMbps}`, modes.duplex, state.linkDetected ? "1" : "0"]);
      }
    }
    const channels = await ethtool.channels("v0");
    assert.deepEqual(channels, {
      device: channels.device,
      name: "v0",
      ...{ rx: 2, tx: 2, rxMax: 2, txMax: 2 },
    });
    execFileSync("ethtool", ["-L", "v0", "rx", "1", "tx", "1"]);
    const { rx, tx, rxMax } = await ethtool.channels("v0");
    const listed = shown("-l", "v0");
    assert.deepEqual(
      [rxMax, rx, tx].map(String),
      ["RX", "RX*", "TX*"].map((key) => listed.get(key)),
    );
  },
);

isolated(
  import.meta.url,
  "all links at once are the same as one by one; links that cannot tell are left out",
  { netns: LINKS },
  async () => {
    using ethtool = Ethtool.open();
    const states = await ethtool.allLinkStates();
    assert.deepEqual(new Set(states.map((it) => it.name)), new Set(["lo", "w1", ...NAMES]));
    for (const state of states) assert.deepEqual(await ethtool.linkState(state.name), state);
    for (const modes of await ethtool.allLinkModes())
      assert.deepEqual(await ethtool.linkModes(modes.device), modes);
    for (const info of await ethtool.allLinkInfo())
      assert.deepEqual(await ethtool.linkInfo(info.device), info);
    for (const it of await ethtool.allFeatures()) assert.deepEqual(await ethtool.features(it.name), it);
    for (const it of await ethtool.allChannels()) assert.deepEqual(await ethtool.channels(it.name), it);
    assert.ok((await ethtool.allLinkModes()).every((it) => it.name !== "lo"));
    assert.deepEqual(await ethtool.allRings(), []);
    await assert.rejects(ethtool.linkModes("lo"), { code: "EOPNOTSUPP" });
    await assert.rejects(ethtool.linkState("nonesuch"), (error) => {
      assert.ok(error instanceof NetlinkError && error.code === "ENODEV");
      assert.match(error.message, /ETHTOOL_MSG_LINKSTATE_GET nonesuch: .*no device matches name/);
      return true;
    });
    await assert.rejects(ethtool.linkState(9999), /link 9999/);
  },
);

test("rings of this machine's devices, where they have some", { skip: noEthtool }, async (t) => {
  using ethtool = Ethtool.open();
  const all = await ethtool.allRings();
  if (all.length === 0) return t.skip("no device here has rings");
  for (const it of all) {
    const theirs = shown("-g", it.name);
    const ours = [it.rxMax, it.txMax, it.rx, it.tx].map((value) => `${value ?? "n/a"}`);
    assert.deepEqual(
      ours,
      ["RX", "TX", "RX*", "TX*"].map((key) => theirs.get(key)),
      it.name,
    );
    assert.deepEqual(await ethtool.rings(it.device), it);
  }
});

isolated(
  import.meta.url,
  "features: the same as ethtool -k; what we switch it shows, and the other way round",
  { skip: noEthtool, netns: LINKS },
  async () => {
    using ethtool = Ethtool.open();
    const theirs = (name: string): Record<string, { active: boolean; fixed: boolean; requested: boolean }> =>
      JSON.parse(execFileSync("ethtool", ["--json", "-k", name], { encoding: "utf8" }))[0];
    let compared = 0;
    for (const name of ["lo", ...NAMES]) {
      const rows = theirs(name);
      for (const feature of (await ethtool.features(name)).features) {
        const row = rows[feature.name];
        if (row === undefined) continue; // ethtool has an older name for some
        const { active, wanted: requested, fixed } = feature;
        assert.deepEqual({ active, requested, fixed }, row, `${feature.name} of ${name}`);
        compared++;
      }
    }
    assert.ok(compared > 50 * NAMES.length, `${compared}`);

    const after = await ethtool.setFeatures("v0", {
      "tx-tcp-segmentation": false,
      "tx-tcp6-segmentation": false,
    });
    assert.equal(after.features.find((it) => it.name === "tx-tcp-segmentation")?.active, false);
    assert.equal(theirs("v0")["tx-tcp-segmentation"]?.active, false);
    assert.equal(theirs("v0")["tx-tcp6-segmentation"]?.requested, false);
    await ethtool.setFeatures("v0", { "tx-tcp-segmentation": true });
    assert.equal(theirs("v0")["tx-tcp-segmentation"]?.active, true);
    await assert.rejects(
      ethtool.setFeatures("v0", { "no-such-feature": true }),
      /EOPNOTSUPP.*bit name not found/,
    );
    await assert.rejects(ethtool.setFeatures("v0", { "tx-tcp-segmentation": 1 as never }), TypeError);
  },
);

isolated(
  import.meta.url,
  "what ethtool changes is told as it happens",
  { skip: noEthtool, netns: LINKS },
  async () => {
    using ethtool = Ethtool.open();
    const monitor = await ethtool.monitor();
    const wanted: string[] = [];
    const change = (kind: EthtoolEvent["event"], ...args: string[]): void => {
      execFileSync("ethtool", args);
      wanted.push(kind);
    };
    change("features", "-K", "v0", "tx-udp-segmentation", "off");
    change("channels", "-L", "v0", "rx", "1", "tx", "1");
    if (TUN) change("linkModes", "-s", "t0", "speed", "10", "duplex", "full", "autoneg", "off");
    const heard: EthtoolEvent[] = [];
    for await (const event of monitor) {
      heard.push(event);
      if (heard.length === wanted.length) break;
    }
    assert.deepEqual(
      heard.map((it) => it.event),
      wanted,
    );
    const [features, channels, modes] = heard;
    assert.ok(features?.event === "features" && channels?.event === "channels");
    assert.deepEqual(features.features, await ethtool.features("v0"));
    assert.deepEqual(channels.channels, await ethtool.channels("v0"));
    if (modes !== undefined) {
      assert.ok(modes.event === "linkModes");
      const { speedMbps, duplex }: EthernetLinkModes = modes.linkModes;
      assert.deepEqual([speedMbps, duplex], [10, "full"]);
    }
    const cancel = new AbortController();
    const other = await ethtool.monitor({ signal: cancel.signal });
    const loop = (async () => {
      for await (const event of other) assert.fail(event.event);
    })();
    cancel.abort(new Error("enough"));
    await assert.rejects(loop, /enough/);
  },
);

isolated(
  import.meta.url,
  "without privilege: everything can be read, and nothing set",
  { netns: LINKS, shell: 'exec setpriv --reuid 65534 --clear-groups "$0" "$@"' },
  async () => {
    using ethtool = Ethtool.open();
    assert.ok((await ethtool.allFeatures()).length > 3);
    assert.ok((await ethtool.allLinkStates()).length > 3);
    await assert.rejects(ethtool.setFeatures("v0", { "tx-tcp-segmentation": false }), (error) => {
      assert.ok(error instanceof NetlinkError && error.code === "EPERM");
      assert.match(
        error.message,
        /ETHTOOL_MSG_FEATURES_SET v0: .*CAP_NET_ADMIN in the user namespace that owns/,
      );
      return true;
    });
  },
);

test("names of this kernel", async () => {
  using ethtool = Ethtool.open();
  const modes = await ethtool.strings("linkModes");
  assert.deepEqual([modes.get(0), modes.get(5)], ["10baseT/Half", "1000baseT/Full"]);
  assert.deepEqual(await ethtool.strings(9), modes);
  await assert.rejects(ethtool.strings("linkmodes" as never), /set: expected one of features, /);
  await assert.rejects(ethtool.strings(9999), NetlinkError);
});

const decode = (hex: string): unknown => {
  const bytes = fromHex(hex.replaceAll(" ", ""));
  return bitset.decode(bytes, 0, bytes.length);
};

test("bitsets in both forms, and broken ones", () => {
  const list = decode(
    // size 70; bits: 3 "c" set; 69 unset
    "08000200 46000000 28000380 18000180 08000100 03000000 06000200 63000000 04000300 0c000180 08000100 45000000",
  );
  assert.deepEqual(list, { size: 70, value: [3], mask: [3, 69], names: new Map([[3, "c"]]) });
  assert.deepEqual(decode("04000100 08000200 46000000 10000380 0c000180 08000100 45000000"), {
    ...{ size: 70, value: [69], names: new Map() },
  });
  const words = "0c000400 09000000 20000000";
  assert.deepEqual(decode(`08000200 46000000 ${words}`), { size: 64, value: [0, 3, 37] });
  assert.deepEqual(decode(`08000200 28000000 ${words} 0c000500 0f000000 20000000`), {
    ...{ size: 40, value: [0, 3, 37], mask: [0, 1, 2, 3, 37] },
  });
  assert.deepEqual(
    decode("08000200 ffffffff"),
    { size: 0xffffffff, value: [] },
    "nothing is made that large",
  );
  assert.equal(decode(""), undefined);
  assert.equal(decode("0c000380 08000180 04000300"), undefined, "a bit without its number");
  const bytes = bitset.encode({ "tx-a": true, b: false }, "WANTED");
  assert.equal(
    toHex(bytes),
    "24000380140001800900020074782d61000000000400 03000c0001800600020062000000".replace(" ", ""),
  );
  for (const wrong of [5, null, "a"]) assert.throws(() => bitset.encode(wrong as never, "WANTED"), TypeError);
});

test("a kernel that answers with nothing, with another device's names, and with more than was asked", async () => {
  using kernel = new FakeKernel();
  const { GenericSocket } = await import("../../../src/netlink/generic/index.ts");
  const ethtool = Ethtool.over(GenericSocket.over(kernel.socket));
  const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
  const asked = ethtool.linkModes("x0");
  const find = await kernel.hear();
  kernel.sayGeneric(find, 1, join(attribute(1, Uint8Array.of(30, 0)), attribute(2, text("ethtool"))));
  kernel.acknowledge(find);
  for (const [id, name] of [
    [4, "feature"],
    [9, "mode"],
  ] as const) {
    const heard = await kernel.hear();
    const one = attribute(0x8001, join(attribute(1, int32(1)), attribute(2, text(name))));
    const set = attribute(0x8001, join(attribute(1, int32(id)), attribute(0x8003, one)));
    kernel.sayGeneric(heard, 1, attribute(0x8002, set));
    kernel.acknowledge(heard);
  }
  const heard = await kernel.hear();
  const device = attribute(0x8001, join(attribute(1, int32(7)), attribute(2, text("x0"))));
  const ours = attribute(
    0x8003,
    join(attribute(2, int32(8)), attribute(4, int32(2)), attribute(5, int32(7))),
  );
  kernel.sayGeneric(heard, 4, join(device, ours, attribute(5, int32(-1)), attribute(77, int32(1))));
  kernel.sayGeneric(heard, 4, attribute(0x8001, new Uint8Array()));
  kernel.acknowledge(heard);
  const { unknown, ...modes } = await asked;
  assert.deepEqual(
    unknown?.map((it) => it.type),
    [77],
  );
  assert.deepEqual(modes, {
    ...{ device: 7, name: "x0", supported: ["0", "mode", "2"], advertised: ["mode"] },
  });
  const nothing = ethtool.linkState(7);
  kernel.acknowledge(await kernel.hear());
  await assert.rejects(nothing, { code: "ENODEV" });
});
