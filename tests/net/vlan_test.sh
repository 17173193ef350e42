#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 802.1Q: a host behind a tagged sub-interface reaches an untagged one and a host in another VLAN of
# the same port; priority tags belong to the port itself; a VLAN nobody has is dropped and counted.

. "$(dirname "$0")/lib.sh"

net_begin vlan
for host in left node right; do host_add $host; done
link_add left eth0 node lan0
link_add right eth0 node wan0
node_end node lan0
node_end node wan0
host_addresses right 198.51.100 2001:db8:2
LAN_KEYS='interfaces:
  - {name: lan.10, vlan: 10, addresses: [192.0.10.1/24, "2001:db8:a::1/64"]}
  - {name: lan.4094, vlan: 4094, addresses: [192.0.20.1/24]}'
pair_config </dev/null
braid_start node "$NET/braid.yaml"

peer_bg left trunk trunk eth0 0 10 99 4094
for device in v0 v10 v99 v4094; do in_ns left ip link set $device up; done
in_ns left ip addr add 192.0.2.2/24 dev v0
in_ns left ip addr add 192.0.10.2/24 dev v10
in_ns left ip -6 addr add 2001:db8:a::2/64 dev v10 nodad
in_ns left ip addr add 192.0.20.2/24 dev v4094
in_ns left ip addr add 192.0.99.2/24 dev v99
in_ns left ip route add 198.51.100.0/24 via 192.0.10.1
in_ns left ip -6 route add default via 2001:db8:a::1

check_ping left 192.0.10.1
check_ping left 198.51.100.2
check_ping right 192.0.10.2
check_ping right 192.0.10.2 -s 1472 -M do
check_ping right 2001:db8:a::2
check_ping right 192.0.20.2
check_ping left 192.0.2.1
check_ping right 192.0.2.2
check_json "lan.10 did not count" '.[] | select(.name == "lan.10") | .vlan == 10 and
	.rx_packets >= 20 and .tx_packets >= 20' show interfaces

before=$(drops eth_unknown_vlan)
in_ns left ip neigh add 192.0.99.1 lladdr "$(in_ns node cat /sys/class/net/lan0/address)" dev v99
in_ns left ping -q -c 3 -i 0.02 -W 1 192.0.99.1 >/dev/null && fail "VLAN 99 does not exist"
wait_for "VLAN 99 to be counted" "[ \$(drops eth_unknown_vlan) -ge $((before + 3)) ]"
check_accounts
