#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `braidctl apply` changes what differs and nothing else: a dry run shows it, an apply does it while
# packets pass, the same file again changes nothing, and the way back leads to the same state.

. "$(dirname "$0")/lib.sh"

# What is installed, without counters and ages.
state() {
	braidctl -j show interfaces | jq -Sc '.[] | {name, port, vlan, mtu, addresses}'
	braidctl -j show routes | jq -Sc '.[]' | sort
	braidctl -j show neighbors | jq -Sc '.[] | select(.state == "permanent") | {address, mac}'
}

net_begin apply
pair_hosts
in_ns right ip addr add 203.0.113.7/32 dev lo
pair_config <<-EOT
	neighbors:
	  - {interface: wan, address: 198.51.100.77, mac: 02:00:00:00:00:77}
	routes:
	  - {prefix: 203.0.113.0/24, via: 198.51.100.2}
	  - {prefix: 198.18.0.0/15, action: blackhole}
EOT
sed -e '/198.51.100.77/d' -e 's/^neighbors:/neighbors: []/' -e 's/198.18.0.0/198.20.0.0/' \
	-e 's/action: blackhole/action: reject/' -e 's/203.0.113.0.24/203.0.113.0\/25/' \
	"$NET/braid.yaml" >"$NET/next.yaml"
sed -i '/2001:db8:2::1/a\      interfaces: [{name: wan.7, vlan: 7, addresses: [10.7.0.1/24]}]' \
	"$NET/next.yaml"
braid_start node "$NET/braid.yaml"
check_ping left 203.0.113.7
state >"$NET/before.txt"

braidctl apply --dry-run "$NET/next.yaml" >"$NET/dry.txt" || fail "dry run: $(cat "$NET/dry.txt")"
for line in '[+].*wan.7' '[-].*198.51.100.77' '[-].*203.0.113.0/24' '[+].*203.0.113.0/25' \
	'[-].*198.18.0.0/15' '[+].*198.20.0.0/15'; do
	grep -qE "^ *$line" "$NET/dry.txt" ||
		fail "the dry run does not say $line: $(cat "$NET/dry.txt")"
done
state | diff "$NET/before.txt" - >&2 || fail "the dry run has changed something"

peer_bg right log udp_log "$NET/got"
in_ns_bg left stream /usr/bin/python3 "$NET_PEERS/udp_send.py" 203.0.113.7 --rate 1000
stream=$BG_PID
wait_for "the stream" "[ \$(wc -l <$NET/got) -gt 20 ]"
check_json "apply" '.applied and .counts.interfaces.added == 1 and
	.counts.neighbors.removed == 1 and
	.counts.routes.added == 2 and .counts.routes.removed == 2' apply "$NET/next.yaml"
check_json "apply again" '.counts | [.interfaces, .neighbors, .routes] |
	all(.added == 0 and .removed == 0 and .changed == 0)' apply "$NET/next.yaml"
state >"$NET/next.txt"
grep -q wan.7 "$NET/next.txt" || fail "wan.7 is not there"
check_ping left 10.7.0.1
check_json "apply back" '.applied' apply "$NET/braid.yaml"
end_process "$stream"
sent=$(awk '{print $2}' "$NET/stream.log")
wait_for "all $sent datagrams ($(wc -l <"$NET/got") came)" "[ \$(wc -l <$NET/got) -eq $sent ]" 3
state | diff "$NET/before.txt" - >&2 || fail "the way back leads elsewhere"
check_ping left 203.0.113.7
check_accounts
