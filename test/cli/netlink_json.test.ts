/** The tables as JSON against `ip -j -d`, field by field and entry by entry, for configurations that are made by chance. */
import assert from "node:assert/strict";
import { linkJson } from "../../src/cli/network/link_json.ts";
import { addressJson, neighborJson, ruleJson } from "../../src/cli/network/netlink_json.ts";
import { LinkNames, plainView, type View } from "../../src/cli/network/netlink_view.ts";
import { nexthopObjects } from "../../src/cli/network/nexthop_json.ts";
import { routeJson } from "../../src/cli/network/route_json.ts";
import { RouteSocket } from "../../src/netlink/route/index.ts";
import { isolated } from "../socket/_helpers.ts";
import { assertSame, ipJson, withoutLeftOut } from "./_netlink_compare.ts";
import { generate, make, SMALL, settled } from "./_netlink_configuration.ts";

async function compare(): Promise<void> {
  using net = RouteSocket.open();
  const read = async (): Promise<View> => plainView(new LinkNames(await net.links.list()));
  const ip =
    (...words: string[]) =>
    () =>
      ipJson(["-d", ...words]);
  const count: Record<string, number> = {};
  count.links = await assertSame("link", ip("link"), async () => {
    const view = await read();
    return (await net.links.list()).map((link) => linkJson(link, view, true));
  });
  await assertSame("addr", ip("addr"), async () => {
    const view = await read();
    const addresses = await net.addresses.list();
    const rows = (await net.links.list()).map((link) => ({
      ...linkJson(link, view, false),
      addr_info: addresses.filter((it) => it.device === link.index).map((it) => addressJson(it, view)),
    }));
    return withoutLeftOut("addr", rows);
  });
  for (const [flag, family] of [
    ["-4", "ipv4"],
    ["-6", "ipv6"],
  ] as const) {
    const routes = await assertSame(`route ${flag}`, ip(flag, "route", "show", "table", "all"), async () => {
      const view = await read();
      const nexthops = await nexthopObjects(net.netlink, view);
      return (await net.routes.list({ family })).map((it) => routeJson(it, { ...view, nexthops }));
    });
    const rules = await assertSame(`rule ${flag}`, ip(flag, "rule"), async () => {
      const view = await read();
      return (await net.rules.list({ family })).map((it) => ruleJson(it, view));
    });
    const neighbors = await assertSame(`neigh ${flag}`, ip(flag, "neigh", "show", "nud", "all"), async () => {
      const view = await read();
      return (await net.neighbors.list({ family })).map((it) => neighborJson(it, view));
    });
    Object.assign(count, {
      [`routes${flag}`]: routes,
      [`rules${flag}`]: rules,
      [`neighbors${flag}`]: neighbors,
    });
  }
  for (const [what, entries] of Object.entries(count))
    assert.ok(entries > 3, `${entries} ${what} are too few to compare`);
}

for (const seed of [1, 2, 3, 4]) {
  isolated(
    import.meta.url,
    `configuration ${seed}: link, addr, route, rule and neigh are those of ip -j -d`,
    { netns: "true", limitMs: 120_000 },
    async () => {
      const lines = generate(seed * 1_234_567, SMALL);
      const refused = make(lines);
      if (process.env.WINDSOCK_SAY) console.error(refused.join("\n"));
      assert.ok(
        refused.length < lines.length / 5,
        `${refused.length} of ${lines.length} lines refused: ${refused.slice(0, 9).join("; ")}`,
      );
      await settled();
      await compare();
    },
  );
}
