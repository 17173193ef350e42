#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo --check` finds everything as it should be, and leaves nothing behind; an unknown
# option is a usage error.

. "$(dirname "$0")/lib.sh"

net_begin demo_test
demo=$NET_PEERS/../../scripts/demo
"$demo" --chck >"$NET/demo.txt" 2>&1 && fail "--chck is an option"
grep -q 'demo --help' "$NET/demo.txt" || fail "no hint at --help: $(cat "$NET/demo.txt")"
"$demo" --check >"$NET/demo.txt" 2>&1 </dev/null &
demo_pid=$!
NET_PIDS+=($demo_pid)
wait $demo_pid || fail "the demo found something wrong: $(tail -n 30 "$NET/demo.txt")"
# The demo names its namespaces by its pid.
ip netns list | grep -q "^bt$demo_pid-" && fail "the demo left namespaces behind"
grep -oE '/tmp/braid-demo\.[A-Za-z0-9]+' "$NET/demo.txt" | sort -u >"$NET/dirs.txt"
[ -s "$NET/dirs.txt" ] || fail "the demo names no directory: $(tail -n 30 "$NET/demo.txt")"
while read -r dir; do
	[ ! -e "$dir" ] || fail "the demo left $dir behind"
	! pgrep -fa "$dir" >"$NET/ps.txt" || fail "the demo left processes: $(cat "$NET/ps.txt")"
done <"$NET/dirs.txt"
