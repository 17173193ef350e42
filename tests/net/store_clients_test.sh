#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The clients that people have, unchanged, against a store of two workers: redis-cli,
# redis-benchmark, python3-redis, hiredis, ruby-redis and ioredis; those that know Redis Cluster
# also as clients of one, whose commands then run on the worker that receives them.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

IOREDIS=ioredis@5.4.1 # from npm's registry, kept in the build directory
LOCAL_PERCENT=99      # of a cluster client's commands

# Runs a client on host left; fails unless it ends well. $1 says who it is.
client() {
	local who=$1
	shift
	echo "-- $who"
	in_ns left timeout 120 "$@" >"$NET/client.txt" 2>&1 </dev/null ||
		fail "$who: $(tail -n 20 "$NET/client.txt")"
}

# The same for one that knows Redis Cluster: fails unless nearly all of its commands with keys ran
# where they came in.
cluster_client() {
	local local_before forwarded_before here away
	sleep 0.3
	local_before=$(shards local) forwarded_before=$(shards forwarded)
	client "$@"
	sleep 0.3
	here=$(($(shards local) - local_before)) away=$(($(shards forwarded) - forwarded_before))
	echo "   $here commands ran where they came in, $away elsewhere"
	[ $here -gt 1000 ] || fail "$1: only $here commands are counted"
	[ $((here * 100)) -ge $(((here + away) * LOCAL_PERCENT)) ] ||
		fail "$1: $away of $((here + away)) commands went to another worker"
}

# Installs ioredis below the build directory, once.
install_ioredis() {
	local dir=$BRAID_BUILD/npm
	export NODE_PATH=$dir/node_modules
	command -v node >/dev/null && command -v npm >/dev/null ||
		fail "node and npm are needed for ioredis: apt-get install nodejs npm"
	[ ! -e "$NODE_PATH/ioredis/package.json" ] || return 0
	mkdir -p "$dir"
	timeout 120 npm install --silent --no-audit --no-fund --prefix "$dir" $IOREDIS \
		>"$NET/npm.log" 2>&1 ||
		fail "npm cannot install $IOREDIS: is its registry reachable? $(cat "$NET/npm.log")"
}

net_begin store_clients
[ -x "$BRAID_BUILD/tests/net/hiredis_client" ] ||
	fail "hiredis_client was not built (apt-get install libhiredis-dev, then build anew)"
install_ioredis
pair_hosts
NODE_WORKERS='[1, 1]' store_config ', protected_mode: "no"'
braid_start node "$NET/braid.yaml"
check_json "two shards" 'map(.slots) == ["0-8191", "8192-16383"]' show shards
check_json "two ports" '.worker_ports == [6380, 6381]' show store

client "redis-cli" redis-cli -h $STORE4 SET message "Hello, World!"
says "redis-cli" "Hello, World!" cli GET message
says "redis-cli -c" "Hello, World!" cli -c -p 6380 GET message
says "redis-cli -c" "Hello, World!" cli -c -p 6381 GET message
says_like "redis-cli --cluster check" "All 16384 slots covered" \
	in_ns left redis-cli --cluster check $STORE4:6380
client "python3-redis" /usr/bin/python3 "$NET_PEERS/store_client.py" $STORE4 6379
client "python3-redis over IPv6" /usr/bin/python3 "$NET_PEERS/store_client.py" $STORE6 6379
client "hiredis" "$BRAID_BUILD/tests/net/hiredis_client" $STORE4 6379
client "ruby-redis" ruby "$NET_PEERS/store_client.rb" $STORE4 6379
client "ioredis" node "$NET_PEERS/store_client.js" $STORE4 6379
client "redis-benchmark" redis-benchmark -h $STORE4 -c 20 -n 20000 -P 16 -r 10000 -q \
	-t ping,set,get,incr,mset
grep -qi error "$NET/client.txt" && fail "redis-benchmark: $(cat "$NET/client.txt")"
[ "$(shards forwarded)" -gt 1000 ] || fail "nothing was passed to the other worker"

cluster_client "python3-redis as a cluster's client" /usr/bin/python3 \
	"$NET_PEERS/store_client.py" $STORE4 6380 cluster
cluster_client "ioredis as a cluster's client" \
	node "$NET_PEERS/store_client.js" $STORE4 6380 cluster
cluster_client "redis-benchmark --cluster" redis-benchmark --cluster -h $STORE4 -p 6380 -c 20 \
	-n 40000 -P 4 -r 10000 -q -t set,get
grep -qi error "$NET/client.txt" && fail "redis-benchmark --cluster: $(cat "$NET/client.txt")"
check_json "both shards have keys" 'all(.keys > 100)' show shards
wait_for "all clients to leave" '[ "$(shards clients)" -eq 0 ]'
check_accounts
