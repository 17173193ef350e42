#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# braidctl's commands for programs against a node: map over words, files and pipes, in order and as
# completed; each with pairs, keys and accumulators; faults, deadlines, Ctrl-C; what the node knows
# afterwards; mistakes with their sentences; how long the seed's program takes.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

ITEMS=60000 # lines of the large map
KEYS=5000
EXAMPLES=$NET_PEERS/../../docs/examples

# braidctl on host left, with the password.
ctl() {
	in_ns left env BRAID_SERVER=$STORE4 BRAID_PASSWORD=secret timeout 60 \
		"$BRAID_BUILD/control/braidctl" "$@"
}

# Fails as $1 unless the command ends with exit code $2 and says $3 on stderr.
ends() {
	local what=$1 want=$2 said=$3 code=0
	shift 3
	"$@" >"$NET/out.txt" 2>"$NET/err.txt" || code=$?
	[ $code -eq "$want" ] || fail "$what: exit code $code, not $want: $(cat "$NET/err.txt")"
	grep -qF -- "$said" "$NET/err.txt" || fail "$what: not \"$said\": $(cat "$NET/err.txt")"
}

# Jobs of the node that run.
running() { ctl -j jobs | jq '[.[] | select(.state == "running")] | length'; }

net_begin compute_cli
pair_hosts
NODE_WORKERS='[1, 1]' store_config ', password: secret'
echo "compute: {jobs: 2, jobs_per_client: 2}" >>"$NET/braid.yaml"
braid_start node "$NET/braid.yaml"
cd "$NET" || fail "no work directory"
cp "$EXAMPLES"/*.c .
ctl cc double.c
ctl cc shop_sum.c -o shop_sum.o

echo "-- the seed: five items, cold and warm"
says "cold" $'2\n4\n6\n8\n10' ctl map double.c twice 1 2 3 4 5
says "warm" $'2\n4\n6\n8\n10' ctl map double.o twice 1 2 3 4 5
says "negative numbers" $'-2\n4' ctl map double.o twice -1 2
for _ in $(seq 30); do
	start=$(date +%s%N)
	ctl map double.o twice 1 2 3 4 5 >/dev/null
	echo $((($(date +%s%N) - start) / 1000))
done | sort -n >times.txt
echo "the seed takes $(sed -n 15p times.txt) us, with ip netns exec, env and timeout"

echo "-- as lines, JSON and other formats"
says "a line without its end" $'2\n4' ctl map double.o twice < <(printf '1\n2')
says "empty input" "" ctl map double.o twice </dev/null
says "0 bytes" "2 4 " eval "printf '1\\0002\\000' | ctl map double.o twice -z | tr '\\000' ' '"
says "hex" 3432 ctl map double.o twice 21 --format hex
says "words" 12852 ctl map double.o twice 21 --format u64
says "JSON" '[{"item":0,"result":"2"},{"item":1,"result":"4"}]' \
	eval "ctl -j map double.o twice 1 2 | jq -c ."
says "raw JSON" '[{"item":0,"result_base64":"NDI="}]' \
	eval "ctl -j map double.o twice 21 -f raw | jq -c ."
says "no items in JSON" '[]' eval "ctl -j map double.o twice </dev/null | jq -c ."

echo "-- $ITEMS lines from a file and a pipe, in order and as completed"
seq $ITEMS >lines.txt
awk '{print 2 * $1}' lines.txt >want.txt
ctl map double.o twice <lines.txt | cmp - want.txt || fail "the file's results are others"
seq $ITEMS | ctl map double.o twice | cmp - want.txt || fail "the pipe's results are others"
ctl map double.o twice --as-completed <lines.txt | sort -n | cut -f 2 | cmp - want.txt ||
	fail "the results as completed are others"
[ "$(ctl -j map double.o twice <lines.txt | jq -c 'map(.result | tonumber) | add')" = \
	$((ITEMS * (ITEMS + 1))) ] || fail "the sum is another"

echo "-- results of the first lines do not wait for the last"
mkfifo feed
exec {feed}<>feed
ctl map double.o twice <feed >fed.txt &
NET_PIDS+=($!)
for n in 1 2 3; do
	echo $n >&"$feed"
	wait_for "the result of line $n" "[ \"\$(tail -n 1 fed.txt)\" = $((2 * n)) ]"
done
exec {feed}>&-

echo "-- faults name item, function and line, and spare the others"
ends "a fault" 3 'item 1 ("x"): sha_' ctl map double.o twice 1 x 3
says "the others" $'2\n6' cat out.txt
grep -qE '\.twice: line [0-9]+' err.txt || fail "no line: $(cat err.txt)"
says "in JSON" '[0,1,2]' eval "ctl -j map double.o twice 1 x 3 | jq -c 'map(.item)'"
ends "the first fault ends it" 3 "ended at the first fault" \
	ctl map double.o twice --cancel-on-error 1 x 3
says "what came before" 2 cat out.txt
ends "a division" 3 'item 2 ("0")' ctl map double.c into_100 1 2 0
(seq 30000 && echo x && seq 30000) >bad.txt
ends "a fault far behind" 3 'item 30000 ("x")' ctl map double.o twice <bad.txt
[ "$(wc -l <out.txt)" -eq 60000 ] || fail "only $(wc -l <out.txt) results beside the fault"

echo "-- a library with a name"
says_like "load" "double: twice (map), into_100 (map)" ctl load double.o
ends "again" 1 'has a library "double" already; give --replace' ctl load double.o
ctl load double.o --replace >/dev/null
ctl load double.o --name other >/dev/null
says "by its name" 42 ctl map other twice 21
says "with redis-cli" 42 cli --no-auth-warning -a secret FCALL other.twice 0 21
says "FUNCTION LIST" 1 eval \
	"cli --no-auth-warning -a secret FUNCTION LIST | grep -cx other"

echo "-- records"
seq $KEYS | awk '{printf "SET shop:%d:price %d\r\nSET note:%d x\r\n", $1, $1, $1}' |
	cli --no-auth-warning -a secret --pipe >pipe.txt || fail "$(cat pipe.txt)"
sum=$((KEYS * (KEYS + 1) / 2))
says "reduce" "$KEYS $sum 1 $KEYS" ctl each shop_sum.o sum --match 'shop:*' --reduce
says "reduce in JSON" "[$KEYS,$sum,1,$KEYS]" eval \
	"ctl -j each shop_sum.o sum --match 'shop:*' --reduce | jq -c .acc"
says "reduce of nothing" 0 ctl each shop_sum.o sum --match 'none:*' --reduce
says "pairs" $'shop:1:price\t1\nshop:2:price\t2' eval "ctl each shop_sum.o cheap | sort"
ctl each shop_sum.o is_dear | sort >dear.txt
seq 4990 $KEYS | sed 's/.*/shop:&:price/' | cmp - dear.txt || fail "other keys: $(cat dear.txt)"
says "keys in JSON" 11 eval "ctl -j each shop_sum.o is_dear --class batch | jq '.keys | length'"
parts=0
for slots in 0-8191 8192-16383; do
	ctl each shop_sum.o sum --match 'shop:*' --slots $slots --reduce >part.txt
	parts=$((parts + $(cut -d ' ' -f 1 part.txt)))
done
[ $parts -eq $KEYS ] || fail "the slots' counts are $parts in all"
says "another type" 0 ctl each shop_sum.o sum --type list --reduce
ends "a fault" 3 'key "note:' ctl each shop_sum.o sum --match 'note:*' --reduce
grep -qE '\.sum: line [0-9]+' err.txt || fail "no line: $(cat err.txt)"

echo "-- a node that is full is asked again"
clients=()
for i in $(seq 12); do
	ctl each shop_sum.o sum --match 'shop:*' --reduce >"each$i.txt" 2>&1 &
	clients+=($!)
done
wait "${clients[@]}"
for i in $(seq 12); do says "client $i" "$KEYS $sum 1 $KEYS" cat "each$i.txt"; done

echo "-- deadlines and Ctrl-C cancel on the node"
seq 2000000 >many.txt
ends "the deadline" 124 "the deadline has passed" ctl map double.o twice --deadline 300ms <many.txt
for signal in INT TERM; do
	: >part.txt
	in_ns left env BRAID_SERVER=$STORE4 BRAID_PASSWORD=secret \
		"$BRAID_BUILD/control/braidctl" map double.o twice <many.txt >part.txt 2>err.txt &
	pid=$!
	wait_for "the first results" "[ -s part.txt ]"
	pkill -$signal -P $pid 2>/dev/null || kill -$signal $pid
	code=0
	wait $pid || code=$?
	[ $code -eq 130 ] || fail "SIG$signal: exit code $code: $(cat err.txt)"
	grep -q "interrupted; what was under way is cancelled" err.txt || fail "$(cat err.txt)"
	awk '$1 != 2 * NR {exit 1}' part.txt ||
		fail "what was printed before is wrong"
done
wait_for "the jobs to end" '[ "$(running)" -eq 0 ]'

echo "-- jobs"
id=$(cli --no-auth-warning -a secret JOB SUBMIT FEACH shop_sum.sum MATCH 'shop:*' REDUCE || true)
[[ $id =~ ^[0-9]+$ ]] || { ctl load shop_sum.o >/dev/null &&
	id=$(cli --no-auth-warning -a secret JOB SUBMIT FEACH shop_sum.sum MATCH 'shop:*' REDUCE); }
wait_for "job $id to be done" '[ "$(ctl -j jobs status $id | jq -r .state)" = done ]'
says_like "the list" "$id" ctl jobs
says_like "one" "shop_sum.sum" ctl jobs status "$id"
ends "none" 1 "braidctl jobs" ctl jobs status 4711

echo "-- mistakes"
ends "no such library" 1 "nolib" ctl map nolib f 1
ends "no such function" 1 'did you mean "twice"' ctl map double.o twic 1
ends "not for items" 2 "braidctl each" ctl map shop_sum.o sum 1
ends "not for items, by the node" 1 "each" ctl map shop_sum sum 1
ends "wrong password" 1 "the password is not" ctl map double.o twice 1 --password lion
ends "no password" 1 "wants a password" in_ns left env BRAID_SERVER=$STORE4 \
	"$BRAID_BUILD/control/braidctl" map double.o twice 1
ends "another port" 1 "no connection to the store" ctl map double.o twice 1 --server $STORE4:7777
says "by the configuration" 2 in_ns left "$BRAID_BUILD/control/braidctl" map double.o twice 1 \
	--config braid.yaml
says "over IPv6" 2 ctl map double.o twice 1 --server "[$STORE6]:6379"
check_accounts
