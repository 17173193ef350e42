#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The store over a veth link with redis-cli: commands, large values both ways, pipelines, IPv4 and
# IPv6, passwords, protected mode, and changes of the configuration under connections that stay.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

BIG=20000000

# Opens a connection $1 that stays: FIFO $NET/$1.in, replies in $NET/$1.out.
stay() {
	mkfifo "$NET/$1.in"
	ip netns exec "$NET_PREFIX-left" redis-cli -h $STORE4 <"$NET/$1.in" >"$NET/$1.out" 2>&1 &
	NET_PIDS+=($!)
	eval "exec {$1}>\"$NET/$1.in\""
}

# Sends command $2 by connection $1, waits for its reply and fails unless it is $3.
ask() {
	local had now
	had=$(wc -l <"$NET/$1.out")
	echo "$2" >&"${!1}"
	wait_for "a reply to $2" "[ \$(wc -l <$NET/$1.out) -gt $had ]"
	now=$(tail -n 1 "$NET/$1.out")
	[ "$now" = "$3" ] || fail "connection $1: \"$2\" says \"$now\", not \"$3\""
}

net_begin store_basic
pair_hosts
store_config
braid_start node "$NET/braid.yaml"

echo "-- protected mode: without a password nobody but the node itself is served"
says_like "protected mode" "DENIED" cli PING
check_json "protected mode is shown" '.protected_mode and (.password | not)' show store

store_config ', protected_mode: "no"'
braidctl apply "$NET/braid.yaml" >"$NET/applied.txt"
grep -q store "$NET/applied.txt" || fail "apply does not tell: $(cat "$NET/applied.txt")"

echo "-- commands over IPv4 and IPv6"
says "set" OK cli SET message "Hello, World!"
says "get" "Hello, World!" cli GET message
says "over IPv6" "Hello, World!" cli6 GET message
says "other database" "" cli -n 3 GET message
says "delete" 1 cli6 DEL message
says "wrong arity" "ERR wrong number of arguments for 'get' command" cli GET
says "expiry" OK cli SET soon gone PX 50
sleep 0.2
says "expired" "" cli GET soon

echo "-- a value of $BIG bytes both ways"
head -c $BIG /dev/urandom >"$NET/big"
says "set big" OK cli -x SET big <"$NET/big"
for client in cli cli6; do
	$client --raw GET big | head -c $BIG >"$NET/got"
	cmp "$NET/big" "$NET/got" || fail "$client got another value"
done
says "its length" $BIG cli STRLEN big
says "append" $((2 * BIG)) cli -x APPEND big <"$NET/big"
cli --raw GET big | head -c $((2 * BIG)) | cmp - <(cat "$NET/big" "$NET/big") ||
	fail "the appended value is another"

echo "-- 100000 commands in one pipeline"
awk 'BEGIN {for (i = 0; i < 100000; i++) printf "SET key:%d value:%d\r\n", i, i}' |
	cli --pipe >"$NET/pipe.txt" || fail "$(cat "$NET/pipe.txt")"
grep -q 'errors: 0, replies: 100000' "$NET/pipe.txt" || fail "$(cat "$NET/pipe.txt")"
says "what the pipeline set" value:77777 cli GET key:77777
says "how much" 100001 cli DBSIZE
wait_for "the counters" '[ "$(shards keys)" -eq 100001 ] && [ "$(shards commands)" -gt 100000 ]' 3

echo "-- connections are shown, and stay through changes of password, policy and addresses"
stay A
ask A "SET kept yes" OK
wait_for "the others to leave" \
	'[ "$(braidctl show conns --count --state ESTABLISHED)" -eq 1 ]'
check_json "connections" 'length == 1 and .[0].state == "ESTABLISHED" and
	.[0].local == "192.0.2.1:6379" and (.[0].remote | startswith("192.0.2.2:")) and
	.[0].unacked_bytes == 0 and .[0].rtt_us > 0' show conns --state ESTABLISHED
conn=$(jq '.[0].id' "$NET/checked.json")
port=$(jq -r '.[0].remote | sub(".*:"; "")' "$NET/checked.json")
braidctl explain -i lan -s 192.0.2.2 -d $STORE4 -p tcp --sport "$port" --dport 6379 \
	>"$NET/explain.txt"
grep -q "its connection $conn is on worker 0: ESTABLISHED" "$NET/explain.txt" ||
	fail "explain does not know the connection: $(cat "$NET/explain.txt")"

store_config ', password: secret, policy: allkeys-lru, timeout: 300s'
braidctl apply "$NET/braid.yaml" >/dev/null
ask A "GET kept" yes
says "the new policy" $'maxmemory-policy\nallkeys-lru' \
	cli --no-auth-warning -a secret CONFIG GET maxmemory-policy
says "no password" "NOAUTH Authentication required." cli GET kept
says "password" yes cli --no-auth-warning -a secret GET kept
says_like "wrong password" "WRONGPASS" cli --no-auth-warning -a wrong GET kept
says "user and password" yes cli --no-auth-warning --user default --pass secret GET kept
says_like "unknown user" "WRONGPASS" cli --no-auth-warning --user x --pass secret GET kept
check_json "show store" '.password and .policy == "allkeys-lru" and .timeout_s == 300' show store

echo "-- an address goes and comes back, another one is added"
# The node's own address on its other port.
STORE_LISTEN='192.0.2.1, 198.51.100.1' store_config ', password: secret'
braidctl apply "$NET/braid.yaml" >/dev/null
says_like "the address that is gone" "refused" cli6 PING
says "the new address" yes in_ns left redis-cli -h 198.51.100.1 --no-auth-warning -a secret GET kept
ask A "GET kept" yes
says "from the other side" PONG in_ns right redis-cli -h 198.51.100.1 --no-auth-warning \
	-a secret PING
store_config ', password: secret'
braidctl apply "$NET/braid.yaml" >/dev/null
says "the address is back" yes cli6 --no-auth-warning -a secret GET kept
says_like "the other one is gone" "refused" in_ns left redis-cli -h 198.51.100.1 PING
ask A "GET kept" yes
[ "$(braidctl -j show conns --remote "192.0.2.2:$port" | jq '.[0].id')" -eq "$conn" ] ||
	fail "the connection is not the one it was"

echo "-- other memory needs a restart and is refused"
sed 's/memory: 128M/memory: 64M/' "$NET/braid.yaml" >"$NET/other.yaml"
says_like "other memory" "restart" braidctl apply "$NET/other.yaml"
ask A "GET kept" yes

echo "-- control dies and comes back: connections and keys do not notice"
kill -9 "$CONTROL_PID"
ask A "INCR counter" 1
control_start node "$NET/braid.yaml"
ask A "INCR counter" 2
says "a key from before" value:1 cli --no-auth-warning -a secret GET key:1

echo "-- a client that leaves in the middle of a command, and one that comes again"
for _ in $(seq 5); do
	printf '*3\r\n$3\r\nSET\r\n$3\r\nabc\r\n$1000\r\nxyz' |
		in_ns left timeout 2 nc -q 0 $STORE4 6379 >/dev/null || true
	says "again" PONG cli --no-auth-warning -a secret PING
done
says "nothing was set" "" cli --no-auth-warning -a secret GET abc

echo "-- metrics and counters agree"
sleep 0.3
in_ns node curl -s -m 5 http://127.0.0.1:9465/metrics >"$NET/metrics.txt"
metric() { awk -v s="$1" 'index($0, s) == 1 {n += $NF} END {print n + 0}' "$NET/metrics.txt"; }
[ "$(metric 'braid_store_keys{')" -eq "$(shards keys)" ] || fail "keys"
[ "$(metric 'braid_tcp_connections{worker="0",state="ESTABLISHED"}')" -ge 1 ] ||
	fail "no connection"
[ "$(metric 'braid_store_commands_total{worker="0",kind="write"}')" -ge 100000 ] || fail "writes"
[ "$(metric 'braid_tcp_rtt_seconds_count{')" -gt 10 ] || fail "no round trips"
[ "$(metric 'braid_store_clients{')" -ge 1 ] || fail "no clients"
[ -z "$(awk '!/^#/ {print $1}' "$NET/metrics.txt" | sort | uniq -d)" ] || fail "a series is twice"

says "RESETSTAT" OK cli --no-auth-warning -a secret CONFIG RESETSTAT
sleep 0.3
[ "$(shards commands)" -gt 100000 ] || fail "RESETSTAT has reset the node's counters"

echo "-- without the section nobody listens, who is connected stays"
pair_config </dev/null
braidctl apply "$NET/braid.yaml" >/dev/null
says_like "no store" "refused" cli PING
says "no store" "(none)" braidctl show store
ask A "GET kept" yes
check_accounts
