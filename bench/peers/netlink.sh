#!/bin/bash
# A namespace full of routes, neighbours or sockets, and a program in it: `unshare -n netlink.sh KIND COUNT PROGRAM [ARG…]`.
set -eu
kind=$1 count=$2
shift 2
here=$(dirname "$0")
ip link set lo up
ip link add bench0 type veth peer name bench1
ip link set bench0 up
ip link set bench1 up
# The number i as a.b.c below a network.
spread() { awk -v n="$count" "BEGIN { for (i = 0; i < n; i++) printf $1 }"; }
case $kind in
routes) spread '"route add 10.%d.%d.%d/32 via 192.0.2.2 dev bench0 onlink proto static metric 100\n", i / 65536, i / 256 % 256, i % 256' | ip -batch - ;;
neighbors)
	sysctl -qw net.ipv4.neigh.default.gc_thresh3=$((count * 2)) 2>/dev/null || true # permanent ones do not count
	spread '"neigh add 10.%d.%d.%d lladdr 02:00:00:%02x:%02x:%02x dev bench0\n", i / 65536, i / 256 % 256, i % 256, i / 65536, i / 256 % 256, i % 256' | ip -batch -
	;;
sockets) exec "$here/../out/pairs" "$count" "$@" ;;
esac
exec "$@"
