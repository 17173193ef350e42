# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Shell library of the store's tests and of scripts/demo, beside lib.sh: a node that listens on the
# addresses of its lan port, clients on host "left".

STORE4=192.0.2.1 STORE6=2001:db8:1::1

# Writes the configuration of the usual network with a store; $1 are further keys of it, each with a
# comma before it. STORE_LISTEN are its addresses.
store_config() {
	pair_config <<-EOF
		store:
		  {listen: [${STORE_LISTEN:-$STORE4, \"$STORE6\"}], memory: 128M${1:-}}
	EOF
}

# redis-cli of host left, to the node's IPv4 address unless options say otherwise.
cli() { in_ns left timeout 60 redis-cli -h $STORE4 "$@"; }

# The same over IPv6.
cli6() { in_ns left timeout 60 redis-cli -h $STORE6 "$@"; }

# Fails as $1 unless the command that follows says exactly $2.
says() {
	local what=$1 want=$2 said
	shift 2
	said=$("$@" 2>&1) || true
	[ "$said" = "$want" ] || fail "$what: \"$*\" says \"$said\", not \"$want\""
}

# Fails as $1 unless what the command says that follows contains $2.
says_like() {
	local what=$1 want=$2 said
	shift 2
	said=$("$@" 2>&1) || true
	[[ $said == *"$want"* ]] || fail "$what: \"$*\" says \"$said\", without \"$want\""
}

# The word $2 of the shards of all workers, summed.
shards() { braidctl -j show shards | jq "[.[].$1] | add"; }
