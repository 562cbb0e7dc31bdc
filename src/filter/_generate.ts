/** Walks through an expression that has been read, and makes the blocks of its program. */
import { Ipv4Addr, Ipv6Addr } from "../ip/index.ts";
import { isRelation } from "./_arithmetic.ts";
import { and, type Block, type Condition, not, or, statement, testBlock } from "./_blocks.ts";
import { Generator, type GeneratorOptions } from "./_generator.ts";
import * as link from "./_link.ts";
import * as network from "./_network.ts";
import { hasPort } from "./_ports.ts";
import type { Qualifiers, Question, Value } from "./_syntax.ts";
import { IP_PROTOCOLS, LINK_PROTOCOLS } from "./_words.ts";
import { nearest, quote } from "./filter_error.ts";
import { BPF_JGE, BPF_JGT, BPF_LD, BPF_LEN, BPF_W } from "./opcodes.ts";

/** @throws {FilterError} */
export function generate(text: string, question: Question, keep: number, options: GeneratorOptions): Block {
  const g = new Generator(text, options);
  return g.finish(ask(g, question), keep);
}

function ask(g: Generator, question: Question): Condition {
  g.token = question.token;
  switch (question.type) {
    case "chain": {
      let all = ask(g, question.first);
      for (const { operator, question: next } of question.rest) {
        all = (operator === "and" ? and : or)(all, ask(g, next));
      }
      return all;
    }
    case "not":
      return not(ask(g, question.of));
    case "value":
      return hasValue(g, question.qualifiers, question.value);
    case "protocol":
      return network.isProtocol(g, question.protocol);
    case "cast":
      return isCast(g, question);
    case "relation":
      return isRelation(g, question.relation, question.left, question.right);
    case "size": {
      const length = [statement(BPF_LD | BPF_W | BPF_LEN)];
      return question.size === "greater"
        ? testBlock(length, BPF_JGE, question.length)
        : not(testBlock(length, BPF_JGT, question.length));
    }
    case "bound":
      return link.isBound(g, question.outbound);
    case "ifindex":
      return link.isInterface(g, question.index);
    case "pppoed":
      return link.isPppoeDiscovery(g);
    case "inside": {
      const inside = { vlan: link.isVlan, mpls: link.isMpls, pppoes: link.isPppoeSession };
      return inside[question.inside](g, question.id);
    }
  }
}

function isCast(g: Generator, { cast, protocol }: Question & { type: "cast" }): Condition {
  const onLink = protocol === undefined || protocol === "link";
  if (cast === "broadcast") {
    if (onLink) return link.isLinkBroadcast(g);
    return protocol === "ip" ? network.isIpv4Broadcast(g) : g.fail(`there is no ${protocol} broadcast`);
  }
  if (onLink) return link.isLinkMulticast(g);
  if (protocol === "ip" || protocol === "ip6") return network.isIpMulticast(g, protocol);
  return g.fail(`there is no ${protocol} multicast`);
}

function hasValue(g: Generator, words: Qualifiers, value: Value): Condition {
  switch (words.kind) {
    case "port":
    case "portrange":
      return hasPort(g, words, value);
    case "proto":
      return hasProtocol(g, words, value);
    case "net":
      return hasNetwork(g, words, value);
    default:
      return hasHost(g, words, value);
  }
}

function hasHost(g: Generator, words: Qualifiers, value: Value): Condition {
  const { protocol, direction } = words;
  const shown = quote(value.text);
  if (value.type === "mac") {
    if (protocol === "link") return link.isHardwareAddress(g, macBytes(value.text), direction);
    return g.fail(`${shown} is a hardware address`, { expected: `"ether" before it` });
  }
  if (protocol === "link")
    return g.fail(`${shown} is no hardware address`, { expected: "six bytes: 02:00:00:00:00:01" });
  if (value.type === "ipv6") {
    if (value.prefix !== undefined && value.prefix !== 128)
      g.fail(`${shown} with a prefix is a network`, netBefore);
    const address = ipv6(g, value.text);
    return network.isIpv6Address(g, address, network.ipv6Mask(128), protocol, direction);
  }
  if (value.type === "ipv4") {
    if (value.prefix !== undefined || value.mask !== undefined)
      g.fail(`${shown} with a mask is a network`, netBefore);
    const { parts, number } = ipv4Parts(g, value.text);
    if (parts !== 4) {
      g.fail(`${shown} has ${parts} of the 4 parts of an IPv4 address`, {
        expected: `all of them, or "net ${value.text}" for the whole network`,
      });
    }
    return network.isIpv4Address(g, number, 0xffff_ffff, protocol, direction);
  }
  if (value.type === "number") {
    return g.fail(`${value.text} is no address`, {
      expected: 'an address, or "port", "net" or "proto" before the number',
    });
  }
  return hasNamedHost(g, words, value.text);
}

const netBefore = { expected: '"net" before it' };

function hasNamedHost(g: Generator, { protocol, direction }: Qualifiers, name: string): Condition {
  const { resolve, linkType } = g.options;
  if (resolve === undefined) {
    return g.fail(`${quote(name)} is a name, and names are not looked up`, {
      expected: "a numeric address, or the option resolve",
    });
  }
  // Without a type field there is no ARP; libpcap asks for IP alone then.
  const [forV4, forV6] =
    linkType === "raw" && protocol === undefined ? (["ip", "ip6"] as const) : [protocol, protocol];
  let all: Condition | undefined;
  for (const address of resolve(name)) {
    let one: Condition;
    if (address.version === 4) {
      if (forV4 === "ip6") continue;
      one = network.isIpv4Address(g, address.toU32(), 0xffff_ffff, forV4, direction);
    } else {
      if (forV6 === "ip") continue;
      one = network.isIpv6Address(g, address, network.ipv6Mask(128), forV6, direction);
    }
    all = all ? or(all, one) : one;
  }
  const family = protocol === undefined ? "" : ` for ${protocol}`;
  return all ?? g.fail(`${quote(name)} has no address${family}`);
}

function hasNetwork(g: Generator, { protocol, direction }: Qualifiers, value: Value): Condition {
  const shown = quote(value.text);
  if (protocol === "link") return g.fail(`${shown}: hardware addresses have no networks`);
  switch (value.type) {
    case "ipv4": {
      const { parts, number } = ipv4Parts(g, value.text);
      const address = (number << (32 - 8 * parts)) >>> 0;
      const mask = ipv4NetMask(g, value, parts);
      const outside = (address & ~mask) >>> 0;
      if (outside !== 0) {
        const meant = Ipv4Addr.fromU32((address & mask) >>> 0).toString();
        g.fail(`${shown} has bits outside its mask`, { suggestion: withMask(meant, value) });
      }
      return network.isIpv4Address(g, address, mask, protocol, direction);
    }
    case "ipv6": {
      const length = value.prefix ?? 128;
      if (length > 128) g.fail(`an IPv6 prefix has at most 128 bits, got ${length}`);
      const address = ipv6(g, value.text);
      const mask = network.ipv6Mask(length);
      const words = [0, 1, 2, 3].map((i) => (address.word(i) & (mask[i] as number)) >>> 0);
      if (words.some((word, i) => word !== address.word(i))) {
        const [a, b, c, d] = words as [number, number, number, number];
        g.fail(`${shown} has bits outside its prefix`, {
          suggestion: `${Ipv6Addr.fromWords(a, b, c, d)}/${length}`,
        });
      }
      return network.isIpv6Address(g, address, mask, protocol, direction);
    }
    case "number": {
      // A single number is the first part of the network, or all of it.
      let [address, mask] = [value.value, 0xffff_ffff];
      while (address !== 0 && address < 0x0100_0000)
        [address, mask] = [(address << 8) >>> 0, (mask << 8) >>> 0];
      return network.isIpv4Address(g, address, mask, protocol, direction);
    }
    case "mac":
      return g.fail(`${shown} is a hardware address`, { expected: '"ether host" before it' });
    default:
      return g.fail(`${shown} is a name, and names of networks are not looked up`, {
        expected: "a network such as 192.0.2.0/24",
      });
  }
}

function ipv4NetMask(g: Generator, value: Value & { type: "ipv4" }, parts: number): number {
  if (value.prefix !== undefined) {
    if (value.prefix > 32) g.fail(`an IPv4 prefix has at most 32 bits, got ${value.prefix}`);
    return network.ipv4Mask(value.prefix);
  }
  if (value.mask === undefined) return network.ipv4Mask(8 * parts);
  const mask = ipv4Parts(g, value.mask);
  return (mask.number << (32 - 8 * mask.parts)) >>> 0;
}

function withMask(network: string, { prefix, mask }: Value & { type: "ipv4" }): string {
  return prefix === undefined ? `${network} mask ${mask}` : `${network}/${prefix}`;
}

/** One to four decimal parts; what other programs read as octal or hexadecimal is refused. */
function ipv4Parts(g: Generator, text: string): { parts: number; number: number } {
  const parts = text.split(".");
  let number = 0;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) {
      g.fail(`${quote(text)} is no IPv4 address: ${quote(part)} is no decimal number from 0 to 255`);
    }
    number = ((number << 8) | Number(part)) >>> 0;
  }
  return { parts: parts.length, number };
}

function ipv6(g: Generator, text: string): Ipv6Addr {
  return Ipv6Addr.tryParse(text) ?? g.fail(`${quote(text)} is no IPv6 address`);
}

function macBytes(text: string): Uint8Array {
  const apart = /[-:]/.test(text) || text.split(".").length === 6;
  const digits = apart
    ? text
        .split(/[-:.]/)
        .map((part) => part.padStart(2, "0"))
        .join("")
    : text.replaceAll(".", "");
  return Uint8Array.from({ length: 6 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function hasProtocol(g: Generator, { protocol }: Qualifiers, value: Value): Condition {
  if (protocol !== undefined && protocol !== "ip" && protocol !== "ip6" && protocol !== "link") {
    g.fail(`"${protocol} proto" is nothing`, { expected: '"ip proto", "ip6 proto" or "ether proto"' });
  }
  const version = protocol as "ip" | "ip6" | "link" | undefined;
  const names = version === "link" ? LINK_PROTOCOLS : IP_PROTOCOLS;
  if (value.type !== "number" && value.type !== "name")
    g.fail(`${quote(value.text)} is an address`, { expected: "a protocol" });
  const number = value.type === "number" ? value.value : names.get(value.text);
  if (number === undefined) {
    const suggestion = nearest(value.text, names.keys());
    return g.fail(
      `${quote(value.text)} is no protocol that is known here`,
      suggestion === undefined ? {} : { suggestion },
    );
  }
  if (version === "link") return link.isLinkProtocol(g, number);
  return network.isIpProtocol(g, number, version);
}
