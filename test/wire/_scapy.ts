/** Asks scapy to make packets, and to take them apart: one Python child for many of them. */
import { spawnSync } from "node:child_process";
import { fromHex, toHex } from "../../src/bytes/index.ts";

/** The first Python that can import it: a distribution's package is not seen by a Python of one's own. */
const python = ["python3", "/usr/bin/python3"].find(
  (program) => spawnSync(program, ["-c", "import scapy"]).status === 0,
);

/** For `test(name, needsScapy, …)`. */
export const needsScapy = { skip: python ? false : "no python3 here can import scapy" };

const PROGRAM = `
import json, logging, sys
logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.all import *
load_contrib("igmp")

def plain(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, Packet):
        return layers(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    try:
        return int(value)
    except Exception:
        return str(value)

def layers(packet):
    found = []
    while packet and not isinstance(packet, NoPayload):
        fields = {name: plain(packet.getfieldval(name)) for name in (f.name for f in packet.fields_desc)
                  if not isinstance(packet.getfield_and_val(name)[0], ConditionalField)
                  or packet.getfield_and_val(name)[0]._evalcond(packet)}
        found.append({"name": type(packet).__name__, "fields": fields})
        packet = packet.payload
    return found

data = json.loads(sys.stdin.read())
if data["task"] == "build":
    result = [bytes(eval(expression)).hex() for expression in data["expressions"]]
else:
    result = [layers(globals()[data["as"]](bytes.fromhex(text))) for text in data["packets"]]
json.dump(result, sys.stdout)
`;

function runScapy(input: object): unknown {
  if (!python) throw new Error("no python3 here can import scapy");
  const options = { input: JSON.stringify(input), encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const { status, stdout, stderr } = spawnSync(python, ["-c", PROGRAM], options);
  if (status !== 0) throw new Error(`scapy failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** The bytes of packets, each an expression: `"IP(src='10.0.0.1')/TCP(dport=80, flags='S')"`. */
export function scapyBuild(expressions: readonly string[]): readonly Uint8Array[] {
  return (runScapy({ task: "build", expressions }) as string[]).map((text) => fromHex(text));
}

/** A value of a field: bytes are `{ hex }`, a packet within is its layers, a set of flags is its number. */
export type ScapyValue =
  | null
  | boolean
  | number
  | string
  | { readonly hex: string }
  | readonly ScapyValue[]
  | readonly ScapyLayer[];

export interface ScapyLayer {
  /** The class: `"IP"`, `"TCP"`, `"Raw"`, `"Padding"`. */
  readonly name: string;
  readonly fields: Readonly<Record<string, ScapyValue>>;
}

/** Takes packets apart, each from the layer that a class stands for: `"Ether"`, `"IP"`, `"IPv6"`, `"CookedLinux"`. */
export function scapyDissect(
  packets: readonly Uint8Array[],
  as = "Ether",
): readonly (readonly ScapyLayer[])[] {
  return runScapy({ task: "dissect", as, packets: packets.map((packet) => toHex(packet)) }) as ScapyLayer[][];
}
