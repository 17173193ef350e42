#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Zero broken connections: 5000 live TCP connections over NAT and DSR, IPv4 and IPv6, with data both
# ways checked byte for byte, while a seeded sequence of 200 events happens to the backends and to
# control. Only connections to backends that are killed may break. Beside it: what the same events
# would have broken with plain Maglev hashing.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lb.sh"

CONNECTIONS=${CHURN_CONNECTIONS:-5000} EVENTS=${CHURN_EVENTS:-200} SEED=${CHURN_SEED:-1}

# Where others use the processors too, 5000 connections overflow small rings, and TCP's growing
# timeouts turn a few losses in a row into seconds without a word.
NET_FRAMES=8192

net_begin lb_churn
lb_hosts 8
lb_vips
pair_config <<-EOT
	$POOL
	lb: {idle: {tcp_closing: 1s}}
EOT
dataplane_start node "$NET/braid.yaml"
peer_driver=("$NET_PEERS/lb_churn.py" --build "$BRAID_BUILD" --work "$NET"
	--config "$NET/braid.yaml" --runtime "$NET_RUNTIME" --prefix "$NET_PREFIX"
	--churn "$NET/churn.sock" --events "$NET/events" --connections "$CONNECTIONS"
	--count "$EVENTS" --seed "$SEED")
/usr/bin/python3 "${peer_driver[@]}" >"$NET/driver.log" 2>&1 &
driver=$!
NET_PIDS+=($driver)
wait_for "the driver" "[ -e $NET/control.is.up ] || ! kill -0 $driver" 20
wait_for "the node's addresses" addresses_preferred
in_ns_bg left churn "$LB_TOOLS/churn" client --control "$NET/churn.sock" --trace "$NET/trace" \
	--target $VIP4:80 --target "[$VIP6]:80" --target $VIP4:7000 --target "[$VIP6]:7000" \
	--connections "$CONNECTIONS" --turnover 30 --passing 30 --seed "$SEED"
code=0
wait $driver || code=$?
cat "$NET/driver.log" "$NET/churn.log"
[ $code -eq 0 ] || fail "the events broke what they must not; seed $SEED"
echo "plain Maglev hashing without flow state, the same events and connections:"
sort -s -n -k2,2 "$NET/events" "$NET/trace" | "$LB_TOOLS/maglev_replay" | tee "$NET/replay.txt"
[ "$(awk '$1 == "all" {print $3}' "$NET/replay.txt")" -gt 1000 ] ||
	fail "the replay against plain Maglev broke next to nothing: the events are too tame"
check_accounts
