#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What README.md shows under "Running a node", "Load balancing", "The store" and "Programs" works as
# written: its configuration, with devices that are here, its program, and its commands.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doc.sh"

# Runs the braidctl command line that follows for a second, or until it ends.
for_a_second() {
	timeout 1 "$BRAID_BUILD/control/braidctl" --runtime "$NET_RUNTIME" "${@:2}" ||
		[ $? -eq 124 ]
}

# A client of the store is on another host.
redis-cli() { in_ns left redis-cli "$@"; }

net_begin readme
for host in left node right; do host_add $host; done
link_add left eth0 node lan0
link_add right eth0 node wan0
node_end node lan0
node_end node wan0
host_addresses left 192.0.2 2001:db8:1
host_addresses right 198.51.100 2001:db8:2
doc_blocks README.md "Running a node" yaml |
	sed -e "s/device: 0000:03:00.0 /device: \"$(device_for lan0)\" /" \
		-e "s/device: net_af_xdp0,iface=eth1 /device: \"$(device_for wan0)\" /" \
		-e "s/name: n1/name: $NET_NODE/" >"$NET/braid.yaml"
[ "$(grep -c net_af_ "$NET/braid.yaml")" -eq 2 ] ||
	fail "README.md has other devices than expected"
doc_blocks README.md "The store" yaml >>"$NET/braid.yaml"
echo '192.0.2.128/25 via 198.51.100.2' >"$NET/full-table.txt"
braid_start node "$NET/braid.yaml"

cd "$NET" || fail "no work directory"
# Left out is what was started above, in the node's namespace; a capture ends when its time is up.
doc_run < <(doc_blocks README.md "Running a node" sh |
	sed -E -e '/^braid-/d' -e 's/^braidctl capture.*/for_a_second &/')
[ $DOC_RAN -ge 4 ] || fail "only $DOC_RAN commands found in README.md"
doc_blocks README.md "Load balancing" yaml >>"$NET/braid.yaml"
braidctl apply "$NET/braid.yaml" >/dev/null || fail "README.md's services are refused"
doc_run < <(doc_blocks README.md "Load balancing" sh)
[ $DOC_RAN -ge 4 ] || fail "only $DOC_RAN commands found in README.md"
doc_run < <(doc_blocks README.md "The store" sh)
[ $DOC_RAN -ge 5 ] || fail "only $DOC_RAN commands found in README.md"
grep -qxF "Hello, World!" "$NET/said.txt" || fail "the store does not greet"
# So is a shell that sends programs.
braidctl() { in_ns left "$BRAID_BUILD/control/braidctl" "$@"; }
doc_blocks README.md "Programs" c >double.c
doc_run < <(doc_blocks README.md "Programs" sh)
[ $DOC_RAN -ge 4 ] || fail "only $DOC_RAN commands found in README.md"
grep -qx 10 "$NET/said.txt" || fail "nothing is doubled"
check_ping left 198.51.100.2
