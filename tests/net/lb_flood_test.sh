#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Floods of SYNs, random sources, fragments and invented ICMP errors while real connections run over
# NAT and DSR: none of them breaks, what was flooded is counted, memory stays bounded, every packet
# is accounted for.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

COUNT=60000

in_use() { braidctl -j status | jq .dataplane.mbufs_in_use; }

# The packets that service $1 has balanced without remembering them, for whatever reason.
unstored() { echo $(($(service_is "$1" unstored_rate) + $(service_is "$1" unstored_full))); }

NET_DEVICE=af_xdp
net_begin lb_flood
lb_hosts 2
lb_vips
NODE_KEYS='flows: 20000'
{
	echo "$POOL"
	echo "lb: {new_flows: 3000, idle: {tcp_new: 2s, udp_new: 2s}}"
	echo "services:"
	lb_services nat 80 tcp nat ', port: 7000'
	lb_services dsr 7000 tcp dsr
	lb_services dns 53 udp dsr
} | pair_config
churn_servers 7000
braid_start node "$NET/braid.yaml"
churn_start --target $VIP4:80 --target "[$VIP6]:80" --target $VIP4:7000 --target "[$VIP6]:7000" \
	--connections 800 --open-rate 1000 --rate 2
churn_holds 800
baseline=$(in_use)

mac=$(braidctl -j show ports | jq -r '.[] | select(.name == "lan") | .mac')
peer left lb_flood eth0 $VIP4 $VIP6 --router "$mac" --count $COUNT --rate 20000 --ports 80,53 \
	--seed 1 >"$NET/flood1.log" 2>&1 &
first=$!
peer left lb_flood eth0 $VIP4 $VIP6 --router "$mac" --count $COUNT --rate 20000 --ports 7000,53 \
	--seed 2 >"$NET/flood2.log" 2>&1 &
second=$!
wait $first || fail "the flood failed: $(cat "$NET/flood1.log")"
wait $second || fail "the flood failed: $(cat "$NET/flood2.log")"
sleep 1

[ "$(churn_now .held)" -eq 800 ] || fail "only $(churn_now .held) of 800 connections are left"
[ "$(unstored dsr4)" -gt 1000 ] || fail "the limit of new flows did not work"
for reason in lb_new_flow_limit lb_fragment_early lb_icmp_no_flow; do
	[ "$(drops $reason)" -gt 100 ] || fail "$reason: $(braidctl show drops)"
done
check_json "more flows than the table holds" '[.[].flows] | add <= 40000' show backends
wait_for "buffers to return to about $baseline (now $(in_use))" \
	"[ \$(in_use) -le $((baseline + 64)) ]" 5
churn_check 1000000
check_accounts
