#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Prometheus endpoint: well-formed text whose counters are those that braidctl shows, on the
# configured address only, which an apply can move.

. "$(dirname "$0")/lib.sh"

# The value of series $1 ("name" or 'name{label="x"}') as curl got it last.
value() { awk -v s="$1" '$1 == s {print $2}' "$NET/metrics.txt"; }

# Fails unless series $1 is $2.
check_value() {
	[ "$(value "$1")" = "$2" ] || fail "metric $1 is \"$(value "$1")\", braidctl says $2"
}

scrape() {
	in_ns node curl -sS -D "$NET/head.txt" -o "$NET/metrics.txt" \
		"http://127.0.0.1:$1/metrics" || fail "curl got no metrics"
}

net_begin metrics
pair_hosts
pair_config <<-EOT
	routes:
	  - {prefix: 198.18.0.0/15, action: blackhole}
	metrics: {listen: 127.0.0.1:9465}
EOT
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
peer left udp_send 198.18.0.1 --count 7 >/dev/null
wait_for "the drops" "[ \$(drops ip4_blackhole) -eq 7 ]"
in_ns left ip link set eth0 down # nothing comes in any more
in_ns right ip link set eth0 down
sleep 0.3

scrape 9465
grep -qi '^content-type: text/plain; version=0.0.4' "$NET/head.txt" || fail "$(cat "$NET/head.txt")"
comment='# (HELP|TYPE) braid_[a-z0-9_]+ .+'
series='braid_[a-z0-9_]+(\{([a-z_]+="[^"]*",?)+\})? [-+0-9.e]+'
grep -vE "^($comment|$series)$" "$NET/metrics.txt" && fail "not the Prometheus text format"
[ -z "$(awk '!/^#/ {print $1}' "$NET/metrics.txt" | sort | uniq -d)" ] || fail "a series is twice"
awk '$2 == "TYPE" {typed[$3]} !/^#/ {sub(/\{.*/, "", $1); if (!($1 in typed)) exit 1}' \
	"$NET/metrics.txt" || fail "a series has no type"

check_value 'braid_dropped_packets_total{reason="ip4_blackhole",severity="routine"}' 7
check_value braid_control_dataplane_up 1
check_value braid_generation "$(braidctl -j status | jq .dataplane.generation)"
# The node may still ask for its neighbours: both looks are between two that are equal.
looks_are_equal() {
	braidctl -j show ports >"$NET/ports.json"
	scrape 9465
	braidctl -j show ports | cmp -s - "$NET/ports.json"
}
wait_for "a moment without packets" looks_are_equal
for port in lan wan; do
	row=$(jq -c --arg p $port '.[] | select(.name == $p)' "$NET/ports.json")
	for counter in rx_packets=received_packets tx_packets=transmitted_packets \
		rx_bytes=received_bytes tx_bytes=transmitted_bytes; do
		check_value "braid_port_${counter#*=}_total{port=\"$port\"}" \
			"$(jq ".${counter%=*}" <<<"$row")"
	done
done
[ "$(in_ns node curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9465/nothing)" = 404 ] ||
	fail "a path that does not exist is not 404"
in_ns node ip addr add 10.9.9.9/32 dev lo
in_ns node curl -s -m 2 http://10.9.9.9:9465/metrics && fail "it listens beyond loopback"

sed 's/9465/9466/' "$NET/braid.yaml" >"$NET/moved.yaml"
braidctl apply "$NET/moved.yaml" >/dev/null
scrape 9466
in_ns node curl -s -m 2 http://127.0.0.1:9465/metrics && fail "the old port still answers"
exit 0
