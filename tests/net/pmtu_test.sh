#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Path MTU discovery in both directions and for both IP versions: the node names the MTU of the
# smaller link, and TCP over it gets through at that size.

. "$(dirname "$0")/lib.sh"

# Pings $2 from host $1 with $3 bytes of data, and expects an error that names MTU $4.
check_too_big() {
	in_ns "$1" ping -c 1 -W 2 -s "$3" -M do "$2" >"$NET/big.txt" 2>&1 || true
	grep -qiE "(frag needed and DF set \(mtu =|packet too big: mtu[ =]) ?$4" "$NET/big.txt" ||
		fail "no MTU $4 from $1 to $2: $(cat "$NET/big.txt")"
}

net_begin pmtu
pair_hosts
host_add small
link_add small eth0 node sml0
node_end node sml0
host_addresses small 10.0.3 2001:db8:3
WAN_KEYS='mtu: 1400'
pair_config <<-EOT
	    - name: sml
	      device: "$(device_for sml0)"
	      mtu: 1300
	      addresses: [10.0.3.1/24, "2001:db8:3::1/64"]
EOT
braid_start node "$NET/braid.yaml"
check_ping left 10.0.3.2
check_ping right 2001:db8:3::2

check_tcp left right 198.51.100.2
check_tcp left right 2001:db8:2::2
in_ns left ip route get 198.51.100.2 | grep -q 'mtu 1400' || fail "TCP did not learn MTU 1400"
in_ns left ip route flush cache
in_ns left ip -6 route flush cache

check_too_big left 198.51.100.2 1472 1400
check_too_big left 2001:db8:2::2 1452 1400
check_too_big right 10.0.3.2 1372 1300
check_too_big right 2001:db8:3::2 1352 1300
check_ping left 198.51.100.2 -s 1372 -M do
check_ping left 2001:db8:2::2 -s 1352 -M do
check_ping small 192.0.2.2 -s 1272 -M do
check_ping small 2001:db8:1::2 -s 1252 -M do
[ "$(drops ip4_too_big)" -ge 2 ] || fail "ip4_too_big was not counted"
[ "$(drops ip6_too_big)" -ge 2 ] || fail "ip6_too_big was not counted"
check_accounts
