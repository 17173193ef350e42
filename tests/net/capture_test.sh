#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures read back by tshark: traffic of one interface in both directions, drops of one reason
# with the reason in the packet's comment, truncated packets, and a capture that is just ended.

. "$(dirname "$0")/lib.sh"

# Starts a capture with options $2..., what it writes to stdout in $NET/$1.pcapng, and waits until
# it is in force.
capture_bg() {
	local name=$1
	shift
	"$BRAID_BUILD/control/braidctl" -r "$NET_RUNTIME" capture "$@" >"$NET/$name.pcapng" \
		2>"$NET/$name.log" &
	CAPTURE_PID=$!
	NET_PIDS+=("$CAPTURE_PID")
	sleep 0.3
	kill -0 $CAPTURE_PID 2>/dev/null || fail "capture ended: $(cat "$NET/$name.log")"
}

# The packets of capture $1 that match display filter $2.
count() { tshark -r "$NET/$1.pcapng" -Y "$2" 2>/dev/null | wc -l; }

net_begin capture
pair_hosts
pair_config <<-EOT
	routes:
	  - {prefix: 198.18.0.0/15, action: blackhole}
EOT
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2

capture_bg traffic --interface lan --output -
check_ping left 198.51.100.2
wait_for "5 echo requests in the capture" "[ \$(count traffic 'icmp.type == 8') -eq 5 ]"
wait_for "5 echo replies in the capture" "[ \$(count traffic 'icmp.type == 0') -eq 5 ]"
end_process $CAPTURE_PID
[ "$(count traffic 'frame.interface_name != "lan"')" -eq 0 ] || fail "packets of other interfaces"
[ "$(count traffic 'icmp.type == 0 && frame.packet_flags_direction == 2')" -eq 5 ] ||
	fail "replies are not marked as outbound"

capture_bg out --drop ip4_blackhole --count 3 --output "$NET/drops.pcapng"
peer left udp_send 8.8.8.8 --count 2 >/dev/null
peer left udp_send 198.18.0.1 --count 3 --size 200 >/dev/null
wait_for "the capture of 3 drops" "! kill -0 $CAPTURE_PID"
wait $CAPTURE_PID || fail "capture failed: $(cat "$NET/out.log")"
[ "$(count drops 'ip.dst == 198.18.0.1 && udp && ip.len == 200')" -eq 3 ] || fail "not the drops"
[ "$(count drops 'frame.comment contains "ip4_blackhole"')" -eq 3 ] || fail "no reason as comment"

capture_bg any --drop any --snaplen 60 --output -
peer left udp_send 198.18.0.1 --count 2 --size 900 >/dev/null
peer left udp_send 198.51.100.1 --port 9 --count 2 >/dev/null
wait_for "closed ports in the capture" \
	"[ \$(count any 'frame.comment contains \"port_unreachable\"') -eq 2 ]"
end_process $CAPTURE_PID
[ "$(count any 'frame.cap_len == 60 && frame.len == 914')" -eq 2 ] || fail "not cut to 60 bytes"
check_ping left 198.51.100.2
check_accounts
