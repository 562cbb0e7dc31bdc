/** Records as text: the master file format of RFC 1035 §5.1, and what later RFCs say of their types. */
import type { DnsRecord } from "./records.ts";

/** The data of a record as zone files have it, names with their last dot: `10 mail.example.org.`, `"v=spf1 -all"`. */
export function formatData(record: DnsRecord): string {
  switch (record.type) {
    case "A":
    case "AAAA":
      return record.address.toString();
    case "CNAME":
    case "DNAME":
    case "NS":
    case "PTR":
      return absolute(record.target);
    case "MX":
      return `${record.preference} ${absolute(record.exchange)}`;
    case "TXT":
      return record.strings.map(quote).join(" ");
    case "SRV":
      return `${record.priority} ${record.weight} ${record.port} ${absolute(record.target)}`;
    case "SOA": {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record;
      return [absolute(mname), absolute(rname), serial, refresh, retry, expire, minimum].join(" ");
    }
    case "CAA":
      return `${record.flags} ${record.tag} ${quote(record.value)}`;
    case "NAPTR": {
      const { order, preference, flags, services, regexp, replacement } = record;
      return [order, preference, quote(flags), quote(services), quote(regexp), absolute(replacement)].join(
        " ",
      );
    }
    case "HINFO":
      return `${quote(record.cpu)} ${quote(record.os)}`;
    case "SSHFP":
      return `${record.algorithm} ${record.hash} ${hex(record.fingerprint)}`;
    case "TLSA":
      return `${record.usage} ${record.selector} ${record.matchingType} ${hex(record.certificate)}`;
    case "DS":
      return `${record.keyTag} ${record.algorithm} ${record.digestType} ${hex(record.digest)}`;
    case "DNSKEY":
      return `${record.flags} 3 ${record.algorithm} ${Buffer.from(record.key).toString("base64")}`;
    default:
      return `\\# ${record.data.length} ${hex(record.data)}`.trimEnd(); // RFC 3597 §5
  }
}

/** A name as zone files have it: with the dot of the root. */
export function absolute(name: string): string {
  return name === "." ? name : `${name}.`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").toUpperCase();
}

/** A character string: what is not printable ASCII comes as three decimal digits. */
function quote(text: string | Uint8Array): string {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const characters = Array.from(bytes, (byte) => {
    if (byte < 0x20 || byte > 0x7e) return `\\${String(byte).padStart(3, "0")}`;
    const char = String.fromCharCode(byte);
    return char === '"' || char === "\\" ? `\\${char}` : char;
  });
  return `"${characters.join("")}"`;
}
