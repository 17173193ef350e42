#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a VIP says besides its services: echo is answered, traceroute by UDP, ICMP and TCP ends at
# it, a port without a service is refused, an echo to the pool is answered, and a service whose
# backends cannot be reached says so.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# Traces the way to $1 with further options: the last hop must be $1 itself.
check_trace() {
	local to=$1
	shift
	in_ns left traceroute -n -q 1 -w 2 -m 4 "$@" "$to" >"$NET/trace.txt" 2>&1 ||
		fail "traceroute $* $to: $(cat "$NET/trace.txt")"
	[ "$(awk 'END {print $2}' "$NET/trace.txt")" = "$to" ] ||
		fail "traceroute $* $to does not end there: $(cat "$NET/trace.txt")"
}

net_begin lb_icmp
lb_hosts 2
lb_webs
{
	lb_service gone4 203.0.113.11 80 tcp nat 198.51.100.99
	lb_service gone6 2001:db8:99::11 80 tcp nat 2001:db8:2::99
} >"$NET/more.txt"
lb_config nat 8080 <"$NET/more.txt"
braid_start node "$NET/braid.yaml"

for address in $VIP4 $VIP6 203.0.113.201 2001:db8:98::1; do check_ping left $address; done
check_ping left $VIP4 -s 1400 -M do
check_ping left $VIP6 -s 1400 -M do
for vip in $VIP4 $VIP6; do
	lb_get $vip / >/dev/null || fail "$vip does not answer"
	check_trace $vip
	check_trace $vip -I
	check_trace $vip -T -p 80
	code=0
	in_ns left curl -s -m 5 "http://$(host_of $vip):99/" || code=$?
	[ $code -eq 7 ] || fail "port 99 of $vip is not refused: curl says $code"
done
for vip in 203.0.113.11 2001:db8:99::11; do
	in_ns left curl -s -v -m 8 "http://$(host_of $vip)/" 2>"$NET/curl.txt" &&
		fail "$vip answers without a backend"
	grep -qE 'No route to host|Host is unreachable' "$NET/curl.txt" ||
		fail "the client is not told that $vip has no backend: $(cat "$NET/curl.txt")"
done
check_accounts
