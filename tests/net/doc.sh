# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What documents show is run as a reader would: shell library of the tests of README.md and docs/,
# beside lib.sh.

DOC_ROOT=$(realpath "$NET_PEERS/../..")

# Prints the code blocks of language $3 in section $2 of document $1, its subsections included; with
# $4 only that one of them, counted from 1.
doc_blocks() {
	awk -v want="$2" -v start="\`\`\`$3" -v number="${4:-0}" '
		!fenced && /^##+ / {
			level = index($0, " ") - 1
			if (here && level <= here) here = 0
			if (substr($0, level + 2) == want) here = level
			next
		}
		/^```/ {
			inside = !fenced && here && $0 == start && ++n && (!number || n == number)
			fenced = !fenced
			next
		}
		inside' "$DOC_ROOT/$1"
}

# Runs the lines of stdin one after the other in this shell; what they say is added to
# $NET/said.txt. Fails at the first that fails; DOC_RAN is how many there were.
doc_run() {
	local line code
	DOC_RAN=0
	while IFS= read -r line <&3; do
		code=0
		eval "$line" >"$NET/line.txt" 2>&1 </dev/null || code=$?
		cat "$NET/line.txt" >>"$NET/said.txt"
		[ $code -eq 0 ] ||
			fail "\"$line\" of the document: exit code $code: $(cat "$NET/line.txt")"
		DOC_RAN=$((DOC_RAN + 1))
	done 3<&0
}
