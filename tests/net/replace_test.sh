#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A route is replaced again and again while a stream runs over it, by another next hop and among a
# thousand other routes that come and go: not one packet is lost.

. "$(dirname "$0")/lib.sh"

net_begin replace
pair_hosts
in_ns right ip addr add 198.51.100.3/24 dev eth0
in_ns right ip addr add 203.0.113.7/32 dev lo
pair_config <<-EOT
	routes:
	  - {prefix: 203.0.113.0/24, via: 198.51.100.2}
EOT
sed 's/via: .*/via: 198.51.100.3}/' "$NET/braid.yaml" >"$NET/other.yaml"
for i in $(seq 0 999); do
	echo "10.$((i / 256)).$((i % 256)).0/24 via 198.51.100.3"
done >"$NET/many.txt"
echo "route_files: [many.txt]" >>"$NET/other.yaml"
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
check_ping left 198.51.100.3

peer_bg right log udp_log "$NET/got"
in_ns_bg left stream /usr/bin/python3 "$NET_PEERS/udp_send.py" 203.0.113.7 --rate 2000 --flows 4
stream=$BG_PID
wait_for "the stream" "[ \$(wc -l <$NET/got) -gt 100 ]"
for i in $(seq 10); do
	braidctl apply "$NET/other.yaml" >"$NET/apply.txt" || fail "$(cat "$NET/apply.txt")"
	[ "$(braidctl show routes --count)" -ge 1000 ] || fail "the routes did not come"
	braidctl apply "$NET/braid.yaml" >"$NET/apply.txt" || fail "$(cat "$NET/apply.txt")"
done
end_process "$stream"
sent=$(awk '{print $2}' "$NET/stream.log")
wait_for "all $sent datagrams ($(wc -l <"$NET/got") came)" "[ \$(wc -l <$NET/got) -eq $sent ]" 3
check_accounts
