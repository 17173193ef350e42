#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `braidctl explain` follows a packet through the balancer: service, backend, mode, rewritten
# header, and names the backend that then really gets the flow.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# Explains a packet of host left to port $2 of $1 from port $3, protocol ${4:-tcp}.
explain() {
	local source=192.0.2.2
	[[ $1 != *:* ]] || source=2001:db8:1::2
	braidctl explain -i lan -s $source -d "$1" -p "${4:-tcp}" --sport "$3" --dport "$2" \
		>"$NET/said.txt" || fail "explain failed: $(cat "$NET/said.txt")"
}

said() {
	grep -qE "$1" "$NET/said.txt" || fail "explain does not say \"$1\": $(cat "$NET/said.txt")"
}

net_begin lb_explain
lb_hosts 3
in_ns left sysctl -qw net.ipv4.ip_local_port_range='32768 60999' # leaves ours alone
lb_vips
lb_decaps
lb_webs
{
	echo "lb: {key: 000102030405060708090a0b0c0d0e0f}"
	echo "$POOL"
	echo "services:"
	lb_services nat 80 tcp nat ', port: 8080'
	lb_services dsr 81 tcp dsr
	lb_services ipip 82 tcp ipip
	lb_services gue 83 tcp gue
} | pair_config
braid_start node "$NET/braid.yaml"

# Explains four flows to port $3 of $1, service $2; the backend named must be the one that answers.
check_service() {
	local sport name family=4 first=$((10000 + 10 * $3))
	[[ $1 != *:* ]] || family=6
	for sport in $(seq $((first + family)) 100 $((first + family + 300))); do
		explain "$1" "$3" $sport
		said "$2$family"
		said '=> forwarded'
		name=$(in_ns left curl -s -m 5 --local-port $sport "http://$(host_of "$1"):$3/")
		said "$("b$family" "${name#b}")"
	done
}

for vip in $VIP4 $VIP6; do
	lb_check_spread $vip # the neighbours are known now
	check_service $vip nat 80
	check_service $vip dsr 81
	check_service $vip ipip 82
	check_service $vip gue 83
done
explain $VIP4 99 20001
said 'tcp_refused|nothing listens|no service'
check_accounts
