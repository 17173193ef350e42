#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The command line: every command has help with examples, examples work, typos get a suggestion, all
# JSON is JSON, and the completion script and the man page are well-formed.

. "$(dirname "$0")/lib.sh"

# All commands, one per line, as the general help lists them.
commands() { braidctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z]\+\)\?\)  .*/\1/p'; }

# Fails unless command line $2... fails as a usage error with a suggestion of $1.
check_typo() {
	local code=0 right=$1
	shift
	braidctl "$@" >"$NET/typo.txt" 2>&1 || code=$?
	[ $code -eq 2 ] || fail "braidctl $*: exit code $code"
	grep -qF "did you mean \"$right\"" "$NET/typo.txt" ||
		fail "braidctl $*: $(cat "$NET/typo.txt")"
}

# Runs example $1 of the help of a command, as written, on host left, beside a braid.yaml and the
# programs of the guide; those that never end are ended.
check_example() {
	local code=0
	(cd "$NET" && PATH=$NET/bin:$PATH BRAID_SERVER=192.0.2.1 \
		timeout -s INT 10 bash -o pipefail -c "$1") \
		>"$NET/example.txt" 2>&1 </dev/null || code=$?
	case $code:$1 in
	0:* | 124:*top* | 124:*capture* | 130:*) ;;
	*) fail "example \"$1\": exit code $code: $(cat "$NET/example.txt")" ;;
	esac
}

net_begin cli
pair_hosts
pair_config <<-EOT
	routes:
	  - {prefix: 198.51.100.128/25, via: 198.51.100.2}
	  - {prefix: "2001:db8::1/128", via: "2001:db8:2::2"}
	services: # those of the examples
	  - name: web
	    vip: 203.0.113.10
	    port: 8080
	    mode: dsr
	    health: {probe: none}
	    backends: [{address: 192.0.2.21}, {address: 192.0.2.22}]
	  - name: web6
	    vip: "2001:db8:99::10"
	    port: 80
	    mode: ipip
	    health: {probe: none}
	    backends: [{address: "2001:db8::1"}, {address: "2001:db8:2::2"}]
	store: {listen: [192.0.2.1], memory: 64M, protected_mode: "no"}
EOT
mkdir "$NET/bin"
cp "$NET_PEERS"/../../docs/examples/*.c "$NET"
printf '#!/bin/sh\nexec ip netns exec %s-left %s --runtime %s "$@"\n' "$NET_PREFIX" \
	"$BRAID_BUILD/control/braidctl" "$NET_RUNTIME" >"$NET/bin/braidctl"
chmod +x "$NET/bin/braidctl"
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2

[ "$(commands | wc -l)" -ge 15 ] || fail "the help lists only $(commands | wc -l) commands"
while read -r command; do
	# shellcheck disable=SC2086
	braidctl $command --help >"$NET/help.txt" || fail "no help for $command"
	grep -q '^Usage: braidctl' "$NET/help.txt" || fail "the help of $command has no usage line"
	sed -n '/^Examples:/,$s/^  braidctl/braidctl/p' "$NET/help.txt" >"$NET/examples.txt"
	[ -s "$NET/examples.txt" ] || fail "$command has no example"
	grep -v '/etc/' "$NET/examples.txt" >"$NET/safe.txt" || true
	while read -r example; do check_example "$example"; done <"$NET/safe.txt"
	case $command in
	show* | status)
		# shellcheck disable=SC2086
		braidctl -j $command | jq -e . >/dev/null || fail "braidctl -j $command is not JSON"
		# shellcheck disable=SC2086
		braidctl $command >"$NET/text.txt" || fail "braidctl $command failed"
		[ -s "$NET/text.txt" ] || fail "braidctl $command says nothing"
		;;
	esac
done < <(commands)

check_typo "show routes" show rotues
check_typo status sttus
check_typo --json --jsn status
check_typo --all show drops --al
check_typo --interface explain --interfce lan
check_typo --as-completed map double.c twice --as-complete 1
braidctl show routes 10.0.0.0/33 2>"$NET/typo.txt" && fail "10.0.0.0/33 is a prefix"
grep -q 'not a prefix' "$NET/typo.txt" || fail "$(cat "$NET/typo.txt")"
braidctl --version | grep -qE '[0-9]+\.[0-9]+' || fail "no version"
braidctl completion bash | bash -n || fail "the completion script is not bash"
# shellcheck disable=SC2016
completed=$(PATH=$NET/bin:$PATH bash -c 'source <(braidctl completion bash)
	COMP_WORDS=(braidctl sta) COMP_CWORD=1
	$(complete -p braidctl | sed "s/.*-F \([^ ]*\).*/\1/")
	echo "${COMPREPLY[@]}"')
[ "$completed" = status ] || fail "sta is completed to \"$completed\""
[ -z "$(braidctl man | man -l --warnings - 2>&1 >/dev/null)" ] || fail "the man page has mistakes"
