#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# DPDK's own telemetry shows the ports of a running node, with the counters that braidctl shows.

. "$(dirname "$0")/lib.sh"

# Asks the node's telemetry for $1.
ask() {
	echo "$1" | dpdk-telemetry.py -f "braid-$NET_NODE" | sed -n '/^{"\//p'
}

net_begin telemetry
pair_hosts
pair_config </dev/null
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
in_ns left ip link set eth0 down # nothing comes in any more
in_ns right ip link set eth0 down
sleep 0.3
ask /ethdev/list >"$NET/list.json"
jq -e '."/ethdev/list" | length == 2' "$NET/list.json" >/dev/null || fail "$(cat "$NET/list.json")"
for port in $(jq '."/ethdev/list"[]' "$NET/list.json"); do
	name=$(ask "/ethdev/info,$port" | jq -r '."/ethdev/info".name')
	rx=$(ask "/ethdev/stats,$port" | jq '."/ethdev/stats".ipackets')
	braidctl -j show ports | jq -e --arg n "$name" --argjson rx "$rx" \
		'.[] | select(.device | startswith($n)) | .rx_packets == $rx' >/dev/null ||
		fail "port $name received $rx, braidctl says: $(braidctl show ports)"
done
