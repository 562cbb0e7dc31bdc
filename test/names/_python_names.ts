/** Python's socket.getaddrinfo and getnameinfo, which hand the same libc's answers on: the other opinion. */
import type { Question } from "./_ask.ts";

/** A script that reads questions as JSON and prints, for each, `{value}` or `{code}`. */
export const PYTHON = `
import json, socket, sys
S = socket
FLAGS = {"passive": S.AI_PASSIVE, "canonicalName": S.AI_CANONNAME, "numericHost": S.AI_NUMERICHOST,
  "numericService": S.AI_NUMERICSERV, "v4Mapped": S.AI_V4MAPPED, "all": S.AI_ALL, "addressConfig": S.AI_ADDRCONFIG}
NI = {"numericHost": S.NI_NUMERICHOST, "numericService": S.NI_NUMERICSERV, "nameRequired": S.NI_NAMEREQD,
  "noFqdn": S.NI_NOFQDN, "datagram": S.NI_DGRAM}
TYPES = {1: "stream", 2: "datagram", 3: "raw"}
FAMILIES = {"ipv4": S.AF_INET, "ipv6": S.AF_INET6}
EAI = {getattr(S, name): name for name in dir(S) if name.startswith("EAI_")}

def bits(table, flags):
  return sum(flag for name, flag in table.items() if flags.get(name))

def getaddrinfo(q):
  hints = q["hints"]
  host = q["host"]
  # Bytes go to libc as they are; a text outside of ASCII goes in its IDNA form.
  host = host.encode() if host is not None and host.isascii() else host
  kind = {"stream": 1, "datagram": 2, "raw": 3}.get(hints.get("type"), 0)
  service = q["service"]
  service = service.encode() if isinstance(service, str) else service
  found = S.getaddrinfo(host, service, FAMILIES.get(hints.get("family"), 0), kind, hints.get("protocol", 0), bits(FLAGS, hints))
  result = []
  for family, type, proto, canon, addr in found:
    ip = S.inet_pton(family, addr[0].split("%")[0]).hex()
    v6 = family == S.AF_INET6
    result.append({"family": "ipv6" if v6 else "ipv4", "type": TYPES.get(type, type), "protocol": proto, "ip": ip,
      "port": addr[1], "zone": addr[3] if v6 else 0, "flowInfo": addr[2] if v6 else 0, "canonicalName": canon})
  return result

def getnameinfo(q):
  ip, _, zone = q["ip"].partition("%")
  zone = 0 if not zone else int(zone) if zone.isdigit() else S.if_nametoindex(zone)
  addr = (ip, q["port"], 0, zone) if ":" in ip else (ip, q["port"])
  host, service = S.getnameinfo(addr, bits(NI, q["flags"]))
  return {"host": host, "service": service}

def ask(q):
  try:
    return {"value": (getaddrinfo if q["call"] == "getaddrinfo" else getnameinfo)(q)}
  except S.gaierror as error:
    return {"code": EAI.get(error.errno, "EAI_%d" % error.errno)}

print(json.dumps([ask(q) for q in json.load(sys.stdin)]))
`;

export interface PythonAnswer {
  readonly value?: unknown;
  readonly code?: string;
}

/** For titles: what a question asks. */
export function title(question: Question): string {
  if (question.call === "getnameinfo") {
    return `${question.ip} ${question.port} ${words(question.flags)}`.trim();
  }
  if (question.call === "resolve") return `${question.host} ${question.service}`;
  return `${question.host ?? "(no host)"} ${question.service ?? "(no service)"} ${words(question.hints)}`.trim();
}

function words(flags: object): string {
  return Object.entries(flags)
    .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    .join(" ");
}
