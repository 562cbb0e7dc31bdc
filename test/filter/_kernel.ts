/** The kernel as an oracle: whether it takes a program, and which datagrams a socket with it gets. Needs no privilege. */
import { spawnSync } from "node:child_process";
import { toHex } from "../../src/bytes/index.ts";

/** A pair of local datagram sockets, of which one has the filter: what is sent is what the filter sees. */
const HELPER = `
import ctypes, json, socket, struct, sys
task = json.load(sys.stdin)
packets = [bytes.fromhex(packet) for packet in task["packets"]]
for text in task["programs"]:
    program = bytes.fromhex(text)
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    buffer = ctypes.create_string_buffer(program, max(1, len(program)))
    try:
        receiver.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(program) // 8, ctypes.addressof(buffer)))
    except OSError as error:
        print(json.dumps(error.errno))
    else:
        lengths = []
        for packet in packets:
            sender.send(packet)
            try:
                lengths.append(len(receiver.recv(65536)))
            except BlockingIOError:
                lengths.append(0)
        print(json.dumps(lengths))
    sender.close()
    receiver.close()
`;

/** Why a test that asks the kernel is skipped; false where it can be asked. */
export const noKernel: string | false =
  spawnSync("python3", ["-c", "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)"])
    .status === 0
    ? false
    : "python3 is not installed";

/**
 * Attaches each program (`struct sock_filter[]`) with SO_ATTACH_FILTER and sends each packet, none of them empty.
 * @returns for each program the errno, or how many bytes of each packet got through
 */
export function askKernel(
  programs: readonly Uint8Array[],
  packets: readonly Uint8Array[],
): readonly (number | readonly number[])[] {
  const input = JSON.stringify({
    programs: programs.map((one) => toHex(one)),
    packets: packets.map((one) => toHex(one)),
  });
  const { status, stdout, stderr } = spawnSync("python3", ["-c", HELPER], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
