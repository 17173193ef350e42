#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The first example of docs/store.md works as written: its configuration and its commands, one
# after the other, with what they should lead to; its metrics are there, and its list of commands is
# that of the node. It uses names that others may use as well, so this runs with namespaces,
# processes and runtime directories of its own.

if [ "${STORE_GUIDE_ALONE:-no}" = no ]; then
	STORE_GUIDE_ALONE=yes exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0"
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doc.sh"

GUIDE=docs/store.md
RAN=0

# Runs the commands of section $1; what they say is in $NET/said.txt.
run() {
	echo "-- $1"
	: >"$NET/said.txt"
	doc_run < <(doc_blocks $GUIDE "$1" sh)
	[ $DOC_RAN -gt 0 ] || fail "$GUIDE has no commands in \"$1\""
	RAN=$((RAN + DOC_RAN))
}

# Fails unless the commands have said a line that matches $1.
said() {
	tr -s ' ' <"$NET/said.txt" | grep -qE "$1" ||
		fail "\"$1\" was not said: $(cat "$NET/said.txt")"
}

# Fails unless there are the metrics that "Looking inside" lists: what ends in _ begins the names
# behind it.
check_metrics() {
	local name
	ip netns exec kv curl -s -m 5 http://127.0.0.1:9465/metrics >metrics.txt
	doc_blocks $GUIDE "Looking inside" text | tr -s ' ' '\n' |
		awk '/_$/ {prefix = $0; next} NF {print prefix $0}' >names.txt
	[ -s names.txt ] || fail "$GUIDE lists no metrics"
	while read -r name; do
		grep -q "^$name{" metrics.txt || fail "there is no metric $name, as in $GUIDE"
	done <names.txt
}

# Fails unless "Commands" lists exactly the node's commands, each in its group.
check_commands() {
	ip netns exec client redis-cli -h 192.0.2.1 --json COMMAND DOCS |
		jq -r 'to_entries[] | .value.group + " " + (.key | ascii_upcase)' | sort >has.txt
	[ "$(wc -l <has.txt)" -gt 80 ] || fail "the node tells only $(wc -l <has.txt) commands"
	sed -n '/^## Commands/,/^## What/p' "$DOC_ROOT/$GUIDE" |
		awk -F '|' '/^\| [a-z]+ \| [A-Z]/ {
			gsub(/ /, "", $2); n = split($3, names, " ")
			for (i = 1; i <= n; i++) print $2, names[i]
		}' | sort >lists.txt
	diff has.txt lists.txt >diff.txt ||
		fail "$GUIDE lists other commands (>) than there are (<): $(cat diff.txt)"
}

net_begin store_guide
unset -f braidctl # the reader's is on the path
mkdir -p /run/netns /run/braid /var/run/dpdk
for dir in /run/netns /run/braid /var/run/dpdk; do mount -t tmpfs none $dir; done
PATH=$BRAID_BUILD/dataplane:$BRAID_BUILD/control:$PATH
cd "$NET" || fail "no work directory"
doc_blocks $GUIDE "The node" yaml >kv.yaml
[ -s kv.yaml ] || fail "$GUIDE has no configuration"

run "The network"
run "The node"
run "Using it"
[ "$(grep -cxF 'Hello, World!' said.txt)" -eq 3 ] || fail "not three greetings: $(cat said.txt)"
[ "$(grep -c 'requests per second' said.txt)" -eq 4 ] || fail "no rates: $(cat said.txt)"
said '^ *8192$'
check_commands
sleep 0.3
run "Seeing it"
said '^policy allkeys-lru$'
said '^ ?1 8192-16383 [1-9]'
said 'port 6379 is listened on, worker [01] owns it \(by the flow'
said 'begins a new connection, SYN-RECEIVED; 0 of 1024 are half open'
head=$(doc_blocks $GUIDE "Seeing it" text | head -n 1)
tr -s ' ' <said.txt | grep -qxF "$(tr -s ' ' <<<"$head")" || fail "show shards has another head"
check_metrics
run "Changing it"
said '^Hello, World!$'
check_accounts
run "Cleaning up"
[ $RAN -ge 20 ] || fail "only $RAN commands found in $GUIDE"
[ -z "$(ip netns list)" ] || fail "namespaces are left: $(ip netns list)"
