#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The first example of docs/load-balancing.md works as written: its configuration and its commands,
# one after the other, with what they should lead to. They use names that others may use as well, so
# this runs with namespaces, processes and runtime directories of its own.

if [ "${LB_GUIDE_ALONE:-no}" = no ]; then
	LB_GUIDE_ALONE=yes exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doc.sh"

GUIDE=docs/load-balancing.md
RAN=0

# Runs the commands of section $1; what they say is in $NET/said.txt.
run() {
	echo "-- $1"
	: >"$NET/said.txt"
	doc_run < <(doc_blocks $GUIDE "$1" sh)
	[ $DOC_RAN -gt 0 ] || fail "$GUIDE has no commands in \"$1\""
	RAN=$((RAN + DOC_RAN))
	check_shape "$1"
}

# Fails unless the commands of section $1 have said each line of words in capitals, which are heads
# of tables, that the section shows.
check_shape() {
	local head
	while read -r head; do
		tr -s ' ' <"$NET/said.txt" | grep -qxF "$head" ||
			fail "\"$1\" shows \"$head\", but was said: $(cat "$NET/said.txt")"
	done < <(doc_blocks $GUIDE "$1" text | grep -E '^[A-Z% ]+$' | tr -s ' ')
}

# Fails unless the commands have said $1 in so many lines as $2 compares to: "-eq 6".
said() {
	local n
	n=$(grep -cE "$1" "$NET/said.txt" || true)
	# shellcheck disable=SC2086
	[ "$n" $2 ] || fail "\"$1\" was said $n times instead of $2: $(cat "$NET/said.txt")"
}

# Fails unless there are the metrics that "Looking inside" lists: what ends in _ begins the names
# behind it.
check_metrics() {
	local name
	ip netns exec lb curl -s -m 5 http://127.0.0.1:9465/metrics >metrics.txt
	doc_blocks $GUIDE "Looking inside" text | tr -s ' ' '\n' |
		awk '/_$/ {prefix = $0; next} NF {print prefix $0}' >names.txt
	[ -s names.txt ] || fail "$GUIDE lists no metrics"
	while read -r name; do
		grep -q "^$name{" metrics.txt || fail "there is no metric $name, as in $GUIDE"
	done <names.txt
}

# Fails unless "Looking inside" says what each drop of the balancer means.
check_reasons() {
	local reason
	braidctl -j show drops --all | jq -r '.[].reason | select(startswith("lb_"))' >names.txt
	[ -s names.txt ] || fail "there are no drops of the balancer"
	while read -r reason; do
		grep -q "^| \`$reason\`" "$DOC_ROOT/$GUIDE" || fail "$GUIDE lacks $reason"
	done <names.txt
}

net_begin lb_guide
unset -f braidctl # the reader's is on the path
mkdir -p /run/netns /run/braid /var/run/dpdk
for dir in /run/netns /run/braid /var/run/dpdk; do mount -t tmpfs none $dir; done
PATH=$BRAID_BUILD/dataplane:$BRAID_BUILD/control:$PATH
cd "$NET" || fail "no work directory"
doc_blocks $GUIDE "The node" yaml >lb.yaml
[ -s lb.yaml ] || fail "$GUIDE has no configuration"

run "The network"
run "The node"
run "Using it"
said '^this is web[123]$' '-eq 6'
said '203.0.113.10:80 .*closing' '-ge 1'
said '^=> forwarded' '-eq 1'
run "Draining a backend"
said 'draining 192.0.2.21:8080: [0-9]+ flow' '-ge 1'
said 'has no flows left' '-eq 1'
said '192.0.2.21:8080 +draining +1 +0.0 +0' '-eq 1'
run "A backend fails"
said '192.0.2.22:8080 +down .*refused' '-eq 1'
said '^this is web[13]$' '-eq 6'
doc_blocks $GUIDE "Another service, without translation" yaml >>lb.yaml
run "Another service, without translation"
said 'direct .*dsr +up +2 +2' '-eq 1'
said '[0-9] this is web[13]$' '-eq 2'
check_metrics
check_reasons
check_accounts
run "Cleaning up"
[ $RAN -ge 25 ] || fail "only $RAN commands found in $GUIDE"
[ -z "$(ip netns list)" ] || fail "namespaces are left: $(ip netns list)"
