#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Path MTU discovery to a VIP in every mode, over IPv4 and IPv6, in both directions. To the backend:
# the node's link to it is small (though it invites large segments), and tunnels need room; the
# client is told. To the client: a router before it has a small link and tells the VIP or an address
# of the pool, and the backend learns it.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

SMALL=1300 WAN=1400

# A client "far" behind routers: far -- r1 -- left -- node; the link from left to r1 is small.
far_client() {
	local at
	host_add r1
	host_add far
	link_add far eth0 r1 eth0
	link_add r1 eth1 left eth1 $SMALL
	in_ns far ip addr add 10.8.1.2/24 dev eth0
	in_ns far ip -6 addr add 2001:db8:81::2/64 dev eth0 nodad
	in_ns r1 ip addr add 10.8.1.1/24 dev eth0
	in_ns r1 ip -6 addr add 2001:db8:81::1/64 dev eth0 nodad
	in_ns r1 ip addr add 10.8.2.1/24 dev eth1
	in_ns r1 ip -6 addr add 2001:db8:82::1/64 dev eth1 nodad
	in_ns left ip addr add 10.8.2.2/24 dev eth1
	in_ns left ip -6 addr add 2001:db8:82::2/64 dev eth1 nodad
	in_ns far ip route add default via 10.8.1.1
	in_ns far ip -6 route add default via 2001:db8:81::1
	in_ns r1 ip route add default via 10.8.2.2
	in_ns r1 ip -6 route add default via 2001:db8:82::2
	in_ns left ip route add 10.8.1.0/24 via 10.8.2.1
	in_ns left ip -6 route add 2001:db8:81::/64 via 2001:db8:82::1
	for at in left r1; do
		in_ns $at sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
	in_ns left ip -6 route replace default via 2001:db8:1::1
}

# Sends the file to port $2 of $1: the client must learn MTU $3.
check_to_backend() {
	in_ns left curl -s -S -m 10 -o "$NET/answer" --data-binary "@$NET/big" \
		"http://$(host_of "$1"):$2/" || fail "sending to $1:$2 failed"
	in_ns left ip route get "$1" | grep -q "mtu $3" ||
		fail "$1:$2: no MTU $3: $(in_ns left ip route get "$1")"
	in_ns left ip route flush cache
	in_ns left ip -6 route flush cache
}

# Gets the file from port $2 of $1 at the far client: a backend must learn the small MTU.
check_to_client() {
	local i
	in_ns far curl -s -S -m 10 -o "$NET/got" "http://$(host_of "$1"):$2/big" ||
		fail "getting the file from $1:$2 failed: $(braidctl show drops)"
	cmp "$NET/got" "$NET/big" || fail "the file from $1:$2 is another"
}

net_begin lb_pmtu
lb_hosts 2 $WAN
for i in 1 2; do
	in_ns b$i ip route replace default via 198.51.100.1 advmss 1460
	in_ns b$i ip -6 route replace default via 2001:db8:2::1 advmss 1440
done
lb_vips
lb_decaps
lb_webs
far_client
WAN_KEYS="mtu: $WAN"
{
	echo "routes:"
	echo "  - {prefix: 10.8.1.0/24, via: 192.0.2.2}"
	echo "  - {prefix: \"2001:db8:81::/64\", via: \"2001:db8:1::2\"}"
	echo "$POOL"
	echo "services:"
	lb_services nat 80 tcp nat ', port: 8080'
	lb_services dsr 81 tcp dsr
	lb_services ipip 82 tcp ipip
	lb_services gue 83 tcp gue
} | pair_config
braid_start node "$NET/braid.yaml"

for port in 80 81 82 83; do
	check_to_client $VIP4 $port
	check_to_client $VIP6 $port
done
check_to_backend $VIP4 80 $WAN
check_to_backend $VIP6 80 $WAN
check_to_backend $VIP4 81 $WAN
check_to_backend $VIP6 81 $WAN
check_to_backend $VIP4 82 $((WAN - 20))
check_to_backend $VIP6 82 $((WAN - 40))
check_to_backend $VIP4 83 $((WAN - 28))
check_to_backend $VIP6 83 $((WAN - 48))
for i in 1 2; do
	in_ns b$i ip route get 10.8.1.2 from $VIP4 | grep -q "mtu $SMALL" && learned4=yes
	in_ns b$i ip -6 route get 2001:db8:81::2 from $VIP6 | grep -q "mtu $SMALL" && learned6=yes
done
[ "${learned4:-}" = yes ] || fail "no backend has learned the client's MTU over IPv4"
[ "${learned6:-}" = yes ] || fail "no backend has learned the client's MTU over IPv6"
check_accounts
