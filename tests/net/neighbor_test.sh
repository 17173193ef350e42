#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Neighbours: packets are held until one answers; silence becomes "host unreachable"; a host that
# changes its MAC is found by its announcement, and without one by unreachability detection; a
# static neighbour needs no ARP.

. "$(dirname "$0")/lib.sh"

# Sends a stream to $1 while host left changes its MAC to $2; it must arrive again within $3 s.
change_mac() {
	peer right udp_send "$1" --rate 200 >/dev/null &
	local stream=$!
	NET_PIDS+=("$stream")
	wait_for "the stream to $1" "[ \$(wc -l <$NET/got) -gt 20 ]"
	in_ns left ip link set eth0 address "$2"
	sleep 0.1
	: >"$NET/got"
	wait_for "the stream to $1 after the change to $2" "[ \$(wc -l <$NET/got) -gt 20 ]" "$3"
	end_process $stream
	: >"$NET/got"
}

net_begin neighbor
pair_hosts
host_add mute
link_add mute eth0 node mute0
node_end node mute0
host_addresses mute 10.0.3 2001:db8:3
in_ns mute ip link set eth0 address 02:00:00:00:03:02 arp off
in_ns mute ip neigh add 10.0.3.1 lladdr "$(in_ns node cat /sys/class/net/mute0/address)" dev eth0
pair_config <<-EOT
	    - {name: mute, device: "$(device_for mute0)", addresses: [10.0.3.1/24]}
	neighbors:
	  - {interface: mute, address: 10.0.3.2, mac: 02:00:00:00:03:02}
EOT
braid_start node "$NET/braid.yaml"
peer_bg left log udp_log "$NET/got"

# Held: nobody has spoken to left yet, and the first datagrams come before its answer.
peer right udp_send 192.0.2.2 --count 8 --rate 100000 >/dev/null
wait_for "the held packets" "[ \$(wc -l <$NET/got) -eq 8 ]" 3
peer right udp_send 2001:db8:1::2 --count 8 --rate 100000 >/dev/null
wait_for "the held IPv6 packets" "[ \$(wc -l <$NET/got) -eq 16 ]" 3

in_ns right ping -c 1 -W 5 192.0.2.99 >"$NET/ping.txt" || true
grep -q 'From 198.51.100.1 .*Destination Host Unreachable' "$NET/ping.txt" ||
	fail "no host unreachable: $(cat "$NET/ping.txt")"
in_ns right ping -6 -c 1 -W 5 2001:db8:1::99 >"$NET/ping.txt" || true
grep -q 'From 2001:db8:2::1 .*Address unreachable' "$NET/ping.txt" ||
	fail "no address unreachable: $(cat "$NET/ping.txt")"

check_ping right 10.0.3.2
check_json "the static neighbour is not permanent" '.[0].state == "permanent"' show neighbors mute

in_ns left sysctl -qw net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.ndisc_notify=1
change_mac 192.0.2.2 02:00:00:00:01:01 1
change_mac 2001:db8:1::2 02:00:00:00:01:02 1

# Without a word: the announcement has left the entry unconfirmed, so that the node is about to
# probe it (after 5 s); three questions to the old MAC stay unanswered, the one to all does not.
in_ns left sysctl -qw net.ipv4.conf.eth0.arp_notify=0 net.ipv6.conf.eth0.ndisc_notify=0
change_mac 2001:db8:1::2 02:00:00:00:01:03 9
check_accounts
