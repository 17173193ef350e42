#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# ECMP over three next-hop hosts: shares of many UDP flows follow the weights; a next hop that goes
# moves only its own flows, one that comes back takes flows only for itself.

. "$(dirname "$0")/lib.sh"

FLOWS=1500

# Makes host hop$1 at port hop$1 of the node, with the service address; it logs flows to $NET/hop$1.
hop_host() {
	host_add "hop$1"
	link_add "hop$1" eth0 node "hop$1"
	node_end node "hop$1"
	host_addresses "hop$1" "10.0.$1" "2001:db8:f$1"
	in_ns "hop$1" ip addr add 203.0.113.7/32 dev lo
	peer_bg "hop$1" "log$1" udp_log "$NET/hop$1"
}

# Writes configuration $1 whose route has the next hops $2.
config() {
	cat >"$NET/$1.yaml" <<-YAML
		node:
		  name: $NET_NODE
		  workers: [1]
		  memory: 256M
		  ports:
		    - {name: lan, device: "$(device_for lan0)", addresses: [192.0.2.1/24]}
		    - {name: hop1, device: "$(device_for hop1)", addresses: [10.0.1.1/24]}
		    - {name: hop2, device: "$(device_for hop2)", addresses: [10.0.2.1/24]}
		    - {name: hop3, device: "$(device_for hop3)", addresses: [10.0.3.1/24]}
		routes:
		  - {prefix: 203.0.113.0/24, via: [$2]}
	YAML
}

# Sends one datagram per flow; which host got each goes to $NET/map.$1 as "flow hop".
flows_to() {
	local i
	for i in 1 2 3; do : >"$NET/hop$i"; done
	peer left udp_send 203.0.113.7 --flows $FLOWS --count 1 --rate 20000 >/dev/null
	wait_for "all $FLOWS flows to arrive" "[ \$(cat $NET/hop[123] | wc -l) -ge $FLOWS ]"
	for i in 1 2 3; do sed "s/ .*/ $i/" "$NET/hop$i"; done | sort >"$NET/map.$1"
}

# Fails unless hop $2 has $3 percent of the flows of map $1, give or take $4. The buckets of a hop
# are drawn, and so are its flows: 5 points are too few once in some hundred runs.
check_share() {
	local n
	n=$(awk -v hop="$2" '$2 == hop' "$NET/map.$1" | wc -l)
	jq -en "$n * 100 / $FLOWS - $3 | fabs <= $4" >/dev/null ||
		fail "$1: hop $2 has $n of $FLOWS flows, not $3 %"
}

# Fails if flows moved between maps $1 and $2 other than $3 hop $4: from it, or to it.
check_moved() {
	join "$NET/map.$1" "$NET/map.$2" | awk -v way="$3" -v hop="$4" '
		$2 != $3 && (way == "from" ? $2 : $3) != hop {wrong++}
		END {exit wrong > 0}' || fail "$1 to $2: flows moved that were not $3 hop $4"
}

net_begin ecmp
host_add left
host_add node
link_add left eth0 node lan0
node_end node lan0
host_addresses left 192.0.2 2001:db8:1
for i in 1 2 3; do hop_host $i; done
config all "{address: 10.0.1.2, weight: 3}, {address: 10.0.2.2, weight: 2}, {address: 10.0.3.2}"
config two "{address: 10.0.1.2, weight: 3}, {address: 10.0.3.2}"
braid_start node "$NET/all.yaml"
for i in 1 2 3; do check_ping left 10.0.$i.2; done

flows_to all
check_share all 1 50 7
check_share all 2 33.3 7
check_share all 3 16.7 7
flows_to again
cmp -s "$NET/map.all" "$NET/map.again" || fail "flows moved though nothing changed"
braidctl apply "$NET/two.yaml" >/dev/null
flows_to two
check_share two 1 75 6
check_share two 2 0 0
check_moved all two from 2
braidctl apply "$NET/all.yaml" >/dev/null
flows_to back
check_share back 2 33.3 7
check_moved two back to 2
check_accounts
