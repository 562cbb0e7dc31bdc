"""What the Python peers share: the packet, the conversation with the harness, the cost of a call."""

import json
import sys
import time

PACKET = bytes.fromhex(
    "450000391c4640004006b6830a0000010a00000207d00050000000010000000280180fff1f8a0000"
    "0101080a000000010000000268656c6c6f"
)
PASSES = 5


def packets(count):
    made = []
    for index in range(count):
        one = bytearray(PACKET)
        one[21] = index
        one[27] = index
        made.append(bytes(one))
    return made


def cost(calls, once):
    """Nanoseconds of processor time for each call: the median of several passes."""
    passes = []
    for number in range(-1, PASSES):
        before = time.process_time_ns()
        for turn in range(calls):
            once(turn)
        if number >= 0:
            passes.append((time.process_time_ns() - before) / calls)
    return sorted(passes)[PASSES // 2]


def converse(measure):
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(measure(int(sys.argv[1]))), flush=True)
    sys.stdin.read()
