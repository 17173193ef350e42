#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `braidctl explain` says what then really happens to the same packet: each kind of verdict is
# compared with the counters after one such packet is sent.

. "$(dirname "$0")/lib.sh"

# Explains a UDP packet of host left to $1 with further options, as JSON in $NET/said.json.
explain() {
	braidctl -j explain -i lan -s "$SRC" -d "$@" -p udp --sport 20000 --dport 5000 \
		>"$NET/said.json"
}

# Fails unless a packet of host left to $1 is said to be dropped as $2, and then is. $3... are
# options of udp_send.py and of explain, where they are called the same.
check_drop() {
	local to=$1 reason=$2 before
	shift 2
	before=$(drops "$reason")
	explain "$to" "$@"
	jq -e --arg r "($reason)" '(.forwarded | not) and (.verdict | contains($r))' \
		"$NET/said.json" >/dev/null || fail "$to: explain says $(cat "$NET/said.json")"
	[ "$(drops "$reason")" = "$before" ] || fail "$to: explaining it has counted it"
	peer left udp_send "$to" --count 1 "$@" >/dev/null
	wait_for "$to to be dropped as $reason" "[ \$(drops $reason) -eq $((before + 1)) ]" 5
}

# Fails unless a packet of host left to $1 is said to be forwarded by port $2, and then is.
check_forwarded() {
	local to=$1 port=$2
	shift 2
	: >"$NET/got"
	explain "$to" "$@"
	jq -e --arg p "port $port" '.forwarded and (.verdict | contains($p))' "$NET/said.json" \
		>/dev/null || fail "$to: explain says $(cat "$NET/said.json")"
	peer left udp_send "$to" --count 1 "$@" >/dev/null
	wait_for "$to to arrive" "[ \$(wc -l <$NET/got) -eq 1 ]" 5
}

net_begin explain
pair_hosts
in_ns right ip addr add 203.0.113.7/32 dev lo
WAN_KEYS='mtu: 1400'
pair_config <<-EOT
	routes:
	  - {prefix: 203.0.113.0/24, via: 198.51.100.2}
	  - {prefix: 198.18.0.0/15, action: blackhole}
	  - {prefix: 198.20.0.0/16, action: reject}
	  - {prefix: "2001:db8:bad::/48", action: blackhole}
EOT
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
check_ping left 2001:db8:2::2
peer_bg right log udp_log "$NET/got"

SRC=192.0.2.2
check_forwarded 198.51.100.2 wan
check_forwarded 203.0.113.7 wan --ttl 2
check_forwarded 203.0.113.7 wan --size 1400 --df
check_forwarded 203.0.113.7 wan --size 1500
jq -e '.steps | map(.text) | any(contains("2 fragments"))' "$NET/said.json" >/dev/null ||
	fail "explain does not cut: $(cat "$NET/said.json")"
check_drop 203.0.113.7 ip4_too_big --size 1500 --df
check_drop 203.0.113.7 ip4_ttl_exceeded --ttl 1
check_drop 198.18.0.1 ip4_blackhole
check_drop 198.20.0.1 ip4_reject
check_drop 8.8.8.8 ip4_no_route
check_drop 198.51.100.1 port_unreachable
SRC=2001:db8:1::2
check_forwarded 2001:db8:2::2 wan
check_drop 2001:db8:2::2 ip6_too_big --size 1500
check_drop 2001:db8:2::2 ip6_hop_limit --ttl 1
check_drop 2001:db8:bad::1 ip6_blackhole
check_drop 2001:db8:99::1 ip6_no_route

check_json "an unknown neighbour is not waited for" '.forwarded and
	(.verdict | contains("held until"))' explain -i lan -s 192.0.2.2 -d 198.51.100.99
check_json "a ping of the node is not for the node" '(.forwarded | not) and
	(.steps | map(.text) | any(contains("node itself")))' \
	explain -i lan -s 192.0.2.2 -d 192.0.2.1 -p icmp
check_accounts
