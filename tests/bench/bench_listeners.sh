#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `sockline listeners` against `ss -ltnp` on a host with 10 000 listeners and 100 000 established
# sockets in ten processes.  Prints the ratio of the mean wall times, both from one run, and the
# memory; writes them to OUT.
#
#   bench_listeners.sh BUILD [OUT]       RUNS=20 in the environment: so many of each
set -eu

build=$1
out=${2:-$build/bench/listeners.md}
runs=${RUNS:-20}
work=$(mktemp -d)
cleanup() {
	exec 9>&- || true # the many processes end with their stdin
	rm -rf "$work"
}
trap cleanup EXIT

mkfifo "$work/stdin"
"$build/bench/many" 10 10000 100000 < "$work/stdin" > "$work/many" &
exec 9> "$work/stdin"
for _ in $(seq 600); do
	grep -q ready "$work/many" && break
	sleep 0.1
done
pid=$(awk '/^ready/ { print $2 }' "$work/many")
inside="nsenter --net=/proc/$pid/ns/net"

ours="$inside $build/sockline listeners"
theirs="$inside ss -ltnp"
listeners=$($ours --no-header --netns "/proc/$pid/ns/net" 2>/dev/null | grep -c .)
shown=$($theirs -H | grep -c '"many"')
if [ "$listeners" != 10000 ] || [ "$shown" != 10000 ]; then
	echo "bench_listeners: $listeners and $shown listeners instead of 10000" >&2
	exit 1
fi

hyperfine -N -w 2 -r "$runs" --export-csv "$work/csv" "$ours" "$theirs" > /dev/null 2>&1
rss=$(/usr/bin/env python3 - $ours <<'PY'
import os, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
import resource
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
PY
)
mkdir -p "$(dirname "$out")"
awk -F, -v rss="$rss" -v runs="$runs" '
	NR == 2 { ours = $2 * 1e3; dev = $3 * 1e3; median = $4 * 1e3; least = $7 * 1e3 }
	NR == 3 { theirs = $2 * 1e3; theirs_median = $4 * 1e3; theirs_least = $7 * 1e3 }
	END {
		print "10 000 listeners, 100 000 established sockets, 10 processes; " runs " runs each"
		print ""
		print "| | sockline listeners | ss -ltnp | ratio |"
		print "|---|---|---|---|"
		printf "| mean | %.1f ms ± %.1f | %.0f ms | %.1f |\n", ours, dev, theirs, theirs / ours
		printf "| median | %.1f ms | %.0f ms | %.1f |\n", median, theirs_median, theirs_median / median
		printf "| fastest | %.1f ms | %.0f ms | %.1f |\n", least, theirs_least, theirs_least / least
		print ""
		print "peak memory of sockline: " rss " MiB"
	}' "$work/csv" | tee "$out"
