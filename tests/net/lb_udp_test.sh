#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# UDP in every mode over IPv4 and IPv6: questions and answers as DNS has them, small ones, and ones
# of 4000 bytes, which travel in fragments both ways. A backend where nobody listens says so to the
# client. Over AF_XDP: the AF_PACKET driver has the kernel reassemble what comes in.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# Asks both VIPs at port $1 $2 times with $3 bytes; all backends must answer at least once.
check_ask() {
	local vip
	for vip in $VIP4 $VIP6; do
		peer left udp_ask ask $vip "$1" --count "$2" --bytes "$3" >"$NET/ask.txt" ||
			fail "port $1 of $vip, $3 bytes: $(cat "$NET/ask.txt"; braidctl show drops)"
		[ "$(wc -l <"$NET/ask.txt")" -eq $BACKENDS ] ||
			fail "port $1 of $vip: not all backends answered: $(cat "$NET/ask.txt")"
	done
}

NET_DEVICE=af_xdp
net_begin lb_udp
lb_hosts 2
lb_vips
lb_decaps
{
	echo "$POOL"
	echo "services:"
	lb_services dns 53 udp nat ', port: 5353'
	lb_services dnsd 54 udp dsr
	lb_services dnsi 55 udp ipip
	lb_services dnsg 56 udp gue
	lb_services none 57 udp nat
} | pair_config
for i in 1 2; do
	peer_bg b$i dns$i udp_ask serve b$i "$(b4 $i):5353" "[$(b6 $i)]:5353" $VIP4:{54,55,56} \
		"[$VIP6]":{54,55,56}
done
braid_start node "$NET/braid.yaml"

for port in 53 54 55 56; do
	check_ask $port 30 64
	check_ask $port 20 4000
done
peer left udp_ask ask $VIP4 57 >"$NET/ask.txt" && fail "somebody answers at port 57"
grep -q ConnectionRefused "$NET/ask.txt" || fail "port 57: $(cat "$NET/ask.txt")"
peer left udp_ask ask $VIP6 57 >"$NET/ask.txt" && fail "somebody answers at port 57"
grep -q ConnectionRefused "$NET/ask.txt" || fail "port 57, IPv6: $(cat "$NET/ask.txt")"
for reason in lb_fragment_bad lb_fragment_limit lb_icmp_bad; do
	[ "$(drops $reason)" -eq 0 ] || fail "packets were dropped: $reason"
done
check_accounts
