#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A link goes down and comes up, at the host's end and at the node's: forwarding resumes by itself,
# and every packet meanwhile is accounted for.

. "$(dirname "$0")/lib.sh"

# Takes device $2 of host $1 down while packets go there, and up again.
flap() {
	in_ns left ping -q -i 0.01 -c 100 -W 1 198.51.100.2 >/dev/null &
	local ping=$!
	in_ns "$1" ip link set "$2" down
	in_ns left ping -c 1 -W 0.3 198.51.100.2 >/dev/null && fail "$2 of $1 is not down"
	in_ns "$1" ip link set "$2" up
	[ "$1" = node ] || in_ns right ip route add default via 198.51.100.1
	wait $ping || true
	wait_for "left to reach right again" "in_ns left ping -c 1 -W 1 198.51.100.2"
	check_ping left 198.51.100.2
}

net_begin link
pair_hosts
pair_config </dev/null
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
flap right eth0
flap node wan0
check_accounts
