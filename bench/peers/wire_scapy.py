"""What headers cost with scapy: `wire_scapy.py CALLS`."""

import logging

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP  # noqa: E402

from _wire import converse, cost, packets  # noqa: E402

ALL = packets(256)


def read(turn):
    ip = IP(ALL[turn & 255])
    tcp = ip.payload
    if "A" not in tcp.flags or "S" in tcp.flags:
        raise ValueError("other flags")
    return ip.src, ip.dst, tcp.sport, tcp.dport, tcp.seq


def everything(turn):
    ip = IP(ALL[turn & 255])
    return ip.fields, ip.payload.fields


def encode(turn):
    options = [("NOP", None), ("NOP", None), ("Timestamp", (turn, 2))]
    tcp = TCP(sport=2000, dport=80, seq=turn, ack=2, flags="PA", window=4095, options=options)
    return bytes(IP(src="10.0.0.1", dst="10.0.0.2", id=7238) / tcp / b"hello")


converse(
    lambda calls: {
        "decode": cost(calls, lambda turn: IP(ALL[turn & 255])),
        "read": cost(calls, read),
        "all": cost(calls, everything),
        "encode": cost(calls, encode),
    }
)
