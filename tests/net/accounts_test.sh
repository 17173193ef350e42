#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Both ports are flooded with good, broken and random frames of layers 2 to 4. After that everything
# received or made is, to the packet, transmitted, consumed, dropped for a reason or held; no buffer
# is lost; and the node forwards as before.

. "$(dirname "$0")/lib.sh"

FRAMES=15000

in_use() { braidctl -j status | jq .dataplane.mbufs_in_use; }

# Whether the node has nothing more to do: two looks at its counters are equal, nothing is held.
is_quiet() {
	local first
	first=$(accounts)
	sleep 0.2
	[ "$(accounts)" = "$first" ] && jq -en "$first | .held == 0"
}

# Whether the drops by reason are all drops. The hosts say something now and then, which may be
# dropped between the two looks.
reasons_add_up() {
	local by_reason
	by_reason=$(braidctl -j show drops | jq 'map(.packets) | add')
	accounts | jq -e ".dropped == $by_reason"
}

net_begin accounts
pair_hosts
NODE_WORKERS=${ACCOUNTS_WORKERS:-[1, 1]}
WAN_KEYS='mtu: 1300'
LAN_KEYS='interfaces:
  - {name: lan.10, vlan: 10, addresses: [192.0.10.1/24]}'
pair_config <<-EOT
	routes:
	  - {prefix: 203.0.113.0/24, via: [{address: 198.51.100.2}, {address: 198.51.100.9}]}
	  - {prefix: 198.18.0.0/15, action: blackhole}
	  - {prefix: 198.20.0.0/16, action: reject}
EOT
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
check_ping left 2001:db8:2::2
wait_for "quiet" is_quiet
baseline=$(in_use)

lan=$(braidctl -j show ports | jq -r '.[] | select(.name == "lan") | .mac')
wan=$(braidctl -j show ports | jq -r '.[] | select(.name == "wan") | .mac')
peer right flood eth0 --router "$wan" --count $FRAMES --seed 2 >"$NET/flood2.log" 2>&1 &
other=$!
peer left flood eth0 --router "$lan" --count $FRAMES --seed 1 >"$NET/flood1.log" 2>&1
wait $other || fail "the flood of host right failed"
wait_for "quiet after the flood" is_quiet 20
check_accounts
wait_for "buffers to return to $baseline (now $(in_use))" "[ \$(in_use) -le $baseline ]" 5

check_json "the flood did not arrive" ".dataplane.accounts |
	.received >= $FRAMES and .transmitted > 1000 and .consumed > 10" status
kinds=$(braidctl -j show drops | jq length)
[ "$kinds" -ge 25 ] || fail "only $kinds kinds of drops: $(braidctl show drops)"
wait_for "the reasons to add up to what is dropped" reasons_add_up 5
check_ping left 198.51.100.2
check_ping left 2001:db8:2::2
