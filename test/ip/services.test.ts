/** Ports and services: ranges, names both ways, and /etc/services beside IANA's table. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import {
  AddressError,
  isPort,
  parsePort,
  portClass,
  serviceByName,
  servicesByPort,
} from "../../src/ip/index.ts";

test("port classes, RFC 6335 §6", () => {
  const classes = [0, 1023, 1024, 49151, 49152, 65535].map(portClass);
  assert.deepEqual(classes, ["well-known", "well-known", "registered", "registered", "dynamic", "dynamic"]);
  for (const bad of [-1, 65536, 80.5]) assert.throws(() => portClass(bad), RangeError);
  assert.throws(() => portClass("80" as never), {
    name: "TypeError",
    message: 'port must be an integer from 0 to 65535, got "80"',
  });
});

test("isPort", () => {
  assert.deepEqual([0, 80, 65535].map(isPort), [true, true, true]);
  assert.deepEqual([-1, 65536, 1.5, Number.NaN, "80", undefined].map(isPort), [
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});

test("parsePort", () => {
  assert.deepEqual(["0", "80", "65535"].map(parsePort), [0, 80, 65535]);
  const refused = [
    "",
    "00",
    "080",
    "+80",
    "-1",
    " 80",
    "80 ",
    "8e1",
    "0x50",
    "65536",
    "1".repeat(400),
    "٨٠",
    "80\n",
  ];
  for (const text of refused) {
    assert.throws(
      () => parsePort(text),
      (error) => error instanceof AddressError && error.what === "a port",
      text,
    );
  }
  assert.throws(() => parsePort(80 as never), TypeError);
});

const WELL_KNOWN: readonly [name: string, port: number, protocol: "tcp" | "udp" | "sctp" | "dccp"][] = [
  ["ssh", 22, "tcp"],
  ["smtp", 25, "tcp"],
  ["domain", 53, "tcp"],
  ["domain", 53, "udp"],
  ["bootps", 67, "udp"],
  ["http", 80, "tcp"],
  ["ntp", 123, "udp"],
  ["https", 443, "tcp"],
  ["https", 443, "udp"],
  ["ipp", 631, "tcp"],
  ["stun", 3478, "udp"],
  ["mysql", 3306, "tcp"],
  ["postgresql", 5432, "tcp"],
  ["x11", 6000, "tcp"],
  ["x11", 6063, "tcp"],
  ["redis", 6379, "tcp"],
  ["http-alt", 8080, "tcp"],
  ["mongodb", 27017, "tcp"],
  ["diameter", 3868, "sctp"],
];

for (const [name, port, protocol] of WELL_KNOWN) {
  test(`${name} is ${port}/${protocol}, both ways`, () => {
    const [first] = servicesByPort(port).filter((service) => service.protocol === protocol);
    assert.equal(first?.name, name);
    assert.ok(serviceByName(name, protocol).some((service) => service.port === port));
    for (const service of serviceByName(name, protocol)) assert.equal(service.protocol, protocol);
  });
}

test("names and aliases whatever their case, own names before aliases", () => {
  const ports = (name: string): number[] => [...new Set(serviceByName(name).map((service) => service.port))];
  assert.deepEqual(ports("HTTP"), [80]);
  assert.deepEqual(ports("www"), [80]);
  assert.deepEqual(ports("Mail"), [25]);
  assert.deepEqual(ports("whois"), [43]);
  assert.deepEqual(ports("POSTGRES"), [5432]);
  assert.deepEqual(ports("ident"), [113]);
  assert.deepEqual(ports("icp"), [1112, 3130]);
  assert.deepEqual(ports("gds_db"), [3050]);
  assert.deepEqual(serviceByName("no-such-service"), []);
  assert.deepEqual(serviceByName(""), []);
  assert.deepEqual(serviceByName("__proto__"), []);
});

test("what a service tells", () => {
  assert.deepEqual(serviceByName("www", "tcp"), [
    {
      name: "http",
      port: 80,
      protocol: "tcp",
      aliases: ["www", "www-http"],
      description: "World Wide Web HTTP",
    },
  ]);
  assert.match(servicesByPort(4413)[0]?.description ?? "", /^FORTÉ/);
  assert.ok(!("description" in (serviceByName("shilp", "tcp")[0] ?? {})));
  assert.deepEqual(servicesByPort(4), []);
  assert.deepEqual(servicesByPort(65535), []);
});

test("every row of the table is sound, and found by its port and its names", () => {
  let rows = 0;
  for (let port = 0; port <= 65535; port++) {
    for (const service of servicesByPort(port)) {
      rows++;
      assert.equal(service.port, port);
      assert.match(service.name, /^(?=.*[a-z])[a-z0-9-]+$/i); // RFC 6335 §5.1
      assert.ok(["tcp", "udp", "sctp", "dccp"].includes(service.protocol));
      assert.match(service.description ?? "x", /^[\x20-\x7e\xa0-\xff]+$/);
      for (const name of [service.name, ...service.aliases]) {
        assert.ok(
          serviceByName(name, service.protocol).some((found) => found.port === port),
          `${name} ${port}`,
        );
      }
    }
  }
  assert.ok(rows > 11_000, `${rows} rows`);
});

test("wrong arguments", () => {
  assert.throws(() => servicesByPort("80" as never), TypeError);
  assert.throws(() => servicesByPort(65536), RangeError);
  assert.throws(() => serviceByName(80 as never), TypeError);
  assert.throws(() => serviceByName("http", "icmp" as never), {
    name: "TypeError",
    message: 'protocol must be "tcp", "udp", "sctp" or "dccp", got "icmp"',
  });
});

const SYSTEM_TABLE = "/etc/services";
const hasTable = { skip: existsSync(SYSTEM_TABLE) ? false : `${SYSTEM_TABLE} is not there` };

test("the system's table agrees on the ports that it shares with IANA", hasTable, () => {
  const lines = readFileSync(SYSTEM_TABLE, "utf8").matchAll(/^(\S+)\s+(\d+)\/(tcp|udp|sctp|dccp)\b/gm);
  let shared = 0;
  for (const [, name = "", port = "", protocol] of lines) {
    const found = serviceByName(name, protocol as "tcp");
    if (found.length === 0) continue; // a name of its own, which IANA has not assigned
    assert.ok(
      found.some((service) => service.port === Number(port)),
      `${name} ${port}/${protocol}`,
    );
    shared++;
  }
  assert.ok(shared > 50, `${shared} shared`);
});
