/** A child of the tests: answers a list of questions to getaddrinfo, getnameinfo or resolve, from JSON to JSON. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { toHex } from "../../src/bytes/index.ts";
import { SocketAddr } from "../../src/ip/index.ts";
import {
  type AddressHints,
  getaddrinfo,
  getnameinfo,
  type NameFlags,
  resolve,
} from "../../src/names/index.ts";

export interface AddrQuestion {
  readonly call: "getaddrinfo";
  readonly host: string | null;
  readonly service: string | number | null;
  readonly hints: AddressHints;
}

export interface NameQuestion {
  readonly call: "getnameinfo";
  readonly ip: string;
  readonly port: number;
  readonly flags: NameFlags;
}

export interface ResolveQuestion {
  readonly call: "resolve";
  readonly host: string;
  readonly service: string | number;
  readonly family?: "ipv4" | "ipv6";
}

export type Question = AddrQuestion | NameQuestion | ResolveQuestion;

/** Either of them is there. */
export interface Answer {
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly code?: string; readonly message: string };
}

async function ask(question: Question): Promise<unknown> {
  if (question.call === "getnameinfo") {
    return getnameinfo(SocketAddr.of(question.ip, question.port), question.flags);
  }
  if (question.call === "resolve") {
    const { family } = question;
    return (await resolve(question.host, question.service, { family })).map(String);
  }
  const list = await getaddrinfo(question.host ?? undefined, question.service ?? undefined, question.hints);
  return list.map(({ address, type, protocol, family, canonicalName }) => ({
    family,
    type,
    protocol,
    ip: toHex(address.ip.toBytes()),
    port: address.port,
    zone: address.zone ?? 0,
    flowInfo: address.flowInfo,
    canonicalName: canonicalName ?? "",
  }));
}

export async function answer(questions: readonly Question[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const question of questions) {
    try {
      answers.push({ value: await ask(question) });
    } catch (error) {
      const { name, code, message } = error as Error & { code?: string };
      answers.push({ error: { name, message, ...(code === undefined ? {} : { code }) } });
    }
  }
  return answers;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(JSON.stringify(await answer(JSON.parse(readFileSync(0, "utf8")) as Question[])));
}
