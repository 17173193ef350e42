#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The dataplane is killed and started again, then stopped and started again: control finds it by
# itself and installs what was in force, also when the file has changed meanwhile.

. "$(dirname "$0")/lib.sh"

# Waits until the new dataplane has it all, and proves it by packets.
check_replayed() {
	wait_for "the replay" in_force 10
	braidctl -j show routes 203.0.113.0/24 | jq -e 'length == 1' >/dev/null ||
		fail "the route was not replayed"
	wait_for "the node's addresses" addresses_preferred
	check_ping left 203.0.113.7
	check_ping left 2001:db8:2::2
}

net_begin restart
pair_hosts
in_ns right ip addr add 203.0.113.7/32 dev lo
pair_config <<-EOT
	routes:
	  - {prefix: 203.0.113.0/24, via: 198.51.100.2}
EOT
braid_start node "$NET/braid.yaml"
check_ping left 203.0.113.7

echo "-- kill -9"
kill -9 "$DATAPLANE_PID"
wait "$DATAPLANE_PID" 2>/dev/null || true
wait_for "control to notice" \
	"{ braidctl -j status || true; } | jq -e '.control.connected == false'"
braidctl status >"$NET/status.txt" && fail "status is content without a dataplane"
grep -q 'not running' "$NET/status.txt" || fail "status says: $(cat "$NET/status.txt")"
dataplane_start node "$NET/braid.yaml"
check_replayed

echo "-- SIGTERM, and a file that has changed"
end_process "$DATAPLANE_PID"
sed 's/203.0.113.0/203.0.114.0/' "$NET/braid.yaml" >"$NET/changed.yaml"
cp "$NET/changed.yaml" "$NET/braid.yaml"
dataplane_start node "$NET/braid.yaml"
check_replayed
check_json "reconnects are not counted" '.control.reconnects >= 2' status
check_accounts
