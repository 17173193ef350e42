#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A device with one queue feeds two workers: both work, and each flow's datagrams stay in order.

. "$(dirname "$0")/lib.sh"

FLOWS=16 COUNT=1000

net_begin steer
pair_hosts
NODE_WORKERS='[1, 1]'
pair_config </dev/null
braid_start node "$NET/braid.yaml"
check_json "the ports are not steered" 'all(.steered and .rx_queues == 1)' show ports
check_ping left 198.51.100.2
check_ping left 2001:db8:2::2

peer_bg right log udp_log "$NET/got"
for to in 198.51.100.2 2001:db8:2::2; do
	: >"$NET/got"
	peer left udp_send $to --flows $FLOWS --count $COUNT --rate 12000 >/dev/null
	wait_for "all datagrams to $to" "[ \$(wc -l <$NET/got) -eq $((FLOWS * COUNT)) ]" 5
	awk '$2 != last[$1]++ {wrong++} END {exit wrong > 0}' "$NET/got" ||
		fail "datagrams to $to were out of order"
done
for worker in 0 1; do
	for stage in ip4_forward ip6_forward; do
		n=$(in_ns node curl -s http://127.0.0.1:9465/metrics | awk -v series=\
"braid_stage_packets_total{worker=\"$worker\",stage=\"$stage\"}" '$1 == series {print $2}')
		[ "$n" -gt $((FLOWS * COUNT / 8)) ] || fail "worker $worker: $stage had only $n"
	done
done
check_accounts
