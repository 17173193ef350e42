#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `scripts/demo --check` finds everything as it should be, and leaves nothing behind; an unknown
# option is a usage error.

. "$(dirname "$0")/lib.sh"

net_begin demo_test
demo=$NET_PEERS/../../scripts/demo
namespaces=$(ip netns list | grep -c . || true)
"$demo" --chck >"$NET/demo.txt" 2>&1 && fail "--chck is an option"
grep -q 'demo --help' "$NET/demo.txt" || fail "no hint at --help: $(cat "$NET/demo.txt")"
"$demo" --check >"$NET/demo.txt" 2>&1 </dev/null ||
	fail "the demo found something wrong: $(tail -n 30 "$NET/demo.txt")"
[ "$(ip netns list | grep -c . || true)" = "$namespaces" ] || fail "the demo left namespaces behind"
