#!/bin/bash
# Captures iperf3's load on the loopback of a namespace of its own: `unshare -n capture.sh TOOL SECONDS KIB SNAPLEN FILE`.
# Says "ready"; after "go" one line of JSON: processor time for each packet that went over the loopback, and the share that was dropped.
set -eu
tool=$1 seconds=$2 kib=$3 snaplen=$4 file=$5
here=$(dirname "$0")
out=$(mktemp -d)
trap 'kill $capture $server 2>/dev/null || true; rm -rf "$out"; [ "$file" = /dev/null ] || rm -f "$file"' EXIT
server= capture=
ip link set lo up
echo ready
read -r _
iperf3 -s -1 >/dev/null 2>&1 &
server=$!
case $tool in
windsock) node "$here/../../dist/cli/main.js" capture -i lo -B "$kib" -s "$snaplen" -w "$file" 2>"$out/said" & ;;
tcpdump) tcpdump -i lo -B "$kib" -s "$snaplen" -w "$file" 2>"$out/said" & ;;
esac
capture=$!
# Both say where they listen before the first packet.
for _ in $(seq 200); do grep -q 'lo,' "$out/said" && break; sleep 0.05; done
for _ in $(seq 200); do ss -Hltn 'sport = :5201' | grep -q . && break; sleep 0.05; done
sleep 0.5
ticks() { sed 's/.*) //' "/proc/$capture/stat" | awk '{print $12 + $13}'; }
packets() { awk '/^ *lo:/ {print $11}' /proc/net/dev; } # of this namespace
before=$(ticks)
sent=$(packets)
iperf3 -c 127.0.0.1 -t "$seconds" >/dev/null
sleep 0.5
after=$(ticks)
sent=$(($(packets) - sent))
kill -INT "$capture"
wait "$capture" || true
received=$(awk '/packets received by filter/ {print $1}' "$out/said")
dropped=$(awk '/packets dropped by kernel/ {print $1}' "$out/said")
hz=$(getconf CLK_TCK)
awk -v t=$((after - before)) -v hz="$hz" -v n="$sent" -v r="$received" -v d="$dropped" -v s="$seconds" 'BEGIN {
	printf "{\"cpu\": %.3f, \"dropped\": %.3f, \"rate\": %.0f}\n", t / hz * 1e6 / n, 100 * d / r, n / s / 1000
}'
read -r _ || true
