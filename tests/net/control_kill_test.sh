#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Control is killed fifty times under traffic, at rest and in the middle of applies: not one packet
# is lost, and what is installed afterwards is what was installed before.

. "$(dirname "$0")/lib.sh"

KILLS=50
RANDOM=7 # the moments are the same in every run

# Everything that control installs, without counters and ages.
state() {
	local what
	for what in interfaces addresses routes; do
		braidctl -j show $what |
			jq -S 'map(del(.rx_packets, .rx_bytes, .tx_packets, .tx_bytes)) | sort'
	done
	braidctl -j show neighbors | jq -S 'map({address, interface, mac}) | sort'
	braidctl -j show config
}

net_begin control_kill
pair_hosts
in_ns right ip addr add 198.51.100.3/24 dev eth0
for i in $(seq 0 1999); do
	echo "10.$((i / 256)).$((i % 256)).0/24 via 198.51.100.$((2 + i % 2))"
done >"$NET/many.txt"
pair_config <<-EOT
	neighbors:
	  - {interface: wan, address: 198.51.100.77, mac: 02:00:00:00:00:77}
	routes:
	  - prefix: 203.0.113.0/24
	    via: [{address: 198.51.100.2, weight: 3}, {address: 198.51.100.3}]
	  - {prefix: 198.18.0.0/15, action: blackhole}
	route_files: [many.txt]
EOT
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
check_ping left 198.51.100.3
state >"$NET/before.json"

peer_bg right log udp_log "$NET/got"
in_ns_bg left stream /usr/bin/python3 "$NET_PEERS/udp_send.py" 198.51.100.2 --rate 1000 --flows 4
stream=$BG_PID
for i in $(seq $KILLS); do
	kill -9 "$CONTROL_PID"
	wait "$CONTROL_PID" 2>/dev/null || true
	if [ $((i % 2)) = 0 ]; then # killed next at rest, or in the middle of an apply
		control_start node "$NET/braid.yaml"
		[ $((i % 4)) = 0 ] || continue
		braidctl apply "$NET/braid.yaml" >/dev/null 2>&1 &
	else # killed next while it starts
		in_ns_bg node control "$BRAID_BUILD/control/braid-control" -c "$NET/braid.yaml" -r \
			"$NET_RUNTIME"
		CONTROL_PID=$BG_PID
	fi
	sleep "0.0$((RANDOM % 60 + 10))"
done
kill -9 "$CONTROL_PID"
wait "$CONTROL_PID" 2>/dev/null || true
control_start node "$NET/braid.yaml"
end_process "$stream"
sent=$(awk '{print $2}' "$NET/stream.log")
wait_for "all $sent datagrams ($(wc -l <"$NET/got") came)" "[ \$(wc -l <$NET/got) -eq $sent ]" 3
state >"$NET/after.json"
diff "$NET/before.json" "$NET/after.json" >&2 || fail "what is installed has changed"
check_ping left 198.51.100.2
check_accounts
