/** TcpMetrics against ip(8): what connections leave behind, field by field; and forgetting it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { TcpListener, TcpStream } from "../../../src/index.ts";
import { type TcpMetric, TcpMetrics } from "../../../src/netlink/generic/index.ts";
import { NetlinkError } from "../../../src/netlink/index.ts";
import { TCP } from "../../../src/socket/index.ts";
import { isolated, pair } from "../../socket/_helpers.ts";

type Json = Record<string, string | number>;
const ip = (): Json[] =>
  JSON.parse(execFileSync("ip", ["-j", "tcp_metrics", "show"], { encoding: "utf8" }) || "[]");

const LO = `ip link set lo up; for i in 1 2 3 4 5; do ip addr add 10.0.0.$i/32 dev lo; done
  ip addr add 2001:db8::1/128 dev lo nodad; echo 3 > /proc/sys/net/ipv4/tcp_fastopen`;

/** As ip has it; what it prints of a time has six digits, and goes on meanwhile. */
function asIp(it: TcpMetric): Json {
  const { fastOpen, rttUs, rttVarianceUs: variance } = it;
  const row: [string, string | number | undefined][] = [
    ["dst", `${it.destination}`],
    ["cwnd", it.congestionWindow],
    ["ssthresh", it.slowStartThreshold],
    ["reordering", it.reordering],
    ["rtt", rttUs && rttUs / 1e6],
    ["rttvar", variance && variance / 1e6],
    ["fopen_miss", fastOpen?.mss],
    ["fopen_syn_drops", fastOpen?.synDrops],
    ["fo_cookie", fastOpen?.cookie && Buffer.from(fastOpen.cookie).toString("hex")],
    ["source", it.source && `${it.source}`],
  ];
  return Object.fromEntries(
    row.filter((entry): entry is [string, string | number] => entry[1] !== undefined),
  );
}

const byAddress = (a: Json, b: Json): number => (`${a.dst}` < `${b.dst}` ? -1 : 1);

async function connections(): Promise<void> {
  const chunk = new Uint8Array(200_000);
  for (const address of ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "[2001:db8::1]"]) {
    const { client, server } = await pair({ at: `${address}:0`, to: address });
    await Promise.all([
      client.writeAll(chunk).then(() => client.shutdown("write")),
      (async () => {
        while ((await server.read(new Uint8Array(65536))) > 0);
      })(),
    ]);
    server.close();
    client.close();
  }
}

/** The second connection has the cookie that the first one got. */
async function fastOpen(): Promise<void> {
  using listener = TcpListener.bind("10.0.0.5:0", { options: [TCP.FASTOPEN.to(5)] });
  for (let round = 0; round < 2; round++) {
    const options = [TCP.FASTOPEN_CONNECT.to(true)];
    const client = await TcpStream.connect(listener.localAddr, { options });
    await client.writeAll(Uint8Array.of(1));
    using server = await listener.accept();
    await server.read(new Uint8Array(1));
    client.close();
  }
}

isolated(
  import.meta.url,
  "what connections have left, as ip tcp_metrics shows it; one host, and all, forgotten",
  { netns: LO },
  async () => {
    using metrics = TcpMetrics.open();
    assert.deepEqual(await metrics.list(), []);
    await connections();
    await fastOpen();
    const list = await metrics.list();
    assert.equal(list.length, 6);
    assert.ok(list.some((it) => it.fastOpen?.cookie?.length === 8 && (it.fastOpen.mss ?? 0) > 500));
    const shown = ip();
    for (const row of shown) {
      const ours = list.find((it) => `${it.destination}` === row.dst);
      assert.ok(Math.abs((ours?.ageSeconds ?? -100) - Number(row.age)) < 10, `age of ${row.dst}`);
      delete row.age;
    }
    assert.deepEqual(list.map(asIp).sort(byAddress), shown.sort(byAddress));
    assert.ok(list.every((it) => it.unknown === undefined && (it.rttUs ?? 0) > 0));

    const one = await metrics.get("10.0.0.2");
    assert.deepEqual(asIp(one), asIp(list.find((it) => `${it.destination}` === "10.0.0.2") as TcpMetric));
    const six = await metrics.get("2001:db8::1", { source: "2001:db8::1" });
    assert.equal(`${six.source}`, "2001:db8::1");
    const absent = (error: unknown): boolean =>
      error instanceof NetlinkError && error.code === "ESRCH" && error.message.includes("10.0.0.9");
    await assert.rejects(metrics.get("10.0.0.9"), absent);
    await assert.rejects(metrics.get("10.0.0.2", { source: "10.0.0.77" }), { code: "ESRCH" });
    await assert.rejects(metrics.get(5 as never), TypeError);

    await metrics.delete("10.0.0.2");
    await assert.rejects(metrics.delete("10.0.0.9"), absent);
    await metrics.delete("2001:db8::1");
    assert.deepEqual(
      ip()
        .map((row) => row.dst)
        .sort(),
      ["10.0.0.1", "10.0.0.3", "10.0.0.4", "10.0.0.5"],
    );
    await metrics.flush();
    assert.deepEqual(ip(), []);
    assert.deepEqual(await metrics.list(), []);
    metrics.close();
    await assert.rejects(metrics.list(), { code: "EBADF" });
  },
);

isolated(
  import.meta.url,
  "without privilege metrics are read, and not deleted; nor by root of another user namespace",
  { netns: LO, shell: 'exec unshare -Ur "$0" "$@"' },
  async () => {
    using metrics = TcpMetrics.open();
    await connections();
    assert.equal((await metrics.list()).length, 5);
    for (const refused of [metrics.delete("10.0.0.1"), metrics.flush()]) {
      await assert.rejects(refused, (error) => {
        assert.ok(error instanceof NetlinkError && error.code === "EPERM");
        assert.match(
          error.message,
          /CAP_NET_ADMIN in the initial user namespace, and this process has it only/,
        );
        return true;
      });
    }
  },
);
