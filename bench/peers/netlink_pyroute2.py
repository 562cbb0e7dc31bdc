"""What listing costs with pyroute2: `netlink_pyroute2.py KIND COUNT ROUNDS`."""

import json
import sys
import time

from pyroute2 import DiagSocket, IPRoute

KIND, COUNT, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
AF_INET = 2
EXTENSIONS = 0xFF  # INET_DIAG_MEMINFO, INFO, VEGASINFO, CONG, TOS, TCLASS, SKMEMINFO, SHUTDOWN


def calls():
    if KIND == "sockets":
        diag = DiagSocket()
        diag.bind()
        return lambda: list(diag.get_sock_stats(family=AF_INET, extensions=EXTENSIONS))
    route = IPRoute()
    if KIND == "routes":
        return lambda: list(route.get_routes(family=AF_INET, table=254))
    return lambda: list(route.get_neighbours())


def main():
    call = calls()
    times = []
    for turn in range(ROUNDS + 1):
        began = time.perf_counter()
        found = len(call())
        times.append((time.perf_counter() - began) * 1e3)
        if found < COUNT:
            raise ValueError(f"{found} instead of {COUNT}")
    median = sorted(times[1:])[ROUNDS // 2]
    print(json.dumps({"first": times[0], "call": median, "all": median}), flush=True)  # all fields are decoded


print("ready", flush=True)
sys.stdin.readline()
main()
sys.stdin.read()
