#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What README.md shows under "Running a node" works as written: its configuration, with devices that
# are here, and its commands, one after the other.

. "$(dirname "$0")/lib.sh"

README=$NET_PEERS/../../README.md

# The first code block of language $1 under "Running a node".
block() {
	awk -v start="\`\`\`$1" '
		/^## / {here = /Running a node/}
		here && $0 == start {inside = 1; next}
		/^```$/ {if (inside) exit}
		inside' "$README"
}

net_begin readme
for host in left node right; do host_add $host; done
link_add left eth0 node lan0
link_add right eth0 node wan0
node_end node lan0
node_end node wan0
host_addresses left 192.0.2 2001:db8:1
host_addresses right 198.51.100 2001:db8:2
block yaml | sed -e "s/device: 0000:03:00.0 /device: \"$(device_for lan0)\" /" \
	-e "s/device: net_af_xdp0,iface=eth1 /device: \"$(device_for wan0)\" /" \
	-e "s/name: n1/name: $NET_NODE/" >"$NET/braid.yaml"
[ "$(grep -c net_af_ "$NET/braid.yaml")" -eq 2 ] || fail "README.md has other devices than expected"
echo '192.0.2.128/25 via 198.51.100.2' >"$NET/full-table.txt"
braid_start node "$NET/braid.yaml"

cd "$NET" || fail "no work directory"
ran=0
while read -r line; do
	case $line in
	braid-*) continue ;; # started above, in the node's namespace
	*capture*) line="timeout 1 $line" ;;
	esac
	code=0
	PATH=$BRAID_BUILD/control:$PATH bash -c "${line/braidctl/braidctl --runtime $NET_RUNTIME}" \
		>"$NET/line.txt" 2>&1 || code=$?
	[ $code -eq 0 ] || [[ $code = 124 && $line = timeout* ]] ||
		fail "\"$line\" of README.md: exit code $code: $(cat "$NET/line.txt")"
	ran=$((ran + 1))
done < <(block sh)
[ $ran -ge 4 ] || fail "only $ran commands found in README.md"
check_ping left 198.51.100.2
