#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A dataplane that is restarted knows from its first packet on which backends are drained or down:
# none of the connections that arrive meanwhile goes there. The same with control gone as well, as
# far as drains go.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# Connects all the time until $1 connections were answered.
keep_asking() {
	local n=0
	while [ $n -lt "$1" ]; do
		lb_get "$VIP4" / >>"$NET/names" 2>/dev/null && n=$((n + 1))
	done
}

# Kills the dataplane and starts it anew, then does "$@".
restart() {
	local asking
	kill -9 "$DATAPLANE_PID"
	wait "$DATAPLANE_PID" 2>/dev/null || true
	: >"$NET/names"
	keep_asking 20 &
	asking=$!
	NET_PIDS+=("$asking")
	dataplane_start node "$NET/braid.yaml"
	"$@"
	wait_for "answers" "! kill -0 $asking" 30
	# The counters began with the dataplane: nothing was tried either.
	[ "$(backend_is web4 198.51.100.11:8080 new_flows)" -eq 0 ] || fail "b1, drained, got flows"
}

net_begin lb_restart
lb_hosts 3
lb_webs
LB_KEYS='health: {probe: tcp, interval: 300ms, timeout: 200ms, fall: 3}' \
	lb_config nat 8080 </dev/null
braid_start node "$NET/braid.yaml"
wait_for "probes" "[ \"\$(backend_is web4 198.51.100.13:8080 probe_succeeded)\" -gt 0 ]"
braidctl drain web4 198.51.100.11 || fail "b1 cannot be drained"
kill "$(cat "$NET/b2/pid")"
wait_for "b2 to be down" "[ \"\$(backend_is web4 198.51.100.12:8080 state)\" = down ]"

restart true
[ "$(backend_is web4 198.51.100.12:8080 new_flows)" -eq 0 ] || fail "b2, down, got flows"
[ "$(sort -u "$NET/names")" = b3 ] || fail "others answered: $(sort "$NET/names" | uniq -c)"
[ "$(backend_is web4 198.51.100.11:8080 state)" = draining ] || fail "b1 is not drained"

end_process "$CONTROL_PID"
restart control_start node "$NET/braid.yaml"
[ "$(backend_is web4 198.51.100.11:8080 state)" = draining ] || fail "the drain is forgotten"
check_accounts
