/**
 * A child of the tests, in a namespace of its own: a name server on 127.0.0.1:53, and questions to it that libc and
 * DnsResolver are asked in turn. From JSON to JSON.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import dnsPacket, { type Answer as Record } from "dns-packet";
import { DnsResolver } from "../../src/dns/index.ts";
import { type Resolver, systemResolver } from "../../src/names/index.ts";

/** What the server knows: by name a code, silence, or addresses and aliases. What it does not know is NXDOMAIN. */
export type Zone = { readonly [name: string]: number | "silent" | readonly string[] };

export interface LibcInput {
  readonly zone: Zone;
  readonly questions: readonly LibcQuestion[];
}

export interface LibcQuestion {
  readonly host: string;
  readonly family?: "ipv4" | "ipv6";
  readonly resolvConf: string;
}

/** What one of the two did. */
export interface Outcome {
  /** The names that it asked for, in order. */
  readonly asked: readonly string[];
  readonly found?: readonly string[];
  readonly code?: string;
}

export interface LibcOutput {
  readonly libc: Outcome;
  readonly ours: Outcome;
}

function records(zone: Zone, name: string, type: string): Record[] {
  const known = zone[name.toLowerCase()];
  if (!Array.isArray(known)) return [];
  return (known as readonly string[]).flatMap((data): Record[] => {
    const kind = /^[\d.]+$/.test(data) ? "A" : data.includes(":") ? "AAAA" : "CNAME";
    if (kind === "CNAME") return [{ type: "CNAME", name, ttl: 60, data }, ...records(zone, data, type)];
    return kind === type ? [{ type: kind, name, ttl: 60, data }] : [];
  });
}

async function main({ zone, questions }: LibcInput): Promise<LibcOutput[]> {
  const asked: string[] = [];
  const server = createSocket("udp4");
  server.on("message", (bytes, from) => {
    const query = dnsPacket.decode(bytes);
    const [question] = query.questions ?? [];
    if (question === undefined) return;
    if (asked.at(-1) !== question.name) asked.push(question.name); // A and AAAA are one step
    const known = zone[question.name.toLowerCase()] ?? 3;
    if (known === "silent") return;
    const answers = records(zone, question.name, question.type);
    const soa = {
      mname: "ns.test",
      rname: "admin.test",
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum: 1,
    };
    const end =
      answers.at(-1)?.type === question.type ? [] : [{ type: "SOA" as const, name: "test", data: soa }];
    const answer = dnsPacket.encode({
      type: "response",
      id: query.id ?? 0,
      flags: 0x180 | (typeof known === "number" ? known : 0),
      questions: [question],
      answers,
      authorities: end, // RFC 2308 §2: there is no more
    });
    server.send(answer, from.port, from.address);
  });
  server.bind(53, "127.0.0.1");
  await once(server, "listening");
  const ask = async (resolver: Resolver, { host, family }: LibcQuestion): Promise<Outcome> => {
    asked.length = 0;
    try {
      const found = await resolver.resolve(host, 80, { family });
      return { asked: [...asked], found: found.map(String) };
    } catch (error) {
      return { asked: [...asked], code: (error as { code: string }).code };
    }
  };
  const ours = DnsResolver.fromSystem();
  const outputs: LibcOutput[] = [];
  for (const question of questions) {
    writeFileSync("/etc/resolv.conf", question.resolvConf); // both read it again when it has changed
    outputs.push({ libc: await ask(systemResolver, question), ours: await ask(ours, question) });
  }
  server.close();
  return outputs;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(JSON.stringify(await main(JSON.parse(readFileSync(0, "utf8")) as LibcInput)));
}
