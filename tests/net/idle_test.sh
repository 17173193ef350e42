#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# `idle: adaptive` leaves the CPU alone: less than a tenth of a core with nothing to do, pings still
# answered at once, and full speed when traffic comes.

. "$(dirname "$0")/lib.sh"

SECONDS_IDLE=4

# User and system time of the dataplane so far, in ticks of 10 ms.
ticks() { awk '{print $14 + $15}' "/proc/$DATAPLANE_PID/stat"; }

net_begin idle
pair_hosts
NODE_KEYS='idle: adaptive'
pair_config </dev/null
braid_start node "$NET/braid.yaml"
check_ping left 198.51.100.2
sleep 1
before=$(ticks)
sleep $SECONDS_IDLE
used=$(($(ticks) - before))
echo "idle: $used ticks of $((SECONDS_IDLE * 100))"
[ $((used * 10)) -lt $((SECONDS_IDLE * 100)) ] || fail "idle used $used ticks in $SECONDS_IDLE s"
check_json "the worker never slept" '.[0].sleeps > 0' show workers

in_ns left ping -q -c 20 -i 0.1 198.51.100.2 >"$NET/ping.txt" || true
check_loss "ping out of idleness" "$NET/ping.txt"
rtt=$(sed -n 's,^rtt .* = [^/]*/\([^/]*\)/.*,\1,p' "$NET/ping.txt")
jq -en "$rtt < 20" >/dev/null || fail "a ping out of idleness takes $rtt ms"
