#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The balancer's metrics: per service and backend, in agreement with the traffic that was.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

# The sum of the series that begin with $1.
metric() {
	awk -v s="$1" 'index($0, s) == 1 {n += $NF; m++} END {print m ? n : "none"}' \
		"$NET/metrics.txt"
}

scrape() { in_ns node curl -s -m 5 http://127.0.0.1:9465/metrics >"$NET/metrics.txt"; }

net_begin lb_metrics
lb_hosts 2
lb_webs
LB_KEYS='health: {probe: tcp, interval: 200ms}' lb_config nat 8080 </dev/null
braid_start node "$NET/braid.yaml"
wait_for "probes" "[ \"\$(backend_is web4 198.51.100.11:8080 probe_succeeded)\" -gt 0 ]"
for _ in $(seq 40); do lb_get $VIP4 /; done >"$NET/names"
sleep 0.3
scrape

[ "$(metric 'braid_service_new_flows_total{service="web4"')" -eq 40 ] ||
	fail "40 connections are $(metric 'braid_service_new_flows_total{service="web4"') new flows"
[ "$(metric 'braid_service_new_flows_total{service="web6"')" -eq 0 ] || fail "flows of web6"
sum=$(metric 'braid_backend_transmitted_packets_total{service="web4"')
[ "$(metric 'braid_service_transmitted_packets_total{service="web4"')" -eq "$sum" ] ||
	fail "packets of web4"
[ "$(metric 'braid_service_received_bytes_total{service="web4"')" -gt 4000 ] || fail "bytes of web4"
[ "$(metric 'braid_service_dropped_packets_total{')" -eq 0 ] || fail "packets were dropped"
begins() {
	lb_get $VIP4 / >>"$NET/names" && scrape &&
		[ "$(metric 'braid_service_new_flows_per_second{service="web4"')" -gt 0 ]
}
wait_for "new flows per second" begins 5
for i in 1 2; do
	series=$(grep '^braid_backend_new_flows_total{' "$NET/metrics.txt" | grep web4 |
		grep "$(b4 $i)" | awk '{print $NF}')
	[ "$series" = "$(grep -c "b$i" "$NET/names")" ] ||
		fail "b$i served $(grep -c "b$i" "$NET/names"), counted: $series"
done
[ "$(metric 'braid_backend_up{')" -eq 4 ] || fail "$(grep _up "$NET/metrics.txt")"
[ "$(metric braid_backend_probe_successes_total)" -ge 4 ] || fail "no probes are counted"
[ "$(metric braid_control_services)" -eq 2 ] || fail "not two services"
kill "$(cat "$NET/b2/pid")"
wait_for "b2 to be down" "scrape && grep braid_backend_down $NET/metrics.txt | grep -q ' 1$'" 5
[ -z "$(awk '!/^#/ {print $1}' "$NET/metrics.txt" | sort | uniq -d)" ] || fail "a series is twice"
check_accounts
