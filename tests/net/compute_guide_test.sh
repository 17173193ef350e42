#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The first example of docs/compute.md works as written: its configuration, its programs and its
# commands, one after the other, with what they should lead to; its programs are those in
# docs/examples, its helpers cost what the header says, its rules are the checker's. It uses
# names that others may use as well, so this runs with namespaces, processes and runtime
# directories of its own.

if [ "${COMPUTE_GUIDE_ALONE:-no}" = no ]; then
	COMPUTE_GUIDE_ALONE=yes exec unshare --mount --pid --fork --kill-child --mount-proc \
		bash "$0"
fi
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/doc.sh"

GUIDE=docs/compute.md
RAN=0

# Runs the commands of section $1; what they say is in $NET/said.txt.
run() {
	echo "-- $1"
	: >"$NET/said.txt"
	doc_run < <(doc_blocks $GUIDE "$1" sh)
	[ $DOC_RAN -gt 0 ] || fail "$GUIDE has no commands in \"$1\""
	RAN=$((RAN + DOC_RAN))
}

# Fails unless the lines of text block $2 of section $1 were said, one after the other.
said_block() {
	doc_blocks $GUIDE "$1" text "$2" | tr -s ' ' >"$NET/want.txt"
	[ -s "$NET/want.txt" ] || fail "$GUIDE has no text $2 in \"$1\""
	awk 'NR == FNR {want[n++] = $0; next} $0 == want[at + 0] {at++} END {exit at < n}' \
		"$NET/want.txt" <(tr -s ' ' <"$NET/said.txt") ||
		fail "not said, as in \"$1\": $(cat "$NET/want.txt"); but: $(cat "$NET/said.txt")"
}

# Fails unless the commands have said a line that matches $1.
said() { grep -qE "$1" "$NET/said.txt" || fail "\"$1\" was not said: $(cat "$NET/said.txt")"; }

# Writes the program $2, block $3 of language $1 in section "$4", to a file of that name; a C
# program has to be the one in docs/examples.
take_program() {
	doc_blocks $GUIDE "$4" "$1" "$3" >"$NET/$2"
	[ -s "$NET/$2" ] || fail "$GUIDE has no $2"
	[ "$1" != c ] || cmp "$NET/$2" "$DOC_ROOT/docs/examples/$2" ||
		fail "$GUIDE has another $2 than docs/examples"
}

# Fails unless the table of helpers has those of the header, with their costs.
check_helpers() {
	# X(1, emit, 64, 4,
	grep -oE 'X\([0-9]+, [a-z0-9_]+, [0-9]+, [0-9]+,' "$DOC_ROOT/lib/task/braid_task.h" |
		sed -E 's/X\([0-9]+, ([a-z0-9_]+), ([0-9]+), ([0-9]+),/\1 \2 \3/' | sort >has.txt
	awk -F ' *[|] *' '/^##+ / {here = /Helpers/}
		here && $2 ~ /^`/ {gsub(/`/, "", $2); print $2, $4, $5}' "$DOC_ROOT/$GUIDE" |
		sort >lists.txt
	[ "$(wc -l <has.txt)" -ge 10 ] || fail "the header has only $(wc -l <has.txt) helpers"
	diff lists.txt has.txt || fail "$GUIDE lists other helpers or costs than braid_task.h"
}

# Fails unless each rule that "What is refused" quotes is one of the checker's.
check_rules() {
	local rule
	awk -F ' *[|] *' '/^##+ /{here = /What is refused/} here && NF > 3 {print $2}' \
		"$DOC_ROOT/$GUIDE" | tail -n +3 >rules.txt
	[ "$(wc -l <rules.txt)" -ge 8 ] || fail "$GUIDE explains no rules"
	while read -r rule; do
		tr -d '\n' <"$DOC_ROOT/lib/task/task_rules.def" | grep -qF "$rule" ||
			fail "no rule says \"$rule\", as in $GUIDE"
	done <rules.txt
}

net_begin compute_guide
unset -f braidctl # the reader's is on the path
mkdir -p /run/netns /run/braid /var/run/dpdk
for dir in /run/netns /run/braid /var/run/dpdk; do mount -t tmpfs none $dir; done
PATH=$BRAID_BUILD/dataplane:$BRAID_BUILD/control:$PATH
cd "$NET" || fail "no work directory"
check_helpers
check_rules
doc_blocks $GUIDE "The node" yaml >kv.yaml
[ -s kv.yaml ] || fail "$GUIDE has no configuration"
take_program c double.c 1 "The seed"
take_program python seed.py 1 "The seed"
take_program c shop_sum.c 1 "Records"

run "The network"
run "The node"
run "The seed"
said '^twice +map +accepted +[0-9]+ +[0-9]+ +[0-9]+ +[0-9.]+$'
for block in 1 2 3; do said_block "The seed" $block; done
said '^200000$'
said '^\[{"item":0,"result":"14"}\]$'
run "Records"
said_block "Records" 1
said '^is_dear$'
[ "$(grep -cE '^shop:499[0-9]:price$' said.txt)" -eq 10 ] ||
	fail "not ten dear keys: $(cat said.txt)"
[ "$(tail -n 1 said.txt)" = 1 ] || fail "FCALL keeps not what is dear: $(cat said.txt)"
run "Faults"
said_block "Faults" 1
said '^braidctl: item 1 \("0"\): sha_[0-9a-f]{16}\.into_100: line [0-9]+'
check_accounts
run "Cleaning up"
[ $RAN -ge 25 ] || fail "only $RAN commands found in $GUIDE"
[ -z "$(ip netns list)" ] || fail "namespaces are left: $(ip netns list)"
