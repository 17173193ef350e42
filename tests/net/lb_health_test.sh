#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Health: a backend that is killed is noticed and gets no more flows, by TCP, UDP and ICMP probes;
# one that comes back is used again; when fewer are healthy than the panic threshold, all are used,
# and that is said.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

QUICK='interval: 200ms, timeout: 150ms, rise: 2, fall: 2'

# Waits until backend $2 of service $1 is in state $3.
wait_state() {
	wait_for "$2 of $1 to be $3 ($(backend_is "$1" "$2" state))" \
		"[ \"\$(backend_is $1 '$2' state)\" = $3 ]" 4
}

net_begin lb_health
lb_hosts 3
lb_webs
for i in 1 2 3; do peer_bg b$i dns$i udp_ask serve b$i "$(b4 $i):53"; done
{
	echo "$POOL"
	echo "services:"
	LB_KEYS="panic_threshold: 50%
health: {probe: tcp, $QUICK}" lb_services web 80 tcp nat ', port: 8080'
	LB_KEYS="health: {probe: udp, request: 'XX0123456789abcdefPING', expect: XX, $QUICK}" \
		lb_service dns4 $VIP4 53 udp nat 198.51.100.1{1,2,3}
	LB_KEYS="health: {probe: icmp, $QUICK}" \
		lb_service ping4 $VIP4 99 tcp nat 198.51.100.1{1,2,3}
} | pair_config
braid_start node "$NET/braid.yaml"
for i in 1 2 3; do
	wait_state web4 "$(b4 $i):8080" up
	wait_state web6 "[$(b6 $i)]:8080" up
	wait_state dns4 "$(b4 $i):53" up
	wait_state ping4 "$(b4 $i):99" up
done
lb_check_spread $VIP4

echo "-- the web server of b2 is killed"
kill "$(cat "$NET/b2/pid")"
wait_state web4 198.51.100.12:8080 down
wait_state web6 '[2001:db8:2::12]:8080' down
[ "$(backend_is dns4 198.51.100.12:53 state)" = up ] || fail "UDP of b2 is thought to be down"
for vip in $VIP4 $VIP6; do
	for _ in $(seq 20); do lb_get $vip /; done >"$NET/names" || fail "$vip failed"
	grep -q b2 "$NET/names" && fail "a backend that is down answered"
done
lb_web 2
wait_state web4 198.51.100.12:8080 up
wait_state web6 '[2001:db8:2::12]:8080' up
lb_check_spread $VIP4

echo "-- b3 loses its link"
in_ns b3 ip link set eth0 down
wait_state web4 198.51.100.13:8080 down
wait_state dns4 198.51.100.13:53 down
wait_state ping4 198.51.100.13:99 down
peer left udp_ask ask $VIP4 53 --count 20 >"$NET/ask.txt" || fail "$(cat "$NET/ask.txt")"

echo "-- two of three are down, fewer than half are healthy: panic"
kill "$(cat "$NET/b1/pid")"
wait_for "the panic" "[ \"\$(service_is web4 state)\" = panic ]" 4
braidctl show services >"$NET/services.txt"
grep -qi panic "$NET/services.txt" || fail "no word of panic: $(cat "$NET/services.txt")"
lb_web 1
wait_for "the end of the panic" "[ \"\$(service_is web4 state)\" = up ]" 4
for _ in $(seq 10); do lb_get $VIP4 / || fail "b1 and b2 do not serve"; done >/dev/null
check_accounts
