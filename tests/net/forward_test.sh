#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# IPv4 and IPv6 between two hosts through the node, over AF_XDP and over AF_PACKET: ping, large
# pings, TCP both ways, traceroute, TTL exceeded, and pings of the node itself.

. "$(dirname "$0")/lib.sh"

check_hop_count_exceeded() {
	in_ns left ping -c 1 -t 1 -W 2 198.51.100.2 >"$NET/ttl4.txt" || true
	grep -q 'From 192.0.2.1 .*Time to live exceeded' "$NET/ttl4.txt" || fail "no TTL exceeded"
	in_ns left ping -6 -c 1 -t 1 -W 2 2001:db8:2::2 >"$NET/ttl6.txt" || true
	grep -q 'From 2001:db8:1::1 .*Hop limit' "$NET/ttl6.txt" || fail "no hop limit exceeded"
}

# Traceroute to $2 shows the node as $1, then the far host, and nothing else.
check_traceroute() {
	in_ns left traceroute -n -q 1 -w 2 "$2" | awk 'NR > 1 {print $2}' >"$NET/trace.txt"
	[ "$(paste -sd ' ' "$NET/trace.txt")" = "$1 $2" ] ||
		fail "traceroute to $2 shows $(paste -sd ' ' "$NET/trace.txt"), not $1 $2"
}

check_all() {
	braid_start node "$NET/braid.yaml"
	check_ping left 198.51.100.2
	check_ping left 2001:db8:2::2
	check_ping right 192.0.2.2 -s 1472 -M do
	check_ping right 2001:db8:1::2 -s 1452 -M do
	check_ping left 192.0.2.1
	check_ping left 2001:db8:1::1
	check_ping left 198.51.100.1
	check_ping right 2001:db8:1::1
	check_hop_count_exceeded
	check_traceroute 192.0.2.1 198.51.100.2
	check_traceroute 2001:db8:1::1 2001:db8:2::2
	check_tcp left right 198.51.100.2
	check_tcp right left 192.0.2.2
	check_tcp left right 2001:db8:2::2
	check_accounts
	end_process "$CONTROL_PID"
	end_process "$DATAPLANE_PID"
}

net_begin forward
pair_hosts
for NET_DEVICE in af_packet af_xdp; do
	echo "-- $NET_DEVICE"
	pair_config </dev/null
	check_all
done
