/** Sockets stay in the network namespace that they were opened in; so does what is opened for them, wherever the thread has gone. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readlinkSync } from "node:fs";
import { Ethtool } from "../../src/netlink/generic/index.ts";
import { RouteSocket } from "../../src/netlink/route/index.ts";
import { check, SysError, setns } from "../../src/sys/index.ts";
import { isolated } from "../socket/_helpers.ts";

const VETH = "ip link add v0 type veth peer name v1; ip link set lo up";
const here = (): string => readlinkSync("/proc/thread-self/ns/net");

/** Goes to a namespace of another process until it is disposed of. */
async function elsewhere(): Promise<Disposable & { readonly name: string }> {
  const child = spawn("unshare", ["-n", "sh", "-c", "echo; exec sleep 60"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const fd = openSync(`/proc/${child.pid}/ns/net`, "r");
  check(setns(fd, 0x4000_0000), "setns");
  closeSync(fd);
  const name = here();
  return {
    name,
    [Symbol.dispose]() {
      child.kill("SIGKILL");
    },
  };
}

isolated(
  import.meta.url,
  "a monitor hears the namespace of its socket, and the thread stays where it is",
  { netns: VETH },
  async () => {
    using net = RouteSocket.open();
    using ethtool = Ethtool.open();
    const before = here();
    using other = await elsewhere();
    assert.notEqual(other.name, before);
    const monitor = await net.monitor({ groups: ["link"] });
    const features = await ethtool.monitor();
    assert.equal(here(), other.name);
    using there = RouteSocket.open();
    assert.deepEqual(
      (await there.links.list()).map((it) => it.name),
      ["lo"],
    );
    await there.links.add({ kind: "bridge", name: "wrong" });
    await net.links.add({ kind: "bridge", name: "right" });
    for await (const it of monitor) {
      assert.ok(it.event === "added" && "link" in it);
      assert.equal(it.link.name, "right");
      break;
    }
    const { name } = (await net.links.list()).find((it) => it.name === "v0") ?? {};
    await ethtool.setFeatures(name as string, { "tx-udp-segmentation": false });
    for await (const it of features) {
      assert.ok(it.event === "features");
      assert.equal(it.features.name, "v0");
      break;
    }
    if (existsSync("/dev/net/tun")) {
      await net.links.add({ kind: "tun", name: "t0", data: { type: 1 } });
      assert.equal((await net.links.get("t0")).info?.kind, "tun");
      await assert.rejects(there.links.get("t0"), { code: "ENODEV" });
    }
    assert.equal(here(), other.name);
  },
);

isolated(
  import.meta.url,
  "where a thread may not go back to the socket's namespace, it is told so and not moved",
  { netns: VETH, shell: 'exec unshare -Ur "$0" "$@"' },
  async () => {
    using net = RouteSocket.open();
    using monitor = await net.monitor({ groups: ["link"] });
    assert.ok(monitor, "in the same namespace nobody has to go anywhere");
    using other = await elsewhere();
    await assert.rejects(net.monitor(), (error) => {
      assert.ok(error instanceof SysError);
      assert.equal(error.code, "EPERM");
      assert.match(
        error.message,
        /this thread is in another network namespace than the socket; .*CAP_NET_ADMIN/,
      );
      return true;
    });
    assert.equal(here(), other.name);
    assert.ok(
      (await net.links.list()).some((it) => it.name === "v0"),
      "the socket itself works",
    );
  },
);
