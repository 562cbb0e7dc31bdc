"""What headers cost with Python's struct module: `wire_struct.py CALLS`."""

import struct

from _wire import converse, cost, packets

IP = struct.Struct("!BBHHHBBH4s4s")
TCP = struct.Struct("!HHIIHHHH")
OPTIONS = struct.Struct("!BBBBII")
ALL = packets(256)
SRC, DST = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def decode(turn):
    packet = ALL[turn & 255]
    ip = IP.unpack_from(packet, 0)
    return ip, TCP.unpack_from(packet, (ip[0] & 15) * 4)


def read(turn):
    ip, tcp = decode(turn)
    if tcp[4] & 0x10 == 0 or tcp[4] & 0x07:
        raise ValueError("other flags")
    return ip[8], ip[9], tcp[0], tcp[1], tcp[2]


def everything(turn):
    ip, tcp = decode(turn)
    return (
        ip[0] >> 4, (ip[0] & 15) * 4, ip[1] >> 2, ip[1] & 3, ip[2], ip[3], bool(ip[4] & 0x8000), bool(ip[4] & 0x4000),
        bool(ip[4] & 0x2000), (ip[4] & 0x1FFF) * 8, ip[5], ip[6], ip[7], ip[8], ip[9], tcp[0], tcp[1], tcp[2], tcp[3],
        (tcp[4] >> 12) * 4, [bool(tcp[4] >> bit & 1) for bit in range(9)], tcp[5], tcp[6], tcp[7],
        OPTIONS.unpack_from(ALL[turn & 255], 40), ALL[turn & 255][52:],
    )


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def encode(turn):
    options = OPTIONS.pack(1, 1, 8, 10, turn, 2)
    segment = TCP.pack(2000, 80, turn, 2, 8 << 12 | 0x18, 4095, 0, 0) + options + b"hello"
    total = checksum(SRC + DST + struct.pack("!HH", 6, len(segment)) + segment)
    segment = segment[:16] + struct.pack("!H", total) + segment[18:]
    header = IP.pack(0x45, 0, 20 + len(segment), 7238, 0, 64, 6, 0, SRC, DST)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


converse(
    lambda calls: {
        "decode": cost(calls, decode),
        "read": cost(calls, read),
        "all": cost(calls, everything),
        "encode": cost(calls, encode),
    }
)
