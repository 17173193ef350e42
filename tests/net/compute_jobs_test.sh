#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Programs over records, and jobs, on two workers over a veth link: sums that are right to the
# record while other clients come and go, jobs that are submitted, waited for, read and cancelled,
# faults by key and line, clients that vanish, pushes.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/store.sh"

KEYS=100000
EXAMPLES=$NET_PEERS/../../docs/examples

net_begin compute_jobs
pair_hosts
NODE_WORKERS='[1, 1]' store_config ', protected_mode: "no"'
# So little that a stream of all records has to wait for its client.
echo "compute: {result_memory: 1M}" >>"$NET/braid.yaml"
braid_start node "$NET/braid.yaml"
ctl() { in_ns left env BRAID_SERVER=$STORE4 "$BRAID_BUILD/control/braidctl" "$@"; }
ctl cc "$NET_PEERS/../unit/task_programs/records.c" -o "$NET/records.o" -I "$NET_PEERS/../.."
ctl load "$NET/records.o" --name records
ctl load "$EXAMPLES/shop_sum.c" --name shop
{
	seq $KEYS | awk '{printf "SET shop:%d:price %d\r\n", $1, $1}'
	seq 100 | awk '{printf "SET note:%d dear\r\n", $1}'
} | cli --pipe >"$NET/pipe.txt" || fail "$(cat "$NET/pipe.txt")"
peer left compute_jobs $STORE4 6379 $KEYS || fail "python3-redis"
check_accounts
