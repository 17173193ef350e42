#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The node's own addresses and MAC: a configured MAC is used; an address that appears is announced;
# an IPv6 address that a host has already is found and left to that host, which the node serves like
# any other; an IPv4 address that a host takes is defended.

. "$(dirname "$0")/lib.sh"

MAC=02:00:00:00:00:aa

# Applies the configuration with sed script $1 applied, as $NET/next.yaml.
apply_change() {
	sed "$1" "$NET/braid.yaml" >"$NET/next.yaml"
	braidctl apply "$NET/next.yaml" >"$NET/apply.txt" 2>&1 || fail "$(cat "$NET/apply.txt")"
}

# What tcpdump in host left has seen so far matches pattern $1.
seen() { grep -qE "$1" "$NET/dump.log"; }

net_begin address
pair_hosts
LAN_KEYS="mac: $MAC"
pair_config </dev/null
in_ns_bg left dump tcpdump -lnei eth0 'arp or icmp6'
wait_for "tcpdump" "grep -q listening $NET/dump.log"
braid_start node "$NET/braid.yaml"
check_json "the port's MAC" ".[] | select(.name == \"lan\") | .mac == \"$MAC\"" show ports
wait_for "the announcements" "seen '$MAC > ff:ff:ff:ff:ff:ff.*who-has 192.0.2.1 .*tell 192.0.2.1' &&
	seen '$MAC > 33:33:00:00:00:01.*neighbor advertisement, tgt is 2001:db8:1::1'"
check_ping left 198.51.100.2
check_ping left 2001:db8:2::2
in_ns left ip neigh show 192.0.2.1 | grep -q "$MAC" || fail "$(in_ns left ip neigh)"

in_ns left ip -6 addr add 2001:db8:1::77/128 dev eth0 nodad
apply_change 's,192.0.2.1/24,&\, 192.0.2.9/24\, "2001:db8:1::77/64"\, "2001:db8:1::9/64",'
wait_for "the new address to be announced" "seen 'who-has 192.0.2.9 .*tell 192.0.2.9'"
wait_for "2001:db8:1::77 of host left to be found" "braidctl -j show addresses |
	jq -e '.[] | select(.address == \"2001:db8:1::77/64\") | .state == \"duplicate\"'"
wait_for "2001:db8:1::9 to be used" "braidctl -j show addresses |
	jq -e '.[] | select(.address == \"2001:db8:1::9/64\") | .state == \"preferred\"'"
check_ping left 192.0.2.9
check_ping left 2001:db8:1::9 -I 2001:db8:1::2
seen "$MAC.*neighbor advertisement, tgt is 2001:db8:1::77" && fail "announced a duplicate"

# The host has nothing but the address that the node has been given too: it can talk to the node, be
# routed by it and be reached through it; the address is the node's again when the host is gone.
state() {
	braidctl -j show addresses | jq -r ".[] | select(.address == \"$1\") | .state"
}
route() { braidctl -j show routes | jq -r ".[] | select(.prefix == \"$1\") | .origin"; }
in_ns left ip -6 addr del 2001:db8:1::77/128 dev eth0
apply_change 's,192.0.2.1/24,&\, 192.0.2.9/24\, "2001:db8:1::2/64",'
wait_for "2001:db8:1::2 to be a duplicate" '[ "$(state 2001:db8:1::2/64)" = duplicate ]'
[ "$(route 2001:db8:1::2)" = connected ] || fail "$(braidctl show routes)"
in_ns left ip -6 neigh flush dev eth0
before=$(drops nd_duplicate)
check_ping left 2001:db8:1::1 -I 2001:db8:1::2
check_ping left 2001:db8:2::2 -I 2001:db8:1::2
check_ping right 2001:db8:1::2
check_tcp right left 2001:db8:1::2 1
[ "$(drops nd_duplicate)" -eq "$before" ] || fail "the host is still taken for an impostor"
[ "$(drops ip6_redirect_loop)" -eq 0 ] || fail "packets to the host came back to the node"
check_json "the host is a neighbour" \
	'any(.address == "2001:db8:1::2" and .interface == "lan")' show neighbors
apply_change 's,192.0.2.1/24,&\, 192.0.2.9/24,'
in_ns left ip -6 addr del 2001:db8:1::2/64 dev eth0
in_ns left ip -6 addr add 2001:db8:1::3/64 dev eth0 nodad
apply_change 's,192.0.2.1/24,&\, 192.0.2.9/24\, "2001:db8:1::2/64",'
wait_for "2001:db8:1::2 to be ours" '[ "$(state 2001:db8:1::2/64)" = preferred ]'
[ "$(route 2001:db8:1::2)" = local ] || fail "$(braidctl show routes)"
check_ping left 2001:db8:1::2

# Host left takes the node's address: its announcement is counted, and answered by the node's own.
announced() { grep -c "$MAC > ff:ff:ff:ff:ff:ff.*192.0.2.9 .*tell 192.0.2.9" "$NET/dump.log"; }
wait_for "both announcements of 192.0.2.9" '[ $(announced) -eq 2 ]'
in_ns left sysctl -qw net.ipv4.conf.eth0.arp_notify=1
in_ns left ip addr add 192.0.2.9/32 dev eth0
in_ns left ip link set eth0 address 02:00:00:00:01:09
wait_for "the conflict to be counted" "[ \$(drops arp_duplicate) -ge 1 ]"
wait_for "the defence" '[ $(announced) -eq 3 ]'
in_ns left ip addr del 192.0.2.9/32 dev eth0

apply_change 's/192.0.2.9//'
wait_for "the address to go" "braidctl -j show addresses |
	jq -e 'all(.address != \"192.0.2.9/24\")'"
in_ns left ping -q -c 1 -W 0.5 192.0.2.9 >/dev/null && fail "192.0.2.9 still answers"
check_ping left 198.51.100.2
check_accounts
