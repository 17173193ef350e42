#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Users' functions from C to answers over a veth link: compiled by clang, loaded by redis-cli and by
# python3-redis, called by FCALL and FMAP, listed, dumped and restored; libraries stay when a client
# ends in the middle of loading.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

ROOT=$NET_PEERS/../..

net_begin compute_functions
pair_hosts
store_config ', protected_mode: "no"'
braid_start node "$NET/braid.yaml"

clang -target bpf -mcpu=v2 -O2 -g -I "$ROOT" -c "$ROOT/tests/unit/task_programs/good.c" \
	-o "$NET/good.o" || fail "clang does not compile for bpf"
(echo "#!bpf name=good" && cat "$NET/good.o") >"$NET/good.lib"

echo "-- redis-cli loads, calls and deletes"
says "load" good cli -x FUNCTION LOAD <"$NET/good.lib"
says "the same again" "ERR Library 'good' already exists" cli -x FUNCTION LOAD <"$NET/good.lib"
says "replace" good cli -x FUNCTION LOAD REPLACE <"$NET/good.lib"
says "the seed's example" $'2\n4\n6\n8\n10' cli FMAP good.twice 1 2 3 4 5
says "one call" 42 cli FCALL twice 0 21
says "set" OK cli SET n 100
says "over a key" 200 cli FCALL_RO twice 1 n
says "set" OK cli SET word abc
says_like "a fault" 'FAULT key "word": good.twice: line ' cli FCALL twice 1 word
says_like "the list" "library_name" cli FUNCTION LIST
says_like "the list" "good" cli -3 FUNCTION LIST LIBRARYNAME 'go*'
says_like "statistics" "BPF" cli FUNCTION STATS
says "slots" n cli COMMAND GETKEYS FCALL twice 1 n
says "delete" OK cli FUNCTION DELETE good
says_like "gone" "Function not found" cli FCALL twice 0 21

echo "-- what is no library"
says "no metadata" "ERR Missing library metadata" cli FUNCTION LOAD "return 1"
head -c 3000 "$NET/good.lib" >"$NET/cut.lib"
says_like "cut" "ERR " cli -x FUNCTION LOAD <"$NET/cut.lib"

echo "-- python3-redis"
peer left compute_client $STORE4 6379 "$NET/good.o" || fail "python3-redis"

echo "-- clients that end in the middle of loading"
for i in $(seq 20); do
	in_ns left timeout 0.0$((i % 10 + 1)) redis-cli -h $STORE4 -x FUNCTION LOAD REPLACE \
		<"$NET/good.lib" >/dev/null 2>&1 || true
done
says "load" good cli -x FUNCTION LOAD REPLACE <"$NET/good.lib"
says "call" 42 cli FCALL twice 0 21
