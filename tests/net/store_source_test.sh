#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What one source may take of the store's clients: seven eighths. The rest is for others, and so is
# what it gives back.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

CLIENTS=64 MOST=56

# Host $1 wants $2 connections; fails unless they are $3.
crowd() {
	peer_bg "$1" "crowd-$1" store_crowd --host $STORE4 --count "$2"
	grep -qF "ready: $3" "$NET/crowd-$1.log" ||
		fail "a crowd from $1: $(cat "$NET/crowd-$1.log")"
}

established() { braidctl show conns --count --state ESTABLISHED; }

net_begin store_source
pair_hosts
store_config ", protected_mode: \"no\", max_clients: $CLIENTS"
braid_start node "$NET/braid.yaml"

echo "-- one address opens $CLIENTS connections and has $MOST"
crowd left $CLIENTS "$MOST answered"
[ "$(established)" -eq $MOST ] || fail "$(established) connections"
before=$(drops tcp_source_limit)
! in_ns left timeout 2 redis-cli -h $STORE4 PING >"$NET/ping.txt" 2>&1 ||
	fail "one more of the same source is served: $(cat "$NET/ping.txt")"
[ "$(drops tcp_source_limit)" -gt "$before" ] || fail "its SYN is not counted"

echo "-- others are served: by IPv6, and from the other side"
says "over IPv6" PONG cli6 PING
says "from the other side" PONG in_ns right timeout 5 redis-cli -h $STORE4 PING
wait_for "both to leave" "[ \$(established) -eq $MOST ]"
rest=$((CLIENTS - MOST))
crowd right $((rest + 1)) "$rest answered, 1 not"
grep -q "max number of clients reached" "$NET/crowd-right.log" ||
	fail "the last one is refused for another reason: $(cat "$NET/crowd-right.log")"
end_process "$BG_PID"

echo "-- what the first one gives back it may have again"
end_process "${NET_PIDS[-2]}"
wait_for "all to leave" "[ \$(established) -eq 0 ]"
crowd left $MOST "$MOST answered, 0 not"
check_accounts
